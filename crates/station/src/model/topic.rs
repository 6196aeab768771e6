//! Topics and the messages in them.

use std::collections::BTreeMap;

use millrace_flow::{Phase, TopicKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Column, RecordJson, RecordValue, Row};

/// A topic of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: TopicKind,
    /// Its partitions.
    pub partitions: Vec<Partition>,
    /// Committed offsets that are there: as many records, or fewer where the topic is compacted or written in transactions.
    pub records: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Whether nothing more will come.
    pub sealed: bool,
    /// Id of its schema, in front of every value.
    pub schema_id: u32,
    /// The schema of its values, in Avro.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// Columns of its values.
    pub columns: Vec<Column>,
    /// The columns its keys are made of.
    #[schema(required)]
    pub key: Option<Vec<String>>,
    /// The column with the event time.
    #[schema(required)]
    pub event_time: Option<String>,
    /// Age at which records go.
    #[schema(required)]
    pub retention_ms: Option<i64>,
    /// Size of a partition at which its oldest records go.
    #[schema(required)]
    pub retention_bytes: Option<u64>,
    /// What is set for it, by the names that Kafka has for it: of topics of clients only.
    pub configs: BTreeMap<String, String>,
    /// Who reads it while the project runs, how far, and how many records they have before them.
    pub readers: Vec<Reader>,
    /// Who writes it.
    pub writer: String,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Partition {
    /// Its number.
    pub id: u32,
    /// First offset that is still there.
    pub start: i64,
    /// Offset after the last record.
    pub end: i64,
    /// Offsets that are there.
    pub records: u64,
    /// Whether nothing came for ten seconds although more may come: a query that has read it to its end waits for it no more.
    pub idle: bool,
}

/// Somebody who reads a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reader {
    /// The stage, `query:revenue_5m`.
    pub name: String,
    /// What it is doing.
    pub phase: Phase,
    /// Offsets it has passed, over all partitions; `null` where it has failed before it said so.
    #[schema(required)]
    pub position: Option<u64>,
    /// Records it has before it.
    pub behind: u64,
}

/// Which messages are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessagesQuery {
    /// Only those of this partition.
    pub partition: Option<u32>,
    /// From this offset on, itself included.
    pub offset: Option<i64>,
    /// From this record time on, `2011-01-01T00:00:00`.
    pub time: Option<String>,
    /// Only those with this key.
    pub key: Option<String>,
    /// Only what was read from `FILE:LINE`.
    pub origin: Option<String>,
    /// Only those whose key or value holds this text, in any case of letters.
    pub search: Option<String>,
    /// At most this many.
    pub limit: usize,
    /// Which come first.
    pub order: Order,
    /// Where an earlier answer left off: what its `next` said.
    pub cursor: Option<String>,
}

/// Which messages come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The newest, going back.
    #[default]
    Newest,
    /// The oldest, going on.
    Oldest,
}

/// Some messages of a topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessagesPage {
    /// The messages, in the order asked for.
    pub messages: Vec<Message>,
    /// Parameters of the question that goes on from here; `null` when there is nothing more.
    #[schema(value_type = Option<Row>, required)]
    pub next: Option<BTreeMap<String, Value>>,
    /// Records looked at.
    pub scanned: usize,
    /// Whether everything was looked at that the question covers; if not, `next` goes on.
    pub complete: bool,
}

/// A record of a topic, decoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: i64,
    /// Its time: the event time where the topic has one.
    pub time_ms: i64,
    /// Its key.
    #[schema(required)]
    pub key: Option<String>,
    /// Its value; `null` says that there is none: the row with this key is gone.
    #[schema(value_type = RecordValue, required)]
    pub value: Option<RecordJson>,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Id of the schema its value was written with, if it was with one of these.
    #[schema(required)]
    pub schema_id: Option<u32>,
    /// Where it was read from.
    #[schema(required)]
    pub origin: Option<MessageOrigin>,
    /// Bytes of key and value.
    pub size_bytes: usize,
}

/// Where a record was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageOrigin {
    /// The file.
    pub file: String,
    /// The line at which the row begins, from 1.
    pub line: u64,
}
