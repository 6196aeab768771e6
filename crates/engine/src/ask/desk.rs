//! Where questions are asked.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use millrace_flow::Table;

use super::answer::answer;
use super::error::AskError;

/// Planning is recursive; what it may recurse over is bounded, and fits into this many times. Only what is used of it is
/// ever memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// A question past its time looks at the clock at every batch; whoever asked waits this much longer for it to do so.
const GRACE: Duration = Duration::from_millis(200);

/// Tables and views that questions may name.
#[derive(Clone, Default)]
pub struct Desk {
    pub(super) tables: Vec<(String, Arc<dyn Table>)>,
    pub(super) views: Vec<(String, Arc<str>)>,
}

/// The bounds of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows that are handed out; whether there were more is told.
    pub rows: usize,
    /// Time from asking to the last row.
    pub timeout: Duration,
    /// Memory for sorting, grouping and joining.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 10_000, timeout: Duration::from_secs(10), memory_bytes: 256 * 1024 * 1024 }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its columns, named as the question spells them.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
    /// Whether there are more rows than [`Limits::rows`].
    pub truncated: bool,
}

impl Answer {
    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Desk {
    /// A desk that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a table known as `name`, or as `schema.name`. A later table or view of the same name takes its place.
    pub fn add_table(&mut self, schema: Option<&str>, name: &str, table: Arc<dyn Table>) {
        let name = schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}")).to_lowercase();
        self.forget(&name);
        self.tables.push((name, table));
    }

    /// Makes a view known: questions that read it read its SELECT, which may name other views of the desk.
    pub fn add_view(&mut self, name: &str, select: impl Into<Arc<str>>) {
        let name = name.to_lowercase();
        self.forget(&name);
        self.views.push((name, select.into()));
    }

    fn forget(&mut self, name: &str) {
        self.tables.retain(|(known, _)| known != name);
        self.views.retain(|(known, _)| known != name);
    }

    /// Answers a SELECT, or an EXPLAIN of one. Blocks until the answer is there or its time is over.
    ///
    /// # Errors
    /// When the text is no question, names what there is not, or does not keep within `limits`.
    pub fn ask(&self, sql: &str, limits: Limits) -> Result<Answer, AskError> {
        let (desk, sql) = (self.clone(), sql.to_owned());
        let deadline = Instant::now() + limits.timeout;
        let (sender, receiver) = sync_channel(1);
        let work = move || {
            // Nobody may be waiting any more.
            let _ = sender.send(answer(&desk, &sql, limits, deadline));
        };
        let thread = std::thread::Builder::new().name("question".to_owned()).stack_size(STACK_BYTES).spawn(work);
        if let Err(error) = thread {
            return Err(AskError::new(format!("no thread for one more question: {error}"), "ask again later"));
        }
        match receiver.recv_timeout(limits.timeout + GRACE) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(AskError::too_slow(limits.timeout)),
            Err(RecvTimeoutError::Disconnected) => {
                Err(AskError::new("the question could not be planned", "write it in a simpler way, and tell us of it"))
            }
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.tables.iter().map(|(name, _)| name);
        let views = self.views.iter().map(|(name, _)| name);
        f.debug_struct("Desk")
            .field("tables", &tables.collect::<Vec<_>>())
            .field("views", &views.collect::<Vec<_>>())
            .finish()
    }
}
