//! What every test of the whole program stands on.
//!
//! - [`Project`]: a project folder of its own, gone when dropped.
//! - [`Running`]: a started program; [`Outcome`]: one that has ended.
//! - [`http`]: the few lines of HTTP that are needed to ask it.
//! - [`figures`]: the exact results over the example's data, and the questions that must give them.

pub(crate) mod figures;
pub(crate) mod http;
mod program;
mod project;
pub(crate) mod python;
mod random;
pub(crate) mod warehouse;

pub(crate) use program::{Outcome, Running, run, run_with};
pub(crate) use project::Project;
pub(crate) use random::Random;

/// Cells of a CSV text, without the header line. An empty cell is an empty string.
pub(crate) fn rows_of(csv: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = csv.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    assert!(cell.is_empty() && row.is_empty(), "the CSV text ends within a row");
    assert!(!rows.is_empty(), "the CSV text has no header");
    rows.remove(0);
    rows
}

/// A decimal's text as a count of thousandths: `-1.5` is -1500.
pub(crate) fn thousandths(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (kept, beyond) = fraction.split_at(fraction.len().min(3));
    assert!(beyond.bytes().all(|digit| digit == b'0'), "`{text}` has more than three decimals");
    let parse = |text: &str| if text.is_empty() { 0 } else { text.parse::<i64>().expect("a decimal's digits") };
    sign * (parse(whole) * 1000 + parse(&format!("{kept:0<3}")))
}

/// Seconds since 1970 of `2011-12-09T12:50:00`.
pub(crate) fn seconds(time: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| time[range].parse::<i64>().expect("an ISO time");
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    // Days from the civil calendar, with years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    days * 86_400 + part(11..13) * 3600 + part(14..16) * 60 + part(17..19)
}

/// `2011-12-09T12:50:00` of seconds since 1970.
pub(crate) fn iso(seconds: i64) -> String {
    let (days, within) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = era * 400 + year + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", within / 3600, within / 60 % 60, within % 60)
}

#[test]
fn times_and_decimals_are_read_right() {
    assert_eq!(seconds("1970-01-01T00:00:00"), 0);
    assert_eq!(seconds("2011-12-09T12:50:00"), 1_323_435_000);
    for second in [0, 951_782_400, 1_078_012_799, 1_323_435_000, -1] {
        assert_eq!(seconds(&iso(second)), second);
    }
    assert_eq!([thousandths("-11062.060"), thousandths("0"), thousandths("2.5")], [-11_062_060, 0, 2500]);
    assert_eq!(rows_of("a,b\n\"x,\"\"y\"\"\",\n"), [["x,\"y\"", ""]]);
}
