//! Opens connections: their settings, our collation and our aggregate.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::WarehouseConfig;
use super::decimal;
use crate::SinkError;

/// Another process (a backup, a shell) may hold the file for this long before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements kept by a connection: a few a view.
const STATEMENTS_MAX: usize = 256;
/// The log is folded into the file after this many pages, about the size of one large transaction.
const CHECKPOINT_PAGES: u32 = 4_000;
/// What is left of the log's file once it is folded in.
const WAL_BYTES_MAX: u32 = 64 << 20;
/// Page cache of one reading connection.
const READER_CACHE_KIB: u32 = 4 << 10;

pub(super) fn open_writer(path: &Path, config: &WarehouseConfig) -> Result<Connection, SinkError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", if config.durable { "FULL" } else { "NORMAL" })?;
        connection.pragma_update(None, "cache_size", -i64::from(config.cache_bytes >> 10))?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX)?;
        Ok(connection)
    };
    open().map_err(|source| SinkError::Open { path: path.to_path_buf(), source })
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, SinkError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -i64::from(READER_CACHE_KIB))?;
        Ok(connection)
    };
    open().map_err(|source| SinkError::Open { path: path.to_path_buf(), source })
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    decimal::register(connection)
}
