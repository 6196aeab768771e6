//! Topics of clients as they are made and changed, and records that are written into them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTopic {
    /// Its name.
    #[schema(example = "orders")]
    pub name: String,
    /// Its partitions; as many as `[kafka] partitions` says unless given.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// What is set for it, by the names that Kafka has for it.
    #[serde(default)]
    pub configs: BTreeMap<String, String>,
}

/// What is to become of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicChange {
    /// Its partitions, more than it has; as many as it has unless given.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// What is set for it, by the names that Kafka has for it; `null` takes back what was set. The rest stays.
    #[serde(default)]
    pub configs: BTreeMap<String, Option<String>>,
}

/// Records to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessages {
    /// The records: those of a partition keep their order.
    pub records: Vec<NewMessage>,
    /// The partition that all of them go to. Unless given a key says which, as it does with Kafka's clients, and those without go together to the shortest.
    #[serde(default)]
    pub partition: Option<u32>,
    /// What they are packed with.
    #[serde(default)]
    pub compression: MessageCompression,
}

/// A record to be written. Its time is that of the append.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Its key; it has none unless given.
    #[serde(default)]
    pub key: Option<String>,
    /// Its value; `null` says that what had the key is gone.
    #[schema(required)]
    pub value: Option<String>,
    /// Its headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// What records are packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageCompression {
    /// Nothing.
    #[default]
    None,
    /// Gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

/// Records that are in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// How many.
    pub records: u64,
    /// Where, by partition.
    pub partitions: Vec<WrittenPartition>,
}

/// Where records of a partition are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrittenPartition {
    /// The partition.
    pub partition: u32,
    /// How many they are.
    pub records: u64,
    /// Offset of the first.
    pub first: i64,
    /// Offset of the last.
    pub last: i64,
}
