//! Which rows of a batch fail, without running all of them one by one.
//!
//! An expression fails for a whole batch when it fails for one row, and does not say for which. Those that a cast or a division
//! is to blame for are found by computing its operands for the batch: a text that a cast makes NULL of, a zero that divides.
//! They are set apart as suspects, no more: a CASE or an AND may keep a row from what it would fail at. Then the others, and the
//! suspects, are computed whole, or else by halves. So `k` failing rows of `n` cost about `k` small evaluations where they are
//! found beforehand and `k` times the logarithm of `n / k` where they are not, and never much more than `n`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array, new_empty_array};
use arrow::compute;
use arrow::compute::kernels::cmp;
use arrow::record_batch::RecordBatch;
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;

use super::error::EngineError;

/// So few rows are run one by one: to halve them further costs as much where several of them fail, and little less where one
/// does.
const SINGLES_MAX: usize = 8;

/// Functions that fail where their second argument is zero.
const DIVISIONS: [&str; 3] = ["divide", "integer_divide", "divide_decimal"];

/// Computes columns of a batch.
pub(super) type Compute<'a> = dyn Fn(&RecordBatch) -> Result<Vec<ArrayRef>, EngineError> + 'a;

/// The rows of a batch after those that fail were told from the others.
pub(super) struct Apart {
    /// Rows that can be computed, in their order.
    pub(super) good: UInt32Array,
    /// What was computed of them.
    pub(super) columns: Vec<ArrayRef>,
    /// Rows that cannot, in their order, with the reason.
    pub(super) failed: Vec<(usize, String)>,
}

/// Runs `compute`, which is about `expressions`, for as many rows of `batch` as it can be run for.
pub(super) fn compute_apart(
    batch: &RecordBatch,
    expressions: &[Arc<dyn PhysicalExpr>],
    compute: &Compute<'_>,
) -> Result<Apart, EngineError> {
    let is_suspect = suspects(batch, expressions)?;
    let mut halving = Halving { compute, good: Vec::new(), pieces: Vec::new(), failed: Vec::new() };
    for wanted in [false, true] {
        let rows = (0..).zip(&is_suspect).filter(|(_, is_suspect)| **is_suspect == wanted).map(|(row, _)| row);
        let rows: Vec<u32> = rows.collect();
        let taken = compute::take_record_batch(batch, &UInt32Array::from(rows.clone()))?;
        halving.run(&taken, &rows, 0..rows.len());
    }
    if halving.pieces.is_empty() {
        let none = expressions.iter().map(|column| Ok(new_empty_array(&column.data_type(&batch.schema())?)));
        halving.pieces.push(none.collect::<Result<_, EngineError>>()?);
    }
    halving.in_order()
}

struct Halving<'a> {
    compute: &'a Compute<'a>,
    good: Vec<u32>,
    pieces: Vec<Vec<ArrayRef>>,
    failed: Vec<(usize, String)>,
}

impl Halving<'_> {
    /// Computes the rows `range` of `taken`, which are the rows `rows` of the batch.
    fn run(&mut self, taken: &RecordBatch, rows: &[u32], range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match (self.compute)(&taken.slice(range.start, range.len())) {
            Ok(columns) => {
                self.good.extend_from_slice(&rows[range]);
                self.pieces.push(columns);
            }
            Err(error) if range.len() == 1 => self.failed.push((rows[range.start] as usize, error.reason())),
            Err(_) if range.len() <= SINGLES_MAX => range.for_each(|row| self.run(taken, rows, row..row + 1)),
            Err(_) => {
                let middle = range.start + range.len() / 2;
                self.run(taken, rows, range.start..middle);
                self.run(taken, rows, middle..range.end);
            }
        }
    }

    /// What was computed, in the order of the rows.
    fn in_order(mut self) -> Result<Apart, EngineError> {
        let columns = (0..self.pieces[0].len()).map(|column| {
            let parts: Vec<&dyn Array> = self.pieces.iter().map(|piece| piece[column].as_ref()).collect();
            compute::concat(&parts)
        });
        let mut columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut good = UInt32Array::from(self.good);
        if !good.values().is_sorted() {
            let order = compute::sort_to_indices(&good, None, None)?;
            columns = compute::take_arrays(&columns, &order, None)?;
            good = compute::take(&good, &order, None)?.as_any().downcast_ref().cloned().expect("take keeps the type");
        }
        self.failed.sort_unstable_by_key(|(row, _)| *row);
        Ok(Apart { good, columns, failed: self.failed })
    }
}

/// The rows that some cast or division in `expressions` fails at, if every row comes to it.
fn suspects(batch: &RecordBatch, expressions: &[Arc<dyn PhysicalExpr>]) -> Result<Vec<bool>, EngineError> {
    let mut search = Search { left: batch.clone(), rows: (0..).take(batch.num_rows()).collect() };
    for expression in expressions {
        search.look_into(expression)?;
    }
    let mut is_suspect = vec![true; batch.num_rows()];
    for row in search.rows.values() {
        is_suspect[*row as usize] = false;
    }
    Ok(is_suspect)
}

