//! The project's scripts: statements, their errors, and what they come to.
//!
//! ```text
//!   text ─ token ─▶ tokens of each statement
//!        ─ ddl ──▶ Statement, its SELECT parsed (select)
//!        ─ reading ─▶ the SELECT in the planner's words (windows, spark), every unknown name found
//!        ─ compile ─▶ statements in an order in which each comes after those it reads, planned and lowered
//! ```
//!
//! Every step collects errors instead of stopping at the first; what depends on something broken is left alone, so that
//! one mistake is told once.

mod advice;
mod compile;
mod continuous;
mod cursor;
mod ddl;
mod dialect;
mod graph;
mod interval;
mod nearest;
mod parts;
mod patterns;
mod pitfalls;
mod planning;
mod program;
mod reading;
mod select;
mod spark;
mod statement;
mod text;
mod token;
mod walk;
mod windows;

pub use compile::{compile, compile_what_is_right};
pub(crate) use interval::show_micros;
pub(crate) use nearest::did_you_mean;
pub(crate) use pitfalls::{null_comparisons, quoted_columns};
pub(crate) use planning::{planner_problem, spelled_columns, unknown_relations};
pub use program::{OptionDef, Program, Script, SinkDef, SourceDef, StatementText, ViewDef};
pub(crate) use reading::{Reading, read};
pub(crate) use select::{parse_query, parse_statement};
pub(crate) use text::{Problem, Text, span_of};
pub(crate) use token::{Tokens, split};
