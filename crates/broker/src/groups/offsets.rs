//! Offsets of one group: committed ones, and those of transactions that have not ended.

use std::collections::{BTreeMap, BTreeSet};

use super::{Committed, OffsetKey, Record};

/// Offsets by topic and partition.
pub(super) type ByPartition = BTreeMap<String, BTreeMap<i32, Committed>>;

/// All offsets of a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Offsets {
    committed: ByPartition,
    /// By producer id.
    pending: BTreeMap<i64, ByPartition>,
}

impl Offsets {
    pub(super) fn committed(&self) -> &ByPartition {
        &self.committed
    }

    pub(super) fn pending(&self) -> &BTreeMap<i64, ByPartition> {
        &self.pending
    }

    pub(super) fn get(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.committed.get(topic)?.get(&partition)
    }

    /// Whether a transaction that has not ended commits this partition.
    pub(super) fn is_pending(&self, topic: &str, partition: i32) -> bool {
        self.pending.values().any(|topics| topics.get(topic).is_some_and(|found| found.contains_key(&partition)))
    }

    pub(super) fn set(&mut self, topic: &str, partition: i32, committed: Committed) {
        put(&mut self.committed, topic, partition, committed);
    }

    pub(super) fn set_pending(&mut self, producer_id: i64, topic: &str, partition: i32, committed: Committed) {
        put(self.pending.entry(producer_id).or_default(), topic, partition, committed);
    }

    /// Takes an offset out, and what transactions would make of it; answers the producers with nothing left to commit.
    pub(super) fn remove(&mut self, topic: &str, partition: i32) -> Vec<i64> {
        take(&mut self.committed, topic, partition);
        let mut done = Vec::new();
        self.pending.retain(|producer_id, topics| {
            take(topics, topic, partition);
            if topics.is_empty() {
                done.push(*producer_id);
            }
            !topics.is_empty()
        });
        done
    }

    /// Ends a transaction. Of a transaction's offset and one that was committed meanwhile the later written counts.
    pub(super) fn complete(&mut self, producer_id: i64, is_committed: bool) {
        let pending = self.pending.remove(&producer_id).unwrap_or_default();
        if !is_committed {
            return;
        }
        for (topic, partitions) in pending {
            for (partition, committed) in partitions {
                if self.get(&topic, partition).is_none_or(|present| present.sequence < committed.sequence) {
                    self.set(&topic, partition, committed);
                }
            }
        }
    }

    /// Number of partitions with a committed offset.
    pub(super) fn committed_partitions(&self) -> usize {
        self.committed.values().map(BTreeMap::len).sum()
    }

    /// Partitions of a topic with an offset, committed or pending.
    pub(super) fn partitions_of(&self, topic: &str) -> BTreeSet<i32> {
        let all = std::iter::once(&self.committed).chain(self.pending.values());
        all.filter_map(|topics| topics.get(topic)).flat_map(|partitions| partitions.keys().copied()).collect()
    }

    /// Appends records that rebuild these offsets.
    pub(super) fn write_all(&self, group: &str, records: &mut Vec<Record>) {
        let key = |topic: &str, partition| OffsetKey { group: group.to_owned(), topic: topic.to_owned(), partition };
        for (topic, partition, committed) in flat(&self.committed) {
            records.push(Record::Offset { of: key(topic, partition), committed: committed.clone() });
        }
        for (producer_id, topics) in &self.pending {
            for (topic, partition, committed) in flat(topics) {
                let (producer_id, of, committed) = (*producer_id, key(topic, partition), committed.clone());
                records.push(Record::PendingOffset { producer_id, of, committed });
            }
        }
    }
}

fn flat(topics: &ByPartition) -> impl Iterator<Item = (&str, i32, &Committed)> {
    topics.iter().flat_map(|(topic, partitions)| {
        partitions.iter().map(move |(partition, committed)| (topic.as_str(), *partition, committed))
    })
}

fn put(topics: &mut ByPartition, topic: &str, partition: i32, committed: Committed) {
    match topics.get_mut(topic) {
        Some(partitions) => {
            partitions.insert(partition, committed);
        }
        None => {
            topics.insert(topic.to_owned(), BTreeMap::from([(partition, committed)]));
        }
    }
}

fn take(topics: &mut ByPartition, topic: &str, partition: i32) {
    if let Some(partitions) = topics.get_mut(topic) {
        partitions.remove(&partition);
        if partitions.is_empty() {
            topics.remove(topic);
        }
    }
}
