//! Exact decimals as text: writing, reading, ordering and adding them.
//!
//! A column's text has as many digits after the point as its scale (`-0.050` for scale 3), so that people can read it and
//! nothing passes through a float.

use std::cmp::Ordering;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};

/// The collation that orders decimals by value.
pub(super) const COLLATION: &str = "millrace_decimal";
/// The aggregate `millrace_decimal_sum(text, scale)`: the exact sum, as text.
pub(super) const SUM: &str = "millrace_decimal_sum";
/// Digits of the widest DECIMAL.
pub(super) const DIGITS_MAX: u8 = 38;

/// Appends `value` / 10^`scale` with exactly `scale` digits after the point.
pub(super) fn write(value: i128, scale: u32, out: &mut String) {
    // An i128 has at most 39 digits; a scale of at most 38 adds a zero and the point.
    let mut digits = [0_u8; 48];
    let mut at = digits.len();
    let mut left = 0;
    let mut put = |digit: u8| {
        if left == scale && scale > 0 {
            at -= 1;
            digits[at] = b'.';
        }
        at -= 1;
        digits[at] = b'0' + digit;
        left += 1;
        left > scale
    };
    let mut rest = value.unsigned_abs();
    loop {
        let digit;
        // Division of 64 bits is far cheaper and nearly always enough.
        if let Ok(small) = u64::try_from(rest) {
            digit = small % 10;
            rest = u128::from(small / 10);
        } else {
            digit = u64::try_from(rest % 10).expect("a digit fits");
            rest /= 10;
        }
        let whole = put(u8::try_from(digit).expect("a digit fits"));
        if rest == 0 && whole {
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// The number that `text` stands for, times 10^`scale`; `None` if it is no decimal or needs more digits.
pub(super) fn parse(text: &str, scale: u32) -> Option<i128> {
    let (negative, whole, fraction) = split(text)?;
    if fraction.len() > scale as usize {
        return None;
    }
    let zeros = scale as usize - fraction.len();
    let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', zeros));
    let mut value: i128 = 0;
    for digit in digits {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    Some(if negative { -value } else { value })
}

/// Whether `text` is a decimal: a sign or none, digits, at most one point.
pub(super) fn is_decimal(text: &str) -> bool {
    split(text).is_some()
}

/// Sign, digits before the point without leading zeros, digits after it without trailing ones.
fn split(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some((negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction))
}

/// Orders two decimals by value; what is no decimal comes after, by its bytes.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    match (split(left), split(right)) {
        (Some((false, ..)), Some((true, ..))) => Ordering::Greater,
        (Some((true, ..)), Some((false, ..))) => Ordering::Less,
        (Some((negative, l_whole, l_fraction)), Some((_, r_whole, r_fraction))) => {
            let by_length = l_whole.len().cmp(&r_whole.len());
            let order = by_length.then_with(|| l_whole.cmp(r_whole)).then_with(|| l_fraction.cmp(r_fraction));
            if negative { order.reverse() } else { order }
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// Makes the collation and the aggregate known to a connection.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation(COLLATION, compare)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function(SUM, 2, flags, DecimalSum)
}

struct DecimalSum;

impl Aggregate<Option<(i128, u32)>, Option<String>> for DecimalSum {
    fn init(&self, _context: &mut Context<'_>) -> rusqlite::Result<Option<(i128, u32)>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<(i128, u32)>) -> rusqlite::Result<()> {
        let ValueRef::Text(text) = context.get_raw(0) else {
            return Ok(());
        };
        let scale: u32 = context.get(1)?;
        let (so_far, _) = sum.unwrap_or((0, scale));
        let value = std::str::from_utf8(text).ok().and_then(|text| parse(text, scale));
        let value =
            value.ok_or_else(|| Error::UserFunctionError("a value is no decimal of its column's scale".into()))?;
        let total = so_far.checked_add(value).ok_or_else(overflow)?;
        *sum = Some((total, scale));
        Ok(())
    }

    fn finalize(
        &self,
        _context: &mut Context<'_>,
        sum: Option<Option<(i128, u32)>>,
    ) -> rusqlite::Result<Option<String>> {
        let Some((total, scale)) = sum.flatten() else {
            return Ok(None);
        };
        if total.unsigned_abs() >= 10_u128.pow(u32::from(DIGITS_MAX)) {
            return Err(overflow());
        }
        let mut text = String::new();
        write(total, scale, &mut text);
        Ok(Some(text))
    }
}

fn overflow() -> Error {
    Error::UserFunctionError("a sum has more than 38 digits".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: i128, scale: u32) -> String {
        let mut out = String::new();
        write(value, scale, &mut out);
        out
    }

    #[test]
    fn writes_and_reads_back_every_width() {
        let widest = 10_i128.pow(38) - 1;
        for value in [0, 1, -1, 50, -50, 999, 15_300, i128::from(i64::MAX), i128::from(u64::MAX) + 1, widest, -widest] {
            for scale in [0, 1, 3, 18, 38] {
                let written = text(value, scale);
                assert_eq!(parse(&written, scale), Some(value), "{written}");
            }
        }
        assert_eq!(text(15_300, 3), "15.300");
        assert_eq!(text(-50, 3), "-0.050");
        assert_eq!(text(7, 0), "7");
        assert_eq!(text(widest, 38), format!("0.{}", "9".repeat(38)));
    }

    #[test]
    fn orders_by_value() {
        let ascending =
            ["-1000", "-20.5", "-20.49", "-0.001", "0", "0.0009", "0.001", "0.01", "2", "10.0", "10.01", "99999999999"];
        for (i, left) in ascending.iter().enumerate() {
            for (j, right) in ascending.iter().enumerate() {
                assert_eq!(compare(left, right), i.cmp(&j), "{left} {right}");
            }
        }
        assert_eq!(compare("1.50", "01.5"), Ordering::Equal);
        assert_eq!(compare("-0.00", "0"), Ordering::Equal);
    }

    #[test]
    fn refuses_what_is_no_decimal() {
        for text in ["", "-", ".", "1e3", "1.2.3", "12a", "½"] {
            assert!(!is_decimal(text), "{text}");
        }
        assert_eq!(parse("1.2345", 3), None);
        assert_eq!(parse("1.2000", 1), Some(12));
        assert_eq!(parse(&"9".repeat(60), 0), None);
    }
}
