//! The one error that crosses the borders between stages.
//!
//! Each crate has an enum of its own and turns it into a [`StageError`] where it implements a trait of this crate, so that
//! whoever supervises stages can decide without knowing them: show it, try again, or stop.

use std::error::Error;
use std::{fmt, io};

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The person who wrote the config, the SQL or the request.
    User,
    /// Something outside this program: a disk, a file, a server.
    Outside,
    /// Us.
    Bug,
}

/// An error with what a supervisor needs to know of it.
#[derive(Debug)]
pub struct StageError {
    kind: ErrorKind,
    retry: bool,
    source: Box<dyn Error + Send + Sync>,
}

/// Result of everything that crosses a border between stages.
pub type Result<T, E = StageError> = std::result::Result<T, E>;

impl StageError {
    /// Wraps `source`; `retry` says whether the same call may succeed later.
    pub fn new(kind: ErrorKind, retry: bool, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, retry, source: source.into() }
    }

    /// An error of the user's making, which no retry mends.
    pub fn user(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::User, false, source)
    }

    /// An error of the world outside, which no retry mends.
    pub fn outside(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Outside, false, source)
    }

    /// A broken invariant of ours.
    pub fn bug(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Bug, false, source)
    }

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> bool {
        self.retry
    }
}

/// Whether a failed call to the system may succeed later: a full disk is emptied, an interrupted call is made again.
pub fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, QuotaExceeded, StorageFull, WouldBlock};
    matches!(error.kind(), StorageFull | QuotaExceeded | Interrupted | WouldBlock)
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for StageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}
