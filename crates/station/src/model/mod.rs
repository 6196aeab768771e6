//! What the API says, type by type: the JSON that pages, the command line and other people's programs read.
//!
//! Times that end in `_ms` are milliseconds since 1970: real ones for clocks of this machine, and for event times the shop's
//! local clock read as if it were UTC. Rows are JSON as [`millrace_schema::json`] writes it.

mod answer;
mod cell;
mod client_topic;
mod dashboard;
mod group;
mod project;
mod record_json;
mod search;
mod stage;
mod topic;
mod view;

pub use answer::{SqlAnswer, SqlColumn};
pub use cell::{Cell, RecordValue, Row};
pub use client_topic::{MessageCompression, NewMessage, NewMessages, NewTopic, TopicChange, Written, WrittenPartition};
pub use dashboard::{Bars, Better, Dashboard, Feed, FeedKind, Tile, Timeline, Unit};
pub use group::{Group, GroupLine, GroupMember, GroupMove, GroupMoves, GroupPartition, GroupSeek};
pub use project::{Counts, EventTime, Health, HealthProblem, HealthStatus, Project, Replay};
pub use record_json::RecordJson;
pub use search::{MissingField, SearchProgress, SearchQuery, SearchState};
pub use stage::{Edge, Emit, LedgerLine, LedgerTopics, Node, NodeKind, Pipeline, Query, QueryStage};
pub use topic::{Message, MessageOrigin, MessagesPage, MessagesQuery, Order, Partition, Reader, Topic};
pub use view::{Column, View, ViewKind};
