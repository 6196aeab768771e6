//! A disk that refuses changes of some files, having done half of what it was asked.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use millrace_log::{Disk, LocalDisk, Machine};

/// What is the matter with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no room.
    Full,
    /// There is no room, and nothing can be cut.
    Stiff,
    /// Nothing can be brought to the disk.
    Unsynced,
}

/// What was done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touched {
    Written,
    Synced,
}

/// The disk: which files it has a fault with, by a part of their path.
#[derive(Default)]
pub(crate) struct FaultyDisk {
    fault: Mutex<Option<(Fault, &'static str)>>,
    touched: Mutex<Vec<(Touched, PathBuf)>>,
}

impl FaultyDisk {
    pub(crate) fn machine(self: &Arc<Self>) -> Machine {
        Machine { disk: self.clone(), ..Machine::local() }
    }

    fn fault(&self) -> MutexGuard<'_, Option<(Fault, &'static str)>> {
        self.fault.lock().expect("nobody panics")
    }

    /// What was done so far, and with which file.
    pub(crate) fn touched(&self) -> Vec<(Touched, PathBuf)> {
        self.touched.lock().expect("nobody panics").clone()
    }

    fn note(&self, what: Touched, file: &File) {
        self.touched.lock().expect("nobody panics").push((what, path_of(file)));
    }

    pub(crate) fn set(&self, fault: Fault, files: &'static str) {
        *self.fault() = Some((fault, files));
    }

    pub(crate) fn heal(&self) {
        *self.fault() = None;
    }

    /// The fault with a file.
    fn with(&self, path: &Path) -> Option<Fault> {
        self.fault().filter(|(_, files)| path.to_string_lossy().contains(files)).map(|(fault, _)| fault)
    }

    fn with_file(&self, file: &File) -> Option<Fault> {
        self.with(&path_of(file))
    }
}

fn path_of(file: &File) -> PathBuf {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("it is open")
}

fn refuse(is_refused: bool, kind: io::ErrorKind) -> io::Result<()> {
    if is_refused { Err(kind.into()) } else { Ok(()) }
}

impl Disk for FaultyDisk {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        let is_full = matches!(self.with_file(file), Some(Fault::Full | Fault::Stiff));
        LocalDisk.write_at(file, if is_full { &bytes[..bytes.len() / 2] } else { bytes }, position)?;
        self.note(Touched::Written, file);
        refuse(is_full, io::ErrorKind::StorageFull)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        refuse(self.with_file(file) == Some(Fault::Stiff), io::ErrorKind::Other)?;
        LocalDisk.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        refuse(self.with_file(file) == Some(Fault::Unsynced), io::ErrorKind::Other)?;
        self.note(Touched::Synced, file);
        LocalDisk.sync(file)
    }
}
