//! How far a source has come: what it keeps in the cookie of every commit.
//!
//! One JSON document with a version. A file keeps its number for good, since records carry it; its position is a place
//! between two records of its (decompressed) text, and, while a batch is released bit by bit, the last line of it that is out.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use millrace_flow::Ledger;
use millrace_schema::csv::{Position, Rest};
use serde::{Deserialize, Serialize};

use crate::error::SourceError;

/// Version of the document.
const VERSION: u32 = 1;

/// One text: a file, or an entry of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    /// Path relative to the project, or absolute if it is outside. Empty when it was forgotten.
    pub(super) path: String,
    /// Which entry of the archive, and its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) entry: Option<Entry>,
    /// What tells the file from another one of the same name.
    pub(super) identity: Identity,
    /// Bytes of the file on disk that have been read.
    pub(super) read_bytes: u64,
    /// The place after the last record that was committed whole, with its batch.
    pub(super) at: Position,
    /// Records beyond `at` up to the one on this line were committed as well; 0 if none were.
    pub(super) through_line: u64,
    /// Whether the text was read to the end that it had when it was looked at last.
    pub(super) is_read: bool,
    /// Whether it ended in the middle of its compressed form: while a folder is followed that may still be on its way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_cut: bool,
    /// What stands behind `at` and waits for more while a folder is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rest: Option<Rest>,
    /// Whether the line before `at` was read without a line end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_open: bool,
    /// Whether its first line was taken for a header and would have done as a row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) header_is_row: bool,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its index.
    pub(super) index: usize,
    /// Its name.
    pub(super) name: String,
}

/// What a file is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Number of its inode; 0 where there are none.
    pub(super) inode: u64,
    /// Bytes on disk when it was looked at last.
    pub(super) size: u64,
    /// When it was changed, in nanoseconds since 1970, by the file system's clock.
    pub(super) modified_ns: i64,
    /// How many bytes at its front `head_hash` is about.
    pub(super) head_bytes: u32,
    /// FNV-1a hash of them.
    pub(super) head_hash: u64,
    /// Whether these are bytes of its text, which stays the same when it is compressed again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) of_text: bool,
}

/// The first row that was released at a pace, to which all others are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Anchor {
    /// When it was released, in ms since 1970.
    pub(super) wall_ms: i64,
    /// Its event time, in microseconds.
    pub(super) event_us: i64,
}

/// How far a source has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    version: u32,
    /// Its files; a file's number is its index.
    pub(super) files: Vec<FileState>,
    /// Where its rows went.
    pub(super) ledger: Ledger,
    /// Batches so far, which spread rows without a key.
    pub(super) batches: u64,
    /// Greatest event time so far, in ms.
    pub(super) event_time_ms: Option<i64>,
    /// By how much event times are moved, in microseconds.
    pub(super) shift_us: Option<i64>,
    /// What the pace relates to, where that outlasts a restart.
    pub(super) anchor: Option<Anchor>,
}

impl FileState {
    /// The name under which people know the text.
    pub(super) fn name(&self) -> String {
        match &self.entry {
            Some(entry) => format!("{}/{}", self.path, entry.name),
            None => self.path.clone(),
        }
    }

    /// Whether nothing of the text was delivered. Then it does not matter what becomes of it.
    pub(super) fn is_untouched(&self) -> bool {
        self.at == Position::START && self.through_line == 0
    }

    /// Whether it has text that was seen and is not read yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_read && (self.is_cut || self.rest.is_some())
    }

    /// How many of its lines were read.
    pub(super) fn lines_read(&self) -> u64 {
        self.through_line.max(self.at.line - 1)
    }

    /// Whether nothing is lost when the file is gone: nothing of it was read, or all.
    pub(super) fn check_gone(&self) -> Result<(), SourceError> {
        if self.is_untouched() || self.is_read && !self.is_waiting() {
            return Ok(());
        }
        Err(SourceError::Gone { path: self.name(), line: self.lines_read() })
    }

    /// Leaves no more of a file than its number, and whether records carry it.
    pub(super) fn forget(&mut self) {
        let (at, through_line) = (self.at, self.through_line);
        *self = Self { is_read: true, at, through_line, ..Self::default() };
    }

    /// Whether its number can be given to another file: it was forgotten, and no record carries it.
    pub(super) fn is_free(&self) -> bool {
        self.path.is_empty() && self.is_untouched()
    }

    /// Forgets `through_line` where `at` has come beyond it.
    pub(super) fn pass_through(&mut self) {
        if self.through_line < self.at.line {
            self.through_line = 0;
        }
    }

    /// What texts are read in the order of.
    pub(super) fn order(&self) -> (&str, usize) {
        (&self.path, self.entry.as_ref().map_or(0, |entry| entry.index))
    }
}

