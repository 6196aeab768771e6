//! What can go wrong while a query runs.

use std::path::PathBuf;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use millrace_flow::{ErrorKind, StageError};

/// An error of a running query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The snapshot on disk was written by another query.
    #[error(
        "the state of `{query}` was written by a query with other keys, windows or aggregates; \
         give the changed view another name, or remove the data folder to compute everything again"
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
    /// A column operation.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// The log.
    #[error("{0}")]
    Log(#[from] StageError),
}

impl EngineError {
    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fingerprint { .. } | Self::StateBudget { .. } | Self::MissingTopic { .. } => ErrorKind::User,
            Self::Snapshot { .. } | Self::Cookie { .. } | Self::Io { .. } => ErrorKind::Outside,
            Self::DataFusion(_) | Self::Arrow(_) => ErrorKind::Bug,
            Self::Log(error) => error.kind(),
        }
    }

    /// Whether the same work may succeed later.
    pub fn retry(&self) -> bool {
        matches!(self, Self::Log(error) if error.retry())
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
