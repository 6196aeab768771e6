//! Groups of consumers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupLine {
    /// Its name.
    pub name: String,
    /// Who assigns: `classic` where a member does, `consumer` where the broker does (KIP-848).
    pub protocol: String,
    /// Where it stands, by the name that Kafka has for it: `Empty`, `Stable`, …
    pub state: String,
    /// How many members it has.
    pub members: usize,
    /// The topics that it has offsets of or reads.
    pub topics: Vec<String>,
    /// Records that it has before it, in all partitions that it has offsets of; `null` if it has committed none.
    #[schema(required)]
    pub lag: Option<u64>,
    /// Records of the partitions that it reads and has committed no offset of.
    pub uncommitted: u64,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Who assigns: `classic` where a member does, `consumer` where the broker does (KIP-848).
    pub protocol: String,
    /// Where it stands, by the name that Kafka has for it: `Empty`, `Stable`, …
    pub state: String,
    /// Its members.
    pub members: Vec<GroupMember>,
    /// The partitions that it has offsets of or reads, by topic and number.
    pub partitions: Vec<GroupPartition>,
    /// Records that it has before it, in all partitions that it has offsets of; `null` if it has committed none.
    #[schema(required)]
    pub lag: Option<u64>,
    /// Records of the partitions that it reads and has committed no offset of.
    pub uncommitted: u64,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMember {
    /// Its id.
    pub id: String,
    /// Its name, if it is a static member.
    #[schema(required)]
    pub instance: Option<String>,
    /// What its program calls itself.
    pub client: String,
    /// Where it is.
    pub host: String,
    /// How many partitions it reads.
    pub partitions: usize,
}

/// A partition that a group reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset that the group goes on from; `null` if it has committed none.
    #[schema(required)]
    pub committed: Option<i64>,
    /// Offset after the last record; `null` if the partition is not there.
    #[schema(required)]
    pub end: Option<i64>,
    /// Records that the group has before it; `null` where one of the two is.
    #[schema(required)]
    pub lag: Option<u64>,
    /// Id of the member that reads it.
    #[schema(required)]
    pub member: Option<String>,
}

/// Where a group shall go on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSeek {
    /// `start`, `end`, an offset, `+N` or `-N` from where it stands, or a time, `2011-01-01T00:00:00`: in UTC for topics of clients, on the shop's clock for those of sources and views.
    #[schema(example = "start")]
    pub to: String,
    /// Only in these topics; in all that the group has offsets of if there are none.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Only in this partition of them.
    #[serde(default)]
    pub partition: Option<u32>,
    /// Whether to do it; otherwise it is only said what would be done.
    #[serde(default)]
    pub apply: bool,
}

/// What seeking does to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMoves {
    /// The group.
    pub group: String,
    /// Whether it was done.
    pub applied: bool,
    /// One for every partition, by topic and number.
    pub moves: Vec<GroupMove>,
}

/// What seeking does to a group in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMove {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Where it stood; `null` if nowhere.
    #[schema(required)]
    pub from: Option<i64>,
    /// Where it goes on.
    pub to: i64,
    /// First offset that is there.
    pub start: i64,
    /// Offset after the last record.
    pub end: i64,
}
