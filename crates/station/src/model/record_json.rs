//! The value of a record as JSON, with every number as it was written: 1.50 stays 1.50, which no number in memory does. Numbers that
//! would be rounded when they are read, whole ones from 2^53 on, are texts, as a BIGINT is everywhere else.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Whole numbers from here on are not exact everywhere.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// JSON without white space between its parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordJson(Box<RawValue>);

impl RecordJson {
    /// What `text` says, if it is JSON. Texts in it are spelt anew, numbers are not, but those become texts that would be rounded.
    pub fn parse(text: &str) -> Option<Self> {
        let whole: &RawValue = serde_json::from_str(text).ok()?;
        RawValue::from_string(compact(whole.get())?).ok().map(Self)
    }

    /// The JSON.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The same in memory, where numbers have no spelling.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or(Value::Null)
    }
}

impl From<&Value> for RecordJson {
    fn from(value: &Value) -> Self {
        Self(serde_json::value::to_raw_value(value).expect("what is JSON in memory is JSON in text"))
    }
}

impl PartialEq for RecordJson {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

/// JSON without white space, its texts as they are spelt here.
fn compact(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('"') {
        push_numbers(&rest[..at], &mut out);
        let end = at + 1 + end_of_text(&rest[at + 1..])?;
        let text: String = serde_json::from_str(&rest[at..end]).ok()?;
        out.push_str(&serde_json::to_string(&text).ok()?);
        rest = &rest[end..];
    }
    push_numbers(rest, &mut out);
    Some(out)
}

/// What stands between texts, without white space.
fn push_numbers(mut between: &str, out: &mut String) {
    let is_of_number = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
    while let Some(at) = between.find(|c: char| c == '-' || c.is_ascii_digit()) {
        let (front, rest) = between.split_at(at);
        let (number, behind) = rest.split_at(rest.find(|c| !is_of_number(c)).unwrap_or(rest.len()));
        out.extend(front.chars().filter(|c| !c.is_ascii_whitespace()));
        let quote = if number.parse::<f64>().is_ok_and(|number| number.abs() < EXACT_BELOW) { "" } else { "\"" };
        out.extend([quote, number, quote]);
        between = behind;
    }
    out.extend(between.chars().filter(|c| !c.is_ascii_whitespace()));
}

/// Bytes up to the quote that ends a text, and that.
fn end_of_text(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return Some(at + 1),
            _ => is_escaped = byte == b'\\' && !is_escaped,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stay_as_they_were_written_and_texts_are_spelt_plainly() {
        let written = "{\n \"price\": 1.50,\t\"n\": [1e2, -0.0, 007x] }".replace("007x", "12");
        let json = RecordJson::parse(&written).expect("it is JSON");
        assert_eq!(json.text(), r#"{"price":1.50,"n":[1e2,-0.0,12]}"#);
        assert_eq!(serde_json::to_string(&[&json]).expect("JSON"), r#"[{"price":1.50,"n":[1e2,-0.0,12]}]"#);
        let texts = RecordJson::parse(r#"{"city": "K\u00f6ln", "q": "a \" b\\", "a b": " "}"#).expect("it is JSON");
        assert_eq!(texts.text(), r#"{"city":"Köln","q":"a \" b\\","a b":" "}"#);
        assert_eq!(texts.to_value(), json!({"city": "Köln", "q": "a \" b\\", "a b": " "}));
        assert!(RecordJson::parse("{\"a\": 1.}").is_none() && RecordJson::parse("\"a").is_none());
    }

    #[test]
    fn numbers_that_would_be_rounded_are_texts() {
        let json = RecordJson::parse(
            r#"{"id": 9007199254740993, "n": [-9007199254740992, 1e400, true, 9007199254740991.5e-3]}"#,
        );
        let text = r#"{"id":"9007199254740993","n":["-9007199254740992","1e400",true,9007199254740991.5e-3]}"#;
        assert_eq!(json.expect("it is JSON").text(), text);
    }

    #[test]
    fn it_comes_back_from_an_answer() {
        #[derive(Deserialize)]
        struct Answer {
            value: Option<RecordJson>,
        }
        let read = |text: &str| serde_json::from_str::<Answer>(text).expect("an answer").value;
        assert_eq!(read(r#"{"value": 1.50}"#), RecordJson::parse("1.50"));
        assert_eq!(read(r#"{"value": null}"#), None);
    }
}
