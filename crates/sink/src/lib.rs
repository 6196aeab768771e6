//! What Millrace writes: the SQLite warehouse and Delta tables.
//!
//! A sink keeps the offsets it has come to in the store itself, in the transaction that brings the rows, so that a record is
//! there once however often the process dies. [`run_sink`] is the loop that feeds one; [`sqlite`] holds the rows of views as
//! tables that people ask, [`delta`] keeps rows for good as Parquet files other engines read.
//!
//! Nothing here knows how a topic is stored or what a view computes.

mod error;
mod options;
mod runner;
mod time;

#[cfg(test)]
mod memory_log;

pub mod delta;
pub mod sqlite;

pub use error::SinkError;
pub use options::{OptionError, parse_duration, parse_size};
pub use runner::{SinkOptions, align, run_sink};
