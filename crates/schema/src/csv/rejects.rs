//! Collects the records that do not fit, each with a bounded part of its text.

use super::column::decode_lossy;
use super::options::Encoding;
use super::{RECORD_BYTES_MAX, REJECT_BYTES_MAX, Reject};

/// Rejects of the batch at hand.
#[derive(Debug)]
pub(super) struct Rejects {
    encoding: Encoding,
    rejects: Vec<Reject>,
    bytes: usize,
}

/// A line that is too long to be a record, while it is passed over: of its text only the beginning is kept.
#[derive(Debug)]
pub(super) struct Overlong {
    line: u64,
    head: Vec<u8>,
    bytes: u64,
}

impl Rejects {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, rejects: Vec::new(), bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rejects.is_empty()
    }

    /// Bytes of text that they hold.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a record with this text.
    pub(super) fn push(&mut self, line: u64, column: Option<String>, mut reason: String, text: &[u8]) {
        if text.len() > REJECT_BYTES_MAX {
            reason.push_str(&format!(" (of its {} bytes the first {REJECT_BYTES_MAX} are kept)", text.len()));
        }
        let kept = &text[..text.len().min(REJECT_BYTES_MAX)];
        let row = decode_lossy(kept, self.encoding).into_owned();
        self.bytes += row.len() + reason.len();
        self.rejects.push(Reject { line, column, reason, row });
    }

    /// Adds a line that was passed over whole.
    pub(super) fn push_overlong(&mut self, overlong: &Overlong) {
        let reason = format!(
            "the line has {} bytes, more than the {RECORD_BYTES_MAX} of the longest record; its first {} are kept",
            overlong.bytes,
            overlong.head.len()
        );
        self.push(overlong.line, None, reason, &overlong.head);
    }

    /// All of them, by line.
    pub(super) fn take(&mut self) -> Vec<Reject> {
        self.bytes = 0;
        let mut rejects = std::mem::take(&mut self.rejects);
        rejects.sort_by_key(|reject| reject.line);
        rejects
    }
}

impl Overlong {
    pub(super) fn new(line: u64) -> Self {
        Self { line, head: Vec::new(), bytes: 0 }
    }

    /// Passes over a part of the line.
    pub(super) fn pass(&mut self, part: &[u8]) {
        self.head.extend_from_slice(&part[..part.len().min(REJECT_BYTES_MAX - self.head.len())]);
        self.bytes += part.len() as u64;
    }

    /// Bytes that were passed over.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
