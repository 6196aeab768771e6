//! Rows that leave the query by the side doors: the dead-letter topic and the late topic.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use millrace_flow::Batch;

use super::error::EngineError;

/// Why rows of one batch were refused.
#[derive(Default)]
pub(super) struct Refused {
    rows: Vec<u32>,
    reasons: Vec<String>,
}

impl Refused {
    /// Refuses row `row`.
    pub(super) fn push(&mut self, row: usize, reason: impl Into<String>) {
        self.rows.push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
        self.reasons.push(reason.into());
    }

    /// Number of rows refused.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Late rows of one batch.
#[derive(Default)]
pub(super) struct Late {
    rows: Vec<u32>,
    watermarks_us: Vec<i64>,
    windows_us: Vec<Option<i64>>,
    times_us: Vec<i64>,
}

impl Late {
    /// Row `row`, with time `time_us`, came when the watermark stood at `watermark_us` already.
    pub(super) fn push(&mut self, row: usize, time_us: i64, watermark_us: i64, window_us: Option<i64>) {
        self.rows.push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
        self.watermarks_us.push(watermark_us);
        self.windows_us.push(window_us);
        self.times_us.push(time_us);
    }

    /// The rows, in their order.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Number of late rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Columns of a dead-letter topic.
pub(super) fn dead_letter_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("stage"),
        text("file"),
        Field::new("line", DataType::Int64, true),
        text("column"),
        text("reason"),
        text("row"),
        Field::new("failed_at", timestamp(), true),
    ]))
}

/// Columns of a late topic whose rows come from a topic with `input`.
pub(super) fn late_schema(input: &Schema) -> SchemaRef {
    let mut fields: Vec<Field> =
        input.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    fields.push(Field::new("late_watermark", timestamp(), true));
    fields.push(Field::new("late_window_start", timestamp(), true));
    fields.push(Field::new("late_by_ms", DataType::Int64, true));
    Arc::new(Schema::new(fields))
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// The refused rows of `batch` as records of the dead-letter topic.
pub(super) fn dead_letters(
    stage: &str,
    batch: &Batch,
    refused: &Refused,
    file_name: impl Fn(u32) -> Option<String>,
    now_ms: i64,
) -> Result<Batch, EngineError> {
    let taken = batch.take(&UInt32Array::from(refused.rows.clone()))?;
    let rows = taken.num_rows();
    let texts = (0..rows).map(|row| row_text(&taken.values.slice(row, 1))).collect::<Result<Vec<_>, _>>()?;
    let line = |row: usize| taken.origin.as_ref().and_then(|origin| i64::try_from(origin.line.value(row)).ok());
    let mut names: HashMap<u32, Option<String>> = HashMap::new();
    let file = |row: usize| {
        let number = taken.origin.as_ref()?.file.value(row);
        names.entry(number).or_insert_with(|| file_name(number)).clone()
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![stage; rows])),
        Arc::new((0..rows).map(file).collect::<StringArray>()),
        Arc::new((0..rows).map(line).collect::<Int64Array>()),
        Arc::new(StringArray::new_null(rows)),
        Arc::new(StringArray::from(refused.reasons.clone())),
        Arc::new(StringArray::from(texts)),
        Arc::new(TimestampMicrosecondArray::from(vec![now_ms * 1_000; rows])),
    ];
    let values = RecordBatch::try_new(dead_letter_schema(), columns)?;
    let times_ms = Arc::new(Int64Array::from(vec![now_ms; rows]));
    Ok(Batch { values, times_ms, keys: taken.keys, origin: taken.origin, tombstones: None })
}

/// `rows`, which are the late ones of a batch, as records of the late topic.
pub(super) fn late_rows(schema: &SchemaRef, rows: Batch, late: &Late) -> Result<Batch, EngineError> {
    let mut columns = rows.values.columns().to_vec();
    let behind = late.watermarks_us.iter().zip(&late.times_us).map(|(watermark, time)| (watermark - time) / 1_000);
    columns.push(Arc::new(TimestampMicrosecondArray::from(late.watermarks_us.clone())));
    columns.push(Arc::new(TimestampMicrosecondArray::from(late.windows_us.clone())));
    columns.push(Arc::new(Int64Array::from_iter_values(behind)));
    let values = RecordBatch::try_new(schema.clone(), columns)?;
    Ok(Batch { values, ..rows })
}

/// A row as one line of JSON.
fn row_text(row: &RecordBatch) -> Result<String, EngineError> {
    let mut text = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut text);
    writer.write(row)?;
    writer.finish()?;
    Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
}
