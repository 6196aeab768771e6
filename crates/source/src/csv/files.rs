//! Which files there are, whether they are still the same, and their text.
//!
//! A file is known by its path, and by its inode and a hash of its first bytes, so that one that was renamed is not read twice
//! and one that was replaced is noticed (`identity.rs`). Text is decompressed as a stream through buffers of fixed size: a bomb
//! costs time, never memory. By extension: `.gz` (of any number of members), `.zst`, `.zip` (its entries in order), else plain.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use millrace_schema::csv::Position;
use zip::ZipArchive;

use super::config::CsvSourceConfig;
use super::identity::{identify, identify_head, inode, modified_ns};
use super::looked::{Looked, look_at_rest};
use super::position::{Entry, FileState, Identity};
use super::renames::{Found, follow_renames};
use crate::error::SourceError;

/// Files of one source at most that are there at the same time: their positions are part of every commit. Of files that were
/// read and went away as many are remembered, so that all of them may be back after a folder was out of reach.
const FILES_MAX: usize = 20_000;

/// Read from disk in one go.
const READ_BYTES: usize = 128 * 1024;

/// What is said of a compressed file that ends too early.
pub(super) const CUT_SHORT: &str = "it is cut short";

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Zstd,
    Zip,
}

impl Compression {
    pub(super) fn of(path: &str) -> Self {
        let extension = Path::new(path).extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            "zip" => Self::Zip,
            _ => Self::Plain,
        }
    }
}

/// What looking at the files brought to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    /// Whether anything is different from what was known.
    pub(super) is_changed: bool,
    /// How many files there are now.
    pub(super) found: usize,
}

/// Looks at the folder: adds what is new to `files`, marks what grew as not read, notices what was renamed or replaced.
pub(super) fn survey(config: &CsvSourceConfig, files: &mut Vec<FileState>) -> Result<Survey, SourceError> {
    let Looked { paths, found, metadata } = look_at_rest(config, files)?;
    let mut is_changed = follow_renames(&found, files)?;
    let mut known: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, file) in files.iter().enumerate() {
        known.entry(file.path.clone()).or_default().push(number);
    }
    for (Found { path, on_disk, .. }, metadata) in found.iter().zip(&metadata) {
        if let Some(numbers) = known.get(path) {
            is_changed |= check_known(on_disk, metadata, config, files, numbers)?;
            continue;
        }
        let identity = identify(on_disk, path, metadata)?;
        let free = files.iter().enumerate().filter(|(_, file)| file.is_free());
        let free: Vec<usize> = free.map(|(number, _)| number).collect();
        is_changed |= add(on_disk, path, identity, &free, config, files)?;
    }
    is_changed |= let_go(&paths, files, FILES_MAX)?;
    if files.iter().filter(|file| !file.path.is_empty()).count() > 2 * FILES_MAX {
        return Err(SourceError::TooManyFiles { pattern: config.path.clone(), limit: FILES_MAX });
    }
    Ok(Survey { is_changed, found: paths.len() })
}

/// What becomes of files that are not there any more: those that nothing was read of, and of the others all but the latest
/// `remembered`, are forgotten. Says whether there were any.
fn let_go(paths: &[String], files: &mut [FileState], remembered: usize) -> Result<bool, SourceError> {
    let is_gone = |file: &FileState| !file.path.is_empty() && paths.binary_search(&file.path).is_err();
    let gone = (0..files.len()).filter(|number| is_gone(&files[*number]));
    let (untouched, read): (Vec<usize>, Vec<usize>) = gone.partition(|number| files[*number].is_untouched());
    read.iter().try_for_each(|number| files[*number].check_gone())?;
    let oldest = &read[..read.len().saturating_sub(remembered)];
    untouched.iter().chain(oldest).for_each(|number| files[*number].forget());
    Ok(!untouched.is_empty() || !oldest.is_empty())
}

