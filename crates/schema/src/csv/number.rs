//! Numbers and booleans from their text, without detours: a decimal never passes through a float.

/// Why a text is not a value of its column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is something else.
    NotA,
    /// It is too large or too small.
    OutOfRange,
    /// It has digits behind the last one that the scale keeps.
    FractionTooLong,
    /// It is no text in the encoding of the file.
    NotUtf8,
    /// A value is required and there is none.
    Missing,
    /// It names a time zone, and the type has none.
    HasZone,
    /// Its year has fewer digits than the format wants.
    ShortYear,
}

/// Digits that always fit 64 bits.
const SAFE_DIGITS: usize = 18;

const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < 39 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// A sign, and what follows it.
#[inline]
fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// An integer between `min` and `max`.
#[inline]
pub(super) fn parse_integer(text: &[u8], min: i64, max: i64) -> Result<i64, Fault> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::NotA);
    }
    let value = if digits.len() <= SAFE_DIGITS {
        let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
        if negative { -value } else { value }
    } else {
        let step = |value: i64, digit: &u8| {
            let digit = i64::from(digit - b'0');
            value.checked_mul(10)?.checked_add(if negative { -digit } else { digit })
        };
        digits.iter().try_fold(0, step).ok_or(Fault::OutOfRange)?
    };
    if (min..=max).contains(&value) { Ok(value) } else { Err(Fault::OutOfRange) }
}

/// A decimal, as its digits without `point`, which stands before the fraction. Zeros behind the scale are allowed, other
/// digits are not.
#[inline]
pub(super) fn parse_decimal(text: &[u8], point: u8, precision: u8, scale: i8) -> Result<i128, Fault> {
    let (negative, digits) = split_sign(text);
    let scale = usize::try_from(scale).map_err(|_| Fault::NotA)?;
    let point = digits.iter().position(|byte| *byte == point);
    let (whole, fraction) = match point {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &[][..]),
    };
    let are_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if whole.len() + fraction.len() == 0 || !are_digits(whole) || !are_digits(fraction) {
        return Err(Fault::NotA);
    }
    let (fraction, beyond) = fraction.split_at(fraction.len().min(scale));
    if beyond.iter().any(|digit| *digit != b'0') {
        return Err(Fault::FractionTooLong);
    }
    let value = if whole.len() + fraction.len() <= SAFE_DIGITS {
        let step = |value: u64, digit: &u8| value * 10 + u64::from(digit - b'0');
        i128::from(fraction.iter().fold(whole.iter().fold(0, step), step))
    } else {
        let step = |value: i128, digit: &u8| value.checked_mul(10)?.checked_add(i128::from(digit - b'0'));
        whole.iter().chain(fraction).try_fold(0, step).ok_or(Fault::OutOfRange)?
    };
    let value = value.checked_mul(POWERS_OF_TEN[scale - fraction.len()]).ok_or(Fault::OutOfRange)?;
    if value >= POWERS_OF_TEN[usize::from(precision)] {
        return Err(Fault::OutOfRange);
    }
    Ok(if negative { -value } else { value })
}

/// A floating-point number, in decimal or scientific notation, with `point` before its fraction.
pub(super) fn parse_float<T: std::str::FromStr>(text: &[u8], point: u8) -> Result<T, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::NotA)?;
    let parsed = match point {
        b'.' => text.parse().ok(),
        // A point would be one of the thousands, or none at all.
        _ if text.contains('.') => None,
        _ => text.replace(char::from(point), ".").parse().ok(),
    };
    parsed.ok_or(Fault::NotA)
}

/// A boolean, in the spellings that databases export.
pub(super) fn parse_boolean(text: &[u8]) -> Result<bool, Fault> {
    let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    if ["true", "1", "t", "yes", "y"].into_iter().any(is) {
        Ok(true)
    } else if ["false", "0", "f", "no", "n"].into_iter().any(is) {
        Ok(false)
    } else {
        Err(Fault::NotA)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::decimal_text;

    #[test]
    fn decimals_are_exact_or_refused() {
        let parse = |text: &str| parse_decimal(text.as_bytes(), b'.', 12, 3);
        assert_eq!(parse("2.55"), Ok(2550));
        assert_eq!(parse("-11062.06"), Ok(-11_062_060));
        assert_eq!(parse("+.5"), Ok(500));
        assert_eq!(parse("7."), Ok(7000));
        assert_eq!(parse("1.25000"), Ok(1250));
        assert_eq!(parse("000000000000000000000000000000000000000000.001"), Ok(1));
        assert_eq!(parse("999999999.999"), Ok(999_999_999_999));
        assert_eq!(parse("1000000000"), Err(Fault::OutOfRange));
        assert_eq!(parse("1.2345"), Err(Fault::FractionTooLong));
        for text in ["1e3", "", ".", "-", "1.2.3", "1,5", "0x1", "NaN", "--1", "1 000"] {
            assert_eq!(parse(text), Err(Fault::NotA), "{text}");
        }
        let widest = "9".repeat(38);
        assert_eq!(parse_decimal(widest.as_bytes(), b'.', 38, 0), Ok(POWERS_OF_TEN[38] - 1));
        assert_eq!(parse_decimal("9".repeat(39).as_bytes(), b'.', 38, 0), Err(Fault::OutOfRange));
        assert_eq!(parse_decimal(widest.as_bytes(), b'.', 38, 38), Err(Fault::OutOfRange));
    }

    #[test]
    fn a_comma_may_stand_before_the_fraction() {
        let decimal = |text: &str| parse_decimal(text.as_bytes(), b',', 12, 2);
        let float = |text: &str| parse_float::<f64>(text.as_bytes(), b',');
        assert_eq!((decimal("1234,50"), decimal("-,5"), decimal("7")), (Ok(123_450), Ok(-50), Ok(700)));
        assert_eq!((float("1234,5"), float("-1,5e3"), float("7")), (Ok(1234.5), Ok(-1500.0), Ok(7.0)));
        assert_eq!(decimal("12,505"), Err(Fault::FractionTooLong));
        for text in ["1.234,50", "12.50", "1,234,5", "1 234,5", ","] {
            assert_eq!((decimal(text), float(text)), (Err(Fault::NotA), Err(Fault::NotA)), "{text}");
        }
    }

    #[test]
    fn integers_end_at_their_bounds() {
        let int = |text: &str| parse_integer(text.as_bytes(), i64::from(i32::MIN), i64::from(i32::MAX));
        assert_eq!(int("-2147483648"), Ok(-2_147_483_648));
        assert_eq!(int("2147483648"), Err(Fault::OutOfRange));
        let long = |text: &str| parse_integer(text.as_bytes(), i64::MIN, i64::MAX);
        assert_eq!(long("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(long("9223372036854775808"), Err(Fault::OutOfRange));
        assert_eq!(long("0000000000000000000000000012"), Ok(12));
        for text in ["", "-", "1.0", "1a", "17850.0", "+-1"] {
            assert_eq!(long(text), Err(Fault::NotA), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_decimal_comes_back_from_its_text(
            unscaled in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0..=38_i8, zeros in 0..4_usize,
        ) {
            let mut text = decimal_text(unscaled, scale);
            if scale > 0 {
                text.push_str(&"0".repeat(zeros));
            }
            prop_assert_eq!(parse_decimal(text.as_bytes(), b'.', 38, scale), Ok(unscaled));
        }

        #[test]
        fn every_integer_comes_back_from_its_text(value in any::<i64>()) {
            prop_assert_eq!(parse_integer(value.to_string().as_bytes(), i64::MIN, i64::MAX), Ok(value));
        }
    }
}
