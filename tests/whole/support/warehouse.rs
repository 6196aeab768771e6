//! The warehouse as any other program sees it: a SQLite file.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Rows of a table, and rows with a key of their own: equal where nothing is there twice.
#[track_caller]
pub(crate) fn count(project: &Path, table: &str) -> (i64, i64) {
    let file = project.join(".millrace/warehouse.sqlite");
    let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the warehouse opens");
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is checked");
    assert_eq!(integrity, "ok", "{}", file.display());
    let sql = format!("SELECT count(*), count(DISTINCT _key) FROM \"{table}\"");
    let counted = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    counted.unwrap_or_else(|error| panic!("{table}: {error}"))
}
