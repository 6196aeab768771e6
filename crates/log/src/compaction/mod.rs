//! Compaction: of the records with the same key the last one stays, where a topic of clients asks for that.
//!
//! ```text
//! start      clean                dirty end      bound        next
//!   │ gone over │ keys are read here │ another turn │ not yet   │
//! ```
//!
//! A turn takes the partition that needs it most. It reads the keys of the dirty part, each with its last offset, as many as
//! there is memory for; then it goes over all segments up to there and writes those again that have records to lose.
//! Segments that have become small are written as one.
//!
//! Invariants:
//! - no offset ever changes, and the order of what stays neither;
//! - what makes an older record superfluous is on the disk, before `bound`: a power cut cannot take both;
//! - a tombstone stays until its delete horizon, `delete.retention.ms` after it was gone over first; what it deletes goes no
//!   later than it does;
//! - what was aborted goes, and what says how a transaction ended stays as long as anything of that does;
//! - the last frame of each producer stays, without records if need be, so that what is sent again is known;
//! - a frame keeps how it is packed, its base and its last offset; a segment keeps the time it was written at.
//!
//! Source of the rules: "Log Compaction" in the documentation of Apache Kafka, and its proposals KIP-58, KIP-354 and KIP-534.

mod budget;
mod keys;
mod plan;
mod rewrite;
#[cfg(test)]
mod tests;
mod thread;
mod turn;

pub(crate) use budget::Budget;
pub(crate) use plan::CompactionRules;
pub(crate) use thread::Cleaner;
