//! Dates and times from their text.
//!
//! ISO 8601 and the plain strftime items are read by hand; a format with others is left to `chrono`. Where a format has no
//! padding rule that people keep to, numbers may have fewer digits: `12/1/2010 8:26` is `%m/%d/%Y %H:%M`. A year has all four
//! of them: `%Y` would make the year 24 of `01.03.24`.

mod digits;
mod iso;
mod items;

use chrono::format::{Item as ChronoItem, StrftimeItems};
use chrono::{Datelike, NaiveDate, NaiveDateTime};

use self::iso::{is_zone, parse_iso};
use self::items::{Item, YEAR_DIGITS, compile, parse_items};
use super::number::Fault;
use crate::error::SchemaError;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Days of 400 years of the Gregorian calendar.
const DAYS_PER_ERA: i32 = 146_097;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAY: i32 = 719_468;

/// How dates or times are written.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    inner: Inner,
}

#[derive(Debug, Clone)]
enum Inner {
    Iso,
    Items(Vec<Item>),
    Chrono(String),
}

/// A time as it was written.
#[derive(Debug, Clone, Copy)]
struct Parts {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
    afternoon: Option<bool>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, micros: 0, afternoon: None }
    }
}

impl TimeFormat {
    /// ISO 8601: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM`, `YYYY-MM-DDTHH:MM:SS.ffffff`.
    pub fn iso() -> Self {
        Self { inner: Inner::Iso }
    }

    /// What a strftime format says. `%f` is a fraction of a second, as in Python.
    ///
    /// # Errors
    /// When it is no strftime format.
    pub fn strftime(format: &str) -> Result<Self, SchemaError> {
        let refuse = |reason: &str| SchemaError::TimeFormat { format: format.to_owned(), reason: reason.to_owned() };
        if format.trim().is_empty() {
            return Err(refuse("it is empty"));
        }
        if !format.contains('%') {
            return Err(refuse("it has no item such as %Y"));
        }
        if let Some(items) = compile(format) {
            return Ok(Self { inner: Inner::Items(items) });
        }
        if StrftimeItems::new(format).any(|item| matches!(item, ChronoItem::Error)) {
            return Err(refuse("it has an unknown item"));
        }
        match with_fractions(format) {
            Some(format) => Ok(Self { inner: Inner::Chrono(format) }),
            None => Err(refuse("beside an item as rare as that, %f must follow a point: write .%f")),
        }
    }

    /// Microseconds since 1970 of a local time; midnight if the text has only a date.
    #[inline]
    pub(super) fn parse_timestamp(&self, text: &[u8]) -> Result<i64, Fault> {
        match &self.inner {
            Inner::Iso => match parse_iso(text) {
                Some((parts, [])) => parts.micros().ok_or(Fault::NotA),
                Some((parts, rest)) if is_zone(rest) && parts.micros().is_some() => Err(Fault::HasZone),
                _ => Err(Fault::NotA),
            },
            Inner::Items(items) => match parse_items(items, text, YEAR_DIGITS) {
                Some(parts) => parts.micros().ok_or(Fault::NotA),
                None => Err(match parse_items(items, text, 1).and_then(Parts::micros) {
                    Some(_) => Fault::ShortYear,
                    None => Fault::NotA,
                }),
            },
            Inner::Chrono(format) => parse_by_chrono(format, text),
        }
    }

    /// Days since 1970 of a date; a time behind it must be midnight.
    #[inline]
    pub(super) fn parse_date(&self, text: &[u8]) -> Result<i32, Fault> {
        let micros = self.parse_timestamp(text)?;
        if micros.rem_euclid(MICROS_PER_DAY) != 0 {
            return Err(Fault::NotA);
        }
        i32::try_from(micros.div_euclid(MICROS_PER_DAY)).map_err(|_| Fault::OutOfRange)
    }
}

