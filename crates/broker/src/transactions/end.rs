//! EndTxn: the decision, what has to be carried out of it, and its completion.

use super::{Coordinator, OwedMarker, Producer, Record, State, Transaction, TransactionError};

/// What is to be carried out of a transaction that is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Whose.
    pub transactional_id: String,
    /// In whose name: the life of the producer that has the transaction, or the one that fences it.
    pub producer: Producer,
    /// Whether its records and offsets count.
    pub is_commit: bool,
    /// Partitions that get a marker.
    pub partitions: Vec<(String, i32)>,
    /// Whether offsets of groups are waiting for it.
    pub has_offsets: bool,
}

impl Completion {
    /// That of a transaction, if it is decided and not completed.
    pub(super) fn of(transaction: &Transaction) -> Option<Self> {
        let is_commit = match transaction.state {
            State::PrepareCommit => true,
            State::PrepareAbort => false,
            _ => return None,
        };
        Some(Self {
            transactional_id: transaction.transactional_id.clone(),
            producer: transaction.producer,
            is_commit,
            partitions: transaction.all_partitions(),
            has_offsets: !transaction.groups.is_empty(),
        })
    }
}

impl Coordinator {
    /// The decision how a transaction ends, to be written; nothing if it has ended like that already, and its producer asks
    /// again.
    ///
    /// # Errors
    /// When it is not the producer's, there is none, it has ended otherwise, or it is still being completed.
    pub fn end(
        &self,
        transactional_id: &str,
        producer: Producer,
        is_commit: bool,
        now_ms: i64,
    ) -> Result<Option<Record>, TransactionError> {
        let found = self.of_producer(transactional_id, producer)?;
        match found.state {
            State::Ongoing => Ok(Some(Record::Transaction(found.decided(is_commit, now_ms)))),
            state if state == State::complete(is_commit) => Ok(None),
            state if state == State::prepare(is_commit) => Err(TransactionError::Concurrent),
            _ => Err(TransactionError::State),
        }
    }

    /// The partitions of a transaction that goes on: all in them has to be safe before its end is decided.
    pub fn participants(&self, transactional_id: &str) -> Vec<(String, i32)> {
        let found = self.by_id.get(transactional_id).filter(|found| found.state == State::Ongoing);
        found.map(Transaction::all_partitions).unwrap_or_default()
    }

    /// What is to be carried out of a transaction, if it is decided and not completed.
    pub fn completion(&self, transactional_id: &str) -> Option<Completion> {
        self.by_id.get(transactional_id).and_then(Completion::of)
    }

    /// What is to be written once a completion was carried out, but for markers that are `owed`; nothing if it is not the
    /// present one.
    pub fn completed(&self, completion: &Completion, owed: Vec<OwedMarker>, now_ms: i64) -> Option<Record> {
        let found = self.by_id.get(&completion.transactional_id)?;
        let is_present = Completion::of(found).as_ref() == Some(completion);
        is_present.then(|| {
            let mut completed = found.emptied(State::complete(completion.is_commit), now_ms);
            completed.owed.extend(owed);
            Record::Transaction(completed)
        })
    }
}
