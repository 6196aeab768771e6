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
mod identity;
mod looked;
mod pace;
mod partition;
mod position;
mod reader;
mod renames;
#[cfg(test)]
mod tests;
mod told;
mod writer;

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use millrace_flow::{Phase, Result, Source, SourceContext, Stop, TopicSpec};

pub use config::{CsvSourceConfig, Pace, dead_letter_schema};
pub use position::file_names;

use files::Outside;
use reader::Reader;
use writer::{Outcome, Writer};

/// Batches that are decoded ahead of the one being written. One would do to keep both halves busy if all took the same time.
const BATCHES_AHEAD: usize = 4;

/// How often files are looked at of which one cannot be read.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After this long they are tried again, whether anything was seen to become of them or not: it may have, a moment before.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

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
        let mut told = String::new();
        context.status.set_phase(Phase::Starting);
        loop {
            let error = match self.run_once(context)? {
                Outcome::Unreadable(error) => error,
                Outcome::Done | Outcome::Stopped => return Ok(()),
            };
            if !self.config.follow || !error.is_of_a_file() {
                return Err(error.into());
            }
            // Somebody will mend the file, or take it away; nobody should have to start the program again for that.
            let before = files::outside(&self.config);
            context.status.fail(&error);
            if told != error.to_string() {
                told = error.to_string();
                tracing::error!(source = %self.config.name, error = told, "the source waits until its files change");
            }
            if !self.wait_for_change(before.as_ref(), &context.stop) {
                return Ok(());
            }
        }
    }
}

impl CsvSource {
    /// Waits until anything becomes of the files; says whether to go on.
    fn wait_for_change(&self, before: Option<&Vec<Outside>>, stop: &Stop) -> bool {
        let until = Instant::now() + AGAIN_AFTER;
        while Instant::now() < until && files::outside(&self.config).as_ref() == before {
            if stop.wait_until(Instant::now() + LOOK_EVERY) {
                return false;
            }
        }
        !stop.is_stopped()
    }

    /// Reads until the files end, one of them cannot be read, or it is told to stop.
    fn run_once(&self, context: &SourceContext) -> Result<Outcome> {
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
            outcome
        })
    }
}
