//! What the coordinator wants written: enough to rebuild it after a restart.
//!
//! A record is JSON in one line. It has the whole of a transactional id, as the protocol's own log of transactions has: each
//! replaces what was known of it before, so one record is one change, whole or not at all.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Transaction;

/// Latest version of the records. What an earlier one can say is written in that, for earlier versions of this program.
const VERSION: u32 = 3;
/// The version that knows nothing of markers that are owed.
const VERSION_WITHOUT_OWED: u32 = 2;
/// The version that knows nothing of lives that end with a transaction either.
const VERSION_WITHOUT_LIVES: u32 = 1;

/// One fact about a transactional id. Later ones replace earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// It is like this.
    Transaction(Transaction),
    /// It is forgotten.
    Removed(String),
}

/// Bytes that are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record of the transaction coordinator cannot be read: {0}")]
pub struct BadRecord(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transaction: Option<Transaction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removed: Option<String>,
}

/// The lowest version that can say all that there is to say.
fn lowest_version(transaction: &Transaction) -> u32 {
    match transaction {
        Transaction { owed, .. } if !owed.is_empty() => VERSION,
        Transaction { ended: None, next_id: None, .. } => VERSION_WITHOUT_LIVES,
        _ => VERSION_WITHOUT_OWED,
    }
}

/// What is looked at first: the rest may be of a form that is not known yet.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Record {
    /// The record as bytes.
    pub fn encode(&self) -> Bytes {
        let (transaction, removed) = match self.clone() {
            Self::Transaction(transaction) => (Some(transaction), None),
            Self::Removed(transactional_id) => (None, Some(transactional_id)),
        };
        let version = transaction.as_ref().map_or(VERSION_WITHOUT_LIVES, lowest_version);
        let line = Line { version, transaction, removed };
        Bytes::from(serde_json::to_vec(&line).expect("keys are texts"))
    }

    /// The record that `bytes` are, if they are one and nothing else.
    ///
    /// # Errors
    /// When they are not, or of a later version of this program.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadRecord> {
        let bad = |error: serde_json::Error| BadRecord(error.to_string());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(bad)?;
        if version > VERSION {
            return Err(BadRecord(format!("it has version {version}; use a newer program")));
        }
        match serde_json::from_slice(bytes).map_err(bad)? {
            Line { transaction: Some(transaction), removed: None, .. } => Ok(Self::Transaction(transaction)),
            Line { transaction: None, removed: Some(transactional_id), .. } => Ok(Self::Removed(transactional_id)),
            Line { .. } => Err(BadRecord("it is of nothing, or of two things".to_owned())),
        }
    }
}
