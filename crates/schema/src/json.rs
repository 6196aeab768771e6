//! Values as JSON, the way every page and every API answer shows them.
//!
//! | type | JSON |
//! |---|---|
//! | `STRING` | string |
//! | `INT`, `DOUBLE`, `FLOAT` | number; what JSON cannot hold (`NaN`, infinities) as a string |
//! | `BIGINT` | number below 2^53, beyond that a string: JavaScript would round it |
//! | `DECIMAL` | string with all digits of its scale: `"15.300"` |
//! | `TIMESTAMP` | `"2010-12-01T08:25:00"`, with `.ffffff` only if there is a fraction |
//! | `DATE` | `"2010-12-01"` |
//! | `BOOLEAN` | `true`, `false` |
//! | NULL | `null` |

use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike};
use serde_json::{Map, Number, Value};

/// Integers from here on are not exact in JavaScript.
const EXACT_BELOW: u64 = 1 << 53;

/// The rows as objects, fields in the order of the columns.
pub fn rows_to_json(batch: &RecordBatch, rows: Range<usize>) -> Vec<Map<String, Value>> {
    rows.map(|row| row_to_json(batch, row)).collect()
}

/// One row as an object, fields in the order of the columns.
pub fn row_to_json(batch: &RecordBatch, row: usize) -> Map<String, Value> {
    let fields = batch.schema_ref().fields().iter();
    fields.zip(batch.columns()).map(|(field, column)| (field.name().clone(), value_to_json(column, row))).collect()
}

/// One value.
pub fn value_to_json(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => float(column.as_primitive::<Float32Type>().value(row)),
        _ => Value::String(value_to_text(column, row).unwrap_or_default()),
    }
}

fn integer(value: i64) -> Value {
    if value.unsigned_abs() < EXACT_BELOW { value.into() } else { value.to_string().into() }
}

fn double(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
}

/// By way of its shortest text: `0.1_f32` is to be shown as 0.1, and not as the nearest 64-bit number.
fn float(value: f32) -> Value {
    value.to_string().parse().map_or_else(|_| value.to_string().into(), double)
}

/// One value as text, the way it stands in a key, a CSV cell or a JSON string; `None` for NULL.
pub fn value_to_text(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Float32 => column.as_primitive::<Float32Type>().value(row).to_string(),
        DataType::Date32 => date_text(column.as_primitive::<Date32Type>().value(row)),
        DataType::Decimal128(_, scale) => decimal_text(column.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Timestamp(_, _) => match column.as_primitive_opt::<TimestampMicrosecondType>() {
            Some(times) => timestamp_text(times.value(row)),
            None => display_text(column, row),
        },
        _ => display_text(column, row),
    })
}

/// What is no column type, as Arrow shows it: an intermediate result of a question may hold anything.
fn display_text(column: &dyn Array, row: usize) -> String {
    arrow::util::display::array_value_to_string(column, row).unwrap_or_default()
}

/// A decimal with all digits of its scale.
pub fn decimal_text(unscaled: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A timestamp, from microseconds since 1970, as ISO text without a zone; a fraction only if there is one.
pub fn timestamp_text(micros: i64) -> String {
    let Some(time) = DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc()) else {
        return micros.to_string();
    };
    let mut text = ymd_text(time.date());
    text.push_str(&format!("T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()));
    let fraction = micros.rem_euclid(1_000_000);
    if fraction != 0 {
        text.push_str(&format!(".{fraction:06}"));
    }
    text
}

/// A date, from days since 1970, as ISO text.
pub fn date_text(days: i32) -> String {
    let epoch = NaiveDate::default();
    epoch.checked_add_signed(TimeDelta::days(i64::from(days))).map_or_else(|| days.to_string(), ymd_text)
}

fn ymd_text(date: NaiveDate) -> String {
    let (sign, year) = if date.year() < 0 { ("-", date.year().unsigned_abs()) } else { ("", date.year() as u32) };
    format!("{sign}{year:04}-{:02}-{:02}", date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };

    use super::*;

    #[test]
    fn values_are_shown_as_the_pages_expect_them() {
        let decimals = Decimal128Array::from(vec![Some(15_300), Some(-5), None]).with_precision_and_scale(12, 3);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("text", Arc::new(StringArray::from(vec![Some("a\"b"), Some(""), None]))),
            ("long", Arc::new(Int64Array::from(vec![Some(1 << 53), Some(-7), None]))),
            ("double", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(1.5), None]))),
            ("float", Arc::new(Float32Array::from(vec![Some(0.1), Some(-2.0), None]))),
            ("yes", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("day", Arc::new(Date32Array::from(vec![Some(14_944), Some(-1), None]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_291_191_900_000_000), Some(-1), None]))),
            ("money", Arc::new(decimals.expect("a decimal"))),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let rows: Vec<String> =
            rows_to_json(&batch, 0..3).into_iter().map(|row| Value::Object(row).to_string()).collect();
        assert_eq!(
            rows[0],
            r#"{"text":"a\"b","long":"9007199254740992","double":"NaN","float":0.1,"yes":true,"day":"2010-12-01","at":"2010-12-01T08:25:00","money":"15.300"}"#
        );
        assert_eq!(
            rows[1],
            r#"{"text":"","long":-7,"double":1.5,"float":-2.0,"yes":false,"day":"1969-12-31","at":"1969-12-31T23:59:59.999999","money":"-0.005"}"#
        );
        assert!(rows[2].matches("null").count() == 8, "{}", rows[2]);
    }

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(decimal_text(0, 0), "0");
        assert_eq!(decimal_text(-1_106_206, 2), "-11062.06");
        assert_eq!(decimal_text(i128::MAX, 38), "1.70141183460469231731687303715884105727");
    }
}
