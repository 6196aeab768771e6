//! The values of one topic: columns to records and back.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_flow::{Batch, Fetched, Offset, Origin};
use millrace_schema::avro::{Decoder, Encoder, Values};

use crate::LogError;
use crate::record_batch::{Damage, FrameView, RecordView};

/// Most records decoded into one batch: as many as stay in the caches of a core, and enough to forget the cost of a batch.
const BATCH_ROWS_MAX: usize = 16 << 10;
/// Decoders kept for the next reader: more than that never read one topic at once for long.
const IDLE_DECODERS_MAX: usize = 8;

/// Turns columns of one topic into values, and values into columns.
#[derive(Debug)]
pub(crate) struct Codec {
    topic: Arc<str>,
    schema: SchemaRef,
    schema_id: u32,
    avro: Arc<str>,
    /// Missing where clients append whatever they like: their values are one column of bytes.
    encoder: Option<Encoder>,
    idle: Mutex<Vec<Decoder>>,
}

/// The column of a topic that clients append to.
pub(crate) fn bytes_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("value", DataType::Binary, true)]))
}

/// Why records could not be turned into columns.
#[derive(Debug)]
pub(crate) enum DecodeFailure {
    /// The frame.
    Damage(Damage),
    /// The value.
    Values(LogError),
}

impl Codec {
    /// A codec for a topic with these columns, whose values have `schema_id` in front and are written as `avro` says.
    pub(crate) fn new(topic: Arc<str>, schema: SchemaRef, schema_id: u32, avro: Arc<str>) -> Result<Self, LogError> {
        let encoder = Encoder::new(schema_id, &schema);
        let encoder = encoder.map_err(|error| failed("encode", &topic, error))?;
        Ok(Self { topic, schema, schema_id, avro, encoder: Some(encoder), idle: Mutex::default() })
    }

    /// A codec for a topic of whatever clients append.
    pub(crate) fn of_bytes(topic: Arc<str>) -> Self {
        let (schema, avro) = (bytes_schema(), Arc::from(""));
        Self { topic, schema, schema_id: 0, avro, encoder: None, idle: Mutex::default() }
    }

    /// The schema of the values as Avro's JSON.
    pub(crate) fn avro(&self) -> &Arc<str> {
        &self.avro
    }

    /// The same records with exactly the columns of the topic, or what is different about them.
    pub(crate) fn conform(&self, mut batch: Batch) -> Result<Batch, LogError> {
        let found = batch.values.schema();
        if Arc::ptr_eq(&found, &self.schema) {
            return Ok(batch);
        }
        let names = |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let mismatch = |detail: String| LogError::SchemaMismatch { topic: self.topic.clone(), detail };
        if names(&found) != names(&self.schema) {
            return Err(mismatch(format!("there are {:?}, not {:?}", names(&found), names(&self.schema))));
        }
        let columns = batch.values.columns().to_vec();
        batch.values =
            RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| mismatch(error.to_string()))?;
        Ok(batch)
    }

    /// Writes the value of every row to `out`.
    pub(crate) fn encode(&self, values: &RecordBatch, out: &mut Values) -> Result<(), LogError> {
        let encoder = self.encoder.as_ref().expect("what clients append to has no writer that encodes");
        encoder.encode(values, out).map_err(|error| failed("encode", &self.topic, error))
    }

    /// The records of `frames` with offsets from `from` on.
    pub(crate) fn decode(&self, frames: &[FrameView<'_>], from: i64) -> Result<Vec<Fetched>, DecodeFailure> {
        if self.encoder.is_none() {
            return decode_bytes(frames, from, &self.schema).map_err(DecodeFailure::Damage);
        }
        let mut decoder = self.take_decoder().map_err(DecodeFailure::Values)?;
        let left = frames.iter().map(|frame| frame.header.count).sum::<usize>();
        let mut rows = Rows::with_capacity(left.min(BATCH_ROWS_MAX));
        let mut fetched = Vec::with_capacity(left / BATCH_ROWS_MAX + 1);
        for record in frames.iter().flat_map(FrameView::records) {
            let record = record.map_err(DecodeFailure::Damage)?;
            if record.offset < from {
                continue;
            }
            let origin = record.origin().map_err(DecodeFailure::Damage)?;
            if rows.is_full_for(origin) {
                fetched.push(self.finish(&mut rows, &mut decoder)?);
            }
            rows.push(&record, origin);
        }
        if !rows.times_ms.is_empty() {
            fetched.push(self.finish(&mut rows, &mut decoder)?);
        }
        self.put_back(decoder);
        Ok(fetched)
    }

    fn finish(&self, rows: &mut Rows<'_>, decoder: &mut Decoder) -> Result<Fetched, DecodeFailure> {
        let values = decoder.decode_optional(rows.values.drain(..));
        let values = values.map_err(|error| DecodeFailure::Values(failed("decode", &self.topic, error)))?;
        let fetched = Fetched { base: Offset(rows.base), batch: rows.take_batch(values) };
        Ok(fetched)
    }

    fn take_decoder(&self) -> Result<Decoder, LogError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(decoder) => Ok(decoder),
            None => Decoder::new(self.schema_id, &self.avro, self.schema.clone())
                .map_err(|error| failed("decode", &self.topic, error)),
        }
    }

    fn put_back(&self, decoder: Decoder) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_DECODERS_MAX {
            idle.push(decoder);
        }
    }
}

