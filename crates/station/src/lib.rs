//! Puts the stages together: project, catalog, supervisor, ledger.
//!
//! ```text
//!   millrace.toml, *.sql ──▶ Project ──▶ Station ──▶ threads: one a source, one a query, one a sink
//!                                           │
//!                                           └──▶ model: what pages, command line and other programs are told
//! ```
//!
//! A [`Project`] is checked text. A [`Station`] is a project that runs. An [`Archive`] answers the same questions from the
//! data folder when nothing runs.

mod archive;
mod ask;
mod catalog;
mod client_topics;
pub mod config;
mod dashboard;
mod error;
mod for_clients;
mod groups;
mod last_run;
mod ledger;
mod messages;
pub mod model;
mod nearest;
mod options;
mod pipeline;
mod project;
mod queries;
mod sampler;
mod search;
mod serving;
mod sought;
mod stages;
mod standing;
mod station;
mod stores;
mod supervisor;
mod tables;
mod topic_table;
mod topics;
mod views;

pub use archive::Archive;
pub use client_topics::StoppedTopics;
pub use config::Overrides;
pub use error::StationError;
pub use last_run::read as last_problems;
pub use millrace_engine::ask::{Answer, AskError, Limits};
pub use millrace_log::{check_topic_name, known_config};
pub use nearest::cure as cure_for_name;
pub use project::Project;
pub use search::TopicSearch;
pub use serving::{Serving, ServingGuard, data_dir};
pub use station::{Outcome, Station};

/// Result of everything in this crate.
pub(crate) type Result<T, E = StationError> = std::result::Result<T, E>;