impl Progress {
    /// What a cookie says; the beginning if there is none.
    pub(super) fn from_cookie(source: &str, cookie: Option<&[u8]>) -> Result<Self, SourceError> {
        let Some(cookie) = cookie else { return Ok(Self { version: VERSION, ..Self::default() }) };
        let refuse = |reason: String| SourceError::Position { source_name: source.to_owned(), reason };
        let progress: Self = serde_json::from_slice(cookie).map_err(|error| refuse(error.to_string()))?;
        if progress.version != VERSION {
            return Err(refuse(format!("its version is {} and not {VERSION}", progress.version)));
        }
        Ok(progress)
    }

    /// The cookie.
    pub(super) fn to_cookie(&self) -> Bytes {
        serde_json::to_vec(self).expect("numbers and texts can always be written as JSON").into()
    }

    /// What is to be said of files whose first line was passed over as a header and looks like a row; `header` is what
    /// somebody said of that since.
    pub(super) fn header_warning(&self, header: Option<bool>) -> Option<String> {
        if header == Some(true) {
            return None;
        }
        let mut suspect = self.files.iter().filter(|file| file.header_is_row);
        let first = suspect.next()?.name();
        let more = match suspect.count() {
            0 => String::new(),
            more => format!(" and of {more} more"),
        };
        let taken = format!("the first line of `{first}`{more} was taken for a header and not read");
        Some(match header {
            None => format!(
                "{taken}, but it fits the columns as a row does; if it is one, set header = false and begin anew, and if it is \
                 a header, header = true says so"
            ),
            Some(_) => format!("{taken}, before header = false was set; delete the data folder, and it is read"),
        })
    }

    /// What is to be said of those of the files `waiting` that still have text that is not read. A line without a line end is
    /// read after `last_line_after`.
    pub(super) fn waiting_warning(&self, waiting: &[usize], last_line_after: Duration) -> Option<String> {
        let mut waiting = waiting.iter().map(|number| &self.files[*number]).filter(|file| file.is_waiting());
        let first = waiting.next()?;
        let name = first.name();
        let told = match first.rest {
            _ if first.is_cut => format!("`{name}` is cut short, and what is missing of it is not read yet"),
            Some(Rest::Quote) => {
                let line = first.lines_read() + 1;
                format!(
                    "a quote is opened in `{name}`, on line {line} or later, and not closed; nothing from there is read yet"
                )
            }
            _ => format!(
                "the last line of `{name}` has no line end and is not read yet; it is read as it is once the file has stayed the \
                 same for {last_line_after:?}"
            ),
        };
        Some(match waiting.count() {
            0 => told,
            more => format!("{told} (and so it is with {more} more)"),
        })
    }

    /// The line, from 0, that the first of the files waits for the end of.
    pub(super) fn waiting_line(&self, waiting: &[usize]) -> Option<u64> {
        let mut waiting = waiting.iter().map(|number| &self.files[*number]).filter(|file| file.is_waiting());
        waiting.next().map(|file| file.lines_read())
    }

    /// Bytes of all files on disk, and how many of them have been read.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let (mut read, mut total, mut last) = (0, 0, None);
        for file in &self.files {
            read += file.read_bytes;
            // The entries of an archive stand behind one another and share its bytes.
            if last.replace(&file.path) != Some(&file.path) {
                total += file.identity.size;
            }
        }
        (read.min(total), total)
    }
}

/// Names of the files of a source by the number that the origin of a record has, from the cookie of its last commit.
pub fn file_names(cookie: &[u8]) -> BTreeMap<u32, String> {
    let files = serde_json::from_slice::<Progress>(cookie).map(|progress| progress.files).unwrap_or_default();
    (0..).zip(files.iter().map(FileState::name)).filter(|(_, name)| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_another_version_is_refused() {
        let progress = Progress::from_cookie("a", None).expect("the beginning");
        assert_eq!(Progress::from_cookie("a", Some(&progress.to_cookie())).expect("its own"), progress);
        let newer = serde_json::to_string(&progress).expect("JSON").replace("\"version\":1", "\"version\":2");
        let error = Progress::from_cookie("a", Some(newer.as_bytes())).expect_err("version 2").to_string();
        assert!(error.contains("source `a`") && error.contains("version is 2"), "{error}");
        assert!(Progress::from_cookie("a", Some(b"{")).is_err());
        assert!(file_names(b"{").is_empty());
    }
}
