//! Any other aggregate, through DataFusion's row-at-a-time accumulator for it.
//!
//! Such an accumulator may be drained by being read. So after an epoch each changed group's state is taken out as columns
//! and given to two fresh accumulators: one is read, the other goes on.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array, new_empty_array};
use arrow::compute;
use datafusion::logical_expr::Accumulator;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::scalar::ScalarValue;

use super::super::error::EngineError;
use super::super::groups::SKIP;
use super::Accumulate;

/// Accumulators by group, made when a group gets its first row.
pub(super) struct Generic {
    function: Arc<AggregateFunctionExpr>,
    state_columns: usize,
    accumulators: Vec<Option<Box<dyn Accumulator>>>,
}

impl Generic {
    /// No group yet.
    pub(super) fn new(function: Arc<AggregateFunctionExpr>) -> Result<Self, EngineError> {
        let state_columns = function.state_fields()?.len();
        Ok(Self { function, state_columns, accumulators: Vec::new() })
    }

    fn accumulator(&mut self, group: u32) -> Result<&mut Box<dyn Accumulator>, EngineError> {
        let slot = &mut self.accumulators[group as usize];
        if slot.is_none() {
            *slot = Some(self.function.create_accumulator()?);
        }
        Ok(slot.as_mut().expect("it was just put there"))
    }

    /// The state of a group, which afterwards is as before.
    fn state(&mut self, group: u32) -> Result<Vec<ScalarValue>, EngineError> {
        let state = self.accumulator(group)?.state()?;
        let fresh = self.restored(&state)?;
        self.accumulators[group as usize] = Some(fresh);
        Ok(state)
    }

    fn restored(&self, state: &[ScalarValue]) -> Result<Box<dyn Accumulator>, EngineError> {
        let columns = state.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>, _>>()?;
        let mut accumulator = self.function.create_accumulator()?;
        accumulator.merge_batch(&columns)?;
        Ok(accumulator)
    }
}

/// The rows of a batch by group: rows sorted by group, and the runs of equal groups.
fn runs_by_group(groups: &[u32]) -> (UInt32Array, Vec<(u32, usize, usize)>) {
    let mut rows: Vec<u32> = (0..u32::try_from(groups.len()).expect("a batch has fewer than 2^32 rows")).collect();
    rows.retain(|row| groups[*row as usize] != SKIP);
    // Stable: within a group the rows keep their order, which aggregates such as first_value depend on.
    rows.sort_by_key(|row| groups[*row as usize]);
    let mut runs: Vec<(u32, usize, usize)> = Vec::new();
    for (position, row) in rows.iter().enumerate() {
        let group = groups[*row as usize];
        match runs.last_mut() {
            Some((last, _, length)) if *last == group => *length += 1,
            _ => runs.push((group, position, 1)),
        }
    }
    (UInt32Array::from(rows), runs)
}

impl Accumulate for Generic {
    fn resize(&mut self, capacity: usize) {
        self.accumulators.resize_with(capacity, || None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let (rows, runs) = runs_by_group(groups);
        let sorted: Vec<ArrayRef> =
            arguments.iter().map(|column| compute::take(column, &rows, None)).collect::<Result<_, _>>()?;
        for (group, start, length) in runs {
            let arguments: Vec<ArrayRef> = sorted.iter().map(|column| column.slice(start, length)).collect();
            self.accumulator(group)?.update_batch(&arguments)?;
        }
        Ok(())
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        if groups.is_empty() {
            return Ok(new_empty_array(self.function.field().data_type()));
        }
        let mut results = Vec::with_capacity(groups.len());
        for group in groups {
            let state = self.state(*group)?;
            results.push(self.restored(&state)?.evaluate()?);
        }
        Ok(ScalarValue::iter_to_array(results)?)
    }

    fn save(&mut self, groups: &[u32], _whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        let mut columns: Vec<Vec<ScalarValue>> = vec![Vec::with_capacity(groups.len()); self.state_columns];
        for group in groups {
            for (column, value) in columns.iter_mut().zip(self.state(*group)?) {
                column.push(value);
            }
        }
        Ok(columns.into_iter().map(ScalarValue::iter_to_array).collect::<Result<_, _>>()?)
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        for (row, group) in groups.iter().enumerate() {
            let state: Vec<ArrayRef> = columns.iter().map(|column| column.slice(row, 1)).collect();
            let mut accumulator = self.function.create_accumulator()?;
            accumulator.merge_batch(&state)?;
            self.accumulators[*group as usize] = Some(accumulator);
        }
        Ok(())
    }

    fn saved_columns(&self) -> usize {
        self.state_columns
    }

    fn clear(&mut self, group: u32) {
        self.accumulators[group as usize] = None;
    }

    fn memory_bytes(&self) -> usize {
        self.accumulators.iter().flatten().map(|accumulator| accumulator.size()).sum::<usize>()
            + self.accumulators.len() * size_of::<Option<Box<dyn Accumulator>>>()
    }
}
