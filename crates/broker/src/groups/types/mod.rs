//! Requests and answers of the coordinator, without a trace of the wire.

mod admin;
mod consumer;
mod membership;
mod offsets;

use std::fmt;

pub use admin::{DescribedGroup, DescribedMember, ListGroupsRequest, ListedGroup};
pub use consumer::{
    Assignment, ConsumerAnswer, ConsumerHeartbeat, ConsumerState, DescribedConsumer, DescribedConsumerGroup, Directory,
    IdPartition, Sight, Timing, TopicId,
};
pub use membership::{
    HeartbeatRequest, JoinAnswer, JoinRequest, JoinedMember, LeaveRequest, LeavingMember, LeftMember, Protocol,
    SyncAnswer, SyncRequest,
};
pub use offsets::{
    CommitPartition, CommitRequest, CommitTopic, FetchOffsetsRequest, FetchedPartition, FetchedTopic, PartitionError,
    TopicErrors, TopicPartitions,
};

use super::{GroupError, Record};

/// Names a request until it is answered. The caller chooses it, different from all that are not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What came of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Answers, to this request and to others that waited. They may be sent once the records of this and of all earlier
    /// outcomes are durable.
    pub replies: Vec<(Token, Reply)>,
    /// To be written in this order, before any reply is sent.
    pub records: Vec<Record>,
}

impl Outcome {
    pub(super) fn reply(&mut self, token: Token, reply: Reply) {
        self.replies.push((token, reply));
    }

    pub(super) fn answer(token: Token, reply: Reply) -> Self {
        Self { replies: vec![(token, reply)], records: Vec::new() }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To [`Coordinator::join`](super::Coordinator::join).
    Join(JoinAnswer),
    /// To [`Coordinator::sync`](super::Coordinator::sync).
    Sync(Result<SyncAnswer, GroupError>),
    /// To [`Coordinator::heartbeat`](super::Coordinator::heartbeat).
    Heartbeat(Result<(), GroupError>),
    /// To [`Coordinator::leave`](super::Coordinator::leave), in the order of the request.
    Leave(Result<Vec<LeftMember>, GroupError>),
    /// To [`Coordinator::commit_offsets`](super::Coordinator::commit_offsets) and
    /// [`Coordinator::commit_offsets_in_transaction`](super::Coordinator::commit_offsets_in_transaction); a request that
    /// is refused whole has the error at every partition.
    Commit(Vec<TopicErrors>),
    /// To [`Coordinator::fetch_offsets`](super::Coordinator::fetch_offsets).
    FetchOffsets(Result<Vec<FetchedTopic>, GroupError>),
    /// To [`Coordinator::delete_offsets`](super::Coordinator::delete_offsets).
    DeleteOffsets(Result<Vec<TopicErrors>, GroupError>),
    /// To [`Coordinator::delete_groups`](super::Coordinator::delete_groups), in the order of the request.
    DeleteGroups(Vec<(String, Option<GroupError>)>),
    /// To [`Coordinator::list_groups`](super::Coordinator::list_groups).
    ListGroups(Result<Vec<ListedGroup>, GroupError>),
    /// To [`Coordinator::describe_groups`](super::Coordinator::describe_groups), in the order of the request.
    DescribeGroups(Vec<DescribedGroup>),
    /// To [`Coordinator::consumer_heartbeat`](super::Coordinator::consumer_heartbeat).
    ConsumerHeartbeat(Result<ConsumerAnswer, GroupError>),
    /// To [`Coordinator::describe_consumer_groups`](super::Coordinator::describe_consumer_groups), in the order of the
    /// request.
    DescribeConsumerGroups(Vec<(String, Result<DescribedConsumerGroup, GroupError>)>),
}

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No members; there may be offsets.
    Empty,
    /// Waits for its members to join.
    PreparingRebalance,
    /// Waits for the leader's assignment.
    CompletingRebalance,
    /// Every member can have its assignment.
    Stable,
    /// Not there: only an answer about an unknown group says so, or one of a closed coordinator.
    Dead,
}

impl State {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
