//! A disk that notes everything that becomes of the files in a folder.
//!
//! Names are found by looking: before each change the folder is listed and compared with what was there before, so that
//! nothing escapes which does not go through the log's own disk. A file is known by its inode, and held open, so that no other
//! file gets the same one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_log::{Disk, LocalDisk};

use crate::bugs::Bug;

/// Number of a file, in the order in which they are seen: the same in every run of a seed.
pub(crate) type FileId = usize;

/// One thing that happened.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write {
        file: FileId,
        at: u64,
        bytes: Arc<[u8]>,
    },
    Cut {
        file: FileId,
        bytes: u64,
    },
    /// The content of a file is on the disk.
    Sync {
        file: FileId,
    },
    /// It could not be brought there. The system forgets what it could not write: a later sync brings nothing of it.
    FailSync {
        file: FileId,
    },
    /// `path` is the name of a file from now on, whoever had that name before.
    Name {
        path: PathBuf,
        file: FileId,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unname {
        path: PathBuf,
    },
    /// The entries of a folder are on the disk.
    SyncDir {
        dir: PathBuf,
    },
    /// There is a folder.
    MakeDir {
        dir: PathBuf,
    },
    /// A folder and all in it is gone.
    RemoveDir {
        dir: PathBuf,
    },
    /// All of everything is on the disk.
    SyncAll,
}

/// What a disk may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Half of what is written.
    Write,
    /// The same, and to cut a file.
    WriteAndCut,
    /// To bring a file to the disk.
    Sync,
}

impl Refusal {
    pub(crate) const ALL: [Self; 3] = [Self::Write, Self::WriteAndCut, Self::Sync];
}

/// The folder at the beginning, and everything since. Paths are relative to the folder.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) files: BTreeMap<PathBuf, FileId>,
    pub(crate) contents: BTreeMap<FileId, Vec<u8>>,
    pub(crate) dirs: Vec<PathBuf>,
    pub(crate) changes: Vec<Change>,
}

/// What is in the folder now, as far as was looked.
#[derive(Debug, Default)]
struct Seen {
    files: BTreeMap<PathBuf, FileId>,
    dirs: Vec<PathBuf>,
}

#[derive(Debug)]
struct State {
    trace: Trace,
    seen: Seen,
    /// Every file that ever had a name, open, by its inode.
    held: BTreeMap<u64, (FileId, File)>,
    /// Bytes of each file, as far as was told.
    lengths: BTreeMap<FileId, u64>,
}

impl State {
    /// The number of a file, which is held from now on.
    fn number(&mut self, inode: u64, path: &Path) -> Option<FileId> {
        if let Some((id, _)) = self.held.get(&inode) {
            return Some(*id);
        }
        let (id, file) = (self.held.len(), File::open(path).ok()?);
        self.held.insert(inode, (id, file));
        Some(id)
    }

    fn known(&self, file: &File) -> io::Result<FileId> {
        let known = self.held.get(&file.metadata()?.ino());
        Ok(known.map(|(id, _)| *id).expect("a file that is written to had a name"))
    }
}

/// The disk.
pub(crate) struct TracingDisk {
    root: PathBuf,
    bug: Option<Bug>,
    state: Mutex<State>,
    /// What is refused at present, of files whose path begins with this.
    refused: Mutex<Option<(Refusal, &'static str)>>,
}

/// All files and folders below `root`: files by their inodes.
fn look(root: &Path) -> (BTreeMap<PathBuf, u64>, Vec<PathBuf>) {
    let (mut files, mut dirs) = (BTreeMap::new(), Vec::new());
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            // What goes between the listing and the look is gone.
            let Ok(metadata) = entry.metadata() else { continue };
            let path = folder.join(entry.file_name());
            if metadata.is_dir() {
                folders.push(path.clone());
                dirs.push(path);
            } else {
                files.insert(path, metadata.ino());
            }
        }
    }
    dirs.sort();
    (files, dirs)
}

impl TracingDisk {
    /// Traces what becomes of the folder `root`, which is all on the disk now. With a bug, some of what is asked of it is not
    /// done, and nobody is told.
    pub(crate) fn new(root: &Path, bug: Option<Bug>) -> Arc<Self> {
        let state =
            State { trace: Trace::default(), seen: Seen::default(), held: BTreeMap::new(), lengths: BTreeMap::new() };
        let disk = Self { root: root.to_owned(), bug, state: Mutex::new(state), refused: Mutex::default() };
        let mut state = disk.look_again();
        let State { trace, seen, lengths, .. } = &mut *state;
        let content = |path: &PathBuf| fs::read(root.join(path)).expect("it is there");
        trace.contents = seen.files.iter().map(|(path, id)| (*id, content(path))).collect();
        (trace.files, trace.dirs) = (seen.files.clone(), seen.dirs.clone());
        trace.changes.clear();
        *lengths = trace.contents.iter().map(|(id, content)| (*id, content.len() as u64)).collect();
        drop(state);
        Arc::new(disk)
    }

