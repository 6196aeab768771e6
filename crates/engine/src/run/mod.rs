//! Runs a [`Query`](crate::plan::Query): rows in, state, rows out, one commit an epoch.
//!
//! One epoch, from fetch to commit:
//!
//! ```text
//!   fetch ─▶ steps ─▶ late? ─▶ dedup ─▶ aggregate ─┐ (repeated until the epoch is old enough or nothing is left)
//!                                                  ▼
//!            commit ◀─ append output ◀─ snapshot ◀─ evaluate what changed
//! ```
//!
//! Invariants:
//!
//! - Everything that decides a result is a function of the rows and their order within their partition; how the work was cut
//!   into epochs, or killed between them, changes nothing.
//! - Between two commits nothing is visible outside; the commit's cookie (`cookie::Cookie`) names input offsets, watermarks,
//!   ledger and the length of the snapshot file, so that all of them move together or not at all.
//! - Group keys are kept in arrow's row format in memory only; on disk they are Arrow columns.

mod accumulate;
mod changes;
mod cookie;
mod dedup;
mod epoch;
mod error;
mod failing;
mod finish;
mod groups;
mod input;
mod lateness;
mod output;
mod rejects;
mod runner;
mod snapshot;
mod state;
mod steps;
mod watermark;
mod windows;

pub use error::EngineError;
pub use runner::{FileNames, QueryRunner, RunOptions, output_topics};
