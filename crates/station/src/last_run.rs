//! What was wrong when the project last ran: for whoever looks after it has stopped.
//!
//! The file `last-run.json` in the data folder is there if the last run that ended in order left something wrong.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::StationError;
use crate::model::HealthProblem;

/// Name of the file.
const FILE: &str = "last-run.json";

/// Keeps what was wrong, or that nothing was.
pub(crate) fn write(data_dir: &Path, problems: &[HealthProblem]) -> Result<(), StationError> {
    let path = data_dir.join(FILE);
    if problems.is_empty() {
        return forget(data_dir);
    }
    let json = serde_json::to_string(problems).expect("names and texts always become JSON");
    let beside = data_dir.join(format!("{FILE}.tmp"));
    fs::write(&beside, json).map_err(StationError::file("write", &beside))?;
    fs::rename(&beside, &path).map_err(StationError::file("write", &path))
}

/// Forgets what was kept.
pub(crate) fn forget(data_dir: &Path) -> Result<(), StationError> {
    let path = data_dir.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StationError::file("remove", &path)(error)),
        _ => Ok(()),
    }
}

/// What was wrong when the project on `data_dir` last ran; nothing where that cannot be told.
pub fn read(data_dir: &Path) -> Vec<HealthProblem> {
    let text = fs::read_to_string(data_dir.join(FILE)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HealthStatus;

    #[test]
    fn a_run_without_failures_takes_back_what_an_earlier_one_said() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(folder.path()).is_empty());
        let (stage, message) = ("source:o".to_owned(), "no file".to_owned());
        let problem = HealthProblem { stage, status: HealthStatus::Failed, message };
        write(folder.path(), std::slice::from_ref(&problem)).expect("there is room");
        assert_eq!(read(folder.path()), [problem]);
        write(folder.path(), &[]).expect("it can be removed");
        assert!(read(folder.path()).is_empty());
        write(folder.path(), &[]).expect("nothing is there to be removed");
    }
}
