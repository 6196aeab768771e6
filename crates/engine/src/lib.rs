//! Streaming SQL: statements, plans, operators and checkpoints.

pub mod plan;
