//! What can go wrong while a query runs.

use std::path::PathBuf;

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use millrace_flow::{ErrorKind, StageError, may_pass};

use crate::plan::{failure, in_plain_types};

/// An error of a running query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The snapshot on disk was written by another query.
    #[error(
        "`{query}` is no longer the query that its rows so far were computed with: what it reads, its filters, keys, \
         windows, aggregates or what is computed of them have changed; give the changed view another name, or remove the data folder to compute everything again"
    )]
    Fingerprint {
        /// The query.
        query: String,
    },
    /// The snapshot file is not what the last commit says it is.
    #[error("snapshot `{}` is damaged at byte {position}: {reason}; remove the data folder to compute everything again", file.display())]
    Snapshot {
        /// The file.
        file: PathBuf,
        /// Where in it.
        position: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The cookie of the last commit cannot be read.
    #[error("the last commit of `{query}` cannot be read: {reason}; it may come from a newer program")]
    Cookie {
        /// The query.
        query: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The state of one group does not fit a frame.
    #[error("the state of one group takes {bytes} bytes, more than snapshot `{}` can hold; group by more keys", file.display())]
    GroupTooLarge {
        /// The file.
        file: PathBuf,
        /// Bytes needed.
        bytes: usize,
    },
    /// A sum is larger than its type allows.
    #[error("a sum is too large for {}; add up less at a time, or CAST what is added to DOUBLE", in_plain_types(&data_type.to_string()))]
    SumTooLarge {
        /// The type of the sum.
        data_type: DataType,
    },
    /// A topic that the query reads has other columns than the query was planned with.
    #[error(
        "topic `{topic}` that `{query}` reads still has other columns: ({found}), not ({wanted}); \
         what writes it was changed and says what to do"
    )]
    OtherColumns {
        /// The query.
        query: String,
        /// The topic.
        topic: String,
        /// Its columns.
        found: String,
        /// Columns that were declared.
        wanted: String,
    },
    /// A topic that the query reads is missing.
    #[error("topic `{topic}` that `{query}` reads does not exist")]
    MissingTopic {
        /// The query.
        query: String,
        /// The topic.
        topic: String,
    },
    /// The state is larger than its budget.
    #[error(
        "the state of `{query}` needs {bytes} bytes, its budget is {budget}; \
         raise `state_budget` in section [engine] or group by fewer keys"
    )]
    StateBudget {
        /// The query.
        query: String,
        /// Bytes needed.
        bytes: usize,
        /// Bytes allowed.
        budget: usize,
    },
    /// A file of the state folder.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An expression or an aggregate.
    #[error("{0}")]
    DataFusion(#[from] DataFusionError),
    /// The expression of a column.
    #[error("column `{column}`: {source}")]
    Column {
        /// The column.
        column: String,
        /// Why it cannot be computed.
        source: Box<EngineError>,
    },
    /// A column operation.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// The log.
    #[error("{0}")]
    Log(#[from] StageError),
}

impl EngineError {
    /// What is wrong with a row on which this happened, in one line.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::DataFusion(error) => failure::reason_of(error),
            Self::Arrow(error) => failure::reason_of_arrow(error),
            Self::Column { column, source } => format!("column `{column}`: {}", source.reason()),
            other => other.to_string(),
        }
    }

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fingerprint { .. }
            | Self::StateBudget { .. }
            | Self::GroupTooLarge { .. }
            | Self::SumTooLarge { .. }
            | Self::OtherColumns { .. }
            | Self::MissingTopic { .. } => ErrorKind::User,
            Self::Snapshot { .. } | Self::Cookie { .. } | Self::Io { .. } => ErrorKind::Outside,
            Self::DataFusion(_) | Self::Arrow(_) | Self::Column { .. } => ErrorKind::Bug,
            Self::Log(error) => error.kind(),
        }
    }

    /// Whether the same work may succeed later.
    pub fn retry(&self) -> bool {
        match self {
            Self::Log(error) => error.retry(),
            // The work since the last commit is done again.
            Self::Io { source, .. } => may_pass(source),
            _ => false,
        }
    }
}

impl From<EngineError> for StageError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Log(error) => error,
            error => Self::new(error.kind(), error.retry(), error),
        }
    }
}