impl Parts {
    #[inline]
    fn micros(self) -> Option<i64> {
        let hour = match self.afternoon {
            None => self.hour,
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
        };
        if hour > 23 || self.minute > 59 || self.second > 59 || self.micros > 999_999 {
            return None;
        }
        let days = days_since_1970(self.year, self.month, self.day)?;
        let seconds = i64::from(hour * 3600 + self.minute * 60 + self.second);
        Some(i64::from(days) * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + i64::from(self.micros))
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, if there is such a date.
///
/// Years begin in March here, so that the leap day is the last of them and months before it need no table: the algorithm is
/// Howard Hinnant's `days_from_civil`.
#[inline]
fn days_since_1970(year: i32, month: u32, day: u32) -> Option<i32> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month as i32 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
    Some(era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAY)
}

/// The format with `.%f` as chrono spells a fraction of a second: its own `%f` counts nanoseconds. Nothing where there is
/// an `%f` without a point, for which it has no spelling.
fn with_fractions(format: &str) -> Option<String> {
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (before, item) = rest.split_at(at);
        let is_fraction = item.starts_with("%f");
        match before.strip_suffix('.').filter(|_| is_fraction) {
            Some(before) => out.extend([before, "%.f"]),
            None if is_fraction => return None,
            None => out.extend([before, &item[..item.ceil_char_boundary(2)]]),
        }
        rest = &item[item.ceil_char_boundary(2)..];
    }
    out.push_str(rest);
    Some(out)
}

