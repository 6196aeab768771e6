//! EndTxn: the decision, what has to be carried out of it, and its completion.
//!
//! Producers speak one of two protocols, and each request says which. With the older one a producer keeps its epoch from one
//! transaction to the next. With the newer one (the second half of KIP-890) every end brings it another, so that nothing of a
//! transaction that comes late can become part of the next. There an abort needs no transaction: a producer does not know
//! whether what it has sent, and got no answer to, has begun one.
//!
//! ```text
//!   the newer protocol    by the present life                by the life before, which asks again
//!   Empty                 abort: new life │ commit: no       fenced
//!   Ongoing               decided, with a new life           fenced
//!   Prepare…              fenced                             as decided: wait     │ else: no
//!   Complete…             abort: new life │ commit: no       as decided: told so  │ else: no
//! ```

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

/// What is to be done for a producer that ends a transaction and gets a new life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// Write the record, carry out what it decides, if anything, and tell the producer its life.
    Decided(Producer, Box<Record>),
    /// Tell the producer its life: it has ended like that already.
    Told(Producer),
    /// Ask again with an id that nobody has had.
    WantsId,
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

    /// Like [`end`](Self::end), by the newer protocol: the producer has a new life afterwards. `new_id` is an id that nobody has
    /// had, if one was wanted.
    ///
    /// # Errors
    /// When it is not the producer's, there is nothing to commit, it has ended otherwise, or it is still being completed.
    pub fn end_with_new_life(
        &self,
        transactional_id: &str,
        producer: Producer,
        is_commit: bool,
        new_id: Option<i64>,
        now_ms: i64,
    ) -> Result<Renewal, TransactionError> {
        let found = self.find(transactional_id)?;
        if found.ended == Some(producer) {
            return found.told_again(is_commit);
        }
        found.check_producer(producer)?;
        match found.state {
            state if state.is_decided() => return Err(TransactionError::Fenced),
            State::Ongoing => {}
            _ if is_commit => return Err(TransactionError::State),
            _ => {}
        }
        if producer.is_exhausted() && new_id.is_none() {
            return Ok(Renewal::WantsId);
        }
        let decided = found.decided_with_new_life(is_commit, new_id.filter(|_| producer.is_exhausted()), now_ms);
        let life = decided.next_life();
        // Where nothing has begun there is nothing to carry out.
        let kept = if found.state == State::Ongoing { decided } else { decided.completed(is_commit, now_ms) };
        Ok(Renewal::Decided(life, Box::new(Record::Transaction(kept))))
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
            let mut completed = found.completed(completion.is_commit, now_ms);
            completed.owed.extend(owed);
            Record::Transaction(completed)
        })
    }
}

impl Transaction {
    /// What the life is told whose transaction has ended, and asks again.
    fn told_again(&self, is_commit: bool) -> Result<Renewal, TransactionError> {
        match self.state {
            state if state == State::prepare(is_commit) => Err(TransactionError::Concurrent),
            state if state != State::complete(is_commit) => Err(TransactionError::State),
            // It was fenced with the epoch that no client may have.
            _ if self.producer.is_spent() => Err(TransactionError::Fenced),
            _ => Ok(Renewal::Told(self.producer)),
        }
    }
}
