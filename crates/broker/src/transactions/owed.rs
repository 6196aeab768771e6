//! Markers that are owed: their partition was offline when the transaction ended.
//!
//! The transaction is over for everybody else, and its producer goes on; but the partition takes no records of the same
//! transactional id before it has its marker, which would end what these begin. It gets it when it is back, before anybody is
//! served; should its topic be taken away nothing is owed any more, even if there is another one of that name.

use serde::{Deserialize, Serialize};

use super::{Coordinator, Producer, Record, Transaction};

/// One marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwedMarker {
    /// The topic.
    pub topic: String,
    /// What tells the topic from a later one of that name.
    pub topic_id: [u8; 16],
    /// The partition.
    pub partition: i32,
    /// In whose name.
    pub producer: Producer,
    /// Whether the records of the transaction count.
    pub is_commit: bool,
}

impl Transaction {
    /// Whether a partition has yet to get the marker of an earlier transaction.
    pub(super) fn owes(&self, topic: &str, partition: i32) -> bool {
        self.owed_at(topic, partition).next().is_some()
    }

    /// What a partition of that name has yet to get.
    pub(super) fn owed_at(&self, topic: &str, partition: i32) -> impl Iterator<Item = &OwedMarker> {
        self.owed.iter().filter(move |owed| owed.topic == topic && owed.partition == partition)
    }
}

impl Coordinator {
    /// Whether a partition has yet to get a marker of that transactional id.
    pub fn owes(&self, transactional_id: &str, topic: &str, partition: i32) -> bool {
        self.by_id.get(transactional_id).is_some_and(|found| found.owes(topic, partition))
    }

    /// All markers that are owed, with the transactional ids that they are of.
    pub fn owed(&self) -> Vec<(String, OwedMarker)> {
        let of = |found: &Transaction| {
            let owed = found.owed.iter().cloned();
            owed.map(|owed| (found.transactional_id.clone(), owed)).collect::<Vec<_>>()
        };
        self.by_id.values().flat_map(of).collect()
    }

    /// What is to be written once a marker is where it belongs, or that is gone; nothing if it is not owed.
    pub fn paid(&self, transactional_id: &str, marker: &OwedMarker) -> Option<Record> {
        let mut found = self.by_id.get(transactional_id)?.clone();
        let at = found.owed.iter().position(|owed| owed == marker)?;
        found.owed.remove(at);
        Some(Record::Transaction(found))
    }
}
