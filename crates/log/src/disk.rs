//! What the log asks of the machine, behind traits, so that a test can fail a write, lose a sync or restart the machine.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use millrace_flow::{Clock, SystemClock};
use rustix::io::Errno;

/// Changes of files. Reading is done on the files themselves. What an implementation does not do in a way of its own is done
/// as the system does it.
pub trait Disk: Send + Sync {
    /// Makes an empty file at `path`, for reading and writing; one that is there is emptied.
    ///
    /// # Errors
    /// Those of the system.
    fn create(&self, path: &Path) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(true).open(path)
    }

    /// Gives the file at `from` the name `to`, whoever had that before; whoever has that file open goes on reading it.
    ///
    /// # Errors
    /// Those of the system; the file has one of the two names then.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Takes the name of the file at `path` away; whoever has it open goes on reading it.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Writes all of `bytes` at `position`.
    ///
    /// # Errors
    /// Those of the system; any part of the bytes may have been written then.
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        file.write_all_at(bytes, position)
    }

    /// Writes all of `parts`, side by side, at `position`.
    ///
    /// # Errors
    /// As [`Disk::write_at`].
    fn write_parts_at(&self, file: &File, parts: [&[u8]; 2], position: u64) -> io::Result<()> {
        self.write_at(file, &parts.concat(), position)
    }

    /// Cuts `file` to `bytes`.
    ///
    /// # Errors
    /// Those of the system.
    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    /// Returns when the content of `file` is on the disk.
    ///
    /// # Errors
    /// Those of the system; what the disk holds is unknown then.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Returns when the entries of the folder `dir` are on the disk.
    ///
    /// # Errors
    /// Those of the system; what the disk holds is unknown then.
    fn sync_dir(&self, dir: &File) -> io::Result<()> {
        dir.sync_all()
    }

    /// Returns when everything ever written to the file system of `file` is on the disk, whoever wrote it.
    ///
    /// # Errors
    /// Those of the system; what the disk holds is unknown then.
    fn sync_filesystem(&self, file: &File) -> io::Result<()> {
        rustix::fs::syncfs(file).map_err(Into::into)
    }
}

/// The disk itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn write_parts_at(&self, file: &File, parts: [&[u8]; 2], position: u64) -> io::Result<()> {
        // A client's records lie where they were received, and are not moved for the sake of the header in front of them.
        let mut written = loop {
            match rustix::io::pwritev(file, &parts.map(IoSlice::new), position) {
                Err(Errno::INTR) => {}
                written => break written?,
            }
        };
        let mut position = position + written as u64;
        for part in parts {
            let rest = &part[written.min(part.len())..];
            written -= part.len() - rest.len();
            self.write_at(file, rest, position)?;
            position += rest.len() as u64;
        }
        Ok(())
    }
}

/// The machine that the log runs on.
#[derive(Clone)]
pub struct Machine {
    /// Differs after every start of the machine. While it is the same, what a killed process wrote is still there.
    pub boot_id: String,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How files are changed.
    pub disk: Arc<dyn Disk>,
}

impl Machine {
    /// The machine that this program runs on.
    pub fn local() -> Self {
        Self { boot_id: read_boot_id(), clock: Arc::new(SystemClock), disk: Arc::new(LocalDisk) }
    }
}

/// The kernel's own id of this start. Where there is none the answer is empty, which never counts as the same start.
fn read_boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}
