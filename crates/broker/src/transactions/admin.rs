//! ListTransactions and DescribeTransactions.

use super::{Coordinator, State, Transaction, TransactionError};

/// Which transactions are asked for: those that all of these are true of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionFilter {
    /// In one of these states, unless there are none.
    pub states: Vec<State>,
    /// Of one of these producers, unless there are none.
    pub producer_ids: Vec<i64>,
    /// Under way for longer than this.
    pub running_ms: Option<i64>,
}

/// A transaction in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTransaction {
    /// Whose.
    pub transactional_id: String,
    /// The producer's id.
    pub producer_id: i64,
    /// Where it stands.
    pub state: State,
}

impl Coordinator {
    /// The transactions asked for, by their ids.
    pub fn list(&self, filter: &TransactionFilter, now_ms: i64) -> Vec<ListedTransaction> {
        let has_run = |found: &Transaction, running_ms: i64| {
            found.started_ms.is_some_and(|started_ms| now_ms.saturating_sub(started_ms) > running_ms)
        };
        let is_wanted = |found: &&Transaction| {
            (filter.states.is_empty() || filter.states.contains(&found.state))
                && (filter.producer_ids.is_empty() || filter.producer_ids.contains(&found.producer.id))
                && filter.running_ms.is_none_or(|running_ms| has_run(found, running_ms))
        };
        let listed = self.by_id.values().filter(is_wanted).map(|found| ListedTransaction {
            transactional_id: found.transactional_id.clone(),
            producer_id: found.producer.id,
            state: found.state,
        });
        listed.collect()
    }

    /// One transactional id.
    ///
    /// # Errors
    /// When it is empty or not known.
    pub fn describe(&self, transactional_id: &str) -> Result<&Transaction, TransactionError> {
        if transactional_id.is_empty() {
            return Err(TransactionError::EmptyId);
        }
        self.by_id.get(transactional_id).ok_or(TransactionError::NotFound)
    }
}
