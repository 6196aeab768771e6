//! Conditions of views that keep others from being computed: of `n <> 0 AND 10 / n > 1` the second is for those rows only that
//! the first does not decide.
//!
//! DataFusion's own AND and OR compute both sides for many rows at a time, and fail where one row alone would not. What cannot
//! fail goes first: the planner has put conditions into another order.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute;
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NotExpr, TryCastExpr,
};
use datafusion::physical_expr_common::utils::scatter;

use super::expression::Physical;
use crate::plan::guard::is_safe;

/// AND or OR, of which the second operand is computed for the rows that the first leaves open.
#[derive(Debug)]
pub(in crate::plan) struct Guard {
    left: Physical,
    op: Operator,
    right: Physical,
    second: Second,
}

/// The operand that is computed last, over only those columns that it needs.
#[derive(Debug)]
struct Second {
    is_left: bool,
    expr: Physical,
    columns: Vec<usize>,
}

/// `left op right`, guarded where there is something to guard.
pub(super) fn guarded(left: &Physical, op: Operator, right: &Physical) -> Result<Option<Physical>> {
    let needs = matches!(op, Operator::And | Operator::Or) && (can_fail(left) || can_fail(right));
    Ok(if needs { Some(Arc::new(Guard::new(left.clone(), op, right.clone())?)) } else { None })
}

/// The same expression as it was written.
pub(in crate::plan) fn unguarded(expr: &Physical) -> Physical {
    let plain = expr.clone().transform_up(|expr| match expr.downcast_ref::<Guard>() {
        Some(Guard { left, op, right, .. }) => {
            Ok(Transformed::yes(Arc::new(BinaryExpr::new(left.clone(), *op, right.clone())) as Physical))
        }
        None => Ok(Transformed::no(expr)),
    });
    plain.map_or_else(|_| expr.clone(), |plain| plain.data)
}

/// Whether there is a row that `expr` may fail at; what is not known to do may.
fn can_fail(expr: &Physical) -> bool {
    let itself = match expr.downcast_ref::<BinaryExpr>() {
        Some(binary) => !is_safe(*binary.op()),
        None => {
            !(expr.is::<Guard>()
                || expr.is::<Column>()
                || expr.is::<Literal>()
                || expr.is::<NotExpr>()
                || expr.is::<IsNullExpr>()
                || expr.is::<IsNotNullExpr>()
                || expr.is::<InListExpr>()
                || expr.is::<LikeExpr>()
                || expr.is::<CaseExpr>()
                || expr.is::<TryCastExpr>())
        }
    };
    itself || expr.children().into_iter().any(can_fail)
}

impl Guard {
    fn new(left: Physical, op: Operator, right: Physical) -> Result<Self> {
        let is_left = can_fail(&left) && !can_fail(&right);
        let mut columns = Vec::new();
        let second = if is_left { &left } else { &right };
        let expr = second.clone().transform_up(|expr| {
            let Some(column) = expr.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
            let place = columns.iter().position(|known| *known == column.index()).unwrap_or_else(|| {
                columns.push(column.index());
                columns.len() - 1
            });
            Ok(Transformed::yes(Arc::new(Column::new(column.name(), place)) as Physical))
        })?;
        let second = Second { is_left, expr: expr.data, columns };
        Ok(Self { left, op, right, second })
    }

    fn first(&self) -> &Physical {
        if self.second.is_left { &self.right } else { &self.left }
    }

    /// The rows that `first` leaves open: those where an AND has no false yet, or an OR no true.
    fn open(&self, first: &BooleanArray) -> BooleanArray {
        let decides = if self.op == Operator::And { !first.values() } else { first.values().clone() };
        let decided = match first.nulls() {
            Some(nulls) => &decides & nulls.inner(),
            None => decides,
        };
        BooleanArray::new(!&decided, None)
    }
}

