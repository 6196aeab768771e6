//! The folder as a power cut may leave it: what was synced is there; of the rest, whatever chance leaves.
//!
//! Unsynced writes are kept or lost sector by sector, in any combination; unsynced names of a folder likewise, or in order up
//! to some point, as file systems with a journal do it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::chance::Chance;
use crate::trace::{Change, FileId, Trace};

/// What a disk writes whole.
const SECTOR_BYTES: u64 = 512;

/// How unlucky one power cut is.
#[derive(Debug, Clone, Copy)]
enum Luck {
    /// Nothing that was not synced is there.
    None,
    /// All of it is.
    All,
    /// A first part of it is.
    Prefix,
    /// Any part of it is.
    Any,
}

/// What is on the disk for certain, and what is not.
#[derive(Default)]
struct OnDisk<'a> {
    contents: BTreeMap<FileId, Vec<u8>>,
    files: BTreeMap<PathBuf, FileId>,
    dirs: BTreeSet<PathBuf>,
    writes: BTreeMap<FileId, Vec<&'a Change>>,
    /// Writes that a sync has failed for: no later one brings them to the disk.
    forgotten: BTreeMap<FileId, Vec<&'a Change>>,
    names: BTreeMap<PathBuf, Vec<&'a Change>>,
}

/// Writes to `into` what a power cut after the first `count` changes may leave.
pub(crate) fn cut_power(trace: &Trace, count: usize, into: &Path, chance: &mut Chance) {
    let mut disk = OnDisk {
        contents: trace.contents.clone(),
        files: trace.files.clone(),
        dirs: trace.dirs.iter().cloned().collect(),
        ..OnDisk::default()
    };
    trace.changes[..count].iter().for_each(|change| disk.take(change));
    disk.lose(chance);
    for dir in &disk.dirs {
        fs::create_dir_all(into.join(dir)).expect("there is room");
    }
    for (path, file) in &disk.files {
        // What is in a folder that was lost is not reached by any name.
        let dir = path.parent().expect("it is in a folder");
        if dir != Path::new("") && !disk.dirs.contains(dir) {
            continue;
        }
        fs::write(into.join(path), disk.contents.get(file).map_or(&[][..], Vec::as_slice)).expect("there is room");
    }
}

impl<'a> OnDisk<'a> {
    fn take(&mut self, change: &'a Change) {
        match change {
            Change::Write { file, .. } | Change::Cut { file, .. } => self.writes.entry(*file).or_default().push(change),
            Change::Sync { file } => {
                let writes = self.writes.remove(file).unwrap_or_default();
                writes.into_iter().for_each(|change| self.write(change));
            }
            Change::FailSync { file } => {
                let writes = self.writes.remove(file).unwrap_or_default();
                self.forgotten.entry(*file).or_default().extend(writes);
            }
            Change::Name { path, .. }
            | Change::Unname { path }
            | Change::Rename { to: path, .. }
            | Change::MakeDir { dir: path }
            | Change::RemoveDir { dir: path } => {
                let dir = path.parent().map(Path::to_owned).unwrap_or_default();
                self.names.entry(dir).or_default().push(change);
            }
            Change::SyncDir { dir } => {
                let names = self.names.remove(dir).unwrap_or_default();
                names.into_iter().for_each(|change| self.name(change));
            }
            Change::SyncAll => {
                std::mem::take(&mut self.writes).into_values().flatten().for_each(|change| self.write(change));
                std::mem::take(&mut self.names).into_values().flatten().for_each(|change| self.name(change));
            }
        }
    }

    fn write(&mut self, change: &Change) {
        match change {
            Change::Write { file, at, bytes } => put(self.contents.entry(*file).or_default(), *at, bytes),
            Change::Cut { file, bytes } => self.contents.entry(*file).or_default().resize(*bytes as usize, 0),
            _ => {}
        }
    }

    fn name(&mut self, change: &Change) {
        match change {
            Change::Name { path, file } => {
                self.files.insert(path.clone(), *file);
            }
            Change::Unname { path } => {
                self.files.remove(path);
            }
            Change::Rename { from, to } => {
                // Chance may have lost the first name of the file.
                if let Some(file) = self.files.remove(from) {
                    self.files.insert(to.clone(), file);
                }
            }
            Change::MakeDir { dir } => {
                self.dirs.insert(dir.clone());
            }
            Change::RemoveDir { dir } => {
                self.dirs.retain(|known| !known.starts_with(dir));
                self.files.retain(|path, _| !path.starts_with(dir));
            }
            _ => {}
        }
    }

    fn lose(&mut self, chance: &mut Chance) {
        let forgotten = std::mem::take(&mut self.forgotten);
        for changes in forgotten.into_values().chain(std::mem::take(&mut self.writes).into_values()) {
            let luck = draw(chance);
            let first = chance.below(changes.len() as u64 + 1) as usize;
            for (n, change) in changes.into_iter().enumerate() {
                match luck {
                    Luck::None => {}
                    Luck::All => self.write(change),
                    Luck::Prefix if n < first => self.write(change),
                    Luck::Prefix => {}
                    Luck::Any => self.write_some(change, chance),
                }
            }
        }
        for changes in std::mem::take(&mut self.names).into_values() {
            let luck = draw(chance);
            let first = chance.below(changes.len() as u64 + 1) as usize;
            for (n, change) in changes.into_iter().enumerate() {
                let is_kept = match luck {
                    Luck::None => false,
                    Luck::All => true,
                    Luck::Prefix => n < first,
                    Luck::Any => chance.below(2) == 0,
                };
                if is_kept {
                    self.name(change);
                }
            }
        }
    }

    fn write_some(&mut self, change: &Change, chance: &mut Chance) {
        let Change::Write { file, at, bytes } = change else {
            if chance.below(2) == 0 {
                self.write(change);
            }
            return;
        };
        let mut done = 0;
        while done < bytes.len() as u64 {
            let at = at + done;
            let length = (SECTOR_BYTES - at % SECTOR_BYTES).min(bytes.len() as u64 - done);
            if chance.below(2) == 0 {
                put(self.contents.entry(*file).or_default(), at, &bytes[done as usize..(done + length) as usize]);
            }
            done += length;
        }
    }
}

fn draw(chance: &mut Chance) -> Luck {
    [Luck::None, Luck::All, Luck::Prefix, Luck::Any][chance.below(4) as usize]
}

fn put(content: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let (at, end) = (at as usize, at as usize + bytes.len());
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}
