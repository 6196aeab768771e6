//! Formats of plain strftime items, compiled and read by hand.

use super::Parts;
use super::digits::{digit_of, take_byte, take_fraction};

/// Digits of a year that is written in full.
pub(super) const YEAR_DIGITS: usize = 4;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// What a format consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Literal(u8),
    /// One or more spaces or tabs.
    Space,
    Year,
    YearOfCentury,
    Month,
    MonthName,
    Day,
    Hour,
    HourOfHalf,
    Half,
    Minute,
    Second,
    /// One to nine digits.
    Fraction,
    /// The same behind a point, or nothing.
    PointFraction,
}

/// The items of a format, if it has none that only chrono knows.
pub(super) fn compile(format: &str) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut rest = format.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if byte.is_ascii_whitespace() {
            if items.last() != Some(&Item::Space) {
                items.push(Item::Space);
            }
            continue;
        }
        if *byte != b'%' {
            items.push(Item::Literal(*byte));
            continue;
        }
        if let Some(after) = rest.strip_prefix(b".f") {
            rest = after;
            items.push(Item::PointFraction);
            continue;
        }
        // `%-d` and `%_d` tell a printer how to pad; a reader takes both.
        if let [b'-' | b'_' | b'0', ..] = rest {
            rest = &rest[1..];
        }
        let (letter, after) = rest.split_first()?;
        rest = after;
        items.extend_from_slice(items_of(*letter)?);
    }
    Some(items)
}

fn items_of(letter: u8) -> Option<&'static [Item]> {
    use Item::{
        Day, Fraction, Half, Hour, HourOfHalf, Literal, Minute, Month, MonthName, Second, Space, Year, YearOfCentury,
    };
    const DASH: Item = Literal(b'-');
    const SLASH: Item = Literal(b'/');
    const COLON: Item = Literal(b':');
    Some(match letter {
        b'Y' => &[Year],
        b'y' => &[YearOfCentury],
        b'm' => &[Month],
        b'b' | b'B' | b'h' => &[MonthName],
        b'd' | b'e' => &[Day],
        b'H' | b'k' => &[Hour],
        b'I' | b'l' => &[HourOfHalf],
        b'p' | b'P' => &[Half],
        b'M' => &[Minute],
        b'S' => &[Second],
        b'f' => &[Fraction],
        b'F' => &[Year, DASH, Month, DASH, Day],
        b'D' => &[Month, SLASH, Day, SLASH, YearOfCentury],
        b'T' => &[Hour, COLON, Minute, COLON, Second],
        b'R' => &[Hour, COLON, Minute],
        b'r' => &[HourOfHalf, COLON, Minute, COLON, Second, Space, Half],
        b'%' => &[Literal(b'%')],
        _ => return None,
    })
}

#[inline]
pub(super) fn parse_items(items: &[Item], text: &[u8], year_digits_min: usize) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut rest = text;
    for item in items {
        let before = rest.len();
        rest = take_item(*item, rest, &mut parts)?;
        if *item == Item::Year && before - rest.len() < year_digits_min {
            return None;
        }
    }
    rest.is_empty().then_some(parts)
}

#[inline]
fn take_item<'a>(item: Item, text: &'a [u8], parts: &mut Parts) -> Option<&'a [u8]> {
    let (value, rest) = match item {
        Item::Literal(byte) => return take_byte(text, byte),
        Item::Space => {
            let rest = text.trim_ascii_start();
            return (rest.len() < text.len()).then_some(rest);
        }
        Item::MonthName => take_month_name(text)?,
        Item::Half => {
            let (letters, rest) = text.split_first_chunk::<2>()?;
            parts.afternoon = Some(match letters.to_ascii_lowercase().as_slice() {
                b"am" => false,
                b"pm" => true,
                _ => return None,
            });
            return Some(rest);
        }
        Item::Fraction => take_fraction(text)?,
        Item::PointFraction => match take_byte(text, b'.') {
            Some(rest) => take_fraction(rest)?,
            None => (0, text),
        },
        Item::Year => take_number(text, YEAR_DIGITS)?,
        _ => take_number(text, 2)?,
    };
    match item {
        Item::Year => parts.year = value as i32,
        // The century that POSIX gives two digits.
        Item::YearOfCentury => parts.year = value as i32 + if value < 69 { 2000 } else { 1900 },
        Item::Month | Item::MonthName => parts.month = value,
        Item::Day => parts.day = value,
        Item::Hour => parts.hour = value,
        Item::HourOfHalf => {
            parts.hour = value;
            parts.afternoon = parts.afternoon.or(Some(false));
        }
        Item::Minute => parts.minute = value,
        Item::Second => parts.second = value,
        _ => parts.micros = value,
    }
    Some(rest)
}

/// A number of one to `digits_max` digits.
#[inline]
fn take_number(text: &[u8], digits_max: usize) -> Option<(u32, &[u8])> {
    let mut value = digit_of(*text.first()?)?;
    let mut length = 1;
    while length < digits_max
        && let Some(digit) = text.get(length).copied().and_then(digit_of)
    {
        value = value * 10 + digit;
        length += 1;
    }
    Some((value, &text[length..]))
}

/// An English month, whole or by its first three letters.
fn take_month_name(text: &[u8]) -> Option<(u32, &[u8])> {
    let starts = |name: &str| text.get(..name.len()).is_some_and(|front| front.eq_ignore_ascii_case(name.as_bytes()));
    let index = MONTHS.iter().position(|name| starts(&name[..3]))?;
    let length = if starts(MONTHS[index]) { MONTHS[index].len() } else { 3 };
    Some((index as u32 + 1, &text[length..]))
}