/// Paths that the pattern matches, in order; relative to the project where they are inside it.
pub(super) fn list(config: &CsvSourceConfig) -> Result<Vec<String>, SourceError> {
    let wrong = |reason: String| SourceError::Pattern { pattern: config.path.clone(), reason };
    let project = config.project_dir.to_str().ok_or_else(|| SourceError::Name { path: config.project_dir.clone() })?;
    let is_literal = config.project_dir.join(&config.path);
    // A name may have brackets in it and be meant as it is.
    let literal = metadata(&is_literal)?;
    if literal.as_ref().is_some_and(Metadata::is_file) {
        return Ok(vec![relative(&is_literal, config)?]);
    }
    let pattern = match Path::new(&config.path).is_absolute() {
        _ if literal.is_some_and(|literal| literal.is_dir()) => {
            format!("{}/*", glob::Pattern::escape(&is_literal.to_string_lossy()))
        }
        true => config.path.clone(),
        false => format!("{}/{}", glob::Pattern::escape(project), config.path),
    };
    // Folders alone match `**`; whoever ends with it means what is in them.
    let pattern = if pattern.ends_with("**") { pattern + "/*" } else { pattern };
    let hidden = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let mut paths = Vec::new();
    for path in glob::glob_with(&pattern, hidden).map_err(|error| wrong(error.msg.to_owned()))? {
        let path = path.map_err(|error| SourceError::Read {
            path: error.path().display().to_string(),
            source: io::Error::new(error.error().kind(), error.error().to_string()),
        })?;
        if metadata(&path)?.is_some_and(|found| found.is_file()) {
            paths.push(relative(&path, config)?);
        }
        if paths.len() > FILES_MAX {
            return Err(SourceError::TooManyFiles { pattern: config.path.clone(), limit: FILES_MAX });
        }
    }
    paths.sort();
    Ok(paths)
}

/// What there is at `path`; nothing if there is nothing. A disk that does not answer has not said that there is nothing.
pub(super) fn metadata(path: &Path) -> Result<Option<Metadata>, SourceError> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(SourceError::Read { path: path.display().to_string(), source }),
    }
}

fn relative(path: &Path, config: &CsvSourceConfig) -> Result<String, SourceError> {
    let inside = path.strip_prefix(&config.project_dir).unwrap_or(path);
    inside.to_str().map(str::to_owned).ok_or_else(|| SourceError::Name { path: path.to_owned() })
}

/// A file as it is seen from outside: its path, size, time of change and inode.
pub(super) type Outside = (String, u64, i64, u64);

/// What can be seen of the files, to tell whether anything has become of them; `None` where even that fails.
pub(super) fn outside(config: &CsvSourceConfig) -> Option<Vec<Outside>> {
    let paths = list(config).ok()?.into_iter();
    let seen = paths.filter_map(|path| {
        let metadata = config.project_dir.join(&path).metadata().ok()?;
        Some((path, metadata.len(), modified_ns(&metadata), inode(&metadata)))
    });
    Some(seen.collect())
}

/// Whether there is more to read of a file that is known; an error if it is another one now and something of it was read.
fn check_known(
    on_disk: &Path,
    metadata: &Metadata,
    config: &CsvSourceConfig,
    files: &mut Vec<FileState>,
    numbers: &[usize],
) -> Result<bool, SourceError> {
    let file = &files[numbers[0]];
    let is_plain = Compression::of(&file.path) == Compression::Plain;
    // A last line without a line end was left for later while following, and so was a compressed file that is cut; without
    // more to come the one counts, and the other is told.
    let is_short =
        !config.follow && file.is_read && (file.is_waiting() || is_plain && file.at.byte < file.identity.size);
    let is_same = (file.identity.size, file.identity.modified_ns, file.identity.inode)
        == (metadata.len(), modified_ns(metadata), inode(metadata));
    if is_same && !is_short {
        return Ok(false);
    }
    if !is_same && numbers.iter().all(|number| files[*number].is_untouched()) {
        begin_again(on_disk, metadata, config, files, numbers)?;
        return Ok(true);
    }
    let replaced = |reason: &str| SourceError::Replaced { path: file.path.clone(), reason: reason.to_owned() };
    let of_text = file.identity.of_text;
    let now = identify_head(on_disk, &file.path, metadata, file.identity.head_bytes as usize, of_text)?;
    if !of_text && metadata.len() < file.identity.size || (is_plain && metadata.len() < file.at.byte) {
        return Err(replaced("it is shorter now"));
    }
    if now.head_hash != file.identity.head_hash {
        return Err(replaced("it begins differently now"));
    }
    if is_plain {
        // Before anything of it is believed: the file may have to be put right.
        let mut text = File::open(on_disk).map_err(|error| read_error(file, error))?;
        seek_plain(&mut text, file)?;
    }
    // Another size says nothing of a text that was compressed again: reading it as far as it was read tells.
    let has_grown = if of_text { !is_same } else { metadata.len() > file.identity.size };
    if has_grown && Compression::of(&file.path) == Compression::Zip {
        return Err(replaced("the archive has another size now"));
    }
    // What was short when it was looked at first is known by more of it now.
    let is_longer =
        metadata.len() > u64::from(now.head_bytes) && (now.head_bytes as usize) < super::identity::HEAD_BYTES;
    // Where a line was read without its end, what follows may be about to be put right.
    let identity =
        if !file.is_open && (has_grown || is_longer) { identify(on_disk, &file.path, metadata)? } else { now };
    for number in numbers {
        files[*number].identity = identity.clone();
        files[*number].is_read &= !has_grown && !is_short;
    }
    Ok(has_grown || is_short)
}

