//! The identity of a query's state.
//!
//! Everything that decides what was written so far is in it: topics, what happens to rows before they are counted, what is
//! counted by which groups, and what becomes of that. Rows of closed windows are not computed again, so a changed HAVING
//! would hold for some rows of a view and not for others.

use std::fmt::Write;

use xxhash_rust::xxh3::xxh3_64;

use super::explain::{show, show_call, show_group, show_step};
use super::{Aggregate, Dedup, Input, RowStep};
use crate::sql::show_micros;

/// The fingerprint, and what it is of in words.
pub(super) fn fingerprint(
    inputs: &[Input],
    dedup: Option<&Dedup>,
    aggregate: Option<&Aggregate>,
    steps: &[RowStep],
    allowed_lateness_us: i64,
) -> (u64, String) {
    let mut canonical = String::new();
    let mut parts: Vec<String> = Vec::new();
    for input in inputs {
        let _ = write!(canonical, "input {} {:?} {:?};", input.topic, input.kind, input.watermark);
        for field in input.schema.fields() {
            let _ = write!(canonical, "{} {},", field.name(), field.data_type());
        }
        for step in &input.steps {
            let _ = write!(canonical, ";{}", show_step(step));
        }
        parts.push(input.topic.to_string());
    }
    if let Some(dedup) = dedup {
        let _ = write!(canonical, "|dedup {:?} {:?}", dedup.columns, dedup.time);
        parts.push(format!("without repeats in {} columns", dedup.columns.len()));
    }
    if let Some(aggregate) = aggregate {
        for group in &aggregate.groups {
            let _ = write!(canonical, "|group {}", show_group(group));
            parts.push(show_group(group));
        }
        for call in &aggregate.calls {
            let arguments = call.function.expressions();
            let types = arguments.iter().map(|argument| argument.data_type(&aggregate.input));
            let types: Vec<_> =
                types.map(|data_type| data_type.map_or_else(|_| String::new(), |t| t.to_string())).collect();
            let filter = call.filter.as_ref().map(show).unwrap_or_default();
            let _ = write!(canonical, "|call {} of {types:?} where {filter}", show_call(call));
            parts.push(show_call(call));
        }
    }
    for step in steps {
        let _ = write!(canonical, "|step {}", show_step(step));
    }
    // A longer one would ask for groups that are forgotten already.
    if allowed_lateness_us != 0 {
        let _ = write!(canonical, "|lateness {allowed_lateness_us}");
        parts.push(format!("allowed lateness {}", show_micros(allowed_lateness_us)));
    }
    (xxh3_64(canonical.as_bytes()), format!("hash({})", parts.join(", ")))
}
