//! Values that no schema of this registry describes, as clients of Kafka write them.
//!
//! | value | shown as |
//! |---|---|
//! | an object, a list, a number, true or false in JSON | that |
//! | any other text in UTF-8, `null` and the empty one as well | the text |
//! | anything else | `{"bytes": 5, "base64": "AP8BAgM="}` |
//!
//! JSON `null` alone says that there is no value, so a text `null` stays a text. JSON with a number that would be rounded
//! when it is read (whole numbers from 2^53 on) is left as the text it is; all others keep the digits they were written with.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::model::RecordJson;

/// Whole numbers from here on are not exact everywhere.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// A value as people read it.
pub(super) fn plain_value(value: &[u8]) -> RecordJson {
    let Ok(text) = std::str::from_utf8(value) else {
        return RecordJson::from(&json!({"bytes": value.len(), "base64": BASE64_STANDARD.encode(value)}));
    };
    let is_shown = |json: &Value| !matches!(json, Value::Null | Value::String(_)) && is_exact(json);
    let json = serde_json::from_str(text).ok().filter(is_shown).and_then(|_| RecordJson::parse(text));
    json.unwrap_or_else(|| RecordJson::from(&Value::from(text)))
}

fn is_exact(json: &Value) -> bool {
    match json {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() < EXACT_BELOW),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(fields) => fields.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json_text_stays_text_and_bytes_are_counted() {
        let value = |bytes: &[u8]| plain_value(bytes).to_value();
        assert_eq!(plain_value(br#"{"order": 0, "b": [1.50, null]}"#).text(), r#"{"order":0,"b":[1.50,null]}"#);
        assert_eq!([value(b"42"), value(b"true"), value(b"[]")], [json!(42), json!(true), json!([])]);
        for text in ["", "null", "\"quoted\"", "K\u{f6}ln", "{not json", "[9007199254740993]", "1e300"] {
            assert_eq!(value(text.as_bytes()), json!(text));
        }
        assert_eq!(value(&[0, 255, 1, 2, 3]), json!({"bytes": 5, "base64": "AP8BAgM="}));
    }
}
