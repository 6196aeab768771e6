//! Arithmetic of questions: what overflows fails there as it does in views.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, lit};
use datafusion::scalar::ScalarValue;

use super::functions::checked;
use super::naming::change_expressions;

/// The same plan, in which whole numbers do not wrap. Types are settled before.
pub(crate) fn with_checked_arithmetic(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(check_node).map(|plan| plan.data)
}

fn check_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&scan.projected_schema);
    }
    change_expressions(plan, |expr| expr.transform_up(|expr| check_expression(expr, &schema)))
}

fn check_expression(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (left, op, right) = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => (left.as_ref().clone(), *op, right.as_ref().clone()),
        // The least number has no counterpart above zero.
        Expr::Negative(value) if value.get_type(schema)?.is_integer() => {
            (lit(ScalarValue::new_zero(&value.get_type(schema)?)?), Operator::Minus, value.as_ref().clone())
        }
        _ => return Ok(Transformed::no(expr)),
    };
    let Some(function) = checked(op) else { return Ok(Transformed::no(expr)) };
    let (a, b): (DataType, DataType) = (left.get_type(schema)?, right.get_type(schema)?);
    if !a.is_integer() || a != b {
        return Ok(Transformed::no(expr));
    }
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(function.into(), vec![left, right]))))
}
