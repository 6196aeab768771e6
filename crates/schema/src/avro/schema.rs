//! Avro schemas as JSON, from Arrow and back.
//!
//! Avro's names are narrower than SQL's. A column whose name Avro refuses is written under a name made from it, and keeps its
//! own in the attribute `column`, which Avro's readers ignore.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde_json::{Map, Value, json};

use crate::error::SchemaError;
use crate::types::is_decimal;

/// Attribute with the column's own name, where Avro refuses it.
const COLUMN_ATTRIBUTE: &str = "column";

/// The Avro schema, as JSON, of a record named after `name` with the columns of `schema`.
///
/// # Errors
/// When a column has a type that no topic can hold.
pub fn avro_json(name: &str, schema: &Schema) -> Result<String, SchemaError> {
    let mut taken = HashSet::new();
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        fields.push(field_json(field, &mut taken)?);
    }
    Ok(json!({"type": "record", "name": avro_name(name), "fields": fields}).to_string())
}

fn field_json(field: &Field, taken: &mut HashSet<String>) -> Result<Value, SchemaError> {
    let mut name = avro_name(field.name());
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    let of = type_json(field)?;
    let mut json = Map::new();
    json.insert("name".into(), name.clone().into());
    if field.is_nullable() {
        json.insert("type".into(), json!(["null", of]));
        json.insert("default".into(), Value::Null);
    } else {
        json.insert("type".into(), of);
    }
    if name != *field.name() {
        json.insert(COLUMN_ATTRIBUTE.into(), field.name().clone().into());
    }
    Ok(json.into())
}

fn type_json(field: &Field) -> Result<Value, SchemaError> {
    Ok(match field.data_type() {
        DataType::Utf8 => "string".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "long".into(),
        DataType::Float64 => "double".into(),
        DataType::Float32 => "float".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Date32 => json!({"type": "int", "logicalType": "date"}),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            json!({"type": "long", "logicalType": "local-timestamp-micros"})
        }
        DataType::Decimal128(precision, scale) if is_decimal(*precision, *scale) => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        other => {
            return Err(SchemaError::UnsupportedColumn { column: field.name().clone(), found: other.to_string() });
        }
    })
}

/// `name` with everything replaced that Avro allows in no name.
fn avro_name(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let mut safe: String = name.chars().map(keep).collect();
    if safe.is_empty() || safe.starts_with(|c: char| c.is_ascii_digit()) {
        safe.insert(0, '_');
    }
    safe
}

/// The Arrow schema of an Avro record of plain fields.
///
/// # Errors
/// When the JSON is no such schema.
pub fn arrow_schema(json: &str) -> Result<Schema, SchemaError> {
    Ok(Schema::new(writer_fields(json)?.into_iter().map(|of| of.field).collect::<Vec<_>>()))
}

/// One field as a writer's schema has it.
#[derive(Debug, Clone)]
pub(crate) struct WriterField {
    /// The column.
    pub(crate) field: Field,
    /// Which branch of the union is null; `None` when the field is no union.
    pub(crate) null_branch: Option<u8>,
}

/// The fields of an Avro record, in the order in which they are written.
pub(crate) fn writer_fields(json: &str) -> Result<Vec<WriterField>, SchemaError> {
    let refuse = |reason: String| SchemaError::UnsupportedAvro { reason };
    let schema: Value = serde_json::from_str(json).map_err(|error| refuse(format!("it is no JSON: {error}")))?;
    if schema.get("type").and_then(Value::as_str) != Some("record") {
        return Err(refuse("it is no record".into()));
    }
    let fields = schema.get("fields").and_then(Value::as_array).ok_or_else(|| refuse("it has no fields".into()))?;
    fields.iter().map(|field| writer_field(field).map_err(refuse)).collect()
}

fn writer_field(json: &Value) -> Result<WriterField, String> {
    let name = json.get("name").and_then(Value::as_str).ok_or("a field has no name")?;
    let of = json.get("type").ok_or_else(|| format!("field `{name}` has no type"))?;
    let unsupported = |of: &Value| format!("field `{name}` has the type {of}");
    let (of, null_branch) = match of.as_array().map(Vec::as_slice) {
        None => (of, None),
        Some([null, of]) if *null == "null" => (of, Some(0)),
        Some([of, null]) if *null == "null" => (of, Some(1)),
        Some(_) => return Err(unsupported(of)),
    };
    let data_type = data_type(of).ok_or_else(|| unsupported(of))?;
    let column = json.get(COLUMN_ATTRIBUTE).and_then(Value::as_str).unwrap_or(name);
    Ok(WriterField { field: Field::new(column, data_type, null_branch.is_some()), null_branch })
}

fn data_type(json: &Value) -> Option<DataType> {
    let plain = json.as_str().or_else(|| json.get("type").and_then(Value::as_str))?;
    let logical = json.get("logicalType").and_then(Value::as_str);
    Some(match (plain, logical) {
        ("int", Some("date")) => DataType::Date32,
        ("long", Some("local-timestamp-micros" | "timestamp-micros")) => {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        ("bytes", Some("decimal")) => {
            let precision = json.get("precision").and_then(Value::as_u64).and_then(|p| u8::try_from(p).ok())?;
            let scale = json.get("scale").map_or(Some(0), |s| s.as_i64().and_then(|s| i8::try_from(s).ok()))?;
            is_decimal(precision, scale).then_some(DataType::Decimal128(precision, scale))?
        }
        ("string", _) => DataType::Utf8,
        ("int", None) => DataType::Int32,
        ("long", None) => DataType::Int64,
        ("double", _) => DataType::Float64,
        ("float", _) => DataType::Float32,
        ("boolean", _) => DataType::Boolean,
        _ => return None,
    })
}
