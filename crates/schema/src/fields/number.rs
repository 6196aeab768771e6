//! The one spelling of a number: `-0.5`, `12`, without an exponent, without zeros that say nothing. No digit is lost.

/// Greatest exponent that is written out: that of a double, and a little.
const EXPONENT_MAX: i32 = 400;

/// Writes `text` to `out`, which is emptied first, as every equal number is written; says whether it is a number.
pub fn plain_number(text: &str, out: &mut String) -> bool {
    out.clear();
    let Some((is_negative, digits, point)) = parse(text) else { return false };
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let Ok(zeros_before) = i32::try_from(zeros) else { return false };
    let (digits, point) = (digits[zeros..].trim_end_matches('0'), point - zeros_before);
    let Ok(count) = i32::try_from(digits.len()) else { return false };
    if digits.is_empty() {
        out.push('0');
        return true;
    }
    if is_negative {
        out.push('-');
    }
    let put_zeros = |out: &mut String, count: i32| (0..count).for_each(|_| out.push('0'));
    if point <= 0 {
        out.push_str("0.");
        put_zeros(out, -point);
        out.push_str(digits);
    } else if point >= count {
        out.push_str(digits);
        put_zeros(out, point - count);
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    }
    true
}

/// Whether it is below zero, its digits, and before which of them the point stands.
fn parse(text: &str) -> Option<(bool, String, i32)> {
    let is_negative = text.starts_with('-');
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= EXPONENT_MAX)?;
    Some((is_negative, digits, i32::try_from(whole.len()).ok()?.checked_add(exponent)?))
}
