//! Dates and timestamps as ISO text that sorts as it should.
//!
//! `2010-12-01`, `2010-12-01T08:26:00`, `2010-12-01T08:26:00.250000`: the fraction has six digits and is left out when zero.
//! A text that ends sorts before one that goes on, so the order of texts is the order of times for the years 0000 to 9999;
//! years beyond are written with a sign and sort outside.

const DAY_US: i64 = 86_400_000_000;
/// Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar.
const DAYS_TO_1970: i64 = 719_468;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;

/// Year, month and day of a day since 1970-01-01.
fn civil(day: i64) -> (i64, i64, i64) {
    // Counted from a 1st of March, a leap day is the last of its year and months have a regular pattern of lengths.
    let shifted = day + DAYS_TO_1970;
    let era = shifted.div_euclid(ERA_DAYS);
    let day_of_era = shifted.rem_euclid(ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_month)
}

/// Day since 1970-01-01 of a date, if there is such a date.
fn day_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let from_march = if month > 2 { year } else { year - 1 };
    let era = from_march.div_euclid(400);
    let year_of_era = from_march.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * ERA_DAYS + day_of_era - DAYS_TO_1970;
    (civil(days) == (year, month, day)).then_some(days)
}

fn push_digits(value: i64, width: u32, out: &mut String) {
    for place in (0..width).rev() {
        let digit = u8::try_from(value / 10_i64.pow(place) % 10).expect("a digit fits");
        out.push(char::from(b'0' + digit));
    }
}

/// Appends the date of a day since 1970-01-01.
pub(crate) fn write_date(day: i64, out: &mut String) {
    let (year, month, day) = civil(day);
    match year {
        0..=9_999 => push_digits(year, 4, out),
        _ => {
            out.push(if year < 0 { '-' } else { '+' });
            push_digits(year.abs(), 6, out);
        }
    }
    out.push('-');
    push_digits(month, 2, out);
    out.push('-');
    push_digits(day, 2, out);
}

/// Appends the time of a microsecond since 1970-01-01.
pub(crate) fn write_timestamp(us: i64, out: &mut String) {
    write_date(us.div_euclid(DAY_US), out);
    let of_day = us.rem_euclid(DAY_US);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    for (separator, part) in [('T', seconds / 3_600), (':', seconds / 60 % 60), (':', seconds % 60)] {
        out.push(separator);
        push_digits(part, 2, out);
    }
    if fraction != 0 {
        out.push('.');
        push_digits(fraction, 6, out);
    }
}

/// Day since 1970-01-01 of `2010-12-01`.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let mut parts = unsigned.splitn(3, '-');
    let year = parts.next().filter(|year| year.len() >= 4).and_then(number)?;
    let (month, day) = (parts.next().and_then(number)?, parts.next().and_then(number)?);
    i32::try_from(day_of(sign * year, month, day)?).ok()
}

/// Microsecond since 1970-01-01 of `2010-12-01T08:26:00.25`; a space may stand for the `T`, and time may be missing.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let day = i64::from(parse_date(date)?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.split(':');
    let (hour, minute) = (parts.next().and_then(number)?, parts.next().and_then(number)?);
    let second = parts.next().map_or(Some(0), number)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 || fraction.len() > 6 {
        return None;
    }
    let fraction_us =
        if fraction.is_empty() { 0 } else { number(fraction)? * 10_i64.pow(6 - u32::try_from(fraction.len()).ok()?) };
    let of_day = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction_us;
    // The first day that there is begins before the first microsecond that there is.
    i64::try_from(i128::from(day) * i128::from(DAY_US) + i128::from(of_day)).ok()
}

/// A number of at most nine digits and nothing else.
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: i64) -> String {
        let mut out = String::new();
        write_date(day, &mut out);
        out
    }

    fn timestamp(us: i64) -> String {
        let mut out = String::new();
        write_timestamp(us, &mut out);
        out
    }

    #[test]
    fn known_times() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00");
        assert_eq!(timestamp(1_291_191_960_000_000), "2010-12-01T08:26:00");
        assert_eq!(timestamp(1_291_191_960_250_000), "2010-12-01T08:26:00.250000");
        assert_eq!(timestamp(-1), "1969-12-31T23:59:59.999999");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(parse_date("2100-02-29"), None);
        assert_eq!(parse_date("2010-13-01"), None);
        assert_eq!(parse_timestamp("2010-12-01 08:26"), Some(1_291_191_960_000_000));
        assert_eq!(parse_timestamp("2010-12-01T24:00:00"), None);
        assert_eq!(parse_timestamp("soon"), None);
    }

    #[test]
    fn every_time_comes_back_and_sorts_as_text() {
        // A step prime to everything about calendars, from year 1 to year 9990.
        let mut earlier = timestamp(-62_135_596_800_000_000);
        let mut us = -62_135_596_800_000_000_i64;
        while us < 253_080_000_000_000_000 {
            us += 79_190_000_000_013;
            let later = timestamp(us);
            assert_eq!(parse_timestamp(&later), Some(us), "{later}");
            assert!(earlier < later, "{earlier} {later}");
            earlier = later;
        }
        assert!(timestamp(5_000_000) < timestamp(5_500_000));
        assert!(timestamp(5_500_000) < timestamp(6_000_000));
        for us in [i64::MIN, i64::MAX] {
            assert_eq!(parse_timestamp(&timestamp(us)), Some(us));
        }
    }
}
