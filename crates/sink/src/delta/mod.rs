//! Rows kept for good: a Delta table, that is Parquet files and a log of which of them count.
//!
//! ```text
//! lake/order_lines/
//!   _delta_log/00000000000000000000.json …            the log: every commit adds or removes files, and says how far we are
//!   .raw_orders.open                                  the file being written, nothing to anybody else
//!   raw_orders.part-0-<from>-<to>.parquet             rows of the offsets that add up to from … to
//!   raw_orders.compact-<version>.parquet              small files of that version, made into one
//! ```
//!
//! - Rows are encoded as they arrive; they become visible with the commit that also carries, a partition, a `txn` action of
//!   the application `millrace:<sink>:<partition>` whose version is the next offset. So rows and offsets are one.
//! - The log itself does not refuse a commit of an older `txn`; it refuses one that was made without knowing a newer `txn` of
//!   the same application. That fences a writer that has been replaced.
//! - A commit whose answer was lost is looked up, never sent again blindly.
//! - Three columns stand at the end of every row: `_partition`, `_offset` and `_time`, where in the topic it comes from.
//! - A file is on the disk before the log names it, and the log's entry is on the disk before offsets are given out as stored.

mod commit;
mod compact;
mod config;
mod file;
mod runtime;
mod stats;
mod table;
mod writer;

#[cfg(test)]
mod tests;

pub use config::DeltaSinkConfig;
pub use table::table;
pub use writer::DeltaSink;
