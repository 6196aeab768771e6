//! The members of an object in JSON. Their text is looked at as it stands: a number that would be rounded on reading keeps all
//! its digits.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::{Scalar, plain_number};

/// Calls `visit` with each member of `value`, if that is an object: with those that are a text, a number, true or false.
pub(super) fn each_member(
    value: &[u8],
    only: Option<&str>,
    number: &mut String,
    visit: &mut dyn FnMut(&str, Scalar<'_>),
) {
    if value.trim_ascii_start().first() != Some(&b'{') {
        return;
    }
    let Ok(text) = std::str::from_utf8(value) else { return };
    // As a whole first, so that what only begins like an object has no members.
    if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        walk(text, only, number, visit);
    }
}

/// Goes over the members of an object that is well formed; ends early where it is not after all.
fn walk(text: &str, only: Option<&str>, number: &mut String, visit: &mut dyn FnMut(&str, Scalar<'_>)) -> Option<()> {
    let mut rest = text.trim_start().strip_prefix('{')?.trim_start();
    while !rest.starts_with('}') {
        let (name, behind) = take(rest)?;
        let (value, behind) = take(behind.trim_start().strip_prefix(':')?)?;
        rest = behind.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        with_text(name, &mut |name| {
            if only.is_none_or(|only| only == name) {
                visit_value(value, number, &mut |scalar| visit(name, scalar));
            }
        })?;
    }
    Some(())
}

/// The value at the front of `text`, and what is behind it.
fn take(text: &str) -> Option<(&str, &str)> {
    let mut values = Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let (value, behind) = text.split_at_checked(values.byte_offset())?;
    Some((value.trim(), behind))
}

fn visit_value(value: &str, number: &mut String, visit: &mut dyn FnMut(Scalar<'_>)) {
    match value.as_bytes().first() {
        Some(b'"') => drop(with_text(value, &mut |text| visit(Scalar::Text(text)))),
        Some(b't' | b'f') => visit(Scalar::Text(value)),
        Some(b'-' | b'0'..=b'9') if plain_number(value, number) => visit(Scalar::Number(number)),
        // A number of more digits than anybody writes.
        Some(b'-' | b'0'..=b'9') => visit(Scalar::Text(value)),
        _ => {}
    }
}

/// What a text in quotes says.
fn with_text(quoted: &str, take: &mut dyn FnMut(&str)) -> Option<()> {
    if quoted.contains('\\') {
        take(&serde_json::from_str::<String>(quoted).ok()?);
    } else {
        take(quoted.strip_prefix('"')?.strip_suffix('"')?);
    }
    Some(())
}
