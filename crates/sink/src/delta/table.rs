//! A Delta table as rows that questions are asked of: the files of its newest version, one after the other.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};
use deltalake::DeltaTable;
use millrace_flow::{Batches, Result, Table};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::commit::{load, wait};
use super::file::failed;
use crate::SinkError;

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

struct LakeTable {
    folder: PathBuf,
    schema: SchemaRef,
}

/// The table in the folder `path`; each scan is of the version that is newest then.
///
/// # Errors
/// When there is no Delta table, or one with features that are not read here.
pub fn table(path: impl AsRef<Path>) -> Result<Arc<dyn Table>, SinkError> {
    let folder = path.as_ref().to_path_buf();
    let schema = newest(&folder)?.1;
    Ok(Arc::new(LakeTable { folder, schema }))
}

fn newest(folder: &Path) -> Result<(DeltaTable, SchemaRef), SinkError> {
    let refuse = |reason: &str| SinkError::Lake { path: folder.to_path_buf(), reason: reason.to_owned() };
    if !folder.is_dir() {
        return Err(refuse("there is no such folder; it is made when its sink has written rows"));
    }
    let table = wait(folder, load(folder))?;
    let table = table.ok_or_else(|| refuse("there is no Delta table yet; it is made when its sink starts"))?;
    let wrap = |source| SinkError::Delta { path: folder.to_path_buf(), source: Box::new(source) };
    let state = table.snapshot().map_err(wrap)?;
    if !state.metadata().partition_columns().is_empty() {
        return Err(refuse("it is partitioned by columns, which is not read here; read it with another engine"));
    }
    let schema = state.snapshot().arrow_schema();
    Ok((table, schema))
}

impl Table for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn scan(&self, projection: Option<&[usize]>, limit: Option<usize>) -> Result<Batches> {
        let (table, _) = newest(&self.folder)?;
        let wrap = |source| SinkError::Delta { path: self.folder.clone(), source: Box::new(source) };
        let mut files = Vec::new();
        for view in table.snapshot().map_err(wrap)?.log_data().iter() {
            if view.deletion_vector_descriptor().is_some() {
                let reason = "it has deletion vectors, which are not read here; read it with another engine".to_owned();
                return Err(SinkError::Lake { path: self.folder.clone(), reason }.into());
            }
            files.push((view.modification_time(), self.folder.join(view.path().as_ref())));
        }
        files.sort();
        let files: Vec<PathBuf> = files.into_iter().map(|(_, path)| path).collect();
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns).map_err(SinkError::Arrow)?),
            None => self.schema.clone(),
        };
        Ok(Box::new(Scan { files: files.into_iter(), schema, current: None, left: limit.unwrap_or(usize::MAX) }))
    }
}

/// Batches of the remaining files.
struct Scan {
    files: vec::IntoIter<PathBuf>,
    schema: SchemaRef,
    current: Option<ParquetRecordBatchReader>,
    /// Rows that may still be given.
    left: usize,
}

impl Scan {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, SinkError> {
        while self.left > 0 {
            let batch = match &mut self.current {
                Some(reader) => reader.next().transpose()?,
                None => None,
            };
            if let Some(batch) = batch {
                let batch = batch.slice(0, batch.num_rows().min(self.left));
                self.left -= batch.num_rows();
                return fit(&batch, &self.schema).map(Some);
            }
            match self.files.next() {
                Some(path) => self.current = Some(open(&path, &self.schema, self.left)?),
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Iterator for Scan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_batch();
        if next.is_err() {
            self.left = 0;
        }
        next.map_err(Into::into).transpose()
    }
}

fn open(path: &Path, schema: &Schema, limit: usize) -> Result<ParquetRecordBatchReader, SinkError> {
    let file = File::open(path).map_err(|source| failed("open", path, source))?;
    let read = || -> parquet::errors::Result<ParquetRecordBatchReader> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        builder.with_projection(mask).with_batch_size(BATCH_ROWS).with_limit(limit).build()
    };
    read().map_err(|source| SinkError::Parquet { doing: "read", path: path.to_path_buf(), source })
}

/// The columns of `schema`, in its order and types; a column that is younger than the file is null there.
fn fit(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SinkError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => column.clone(),
            Some(column) => cast(column, field.data_type())?,
            None => new_null_array(field.data_type(), batch.num_rows()),
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
