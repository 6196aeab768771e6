//! The topics in a consumer's metadata.
//!
//! ```text
//! version i16 | topics i32 | topics × (length i16, name in UTF-8) | user data and what later versions add
//! ```
//!
//! The part before the user data is the same in all versions, so no more is read.

/// Topics that a consumer subscribes to; `None` if its metadata is not what consumers write.
pub(super) fn topics(mut metadata: &[u8]) -> Option<Vec<String>> {
    let version = i16::from_be_bytes(*take(&mut metadata)?);
    let count = usize::try_from(i32::from_be_bytes(*take(&mut metadata)?)).ok()?;
    // Every topic has a length of two bytes at least, so a count beyond that is a lie.
    if version < 0 || count > metadata.len() / 2 {
        return None;
    }
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        let length = usize::try_from(i16::from_be_bytes(*take(&mut metadata)?)).ok()?;
        let (name, rest) = metadata.split_at_checked(length)?;
        metadata = rest;
        topics.push(String::from_utf8(name.to_vec()).ok()?);
    }
    Some(topics)
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"\0\x01\0\0\0\x02\0\x01a\0\x02bc\0\0\0\0";

    #[test]
    fn topics_are_found_in_every_version() {
        assert_eq!(topics(TWO), Some(vec!["a".to_owned(), "bc".to_owned()]));
        assert_eq!(topics(b"\0\x00\0\0\0\0"), Some(Vec::new()));
    }

    #[test]
    fn what_is_not_a_subscription_is_not_believed() {
        for cut in 0..13 {
            assert_eq!(topics(&TWO[..cut]), None, "{cut}");
        }
        assert_eq!(topics(b"\0\0\x7f\xff\xff\xff\0\0"), None);
        assert_eq!(topics(b"\0\0\xff\xff\xff\xff\0\0"), None);
        assert_eq!(topics(b"\0\0\0\0\0\x01\xff\xff"), None);
        assert_eq!(topics(b"\0\0\0\0\0\x01\0\x01\xff"), None);
    }
}
