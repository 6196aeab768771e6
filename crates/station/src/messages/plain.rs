//! Values that no schema of this registry describes, as clients of Kafka write them.
//!
//! | value | shown as |
//! |---|---|
//! | an object, a list, a number, true or false in JSON | that |
//! | any other text in UTF-8, `null` and the empty one as well | the text |
//! | anything else | `{"bytes": 5, "base64": "AP8BAgM="}` |
//!
//! JSON `null` alone says that there is no value, so a text `null` stays a text, and so does one in quotes. Numbers keep the digits they
//! were written with; those that would be rounded when they are read (whole numbers from 2^53 on) are texts of them. JSON that is nested
//! more than 127 deep stays a text.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::model::RecordJson;

/// A value as people read it.
pub(super) fn plain_value(value: &[u8]) -> RecordJson {
    let Ok(text) = std::str::from_utf8(value) else {
        return RecordJson::from(&json!({"bytes": value.len(), "base64": BASE64_STANDARD.encode(value)}));
    };
    // What is nested so deep that readers of JSON give up on it would take the records around it with it.
    let is_shown = |json: &RecordJson| !matches!(json.to_value(), Value::Null | Value::String(_));
    let json = RecordJson::parse(text).filter(is_shown);
    json.unwrap_or_else(|| RecordJson::from(&Value::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json_text_stays_text_and_bytes_are_counted() {
        let value = |bytes: &[u8]| plain_value(bytes).to_value();
        assert_eq!(plain_value(br#"{"order": 0, "b": [1.50, null]}"#).text(), r#"{"order":0,"b":[1.50,null]}"#);
        assert_eq!([value(b"42"), value(b"true"), value(b"[]")], [json!(42), json!(true), json!([])]);
        assert_eq!(value(b"[9007199254740993, {\"a\": 1e300}]"), json!(["9007199254740993", {"a": "1e300"}]));
        for text in ["", "null", "\"quoted\"", "K\u{f6}ln", "{not json", "9007199254740993", "1e300"] {
            assert_eq!(value(text.as_bytes()), json!(text));
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(value(deep.as_bytes()), json!(deep));
        assert_eq!(value(&[0, 255, 1, 2, 3]), json!({"bytes": 5, "base64": "AP8BAgM="}));
    }
}
