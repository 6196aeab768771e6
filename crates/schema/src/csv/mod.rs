//! CSV text to columns, and what does not fit to rejects.
//!
//! ```text
//! bytes ─▶ scan     where delimiters, quotes and line ends are, 64 bytes at a time
//!       ─▶ records  where the cells of each record are, and on which line it begins
//!       ─▶ column   the cells of one column to one array, column after column
//!       ─▶ Decoded  rows, their lines, rejects, and the position after them
//! ```
//!
//! What counts as CSV is RFC 4180, read kindly: LF or CRLF; a field that begins with a quote goes on to its closing quote,
//! over delimiters and line ends, a doubled quote inside stands for one; text behind the closing quote belongs to the field;
//! a quote elsewhere is a character like any other. Lines without any text are passed over. An empty field is NULL.
//!
//! Limits: a record has at most [`RECORD_BYTES_MAX`] bytes. A quoted field that goes on beyond that, or to the end of the
//! file, is taken for a stray quote: the line on which the record began is rejected and reading goes on with the line after it.
//! So a stray quote costs one line, and no input whatever makes the decoder hold more than about [`BATCH_BYTES`] +
//! [`RECORD_BYTES_MAX`]. What comes out does not depend on how the bytes were cut into pieces.

mod column;
mod decoder;
mod number;
mod options;
mod records;
mod rejects;
mod scan;
#[cfg(test)]
mod tests;
mod time;

pub use decoder::CsvDecoder;
pub use options::{CsvOptions, Encoding};
pub use time::TimeFormat;

use arrow::array::{RecordBatch, UInt64Array};

/// Bytes of one record at most. Far more than any order line, far less than memory.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Text after which a batch ends even if it has fewer rows than wanted.
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How much of an overlong record its reject keeps.
pub const REJECT_BYTES_MAX: usize = 64 * 1024;

/// A place between two records of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Bytes before it.
    pub byte: u64,
    /// Number of the line that begins there, from 1.
    pub line: u64,
}

impl Position {
    /// The beginning of a text.
    pub const START: Self = Self { byte: 0, line: 1 };
}

impl Default for Position {
    fn default() -> Self {
        Self::START
    }
}

/// A record that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Line on which it begins, from 1.
    pub line: u64,
    /// The column at fault, where it is one.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// The record as it stands in the text, without its line end; bytes that are no text are replaced.
    pub row: String,
}

/// What stands behind the last whole record of a text that may still grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// A line without its line end, and with no quote open: a row, if nothing more comes.
    Line,
    /// A quote that is open, or was until a moment ago: what its lines are depends on what comes.
    Quote,
}

/// Records that were read in one go.
#[derive(Debug)]
pub struct Decoded {
    /// Those that fit.
    pub rows: RecordBatch,
    /// Line on which each row begins.
    pub lines: UInt64Array,
    /// Those that do not, by line.
    pub rejects: Vec<Reject>,
    /// The place after the last of them.
    pub position: Position,
}