    /// Refuses something of the files whose path begins with this, or nothing, from now on.
    pub(crate) fn refuse(&self, refused: Option<(Refusal, &'static str)>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// What is refused of a file at present.
    fn refused(&self, file: &File) -> io::Result<Option<Refusal>> {
        let Some((refusal, files)) = *self.refused.lock().unwrap_or_else(PoisonError::into_inner) else {
            return Ok(None);
        };
        let state = self.look_again();
        let id = state.known(file)?;
        let is_one =
            state.seen.files.iter().any(|(path, known)| *known == id && path.to_string_lossy().starts_with(files));
        Ok(is_one.then_some(refusal))
    }

    /// How much has happened.
    pub(crate) fn now(&self) -> usize {
        self.look_again().trace.changes.len()
    }

    /// What has happened.
    pub(crate) fn with_trace<T>(&self, see: impl FnOnce(&Trace) -> T) -> T {
        see(&self.state().trace)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what has become of names since the last look.
    fn look_again(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        let (files, dirs) = look(&self.root);
        let numbered = |(path, inode): (PathBuf, u64)| {
            let id = state.number(inode, &self.root.join(&path))?;
            Some((path, id))
        };
        let now = Seen { files: files.into_iter().filter_map(numbered).collect(), dirs };
        let State { trace, seen, .. } = &mut *state;
        let gone_dirs = seen.dirs.iter().filter(|dir| !now.dirs.contains(dir));
        trace.changes.extend(gone_dirs.map(|dir| Change::RemoveDir { dir: dir.clone() }));
        let new_dirs = now.dirs.iter().filter(|dir| !seen.dirs.contains(dir));
        trace.changes.extend(new_dirs.map(|dir| Change::MakeDir { dir: dir.clone() }));
        let mut gone: BTreeMap<&PathBuf, &FileId> =
            seen.files.iter().filter(|(path, _)| !now.files.contains_key(*path)).collect();
        for (path, file) in &now.files {
            if seen.files.get(path) == Some(file) {
                continue;
            }
            let before = gone.iter().find(|(from, id)| **id == file && from.parent() == path.parent());
            match before.map(|(from, _)| (*from).clone()) {
                Some(from) => {
                    gone.remove(&from);
                    trace.changes.push(Change::Rename { from, to: path.clone() });
                }
                None => trace.changes.push(Change::Name { path: path.clone(), file: *file }),
            }
        }
        let in_gone_dir =
            |path: &Path| path.parent().is_some_and(|dir| dir != Path::new("") && !now.dirs.contains(&dir.to_owned()));
        let unnamed = gone.into_keys().filter(|path| !in_gone_dir(path));
        trace.changes.extend(unnamed.map(|path| Change::Unname { path: path.clone() }));
        *seen = now;
        state
    }

    /// Notes that a file was emptied when it was opened.
    fn note_emptied(&self, file: &File) -> io::Result<()> {
        let mut state = self.look_again();
        let (id, length) = (state.known(file)?, file.metadata()?.len());
        if state.lengths.get(&id).is_some_and(|told| length < *told) {
            state.lengths.insert(id, length);
            state.trace.changes.push(Change::Cut { file: id, bytes: length });
        }
        Ok(())
    }

    /// Notes a change of `file`, if it lies in the folder.
    fn note(&self, file: &File, change: impl FnOnce(FileId) -> Change) -> io::Result<PathBuf> {
        let mut state = self.look_again();
        let id = state.known(file)?;
        let path = state.seen.files.iter().find(|(_, known)| **known == id).map(|(path, _)| path.clone());
        let change = change(id);
        let path = path.unwrap_or_default();
        if !self.bug.is_some_and(|bug| bug.swallows(&change, &path)) {
            state.trace.changes.push(change);
        }
        Ok(path)
    }
}

impl Disk for TracingDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        let file = LocalDisk.create(path)?;
        self.note_emptied(&file)?;
        Ok(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        drop(self.look_again());
        LocalDisk.rename(from, to)?;
        drop(self.look_again());
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        drop(self.look_again());
        LocalDisk.remove(path)?;
        drop(self.look_again());
        Ok(())
    }

    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        self.note_emptied(file)?;
        let is_refused = matches!(self.refused(file)?, Some(Refusal::Write | Refusal::WriteAndCut));
        let bytes = if is_refused { &bytes[..bytes.len() / 2] } else { bytes };
        LocalDisk.write_at(file, bytes, position)?;
        let end = position + bytes.len() as u64;
        let mut state = self.state();
        let id = state.known(file)?;
        state.lengths.entry(id).and_modify(|length| *length = end.max(*length)).or_insert(end);
        drop(state);
        self.note(file, |file| Change::Write { file, at: position, bytes: bytes.into() })?;
        if is_refused { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        if self.refused(file)? == Some(Refusal::WriteAndCut) {
            return Err(io::Error::other("input/output error"));
        }
        LocalDisk.truncate(file, bytes)?;
        let mut state = self.look_again();
        let id = state.known(file)?;
        state.lengths.insert(id, bytes);
        drop(state);
        self.note(file, |file| Change::Cut { file, bytes })?;
        Ok(())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.refused(file)? == Some(Refusal::Sync) {
            self.note(file, |file| Change::FailSync { file })?;
            return Err(io::Error::other("input/output error"));
        }
        self.note(file, |file| Change::Sync { file })?;
        Ok(())
    }

    fn sync_dir(&self, dir: &File) -> io::Result<()> {
        let id = dir.metadata()?.ino();
        let mut state = self.look_again();
        let is_it = |dir: &&PathBuf| fs::metadata(self.root.join(dir)).is_ok_and(|found| found.ino() == id);
        let root = PathBuf::new();
        let dir = std::iter::once(&root).chain(&state.seen.dirs).find(is_it).cloned();
        let Some(dir) = dir else { return Ok(()) };
        let change = Change::SyncDir { dir: dir.clone() };
        if !self.bug.is_some_and(|bug| bug.swallows(&change, &dir)) {
            state.trace.changes.push(change);
        }
        Ok(())
    }

    fn sync_filesystem(&self, _file: &File) -> io::Result<()> {
        self.look_again().trace.changes.push(Change::SyncAll);
        Ok(())
    }
}
