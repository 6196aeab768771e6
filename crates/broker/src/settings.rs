//! What is set through the Kafka port and belongs to no topic: configs of the broker and of groups, quotas of clients.
//!
//! Kept as one JSON document, which every change appends to the journal `settings` anew: there are few of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use millrace_log::{EmbeddedLog, Journal, LogError};
use serde::{Deserialize, Serialize};

use crate::BrokerError;

/// Values by name.
pub(crate) type Values = BTreeMap<String, String>;
/// Whom a quota is for: kinds of names, and the name, or none for all that have no quota of their own.
pub(crate) type QuotaEntity = BTreeMap<String, Option<String>>;

/// Most bytes of all settings together: what administrators set by hand is far below.
const BYTES_MAX: usize = 8 << 20;

/// Everything that is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Of this broker.
    #[serde(default)]
    pub(crate) broker: Values,
    /// Of all brokers that have nothing of their own.
    #[serde(default)]
    pub(crate) all_brokers: Values,
    /// Of groups, by their names.
    #[serde(default)]
    pub(crate) groups: BTreeMap<String, Values>,
    /// Of clients.
    #[serde(default)]
    pub(crate) quotas: Vec<Quota>,
}

/// How much some clients may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// Whom it is for.
    pub(crate) entity: QuotaEntity,
    /// Limits by name.
    pub(crate) limits: BTreeMap<String, f64>,
}

/// The settings of a broker, kept over restarts.
pub(crate) struct SettingsStore {
    /// Held for a moment only: every request looks.
    settings: RwLock<Arc<Settings>>,
    /// Held for as long as a change takes to be kept.
    journal: Mutex<Journal>,
}

/// Why settings are not changed.
#[derive(Debug)]
pub(crate) enum NotChanged<R> {
    /// The change itself is refused.
    Refused(R),
    /// There are too many settings.
    TooMany,
    /// They cannot be kept.
    Log(LogError),
}

impl SettingsStore {
    /// Takes up what was set before.
    pub(crate) fn open(log: &EmbeddedLog) -> Result<Self, BrokerError> {
        let (journal, records) = log.durable_journal("settings")?;
        let settings = match records.last() {
            None => Settings::default(),
            Some(record) => serde_json::from_slice(record)
                .map_err(|error| BrokerError::Remembered(format!("settings of the Kafka port: {error}")))?,
        };
        Ok(Self { settings: RwLock::new(Arc::new(settings)), journal: Mutex::new(journal) })
    }

    /// Everything that is set at this moment.
    pub(crate) fn all(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a change whole or not at all; it is kept when this returns.
    pub(crate) fn change<R>(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<(), R>,
    ) -> Result<Arc<Settings>, NotChanged<R>> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.all();
        let mut changed = (*before).clone();
        change(&mut changed).map_err(NotChanged::Refused)?;
        if changed == *before {
            return Ok(before);
        }
        let record = Bytes::from(serde_json::to_vec(&changed).expect("texts and numbers always become JSON"));
        if record.len() > BYTES_MAX {
            return Err(NotChanged::TooMany);
        }
        journal.keep(std::slice::from_ref(&record), || vec![record.clone()]).map_err(NotChanged::Log)?;
        let changed = Arc::new(changed);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = changed.clone();
        Ok(changed)
    }
}