/// The rows that are above suspicion so far.
struct Search {
    left: RecordBatch,
    rows: UInt32Array,
}

impl Search {
    /// Operands come before what is done with them, so that they can be computed for the rows that are left.
    fn look_into(&mut self, expression: &Arc<dyn PhysicalExpr>) -> Result<(), EngineError> {
        for child in expression.children() {
            self.look_into(child)?;
        }
        // What cannot be computed for all rows, because it stands in a CASE or fails by itself, says nothing of any.
        let Ok(Some(fails)) = failing_rows(expression, &self.left) else { return Ok(()) };
        if fails.true_count() > 0 {
            let passes: BooleanArray = fails.iter().map(|fails| Some(fails != Some(true))).collect();
            self.left = compute::filter_record_batch(&self.left, &passes)?;
            self.rows =
                compute::filter(&self.rows, &passes)?.as_any().downcast_ref().cloned().expect("filter keeps the type");
        }
        Ok(())
    }
}

/// Rows at which `expression` itself fails, if it is one that can be told of.
fn failing_rows(expression: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> PlanResult<Option<BooleanArray>> {
    let operand = |operand: &Arc<dyn PhysicalExpr>| operand.evaluate(batch)?.into_array(batch.num_rows());
    if let Some(cast) = expression.downcast_ref::<CastExpr>().filter(|cast| !cast.cast_options().safe) {
        let value = operand(cast.expr())?;
        let options = compute::CastOptions { safe: true, ..cast.cast_options().clone() };
        let converted = compute::cast_with_options(&value, cast.cast_type(), &options)?;
        return Ok(Some(compute::and_not(&compute::is_null(&converted)?, &compute::is_null(&value)?)?));
    }
    let divisor = match expression.downcast_ref::<ScalarFunctionExpr>() {
        Some(call) if DIVISIONS.contains(&call.name()) => call.args().get(1),
        Some(_) => None,
        None => {
            let divides = |binary: &&BinaryExpr| matches!(binary.op(), Operator::Divide | Operator::Modulo);
            expression.downcast_ref::<BinaryExpr>().filter(divides).map(BinaryExpr::right)
        }
    };
    let Some(divisor) = divisor else { return Ok(None) };
    let divisor = operand(divisor)?;
    let zero = ScalarValue::new_zero(divisor.data_type())?.to_scalar()?;
    Ok(Some(cmp::eq(&divisor, &zero)?))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use arrow::array::{AsArray, StringArray};
    use arrow::datatypes::{DataType, Int32Type};
    use datafusion::physical_expr::expressions::Column;

    use super::*;

    fn batch(texts: Vec<String>) -> RecordBatch {
        RecordBatch::try_from_iter([("text", Arc::new(StringArray::from(texts)) as ArrayRef)]).expect("one column")
    }

    /// Casts the texts, with `known` to look for suspects in; answers how many evaluations it took.
    fn cast_apart(texts: Vec<String>, known: bool) -> (Apart, usize) {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new("text", 0));
        let cast: Arc<dyn PhysicalExpr> = Arc::new(CastExpr::new(column, DataType::Int32, None));
        let evaluations = Cell::new(0);
        let compute = |batch: &RecordBatch| {
            evaluations.set(evaluations.get() + 1);
            Ok(vec![cast.evaluate(batch)?.into_array(batch.num_rows())?])
        };
        let expressions = if known { vec![cast.clone()] } else { Vec::new() };
        let apart = compute_apart(&batch(texts), &expressions, &compute).expect("rows can be told apart");
        (apart, evaluations.get())
    }

    #[test]
    fn failing_rows_are_told_from_the_others_in_few_evaluations() {
        let is_bad = |row: usize| row % 100 == 7;
        let texts = |row: usize| if is_bad(row) { "x".to_owned() } else { row.to_string() };
        for (known, evaluations_max) in [(true, 125), (false, 1_500)] {
            let (apart, evaluations) = cast_apart((0..8_192).map(texts).collect(), known);
            let good: Vec<usize> = (0..8_192).filter(|row| !is_bad(*row)).collect();
            assert!(apart.good.values().iter().map(|row| *row as usize).eq(good.iter().copied()));
            let values = apart.columns[0].as_primitive::<Int32Type>();
            assert!(values.values().iter().map(|value| *value as usize).eq(good), "values keep their rows");
            assert_eq!(apart.failed.len(), 82);
            assert!(apart.failed.iter().all(|(row, reason)| is_bad(*row) && reason.contains("'x'")));
            assert!(evaluations <= evaluations_max, "{evaluations} evaluations for 82 rows");
        }
    }

    #[test]
    fn a_batch_that_fails_altogether_costs_little_more_than_its_rows() {
        let (apart, evaluations) = cast_apart(vec!["x".to_owned(); 1_024], false);
        assert_eq!((apart.good.len(), apart.failed.len()), (0, 1_024));
        assert!(evaluations < 1_024 + 1_024 / 3, "{evaluations} evaluations for 1,024 rows");
    }
}
