//! The warehouse as any other program sees it: a SQLite file.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

/// The one SQLite file below the data folder.
fn find(folder: &Path) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let is_database = |path: &PathBuf| {
        let mut head = [0; 15];
        path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == b"SQLite format 3"
    };
    let here = entries.iter().find(|path| is_database(path)).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path)))
}

/// Rows of a table, and rows with a key of their own: equal where nothing is there twice.
#[track_caller]
pub(crate) fn count(project: &Path, table: &str) -> (u64, u64) {
    let file = find(&project.join(".millrace")).expect("the warehouse is a SQLite file in the data folder");
    let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("it opens");
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is checked");
    assert_eq!(integrity, "ok", "{}", file.display());
    let sql = format!("SELECT count(*), count(DISTINCT _key) FROM \"{table}\"");
    let counted = connection.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let (rows, keys) = counted.unwrap_or_else(|error| panic!("{table}: {error}"));
    (rows as u64, keys as u64)
}
