//! The traits of what stands at the two ends of the log.

use std::ops::Range;
use std::sync::Arc;

use crate::{Clock, Fetched, Log, Offset, PartitionId, Result, StageStatus, Stop};

/// What a source runs with.
#[derive(Clone)]
pub struct SourceContext {
    /// Where it writes.
    pub log: Arc<dyn Log>,
    /// When to stop.
    pub stop: Stop,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What it reports on.
    pub status: Arc<StageStatus>,
}

/// Something that writes topics.
pub trait Source: Send {
    /// Runs on a thread of its own until the source has ended or it is told to stop; everything read by then is committed.
    ///
    /// Called again after an error that may pass, it goes on from its last commit.
    fn run(&mut self, context: &SourceContext) -> Result<()>;
}

/// Records of one partition that a sink is handed.
#[derive(Debug, Clone)]
pub struct SinkInput {
    /// The partition.
    pub partition: PartitionId,
    /// Offsets covered: `start` is what the sink said it wants next.
    pub offsets: Range<Offset>,
    /// The records, in order.
    pub records: Vec<Fetched>,
}

/// Something that reads topics and keeps its progress together with the rows.
pub trait Sink: Send {
    /// Next offset wanted, by partition, as the store itself remembers it. What was taken and is not in the store is
    /// forgotten, so that after an error one goes on from here.
    fn progress(&mut self) -> Result<Vec<Offset>>;

    /// Takes records. They may stay in memory until [`Sink::flush`]; when they reach the store, their offsets do so in the
    /// same transaction. Answers the next offsets, by partition, that the store now remembers, if that moved.
    fn write(&mut self, input: Vec<SinkInput>) -> Result<Option<Vec<Offset>>>;

    /// Brings everything taken so far to the store. Called when the topic is sealed and read to its end, when the program
    /// stops, and whenever the sink's flush interval passes.
    fn flush(&mut self) -> Result<Option<Vec<Offset>>>;

    /// Takes back what came from records at or after `ends`, by partition: the topic ends there, because a power cut took its
    /// tail, and other records will have those offsets. Afterwards [`Sink::progress`] is nowhere beyond `ends`.
    fn cut(&mut self, ends: &[Offset]) -> Result<()>;
}