fn truths(value: ColumnarValue, rows: usize) -> Result<BooleanArray> {
    let column = value.into_array(rows)?;
    column.as_boolean_opt().cloned().ok_or_else(|| internal_datafusion_err!("a condition is {}", column.data_type()))
}

impl PhysicalExpr for Guard {
    fn data_type(&self, _input: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        Ok(self.left.nullable(input)? || self.right.nullable(input)?)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let first = truths(self.first().evaluate(batch)?, batch.num_rows())?;
        let open = self.open(&first);
        let count = open.true_count();
        if count == 0 {
            return Ok(ColumnarValue::Array(Arc::new(first)));
        }
        let needed = batch.project(&self.second.columns)?;
        let second = if count == batch.num_rows() {
            truths(self.second.expr.evaluate(&needed)?, count)?
        } else {
            let needed = compute::filter_record_batch(&needed, &open)?;
            scatter(&open, &truths(self.second.expr.evaluate(&needed)?, count)?)?.as_boolean().clone()
        };
        let both = match self.op {
            Operator::And => compute::and_kleene(&first, &second)?,
            _ => compute::or_kleene(&first, &second)?,
        };
        Ok(ColumnarValue::Array(Arc::new(both)))
    }

    fn children(&self) -> Vec<&Physical> {
        vec![&self.left, &self.right]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Physical>) -> Result<Physical> {
        Ok(Arc::new(Self::new(children[0].clone(), self.op, children[1].clone())?))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.left.fmt_sql(f)?;
        write!(f, " {} ", self.op)?;
        self.right.fmt_sql(f)
    }
}

impl Display for Guard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.op, self.right)
    }
}

impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.left.eq(&other.left) && self.right.eq(&other.right)
    }
}

impl Eq for Guard {}

impl Hash for Guard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.op.hash(state);
        self.left.hash(state);
        self.right.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int32Array};
    use datafusion::physical_expr::expressions::{binary, lit};

    use super::*;

    /// Zero divides where the condition before it, or behind it, does not keep it from doing so.
    #[test]
    fn all_truth_values_are_those_of_both_sides() {
        let zero_to_two = [None, Some(0), Some(1), Some(2)];
        let pairs = zero_to_two.iter().flat_map(|a| zero_to_two.iter().map(move |b| (*a, *b)));
        let (a, b): (Vec<_>, Vec<_>) = pairs.filter(|(a, b)| *a == Some(0) || *b != Some(0)).unzip();
        let columns =
            [("a", Arc::new(Int32Array::from(a)) as ArrayRef), ("b", Arc::new(Int32Array::from(b)) as ArrayRef)];
        let batch = RecordBatch::try_from_iter(columns).expect("two columns");
        let compare = |left: Physical, op, right| binary(left, op, right, &batch.schema()).expect("they go together");
        let column = |index: usize| Arc::new(Column::new(["a", "b"][index], index)) as Physical;
        let divided = compare(compare(lit(2), Operator::Divide, column(1)), Operator::Gt, lit(1));
        for (op, first) in [(Operator::And, Operator::NotEq), (Operator::Or, Operator::Eq)] {
            let first = compare(column(0), first, lit(0));
            assert!(compare(first.clone(), op, divided.clone()).evaluate(&batch).is_err(), "it fails unguarded");
            for (left, right) in [(&first, &divided), (&divided, &first)] {
                let guard = guarded(left, op, right).expect("both are known").expect("a division may fail");
                assert_eq!(unguarded(&guard).to_string(), guard.to_string());
                let whole = truths(guard.evaluate(&batch).expect("it is guarded"), batch.num_rows()).expect("truths");
                for row in 0..batch.num_rows() {
                    let one = batch.slice(row, 1);
                    let plain = compare(first.clone(), op, divided.clone()).evaluate(&one).expect("no row fails alone");
                    let plain = truths(plain, 1).expect("a truth");
                    assert_eq!(whole.slice(row, 1), plain, "{op} at row {row}");
                }
            }
            assert!(guarded(&first, op, &first).expect("both are known").is_none());
        }
    }
}
