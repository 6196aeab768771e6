//! The rules that clients have made, in the broker's journal, and a snapshot of them to decide by.
//!
//! ```text
//! {"added": {kind, name, pattern, principal, host, operation, permission}}
//! {"removed": {…}}
//! ```

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use millrace_log::{EmbeddedLog, Journal, LogError};
use serde::{Deserialize, Serialize};

use super::acl::{Acl, AclFilter};
use super::rules::Rules;
use crate::BrokerError;

/// Most rules: a snapshot of as many takes a few megabytes, and a request of one principal looks at few of them.
const ACLS_MAX: usize = 20_000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    Added(Acl),
    Removed(Acl),
}

impl Record {
    fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("texts become JSON").into()
    }
}

/// Why rules were not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAdded {
    #[error("there are {ACLS_MAX} rules, and no more are kept")]
    TooMany,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The rules of the broker.
pub(crate) struct AclStore {
    state: Mutex<State>,
    rules: RwLock<Arc<Rules>>,
    /// How often there were other rules.
    version: AtomicU64,
    super_users: Vec<String>,
    everyone_if_no_acl: bool,
}

struct State {
    acls: BTreeSet<Acl>,
    journal: Journal,
}

impl State {
    /// Puts `acls` in the place of what there is, when `records` that say so are on the disk.
    fn keep(&mut self, acls: BTreeSet<Acl>, records: impl Iterator<Item = Record>) -> Result<(), LogError> {
        let records: Vec<Bytes> = records.map(|record| record.encode()).collect();
        self.journal.keep(&records, || acls.iter().map(|acl| Record::Added(acl.clone()).encode()).collect())?;
        self.acls = acls;
        Ok(())
    }
}

impl AclStore {
    /// Takes up the rules that there are.
    pub(crate) fn open(
        log: &EmbeddedLog,
        super_users: &[String],
        everyone_if_no_acl: bool,
    ) -> Result<Self, BrokerError> {
        let (journal, records) = log.durable_journal("acls")?;
        let mut acls = BTreeSet::new();
        for record in &records {
            let record = serde_json::from_slice(record);
            match record.map_err(|error| BrokerError::Remembered(format!("a rule: {error}")))? {
                Record::Added(acl) => acls.insert(acl),
                Record::Removed(acl) => acls.remove(&acl),
            };
        }
        let rules = RwLock::new(Arc::new(Rules::new(&acls, super_users, everyone_if_no_acl)));
        let state = Mutex::new(State { acls, journal });
        let version = AtomicU64::new(0);
        Ok(Self { state, rules, version, super_users: super_users.to_vec(), everyone_if_no_acl })
    }

    /// The rules at this moment.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another one whenever the rules are others. Who asks for it first and then for the rules misses none.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The rules that a filter lets through, in order.
    pub(crate) fn list(&self, filter: &AclFilter) -> Vec<Acl> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.acls.iter().filter(|acl| filter.lets(acl)).cloned().collect()
    }

    /// Adds rules, all of them or none. They are on the disk, and hold, when this returns.
    pub(crate) fn add(&self, new: Vec<Acl>) -> Result<(), NotAdded> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut acls = state.acls.clone();
        acls.extend(new.iter().cloned());
        if acls.len() > ACLS_MAX {
            return Err(NotAdded::TooMany);
        }
        state.keep(acls, new.into_iter().map(Record::Added))?;
        self.publish(&state);
        Ok(())
    }

    /// Removes the rules that a filter lets through, and answers them.
    pub(crate) fn remove(&self, filter: &AclFilter) -> Result<Vec<Acl>, LogError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (gone, left): (BTreeSet<Acl>, BTreeSet<Acl>) = state.acls.iter().cloned().partition(|acl| filter.lets(acl));
        if !gone.is_empty() {
            state.keep(left, gone.iter().cloned().map(Record::Removed))?;
            self.publish(&state);
        }
        Ok(gone.into_iter().collect())
    }

    fn publish(&self, state: &State) {
        let rules = Rules::new(&state.acls, &self.super_users, self.everyone_if_no_acl);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.version.fetch_add(1, Ordering::Release);
    }
}
