//! Zigzag variable-length integers, at most five bytes for 32 bits and ten for 64.

use super::Damage;

/// Longest varint of 64 bits.
pub(super) const VARINT_BYTES_MAX: usize = 10;

/// Bytes that `value` takes.
pub(super) fn varint_bytes(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Writes `value` at the start of `to`; answers how many bytes it took.
#[inline]
pub(super) fn put_varint(value: i64, to: &mut [u8]) -> usize {
    let mut rest = zigzag(value);
    let mut at = 0;
    while rest >= 0x80 {
        to[at] = (rest as u8) | 0x80;
        rest >>= 7;
        at += 1;
    }
    to[at] = rest as u8;
    at + 1
}

/// Takes a varint off the front of `bytes`.
pub(super) fn take_varint(bytes: &mut &[u8]) -> Result<i64, Damage> {
    let mut value = 0_u64;
    for (i, byte) in bytes.iter().take(VARINT_BYTES_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Ok(unzigzag(value));
        }
    }
    Err(Damage("a number of a record does not end"))
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_take_the_bytes_foretold() {
        let edges =
            [0, -1, 1, 63, -64, 64, -65, 8191, 8192, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN];
        for value in edges {
            let mut bytes = [0; VARINT_BYTES_MAX];
            let length = put_varint(value, &mut bytes);
            assert_eq!(length, varint_bytes(value), "{value}");
            let mut rest = &bytes[..length];
            assert_eq!(take_varint(&mut rest), Ok(value));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_number_that_does_not_end_is_damage() {
        assert!(take_varint(&mut &[0x80_u8; 3][..]).is_err());
        assert!(take_varint(&mut &[0xff_u8; 20][..]).is_err());
        assert!(take_varint(&mut &[][..]).is_err());
    }
}
