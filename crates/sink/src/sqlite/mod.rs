//! The warehouse: one SQLite file with a table a materialized view, written by sinks and asked by everybody.
//!
//! ```text
//! "revenue_5m"  _key TEXT PRIMARY KEY | window_start TEXT | … | revenue TEXT | orders INTEGER     (WITHOUT ROWID)
//! _progress     sink TEXT, partition INTEGER | next INTEGER, epoch INTEGER
//! _views        name TEXT | topic TEXT, kind TEXT, partitions INTEGER, key TEXT, columns TEXT (JSON)
//! ```
//!
//! - Rows and the offsets they come from move in one transaction.
//! - `epoch` counts the writers a table has had; a transaction of any but the newest fails.
//! - DECIMAL is exact text with as many digits after the point as its scale, DATE and TIMESTAMP are ISO text, BOOLEAN is 0 or
//!   1, the NaN of a DOUBLE is the text `NaN`; all of them sort right, decimals by our own collation.
//! - One connection writes, behind a lock. Readers have their own and never wait for it (write-ahead log).
//! - A view whose columns, key, topic or partitions changed gets a new, empty table, filled from the topic's start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::Connection;

use crate::SinkError;

mod config;
mod connect;
mod decimal;
mod query;
mod reader;
mod rows;
mod schema;
mod table;
mod writer;

#[cfg(test)]
mod tests;

pub use config::WarehouseConfig;
pub use query::{Filter, FilterOp, OrderBy, RowsQuery, SummaryQuery};
pub use reader::RowsPage;
pub use schema::{RefusedName, ViewTable, refused_names};
pub use writer::SqliteSink;

/// The rows of all materialized views.
#[derive(Debug)]
pub struct Warehouse {
    path: PathBuf,
    config: WarehouseConfig,
    /// `None` when opened for reading only.
    writer: Option<Mutex<Connection>>,
    idle_readers: Mutex<Vec<Connection>>,
    catalog: RwLock<BTreeMap<String, Arc<Entry>>>,
}

/// A table and how many transactions this process has made on it.
#[derive(Debug)]
struct Entry {
    table: ViewTable,
    changes: AtomicU64,
    /// Number of rows as of a number of changes.
    counted: Mutex<Option<(u64, u64)>>,
}

impl Entry {
    fn new(table: ViewTable) -> Self {
        Self { table, changes: AtomicU64::new(0), counted: Mutex::default() }
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

impl Warehouse {
    /// Opens the warehouse, or makes it, with the default settings.
    ///
    /// # Errors
    /// When the file cannot be opened or is no warehouse.
    pub fn open(path: impl AsRef<Path>) -> Result<Arc<Self>, SinkError> {
        Self::open_with(path, WarehouseConfig::default())
    }

    /// Opens the warehouse, or makes it.
    ///
    /// # Errors
    /// When the file cannot be opened or is no warehouse.
    pub fn open_with(path: impl AsRef<Path>, config: WarehouseConfig) -> Result<Arc<Self>, SinkError> {
        let path = path.as_ref().to_path_buf();
        let connection = connect::open_writer(&path, &config)?;
        schema::create_catalog(&connection)?;
        let catalog = load_catalog(&connection)?;
        let writer = Some(Mutex::new(connection));
        Ok(Arc::new(Self { path, config, writer, idle_readers: Mutex::default(), catalog: RwLock::new(catalog) }))
    }

    /// Opens a warehouse that exists for questions only.
    ///
    /// # Errors
    /// When there is none at `path`.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Arc<Self>, SinkError> {
        let path = path.as_ref().to_path_buf();
        let config = WarehouseConfig::default();
        let connection = connect::open_reader(&path)?;
        let catalog = load_catalog(&connection)?;
        let idle_readers = Mutex::new(vec![connection]);
        Ok(Arc::new(Self { path, config, writer: None, idle_readers, catalog: RwLock::new(catalog) }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tables, by name.
    pub fn tables(&self) -> Vec<ViewTable> {
        self.read_catalog().values().map(|entry| entry.table.clone()).collect()
    }

    /// The sink that writes the table of `view`. Takes the writing over from whoever had it; makes the table, anew if the view
    /// is another one than it was.
    ///
    /// # Errors
    /// When a name or a type cannot be stored.
    pub fn sink(self: &Arc<Self>, view: &ViewTable) -> Result<SqliteSink, SinkError> {
        let known = self.read_catalog().get(&view.name).map(|entry| entry.table.clone());
        let epoch = writer::take_over(&mut *self.lock_writer()?, view, known.as_ref())?;
        let entry = Arc::new(Entry::new(view.clone()));
        self.write_catalog().insert(view.name.clone(), entry.clone());
        SqliteSink::new(self.clone(), entry, epoch)
    }

    /// Drops the tables of views that are none of `names`.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn retain(&self, names: &[&str]) -> Result<(), SinkError> {
        let gone: Vec<String> =
            self.read_catalog().keys().filter(|name| !names.contains(&name.as_str())).cloned().collect();
        let mut connection = self.lock_writer()?;
        for name in gone {
            let transaction = connection.transaction()?;
            schema::drop_table(&transaction, &name)?;
            transaction.commit()?;
            self.write_catalog().remove(&name);
        }
        Ok(())
    }

    fn entry(&self, view: &str) -> Result<Arc<Entry>, SinkError> {
        self.read_catalog().get(view).cloned().ok_or_else(|| SinkError::NoView { view: view.to_owned() })
    }

    fn lock_writer(&self) -> Result<MutexGuard<'_, Connection>, SinkError> {
        let writer = self.writer.as_ref().ok_or_else(|| SinkError::ReadOnly { path: self.path.clone() })?;
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_catalog(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_catalog(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for reading; give it back with [`Self::give_back`].
    fn take_reader(&self) -> Result<Connection, SinkError> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| connect::open_reader(&self.path), Ok)
    }

    fn give_back(&self, reader: Connection) {
        let mut idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.config.idle_readers && reader.is_autocommit() {
            idle.push(reader);
        }
    }

    /// Number of rows of a table, counted anew only when it changed.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn count(&self, view: &str) -> Result<u64, SinkError> {
        let entry = self.entry(view)?;
        let changes = entry.changes();
        let reader = self.take_reader()?;
        let rows = self.count_with(&reader, &entry, changes);
        self.give_back(reader);
        rows
    }

    /// Counts what `reader` sees. `changes` was read before `reader` began to look: so a count is never taken for newer than
    /// it is.
    fn count_with(&self, reader: &Connection, entry: &Entry, changes: u64) -> Result<u64, SinkError> {
        let counted = *entry.counted.lock().unwrap_or_else(PoisonError::into_inner);
        // Another process writes what is open for reading only here, and we would not know of its changes.
        if let Some((at, rows)) = counted
            && at == changes
            && self.writer.is_some()
        {
            return Ok(rows);
        }
        let sql = format!("SELECT count(*) FROM {}", schema::quote(&entry.table.name));
        let rows = reader.prepare_cached(&sql)?.query_row([], |row| row.get::<_, i64>(0))?;
        let rows = u64::try_from(rows).unwrap_or(0);
        *entry.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some((changes, rows));
        Ok(rows)
    }
}

fn load_catalog(connection: &Connection) -> Result<BTreeMap<String, Arc<Entry>>, SinkError> {
    let tables = schema::read_catalog(connection)?;
    Ok(tables.into_iter().map(|table| (table.name.clone(), Arc::new(Entry::new(table)))).collect())
}
