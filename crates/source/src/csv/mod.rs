//! CSV files and folders of them.
//!
//! ```text
//! files ─▶ Reader ══ a few batches ══▶ Writer ─▶ <name>      rows, partitioned by key
//!          own thread: decompress,     pace, partition,  ─▶ <name>.dlq  rows that do not fit
//!          decode to columns           append, commit
//! ```
//!
//! A commit holds the rows, the rejects, the ledger and the place in every file, so that after a kill reading goes on at the
//! exact row. A source with `follow = false` ends with its files and seals its topics; started again, it looks whether files
//! are new or grew, and otherwise reads nothing.

mod config;
mod files;
mod pace;
mod partition;
mod position;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::mpsc::sync_channel;

use millrace_flow::{Phase, Result, Source, SourceContext, TopicSpec};

pub use config::{CsvSourceConfig, Pace, dead_letter_schema};
pub use position::file_names;

use reader::Reader;
use writer::Writer;

/// Batches that are decoded ahead of the one being written. One would do to keep both halves busy if all took the same time.
const BATCHES_AHEAD: usize = 4;

/// Reads CSV files into a topic.
#[derive(Debug)]
pub struct CsvSource {
    config: CsvSourceConfig,
}

impl CsvSource {
    /// A source that has not started.
    pub fn new(config: CsvSourceConfig) -> Self {
        Self { config }
    }

    /// The topics to be made before the source runs.
    pub fn topics(&self) -> Vec<TopicSpec> {
        self.config.topics()
    }
}

impl Source for CsvSource {
    fn run(&mut self, context: &SourceContext) -> Result<()> {
        context.status.set_phase(Phase::Starting);
        let mut writer = Writer::open(&self.config, context)?;
        let files = writer.progress().files.clone();
        let (sender, messages) = sync_channel(BATCHES_AHEAD);
        let reader = Reader::new(&self.config, &context.stop, files, sender);
        std::thread::scope(|scope| {
            let reading = std::thread::Builder::new().name(format!("read-{}", self.config.name));
            let reading = reading.spawn_scoped(scope, move || reader.run());
            reading.map_err(|error| millrace_flow::StageError::new(millrace_flow::ErrorKind::Outside, true, error))?;
            let outcome = writer.run(&messages);
            // Without a receiver the reading half ends at its next word.
            drop(messages);
            outcome.map(|_| ())
        })
    }
}
