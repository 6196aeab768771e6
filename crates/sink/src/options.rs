//! Options of a `CREATE SINK … WITH (…)`: sizes, durations, and what is said of a wrong one.

use std::time::Duration;

use millrace_flow::nearest;

/// An option that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    /// The option's key.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: Option<String>,
}

impl OptionError {
    /// An error of `key` with a cure.
    pub(crate) fn new(key: &str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { key: key.to_owned(), message: message.into(), cure: Some(cure.into()) }
    }

    /// `key` is none of `known`.
    pub(crate) fn unknown(key: &str, known: &[&str]) -> Self {
        let cure = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the options are {}", known.join(", ")),
        };
        Self::new(key, format!("unknown option `{key}`"), cure)
    }
}

/// Bytes from `"64MiB"`, `"10 MB"` or `"1048576"`.
///
/// # Errors
/// What is wrong with the text, when it is no size.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 10] = [
        ("", 1),
        ("b", 1),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("k", 1 << 10),
        ("m", 1 << 20),
    ];
    let (number, unit) = split_number(text);
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let bytes = number.and_then(|number| factor.and_then(|factor| number.checked_mul(factor)));
    bytes.ok_or_else(|| format!("`{text}` is not a size such as 64MiB"))
}

/// A duration from `"60s"`, `"250ms"`, `"5m"`, `"2 hours"`.
///
/// # Errors
/// What is wrong with the text, when it is no duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_number(text);
    let factor_ms = match unit.as_str() {
        "ms" | "milliseconds" => Some(1),
        "s" | "sec" | "second" | "seconds" => Some(1_000),
        "m" | "min" | "minute" | "minutes" => Some(60_000),
        "h" | "hour" | "hours" => Some(3_600_000),
        "d" | "day" | "days" => Some(86_400_000),
        _ => None,
    };
    let ms = number.and_then(|number| factor_ms.and_then(|factor| number.checked_mul(factor)));
    ms.map(Duration::from_millis).ok_or_else(|| format!("`{text}` is not a duration such as 60s"))
}

fn split_number(text: &str) -> (Option<u64>, String) {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number.parse().ok(), unit.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_read() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("10 MB"), Ok(10_000_000));
        assert_eq!(parse_size("512"), Ok(512));
        assert!(parse_size("64 parsecs").is_err());
        assert!(parse_size("99999999999999999999").is_err());
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("5 minutes"), Ok(Duration::from_secs(300)));
        assert!(parse_duration("60").is_err());
    }

    #[test]
    fn an_unknown_option_names_the_near_one() {
        let known = ["path", "roll_rows", "roll_bytes"];
        assert_eq!(OptionError::unknown("rol_rows", &known).cure.as_deref(), Some("did you mean `roll_rows`?"));
        assert!(
            OptionError::unknown("zebra_crossing", &known).cure.is_some_and(|cure| cure.starts_with("the options"))
        );
    }
}
