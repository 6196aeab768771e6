//! Groups whose coordinator assigns the partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What names a topic for ever.
pub type TopicId = [u8; 16];

/// A partition of a topic that may be renamed but never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdPartition {
    /// The topic.
    pub topic: TopicId,
    /// The partition.
    pub partition: i32,
}

/// Partitions that belong to somebody.
pub type Assignment = BTreeSet<IdPartition>;

/// The topics there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Another one whenever topics, their partitions, or the rights to see them are others.
    pub version: u64,
    /// Id and number of partitions of each, by its name.
    pub topics: BTreeMap<String, (TopicId, i32)>,
}

/// Which topics a client may see, asked by their names whenever topics or rights are others.
#[derive(Clone)]
pub struct Sight(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl Sight {
    /// What `sees` says at the moment it is asked.
    pub fn of(sees: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(sees))
    }

    /// Everything.
    pub fn of_all() -> Self {
        Self::of(|_| true)
    }

    pub(in super::super) fn sees(&self, topic: &str) -> bool {
        (self.0)(topic)
    }
}

impl fmt::Debug for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sight")
    }
}

/// How members of a group are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a member may be silent.
    pub session_timeout_ms: i32,
    /// How often a member is asked to send heartbeats.
    pub heartbeat_interval_ms: i32,
}

/// A member joins, is alive, tells what it owns, or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerHeartbeat {
    /// Version of the protocol's request: from 1 on members make their ids themselves.
    pub version: i16,
    /// The group.
    pub group: String,
    /// The member's id; empty if it has none yet.
    pub member_id: String,
    /// The member's epoch; 0 to join, -1 to leave, -2 for a static member that will be back.
    pub member_epoch: i32,
    /// The name of a static member.
    pub instance_id: Option<String>,
    /// Where the client is among racks.
    pub rack_id: Option<String>,
    /// How long the member may take to let go of partitions; -1 if that has not changed.
    pub rebalance_timeout_ms: i32,
    /// Topics that it subscribes to, unless they have not changed.
    pub topics: Option<Vec<String>>,
    /// A regular expression that the names of other topics match, empty for none, unless it has not changed.
    pub regex: Option<String>,
    /// The assignor that it wants, unless that has not changed.
    pub assignor: Option<String>,
    /// What it owns, unless that has not changed.
    pub owned: Option<Assignment>,
    /// The name of the client's program.
    pub client_id: String,
    /// Where the client is.
    pub client_host: String,
    /// A random number: should the member need an id, it is made of this.
    pub id_seed: u128,
}

impl ConsumerHeartbeat {
    /// Whether it tells everything, as a member does that joins or has missed an answer.
    pub(in super::super) fn is_full(&self) -> bool {
        self.rebalance_timeout_ms != -1 && (self.topics.is_some() || self.regex.is_some()) && self.owned.is_some()
    }
}

/// Where a member stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerAnswer {
    /// Its id.
    pub member_id: String,
    /// Its epoch.
    pub member_epoch: i32,
    /// When to send the next heartbeat.
    pub heartbeat_interval_ms: i32,
    /// What it shall own, unless it knows that.
    pub assignment: Option<Assignment>,
}

/// Where a group of such members stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerState {
    /// No members; there may be offsets.
    Empty,
    /// Members or topics changed, and what everybody shall own is not settled yet.
    Assigning,
    /// Members are on their way to what they shall own.
    Reconciling,
    /// Every member owns what it shall own.
    Stable,
}

impl ConsumerState {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

/// Such a group in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedConsumerGroup {
    /// The group.
    pub group: String,
    /// Where it stands.
    pub state: ConsumerState,
    /// How often members or topics have changed.
    pub epoch: i32,
    /// The epoch for which it is settled what everybody shall own.
    pub assignment_epoch: i32,
    /// Who settled it.
    pub assignor: &'static str,
    /// Its members.
    pub members: Vec<DescribedConsumer>,
}

/// A member of such a group in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedConsumer {
    /// Its id.
    pub member_id: String,
    /// Its name, if it is a static member.
    pub instance_id: Option<String>,
    /// Where it is among racks.
    pub rack_id: Option<String>,
    /// The name of its program.
    pub client_id: String,
    /// Where it is.
    pub client_host: String,
    /// Its epoch.
    pub epoch: i32,
    /// Topics that it subscribes to by name.
    pub topics: Vec<String>,
    /// The regular expression that it subscribes to.
    pub regex: Option<String>,
    /// What it owns.
    pub assignment: Assignment,
    /// What it shall own.
    pub target: Assignment,
}
