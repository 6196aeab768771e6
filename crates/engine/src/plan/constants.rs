//! Constant parts of a SELECT that fail at every row: `1 / 0`, a bad pattern. They are computed once, before anything runs.
//!
//! Only what every row comes to: what stands in a CASE or behind the first argument of `coalesce` may be there for the rows that
//! never reach it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, TryCast, Volatility, lit,
};
use datafusion::scalar::ScalarValue;

use super::complaint::Complaint;
use super::failure::complaint_of;
use super::lower::physical;

/// Functions that look only at the first of their arguments that is not NULL.
const LAZY: [&str; 4] = ["coalesce", "nvl", "ifnull", "nvl2"];

/// Calls that fail by one of their arguments alone, whatever the others are, and which one that is.
const DECIDED_BY_ONE: [(&str, usize); 11] = [
    ("divide", 1),
    ("integer_divide", 1),
    ("divide_decimal", 1),
    ("date_trunc", 0),
    ("date_part", 0),
    ("to_char", 1),
    ("regexp_like", 1),
    ("regexp_count", 1),
    ("regexp_match", 1),
    ("regexp_replace", 1),
    ("regexp_extract", 1),
];

/// The first constant part of a plan, with its types settled, that cannot be computed.
pub(crate) fn failing_constant(plan: &LogicalPlan) -> Option<Complaint> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = node {
            schema.merge(&scan.projected_schema);
        }
        node.apply_expressions(|expr| {
            found = found.take().or_else(|| failing_part(expr, &schema));
            Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    walked.ok().and(found)
}

/// The innermost part of `expr` that fails at every row.
fn failing_part(expr: &Expr, schema: &DFSchema) -> Option<Complaint> {
    let mut found = None;
    let _ = expr.apply_children(|child| {
        found = failing_part(child, schema);
        let done = found.is_some() || is_lazy(expr);
        Ok(if done { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if found.is_some() || is_lazy(expr) || matches!(expr, Expr::Literal(..) | Expr::Alias(_)) {
        return found;
    }
    let constant = if is_constant(expr) { Some(expr.clone()) } else { with_samples(expr, schema) };
    constant.and_then(|constant| evaluate(&constant).err())
}

fn is_lazy(expr: &Expr) -> bool {
    match expr {
        Expr::Case(_) => true,
        Expr::ScalarFunction(call) => LAZY.contains(&call.func.name()),
        _ => false,
    }
}

fn is_constant(expr: &Expr) -> bool {
    let varies = expr.exists(|expr| {
        Ok(match expr {
            Expr::ScalarFunction(call) => call.func.signature().volatility != Volatility::Immutable,
            Expr::Literal(..)
            | Expr::Alias(_)
            | Expr::BinaryExpr(_)
            | Expr::Like(_)
            | Expr::SimilarTo(_)
            | Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Negative(_)
            | Expr::Between(_)
            | Expr::Case(_)
            | Expr::Cast(_)
            | Expr::TryCast(_)
            | Expr::InList(_) => false,
            _ => true,
        })
    });
    !varies.unwrap_or(true)
}

/// The same call with a value in the place of what is not constant, where only the constant argument can be at fault.
fn with_samples(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let sampled = |part: &Expr| {
        if is_constant(part) { Some(part.clone()) } else { Some(lit(sample(&part.get_type(schema).ok()?)?)) }
    };
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_decided_by_right(*op) && is_constant(right) => {
            let left = sampled(left)?;
            Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, right.clone())))
        }
        Expr::ScalarFunction(call) => {
            let (_, decides) = DECIDED_BY_ONE.iter().find(|(name, _)| *name == call.func.name())?;
            if !is_constant(call.args.get(*decides)?) {
                return None;
            }
            let mut sampled_call = call.clone();
            sampled_call.args = call.args.iter().map(sampled).collect::<Option<Vec<_>>>()?;
            Some(Expr::ScalarFunction(sampled_call))
        }
        _ => None,
    }
}

fn is_decided_by_right(op: Operator) -> bool {
    use Operator::{Divide, Modulo, RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(op, Divide | Modulo | RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch)
}

/// Some value of a type.
fn sample(data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Utf8 => Some(ScalarValue::from("a")),
        DataType::Date32 => Some(ScalarValue::Date32(Some(0))),
        DataType::Timestamp(TimeUnit::Microsecond, None) => Some(ScalarValue::TimestampMicrosecond(Some(0), None)),
        number if number.is_numeric() => ScalarValue::new_one(number).ok(),
        _ => None,
    }
}

/// Computes what has no columns in it.
fn evaluate(constant: &Expr) -> Result<(), Complaint> {
    let Ok(constant) = with_casts(constant.clone()) else { return Ok(()) };
    let Ok(bound) = physical(&constant, &DFSchema::empty()) else { return Ok(()) };
    let row: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let Ok(row) = RecordBatch::try_from_iter([("row", row)]) else { return Ok(()) };
    bound.evaluate(&row).map(drop).map_err(|error| complaint_of(&error))
}

/// Casts are calls until the plan is optimised.
fn with_casts(expr: Expr) -> Result<Expr> {
    let nothing = DFSchema::empty();
    let casts = expr.transform_up(|expr| {
        let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
        let is_try = call.func.name() == "arrow_try_cast";
        if !is_try && call.func.name() != "arrow_cast" {
            return Ok(Transformed::no(expr));
        }
        let (operand, data_type) = (Box::new(call.args[0].clone()), expr.get_type(&nothing)?);
        Ok(Transformed::yes(match is_try {
            true => Expr::TryCast(TryCast::new(operand, data_type)),
            false => Expr::Cast(Cast::new(operand, data_type)),
        }))
    })?;
    Ok(casts.data)
}
