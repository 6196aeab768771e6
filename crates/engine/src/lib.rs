//! Streaming SQL: statements, plans, operators and checkpoints.

pub mod ask;
pub mod plan;
pub mod run;
pub mod sql;
