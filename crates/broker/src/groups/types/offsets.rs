//! Offsets: committing, fetching, deleting.

use super::super::GroupError;

/// A member, or a consumer without a group, saves where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRequest {
    /// Version of the protocol's request: from 9 on an unknown group is told as such.
    pub version: i16,
    /// The group.
    pub group: String,
    /// The generation, or the member's epoch; -1 from whoever is no member.
    pub generation: i32,
    /// The member, empty from whoever is none.
    pub member_id: String,
    /// The name of a static member.
    pub instance_id: Option<String>,
    /// How long to keep the offsets, if the client says so (versions 2 to 4).
    pub retention_ms: Option<i64>,
    /// The offsets.
    pub topics: Vec<CommitTopic>,
}

/// Offsets of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitTopic {
    /// The topic.
    pub topic: String,
    /// Its partitions.
    pub partitions: Vec<CommitPartition>,
}

/// The offset of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPartition {
    /// The partition.
    pub partition: i32,
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader epoch of the last record read.
    pub leader_epoch: Option<i32>,
    /// What the client notes with it.
    pub metadata: Option<String>,
}

/// Partitions of one topic, each with its error or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicErrors {
    /// The topic.
    pub topic: String,
    /// Its partitions.
    pub partitions: Vec<PartitionError>,
}

/// What came of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionError {
    /// The partition.
    pub partition: i32,
    /// Why not.
    pub error: Option<GroupError>,
}

/// Partitions of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPartitions {
    /// The topic.
    pub topic: String,
    /// Its partitions.
    pub partitions: Vec<i32>,
}

/// Somebody asks where a group stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOffsetsRequest {
    /// The group.
    pub group: String,
    /// The member that asks, and its epoch, if it says so (from version 9 on).
    pub member: Option<(String, i32)>,
    /// Of which partitions; `None` for all that the group has offsets of.
    pub topics: Option<Vec<TopicPartitions>>,
    /// Whether offsets that a transaction may still change are an error.
    pub require_stable: bool,
}

/// Offsets of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedTopic {
    /// The topic.
    pub topic: String,
    /// Its partitions.
    pub partitions: Vec<FetchedPartition>,
}

/// The offset of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPartition {
    /// The partition.
    pub partition: i32,
    /// The offset, -1 if there is none.
    pub offset: i64,
    /// The leader epoch that was committed with it.
    pub leader_epoch: Option<i32>,
    /// What the client noted with it.
    pub metadata: String,
    /// Why it cannot be told.
    pub error: Option<GroupError>,
}

impl FetchedPartition {
    /// A partition without an offset.
    pub(in super::super) fn missing(partition: i32, error: Option<GroupError>) -> Self {
        Self { partition, offset: -1, leader_epoch: None, metadata: String::new(), error }
    }
}
