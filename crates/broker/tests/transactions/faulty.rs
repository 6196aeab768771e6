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

/// The disk: which files it has a fault with, by a part of their path.
#[derive(Default)]
pub(crate) struct FaultyDisk(Mutex<Option<(Fault, &'static str)>>);

impl FaultyDisk {
    pub(crate) fn machine(self: &Arc<Self>) -> Machine {
        Machine { disk: self.clone(), ..Machine::local() }
    }

    fn fault(&self) -> MutexGuard<'_, Option<(Fault, &'static str)>> {
        self.0.lock().expect("nobody panics")
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
        let path: PathBuf = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("it is open");
        self.with(&path)
    }
}

fn refuse(is_refused: bool, kind: io::ErrorKind) -> io::Result<()> {
    if is_refused { Err(kind.into()) } else { Ok(()) }
}

impl Disk for FaultyDisk {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        let is_full = matches!(self.with_file(file), Some(Fault::Full | Fault::Stiff));
        LocalDisk.write_at(file, if is_full { &bytes[..bytes.len() / 2] } else { bytes }, position)?;
        refuse(is_full, io::ErrorKind::StorageFull)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        refuse(self.with_file(file) == Some(Fault::Stiff), io::ErrorKind::Other)?;
        LocalDisk.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        refuse(self.with_file(file) == Some(Fault::Unsynced), io::ErrorKind::Other)?;
        LocalDisk.sync(file)
    }
}
