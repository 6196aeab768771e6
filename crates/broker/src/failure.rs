//! What goes wrong, for us and for clients.

use std::io;
use std::path::PathBuf;

use millrace_flow::ErrorKind;
use millrace_log::{LogError, Refused};

use crate::groups::GroupError;
use crate::wire::ErrorCode;

/// Why the broker does not run.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What the broker remembers of its clients.
    #[error("what the broker remembers of its clients cannot be read: {0}; restore the data folder from a backup")]
    Remembered(String),
    /// A file of `[kafka] tls_…`.
    #[error("cannot speak TLS with `{}`: {why}", .file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A user that cannot be.
    #[error("{0}")]
    User(String),
    /// A group.
    #[error("group `{group}`: {error}")]
    Group {
        /// The group.
        group: String,
        /// What is wrong.
        error: GroupError,
    },
    /// The network.
    #[error("cannot accept connections: {0}")]
    Accept(io::Error),
}

/// What a client is told of an error of the log.
pub(crate) fn code_of(error: &LogError) -> ErrorCode {
    match error {
        LogError::UnknownTopic(_) | LogError::UnknownPartition(_) => ErrorCode::UnknownTopicOrPartition,
        LogError::OffsetGone { .. } | LogError::OffsetPastEnd { .. } => ErrorCode::OffsetOutOfRange,
        LogError::TopicExists(_) => ErrorCode::TopicAlreadyExists,
        LogError::TopicName { .. } => ErrorCode::InvalidTopic,
        LogError::TopicConfig { .. } | LogError::UnknownConfig { .. } => ErrorCode::InvalidConfig,
        LogError::TopicSpec { .. } => ErrorCode::InvalidPartitions,
        // A topic that this program writes itself is not anybody else's to write.
        LogError::NotOwner { .. } => ErrorCode::TopicAuthorizationFailed,
        LogError::Corrupt { .. } => ErrorCode::CorruptMessage,
        error if error.kind() == ErrorKind::Outside => ErrorCode::KafkaStorageError,
        _ => ErrorCode::UnknownServerError,
    }
}

/// What a client is told of a frame that was not appended.
pub(crate) fn code_of_refusal(refused: &Refused) -> ErrorCode {
    match refused {
        Refused::Corrupt(_) => ErrorCode::CorruptMessage,
        Refused::Invalid(_) | Refused::WithoutKey(_) => ErrorCode::InvalidRecord,
        Refused::OldFormat => ErrorCode::UnsupportedForMessageFormat,
        Refused::TooLarge { .. } => ErrorCode::MessageTooLarge,
        Refused::Timestamp => ErrorCode::InvalidTimestamp,
        Refused::OutOfOrder => ErrorCode::OutOfOrderSequenceNumber,
        Refused::OldDuplicate => ErrorCode::DuplicateSequenceNumber,
        Refused::Fenced => ErrorCode::InvalidProducerEpoch,
        Refused::OutsideTransaction | Refused::NotInTransaction => ErrorCode::InvalidTxnState,
        Refused::Log(error) => code_of(error),
    }
}
