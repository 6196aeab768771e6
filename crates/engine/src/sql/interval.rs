//! Lengths of time as people write them: `10 minutes`, `1 hour 30 minutes`.

/// Microseconds of `text`, or what is wrong with it.
pub(crate) fn parse_micros(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{}` is no length of time; write a number and a unit, as in '5 minutes'", text.trim());
    let mut total: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let micros = micros_of_unit(unit).ok_or_else(|| unknown_unit(unit).unwrap_or_else(wrong))?;
        let number: i64 = number.parse().map_err(|_| wrong())?;
        total = number.checked_mul(micros).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = after.trim_start();
    }
    Ok(total)
}

/// Microseconds in one of these.
pub(crate) fn micros_of_unit(unit: &str) -> Option<i64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "microsecond" | "microseconds" | "us" => 1,
        "millisecond" | "milliseconds" | "ms" => 1_000,
        "second" | "seconds" | "sec" | "s" => 1_000_000,
        "minute" | "minutes" | "min" | "m" => 60_000_000,
        "hour" | "hours" | "h" => 3_600_000_000,
        "day" | "days" | "d" => 86_400_000_000,
        "week" | "weeks" | "w" => 7 * 86_400_000_000,
        _ => return None,
    })
}

fn unknown_unit(unit: &str) -> Option<String> {
    let unit = unit.to_ascii_lowercase();
    let varies = ["month", "months", "quarter", "quarters", "year", "years"].contains(&unit.as_str());
    varies.then(|| {
        let unit = unit.trim_end_matches('s');
        format!("a {unit} has no fixed length; group by `date_trunc('{unit}', …)` instead of a window")
    })
}

/// A length of time for people: the largest unit that fits.
pub(crate) fn show_micros(micros: i64) -> String {
    const UNITS: [(&str, i64); 6] = [
        ("day", 86_400_000_000),
        ("hour", 3_600_000_000),
        ("minute", 60_000_000),
        ("second", 1_000_000),
        ("millisecond", 1_000),
        ("microsecond", 1),
    ];
    let fits = |(_, size): &&(&str, i64)| micros != 0 && micros % size == 0;
    let (name, size) = UNITS.iter().find(fits).unwrap_or(&UNITS[3]);
    let count = micros / size;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_shown() {
        assert_eq!(parse_micros("5 minutes"), Ok(300_000_000));
        assert_eq!(parse_micros("1 hour 30 minutes"), Ok(5_400_000_000));
        assert_eq!(parse_micros("90s"), Ok(90_000_000));
        assert_eq!(show_micros(5_400_000_000), "90 minutes");
        assert_eq!(show_micros(0), "0 seconds");
        assert!(parse_micros("5").is_err());
        assert!(parse_micros("5 fortnights ").is_err_and(|error| error.starts_with("`5 fortnights` is no length")));
        assert!(parse_micros("1 month").is_err_and(|error| error.contains("date_trunc('month'")));
    }
}
