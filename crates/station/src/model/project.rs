//! The project as a whole, and how it is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What runs here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Name of the project: `[project] name`, or that of its folder.
    pub name: String,
    /// Version of this program.
    pub version: String,
    /// When this program started.
    pub started_at_ms: i64,
    /// Zone of the shop's clock, `Europe/London`.
    #[schema(required)]
    pub timezone: Option<String>,
    /// What DECIMAL columns are counted in, `GBP`.
    #[schema(required)]
    pub currency: Option<String>,
    /// Whether the project has no statement yet.
    pub empty: bool,
    /// Folder with everything that was computed.
    pub data_dir: String,
    /// Least and greatest event time seen.
    #[schema(required)]
    pub event_time: Option<EventTime>,
    /// Whether history is being read.
    pub replay: Replay,
    /// How much of everything there is.
    pub counts: Counts,
}

/// A range of event time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventTime {
    /// Least event time.
    pub min_ms: i64,
    /// Greatest event time.
    pub max_ms: i64,
}

/// How fast event time passes while a source reads what lies in the past.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// Whether some source is not at the end of its files yet.
    pub active: bool,
    /// Seconds of event time that pass in a second: the pace that the source is told to keep or, without one, what was measured
    /// over the last ten seconds.
    #[schema(required)]
    pub speed: Option<f64>,
}

/// How much of everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Sources.
    pub sources: usize,
    /// Views, materialized or not.
    pub views: usize,
    /// Running queries.
    pub queries: usize,
    /// Sinks, those of materialized views included.
    pub sinks: usize,
    /// Topics.
    pub topics: usize,
}

/// How the stages are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The worst of it.
    pub status: HealthStatus,
    /// Whether every stage has started.
    pub ready: bool,
    /// What is wrong, stage by stage, the worst first.
    pub problems: Vec<HealthProblem>,
}

/// How a stage is, or the worst of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Everything runs.
    Ok,
    /// A stage is being tried again, or has something that somebody has to look at.
    Degraded,
    /// A stage has stopped for good.
    Failed,
}

/// What is wrong with one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthProblem {
    /// The stage, `query:revenue_5m`.
    pub stage: String,
    /// How bad that is.
    pub status: HealthStatus,
    /// Its error, or what has to be looked at.
    pub message: String,
}
