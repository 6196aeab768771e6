//! Everything that can go wrong in the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_flow::{ErrorKind, Offset, StageError, TopicPartition, may_pass};
use thiserror::Error;

/// An error of the log.
#[derive(Debug, Error)]
pub enum LogError {
    /// Another process uses the folder.
    #[error("the log in `{}` is in use by process {pid}; stop it, or use another project folder", dir.display())]
    Locked {
        /// The log's folder.
        dir: PathBuf,
        /// Who holds it.
        pid: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder was written by a later version of this program.
    #[error("`{}` has format version {found}, this program knows up to {known}; use a newer program", path.display())]
    NewerFormat {
        /// The file with the version.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A file does not hold what was written to it.
    #[error("`{}` is damaged at byte {position}: {reason}; nothing was changed, restore the folder from a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A partition cannot be used.
    #[error("partition `{partition}` is offline: {reason}; nothing was cut, restore its folder from a backup")]
    PartitionOffline {
        /// The partition.
        partition: TopicPartition,
        /// Why.
        reason: Arc<str>,
    },
    /// A sync failed earlier: what the disk holds is unknown.
    #[error("the log is out of service since a write to the disk failed ({reason}); check the disk and start again")]
    OutOfService {
        /// What failed.
        reason: Arc<str>,
    },
    /// The log was closed.
    #[error("the log is closed; start the program again")]
    Closed,
    /// The log was opened for reading.
    #[error("the log is open for reading only; start the program to write to it")]
    ReadOnly,
    /// There is no such topic.
    #[error("topic `{0}` not found; `topic list` names those that exist")]
    UnknownTopic(Arc<str>),
    /// There is no such partition.
    #[error("partition `{0}` not found; its topic has fewer partitions")]
    UnknownPartition(TopicPartition),
    /// A topic cannot be called that.
    #[error("`{name}` cannot be a topic's name: {reason}; use 1 to 249 of the characters A-Z a-z 0-9 . _ -")]
    TopicName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A topic cannot have these properties.
    #[error("topic `{topic}` cannot be created: {reason}")]
    TopicSpec {
        /// The topic.
        topic: Arc<str>,
        /// What is wrong.
        reason: String,
    },
    /// A topic exists with other properties.
    #[error(
        "topic `{topic}` exists with {what} {found}, not {wanted}; give it another name, take the topic away (`millrace topic delete`, where clients wrote it), or remove the data folder to begin anew"
    )]
    TopicDiffers {
        /// The topic.
        topic: Arc<str>,
        /// Which property differs.
        what: &'static str,
        /// What it is.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A writer of that id is open.
    #[error("writer `{0}` is open already; a topic has one writer at a time")]
    WriterOpen(Arc<str>),
    /// A writer touched somebody else's topic.
    #[error("topic `{topic}` belongs to writer `{owner}`, `{writer}` cannot append to it")]
    NotOwner {
        /// The topic.
        topic: Arc<str>,
        /// Its writer.
        owner: Arc<str>,
        /// Who tried.
        writer: Arc<str>,
    },
    /// Records do not have the columns of their topic.
    #[error("records for topic `{topic}` do not have its columns: {detail}")]
    SchemaMismatch {
        /// The topic.
        topic: Arc<str>,
        /// The difference.
        detail: String,
    },
    /// The records were removed by retention.
    #[error(
        "partition `{partition}` begins at offset {start}, {from} is gone; read from {start}, or keep more records"
    )]
    OffsetGone {
        /// The partition.
        partition: TopicPartition,
        /// What was asked for.
        from: Offset,
        /// What there is.
        start: Offset,
    },
    /// Somebody remembers more than the log has.
    #[error(
        "partition `{partition}` ends at offset {end}, before {from}: the log lost its newest records in a power cut; \
         rebuild what was read from it"
    )]
    OffsetPastEnd {
        /// The partition.
        partition: TopicPartition,
        /// What was asked for.
        from: Offset,
        /// What there is.
        end: Offset,
    },
    /// A record is larger than a segment can take.
    #[error("a record of {bytes} bytes for topic `{topic}` exceeds the limit of {bytes_max}; split it at its source")]
    RecordTooLarge {
        /// The topic.
        topic: Arc<str>,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A writer appends without ever committing.
    #[error(
        "partition `{partition}` has {bytes} bytes that are not committed, {bytes_max} are allowed; commit more often"
    )]
    UncommittedTooLarge {
        /// The partition.
        partition: TopicPartition,
        /// How many.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A commit's cookie is too large.
    #[error("the cookie of writer `{writer}` has {bytes} bytes, {bytes_max} are allowed; keep its bulk in a file")]
    CookieTooLarge {
        /// The writer.
        writer: Arc<str>,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Values could not be turned into columns, or columns into values.
    #[error("cannot {action} records of topic `{topic}`: {reason}")]
    Values {
        /// `encode` or `decode`.
        action: &'static str,
        /// The topic.
        topic: Arc<str>,
        /// What is wrong.
        reason: String,
    },
    /// There is a topic of that name.
    #[error("topic `{0}` exists already")]
    TopicExists(Arc<str>),
    /// A topic cannot have a config, or not with this value.
    #[error("`{key}` cannot be `{value}`: set {allowed}")]
    TopicConfig {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A config that no topic has.
    #[error("topics have no config `{key}`; {cure}")]
    UnknownConfig {
        /// The key.
        key: String,
        /// The near one, or where all are.
        cure: String,
    },
    /// A setting has a value that no log can run with.
    #[error("`log.{key}` {reason}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
}

impl LogError {
    /// Makes the error of an I/O call on `path`; `action` is a verb, as in "cannot read".
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Makes the error of a damaged file.
    pub(crate) fn corrupt(path: &Path, position: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), position, reason: reason.into() }
    }

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Locked { .. }
            | Self::NewerFormat { .. }
            | Self::UnknownTopic(_)
            | Self::UnknownPartition(_)
            | Self::TopicName { .. }
            | Self::TopicSpec { .. }
            | Self::TopicDiffers { .. }
            | Self::TopicExists(_)
            | Self::TopicConfig { .. }
            | Self::UnknownConfig { .. }
            | Self::ReadOnly
            | Self::OffsetGone { .. }
            | Self::RecordTooLarge { .. }
            | Self::Config { .. } => ErrorKind::User,
            Self::Io { .. }
            | Self::Corrupt { .. }
            | Self::PartitionOffline { .. }
            | Self::OutOfService { .. }
            | Self::OffsetPastEnd { .. }
            | Self::Closed => ErrorKind::Outside,
            Self::WriterOpen(_)
            | Self::NotOwner { .. }
            | Self::SchemaMismatch { .. }
            | Self::UncommittedTooLarge { .. }
            | Self::CookieTooLarge { .. }
            | Self::Values { .. } => ErrorKind::Bug,
        }
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> bool {
        matches!(self, Self::Io { source, .. } if may_pass(source))
    }
}

impl From<LogError> for StageError {
    fn from(error: LogError) -> Self {
        Self::new(error.kind(), error.retry(), error)
    }
}
