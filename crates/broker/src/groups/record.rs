//! What the coordinator wants written: enough to rebuild it after a restart.
//!
//! An own format rather than that of Kafka's `__consumer_offsets`: there the end of a transaction is a control batch of the
//! log around the records, and which of two commits is later is told by their offsets in it. A file of single records has
//! neither, so both are fields here. Of a member all protocols are kept, not the chosen one alone: after a restart a
//! member that joins with what it had before causes no rebalance.

use std::sync::Arc;

use bytes::Bytes;

use super::types::{Assignment, Protocol, TopicId};

/// One fact. Later ones replace earlier ones about the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A group, with its members once they have their assignments.
    Group(Arc<GroupImage>),
    /// A group whose coordinator assigns, without its members.
    ConsumerGroup(Arc<ConsumerGroupImage>),
    /// A member of such a group.
    ConsumerMember {
        /// The group.
        group: String,
        /// The member.
        member: Arc<ConsumerMemberImage>,
    },
    /// A member of such a group is gone.
    ConsumerMemberRemoved {
        /// The group.
        group: String,
        /// The member.
        member_id: String,
    },
    /// A group is gone, with its offsets.
    GroupRemoved {
        /// The group.
        group: String,
    },
    /// An offset was committed.
    Offset {
        /// Of what.
        of: OffsetKey,
        /// Which.
        committed: Committed,
    },
    /// An offset is gone, and what transactions would have made of it.
    OffsetRemoved {
        /// Of what.
        of: OffsetKey,
    },
    /// An offset will be committed if a transaction is.
    PendingOffset {
        /// Whose transaction.
        producer_id: i64,
        /// Of what.
        of: OffsetKey,
        /// Which.
        committed: Committed,
    },
    /// A transaction ended: its pending offsets count, or are dropped.
    TransactionEnded {
        /// Whose transaction.
        producer_id: i64,
        /// How it ended.
        is_committed: bool,
    },
}

/// What an offset is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetKey {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader epoch of the last record read.
    pub leader_epoch: Option<i32>,
    /// What the client noted with it.
    pub metadata: String,
    /// When it was committed.
    pub commit_time_ms: i64,
    /// When it may go, if the client said so.
    pub expire_time_ms: Option<i64>,
    /// Commits are numbered in the order in which they are written.
    pub sequence: u64,
}

/// A group as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupImage {
    /// The group.
    pub group: String,
    /// Its generation.
    pub generation: i32,
    /// What kind of group it is; `None` if it only keeps offsets.
    pub protocol_type: Option<String>,
    /// The chosen protocol.
    pub protocol: Option<String>,
    /// The member that assigns.
    pub leader: Option<String>,
    /// Since when it is as it is.
    pub state_since_ms: i64,
    /// Its members.
    pub members: Vec<MemberImage>,
}

impl GroupImage {
    /// A group that nobody has joined.
    pub(super) fn empty(group: &str, now_ms: i64) -> Self {
        Self {
            group: group.to_owned(),
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            state_since_ms: now_ms,
            members: Vec::new(),
        }
    }
}

/// A member as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberImage {
    /// Its id.
    pub member_id: String,
    /// Its name, if it is a static member.
    pub instance_id: Option<String>,
    /// The name of its program.
    pub client_id: String,
    /// Where it is.
    pub client_host: String,
    /// How long others wait for it to join.
    pub rebalance_timeout_ms: i32,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// Ways of assigning that it supports.
    pub protocols: Vec<Protocol>,
    /// Its assignment.
    pub assignment: Bytes,
}

/// A group whose coordinator assigns, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupImage {
    /// The group.
    pub group: String,
    /// How often members or topics have changed.
    pub epoch: i32,
    /// The epoch for which it is settled what everybody shall own.
    pub assignment_epoch: i32,
    /// Who settled it.
    pub assignor: String,
    /// The topics for which it was settled, with their partitions.
    pub topics: Vec<(TopicId, i32)>,
}

/// A member of such a group as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerMemberImage {
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
    /// How long it may take to let go of partitions.
    pub rebalance_timeout_ms: i32,
    /// Topics that it subscribes to by name.
    pub topics: Vec<String>,
    /// The regular expression that it subscribes to.
    pub regex: Option<String>,
    /// The assignor that it wants.
    pub assignor: Option<String>,
    /// Its epoch.
    pub epoch: i32,
    /// The epoch that it had before.
    pub previous_epoch: i32,
    /// How far it is: 0 there, 1 letting go, 2 waiting for others.
    pub state: u8,
    /// What it owns.
    pub assigned: Assignment,
    /// What it was told to let go of.
    pub revoking: Assignment,
    /// What it shall own.
    pub target: Assignment,
}
