//! Digits and signs at the front of a text, and what follows them.

/// The number in exactly `N` digits at the front.
#[inline]
pub(super) fn take_fixed<const N: usize>(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    let mut value = 0;
    for digit in digits {
        value = value * 10 + digit_of(*digit)?;
    }
    Some((value, rest))
}

#[inline]
pub(super) fn digit_of(byte: u8) -> Option<u32> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u32::from(digit))
}

#[inline]
pub(super) fn take_byte(text: &[u8], wanted: u8) -> Option<&[u8]> {
    let (first, rest) = text.split_first()?;
    (*first == wanted).then_some(rest)
}

/// Microseconds from one to nine digits; what is finer is cut off.
#[inline]
pub(super) fn take_fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let digit = |index: usize| if index < length { u32::from(text[index] - b'0') } else { 0 };
    Some(((0..6).fold(0, |micros, index| micros * 10 + digit(index)), &text[length..]))
}
