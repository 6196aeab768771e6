//! Rows of SQLite as Arrow columns of their exact types.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int32Builder,
    Int64Builder, RecordBatch, RecordBatchOptions, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, SchemaRef};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::decimal;
use super::schema::ColumnType;
use crate::{SinkError, time};

/// Columns that rows are added to.
pub(super) struct RowBuilder {
    schema: SchemaRef,
    columns: Vec<Builder>,
    rows: usize,
}

impl RowBuilder {
    pub(super) fn new(schema: SchemaRef, types: &[ColumnType]) -> Self {
        let columns = types.iter().map(|kind| Builder::new(*kind)).collect();
        Self { schema, columns, rows: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn push(&mut self, row: &Row<'_>) -> Result<(), SinkError> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            let value = row.get_ref(at)?;
            column.push(value).ok_or_else(|| {
                let name = self.schema.field(at).name();
                SinkError::Damaged(format!("column `{name}` holds a value of another type: {value:?}"))
            })?;
        }
        self.rows += 1;
        Ok(())
    }

    /// The rows so far; begins anew.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, SinkError> {
        let columns = self.columns.iter_mut().map(Builder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

enum Builder {
    Boolean(BooleanBuilder),
    Int(Int32Builder),
    BigInt(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Decimal(Decimal128Builder, u32),
}

impl Builder {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Int => Self::Int(Int32Builder::new()),
            ColumnType::BigInt => Self::BigInt(Int64Builder::new()),
            ColumnType::Float => Self::Float(Float32Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            ColumnType::Decimal { precision, scale } => {
                let digits = i8::try_from(scale).expect("a scale is at most 38");
                let builder = Decimal128Builder::new().with_data_type(DataType::Decimal128(precision, digits));
                Self::Decimal(builder, scale)
            }
        }
    }

    /// Appends a value; `None` if it is of another type than the column's.
    fn push(&mut self, value: ValueRef<'_>) -> Option<()> {
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().map(str::to_owned),
            _ => None,
        };
        match (self, value) {
            (Self::Boolean(builder), ValueRef::Null) => builder.append_null(),
            (Self::Int(builder), ValueRef::Null) => builder.append_null(),
            (Self::BigInt(builder), ValueRef::Null) => builder.append_null(),
            (Self::Float(builder), ValueRef::Null) => builder.append_null(),
            (Self::Double(builder), ValueRef::Null) => builder.append_null(),
            (Self::Text(builder), ValueRef::Null) => builder.append_null(),
            (Self::Date(builder), ValueRef::Null) => builder.append_null(),
            (Self::Timestamp(builder), ValueRef::Null) => builder.append_null(),
            (Self::Decimal(builder, _), ValueRef::Null) => builder.append_null(),
            (Self::Boolean(builder), ValueRef::Integer(value)) => builder.append_value(value != 0),
            (Self::Int(builder), ValueRef::Integer(value)) => builder.append_value(i32::try_from(value).ok()?),
            (Self::BigInt(builder), ValueRef::Integer(value)) => builder.append_value(value),
            #[expect(clippy::cast_possible_truncation, reason = "it was made from an f32")]
            (Self::Float(builder), value) => builder.append_value(number(value)? as f32),
            (Self::Double(builder), value) => builder.append_value(number(value)?),
            (Self::Text(builder), ValueRef::Text(value)) => builder.append_value(std::str::from_utf8(value).ok()?),
            (Self::Date(builder), value) => builder.append_value(time::parse_date(&text(value)?)?),
            (Self::Timestamp(builder), value) => builder.append_value(time::parse_timestamp(&text(value)?)?),
            (Self::Decimal(builder, scale), value) => builder.append_value(decimal::parse(&text(value)?, *scale)?),
            _ => return None,
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::BigInt(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder, _) => Arc::new(builder.finish()),
        }
    }
}

fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Real(value) => Some(value),
        #[expect(
            clippy::cast_precision_loss,
            reason = "SQLite keeps a whole REAL as an integer only where that is exact"
        )]
        ValueRef::Integer(value) => Some(value as f64),
        ValueRef::Text(b"NaN") => Some(f64::NAN),
        _ => None,
    }
}
