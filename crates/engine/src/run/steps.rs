//! Row steps over one batch, and what becomes of a row on which an expression fails.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DataFusionError;
use datafusion::physical_expr::PhysicalExpr;

use super::error::EngineError;
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
}

/// Runs `steps` over `batch`.
///
/// An expression fails for a whole batch when it fails for one row. Then the rows are run one by one, so that only the
/// rows at fault are lost to the rest, each with its own reason.
pub(super) fn run_steps(batch: &RecordBatch, steps: &[RowStep]) -> Result<Stepped, EngineError> {
    match run_whole(batch, steps) {
        Ok((batch, kept)) => Ok(Stepped { batch, kept, failed: Vec::new() }),
        Err(_) => run_row_by_row(batch, steps),
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

fn run_row_by_row(batch: &RecordBatch, steps: &[RowStep]) -> Result<Stepped, EngineError> {
    let mut good = Vec::new();
    let mut kept = Vec::new();
    let mut failed = Vec::new();
    for row in 0..batch.num_rows() {
        match run_whole(&batch.slice(row, 1), steps) {
            Ok((left, _)) if left.num_rows() == 0 => {}
            Ok((left, _)) => {
                good.push(left);
                kept.push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
            }
            Err(error) => failed.push((row, error.reason())),
        }
    }
    let batch = match good.first() {
        Some(first) => compute::concat_batches(&first.schema(), &good)?,
        None => RecordBatch::new_empty(output_schema(batch, steps)),
    };
    Ok(Stepped { batch, kept: Some(UInt32Array::from(kept)), failed })
}

fn output_schema(batch: &RecordBatch, steps: &[RowStep]) -> arrow::datatypes::SchemaRef {
    let last = steps.iter().rev().find_map(|step| match step {
        RowStep::Project { schema, .. } => Some(schema.clone()),
        RowStep::Filter(_) => None,
    });
    last.unwrap_or_else(|| batch.schema())
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
    let rows = batch.num_rows();
    expressions.iter().map(|expression| Ok(expression.evaluate(batch)?.into_array(rows)?)).collect()
}
