//! Small files that are replaced whole: first line the CRC-32C of the rest, in hex, then JSON.
//!
//! Replacing writes a temporary file, syncs it, renames it over the old one and syncs the folder, so that after a crash at
//! any instant there is the old document or the new one.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::record_batch::crc32c;
use crate::{Disk, LogError};

/// Writes `value` as the document at `path`.
pub(crate) fn write<T: Serialize>(disk: &dyn Disk, path: &Path, value: &T) -> Result<(), LogError> {
    let json = serde_json::to_string_pretty(value).expect("documents have string keys and serialize without fail");
    let text = format!("{:08x}\n{json}\n", crc32c(format!("{json}\n").as_bytes()));
    replace(disk, path, text.as_bytes())
}

/// The document at `path`; `None` when there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LogError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::io("read", path)(error)),
    };
    let end = text.iter().position(|byte| *byte == b'\n');
    let (crc, json) = end.map_or((&text[..], &[][..]), |end| (&text[..end], &text[end + 1..]));
    let crc = std::str::from_utf8(crc).ok().and_then(|crc| u32::from_str_radix(crc, 16).ok());
    if crc != Some(crc32c(json)) {
        return Err(LogError::corrupt(path, 0, "its checksum does not fit its content"));
    }
    serde_json::from_slice(json).map(Some).map_err(|error| LogError::corrupt(path, 0, error.to_string()))
}

/// Replaces the file at `path` by one with `bytes`.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    prepare(disk, path, bytes)?;
    install(disk, path)
}

/// Makes the file that is to take the place of the one at `path`; answers it, open for reading and writing. After an error
/// nothing of it takes up room.
pub(crate) fn prepare(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<File, LogError> {
    let temporary = temporary(path);
    let file = disk.create(&temporary).map_err(LogError::io("create", &temporary))?;
    let written = disk.write_at(&file, bytes, 0).map_err(LogError::io("write", &temporary));
    let synced = written.and_then(|()| disk.sync(&file).map_err(LogError::io("sync", &temporary)));
    if let Err(error) = synced {
        // The next one begins anew in any case.
        let _ = disk.remove(&temporary);
        return Err(error);
    }
    Ok(file)
}

/// Has the file that was prepared take the place of the one at `path`. After an error it is one of the two.
pub(crate) fn install(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    let temporary = temporary(path);
    disk.rename(&temporary, path).map_err(LogError::io("rename", &temporary))?;
    sync_dir(disk, folder(path))
}

fn folder(path: &Path) -> &Path {
    path.parent().expect("a document lies in the log's folder")
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().expect("a document has a name").to_owned();
    name.push(".tmp");
    folder(path).join(name)
}

/// Takes the document at `path` away, if there is one; it is gone from the disk when this returns.
pub(crate) fn remove(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    match disk.remove(path) {
        Ok(()) => sync_dir(disk, folder(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LogError::io("remove", path)(error)),
    }
}

/// Brings the entries of `dir` to the disk.
pub(crate) fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    let handle = File::open(dir).map_err(LogError::io("open", dir))?;
    disk.sync_dir(&handle).map_err(LogError::io("sync", dir))
}
