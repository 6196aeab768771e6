//! What can be wrong with a schema or with bytes that should follow one.

use std::path::PathBuf;

use arrow::error::ArrowError;
use millrace_flow::{ErrorKind, StageError};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A type name that is none of the nine.
    #[error(
        "`{name}` is not a column type; use STRING, INT, BIGINT, DOUBLE, FLOAT, BOOLEAN, DATE, TIMESTAMP or DECIMAL(p, s)"
    )]
    UnknownType {
        /// As it was written.
        name: String,
    },
    /// An Arrow column of a type that has no place in a topic.
    #[error("column `{column}` has the type {found}, which a topic cannot hold; cast it to one of the column types")]
    UnsupportedColumn {
        /// The column.
        column: String,
        /// Its Arrow type.
        found: String,
    },
    /// An Avro schema that is not a flat record of the nine types.
    #[error("cannot use the avro schema: {reason}; expected a record of plain, optionally nullable fields")]
    UnsupportedAvro {
        /// What is in the way.
        reason: String,
    },
    /// A column that a reader needs and the writer never wrote.
    #[error("column `{column}` is not in the writer's schema and cannot be null; make it nullable")]
    MissingColumn {
        /// The column.
        column: String,
    },
    /// A column that changed its type between writer and reader.
    #[error("column `{column}` was written as {written} and is read as {read}; give the changed column a new name")]
    ChangedType {
        /// The column.
        column: String,
        /// SQL type in the writer's schema.
        written: String,
        /// SQL type in the reader's schema.
        read: String,
    },
    /// Bytes of one value that do not follow the schema.
    #[error("record {record} of the batch is not a value of schema {schema_id}: {reason}")]
    Record {
        /// Index of the record within what was handed in.
        record: usize,
        /// The schema it should follow.
        schema_id: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// A null where the schema has none.
    #[error("column `{column}` is declared not null, and row {row} has no value in it")]
    UnexpectedNull {
        /// The column.
        column: String,
        /// Index of the row within its batch.
        row: usize,
    },
    /// A batch whose columns are not those of the encoder.
    #[error("a batch of {found} columns was handed to an encoder of {expected}")]
    ColumnCount {
        /// Columns of the encoder's schema.
        expected: usize,
        /// Columns of the batch.
        found: usize,
    },
    /// A header with another number of columns than was declared.
    #[error(
        "the header has {} ({}) and {} are declared ({}); {}",
        columns(found.len()), found.join(", "), declared.len(), declared.join(", "), header_cure(found)
    )]
    Header {
        /// What the file says.
        found: Vec<String>,
        /// What was declared.
        declared: Vec<String>,
    },
    /// A file in UTF-16.
    #[error("the text is UTF-16, which cannot be read; convert it to UTF-8 first, for instance with iconv")]
    Utf16,
    /// A file that is something else than its name says.
    #[error(
        "this is no text but {what}; save it as CSV, or name a packed file for what it is: .csv.gz, .csv.zst or .csv.zip"
    )]
    NoText {
        /// What it is.
        what: &'static str,
    },
    /// A text without a line end that is one.
    #[error("its lines end with CR alone, as on very old Macs; save it with LF or CRLF")]
    LineEnds,
    /// A date or time format that cannot be understood.
    #[error("`{format}` is not a strftime format: {reason}; an example is `%m/%d/%Y %H:%M`")]
    TimeFormat {
        /// The format.
        format: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry is full.
    #[error("the schema registry is full: {what} exceeds {limit}; remove topics that are no longer needed")]
    RegistryFull {
        /// Which bound.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The registry's file holds something else.
    #[error("`{path}` is not a schema registry ({reason}); restore it from a backup")]
    RegistryCorrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry's file cannot be read or written.
    #[error("cannot {verb} the schema registry `{path}`: {source}; check the folder's permissions and free space")]
    RegistryFile {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Arrow refused what should have been well-formed.
    #[error("cannot build the columns: {0}")]
    Arrow(#[from] ArrowError),
}

impl SchemaError {
    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Record { .. } | Self::RegistryCorrupt { .. } | Self::RegistryFile { .. } => ErrorKind::Outside,
            Self::ColumnCount { .. } | Self::Arrow(_) => ErrorKind::Bug,
            _ => ErrorKind::User,
        }
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> bool {
        matches!(self, Self::RegistryFile { .. })
    }
}

impl From<SchemaError> for StageError {
    fn from(error: SchemaError) -> Self {
        Self::new(error.kind(), error.retry(), error)
    }
}

fn columns(count: usize) -> String {
    if count == 1 { "1 column".to_owned() } else { format!("{count} columns") }
}

/// What to do about a header with the wrong number of columns: one column that has another delimiter in it is many.
fn header_cure(found: &[String]) -> String {
    let [only] = found else { return "declare one column for each, in the file's order".to_owned() };
    let other =
        [(';', ";"), ('\t', "\\t"), ('|', "|"), (',', ",")].into_iter().find(|(other, _)| only.contains(*other));
    match other {
        Some((_, shown)) => format!("the columns look divided otherwise: set delimiter = '{shown}'"),
        None => "declare one column for each, in the file's order".to_owned(),
    }
}
