//! The reading half: files to batches, on a thread of its own, a few batches ahead of the writing half.
//!
//! What it sends is in order and complete: the writing half can rebuild the reader's view of the files from it, and keeps in
//! every commit what it has built.
//!
//! Folders and files are followed by looking again and again, since that works on every file system, also on those of networks
//! and containers where notifications get lost. Looking at a file that grew a moment ago costs a microsecond, so that is done
//! often; listing the folder is done rarely.

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use millrace_flow::Stop;
use millrace_schema::csv::{CsvDecoder, Decoded};

use super::config::CsvSourceConfig;
use super::files::{Compression, OpenText, open_text, read_error, survey};
use super::identity::inode;
use super::position::FileState;
use crate::error::SourceError;

/// How often the folder is listed while it is followed.
const LIST_EVERY: Duration = Duration::from_millis(500);

/// How often files are looked at that grew within [`ACTIVE_FOR`], and how often otherwise.
const LOOK_EVERY_ACTIVE: Duration = Duration::from_millis(5);
const LOOK_EVERY_QUIET: Duration = Duration::from_millis(100);
const ACTIVE_FOR: Duration = Duration::from_secs(5);

/// Files that are looked at between two listings: those that grew last.
const HOT_FILES_MAX: usize = 16;

/// What the reading half says.
pub(super) enum Message {
    /// These are the files now.
    Files(Vec<FileState>),
    /// Records of a file.
    Rows {
        /// Its number.
        file: usize,
        /// The records.
        decoded: Decoded,
        /// Bytes of the file on disk that have been read.
        read_bytes: u64,
    },
    /// A file was read to its present end.
    End {
        /// Its number.
        file: usize,
        /// What is known of it now.
        state: Box<FileState>,
    },
    /// Everything was read, and more may come.
    CaughtUp,
    /// Everything was read, and that was all.
    Finished,
    /// It cannot go on.
    Failed(SourceError),
}

/// Why reading ended early.
enum Ended {
    /// Nobody wants more.
    Closed,
    Failed(SourceError),
}

impl From<SourceError> for Ended {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

pub(super) struct Reader<'a> {
    config: &'a CsvSourceConfig,
    stop: &'a Stop,
    files: Vec<FileState>,
    out: SyncSender<Message>,
    /// Numbers of the files that were read to their end last, the latest last.
    hot: Vec<usize>,
    grew_at: Instant,
}

impl<'a> Reader<'a> {
    /// A reader that goes on where `files` say.
    pub(super) fn new(
        config: &'a CsvSourceConfig,
        stop: &'a Stop,
        files: Vec<FileState>,
        out: SyncSender<Message>,
    ) -> Self {
        Self { config, stop, files, out, hot: Vec::new(), grew_at: Instant::now() }
    }

    /// Reads until the end, an error, or until nobody wants more.
    pub(super) fn run(mut self) {
        let last = match self.read_all() {
            Ok(()) => Message::Finished,
            Err(Ended::Failed(error)) => Message::Failed(error),
            Err(Ended::Closed) => return,
        };
        // Nobody may be listening any more, and then nobody is to be told.
        let _ = self.out.send(last);
    }

    fn read_all(&mut self) -> Result<(), Ended> {
        loop {
            let survey = survey(self.config, &mut self.files)?;
            if survey.found == 0 && self.files.is_empty() && !self.config.follow {
                let pattern = self.config.path.clone();
                return Err(SourceError::NoFiles { pattern, folder: self.config.project_dir.clone() }.into());
            }
            if survey.is_changed {
                self.send(Message::Files(self.files.clone()))?;
            }
            self.read_unread()?;
            if !self.config.follow {
                return Ok(());
            }
            self.wait_for_more()?;
        }
    }

    /// Reads every file that has not been read to its end, in the order of their names.
    fn read_unread(&mut self) -> Result<(), Ended> {
        let mut unread: Vec<usize> = (0..self.files.len()).filter(|number| !self.files[*number].is_read).collect();
        unread.sort_by_key(|number| self.files[*number].order());
        unread.into_iter().try_for_each(|number| self.read_file(number))
    }

    /// Waits until the folder is to be listed again, reading what files that are known grow by.
    fn wait_for_more(&mut self) -> Result<(), Ended> {
        self.send(Message::CaughtUp)?;
        let list_at = Instant::now() + LIST_EVERY;
        loop {
            let is_active = self.grew_at.elapsed() < ACTIVE_FOR;
            let look_at = Instant::now() + if is_active { LOOK_EVERY_ACTIVE } else { LOOK_EVERY_QUIET };
            if self.stop.wait_until(look_at.min(list_at)) {
                return Err(Ended::Closed);
            }
            if Instant::now() >= list_at {
                return Ok(());
            }
            let grown: Vec<usize> = self.hot.iter().copied().filter(|number| self.has_grown(*number)).collect();
            if !grown.is_empty() {
                grown.into_iter().try_for_each(|number| self.read_file(number))?;
                self.send(Message::CaughtUp)?;
            }
        }
    }

