//! Row steps over one batch, and what becomes of a row on which an expression fails.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute;
use arrow::datatypes::{Field, Schema, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DataFusionError;
use datafusion::physical_expr::PhysicalExpr;

use super::error::EngineError;
use super::failing::compute_apart;
use crate::plan::RowStep;

/// What came out of the steps.
pub(super) struct Stepped {
    /// The rows that are left.
    pub(super) batch: RecordBatch,
    /// For each of them its row in the input; `None` when all are left, in order.
    pub(super) kept: Option<UInt32Array>,
    /// Rows of the input on which an expression failed, with the reason.
    pub(super) failed: Vec<(usize, String)>,
}

impl Stepped {
    /// The input row of row `row`.
    pub(super) fn origin(&self, row: usize) -> usize {
        self.kept.as_ref().map_or(row, |kept| kept.value(row) as usize)
    }

    /// The input row of each row.
    pub(super) fn kept_rows(&self) -> UInt32Array {
        let all = || (0..u32::try_from(self.batch.num_rows()).expect("a batch has fewer than 2^32 rows")).collect();
        self.kept.clone().unwrap_or_else(all)
    }
}

/// Runs `steps` over `batch`.
///
/// An expression fails for a whole batch when it fails for one row. Then the rows at fault are looked for, so that only they
/// are lost to the rest, each with its own reason.
pub(super) fn run_steps(batch: &RecordBatch, steps: &[RowStep]) -> Result<Stepped, EngineError> {
    match run_whole(batch, steps) {
        Ok((batch, kept)) => Ok(Stepped { batch, kept, failed: Vec::new() }),
        Err(_) => run_apart(batch, steps),
    }
}

fn run_whole(batch: &RecordBatch, steps: &[RowStep]) -> Result<(RecordBatch, Option<UInt32Array>), EngineError> {
    let mut batch = batch.clone();
    let mut kept: Option<UInt32Array> = None;
    for step in steps {
        match step {
            RowStep::Filter(predicate) => {
                let mask = evaluate_mask(predicate.as_ref(), &batch)?;
                if mask.null_count() == 0 && mask.true_count() == mask.len() {
                    continue;
                }
                kept = Some(filter_rows(kept, &mask)?);
                batch = compute::filter_record_batch(&batch, &mask)?;
            }
            RowStep::Project { columns, schema } => {
                let columns = evaluate_columns(columns, schema, &batch)?;
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                batch = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
            }
        }
    }
    Ok((batch, kept))
}

/// Runs step after step, each for the rows that it does not fail for.
fn run_apart(batch: &RecordBatch, steps: &[RowStep]) -> Result<Stepped, EngineError> {
    let mut stepped = Stepped { batch: batch.clone(), kept: None, failed: Vec::new() };
    for step in steps {
        let apart = match step {
            RowStep::Filter(predicate) => {
                let mask =
                    |batch: &RecordBatch| Ok(vec![Arc::new(evaluate_mask(predicate.as_ref(), batch)?) as ArrayRef]);
                compute_apart(&stepped.batch, std::slice::from_ref(predicate), &mask)?
            }
            RowStep::Project { columns, schema } => {
                compute_apart(&stepped.batch, columns, &|batch| evaluate_columns(columns, schema, batch))?
            }
        };
        let failed: Vec<_> = apart.failed.into_iter().map(|(row, reason)| (stepped.origin(row), reason)).collect();
        stepped.failed.extend(failed);
        let mut kept = compute::take(&stepped.kept_rows(), &apart.good, None)?;
        stepped.batch = match step {
            RowStep::Filter(_) => {
                let good = compute::take_record_batch(&stepped.batch, &apart.good)?;
                let mask = apart.columns[0].as_boolean();
                kept = compute::filter(&kept, mask)?;
                compute::filter_record_batch(&good, mask)?
            }
            RowStep::Project { schema, .. } => {
                let options = RecordBatchOptions::new().with_row_count(Some(apart.good.len()));
                RecordBatch::try_new_with_options(schema.clone(), apart.columns, &options)?
            }
        };
        stepped.kept = Some(kept.as_primitive::<UInt32Type>().clone());
    }
    stepped.failed.sort_by_key(|(row, _)| *row);
    Ok(stepped)
}

fn filter_rows(kept: Option<UInt32Array>, mask: &BooleanArray) -> Result<UInt32Array, EngineError> {
    let rows =
        kept.unwrap_or_else(|| (0..u32::try_from(mask.len()).expect("a batch has fewer than 2^32 rows")).collect());
    let rows = compute::filter(&rows, mask)?;
    Ok(rows.as_any().downcast_ref::<UInt32Array>().expect("filter keeps the type").clone())
}

/// A predicate over a batch; the result may hold nulls, which do not select.
pub(super) fn evaluate_mask(predicate: &dyn PhysicalExpr, batch: &RecordBatch) -> Result<BooleanArray, EngineError> {
    let mask = predicate.evaluate(batch)?.into_array(batch.num_rows())?;
    let mask = mask.as_any().downcast_ref::<BooleanArray>().expect("the planner checked that a predicate is boolean");
    Ok(mask.clone())
}

/// The columns of a projection; an error says which one it is of.
fn evaluate_columns(
    expressions: &[Arc<dyn PhysicalExpr>],
    schema: &Schema,
    batch: &RecordBatch,
) -> Result<Vec<ArrayRef>, EngineError> {
    let rows = batch.num_rows();
    let column = |(expression, field): (&Arc<dyn PhysicalExpr>, &Arc<Field>)| {
        let computed = expression.evaluate(batch).and_then(|column| column.into_array(rows));
        let of_column = |error: DataFusionError| EngineError::Column {
            column: field.name().clone(),
            source: Box::new(error.into()),
        };
        computed.map_err(of_column)
    };
    expressions.iter().zip(schema.fields()).map(column).collect()
}

/// Each expression over a batch, as a column each.
pub(super) fn evaluate_all(
    expressions: &[Arc<dyn PhysicalExpr>],
    batch: &RecordBatch,
) -> Result<Vec<ArrayRef>, EngineError> {
    expressions.iter().map(|expression| evaluate_column(expression.as_ref(), batch)).collect()
}

/// An expression over a batch, as a column.
pub(super) fn evaluate_column(expression: &dyn PhysicalExpr, batch: &RecordBatch) -> Result<ArrayRef, EngineError> {
    Ok(expression.evaluate(batch)?.into_array(batch.num_rows())?)
}
