//! The reading half: files to batches, on a thread of its own, a few batches ahead of the writing half.
//!
//! What it sends is in order and complete: the writing half can rebuild the reader's view of the files from it, and keeps in
//! every commit what it has built.
//!
//! Folders and files are followed by looking again and again, since that works on every file system, also on those of networks
//! and containers where notifications get lost. Looking at a file that grew a moment ago costs a microsecond, so that is done
//! often; listing the folder is done rarely.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use millrace_flow::Stop;
use millrace_schema::csv::{CsvDecoder, Decoded, Rest};

use super::config::CsvSourceConfig;
use super::files::{Compression, OpenText, Survey, open_text, read_error, survey};
use super::identity::{inode, modified_ns};
use super::position::FileState;
use crate::error::SourceError;

/// How often the folder is listed while it is followed.
const LIST_EVERY: Duration = Duration::from_millis(500);

/// How often files are looked at that grew within [`ACTIVE_FOR`], and how often otherwise.
const LOOK_EVERY_ACTIVE: Duration = Duration::from_millis(5);
const LOOK_EVERY_QUIET: Duration = Duration::from_millis(100);
const ACTIVE_FOR: Duration = Duration::from_secs(5);

/// A file whose text has no end is told when it has been quiet for so long: whoever writes in pieces is in the middle of a line
/// at any moment.
const TELL_AFTER: Duration = Duration::from_secs(1);

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
    /// The files with these numbers have text that waits for its end, and nothing has come for a while.
    Waiting(Vec<usize>),
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
    /// Files with text that waits for its end: what they looked like, and since when.
    quiet: BTreeMap<usize, (Looks, Instant)>,
    /// Those that were told.
    told: Vec<usize>,
}

/// Size, time of change and inode of a file.
type Looks = (u64, i64, u64);

