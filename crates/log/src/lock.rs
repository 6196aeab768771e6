//! One process a folder, held by a lock on the file `LOCK`, which ends with the process however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::LogError;

/// The held lock; dropping it lets the next process in.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock of `dir` and leaves this process's id in it.
    pub(crate) fn take(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join("LOCK");
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(LogError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who holds it is a courtesy: the refusal stands even when it cannot be read.
                let _ = file.read_to_string(&mut pid);
                let pid = if pid.trim().is_empty() { "of unknown id".to_owned() } else { pid.trim().to_owned() };
                return Err(LogError::Locked { dir: dir.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(LogError::io("lock", &path)(error)),
        }
        file.set_len(0).map_err(LogError::io("write", &path))?;
        writeln!(file, "{}", std::process::id()).map_err(LogError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}
