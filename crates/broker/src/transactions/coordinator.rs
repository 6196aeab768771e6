//! The coordinator: all transactional ids, and when something is due.

use std::collections::{BTreeMap, BTreeSet};

use super::{Completion, Producer, Record, State, Transaction, TransactionConfig, TransactionError};

/// All transactional ids of a server. See the [module](super) for how it is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    pub(super) config: TransactionConfig,
    pub(super) by_id: BTreeMap<String, Transaction>,
    /// When something is to be done about which.
    due: BTreeSet<(i64, String)>,
}

impl Coordinator {
    /// A coordinator that knows nobody.
    pub fn new(config: TransactionConfig) -> Self {
        Self { config, by_id: BTreeMap::new(), due: BTreeSet::new() }
    }

    /// Does what a record says. It has been written, now or before a restart.
    pub fn apply(&mut self, record: &Record) {
        let (Record::Transaction(Transaction { transactional_id, .. }) | Record::Removed(transactional_id)) = record;
        let before = self.by_id.remove(transactional_id);
        if let Some(deadline_ms) = before.and_then(|before| before.deadline_ms(self.config.expiration_ms)) {
            self.due.remove(&(deadline_ms, transactional_id.clone()));
        }
        let Record::Transaction(transaction) = record else { return };
        if let Some(deadline_ms) = transaction.deadline_ms(self.config.expiration_ms) {
            self.due.insert((deadline_ms, transactional_id.clone()));
        }
        self.by_id.insert(transactional_id.clone(), transaction.clone());
    }

    /// Records that rebuild what all records so far have built.
    pub fn snapshot(&self) -> Vec<Record> {
        self.by_id.values().cloned().map(Record::Transaction).collect()
    }

    /// When [`due`](Self::due) is to be asked next.
    pub fn next_deadline(&self) -> Option<i64> {
        self.due.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// What is to be written since time is up: transactions that took too long abort, and their producers are fenced; ids
    /// that nobody has used for long are forgotten.
    pub fn due(&self, now_ms: i64) -> Vec<Record> {
        let due = self.due.iter().take_while(|(deadline_ms, _)| *deadline_ms <= now_ms);
        let found = due.filter_map(|(_, transactional_id)| self.by_id.get(transactional_id));
        let record = |found: &Transaction| match found.state {
            State::Ongoing => Record::Transaction(found.fenced(now_ms)),
            _ => Record::Removed(found.transactional_id.clone()),
        };
        found.map(record).collect()
    }

    /// What is to be carried out of transactions that are decided, after a restart.
    pub fn decided(&self) -> Vec<Completion> {
        self.by_id.values().filter_map(Completion::of).collect()
    }

    /// Producers whose epochs others may know of.
    pub fn producer_ids(&self) -> BTreeSet<i64> {
        self.by_id.values().map(|found| found.producer.id).collect()
    }

    /// What is to be written since partitions know later epochs, by the ids of producers, than are known here: a power cut has
    /// taken the last records from here and not from there. A life that is given out must be none that they have seen.
    pub fn overtaken(&self, epochs: &BTreeMap<i64, i16>, now_ms: i64) -> Vec<Record> {
        let overtaken = |found: &Transaction| {
            let epoch = *epochs.get(&found.producer.id).filter(|epoch| **epoch > found.producer.epoch)?;
            let producer = Producer { epoch, ..found.producer };
            let raised = Transaction { producer, previous: None, ended: None, ..found.clone() };
            match found.state {
                // Whatever it has been, more of it may be lost.
                State::Ongoing => Some(Record::Transaction(raised.fenced(now_ms))),
                state if state.is_decided() => None,
                _ => Some(Record::Transaction(raised)),
            }
        };
        self.by_id.values().filter_map(overtaken).collect()
    }

    /// Whether a transaction of that producer goes on, or is being completed, with this partition in it; or the partition has
    /// yet to get its marker.
    pub fn knows(&self, producer: Producer, topic: &str, partition: i32) -> bool {
        self.by_id.values().any(|found| {
            // One that is being fenced is one epoch further than its records.
            let is_of = match found.state {
                State::Ongoing => found.producer == producer,
                state => state.is_decided() && found.producer.id == producer.id,
            };
            let is_owed = || found.owed_at(topic, partition).any(|owed| owed.producer.id == producer.id);
            (is_of && found.has_partition(topic, partition)) || is_owed()
        })
    }

    /// Whether a transaction of that producer id goes on, or is being completed, that commits offsets.
    pub fn commits_offsets_of(&self, producer_id: i64) -> bool {
        let is_under_way = |state: State| state == State::Ongoing || state.is_decided();
        self.by_id
            .values()
            .any(|found| found.producer.id == producer_id && is_under_way(found.state) && !found.groups.is_empty())
    }

    /// Whether a producer may append records of a transaction to a partition.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_append(
        &self,
        transactional_id: &str,
        producer: Producer,
        topic: &str,
        partition: i32,
    ) -> Result<(), TransactionError> {
        // What it has there belongs to the marker that is to come.
        if self.of_producer(transactional_id, producer)?.owes(topic, partition) {
            return Err(TransactionError::Concurrent);
        }
        let found = self.check_ongoing(transactional_id, producer)?;
        if found.has_partition(topic, partition) { Ok(()) } else { Err(TransactionError::NotAdded) }
    }

    /// Whether a producer may commit offsets of a group in its transaction.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_offsets(
        &self,
        transactional_id: &str,
        producer: Producer,
        group: &str,
    ) -> Result<(), TransactionError> {
        let found = self.check_ongoing(transactional_id, producer)?;
        if found.groups.contains(group) { Ok(()) } else { Err(TransactionError::NotAdded) }
    }

    fn check_ongoing(&self, transactional_id: &str, producer: Producer) -> Result<&Transaction, TransactionError> {
        let found = self.of_producer(transactional_id, producer)?;
        match found.state {
            State::Ongoing => Ok(found),
            state if state.is_decided() => Err(TransactionError::Concurrent),
            _ => Err(TransactionError::NotAdded),
        }
    }

    /// The transactional id, if that is the producer's.
    pub(super) fn of_producer(
        &self,
        transactional_id: &str,
        producer: Producer,
    ) -> Result<&Transaction, TransactionError> {
        let found = self.find(transactional_id)?;
        found.check_producer(producer)?;
        Ok(found)
    }

    /// The transactional id, whoever asks.
    pub(super) fn find(&self, transactional_id: &str) -> Result<&Transaction, TransactionError> {
        if transactional_id.is_empty() {
            return Err(TransactionError::EmptyId);
        }
        self.by_id.get(transactional_id).ok_or(TransactionError::IdMapping)
    }
}
