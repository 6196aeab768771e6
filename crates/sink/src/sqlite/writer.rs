//! Brings the records of one topic into one table, with their offsets, in one transaction a write.
//!
//! Invariants: a record below the table's progress is skipped; of a key that comes more than once in a write only the last
//! record touches the table; a writer that has been replaced moves nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use hashbrown::HashSet;
use millrace_flow::{Batch, Fetched, Offset, Result, Sink, SinkInput, TopicKind};
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql, Transaction, TransactionBehavior, params};

use super::schema::{self, ColumnType, KEY, ViewTable, quote};
use super::{Entry, Warehouse, decimal};
use crate::{SinkError, time};

/// Writes the table of one view.
#[derive(Debug)]
pub struct SqliteSink {
    warehouse: Arc<Warehouse>,
    entry: Arc<Entry>,
    types: Vec<ColumnType>,
    upsert: String,
    delete: String,
    /// Which of the table's writers this is.
    epoch: i64,
}

/// Makes sure that the table of `view` is there and makes the caller its only writer; answers the new writer's epoch.
pub(super) fn take_over(
    connection: &mut Connection,
    view: &ViewTable,
    known: Option<&ViewTable>,
) -> Result<i64, SinkError> {
    let types = schema::column_types(view)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !known.is_some_and(|known| schema::same_table(known, view)) {
        schema::rebuild_table(&transaction, view, &types)?;
        transaction.execute(
            "DELETE FROM _progress WHERE sink = ?1 AND partition >= ?2",
            params![view.name, view.partitions],
        )?;
    }
    let last: Option<i64> =
        transaction.query_row("SELECT max(epoch) FROM _progress WHERE sink = ?1", [&view.name], |row| row.get(0))?;
    let epoch = last.unwrap_or(0) + 1;
    for partition in 0..view.partitions {
        transaction.execute(
            "INSERT INTO _progress (sink, partition, next, epoch) VALUES (?1, ?2, 0, ?3)
             ON CONFLICT (sink, partition) DO UPDATE SET epoch = excluded.epoch",
            params![view.name, partition, epoch],
        )?;
    }
    transaction.commit()?;
    Ok(epoch)
}

impl SqliteSink {
    pub(super) fn new(warehouse: Arc<Warehouse>, entry: Arc<Entry>, epoch: i64) -> Result<Self, SinkError> {
        let view = &entry.table;
        let types = schema::column_types(view)?;
        let (upsert, delete) =
            (upsert_sql(view), format!("DELETE FROM {} WHERE {} = ?1", quote(&view.name), quote(KEY)));
        Ok(Self { warehouse, types, upsert, delete, epoch, entry })
    }

    fn view(&self) -> &ViewTable {
        &self.entry.table
    }

