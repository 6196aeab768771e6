//! Rewrites files: many small ones into one, or those that a power cut has left with rows of records that no longer exist.

use std::fs::File;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Int64Type, SchemaRef};
use deltalake::kernel::LogicalFileView;
use millrace_flow::Offset;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::commit::{Change, Lake, Purpose};
use super::config::DeltaSinkConfig;
use super::file::{FinishedFile, OFFSET, OpenFile, PARTITION, failed};
use crate::SinkError;

/// Rows held while rewriting.
const BATCH_ROWS: usize = 8_192;

/// Makes one file of the small ones if there are more than the sink wants, and lets go of files removed long ago.
pub(super) fn compact_if_many(
    lake: &mut Lake,
    label: &str,
    schema: &SchemaRef,
    config: &DeltaSinkConfig,
) -> Result<(), SinkError> {
    let small = pick(own_files(lake, label)?, config);
    if small.len() < 2 {
        return Ok(());
    }
    let name = format!("{label}.compact-{:020}.parquet", lake.version());
    let added = rewrite(lake, &format!("{label}.compact"), schema, &small, name, Ok)?;
    tracing::info!(sink = config.name, files = small.len(), "made one file of many");
    let change = Change { added: added.into_iter().collect(), removed: small, ..Change::default() };
    lake.commit(&change, Purpose::Compact)?;
    lake.vacuum()
}

/// The small files to be made into one, oldest first; none while there are few.
fn pick(mut files: Vec<LogicalFileView>, config: &DeltaSinkConfig) -> Vec<LogicalFileView> {
    let size = |view: &LogicalFileView| usize::try_from(view.size()).unwrap_or(0);
    files.retain(|view| size(view) < config.roll_bytes / 2 && rows(view) < config.roll_rows / 2);
    if files.len() <= config.compact_files {
        return Vec::new();
    }
    files.sort_by_cached_key(|view| (view.modification_time(), view.path().into_owned()));
    let (mut bytes, mut total) = (0, 0);
    files
        .into_iter()
        .take_while(|view| {
            bytes += size(view);
            total += rows(view);
            bytes <= config.roll_bytes && total <= config.roll_rows
        })
        .collect()
}

fn rows(view: &LogicalFileView) -> usize {
    view.num_records().unwrap_or(usize::MAX)
}

/// Takes away the rows at or after `next`, by partition, and goes back to those offsets.
pub(super) fn cut(
    lake: &mut Lake,
    label: &str,
    schema: &SchemaRef,
    next: &[Offset],
    cuts: i64,
) -> Result<(), SinkError> {
    let mut change = Change { next: Some(next.to_vec()), cuts: Some(cuts), ..Change::default() };
    for view in own_files(lake, label)? {
        if !has_rows_beyond(lake, &view, next)? {
            continue;
        }
        let name = format!("{label}.cut-{:020}-{}.parquet", lake.version(), change.removed.len());
        let keep = |batch: RecordBatch| Ok(filter_record_batch(&batch, &is_before(&batch, next))?);
        let files = [view];
        change.added.extend(rewrite(lake, &format!("{label}.cut"), schema, &files, name, keep)?);
        change.removed.extend(files);
    }
    lake.commit(&change, Purpose::Write)
}

fn has_rows_beyond(lake: &Lake, view: &LogicalFileView, next: &[Offset]) -> Result<bool, SinkError> {
    for batch in read(lake, view)? {
        if is_before(&batch?, next).has_false() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_before(batch: &RecordBatch, next: &[Offset]) -> BooleanArray {
    let column = |name| batch.column_by_name(name).expect("every file of ours has the columns of the origin");
    let partitions = column(PARTITION).as_primitive::<Int32Type>().values().iter();
    let offsets = column(OFFSET).as_primitive::<Int64Type>().values().iter();
    let before = |(partition, offset): (&i32, &i64)| {
        let next = usize::try_from(*partition).ok().and_then(|partition| next.get(partition));
        next.is_none_or(|next| *offset < next.0)
    };
    partitions.zip(offsets).map(|pair| Some(before(pair))).collect()
}

/// The files that this sink has written.
fn own_files(lake: &Lake, label: &str) -> Result<Vec<LogicalFileView>, SinkError> {
    let is_own = |view: &LogicalFileView| {
        let path = view.path();
        let rest = path.strip_prefix(label).and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| ["part-", "compact-", "cut-"].iter().any(|kind| rest.starts_with(kind)))
    };
    let mut files = lake.files()?;
    files.retain(|view| is_own(view) && view.deletion_vector_descriptor().is_none());
    Ok(files)
}

/// Writes the rows of `files` that `keep` leaves into one file; `None` if it leaves none.
fn rewrite(
    lake: &Lake,
    label: &str,
    schema: &SchemaRef,
    files: &[LogicalFileView],
    name: String,
    keep: impl Fn(RecordBatch) -> Result<RecordBatch, SinkError>,
) -> Result<Option<FinishedFile>, SinkError> {
    let mut open = OpenFile::create(lake.folder(), label, schema)?;
    for view in files {
        for batch in read(lake, view)? {
            let batch = keep(batch?)?;
            // The file's own schema may say of a column that it is never null; the table's does not.
            open.write(&RecordBatch::try_new(schema.clone(), batch.columns().to_vec())?)?;
        }
    }
    if open.rows() == 0 {
        return Ok(None);
    }
    open.finish(lake.folder(), name).map(Some)
}

fn read(lake: &Lake, view: &LogicalFileView) -> Result<ParquetRecordBatchReader, SinkError> {
    let path = lake.folder().join(view.path().as_ref());
    let file = File::open(&path).map_err(|source| failed("open", &path, source))?;
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.with_batch_size(BATCH_ROWS).build());
    reader.map_err(|source| SinkError::Parquet { doing: "read", path, source })
}
