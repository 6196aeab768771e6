//! Why a question has no answer.

use std::time::Duration;

use datafusion::common::DataFusionError;
use millrace_flow::{ErrorKind, Span, StageError};

use crate::plan::complaint::Spot;
use crate::plan::failure;
use crate::sql::{Problem, Text};

/// What is wrong with a question, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AskError {
    /// What is wrong; lowercase, no full stop.
    pub message: String,
    /// Line of the question, from 1, where that is known.
    pub line: Option<usize>,
    /// Column in characters, from 1, where that is known.
    pub column: Option<usize>,
    /// What to do.
    pub cure: Option<String>,
}

impl AskError {
    pub(super) fn new(message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { message: message.into(), line: None, column: None, cure: Some(cure.into()) }
    }

    /// A problem at its place in the question.
    pub(super) fn at(text: &Text, problem: Problem) -> Self {
        let shown = text.diagnostic(problem);
        Self { message: shown.message, line: Some(shown.span.line), column: Some(shown.span.column), cure: shown.cure }
    }

    /// The question needs more time than it has.
    pub(super) fn too_slow(timeout: Duration) -> Self {
        let message = format!("the answer takes longer than {} s", timeout.as_secs_f64());
        Self::new(message, "ask for fewer rows with a filter, or ask a view instead of a topic")
    }

    /// What the engine said while it worked on the answer; `place` looks for a part of the question.
    pub(super) fn while_running(
        error: &DataFusionError,
        memory_bytes: usize,
        place: impl FnOnce(&Spot) -> Option<Span>,
    ) -> Self {
        if let DataFusionError::ResourcesExhausted(_) = error.find_root() {
            let message = format!("the answer needs more than {} MiB of memory", memory_bytes / (1024 * 1024));
            return Self::new(message, "ask for fewer rows with a filter, or group by fewer columns");
        }
        let complaint = failure::complaint_of(error);
        let place = place(&complaint.spot);
        let (line, column) = (place.map(|place| place.line), place.map(|place| place.column));
        Self { message: complaint.message, line, column, cure: complaint.cure }
    }

    /// Who has to act: whoever asked.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::User
    }

    /// Whether the same question may be answered later: not unless the bounds or the rows change.
    pub fn retry(&self) -> bool {
        false
    }
}

impl From<AskError> for StageError {
    fn from(error: AskError) -> Self {
        Self::new(error.kind(), error.retry(), error)
    }
}
