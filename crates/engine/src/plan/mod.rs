//! From a checked statement to the operators that run it.

mod query;

pub use query::{Aggregate, AggregateCall, Dedup, Emit, Group, Input, Output, Query, RowStep, Watermark, Window};
