//! A field that is looked for, as the topic has it.
//!
//! Topics of sources and views have columns: a name is taken in any case of letters, and a number, a time, a date or a truth in any
//! notation that is one. What there is not, or cannot be, is an error: nobody finds it. What clients write has no columns, and is
//! taken as it is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use millrace_flow::{TopicInfo, TopicKind};
use millrace_schema::fields::plain_number;
use millrace_schema::json::value_to_text;
use millrace_schema::types::type_name;

use crate::{Result, StationError, nearest};

/// Name and content of a field as the records of a topic have it.
pub(crate) fn resolve_field(info: &TopicInfo, (name, text): &(String, String)) -> Result<(String, String)> {
    if info.spec.kind == TopicKind::Clients {
        return Ok((name.clone(), text.clone()));
    }
    let column = resolve_column(info, name)?;
    Ok((column.name().clone(), resolve_text(column, text)?))
}

fn resolve_column<'a>(info: &'a TopicInfo, name: &str) -> Result<&'a Field> {
    let columns = info.spec.schema.fields();
    if let Some(column) = columns.iter().find(|column| column.name() == name) {
        return Ok(column);
    }
    let mut alike = columns.iter().filter(|column| column.name().to_lowercase() == name.to_lowercase());
    match (alike.next(), alike.next()) {
        (Some(column), None) => Ok(column),
        _ => {
            let cure = nearest::cure(name, columns.iter().map(|column| column.name().as_str()), "its columns");
            let text = format!("topic `{}` has no column `{name}`; {cure}", info.spec.name);
            Err(StationError::Question(text))
        }
    }
}

fn resolve_text(column: &Field, text: &str) -> Result<String> {
    let (text, name) = (text.trim(), column.name());
    let wrong = |form: &str| {
        let kind = type_name(column.data_type());
        StationError::Question(format!("column `{name}` is a {kind}, and `{text}` is none; write it as {form}"))
    };
    match column.data_type() {
        DataType::Int32 | DataType::Int64 => Ok(number(text).ok_or_else(|| wrong("1234"))?),
        DataType::Decimal128(..) => Ok(number(text).ok_or_else(|| wrong("1234.50"))?),
        // What is no number is a text there.
        DataType::Float32 | DataType::Float64 => Ok(number(text).unwrap_or_else(|| text.to_owned())),
        DataType::Timestamp(..) => converted(column, text).ok_or_else(|| wrong("2011-12-09T12:00:00")),
        DataType::Date32 => converted(column, text).ok_or_else(|| wrong("2011-12-09")),
        DataType::Boolean => converted(column, text).ok_or_else(|| wrong("true or false")),
        _ => Ok(text.to_owned()),
    }
}

fn number(text: &str) -> Option<String> {
    plain_number(text, &mut String::new()).then(|| text.to_owned())
}

/// The text that a value of the column is shown as.
fn converted(column: &Field, text: &str) -> Option<String> {
    let one: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let value = cast(&one, column.data_type()).ok().filter(|value| value.is_valid(0))?;
    value_to_text(&value, 0)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn resolved(kind: DataType, text: &str) -> Result<String> {
        resolve_text(&Field::new("c", kind, true), text)
    }

    #[test]
    fn a_value_is_found_in_whatever_notation_it_is_written() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        for text in ["2011-12-09T12:00:00", "2011-12-09 12:00:00", "2011-12-09 12:00:00.000"] {
            assert_eq!(resolved(time.clone(), text).expect("a time"), "2011-12-09T12:00:00", "{text}");
        }
        assert_eq!(resolved(DataType::Boolean, "TRUE").expect("a truth"), "true");
        assert_eq!(resolved(DataType::Date32, " 2011-12-09 ").expect("a date"), "2011-12-09");
        assert_eq!(resolved(DataType::Decimal128(12, 3), "15.3").expect("a number"), "15.3");
        assert_eq!(resolved(DataType::Float64, "NaN").expect("a text"), "NaN");
        assert_eq!(resolved(DataType::Utf8, "").expect("a text"), "");
    }

    #[test]
    fn what_a_column_cannot_hold_is_no_search() {
        for (kind, text, form) in [
            (DataType::Decimal128(12, 3), "15,3", "1234.50"),
            (DataType::Int32, "", "1234"),
            (DataType::Timestamp(TimeUnit::Microsecond, None), "noon", "2011-12-09T12:00:00"),
            (DataType::Boolean, "maybe", "true or false"),
        ] {
            let error = resolved(kind, text).expect_err("it is none").to_string();
            assert!(error.contains("column `c` is a ") && error.contains(form), "{error}");
        }
    }
}
