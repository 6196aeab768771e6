//! The topics in a consumer's metadata, and the partitions in its assignment.
//!
//! ```text
//! metadata    version i16 | topics i32 | topics × (length i16, name in UTF-8) | user data and what later versions add
//! assignment  version i16 | topics i32 | topics × (length i16, name in UTF-8, partitions i32, partitions × i32) | user data
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
        topics.push(take_name(&mut metadata)?);
    }
    Some(topics)
}

/// Partitions that a consumer was assigned, by topic; `None` if that is not what consumers write.
pub(super) fn assignment(mut bytes: &[u8]) -> Option<Vec<(String, i32)>> {
    let version = i16::from_be_bytes(*take(&mut bytes)?);
    let topics = usize::try_from(i32::from_be_bytes(*take(&mut bytes)?)).ok()?;
    if version < 0 || topics > bytes.len() / 6 {
        return None;
    }
    let mut found = Vec::new();
    for _ in 0..topics {
        let topic = take_name(&mut bytes)?;
        let partitions = usize::try_from(i32::from_be_bytes(*take(&mut bytes)?)).ok()?;
        if partitions > bytes.len() / 4 {
            return None;
        }
        for _ in 0..partitions {
            found.push((topic.clone(), i32::from_be_bytes(*take(&mut bytes)?)));
        }
    }
    Some(found)
}

fn take_name(bytes: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(i16::from_be_bytes(*take(bytes)?)).ok()?;
    let (name, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    String::from_utf8(name.to_vec()).ok()
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
    fn partitions_are_found_and_lies_are_not_believed() {
        let bytes = b"\0\x01\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\x03\0\0\0\x05\xff\xff\xff\xff";
        assert_eq!(assignment(bytes), Some(vec![("a".to_owned(), 3), ("a".to_owned(), 5)]));
        for cut in 0..21 {
            assert_eq!(assignment(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(assignment(b"\0\0\0\0\0\x01\0\x01a\x7f\xff\xff\xff"), None);
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