/// Takes a file that nothing was read of as it is now: it may have become another one, as one does that is mended.
fn begin_again(
    on_disk: &Path,
    metadata: &Metadata,
    config: &CsvSourceConfig,
    files: &mut Vec<FileState>,
    numbers: &[usize],
) -> Result<(), SourceError> {
    let path = files[numbers[0]].path.clone();
    let identity = identify(on_disk, &path, metadata)?;
    numbers.iter().for_each(|number| files[*number].forget());
    add(on_disk, &path, identity, numbers, config, files)?;
    Ok(())
}

/// Adds the texts of a new file, under the numbers `free` as far as they go; says whether there were any.
fn add(
    on_disk: &Path,
    path: &str,
    identity: Identity,
    free: &[usize],
    config: &CsvSourceConfig,
    files: &mut Vec<FileState>,
) -> Result<bool, SourceError> {
    let entries = match Compression::of(path) {
        Compression::Zip => match entries(on_disk, path) {
            Ok(entries) => entries.into_iter().map(Some).collect(),
            // While a folder is followed, an archive that cannot be read may still be on its way.
            Err(SourceError::Corrupt { .. }) if config.follow => return Ok(false),
            Err(error) => return Err(error),
        },
        _ => vec![None],
    };
    let state = |entry| FileState {
        path: path.to_owned(),
        entry,
        identity: identity.clone(),
        read_bytes: 0,
        at: Position::START,
        through_line: 0,
        is_read: false,
        is_cut: false,
        rest: None,
        is_open: false,
        header_is_row: false,
    };
    let mut free = free.iter();
    let added = !entries.is_empty();
    for state in entries.into_iter().map(state) {
        match free.next() {
            Some(number) => files[*number] = state,
            None => files.push(state),
        }
    }
    Ok(added)
}

/// The entries of an archive that are files.
fn entries(on_disk: &Path, path: &str) -> Result<Vec<Entry>, SourceError> {
    let file = File::open(on_disk).map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
    let corrupt =
        |error: zip::result::ZipError| SourceError::Corrupt { path: path.to_owned(), reason: error.to_string() };
    let archive = ZipArchive::new(BufReader::new(file)).map_err(corrupt)?;
    // macOS keeps its own files in a folder beside those of the archive.
    let is_text = |name: &str| !name.ends_with('/') && !name.starts_with("__MACOSX/");
    let names = (0..archive.len()).filter_map(|index| Some((index, archive.name_for_index(index)?)));
    let texts = names.filter(|(_, name)| is_text(name));
    Ok(texts.map(|(index, name)| Entry { index, name: name.to_owned() }).collect())
}

/// A file that counts what is read from it.
struct Counted<'a> {
    file: File,
    read_bytes: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read_bytes.set(self.read_bytes.get() + read as u64);
        Ok(read)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// A text that is open at the place where reading goes on.
pub(super) struct OpenText<'a> {
    /// The text from there on.
    pub(super) text: &'a mut dyn Read,
    /// Where that is.
    pub(super) at: Position,
    /// Bytes read from disk so far, over all readings.
    pub(super) read_bytes: &'a Cell<u64>,
}

/// Opens the text of `file` where it was left and hands it to `then`; says whether it did, for another file may have taken its
/// place since the folder was listed.
pub(super) fn open_text(
    folder: &Path,
    file: &FileState,
    then: impl FnOnce(OpenText<'_>) -> Result<(), SourceError>,
) -> Result<bool, SourceError> {
    let on_disk: PathBuf = folder.join(&file.path);
    let failed = |error| read_error(file, error);
    let read_bytes = Cell::new(0);
    let opened = match File::open(on_disk) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(failed)?,
    };
    if inode(&opened.metadata().map_err(failed)?) != file.identity.inode {
        return Ok(false);
    }
    let mut raw = Counted { file: opened, read_bytes: &read_bytes };
    let read = match Compression::of(&file.path) {
        Compression::Plain => {
            let at = seek_plain(&mut raw, file)?;
            read_bytes.set(at.byte);
            then(OpenText { text: &mut raw, at, read_bytes: &read_bytes })
        }
        Compression::Gzip => {
            let mut text = MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, raw));
            let (at, ahead) = skip(&mut text, file)?;
            then(OpenText { text: &mut ahead.chain(text), at, read_bytes: &read_bytes })
        }
        Compression::Zstd => {
            let buffered = BufReader::with_capacity(READ_BYTES, raw);
            let mut text = zstd::stream::read::Decoder::with_buffer(buffered).map_err(failed)?;
            let (at, ahead) = skip(&mut text, file)?;
            then(OpenText { text: &mut ahead.chain(text), at, read_bytes: &read_bytes })
        }
        Compression::Zip => {
            let corrupt =
                |error: zip::result::ZipError| SourceError::Corrupt { path: file.name(), reason: error.to_string() };
            let mut archive = ZipArchive::new(BufReader::with_capacity(READ_BYTES, raw)).map_err(corrupt)?;
            let index = file.entry.as_ref().map_or(0, |entry| entry.index);
            let mut text = archive.by_index(index).map_err(corrupt)?;
            read_bytes.set(0);
            let (at, ahead) = skip(&mut text, file)?;
            then(OpenText { text: &mut ahead.chain(text), at, read_bytes: &read_bytes })
        }
    };
    read.map(|()| true)
}

