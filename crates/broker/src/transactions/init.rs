//! InitProducerId: a new life of a producer. Whoever had the transactional id before is fenced, and what it has begun aborts.
//!
//! A producer that recovers from an error tells which life it has (KIP-360): it gets the next one only if nobody has come
//! between, and the same once more if it asks again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Coordinator, OwedMarker, Producer, Record, State, Transaction, TransactionError};

/// A producer begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitRequest {
    /// What it calls itself over its restarts.
    pub transactional_id: String,
    /// How long its transactions may take.
    pub timeout_ms: i32,
    /// Which life it has, if it has one.
    pub known: Option<Producer>,
}

/// What is to be done for a producer that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Init {
    /// Write the record, if there is one, and tell the producer its life.
    Ready(Producer, Option<Record>),
    /// Write the record, carry out the end of the transaction that went on, and ask again.
    Fence(Record),
    /// Ask again with an id that nobody has had.
    WantsId,
}

impl Coordinator {
    /// What is to be done for a producer that begins; `new_id` is one that nobody has had, if one was wanted.
    ///
    /// # Errors
    /// When the request makes no sense, the producer is fenced, or it has to wait for the end of its last transaction.
    pub fn init(&self, request: &InitRequest, new_id: Option<i64>, now_ms: i64) -> Result<Init, TransactionError> {
        let InitRequest { transactional_id, timeout_ms, known } = request;
        if transactional_id.is_empty() {
            return Err(TransactionError::EmptyId);
        }
        if !(1..=self.config.timeout_ms_max).contains(timeout_ms) {
            return Err(TransactionError::Timeout);
        }
        let Some(found) = self.by_id.get(transactional_id) else {
            return Ok(new_id.map_or(Init::WantsId, |id| begin(request, Producer::first(id), &[], now_ms)));
        };
        let is_first_ask = known.is_none_or(|known| known == found.producer);
        let is_asked_again = known.is_some_and(|known| Some(known) == found.previous);
        match found.state {
            _ if !is_first_ask && !is_asked_again => Err(TransactionError::Fenced),
            state if state.is_decided() => Err(TransactionError::Concurrent),
            State::Ongoing if is_first_ask => {
                let previous = *known;
                Ok(Init::Fence(Record::Transaction(Transaction { previous, ..found.fenced(now_ms) })))
            }
            // It has gone on from there.
            State::Ongoing => Err(TransactionError::Fenced),
            _ if is_asked_again && !found.producer.is_spent() => {
                // From now on nobody but the present life has anything to end.
                let settled = || Record::Transaction(Transaction { ended: None, updated_ms: now_ms, ..found.clone() });
                Ok(Init::Ready(found.producer, found.ended.map(|_| settled())))
            }
            _ if found.producer.is_exhausted() => {
                Ok(new_id.map_or(Init::WantsId, |id| begin(request, Producer::first(id), &found.owed, now_ms)))
            }
            _ => Ok(begin(request, found.producer.next(), &found.owed, now_ms)),
        }
    }
}

fn begin(request: &InitRequest, producer: Producer, owed: &[OwedMarker], now_ms: i64) -> Init {
    let begun = Transaction {
        transactional_id: request.transactional_id.clone(),
        producer,
        previous: request.known,
        ended: None,
        next_id: None,
        timeout_ms: request.timeout_ms,
        state: State::Empty,
        partitions: BTreeMap::new(),
        groups: BTreeSet::new(),
        started_ms: None,
        updated_ms: now_ms,
        owed: owed.to_vec(),
    };
    Init::Ready(producer, Some(Record::Transaction(begun)))
}
