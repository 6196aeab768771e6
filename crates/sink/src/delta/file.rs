//! One Parquet file: written row by row, seen by nobody until it is finished and renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{cast, filter_record_batch, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use millrace_flow::{Batch, Offset, PartitionId};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::stats;
use crate::SinkError;

/// Partition of the topic that a row comes from.
pub(super) const PARTITION: &str = "_partition";
/// Offset of its record.
pub(super) const OFFSET: &str = "_offset";
/// Timestamp of its record.
pub(super) const TIME: &str = "_time";

/// Rows of a row group: bounds what a writer holds in memory, and is what readers skip by.
const ROW_GROUP_ROWS: usize = 256 << 10;
/// Beyond this a column's dictionary has stopped to pay, and the column is written plainly.
const DICTIONARY_BYTES_MAX: usize = 512 << 10;
/// Microseconds of a millisecond.
const US_A_MS: i64 = 1_000;

/// The columns of the lake: those of the topic, nullable so that they may change, and the record's origin.
pub(super) fn lake_schema(schema: &Schema) -> Result<SchemaRef, SinkError> {
    let mut fields: Vec<Field> = Vec::with_capacity(schema.fields().len() + 3);
    for field in schema.fields() {
        let refuse =
            |reason| Err(SinkError::Name { name: field.name().clone(), what: "column of a lake table", reason });
        if [PARTITION, OFFSET, TIME].iter().any(|own| field.name().eq_ignore_ascii_case(own)) {
            return refuse("the lake adds a column of that name to every row");
        }
        if fields.iter().any(|other| other.name().eq_ignore_ascii_case(field.name())) {
            return refuse("there is another one that differs in no more than case");
        }
        if field.name().is_empty() || field.name().contains([' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '=']) {
            return refuse("Delta tables allow none of ` ,;{}()=` in names");
        }
        if !is_kept(field.data_type()) {
            return Err(SinkError::Type { column: field.name().clone(), found: field.data_type().clone() });
        }
        fields.push(Field::new(field.name(), field.data_type().clone(), true));
    }
    fields.push(Field::new(PARTITION, DataType::Int32, true));
    fields.push(Field::new(OFFSET, DataType::Int64, true));
    fields.push(Field::new(TIME, DataType::Timestamp(TimeUnit::Microsecond, None), true));
    Ok(Arc::new(Schema::new(fields)))
}

fn is_kept(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::Date32
        | DataType::Timestamp(TimeUnit::Microsecond, None) => true,
        DataType::Decimal128(_, scale) => *scale >= 0,
        _ => false,
    }
}

/// The rows of a batch as the lake keeps them; records without a value are no rows.
pub(super) fn lake_rows(
    schema: &SchemaRef,
    partition: PartitionId,
    base: Offset,
    batch: &Batch,
) -> Result<RecordBatch, SinkError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (array, field) in batch.values.columns().iter().zip(schema.fields()) {
        columns.push(if array.data_type() == field.data_type() {
            array.clone()
        } else {
            cast(array, field.data_type())?
        });
    }
    let rows = batch.num_rows();
    let number = i32::try_from(partition.0).unwrap_or(i32::MAX);
    columns.push(Arc::new(Int32Array::from_value(number, rows)));
    columns.push(Arc::new(Int64Array::from_iter_values(base.0..base.advance(rows).0)));
    let times_us = batch.times_ms.values().iter().map(|ms| ms.saturating_mul(US_A_MS));
    columns.push(Arc::new(TimestampMicrosecondArray::from_iter_values(times_us)));
    let all = RecordBatch::try_new(schema.clone(), columns)?;
    match &batch.tombstones {
        Some(gone) => Ok(filter_record_batch(&all, &not(gone)?)?),
        None => Ok(all),
    }
}

/// A file that is being written.
pub(super) struct OpenFile {
    path: PathBuf,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    rows: usize,
}

/// A file that is finished, on the disk, under its last name.
#[derive(Debug)]
pub(super) struct FinishedFile {
    /// Name within the table's folder.
    pub(super) name: String,
    pub(super) bytes: i64,
    /// What the log says of it, as JSON.
    pub(super) stats: String,
}

impl OpenFile {
    /// Begins a file in `folder` on behalf of `sink`, over whatever a crash has left of the last one.
    pub(super) fn create(folder: &Path, sink: &str, schema: &SchemaRef) -> Result<Self, SinkError> {
        let path = folder.join(format!(".{sink}.open"));
        let file = File::create(&path).map_err(|source| failed("create", &path, source))?;
        let options = ArrowWriterOptions::new().with_properties(properties(schema)).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, schema.clone(), options)
            .map_err(|source| SinkError::Parquet { doing: "begin", path: path.clone(), source })?;
        Ok(Self { path, writer, schema: schema.clone(), rows: 0 })
    }

    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<(), SinkError> {
        let result = self.writer.write(rows);
        result.map_err(|source| SinkError::Parquet { doing: "write", path: self.path.clone(), source })?;
        self.rows += rows.num_rows();
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes written and encoded so far.
    pub(super) fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Ends the file, brings it to the disk and gives it its `name`.
    pub(super) fn finish(mut self, folder: &Path, name: String) -> Result<FinishedFile, SinkError> {
        let wrap = |source| SinkError::Parquet { doing: "finish", path: self.path.clone(), source };
        let metadata = self.writer.finish().map_err(wrap)?;
        let stats = stats::describe(&self.schema, &metadata);
        // The writer has flushed everything into the file by now.
        let file = self.writer.inner();
        file.sync_all().map_err(|source| failed("bring to the disk", &self.path, source))?;
        let bytes = file.metadata().map_err(|source| failed("look at", &self.path, source))?.len();
        let path = folder.join(&name);
        fs::rename(&self.path, &path).map_err(|source| failed("rename to", &path, source))?;
        sync_folder(folder)?;
        Ok(FinishedFile { name, bytes: i64::try_from(bytes).unwrap_or(i64::MAX), stats })
    }
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), SinkError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| failed("bring to the disk", folder, source))
}

pub(super) fn failed(doing: &'static str, path: &Path, source: std::io::Error) -> SinkError {
    SinkError::File { doing, path: path.to_path_buf(), source }
}

/// Zstandard at its fastest, which costs little more than nothing and halves what snappy leaves; dictionaries for text and
/// small values; differences for what rises.
fn properties(schema: &Schema) -> WriterProperties {
    let level = ZstdLevel::try_new(1).expect("1 is a level of Zstandard");
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(format!("millrace {}", env!("CARGO_PKG_VERSION")));
    for field in schema.fields() {
        builder = column_properties(builder, field);
    }
    builder.build()
}

fn column_properties(builder: WriterPropertiesBuilder, field: &Field) -> WriterPropertiesBuilder {
    let path = ColumnPath::from(field.name().clone());
    if *field.data_type() == DataType::Utf8 {
        // Least and greatest texts of rows in the order of time let nothing be skipped, and finding them costs a fifth.
        return builder.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    let rises = matches!(field.data_type(), DataType::Timestamp(_, _)) || field.name() == OFFSET;
    if rises {
        let builder = builder.set_column_dictionary_enabled(path.clone(), false);
        builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
    } else {
        builder
    }
}
