//! AddPartitionsToTxn and AddOffsetsToTxn: what becomes part of a transaction, which begins with the first of it.

use super::{Coordinator, Producer, Record, State, Transaction, TransactionError};

impl Coordinator {
    /// Adds partitions; answers what is to be written, which is nothing if all are part of it already.
    ///
    /// # Errors
    /// When it is not the producer's, or its last transaction is still being completed, in one of these partitions at least.
    pub fn add_partitions(
        &self,
        transactional_id: &str,
        producer: Producer,
        partitions: &[(String, i32)],
        now_ms: i64,
    ) -> Result<Option<Record>, TransactionError> {
        let found = self.of_producer(transactional_id, producer)?;
        if partitions.iter().any(|(topic, partition)| found.owes(topic, *partition)) {
            return Err(TransactionError::Concurrent);
        }
        self.add(transactional_id, producer, now_ms, |transaction| {
            for (topic, partition) in partitions {
                transaction.partitions.entry(topic.clone()).or_default().insert(*partition);
            }
        })
    }

    /// Adds a group, whose offsets the transaction is going to commit.
    ///
    /// # Errors
    /// As for [`add_partitions`](Self::add_partitions).
    pub fn add_group(
        &self,
        transactional_id: &str,
        producer: Producer,
        group: &str,
        now_ms: i64,
    ) -> Result<Option<Record>, TransactionError> {
        self.add(transactional_id, producer, now_ms, |transaction| {
            transaction.groups.insert(group.to_owned());
        })
    }

    fn add(
        &self,
        transactional_id: &str,
        producer: Producer,
        now_ms: i64,
        add: impl FnOnce(&mut Transaction),
    ) -> Result<Option<Record>, TransactionError> {
        let found = self.of_producer(transactional_id, producer)?;
        if found.state.is_decided() {
            return Err(TransactionError::Concurrent);
        }
        let mut added = match found.state {
            State::Ongoing => found.clone(),
            _ => Transaction { started_ms: Some(now_ms), ..found.emptied(State::Ongoing, now_ms) },
        };
        add(&mut added);
        if added == *found {
            return Ok(None);
        }
        Ok(Some(Record::Transaction(Transaction { updated_ms: now_ms, ..added })))
    }
}
