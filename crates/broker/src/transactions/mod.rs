//! Transactions of producers: who has one under way, what is part of it, and how it ends.
//!
//! A deterministic state machine without clock, network, disk or randomness. Every question is answered with what is to be
//! written, if anything; nothing changes until that is [applied](Coordinator::apply), so that what could not be written has
//! not happened. The caller
//! 1. writes the [`Record`], applies it, and only then answers the client;
//! 2. carries out the [`Completion`] of a transaction that is decided: a marker in each of its partitions, then the offsets of
//!    its groups; and has it noted with [`Coordinator::completed`]. Nobody else may be carrying it out meanwhile. A partition
//!    that is offline is owed its [marker](OwedMarker), and keeps nobody waiting;
//! 3. asks for what is [due](Coordinator::due) when [`Coordinator::next_deadline`] has come;
//! 4. after a restart applies every record again, carries out what was decided, and now and then replaces its file by
//!    [`Coordinator::snapshot`].
//!
//! ```text
//!            AddPartitions,              EndTxn, or time is up             all markers are there
//!            AddOffsets
//!   Empty ───────────────▶ Ongoing ─────────────────────────▶ PrepareCommit ────────────────▶ CompleteCommit
//!                             ▲    └────────────────────────▶ PrepareAbort  ────────────────▶ CompleteAbort
//!                             └──────────────────── AddPartitions, AddOffsets ───────────────────────┘
//! ```
//!
//! InitProducerId leads from every state to Empty, over PrepareAbort where a transaction goes on. A producer that speaks the
//! newer protocol has a new life after each EndTxn, and may abort where nothing has begun. Glossary: a **transactional
//! id** names a producer over its restarts; its **producer id** and **epoch** name one life of it. Whoever has an older epoch
//! is **fenced**. A transaction is **decided** when the record of its end is written: from then on it can only be completed.
//!
//! Invariants:
//! - the epoch of a producer id never falls, and a new life has an epoch or an id that no earlier one had;
//! - a decided transaction ends as decided, in all of its partitions, over any restart;
//! - applying all records, or a snapshot, gives the same coordinator.
//!
//! Not here: the sequence of a producer's records, which each partition guards by itself.

mod add;
mod admin;
mod config;
mod coordinator;
mod end;
mod error;
mod init;
mod owed;
mod record;
#[cfg(test)]
mod tests;
mod transaction;

pub use admin::{ListedTransaction, TransactionFilter};
pub use config::TransactionConfig;
pub use coordinator::Coordinator;
pub use end::{Completion, Renewal};
pub use error::TransactionError;
pub use init::{Init, InitRequest};
pub use owed::OwedMarker;
pub use record::{BadRecord, Record};
pub use transaction::{Producer, State, Transaction};
