//! From a checked statement to the operators that run it.

pub(crate) mod arithmetic;
pub(crate) mod catalog;
mod comparisons;
pub(crate) mod complaint;
pub(crate) mod constants;
mod explain;
pub(crate) mod failure;
mod fingerprint;
pub(crate) mod functions;
pub(crate) mod guard;
pub(crate) mod logical;
mod lower;
mod naming;
mod query;
mod sentences;
mod type_names;
mod words;

pub(crate) use lower::{Place, Refusal, Request, VOLATILE, instead_of_volatile, lower, time_axis};
pub use query::{Aggregate, AggregateCall, Dedup, Emit, Group, Input, Output, Query, RowStep, Watermark, Window};
pub(crate) use type_names::in_plain_types;
