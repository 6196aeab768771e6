//! The log as every stage sees it.
//!
//! A topic has one owner, its *writer*. What a writer appends is invisible until it commits; a commit makes all of it visible
//! at once, over any number of topics, and keeps a cookie of the writer's own: a source its position, a query its input
//! offsets and the length of its state files. After a crash the log cuts off what was appended and not committed, and hands
//! the writer its last cookie. That is the whole of exactly-once from log to log: Kafka's transaction with offset metadata is
//! the same contract.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Batch, Epoch, Offset, Result, Signal, TopicPartition};

/// What a topic holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopicKind {
    /// Records as a source read them.
    Source,
    /// The rows of a view that only ever grows: every record is a row.
    Rows,
    /// The rows of a view that change: a record replaces the row with its key, a null value takes it away.
    Upserts,
    /// Rows that could not be used, with the reason.
    DeadLetter,
    /// Rows that came after their window had closed.
    Late,
    /// Records that clients append through the Kafka port, whatever they are.
    Clients,
}

/// What a topic is created with.
#[derive(Debug, Clone)]
pub struct TopicSpec {
    /// Name, of `[A-Za-z0-9._-]`, at most 249 characters.
    pub name: Arc<str>,
    /// Number of partitions, at least 1.
    pub partitions: u32,
    /// Columns of the value.
    pub schema: SchemaRef,
    /// What it holds.
    pub kind: TopicKind,
    /// The writer that owns it.
    pub writer: Arc<str>,
    /// Column that the key was taken from, if it is one column.
    pub key: Option<String>,
    /// Column with the event time, if there is one.
    pub event_time: Option<String>,
    /// Oldest segments go when the partition exceeds this many bytes.
    pub retention_bytes: Option<u64>,
    /// Segments go when their newest record is older than this.
    pub retention_ms: Option<i64>,
}

/// What a topic is at this moment.
#[derive(Debug, Clone)]
pub struct TopicInfo {
    /// What it was created with.
    pub spec: TopicSpec,
    /// Id of the value's schema, in front of every value (Confluent's framing).
    pub schema_id: u32,
    /// First offset that is still there, by partition.
    pub starts: Vec<Offset>,
    /// Offset after the last committed record, by partition.
    pub ends: Vec<Offset>,
    /// Whether the writer has said, since the log was opened, that nothing more will come.
    pub sealed: bool,
    /// Whether it was sealed when the log was opened, and its writer has not said anything since.
    pub was_sealed: bool,
    /// Bytes on disk.
    pub bytes: u64,
}

impl TopicInfo {
    /// Number of committed records that are still there.
    pub fn records(&self) -> u64 {
        let of = |(start, end): (&Offset, &Offset)| u64::try_from(end.0 - start.0).unwrap_or(0);
        self.starts.iter().zip(&self.ends).map(of).sum()
    }

    /// The partitions, in order.
    pub fn partitions(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        (0..self.spec.partitions).map(|p| TopicPartition::new(self.spec.name.clone(), p))
    }
}

/// Records with consecutive offsets.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Offset of the first record.
    pub base: Offset,
    /// The records.
    pub batch: Batch,
}

impl Fetched {
    /// Offset after the last record.
    pub fn end(&self) -> Offset {
        self.base.advance(self.batch.num_rows())
    }
}

/// One commit of one writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its number.
    pub epoch: Epoch,
    /// What the writer wanted to keep with it.
    pub cookie: Bytes,
    /// Whether the writer said that nothing more will come.
    pub sealed: bool,
}

/// Partitioned, durable topics.
pub trait Log: Send + Sync {
    /// Creates a topic, or finds it as it is; refuses when it exists with another schema, owner or number of partitions.
    fn create_topic(&self, spec: TopicSpec) -> Result<TopicInfo>;

    /// The topic of that name.
    fn topic(&self, name: &str) -> Option<TopicInfo>;

    /// All topics, by name.
    fn topics(&self) -> Vec<TopicInfo>;

    /// Opens the writer of that id; a second one at the same time is refused.
    fn writer(&self, id: &str) -> Result<Box<dyn LogWriter>>;

    /// The last commit of a writer, whether or not it is open.
    fn last_commit(&self, writer: &str) -> Option<Commit>;

    /// Committed records of a partition from `from` on: at least one batch if there is any, then more up to about
    /// `max_bytes`. Empty at the end; an error below the first offset that is still there.
    fn read(&self, partition: &TopicPartition, from: Offset, max_bytes: usize) -> Result<Vec<Fetched>>;

    /// First offset whose record's timestamp is `time_ms` or later; the end if there is none.
    fn offset_for_time(&self, partition: &TopicPartition, time_ms: i64) -> Result<Offset>;

    /// Registers a reader, whose progress holds back the sources and retention while it lives.
    fn track_reader(&self, reader: &str, topic: &str) -> Result<Box<dyn ReaderPosition>>;

    /// Bytes between the slowest registered reader of a topic and the topic's end.
    fn backlog_bytes(&self, topic: &str) -> u64;

    /// Slowest registered position by reader name: `(reader, records behind)`.
    fn lags(&self, topic: &str) -> Vec<(String, u64)>;

    /// Moves at every commit and at every move of a reader.
    fn signal(&self) -> &Signal;
}

/// Appends to the topics of one writer.
pub trait LogWriter: Send {
    /// The last commit: the one found at opening, or this writer's own.
    fn last_commit(&self) -> Option<&Commit>;

    /// Appends records to a partition of an own topic, invisible until the commit; answers their offsets.
    fn append(&mut self, partition: &TopicPartition, batch: Batch) -> Result<Range<Offset>>;

    /// Makes everything appended since the last commit visible, at once, and keeps `cookie`. Whether it is also on the disk
    /// when this returns depends on the flush mode. `sealed` says that nothing more will come; a later commit without it
    /// opens the topics again.
    fn commit(&mut self, cookie: Bytes, sealed: bool) -> Result<Epoch>;

    /// Says that the seal of the last commit, if it had one, still holds: that there is nothing new since the log was opened.
    fn reseal(&mut self);

    /// Drops everything appended since the last commit.
    fn rollback(&mut self) -> Result<()>;

    /// Names a file (or, once dropped by the caller, a folder) whose content must be on the disk before any later commit
    /// counts as being there.
    fn attach(&mut self, file: Arc<File>);

    /// Removes files that commits before the last one named, once the last one is on the disk: until then a power cut can
    /// bring back a commit that needs them.
    fn discard(&mut self, files: Vec<PathBuf>);
}

/// Where a registered reader stands; dropping it ends the registration.
pub trait ReaderPosition: Send {
    /// Says that everything of `partition` before `next` has been used, and will not be asked for again even after a crash.
    fn advance(&self, partition: crate::PartitionId, next: Offset);

    /// Says that everything before `next` has been read and is kept by the reader until it is used: it counts as backlog no
    /// more, but must stay in the log.
    fn take(&self, partition: crate::PartitionId, next: Offset);
}
