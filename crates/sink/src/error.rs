//! What can go wrong while writing or reading a store, and who has to act.

use std::io;
use std::path::PathBuf;

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use millrace_flow::{ErrorKind, StageError};
use parquet::errors::ParquetError;

/// An error of a sink or of a question asked of its store.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The warehouse's file cannot be opened.
    #[error("cannot open the warehouse `{}`: {source}; check that its folder exists and may be written", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The warehouse was opened for reading only.
    #[error("the warehouse `{}` is open for reading only; open it for writing to add a sink", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused something.
    #[error("warehouse: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Somebody else has taken over the writing of this table.
    #[error("table `{sink}` has been taken over by a newer writer; is another millrace using this folder?")]
    Fenced {
        /// The sink.
        sink: String,
    },
    /// The topic to read does not exist.
    #[error("topic `{topic}` not found; create it before its sink `{sink}` starts")]
    NoTopic {
        /// The topic.
        topic: String,
        /// Who wanted to read it.
        sink: String,
    },
    /// A record of a view that changes has no key.
    #[error(
        "record {offset} of partition {partition} for table `{sink}` has no key that is text; a view's rows need one"
    )]
    NoKey {
        /// The sink.
        sink: String,
        /// Partition of the record.
        partition: u32,
        /// Its offset.
        offset: i64,
    },
    /// A batch does not have the columns of its topic.
    #[error("records for `{sink}` have columns that do not fit: {reason}")]
    Columns {
        /// The sink.
        sink: String,
        /// What does not fit.
        reason: String,
    },
    /// A column's type cannot be stored.
    #[error(
        "column `{column}` has the type {found}, which cannot be stored; CAST it to a type such as BIGINT, DOUBLE, DECIMAL or STRING"
    )]
    Type {
        /// The column.
        column: String,
        /// Its type.
        found: DataType,
    },
    /// A name cannot be a table's or a column's.
    #[error("`{name}` cannot name a {what}: {reason}; choose another name")]
    Name {
        /// The name.
        name: String,
        /// What it should name.
        what: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// There is no such table.
    #[error("view `{view}` has no rows in the warehouse; is it a materialized view of this project?")]
    NoView {
        /// The name asked for.
        view: String,
    },
    /// There is no such column.
    #[error("column `{column}` does not exist in `{view}`; it has {known}")]
    NoColumn {
        /// The view.
        view: String,
        /// The name asked for.
        column: String,
        /// The columns there are.
        known: String,
    },
    /// A question cannot be understood.
    #[error("{message}; {cure}")]
    Question {
        /// What is wrong.
        message: String,
        /// What to do.
        cure: String,
    },
    /// The warehouse holds something that this program did not write.
    #[error("the warehouse is damaged: {0}; delete its file, it is made again from the topics")]
    Damaged(String),
    /// A lake table cannot be used as it is.
    #[error("lake table `{}`: {reason}", path.display())]
    Lake {
        /// Its folder.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The Delta log refused something.
    #[error("lake table `{}`: {source}", path.display())]
    Delta {
        /// The table's folder.
        path: PathBuf,
        /// Why.
        source: Box<DeltaTableError>,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Parquet refused something.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Parquet {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// Arrow refused something.
    #[error("columns: {0}")]
    Arrow(#[from] ArrowError),
}

impl SinkError {
    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Type { .. }
            | Self::Name { .. }
            | Self::NoView { .. }
            | Self::NoColumn { .. }
            | Self::Question { .. }
            | Self::Lake { .. } => ErrorKind::User,
            Self::NoTopic { .. }
            | Self::NoKey { .. }
            | Self::Columns { .. }
            | Self::ReadOnly { .. }
            | Self::Arrow(_) => ErrorKind::Bug,
            _ => ErrorKind::Outside,
        }
    }

    /// Whether the same call may succeed later: a full disk is made room on, a lock is let go.
    pub fn retry(&self) -> bool {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) => {
                use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, SystemIoFailure};
                matches!(failure.code, CannotOpen | DatabaseBusy | DatabaseLocked | DiskFull | SystemIoFailure)
            }
            Self::Delta { .. } | Self::File { .. } | Self::Parquet { .. } => true,
            _ => false,
        }
    }
}

impl From<SinkError> for StageError {
    fn from(error: SinkError) -> Self {
        Self::new(error.kind(), error.retry(), error)
    }
}
