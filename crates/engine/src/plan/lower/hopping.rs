//! Windows that overlap, where they are columns: `HOP(…)` in FROM makes such columns.
//!
//! A row is in several of them, so as a column of the row they have no value. The GROUP BY has found them and made windows
//! of its own; then the column is taken out. Whatever else speaks of it is refused.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::scalar::ScalarValue;

use super::expression::{Physical, as_window};
use super::rows::Rows;
use super::{Place, Refusal, Result, projections};
use crate::plan::RowStep;

/// Replaces columns of overlapping windows by NULL; refuses if a filter or one of `used`, which count in the columns after
/// the steps, depends on one.
pub(super) fn take_out(rows: &mut Rows, used: &[Physical]) -> Result<()> {
    for stream in &mut rows.streams {
        let steps = &stream.steps;
        let depends = |(at, step): (usize, &RowStep)| match step {
            RowStep::Filter(predicate) => overlaps(predicate, steps, at),
            RowStep::Project { .. } => false,
        };
        if steps.iter().enumerate().any(depends) || used.iter().any(|expr| overlaps(expr, steps, steps.len())) {
            return Err(refusal());
        }
        for step in &mut stream.steps {
            if let RowStep::Project { columns, schema } = step {
                for (column, field) in columns.iter_mut().zip(schema.fields()) {
                    if overlaps(column, &[], 0) {
                        *column = Arc::new(Literal::new(ScalarValue::try_from(field.data_type())?));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Refuses overlapping windows among the steps of a query that has no GROUP BY.
pub(super) fn refuse(rows: &Rows) -> Result<()> {
    let in_step = |step: &RowStep| match step {
        RowStep::Filter(predicate) => overlaps(predicate, &[], 0),
        RowStep::Project { columns, .. } => columns.iter().any(|column| overlaps(column, &[], 0)),
    };
    let mut steps = rows.streams.iter().flat_map(|stream| &stream.steps).chain(&rows.after);
    if steps.any(in_step) { Err(refusal()) } else { Ok(()) }
}

fn refusal() -> Refusal {
    let cure = "group by window(…), or by the window_start and window_end of HOP";
    Refusal::new(Place::Window, "windows that overlap can only be used in GROUP BY", cure)
}

fn is_overlapping(expr: &Physical) -> bool {
    as_window(expr).is_some_and(|call| call.size_us != call.slide_us)
}

/// Whether `expr`, which counts in the columns before step `at`, depends on an overlapping window.
fn overlaps(expr: &Physical, steps: &[RowStep], at: usize) -> bool {
    let mut found = false;
    let visited = expr.apply(|expr| {
        let behind = expr.downcast_ref::<Column>().and_then(|column| {
            let (step, columns) = projections(&steps[..at]).next()?;
            Some(overlaps(columns.get(column.index())?, steps, step))
        });
        found |= is_overlapping(expr) || behind.unwrap_or(false);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    visited.is_ok() && found
}
