//! Rows on their way out: Arrow columns written as JSON or CSV value by value, without a copy of the rows in between.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use millrace_schema::json::{value_to_json, value_to_text};
use millrace_schema::types::type_name;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// First characters that make a spreadsheet take a text for a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct ColumnHead {
    /// Its name.
    pub name: String,
    /// Its SQL type.
    #[serde(rename = "type")]
    #[schema(example = "DECIMAL(12,3)")]
    pub kind: String,
}

/// The columns of a schema.
pub(crate) fn heads(schema: &Schema) -> Vec<ColumnHead> {
    let head = |field: &arrow::datatypes::FieldRef| ColumnHead {
        name: field.name().clone(),
        kind: type_name(field.data_type()),
    };
    schema.fields().iter().map(head).collect()
}

/// Rows as an array of objects, fields in the order of the columns.
#[derive(Debug)]
pub(crate) struct Objects(pub(crate) Vec<RecordBatch>);

impl Serialize for Objects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.iter().map(RecordBatch::num_rows).sum()))?;
        for batch in &self.0 {
            for row in 0..batch.num_rows() {
                rows.serialize_element(&Object { key: None, batch, row })?;
            }
        }
        rows.end()
    }
}

/// One row as an object, with the record's key in front where there is one.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) batch: &'a RecordBatch,
    pub(crate) row: usize,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(key) = self.key {
            object.serialize_entry("_key", key)?;
        }
        for (field, column) in self.batch.schema_ref().fields().iter().zip(self.batch.columns()) {
            object.serialize_entry(field.name(), &value_to_json(column, self.row))?;
        }
        object.end()
    }
}

/// Rows as an array of arrays.
#[derive(Debug)]
pub(crate) struct Arrays(pub(crate) Vec<RecordBatch>);

impl Serialize for Arrays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.iter().map(RecordBatch::num_rows).sum()))?;
        for batch in &self.0 {
            for row in 0..batch.num_rows() {
                let values: Vec<_> = batch.columns().iter().map(|column| value_to_json(column, row)).collect();
                rows.serialize_element(&values)?;
            }
        }
        rows.end()
    }
}

/// Columns as an object of arrays.
#[derive(Debug)]
pub(crate) struct Columns(pub(crate) RecordBatch);

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut columns = serializer.serialize_map(Some(self.0.num_columns()))?;
        for (field, column) in self.0.schema_ref().fields().iter().zip(self.0.columns()) {
            columns.serialize_key(field.name())?;
            columns.serialize_value(&Values(column))?;
        }
        columns.end()
    }
}

struct Values<'a>(&'a arrow::array::ArrayRef);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.0.len()).map(|row| value_to_json(self.0, row)))
    }
}

/// The head line of a CSV file.
pub(crate) fn csv_head(schema: &Schema) -> Vec<u8> {
    let mut line = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        csv_cell(&mut line, index, field.name(), true);
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// The lines of a CSV file (RFC 4180): NULL is an empty cell, an empty text is `""`.
pub(crate) fn csv_lines(batch: &RecordBatch) -> Vec<u8> {
    let texts: Vec<bool> = batch.columns().iter().map(|column| column.data_type() == &DataType::Utf8).collect();
    let mut lines = Vec::new();
    for row in 0..batch.num_rows() {
        for (index, column) in batch.columns().iter().enumerate() {
            match value_to_text(column, row) {
                Some(value) => csv_cell(&mut lines, index, &value, texts[index]),
                None => separate(&mut lines, index),
            }
        }
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// Appends a cell. A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers and times, which may
/// begin with a sign, stay as they are.
fn csv_cell(line: &mut Vec<u8>, index: usize, value: &str, is_text: bool) {
    separate(line, index);
    let guard = if is_text && value.starts_with(FORMULA_STARTS) { "'" } else { "" };
    let quoted = is_text && (value.is_empty() || value.contains(['"', ',', '\n', '\r']));
    if quoted {
        line.extend_from_slice(format!("\"{guard}{}\"", value.replace('"', "\"\"")).as_bytes());
    } else {
        line.extend_from_slice(guard.as_bytes());
        line.extend_from_slice(value.as_bytes());
    }
}

fn separate(line: &mut Vec<u8>, index: usize) {
    if index > 0 {
        line.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, StringArray};

    use super::*;

    fn text(value: &impl Serialize) -> String {
        serde_json::to_string(value).expect("rows are JSON")
    }

    fn batch() -> RecordBatch {
        let texts = StringArray::from(vec![Some("=1+1"), Some("a \"b\", c"), Some(""), None, Some("-x")]);
        let money = Decimal128Array::from(vec![Some(-5), Some(15_300), None, Some(0), Some(1)]);
        let money = money.with_precision_and_scale(12, 3).expect("a decimal");
        let columns: Vec<(&str, ArrayRef)> = vec![("text", Arc::new(texts)), ("money", Arc::new(money))];
        RecordBatch::try_from_iter(columns).expect("a batch")
    }

    #[test]
    fn a_csv_cell_cannot_be_a_formula() {
        let batch = batch();
        let mut file = csv_head(batch.schema_ref());
        file.extend(csv_lines(&batch));
        let file = String::from_utf8(file).expect("text");
        assert_eq!(file, "text,money\r\n'=1+1,-0.005\r\n\"a \"\"b\"\", c\",15.300\r\n\"\",\r\n,0.000\r\n'-x,0.001\r\n");
    }

    #[test]
    fn rows_are_objects_arrays_or_columns() {
        let batch = batch().slice(1, 2);
        assert_eq!(
            text(&Objects(vec![batch.clone()])),
            r#"[{"text":"a \"b\", c","money":"15.300"},{"text":"","money":null}]"#
        );
        assert_eq!(text(&Arrays(vec![batch.clone()])), r#"[["a \"b\", c","15.300"],["",null]]"#);
        assert_eq!(text(&Columns(batch.clone())), r#"{"text":["a \"b\", c",""],"money":["15.300",null]}"#);
        let object = Object { key: Some("0:1"), batch: &batch, row: 1 };
        assert_eq!(text(&object), r#"{"_key":"0:1","text":"","money":null}"#);
    }
}