    fn read_progress(&self, connection: &Connection) -> Result<Vec<Offset>, SinkError> {
        let sql = "SELECT next, epoch FROM _progress WHERE sink = ?1 ORDER BY partition";
        let mut statement = connection.prepare_cached(sql)?;
        let rows =
            statement.query_map([&self.view().name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let mut progress = Vec::with_capacity(self.view().partitions as usize);
        for row in rows {
            let (next, epoch) = row?;
            if epoch != self.epoch {
                return Err(SinkError::Fenced { sink: self.view().name.clone() });
            }
            progress.push(Offset(next));
        }
        if progress.len() != self.view().partitions as usize {
            return Err(SinkError::Fenced { sink: self.view().name.clone() });
        }
        Ok(progress)
    }

    fn store(&self, input: &[SinkInput]) -> Result<Vec<Offset>, SinkError> {
        let mut connection = self.warehouse.lock_writer()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut progress = self.read_progress(&transaction)?;
        let pieces = self.unseen(input, &progress)?;
        self.apply(&transaction, &pieces)?;
        for input in input {
            let next = &mut progress[input.partition.index()];
            *next = (*next).max(input.offsets.end);
        }
        self.write_progress(&transaction, &progress)?;
        transaction.commit()?;
        self.entry.changes.fetch_add(1, Ordering::Release);
        Ok(progress)
    }

    /// The records that the table does not have yet.
    fn unseen(&self, input: &[SinkInput], progress: &[Offset]) -> Result<Vec<Piece>, SinkError> {
        let mut pieces = Vec::new();
        for input in input {
            let next = progress.get(input.partition.index()).copied().ok_or_else(|| SinkError::Columns {
                sink: self.view().name.clone(),
                reason: format!("partition {} is not one of {}", input.partition, progress.len()),
            })?;
            for fetched in input.records.iter().filter(|fetched| fetched.end() > next) {
                pieces.push(self.piece(input.partition.0, fetched, next)?);
            }
        }
        Ok(pieces)
    }

    fn piece(&self, partition: u32, fetched: &Fetched, next: Offset) -> Result<Piece, SinkError> {
        let skip = usize::try_from(next.0 - fetched.base.0).unwrap_or(0);
        let batch = fetched.batch.slice(skip, fetched.batch.num_rows() - skip);
        let wrong = |reason| SinkError::Columns { sink: self.view().name.clone(), reason };
        if batch.values.num_columns() != self.types.len() {
            return Err(wrong(format!("{} instead of {}", batch.values.num_columns(), self.types.len())));
        }
        let mut columns = Vec::with_capacity(self.types.len());
        for ((array, field), kind) in batch.values.columns().iter().zip(self.view().schema.fields()).zip(&self.types) {
            let array =
                if array.data_type() == field.data_type() { array.clone() } else { cast(array, field.data_type())? };
            columns.push(Column::new(&array, *kind));
        }
        Ok(Piece { partition, base: fetched.base.advance(skip), batch, columns })
    }

    fn apply(&self, transaction: &Transaction<'_>, pieces: &[Piece]) -> Result<(), SinkError> {
        let mut upsert = transaction.prepare_cached(&self.upsert)?;
        let mut delete = transaction.prepare_cached(&self.delete)?;
        let mut text = String::new();
        if self.view().kind == TopicKind::Upserts {
            for (key, piece, row) in self.last_of_each_key(pieces)? {
                if piece.batch.is_tombstone(row) {
                    delete.execute([key])?;
                } else {
                    piece.upsert(&mut upsert, key, row, &mut text)?;
                }
            }
            return Ok(());
        }
        let mut key = String::new();
        for piece in pieces {
            for row in (0..piece.batch.num_rows()).filter(|row| !piece.batch.is_tombstone(*row)) {
                use std::fmt::Write as _;
                key.clear();
                write!(key, "{}:{}", piece.partition, piece.base.advance(row)).expect("a String takes all");
                piece.upsert(&mut upsert, &key, row, &mut text)?;
            }
        }
        Ok(())
    }

    /// The last record of each key, in the order of the keys: the table is kept in that order, and so each of its pages is
    /// looked for once, even when the table is far larger than the cache.
    fn last_of_each_key<'a>(&self, pieces: &'a [Piece]) -> Result<Vec<(&'a str, &'a Piece, usize)>, SinkError> {
        let records: usize = pieces.iter().map(|piece| piece.batch.num_rows()).sum();
        let mut seen: HashSet<&str> = HashSet::with_capacity(records);
        let mut last = Vec::with_capacity(records);
        for piece in pieces.iter().rev() {
            for row in (0..piece.batch.num_rows()).rev() {
                let key = piece.key(row).ok_or_else(|| SinkError::NoKey {
                    sink: self.view().name.clone(),
                    partition: piece.partition,
                    offset: piece.base.advance(row).0,
                })?;
                if seen.insert(key) {
                    last.push((key, piece, row));
                }
            }
        }
        last.reverse();
        last.sort_by_key(|(key, ..)| *key);
        Ok(last)
    }

    fn write_progress(&self, transaction: &Transaction<'_>, progress: &[Offset]) -> Result<(), SinkError> {
        let mut statement = transaction
            .prepare_cached("UPDATE _progress SET next = ?1 WHERE sink = ?2 AND partition = ?3 AND epoch = ?4")?;
        for (partition, next) in (0_u32..).zip(progress) {
            if statement.execute(params![next.0, self.view().name, partition, self.epoch])? != 1 {
                return Err(SinkError::Fenced { sink: self.view().name.clone() });
            }
        }
        Ok(())
    }

    fn cut_table(&self, ends: &[Offset]) -> Result<(), SinkError> {
        let mut connection = self.warehouse.lock_writer()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut progress = self.read_progress(&transaction)?;
        if self.view().kind == TopicKind::Upserts {
            // What a row was before the lost records is not known here; the topic tells it again from its start.
            transaction.execute(&format!("DELETE FROM {}", quote(&self.view().name)), [])?;
            progress.fill(Offset(0));
        } else {
            let sql = format!(
                "DELETE FROM {} WHERE CAST(substr({KEY}, 1, instr({KEY}, ':') - 1) AS INTEGER) = ?1
                 AND CAST(substr({KEY}, instr({KEY}, ':') + 1) AS INTEGER) >= ?2",
                quote(&self.view().name)
            );
            for (partition, (next, end)) in (0_u32..).zip(progress.iter_mut().zip(ends)) {
                transaction.execute(&sql, params![partition, end.0])?;
                *next = (*next).min(*end);
            }
        }
        self.write_progress(&transaction, &progress)?;
        transaction.commit()?;
        self.entry.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

impl Sink for SqliteSink {
    fn progress(&mut self) -> Result<Vec<Offset>> {
        let connection = self.warehouse.lock_writer()?;
        Ok(self.read_progress(&connection)?)
    }

    fn write(&mut self, input: Vec<SinkInput>) -> Result<Option<Vec<Offset>>> {
        if input.is_empty() { Ok(None) } else { Ok(Some(self.store(&input)?)) }
    }

    /// Every write is a transaction of its own: nothing is ever left to flush.
    fn flush(&mut self) -> Result<Option<Vec<Offset>>> {
        Ok(None)
    }

    fn cut(&mut self, ends: &[Offset]) -> Result<()> {
        Ok(self.cut_table(ends)?)
    }
}

fn upsert_sql(view: &ViewTable) -> String {
    let names: Vec<String> = view.schema.fields().iter().map(|field| quote(field.name())).collect();
    let places: String = (0..names.len()).map(|i| format!(", ?{}", i + 2)).collect();
    let sets: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let (table, key) = (quote(&view.name), quote(KEY));
    format!(
        "INSERT INTO {table} ({key}, {}) VALUES (?1{places}) ON CONFLICT ({key}) DO UPDATE SET {}",
        names.join(", "),
        sets.join(", ")
    )
}

/// Records with their columns at hand.
struct Piece {
    partition: u32,
    /// Offset of the first record.
    base: Offset,
    batch: Batch,
    columns: Vec<Column>,
}

impl Piece {
    fn key(&self, row: usize) -> Option<&str> {
        let keys = self.batch.keys.as_ref()?;
        if keys.is_null(row) {
            return None;
        }
        std::str::from_utf8(keys.value(row)).ok()
    }

    fn upsert(&self, statement: &mut Statement<'_>, key: &str, row: usize, text: &mut String) -> Result<(), SinkError> {
        statement.raw_bind_parameter(1, key)?;
        for (i, column) in self.columns.iter().enumerate() {
            column.bind(statement, i + 2, row, text)?;
        }
        statement.raw_execute()?;
        Ok(())
    }
}

/// One column of a batch, its type known.
enum Column {
    Boolean(BooleanArray),
    Int(Int32Array),
    BigInt(Int64Array),
    Float(Float32Array),
    Double(Float64Array),
    Text(StringArray),
    Date(Date32Array),
    Timestamp(TimestampMicrosecondArray),
    Decimal(Decimal128Array, u32),
}

impl Column {
    fn new(array: &ArrayRef, kind: ColumnType) -> Self {
        match kind {
            ColumnType::Boolean => Self::Boolean(array.as_boolean().clone()),
            ColumnType::Int => Self::Int(array.as_primitive::<Int32Type>().clone()),
            ColumnType::BigInt => Self::BigInt(array.as_primitive::<Int64Type>().clone()),
            ColumnType::Float => Self::Float(array.as_primitive::<Float32Type>().clone()),
            ColumnType::Double => Self::Double(array.as_primitive::<Float64Type>().clone()),
            ColumnType::Text => Self::Text(array.as_string::<i32>().clone()),
            ColumnType::Date => Self::Date(array.as_primitive::<Date32Type>().clone()),
            ColumnType::Timestamp => Self::Timestamp(array.as_primitive::<TimestampMicrosecondType>().clone()),
            ColumnType::Decimal { scale, .. } => Self::Decimal(array.as_primitive::<Decimal128Type>().clone(), scale),
        }
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Boolean(array) => array,
            Self::Int(array) => array,
            Self::BigInt(array) => array,
            Self::Float(array) => array,
            Self::Double(array) => array,
            Self::Text(array) => array,
            Self::Date(array) => array,
            Self::Timestamp(array) => array,
            Self::Decimal(array, _) => array,
        }
    }

    fn bind(&self, statement: &mut Statement<'_>, at: usize, row: usize, text: &mut String) -> rusqlite::Result<()> {
        if self.array().is_null(row) {
            return statement.raw_bind_parameter(at, Null);
        }
        text.clear();
        let value = match self {
            Self::Boolean(array) => ValueRef::Integer(i64::from(array.value(row))),
            Self::Int(array) => ValueRef::Integer(i64::from(array.value(row))),
            Self::BigInt(array) => ValueRef::Integer(array.value(row)),
            Self::Float(array) => real(f64::from(array.value(row))),
            Self::Double(array) => real(array.value(row)),
            Self::Text(array) => ValueRef::Text(array.value(row).as_bytes()),
            Self::Date(array) => {
                time::write_date(i64::from(array.value(row)), text);
                ValueRef::Text(text.as_bytes())
            }
            Self::Timestamp(array) => {
                time::write_timestamp(array.value(row), text);
                ValueRef::Text(text.as_bytes())
            }
            Self::Decimal(array, scale) => {
                decimal::write(array.value(row), *scale, text);
                ValueRef::Text(text.as_bytes())
            }
        };
        statement.raw_bind_parameter(at, Bound(value))
    }
}

/// SQLite turns a NaN into NULL, so it is kept as text, which also sorts after every number.
fn real(value: f64) -> ValueRef<'static> {
    if value.is_nan() { ValueRef::Text(b"NaN") } else { ValueRef::Real(value) }
}

/// A value that is bound without being copied first.
struct Bound<'a>(ValueRef<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}
