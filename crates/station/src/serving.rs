//! Tells other commands where the running program of a project is.
//!
//! The file `serving.json` in the data folder is there while a program runs. A killed program leaves it behind, so it is
//! believed only while the lock of the data folder is held.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::StationError;
use crate::config::{self, Overrides};
use crate::project::{folder, read_settings};

/// Name of the file.
const FILE: &str = "serving.json";

/// A program that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Its process.
    pub pid: u32,
    /// `127.0.0.1:8000`, unless it serves no HTTP.
    pub address: Option<String>,
}

/// Takes the announcement back when dropped.
#[derive(Debug)]
pub struct ServingGuard {
    path: PathBuf,
}

impl Serving {
    /// Announces this program as the one that runs on `data_dir`, whose lock it holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(data_dir: &Path, address: Option<String>) -> Result<ServingGuard, StationError> {
        let path = data_dir.join(FILE);
        let serving = Self { pid: std::process::id(), address };
        let json = serde_json::to_string(&serving).expect("two fields always become JSON");
        // Written beside and renamed: whoever looks sees all of it or nothing.
        let beside = data_dir.join(format!("{FILE}.tmp"));
        fs::write(&beside, json).map_err(StationError::file("write", &beside))?;
        fs::rename(&beside, &path).map_err(StationError::file("write", &path))?;
        Ok(ServingGuard { path })
    }

    /// The program that runs on `data_dir`, if one does.
    pub fn find(data_dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(data_dir.join(FILE)).ok()?;
        let serving: Self = serde_json::from_str(&text).ok()?;
        // Only a process that is there is asked by way of its lock: looking must not be in the way of one that starts.
        let processes = Path::new("/proc");
        let is_there = !processes.exists() || processes.join(serving.pid.to_string()).exists();
        (is_there && is_locked(data_dir)).then_some(serving)
    }

    /// The program that runs the project in `dir`, if one does. Statements are not looked at.
    ///
    /// # Errors
    /// When the folder or its settings cannot be read.
    pub fn find_for_project(dir: &Path, overrides: &Overrides) -> Result<Option<Self>, StationError> {
        Ok(Self::find(&data_dir(dir, overrides)?))
    }
}

/// The data folder of the project in `dir`. Statements are not looked at.
///
/// # Errors
/// When the folder or its settings cannot be read.
pub fn data_dir(dir: &Path, overrides: &Overrides) -> Result<PathBuf, StationError> {
    let dir = folder(dir)?;
    let text = read_settings(&dir)?;
    let environment: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Ok(config::load(&dir, &text, &environment, overrides).config.data_dir)
}

/// Whether some process holds the lock of a data folder.
pub(crate) fn is_locked(data_dir: &Path) -> bool {
    let Ok(file) = File::open(data_dir.join("log").join("LOCK")) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

impl Drop for ServingGuard {
    fn drop(&mut self) {
        // When it stays, the lock tells that it is stale.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_left_behind_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("log")).expect("a folder");
        let guard = Serving::announce(folder.path(), Some("127.0.0.1:1".to_owned())).expect("written");
        assert_eq!(Serving::find(folder.path()), None, "nobody holds the lock");

        let lock = File::create(folder.path().join("log/LOCK")).expect("a lock");
        lock.lock().expect("nobody else has it");
        let found = Serving::find(folder.path()).expect("this process runs and holds the lock");
        assert_eq!((found.pid, found.address.as_deref()), (std::process::id(), Some("127.0.0.1:1")));
        drop(guard);
        assert_eq!(Serving::find(folder.path()), None);
    }
}
