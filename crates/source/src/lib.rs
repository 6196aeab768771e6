//! What Millrace reads: CSV files and folders.
//!
//! A source turns something outside into records of its own topics, remembers in every commit how far it has come, and goes on
//! from there. What does not fit goes whole to the dead-letter topic. One folder a connector, all with the same shape.

mod csv;
mod error;
mod options;

pub use csv::{CsvSource, CsvSourceConfig, Pace, dead_letter_schema, file_names};
pub use error::SourceError;
pub use options::OptionError;