fn parse_by_chrono(format: &str, text: &[u8]) -> Result<i64, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::NotA)?;
    let time = NaiveDateTime::parse_from_str(text, format).ok();
    let day = || NaiveDate::parse_from_str(text, format).ok()?.and_hms_opt(0, 0, 0);
    let time = time.or_else(day).ok_or(Fault::NotA)?;
    // It takes a year of any length. No shop is so old that its years have two digits.
    match time.year() {
        0..100 => Err(Fault::ShortYear),
        _ => Ok(time.and_utc().timestamp_micros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::timestamp_text;

    fn by(format: &str, text: &str) -> Result<String, Fault> {
        let format = TimeFormat::strftime(format).expect("a format");
        format.parse_timestamp(text.as_bytes()).map(timestamp_text)
    }

    fn iso(text: &str) -> Result<String, Fault> {
        TimeFormat::iso().parse_timestamp(text.as_bytes()).map(timestamp_text)
    }

    #[test]
    fn iso_times_are_read() {
        for (text, expected) in [
            ("2010-12-01 08:26:00", "2010-12-01T08:26:00"),
            ("2010-12-01T08:26", "2010-12-01T08:26:00"),
            ("2010-12-01", "2010-12-01T00:00:00"),
            ("1969-12-31 23:59:59.5", "1969-12-31T23:59:59.500000"),
            ("2012-02-29 00:00:00.123456789", "2012-02-29T00:00:00.123456"),
            ("0001-01-01", "0001-01-01T00:00:00"),
            ("9999-12-31 23:59:59", "9999-12-31T23:59:59"),
        ] {
            assert_eq!(iso(text).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "2010",
            "2010-13-01",
            "2011-02-29",
            "2010-12-01 24:00",
            "2010-12-01 8:26",
            "12/1/2010",
            "2010-12-01 08:26:00x",
        ] {
            assert_eq!(iso(text), Err(Fault::NotA), "{text}");
        }
        for text in ["2010-12-01T08:26:00Z", "2010-12-01T08:26:00+01:00", "2010-12-01 08:26:00.1 -0500"] {
            assert_eq!(iso(text), Err(Fault::HasZone), "{text}");
        }
    }

    #[test]
    fn formats_are_read_with_one_digit_or_two() {
        for (format, text, expected) in [
            ("%m/%d/%Y %H:%M", "12/1/2010 8:26", "2010-12-01T08:26:00"),
            ("%m/%d/%Y %H:%M", "01/02/2011 18:06", "2011-01-02T18:06:00"),
            ("%d.%m.%y", "1.2.09", "2009-02-01T00:00:00"),
            ("%d %b %Y %I:%M %p", "7 Mar 2011 12:05 am", "2011-03-07T00:05:00"),
            ("%B %e, %Y %l:%M%P", "March 7, 2011 1:05pm", "2011-03-07T13:05:00"),
            ("%Y%m%d%H%M%S", "20101201082600", "2010-12-01T08:26:00"),
            ("%FT%T%.f", "2010-12-01T08:26:00.25", "2010-12-01T08:26:00.250000"),
            ("%FT%T%.f", "2010-12-01T08:26:00", "2010-12-01T08:26:00"),
            ("%F %T.%f", "2010-12-01 08:26:00.000007", "2010-12-01T08:26:00.000007"),
            ("%Y-%m-%dT%H:%M:%SZ", "2010-12-01T08:26:00Z", "2010-12-01T08:26:00"),
            ("%a %d %b %Y", "Wed 01 Dec 2010", "2010-12-01T00:00:00"),
        ] {
            assert_eq!(by(format, text).as_deref(), Ok(expected), "{format}");
        }
        for (format, text) in
            [("%m/%d/%Y", "13/1/2010"), ("%m/%d/%Y", "1/1/2010 8:00"), ("%I:%M %p", "13:00 pm"), ("%H:%M", "")]
        {
            assert_eq!(by(format, text), Err(Fault::NotA), "{text}");
        }
        for (format, text) in [
            ("%d.%m.%Y", "01.03.24"),
            ("%d.%m.%Y %H:%M", "1.3.24 8:00"),
            ("%Y/%m/%d", "824/1/1"),
            ("%a %d %b %Y", "Fri 01 Mar 24"),
        ] {
            assert_eq!(by(format, text), Err(Fault::ShortYear), "{text}");
        }
    }

    #[test]
    fn every_day_is_counted_as_chrono_counts_it() {
        let mut date = NaiveDate::from_ymd_opt(-1, 1, 1).expect("a date");
        for day in date.signed_duration_since(NaiveDate::default()).num_days() as i32..3_000_000 {
            let (year, month, of_month) = (date.year(), date.month(), date.day());
            assert_eq!(days_since_1970(year, month, of_month), Some(day), "{date}");
            date = date.succ_opt().expect("chrono goes on for longer than that");
        }
        for (year, month, day) in
            [(2011, 2, 29), (1900, 2, 29), (2010, 0, 1), (2010, 13, 1), (2010, 4, 31), (2010, 1, 0)]
        {
            assert_eq!(days_since_1970(year, month, day), None);
        }
    }

    #[test]
    fn fractions_are_of_a_second_beside_rare_items_too() {
        for format in ["%Y-%m-%dT%H:%M:%S.%f%z", "%a %Y-%m-%dT%H:%M:%S.%f"] {
            let text =
                if format.ends_with("%z") { "2024-01-01T00:00:00.1234+0000" } else { "Mon 2024-01-01T00:00:00.1234" };
            assert_eq!(by(format, text).as_deref(), Ok("2024-01-01T00:00:00.123400"), "{format}");
        }
        assert_eq!(with_fractions("%%f %j.%f%%.%f").as_deref(), Some("%%f %j%.f%%%.f"));
    }

    #[test]
    fn a_format_that_is_none_is_refused() {
        for format in ["", "yyyy-MM-dd", "%Q", "%Y-%", "%j %S%f"] {
            assert!(TimeFormat::strftime(format).is_err(), "{format}");
        }
    }

    #[test]
    fn a_date_has_no_time() {
        let date = |text: &str| TimeFormat::iso().parse_date(text.as_bytes());
        assert_eq!(date("2010-12-01"), Ok(14_944));
        assert_eq!(date("2010-12-01 00:00:00"), Ok(14_944));
        assert_eq!(date("2010-12-01 00:01:00"), Err(Fault::NotA));
    }
}
