//! Ids of producers: none is ever given twice, over any restart.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use millrace_log::{EmbeddedLog, Journal, LogError};

use crate::BrokerError;

/// Ids that one record of the journal promises: as many are lost at most when the process ends.
const BLOCK: i64 = 1_000;

/// Gives out ids.
pub(crate) struct ProducerIds {
    state: Mutex<State>,
}

struct State {
    next: i64,
    /// Ids before this one may be given out.
    promised: i64,
    journal: Journal,
}

impl ProducerIds {
    /// Goes on behind all that were ever promised.
    pub(crate) fn open(log: &EmbeddedLog) -> Result<Self, BrokerError> {
        let (journal, records) = log.durable_journal("producer-ids")?;
        let promised = match records.last() {
            None => 0,
            Some(record) => {
                let number = <[u8; 8]>::try_from(&record[..]);
                i64::from_be_bytes(number.map_err(|_| BrokerError::Remembered("a producer id has eight bytes".into()))?)
            }
        };
        Ok(Self { state: Mutex::new(State { next: promised, promised, journal }) })
    }

    /// An id that nobody has.
    pub(crate) fn next(&self) -> Result<i64, LogError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.next == state.promised {
            let promised = state.promised + BLOCK;
            let record = Bytes::copy_from_slice(&promised.to_be_bytes());
            state.journal.keep(std::slice::from_ref(&record), || vec![record.clone()])?;
            state.promised = promised;
        }
        state.next += 1;
        Ok(state.next - 1)
    }
}
