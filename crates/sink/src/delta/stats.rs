//! What the log says of a file, so that readers can skip it: rows, nulls, least and greatest values.
//!
//! A bound may be left out and must never be wrong. Floats have none, because Parquet's leave NaN out, which is the greatest of
//! all to other engines; nor have decimals, because a JSON number would round them; nor texts, of which nothing is known.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute;
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::ParquetMetaData;
use serde_json::{Map, Value, json};

use crate::time;

/// The statistics of a file, as JSON.
pub(super) fn describe(schema: &Schema, metadata: &ParquetMetaData) -> String {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    let parquet_schema = metadata.file_metadata().schema_descr();
    for field in schema.fields() {
        let Ok(converter) = StatisticsConverter::try_new(field.name(), schema, parquet_schema) else {
            continue;
        };
        if let Ok(mins) = converter.row_group_mins(metadata.row_groups())
            && let Some(value) = bound(&mins, true)
        {
            least.insert(field.name().clone(), value);
        }
        if let Ok(maxes) = converter.row_group_maxes(metadata.row_groups())
            && let Some(value) = bound(&maxes, false)
        {
            greatest.insert(field.name().clone(), value);
        }
        if let Ok(counts) = converter.row_group_null_counts(metadata.row_groups())
            && counts.null_count() == 0
        {
            let count = compute::sum(&counts).unwrap_or(0);
            nulls.insert(field.name().clone(), json!(count));
        }
    }
    let rows = metadata.file_metadata().num_rows();
    json!({ "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls }).to_string()
}

/// The least or greatest of the row groups' bounds, if each has one.
fn bound(groups: &ArrayRef, least: bool) -> Option<Value> {
    macro_rules! of {
        ($kind:ty) => {{
            let groups = groups.as_primitive::<$kind>();
            if least { compute::min(groups) } else { compute::max(groups) }
        }};
    }
    if groups.is_empty() || groups.null_count() > 0 {
        return None;
    }
    match groups.data_type() {
        DataType::Int32 => of!(Int32Type).map(Value::from),
        DataType::Int64 => of!(Int64Type).map(Value::from),
        DataType::Date32 => of!(Date32Type).map(|day| {
            let mut text = String::new();
            time::write_date(i64::from(day), &mut text);
            Value::from(text)
        }),
        DataType::Timestamp(_, _) => of!(TimestampMicrosecondType).map(|us| {
            let mut text = String::new();
            time::write_timestamp(us, &mut text);
            Value::from(text)
        }),
        _ => None,
    }
}
