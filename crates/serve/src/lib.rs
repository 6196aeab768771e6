//! HTTP: the REST API, live feeds, the pages and the metrics of a running station.
//!
//! One file a resource. What blocks runs on threads of its own, within bounds (`app`); an error leaves in one shape only
//! (`problem`); a live feed is pulled by its client (`live`). The contract is the OpenAPI document made from the handlers.

mod app;
mod client_topics;
mod collector;
mod connection;
mod docs;
mod error;
mod groups;
mod health;
mod ledger;
mod live;
mod live_messages;
mod live_pipeline;
mod live_rows;
mod metrics;
mod pages;
mod pipeline;
mod problem;
mod process;
mod project;
mod queries;
mod query_string;
mod routes;
mod rows;
mod search;
mod security;
mod server;
mod sql;
mod table;
mod topics;
mod views;

#[cfg(test)]
mod tests;

pub use docs::openapi;
pub use error::ServeError;
pub use metrics::reference as metrics_reference;
pub use problem::Problem;
pub use routes::router;
pub use server::{ServeOptions, serve, serve_with};
