//! The groups of a log that nobody runs.
//!
//! Members that were there when it stopped are shown as members: they may be waiting for it to start again.

use std::path::Path;

use bytes::Bytes;
use millrace_flow::{Clock, SystemClock};
use millrace_log::{EmbeddedLog, StoppedJournal, read_journal};

use crate::group_desk::names;
use crate::groups::{Coordinator, GroupConfig, GroupOverview, Record, Token};
use crate::{BrokerError, GroupChange};

/// The journal of groups.
pub(crate) const JOURNAL: &str = "groups";

/// The groups in the folder of a log.
pub struct StoredGroups {
    coordinator: Coordinator,
}

impl StoredGroups {
    /// Reads the groups of the log in `dir`.
    ///
    /// # Errors
    /// When the disk does not answer or lies.
    pub fn read(dir: &Path) -> Result<Self, BrokerError> {
        Ok(Self { coordinator: replay(&read_journal(dir, JOURNAL)?)? })
    }

    /// All groups by name; `log` is what they read.
    pub fn groups(&self, log: &EmbeddedLog) -> Vec<GroupOverview> {
        self.coordinator.overviews(&names(log))
    }

    /// One group, if it is there.
    pub fn group(&self, group: &str, log: &EmbeddedLog) -> Option<GroupOverview> {
        self.coordinator.overview(group, &names(log))
    }

    /// Changes a group of the log in `dir` that nobody is in; seeking makes one that is not there. It is on the disk when
    /// this returns.
    ///
    /// # Errors
    /// When somebody runs the log, the group has members, it is to be deleted and is not there, or the disk does not answer.
    pub fn change(dir: &Path, group: &str, change: &GroupChange) -> Result<(), BrokerError> {
        let (mut stopped, records) = StoppedJournal::open(dir, JOURNAL)?;
        let mut coordinator = replay(&records)?;
        let outcome = change.ask(group, &mut coordinator, Token(0), SystemClock.now_ms());
        let records: Vec<Bytes> = outcome.records.iter().map(Record::encode).collect();
        stopped.journal.append(&records)?;
        GroupChange::outcome(group, outcome.replies.into_iter().next().map(|(_, reply)| reply))
    }

    /// Forgets how far groups have read a topic that is gone from `log`, which no broker serves. It is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// When the disk does not answer or lies.
    pub fn forget_topic(log: &EmbeddedLog, topic: &str) -> Result<(), BrokerError> {
        let (mut journal, records) = log.durable_journal(JOURNAL)?;
        let outcome = replay(&records)?.remove_topic(topic, SystemClock.now_ms());
        let records: Vec<Bytes> = outcome.records.iter().map(Record::encode).collect();
        if !records.is_empty() {
            journal.append(&records)?;
        }
        Ok(())
    }
}

fn replay(records: &[Bytes]) -> Result<Coordinator, BrokerError> {
    let mut coordinator = Coordinator::new(GroupConfig::default());
    for record in records {
        let record = Record::decode(record).map_err(|error| BrokerError::Remembered(error.to_string()))?;
        coordinator.replay(&record);
    }
    Ok(coordinator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::GroupError;

    #[test]
    fn a_group_is_set_and_deleted_while_nobody_runs() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let seek = GroupChange::Seek(vec![("t".to_owned(), 0, 7), ("t".to_owned(), 1, 9)]);
        StoredGroups::change(folder.path(), "g", &seek).expect("nobody is in it");
        let log = EmbeddedLog::open_read_only(folder.path()).expect("it is read");
        let group = StoredGroups::read(folder.path()).expect("it is read").group("g", &log).expect("it is there");
        assert_eq!((group.protocol, group.state, group.members.len()), ("classic", "Empty", 0));
        let offsets: Vec<_> = group.offsets.iter().map(|(topic, number, at)| (&**topic, *number, at.offset)).collect();
        assert_eq!(offsets, [("t", 0, 7), ("t", 1, 9)]);
        StoredGroups::change(folder.path(), "g", &GroupChange::Delete).expect("nobody is in it");
        assert_eq!(StoredGroups::read(folder.path()).expect("it is read").groups(&log), []);
        let again = StoredGroups::change(folder.path(), "g", &GroupChange::Delete);
        assert!(matches!(again, Err(BrokerError::Group { error: GroupError::GroupIdNotFound, .. })));
    }
}
