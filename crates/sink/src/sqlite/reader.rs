//! Answers questions about tables, on connections of their own.

use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_flow::{Batches, StageError};
use rusqlite::{Connection, params_from_iter};

use super::Warehouse;
use super::query::{Columns, Filter, Prepared, RowsQuery, SummaryQuery};
use super::rows::RowBuilder;
use crate::SinkError;

/// Rows of a batch of a stream.
const STREAM_ROWS: usize = 8_192;
/// Batches that wait for whoever reads a stream.
const STREAM_BATCHES: usize = 2;

/// An answer to a [`RowsQuery`].
#[derive(Debug, Clone)]
pub struct RowsPage {
    /// The rows.
    pub batch: RecordBatch,
    /// How many rows fulfil the conditions, without limit and offset.
    pub total: u64,
}

impl Warehouse {
    /// The rows that `query` wants, and how many there are in all, as of one moment.
    ///
    /// # Errors
    /// When a name or a value does not fit.
    pub fn rows(&self, view: &str, query: &RowsQuery) -> Result<RowsPage, SinkError> {
        let entry = self.entry(view)?;
        let columns = Columns::new(&entry.table)?;
        let prepared = columns.rows(query)?;
        let changes = entry.changes();
        let mut reader = self.take_reader()?;
        let page = {
            let transaction = reader.transaction()?;
            let batch = collect(&transaction, prepared)?;
            let total = match known_total(query, batch.num_rows()) {
                Some(total) => total,
                None if query.filters.is_empty() => self.count_with(&transaction, &entry, changes)?,
                None => count(&transaction, &columns, &query.filters)?,
            };
            transaction.commit()?;
            RowsPage { batch, total }
        };
        self.give_back(reader);
        Ok(page)
    }

    /// Sums by group.
    ///
    /// # Errors
    /// When a name or a value does not fit, or a sum has too many digits.
    pub fn summary(&self, view: &str, query: &SummaryQuery) -> Result<RecordBatch, SinkError> {
        let entry = self.entry(view)?;
        let prepared = Columns::new(&entry.table)?.summary(query)?;
        let reader = self.take_reader()?;
        let answer = collect(&reader, prepared);
        self.give_back(reader);
        answer
    }

    /// The rows that `query` wants, however many, in batches read as they are asked for, all as of one moment.
    ///
    /// # Errors
    /// When a name or a value does not fit.
    pub fn stream(self: &Arc<Self>, view: &str, query: &RowsQuery) -> Result<(SchemaRef, Batches), SinkError> {
        let entry = self.entry(view)?;
        let prepared = Columns::new(&entry.table)?.rows(query)?;
        let schema = Arc::new(prepared.schema.clone());
        let reader = self.take_reader()?;
        let (sender, receiver) = mpsc::sync_channel(STREAM_BATCHES);
        let warehouse = self.clone();
        // A statement borrows its connection, so both live on a thread of their own, which ends when nobody listens.
        let run = move || {
            if let Err(error) = send(&reader, &prepared, &sender) {
                // Nobody listens any more if this fails: then nobody wants to know either.
                sender.send(Err(error.into())).ok();
            }
            warehouse.give_back(reader);
        };
        let spawned = thread::Builder::new().name("warehouse-scan".to_owned()).spawn(run);
        spawned.map_err(|source| SinkError::File {
            doing: "start a thread to read",
            path: self.path.clone(),
            source,
        })?;
        Ok((schema, Box::new(receiver.into_iter())))
    }
}

/// How many rows there are in all, if `rows` rows of an answer tell: a page that is not full is the last one, unless it lies
/// beyond the end.
fn known_total(query: &RowsQuery, rows: usize) -> Option<u64> {
    let last = query.limit.is_none_or(|limit| rows < limit) && (rows > 0 || query.offset == 0);
    last.then(|| u64::try_from(query.offset + rows).unwrap_or(u64::MAX))
}

fn count(reader: &Connection, columns: &Columns<'_>, filters: &[Filter]) -> Result<u64, SinkError> {
    let Prepared { sql, values, .. } = columns.count(filters)?;
    let rows: i64 = reader.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

fn collect(reader: &Connection, prepared: Prepared) -> Result<RecordBatch, SinkError> {
    let mut builder = RowBuilder::new(Arc::new(prepared.schema), &prepared.types);
    let mut statement = reader.prepare_cached(&prepared.sql)?;
    let mut rows = statement.query(params_from_iter(prepared.values))?;
    while let Some(row) = rows.next()? {
        builder.push(row)?;
    }
    builder.finish()
}

type Sent = Result<RecordBatch, StageError>;

fn send(reader: &Connection, prepared: &Prepared, sender: &SyncSender<Sent>) -> Result<(), SinkError> {
    let mut builder = RowBuilder::new(Arc::new(prepared.schema.clone()), &prepared.types);
    let mut statement = reader.prepare_cached(&prepared.sql)?;
    let mut rows = statement.query(params_from_iter(&prepared.values))?;
    while let Some(row) = rows.next()? {
        builder.push(row)?;
        if builder.rows() == STREAM_ROWS && sender.send(Ok(builder.finish()?)).is_err() {
            return Ok(());
        }
    }
    if builder.rows() > 0 {
        sender.send(Ok(builder.finish()?)).ok();
    }
    Ok(())
}
