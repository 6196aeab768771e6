//! What can go wrong between a file and its topic.

use std::io;
use std::path::PathBuf;

use arrow::error::ArrowError;
use millrace_flow::{ErrorKind, StageError};
use millrace_schema::SchemaError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A pattern that matches nothing.
    #[error("no file matches `{pattern}` in `{folder}`; put one there, or set follow = true to wait for it")]
    NoFiles {
        /// The path or pattern as it was written.
        pattern: String,
        /// The project's folder.
        folder: PathBuf,
    },
    /// A pattern that is none.
    #[error("`{pattern}` is not a path or pattern: {reason}; an example is 'data/*.csv'")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More files than are kept track of.
    #[error("more than {limit} files match `{pattern}`; merge them or use a narrower pattern")]
    TooManyFiles {
        /// The path or pattern as it was written.
        pattern: String,
        /// The bound.
        limit: usize,
    },
    /// A file name that cannot be remembered.
    #[error("the file name `{path}` is not UTF-8; rename the file")]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// A file that cannot be read.
    #[error("cannot read `{path}`: {source}; check that it is there and readable")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A compressed file that is cut or damaged.
    #[error("`{path}` is damaged or not what its extension says: {reason}; compress it again")]
    Corrupt {
        /// The file.
        path: String,
        /// What the decompressor says.
        reason: String,
    },
    /// A file that became another one.
    #[error(
        "`{path}` was replaced after it had been read ({reason}); undo that, or give the new content a file name of its own"
    )]
    Replaced {
        /// The file.
        path: String,
        /// How that is known.
        reason: String,
    },
    /// A line that was read without a line end and went on later.
    #[error(
        "line {line} of `{path}` had no line end when it was read, and has gone on since; end it after byte {byte} of the text, as \
         it was read, with the whole row on a line of its own below, or delete the data folder to read everything anew"
    )]
    WentOn {
        /// The file.
        path: String,
        /// The line.
        line: u64,
        /// Bytes of the text up to where the line ended.
        byte: u64,
    },
    /// A file that went away before its end was read.
    #[error(
        "`{path}` is gone and was read only through line {line}; put it back, or make the source's path match it again"
    )]
    Gone {
        /// The file.
        path: String,
        /// The last line that was read.
        line: u64,
    },
    /// A file whose text does not fit the columns as a whole.
    #[error("`{path}`: {source}")]
    Text {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: SchemaError,
    },
    /// A position that this program cannot have written.
    #[error(
        "the position of source `{source_name}` cannot be understood ({reason}); it was written by another version"
    )]
    Position {
        /// The source.
        source_name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The declared columns or formats are none.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Arrow refused what should have been well-formed.
    #[error("cannot sort rows to partitions: {0}")]
    Arrow(#[from] ArrowError),
}

impl SourceError {
    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoFiles { .. } | Self::Pattern { .. } | Self::TooManyFiles { .. } | Self::Name { .. } => {
                ErrorKind::User
            }
            Self::Text { source, .. } | Self::Schema(source) => source.kind(),
            Self::Read { .. } | Self::Corrupt { .. } | Self::Replaced { .. } | Self::WentOn { .. } => {
                ErrorKind::Outside
            }
            Self::Gone { .. } | Self::Position { .. } => ErrorKind::Outside,
            Self::Arrow(_) => ErrorKind::Bug,
        }
    }

    /// Whether it is about what one of the files is, which may become another one.
    pub(crate) fn is_of_a_file(&self) -> bool {
        matches!(
            self,
            Self::Text { .. } | Self::Corrupt { .. } | Self::Replaced { .. } | Self::WentOn { .. } | Self::Gone { .. }
        )
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> bool {
        // Who may not read a file today may not tomorrow, unless somebody does something about it.
        matches!(self, Self::Read { source, .. } if source.kind() != io::ErrorKind::PermissionDenied)
    }
}

impl From<SourceError> for StageError {
    fn from(error: SourceError) -> Self {
        Self::new(error.kind(), error.retry(), error)
    }
}
