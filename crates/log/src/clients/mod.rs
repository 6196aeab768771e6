//! Topics that clients append to, through the Kafka port: frames as they come, owned by no writer.
//!
//! ```text
//! topics/<name>-<p>/ <base20>.log .index .timeindex    as everywhere
//!                    <base20>.txnindex                 aborted transactions whose markers are in the segment
//!                    producers                         who has sent what before the offset in it
//!                    leader-epoch-checkpoint           Kafka's own file: epochs, each with its first offset
//! ```
//!
//! Every append is a commit of its own: readers see it at once or, where the log flushes at every commit, once it is on
//! the disk. So the files themselves say where a partition ends, and the commit log knows nothing of them.
//!
//! A transaction of a client lies in its partitions frame by frame, among those of others, and ends with a *marker* in each.
//! The **last stable offset** is where the first one that goes on begins, or the end: readers of committed records go up to
//! it, and are told which transactions among what they read were aborted. Readers in this process are shown neither those
//! nor markers.

mod append;
mod config;
mod epochs;
mod fetch;
mod manage;
mod markers;
mod ongoing;
mod producers;
mod records;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

pub use append::{Appended, Beginning, Refused};
pub use config::{ConfigKey, ConfigType, TOPIC_CONFIGS, config_key, known_config};
pub use fetch::{Isolation, RawFetched};
pub use manage::{ClientTopic, TopicId};
pub use markers::{End, OngoingTransaction};
pub use producers::ActiveProducer;

pub(crate) use config::{Rules, check_configs};
pub(crate) use producers::{LastFrame, Producers};
pub(crate) use state::{load, save};

/// The owner that these topics have in the catalog.
pub const CLIENTS: &str = "clients";

/// What a topic of clients has beside what every topic has.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What was asked for; there is one replica whatever it says.
    pub(crate) replicas: i16,
    set: RwLock<Set>,
}

/// What was set, and what it comes to.
#[derive(Debug, Clone)]
struct Set {
    configs: Arc<BTreeMap<String, String>>,
    rules: Arc<Rules>,
}

impl Set {
    fn new(configs: BTreeMap<String, String>) -> Self {
        let rules = Arc::new(Rules::new(&configs));
        Self { configs: Arc::new(configs), rules }
    }
}

impl Settings {
    /// Settings with these configs, which have been checked.
    pub(crate) fn new(replicas: i16, configs: BTreeMap<String, String>) -> Self {
        Self { replicas, set: RwLock::new(Set::new(configs)) }
    }

    /// What was set by name.
    pub(crate) fn configs(&self) -> Arc<BTreeMap<String, String>> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).configs.clone()
    }

    /// What that comes to.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).rules.clone()
    }

    /// Takes over other configs, which have been checked.
    pub(crate) fn replace(&self, configs: BTreeMap<String, String>) {
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Set::new(configs);
    }
}