impl<'a> Reader<'a> {
    /// A reader that goes on where `files` say.
    pub(super) fn new(
        config: &'a CsvSourceConfig,
        stop: &'a Stop,
        mut files: Vec<FileState>,
        out: SyncSender<Message>,
    ) -> Self {
        // Not every version has said of a last line that it waits.
        let is_short = |file: &FileState| file.is_read && file.at.byte < file.identity.size && !file.is_waiting();
        let is_there = |file: &FileState| config.project_dir.join(&file.path).is_file();
        for file in files.iter_mut().filter(|file| config.follow && is_short(file)) {
            file.is_read = Compression::of(&file.path) != Compression::Plain || !is_there(file);
        }
        Self {
            config,
            stop,
            files,
            out,
            hot: Vec::new(),
            grew_at: Instant::now(),
            quiet: BTreeMap::new(),
            told: Vec::new(),
        }
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
            let survey = self.look()?;
            if survey.found == 0 && self.files.is_empty() && !self.config.follow {
                let pattern = self.config.path.clone();
                return Err(SourceError::NoFiles { pattern, folder: self.config.project_dir.clone() }.into());
            }
            if survey.is_changed {
                self.send(Message::Files(self.files.clone()))?;
            }
            self.read_unread()?;
            if !self.config.follow {
                if self.files.iter().all(|file| file.is_read) {
                    return Ok(());
                }
                continue;
            }
            self.end_quiet_files()?;
            self.wait_for_more()?;
        }
    }

    /// Looks at the folder. What is wrong while it is followed may be half of a change, and is looked at once more.
    fn look(&mut self) -> Result<Survey, Ended> {
        match survey(self.config, &mut self.files) {
            Err(error) if self.config.follow && error.is_of_a_file() => {
                if self.stop.wait_until(Instant::now() + LIST_EVERY) {
                    return Err(Ended::Closed);
                }
                Ok(Survey { is_changed: true, ..survey(self.config, &mut self.files)? })
            }
            survey => Ok(survey?),
        }
    }

    /// Reads every file that has not been read to its end, in the order of their names.
    fn read_unread(&mut self) -> Result<(), Ended> {
        let mut unread: Vec<usize> = (0..self.files.len()).filter(|number| !self.files[*number].is_read).collect();
        unread.sort_by_key(|number| self.files[*number].order());
        unread.into_iter().try_for_each(|number| self.read_file(number, false))
    }

    /// Reads last lines without a line end in files that have stayed the same for long enough, and tells of the others.
    fn end_quiet_files(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        let waiting = self.files.iter().enumerate().filter(|(_, file)| file.is_waiting());
        let quiet = waiting.map(|(number, file)| {
            let looks = (file.identity.size, file.identity.modified_ns, file.identity.inode);
            let known = self.quiet.get(&number).filter(|(before, _)| *before == looks);
            (number, (looks, known.map_or(now, |(_, since)| *since)))
        });
        self.quiet = quiet.collect();
        let quiet_for = |after: Duration| {
            let quiet = self.quiet.iter().filter(|(_, (_, since))| now.duration_since(*since) >= after);
            quiet.map(|(number, _)| *number).collect::<Vec<usize>>()
        };
        let (mut told, due) = (quiet_for(TELL_AFTER), quiet_for(self.config.last_line_after));
        let due = due.into_iter().filter(|number| self.files[*number].rest == Some(Rest::Line));
        due.collect::<Vec<_>>().into_iter().try_for_each(|number| self.read_file(number, true))?;
        told.retain(|number| self.files[*number].is_waiting());
        if told != self.told {
            self.told.clone_from(&told);
            self.send(Message::Waiting(told))?;
        }
        Ok(())
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
                grown.into_iter().try_for_each(|number| self.read_file(number, false))?;
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

    /// Whether a file still looks as it did when it was listed.
    fn is_unchanged(&self, number: usize) -> bool {
        let file = &self.files[number];
        let metadata = self.config.project_dir.join(&file.path).metadata();
        metadata.is_ok_and(|metadata| {
            (metadata.len(), modified_ns(&metadata), inode(&metadata))
                == (file.identity.size, file.identity.modified_ns, file.identity.inode)
        })
    }

    /// Reads a file as far as it goes; with `ends` its last line counts without a line end, unless the file just went on.
    fn read_file(&mut self, number: usize, ends: bool) -> Result<(), Ended> {
        let config = self.config;
        let file = self.files[number].clone();
        let (start, mut ended) = (file.at.byte, None);
        (self.files[number].is_cut, self.files[number].rest) = (false, None);
        let outcome = open_text(&config.project_dir, &file, |text| {
            ended = self.read_text(number, text, ends)?;
            Ok(())
        });
        match outcome {
            Ok(true) => {}
            // The next listing says what became of it.
            Ok(false) => {
                self.files[number] = file;
                return Ok(());
            }
            // While a folder is followed, a compressed file that is cut may still be on its way.
            Err(SourceError::Corrupt { reason, .. }) if config.follow && self.is_on_its_way(number, &reason) => {
                let state = &mut self.files[number];
                (state.is_cut, state.read_bytes) = (true, state.read_bytes.saturating_sub(1));
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
    fn read_text(&mut self, number: usize, open: OpenText<'_>, ends: bool) -> Result<Option<Ended>, SourceError> {
        let file = self.files[number].clone();
        let compression = Compression::of(&file.path);
        // The last line of a text that may still grow is not finished before its line end is there. Archives do not grow.
        let may_grow = self.config.follow && compression != Compression::Zip;
        let wrong = |source| SourceError::Text { path: file.name(), source };
        let mut decoder =
            CsvDecoder::resume(self.config.schema.clone(), self.config.csv.clone(), open.at).map_err(wrong)?;
        loop {
            if self.stop.is_stopped() {
                return Ok(Some(Ended::Closed));
            }
            let filled = decoder.fill(open.text);
            if let Some(ended) = self.send_decoded(number, &mut decoder, false, open.read_bytes)? {
                return Ok(Some(ended));
            }
            if matches!(filled, Ok(1..)) {
                continue;
            }
            let rest = decoder.rest();
            // Seen after its end was read, so that what was read is what was quiet.
            let is_due = || ends && rest == Some(Rest::Line) && self.is_unchanged(number);
            if filled.is_ok() && (!may_grow || is_due()) {
                decoder.finish();
            }
            if let Some(ended) = self.send_decoded(number, &mut decoder, true, open.read_bytes)? {
                return Ok(Some(ended));
            }
            let state = &mut self.files[number];
            state.read_bytes = open.read_bytes.get();
            filled.map_err(|error: io::Error| read_error(&file, error))?;
            if compression == Compression::Plain {
                state.identity.size = state.identity.size.max(state.read_bytes);
            }
            if decoder.is_finished() {
                (state.at, state.through_line) = (decoder.position(), 0);
                state.is_open = rest == Some(Rest::Line);
            } else {
                state.rest = rest;
                state.is_open &= state.at == file.at;
                // What waits for its line end has not been read as far as anybody is told.
                state.read_bytes = match compression {
                    Compression::Plain => state.at.byte,
                    // How much of a packed text it is cannot be told; it is something.
                    _ => state.read_bytes.saturating_sub(u64::from(rest.is_some())),
                };
            }
            return Ok(None);
        }
    }

    /// Sends the full batches that a decoder has, with `all` also the last one. Answers why it did not, if nobody wants more.
    fn send_decoded(
        &mut self,
        number: usize,
        decoder: &mut CsvDecoder,
        all: bool,
        read_bytes: &Cell<u64>,
    ) -> Result<Option<Ended>, SourceError> {
        let path = self.files[number].name();
        let wrong = |source| SourceError::Text { path: path.clone(), source };
        loop {
            let decoded = decoder.decode().map_err(wrong)?;
            if let Err(ended) = self.note_header(number, decoder) {
                return Ok(Some(ended));
            }
            let decoded = match decoded {
                None if all => decoder.flush().map_err(wrong)?,
                decoded => decoded,
            };
            let Some(decoded) = decoded else { return Ok(None) };
            if let Err(ended) = self.send_rows(number, decoded, read_bytes.get()) {
                return Ok(Some(ended));
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