/// Goes to the place where a plain file was left. A last line that was read without its line end must not have gone on; if
/// its line end has come since, that is passed as well.
fn seek_plain(raw: &mut (impl Read + Seek), file: &FileState) -> Result<Position, SourceError> {
    let failed = |error| read_error(file, error);
    let mut at = file.at;
    if at.line > Position::START.line {
        raw.seek(SeekFrom::Start(at.byte - 1)).map_err(failed)?;
        let mut around = Vec::with_capacity(3);
        raw.by_ref().take(3).read_to_end(&mut around).map_err(failed)?;
        at.byte += pass_line_end(&around, file)?;
    }
    raw.seek(SeekFrom::Start(at.byte)).map_err(failed)?;
    Ok(at)
}

/// Bytes of the line end that a last line has got since it was read; `around` begins with the last byte that was read.
fn pass_line_end(around: &[u8], file: &FileState) -> Result<u64, SourceError> {
    match around {
        [] | [b'\n', ..] | [_] => Ok(0),
        [_, b'\n', ..] => Ok(1),
        [_, b'\r', b'\n'] => Ok(2),
        _ => Err(SourceError::WentOn { path: file.name(), line: file.at.line - 1, byte: file.at.byte }),
    }
}

/// Passes over the part of a compressed text that was read before, up to its last byte at first: a last line that was read
/// without its line end must not have gone on. Answers where the text goes on, and what had to be read of that already.
fn skip(text: &mut dyn Read, file: &FileState) -> Result<(Position, Cursor<Vec<u8>>), SourceError> {
    let failed = |error| read_error(file, error);
    let (mut at, mut around) = (file.at, Vec::with_capacity(3));
    if at.byte == 0 {
        return Ok((at, Cursor::new(around)));
    }
    let skipped = io::copy(&mut text.take(at.byte - 1), &mut io::sink()).map_err(failed)?;
    text.take(1).read_to_end(&mut around).map_err(failed)?;
    if skipped < at.byte - 1 || around.is_empty() {
        return Err(SourceError::Replaced { path: file.name(), reason: "its text is shorter now".to_owned() });
    }
    if around != b"\n" && at.line > Position::START.line {
        text.take(2).read_to_end(&mut around).map_err(failed)?;
    }
    let passed = pass_line_end(&around, file)?;
    at.byte += passed;
    Ok((at, Cursor::new(around.split_off(1 + passed as usize))))
}

/// What an error while reading a text means: the decompressor's own errors come without a number from the system.
pub(super) fn read_error(file: &FileState, source: io::Error) -> SourceError {
    if Compression::of(&file.path) == Compression::Plain || source.raw_os_error().is_some() {
        return SourceError::Read { path: file.name(), source };
    }
    let is_cut = source.kind() == io::ErrorKind::UnexpectedEof;
    SourceError::Corrupt { path: file.name(), reason: if is_cut { CUT_SHORT.to_owned() } else { source.to_string() } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, read: bool) -> FileState {
        let at = if read { Position { byte: 10, line: 2 } } else { Position::START };
        FileState { path: path.to_owned(), at, is_read: read, ..FileState::default() }
    }

    #[test]
    fn of_files_that_went_away_the_latest_are_remembered() {
        let mut files: Vec<FileState> = ["a", "b", "c", "d", "e"].iter().map(|path| file(path, true)).collect();
        let there = ["c".to_owned(), "f".to_owned()];
        assert!(let_go(&there, &mut files, 2).expect("all were read"));
        let left: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(left, ["", "", "c", "d", "e"], "numbers stay");
        assert!(!let_go(&there, &mut files, 2).expect("all were read"), "nothing more to forget");
    }

    #[test]
    fn a_file_that_went_away_unread_matters_only_if_something_of_it_was_read() {
        let mut files = vec![file("a", false), file("b", true)];
        assert!(let_go(&[], &mut files, 9).expect("nothing of it was read"));
        assert_eq!((files[0].path.as_str(), files[0].is_read), ("", true));
        files[1].is_read = false;
        let error = let_go(&[], &mut files, 9).expect_err("half of it was read").to_string();
        assert!(error.contains("`b` is gone and was read only through line 1"), "{error}");
    }
}
