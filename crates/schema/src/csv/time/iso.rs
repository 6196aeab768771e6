//! ISO 8601.

use super::Parts;
use super::digits::{take_byte, take_fixed, take_fraction};

/// Date and time at the front, and what follows them.
#[inline]
pub(super) fn parse_iso(text: &[u8]) -> Option<(Parts, &[u8])> {
    let (year, rest) = take_fixed::<4>(text)?;
    let (month, rest) = take_fixed::<2>(take_byte(rest, b'-')?)?;
    let (day, rest) = take_fixed::<2>(take_byte(rest, b'-')?)?;
    let mut parts = Parts { year: year as i32, month, day, ..Parts::default() };
    let Some((b' ' | b'T' | b't', rest)) = rest.split_first() else { return Some((parts, rest)) };
    let (hour, rest) = take_fixed::<2>(rest)?;
    let (minute, rest) = take_fixed::<2>(take_byte(rest, b':')?)?;
    (parts.hour, parts.minute) = (hour, minute);
    let Some(rest) = take_byte(rest, b':') else { return Some((parts, rest)) };
    let (second, rest) = take_fixed::<2>(rest)?;
    parts.second = second;
    let Some(rest) = take_byte(rest, b'.').or_else(|| take_byte(rest, b',')) else { return Some((parts, rest)) };
    let (micros, rest) = take_fraction(rest)?;
    Some((Parts { micros, ..parts }, rest))
}

/// Whether this is `Z`, or an offset such as `+01:00`.
pub(super) fn is_zone(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let offset =
        |text: &[u8]| matches!(text.len(), 2 | 4 | 5) && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b':');
    matches!(text, b"Z" | b"z" | b"UTC") || matches!(text, [b'+' | b'-', rest @ ..] if offset(rest))
}
