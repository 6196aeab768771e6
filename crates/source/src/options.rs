//! Options as a person wrote them in `WITH (…)`: text to values, and what to say when that fails.

use std::time::Duration;

use millrace_flow::nearest;

/// An option that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    /// The option; not among those that were written if it is missing.
    pub key: String,
    /// What is wrong; lowercase, no full stop.
    pub message: String,
    /// What to do.
    pub cure: Option<String>,
}

impl OptionError {
    pub(crate) fn new(key: &str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { key: key.to_owned(), message: message.into(), cure: Some(cure.into()) }
    }

    /// An option that nobody knows, with the one that was probably meant.
    pub(crate) fn unknown(key: &str, known: &[&str]) -> Self {
        let cure = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the options are {}", known.join(", ")),
        };
        Self::new(key, format!("unknown option `{key}`"), cure)
    }
}

pub(crate) fn parse_bool(key: &str, value: &str) -> Result<bool, OptionError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(OptionError::new(key, format!("`{value}` is neither true nor false"), format!("write {key} = true"))),
    }
}

/// A whole number between two bounds; `default` is what it is without the option.
pub(crate) fn parse_number(key: &str, value: &str, min: u32, max: u32, default: u32) -> Result<u32, OptionError> {
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| {
        let message = format!("`{value}` is not a number from {min} to {max}");
        OptionError::new(key, message, format!("write {key} = {default}, or leave it out, which is the same"))
    })
}

/// One ASCII character; `examples` are what it may well be.
pub(crate) fn parse_character(key: &str, value: &str, examples: &str) -> Result<u8, OptionError> {
    let byte = match value.as_bytes() {
        b"\\t" | b"tab" => b'\t',
        [byte] => *byte,
        _ => 0,
    };
    if byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r') {
        return Ok(byte);
    }
    Err(OptionError::new(key, format!("`{value}` is not one ASCII character"), format!("write {key} = {examples}")))
}

/// A number followed by one of the units, whose value in the smallest of them is given.
fn parse_with_unit(value: &str, units: &[(&str, u64)]) -> Option<u64> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let unit = value[digits..].trim();
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    value[..digits].parse::<u64>().ok()?.checked_mul(*factor)
}

pub(crate) fn parse_duration(key: &str, value: &str) -> Result<Duration, OptionError> {
    const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let millis = parse_with_unit(value, &UNITS).filter(|millis| *millis > 0);
    let wrong = || OptionError::new(key, format!("`{value}` is not a duration"), "write for instance '12h' or '7d'");
    millis.map(Duration::from_millis).ok_or_else(wrong)
}

pub(crate) fn parse_size(key: &str, value: &str) -> Result<u64, OptionError> {
    const UNITS: [(&str, u64); 7] = [
        ("B", 1),
        ("kB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let bytes = parse_with_unit(value, &UNITS).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| OptionError::new(key, format!("`{value}` is not a size"), "write for instance '512MiB'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_need_a_unit() {
        assert_eq!(parse_duration("retention", "7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_size("retention_bytes", "64 MiB"), Ok(64 << 20));
        for wrong in ["", "7", "d", "-1d", "1.5h", "0s", "99999999999999999999s"] {
            assert!(parse_duration("retention", wrong).is_err(), "{wrong}");
        }
        assert!(parse_size("retention_bytes", "64").is_err());
    }

    #[test]
    fn a_cure_names_what_is_usual() {
        let cure = |error: OptionError| error.cure.unwrap_or_default();
        let number = parse_number("batch_rows", "x", 1, 65_536, 8_192).expect_err("no number");
        assert_eq!(cure(number), "write batch_rows = 8192, or leave it out, which is the same");
        let quote = parse_character("quote", "ab", "'\"'").expect_err("two characters");
        assert_eq!(cure(quote), "write quote = '\"'");
    }

    #[test]
    fn characters_are_ascii() {
        let parse_character = |key, value| super::parse_character(key, value, "';'");
        assert_eq!(parse_character("delimiter", ";"), Ok(b';'));
        assert_eq!(parse_character("delimiter", "\t"), Ok(b'\t'));
        assert_eq!(parse_character("delimiter", "\\t"), Ok(b'\t'));
        for wrong in ["", ";;", "é", "\n"] {
            assert!(parse_character("delimiter", wrong).is_err(), "{wrong:?}");
        }
    }
}