    /// Whether a file is longer than what was read of it. Everything else is left to the next listing.
    fn has_grown(&self, number: usize) -> bool {
        let file = &self.files[number];
        let metadata = self.config.project_dir.join(&file.path).metadata();
        metadata.is_ok_and(|metadata| metadata.len() > file.identity.size && inode(&metadata) == file.identity.inode)
    }

    fn read_file(&mut self, number: usize) -> Result<(), Ended> {
        let config = self.config;
        let file = self.files[number].clone();
        let (start, mut ended) = (file.at.byte, None);
        self.files[number].is_cut = false;
        let outcome = open_text(&config.project_dir, &file, |text| {
            ended = self.read_text(number, text)?;
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            // While a folder is followed, a compressed file that is cut may still be on its way.
            Err(SourceError::Corrupt { reason, .. }) if config.follow && self.is_on_its_way(number, &reason) => {
                self.files[number].is_cut = true;
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(ended) = ended {
            return Err(ended);
        }
        let state = &mut self.files[number];
        state.is_read = true;
        if Compression::of(&state.path) == Compression::Plain {
            self.hot.retain(|hot| *hot != number);
            self.hot.push(number);
            if self.hot.len() > HOT_FILES_MAX {
                self.hot.remove(0);
            }
        }
        if self.files[number].at.byte > start {
            self.grew_at = Instant::now();
        }
        let state = Box::new(self.files[number].clone());
        self.send(Message::End { file: number, state })
    }

    fn is_on_its_way(&self, number: usize, reason: &str) -> bool {
        let compression = Compression::of(&self.files[number].path);
        matches!(compression, Compression::Gzip | Compression::Zstd) && reason == super::files::CUT_SHORT
    }

    /// Reads a text to its end. Answers why it did not, if nobody wants more of it.
    fn read_text(&mut self, number: usize, open: OpenText<'_>) -> Result<Option<Ended>, SourceError> {
        let file = self.files[number].clone();
        let is_plain = Compression::of(&file.path) == Compression::Plain;
        let wrong = |source| SourceError::Text { path: file.name(), source };
        let mut decoder =
            CsvDecoder::resume(self.config.schema.clone(), self.config.csv.clone(), open.at).map_err(wrong)?;
        loop {
            if self.stop.is_stopped() {
                return Ok(Some(Ended::Closed));
            }
            let filled = decoder.fill(open.text);
            let is_end = !matches!(filled, Ok(1..));
            // The last line of a file that may still grow is not finished before its line end is there.
            let may_go_on = self.config.follow && (is_plain || filled.is_err());
            if is_end && !may_go_on && filled.is_ok() {
                decoder.finish();
            }
            loop {
                let decoded = decoder.decode().map_err(wrong)?;
                if let Err(ended) = self.note_header(number, &decoder) {
                    return Ok(Some(ended));
                }
                let decoded = match decoded {
                    Some(decoded) => decoded,
                    None if !is_end => break,
                    None => match decoder.flush().map_err(wrong)? {
                        Some(decoded) => decoded,
                        None => break,
                    },
                };
                if let Err(ended) = self.send_rows(number, decoded, open.read_bytes.get()) {
                    return Ok(Some(ended));
                }
            }
            if is_end {
                let state = &mut self.files[number];
                state.read_bytes = open.read_bytes.get();
                filled.map_err(|error: io::Error| read_error(&file, error))?;
                if is_plain {
                    state.identity.size = state.identity.size.max(state.read_bytes);
                }
                if decoder.is_finished() {
                    (state.at, state.through_line) = (decoder.position(), 0);
                } else if is_plain {
                    // What waits for its line end has not been read as far as anybody is told.
                    state.read_bytes = state.at.byte;
                }
                return Ok(None);
            }
        }
    }

    /// Remembers, before a row of the file is, that its first line may have been one: later nobody could tell any more.
    fn note_header(&mut self, number: usize, decoder: &CsvDecoder) -> Result<(), Ended> {
        if !decoder.header_is_row() || self.config.is_header_told || self.files[number].header_is_row {
            return Ok(());
        }
        self.files[number].header_is_row = true;
        self.send(Message::Files(self.files.clone()))
    }

    fn send_rows(&mut self, number: usize, decoded: Decoded, read_bytes: u64) -> Result<(), Ended> {
        let state = &mut self.files[number];
        let decoded = drop_through(decoded, state.through_line);
        (state.at, state.read_bytes) = (decoded.position, read_bytes);
        state.pass_through();
        self.send(Message::Rows { file: number, decoded, read_bytes })
    }

    fn send(&self, message: Message) -> Result<(), Ended> {
        self.out.send(message).map_err(|_| Ended::Closed)
    }
}

/// Without the records that begin on `line` or before it.
fn drop_through(mut decoded: Decoded, line: u64) -> Decoded {
    let first = decoded.lines.values().partition_point(|begins| *begins <= line);
    if first > 0 {
        let rest = decoded.lines.len() - first;
        decoded.rows = decoded.rows.slice(first, rest);
        decoded.lines = decoded.lines.slice(first, rest);
    }
    decoded.rejects.retain(|reject| reject.line > line);
    decoded
}
