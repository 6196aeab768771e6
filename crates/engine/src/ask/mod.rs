//! Questions: a SELECT over rows that end, answered once.
//!
//! A [`Desk`] knows tables (a warehouse's, a topic up to its present end, a lake's) and the plain views of the project. The
//! SQL is the same as in views, with the same functions, and whatever needs rows that end besides: joins, ORDER BY, LIMIT,
//! functions with OVER, `now()`.
//!
//! Bounds: one statement, which reads; the size of its text; rows, time and memory of its answer. No files, no settings, no
//! other tables can be named in it.

mod answer;
mod desk;
mod error;
mod scan;

pub use desk::{Answer, Desk, Limits};
pub use error::AskError;

#[cfg(test)]
mod tests;
