//! Queries, the picture of all stages, and the ledger.

use millrace_flow::{Ledger, Phase};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A query that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Query {
    /// Its name: that of its view.
    pub name: String,
    /// The statement as it was written.
    pub sql: String,
    /// What is done, step by step.
    pub explain: Vec<String>,
    /// The topics it reads.
    pub inputs: Vec<String>,
    /// The topic it writes.
    pub output: String,
    /// Where rows go that come too late.
    #[schema(required)]
    pub late_topic: Option<String>,
    /// Where rows go that cannot be used.
    #[schema(required)]
    pub dead_letter_topic: Option<String>,
    /// When its rows come.
    pub emit: Emit,
    /// What it is doing.
    pub phase: Phase,
    /// What stopped it.
    #[schema(required)]
    pub error: Option<String>,
    /// A remark of its own.
    #[schema(required)]
    pub note: Option<String>,
    /// Where its rows went.
    pub ledger: Ledger,
    /// Rows written.
    pub rows_out: u64,
    /// Rows read in a second, over the last ten.
    pub rate_per_s: f64,
    /// Last commit.
    pub epoch: u64,
    /// How long it took.
    pub epoch_ms: f64,
    /// Event time up to which its input is complete; that of the last event once all has been read.
    #[schema(required)]
    pub watermark_ms: Option<i64>,
    /// Greatest event time seen.
    #[schema(required)]
    pub event_time_ms: Option<i64>,
    /// How far the one is behind the other: the allowed delay, and what its slowest partition is behind the others.
    #[schema(required)]
    pub watermark_lag_ms: Option<i64>,
    /// How far the newest event it has taken in is behind the newest that its sources have read; 0 when nothing is before it.
    #[schema(required)]
    pub lag_ms: Option<i64>,
    /// Records of its inputs that it has before it.
    pub behind: u64,
    /// Groups held.
    pub state_rows: u64,
    /// Bytes of memory they take.
    pub state_bytes: u64,
    /// Bytes of its snapshots on the disk.
    pub snapshot_bytes: u64,
    /// Its operators.
    pub stages: Vec<QueryStage>,
}

/// When a query's rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Emit {
    /// As often as they change.
    Changes,
    /// Once, when their window has closed.
    OnWindowClose,
}

/// An operator of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryStage {
    /// What it does.
    pub name: String,
    /// To what.
    pub detail: String,
}

/// All stages and topics, and what flows between them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Pipeline {
    /// Stages and topics.
    pub nodes: Vec<Node>,
    /// What flows between them.
    pub edges: Vec<Edge>,
}

/// A stage or a topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// `source:order_lines`, `topic:order_lines`, `query:revenue_5m`, `sink:revenue_5m`.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// What it is doing; a topic does what its writer does.
    pub phase: Phase,
    /// What stopped it.
    #[schema(required)]
    pub error: Option<String>,
    /// A remark of its own.
    #[schema(required)]
    pub note: Option<String>,
    /// Rows in a second: read by a stage, appended to a topic.
    pub rate_per_s: f64,
    /// Rows so far.
    pub total: u64,
    /// Records before it; for a topic, those before its slowest reader.
    pub behind: u64,
    /// Event time up to which it is complete; that of the last event once all has been read.
    #[schema(required)]
    pub watermark_ms: Option<i64>,
    /// Part of its input that is read, from 0 to 1.
    #[schema(required)]
    pub progress: Option<f64>,
    /// Further figures as label and value.
    pub detail: Vec<[String; 2]>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Reads the world.
    Source,
    /// Holds records.
    Topic,
    /// Computes.
    Query,
    /// Writes a store.
    Sink,
}

/// Something flows from one node to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Edge {
    /// Id of the node it comes from.
    pub from: String,
    /// Id of the node it goes to.
    pub to: String,
    /// Whether it should flow and does not.
    pub stalled: bool,
}

/// Where the rows of one stage went: `read = used + late + duplicate + rejected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerLine {
    /// The stage, `source:order_lines`.
    pub stage: String,
    /// Rows taken in.
    pub read: u64,
    /// Rows that took part.
    pub used: u64,
    /// Rows that came too late.
    pub late: u64,
    /// Rows that repeat an earlier one.
    pub duplicate: u64,
    /// Rows that cannot be used.
    pub rejected: u64,
    /// Whether every row is accounted for.
    pub balances: bool,
    /// The topics with those very rows.
    pub topics: LedgerTopics,
}

/// The topics that hold the rows of a line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerTopics {
    /// Rows that took part.
    #[schema(required)]
    pub used: Option<String>,
    /// Rows that came too late.
    #[schema(required)]
    pub late: Option<String>,
    /// Rows that cannot be used.
    #[schema(required)]
    pub rejected: Option<String>,
}