/// What clients have appended, with the values as they are: a batch for every run of consecutive offsets.
fn decode_bytes(frames: &[FrameView<'_>], from: i64, schema: &SchemaRef) -> Result<Vec<Fetched>, Damage> {
    let mut fetched = Vec::with_capacity(frames.len());
    for frame in frames.iter().filter(|frame| !frame.header.is_control()) {
        let unpacked = frame.unpacked()?;
        let mut rows = Rows::with_capacity(frame.header.count.min(BATCH_ROWS_MAX));
        let mut next = from;
        for record in frame.records_in(&unpacked) {
            let record = record?;
            if record.offset < from {
                continue;
            }
            if !rows.times_ms.is_empty() && (record.offset != next || rows.times_ms.len() == BATCH_ROWS_MAX) {
                fetched.push(rows.take_bytes(schema));
            }
            next = record.offset + 1;
            rows.push(&record, None);
        }
        if !rows.times_ms.is_empty() {
            fetched.push(rows.take_bytes(schema));
        }
    }
    Ok(fetched)
}

fn failed(action: &'static str, topic: &Arc<str>, error: impl ToString) -> LogError {
    LogError::Values { action, topic: topic.clone(), reason: error.to_string() }
}

/// Records on their way to columns.
struct Rows<'a> {
    base: i64,
    times_ms: Vec<i64>,
    keys: Vec<Option<&'a [u8]>>,
    values: Vec<Option<&'a [u8]>>,
    tombstones: Vec<bool>,
    files: Vec<u32>,
    lines: Vec<u64>,
}

impl<'a> Rows<'a> {
    fn with_capacity(rows: usize) -> Self {
        Self {
            base: 0,
            times_ms: Vec::with_capacity(rows),
            keys: Vec::with_capacity(rows),
            values: Vec::with_capacity(rows),
            tombstones: Vec::with_capacity(rows),
            files: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Whether the next record, which has this origin, must go to another batch: an origin is that of a whole batch.
    fn is_full_for(&self, origin: Option<(u32, u64)>) -> bool {
        let rows = self.times_ms.len();
        rows == BATCH_ROWS_MAX || (rows > 0 && origin.is_some() == self.files.is_empty())
    }

    fn push(&mut self, record: &RecordView<'a>, origin: Option<(u32, u64)>) {
        if self.times_ms.is_empty() {
            self.base = record.offset;
        }
        self.times_ms.push(record.time_ms);
        self.keys.push(record.key);
        self.values.push(record.value);
        self.tombstones.push(record.value.is_none());
        if let Some((file, line)) = origin {
            self.files.push(file);
            self.lines.push(line);
        }
    }

    /// The batch of these records, with their values as they are; begins anew.
    fn take_bytes(&mut self, schema: &SchemaRef) -> Fetched {
        let values: ArrayRef = Arc::new(BinaryArray::from_iter(self.values.drain(..)));
        let values = RecordBatch::try_new(schema.clone(), vec![values]).expect("it is the one column of bytes");
        Fetched { base: Offset(self.base), batch: self.take_batch(values) }
    }

    /// The batch of these records, with their values in columns; begins anew.
    fn take_batch(&mut self, values: RecordBatch) -> Batch {
        let rows = self.times_ms.len();
        let mut batch = Batch::new(values, Int64Array::from(std::mem::take(&mut self.times_ms)));
        if self.keys.iter().any(Option::is_some) {
            batch = batch.with_keys(BinaryArray::from_iter(self.keys.iter()));
        }
        if self.files.len() == rows {
            let file = Arc::new(UInt32Array::from(std::mem::take(&mut self.files)));
            let line = Arc::new(UInt64Array::from(std::mem::take(&mut self.lines)));
            batch = batch.with_origin(Origin { file, line });
        }
        let batch = batch.with_tombstones(BooleanArray::from(std::mem::take(&mut self.tombstones)));
        self.keys.clear();
        self.files.clear();
        self.lines.clear();
        batch
    }
}
