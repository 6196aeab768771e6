//! One transactional id at one moment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{OwedMarker, TransactionError};

/// Clients never get an epoch above this one: the greatest is left for fencing whoever has it.
const CLIENT_EPOCH_MAX: i16 = i16::MAX - 1;

/// One life of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Producer {
    /// Its id.
    pub id: i64,
    /// Which life of it.
    pub epoch: i16,
}

impl Producer {
    /// The same id in the next epoch: whoever has this one is fenced.
    pub(super) fn next(self) -> Self {
        Self { id: self.id, epoch: self.epoch.saturating_add(1) }
    }

    /// The first life of an id that nobody has had.
    pub(super) fn first(id: i64) -> Self {
        Self { id, epoch: 0 }
    }

    /// Whether no client can get a later epoch of this id.
    pub(super) fn is_exhausted(self) -> bool {
        self.epoch >= CLIENT_EPOCH_MAX
    }

    /// Whether no client may have this epoch.
    pub(super) fn is_spent(self) -> bool {
        self.epoch > CLIENT_EPOCH_MAX
    }
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// The producer has begun none.
    Empty,
    /// It goes on.
    Ongoing,
    /// It is decided to commit.
    PrepareCommit,
    /// It is decided to abort.
    PrepareAbort,
    /// It has committed.
    CompleteCommit,
    /// It has aborted.
    CompleteAbort,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }

    /// Whether it is decided and not completed.
    pub fn is_decided(self) -> bool {
        matches!(self, Self::PrepareCommit | Self::PrepareAbort)
    }

    pub(super) fn prepare(is_commit: bool) -> Self {
        if is_commit { Self::PrepareCommit } else { Self::PrepareAbort }
    }

    pub(super) fn complete(is_commit: bool) -> Self {
        if is_commit { Self::CompleteCommit } else { Self::CompleteAbort }
    }
}

/// A transactional id and its transaction, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// What the producer calls itself over its restarts.
    pub transactional_id: String,
    /// Its present life.
    pub producer: Producer,
    /// The life that it told of when it asked for the present one: asking again, it gets the same.
    pub previous: Option<Producer>,
    /// The life whose transaction has ended, or is going to, with the present one, and nothing has begun since: asking again
    /// how it ended, it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Producer>,
    /// While the end of a transaction is carried out after which there are no more epochs: the id that its producer gets then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_id: Option<i64>,
    /// How long a transaction may take.
    pub timeout_ms: i32,
    /// Where the transaction stands.
    pub state: State,
    /// Partitions with records of it, by topic.
    pub partitions: BTreeMap<String, BTreeSet<i32>>,
    /// Groups whose offsets it commits.
    pub groups: BTreeSet<String>,
    /// When it began; nothing while there is none.
    pub started_ms: Option<i64>,
    /// When the last of all this changed.
    pub updated_ms: i64,
    /// Markers of earlier transactions that their partitions could not take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<OwedMarker>,
}

impl Transaction {
    /// Whether the partition is part of it.
    pub fn has_partition(&self, topic: &str, partition: i32) -> bool {
        self.partitions.get(topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Its partitions, one by one.
    pub(super) fn all_partitions(&self) -> Vec<(String, i32)> {
        let of = |(topic, numbers): (&String, &BTreeSet<i32>)| {
            numbers.iter().map(|number| (topic.clone(), *number)).collect::<Vec<_>>()
        };
        self.partitions.iter().flat_map(of).collect()
    }

    /// Whether its producer is the one that asks.
    pub(super) fn check_producer(&self, producer: Producer) -> Result<(), TransactionError> {
        if producer.id != self.producer.id {
            return Err(TransactionError::IdMapping);
        }
        if producer.epoch == self.producer.epoch { Ok(()) } else { Err(TransactionError::Fenced) }
    }

    /// The same in another state, with nothing in it; what it owes it goes on owing.
    pub(super) fn emptied(&self, state: State, now_ms: i64) -> Self {
        Self {
            ended: None,
            next_id: None,
            state,
            partitions: BTreeMap::new(),
            groups: BTreeSet::new(),
            started_ms: None,
            updated_ms: now_ms,
            ..self.clone()
        }
    }

    /// The same once its end is decided.
    pub(super) fn decided(&self, is_commit: bool, now_ms: i64) -> Self {
        Self { state: State::prepare(is_commit), updated_ms: now_ms, ..self.clone() }
    }

    /// The same once its end is decided, after which its producer has another life: the next epoch, or `next_id` where there
    /// is none. Until then all is done in the name of the next epoch, which is left for that if no client may have it.
    pub(super) fn decided_with_new_life(&self, is_commit: bool, next_id: Option<i64>, now_ms: i64) -> Self {
        let (before, producer) = (Some(self.producer), self.producer.next());
        Self { producer, previous: before, ended: before, next_id, ..self.decided(is_commit, now_ms) }
    }

    /// The same once it is decided that it aborts, and its producer is fenced.
    pub(super) fn fenced(&self, now_ms: i64) -> Self {
        let (producer, ended) = (self.producer.next(), Some(self.producer));
        Self { producer, previous: None, ended, ..self.decided(false, now_ms) }
    }

    /// The same once what was decided is carried out.
    pub(super) fn completed(&self, is_commit: bool, now_ms: i64) -> Self {
        let (producer, ended) = (self.next_life(), self.ended);
        Self { producer, ended, ..self.emptied(State::complete(is_commit), now_ms) }
    }

    /// The life that its producer has once what was decided is carried out.
    pub(super) fn next_life(&self) -> Producer {
        self.next_id.map_or(self.producer, Producer::first)
    }

    /// When something is to be done about it if nothing else happens.
    pub(super) fn deadline_ms(&self, expiration_ms: i64) -> Option<i64> {
        match self.state {
            State::Ongoing => Some(self.started_ms.unwrap_or(0).saturating_add(i64::from(self.timeout_ms))),
            State::PrepareCommit | State::PrepareAbort => None,
            // Forgotten with it would be how the transaction ended.
            _ if !self.owed.is_empty() => None,
            State::Empty | State::CompleteCommit | State::CompleteAbort => {
                Some(self.updated_ms.saturating_add(expiration_ms))
            }
        }
    }
}
