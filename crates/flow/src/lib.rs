//! What travels between the stages of Millrace, and the traits the stages meet at.
//!
//! Glossary, in the field's own words:
//!
//! - **record**: one key, value, timestamp and set of headers; **batch**: many records as Arrow columns ([`Batch`]).
//! - **topic**, **partition**, **offset**: as in Kafka ([`TopicPartition`], [`Offset`]).
//! - **writer**: the one stage that appends to a set of topics; **commit**: the moment at which everything a writer
//!   appended since its last commit becomes visible, together with a cookie of the writer's own ([`Commit`]).
//! - **epoch**: the number of a commit of one writer ([`Epoch`]).
//! - **watermark**: the event time up to which a stream is taken to be complete.
//! - **sealed**: a topic whose writer has said that nothing more will come.
//!
//! Nothing in this crate does I/O, starts a thread or knows a format.

mod batch;
mod clock;
mod diagnostic;
mod error;
mod ids;
mod log;
mod memory;
mod nearest;
mod partitioner;
mod signal;
mod stage;
mod status;
mod table;

pub use batch::{Batch, Origin};
pub use clock::{Clock, SystemClock};
pub use diagnostic::{Diagnostic, Span};
pub use error::{ErrorKind, Result, StageError, may_pass};
pub use ids::{Epoch, Offset, PartitionId, TopicPartition};
pub use log::{Commit, Fetched, Log, LogWriter, ReaderPosition, TopicInfo, TopicKind, TopicSpec};
pub use memory::MemoryLog;
pub use nearest::{listed, nearest};
pub use partitioner::{murmur2, partition_for_key};
pub use signal::{Signal, Stop};
pub use stage::{Sink, SinkInput, Source, SourceContext};
pub use status::{IDLE_AFTER, Ledger, Phase, StageKind, StageStatus};
pub use table::{Batches, Table};
