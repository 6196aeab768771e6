//! Logical expressions as physical ones, and what can be told of physical ones.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal, NegativeExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, create_physical_expr};
use datafusion::scalar::ScalarValue;

use super::guard::guarded;
use super::{Refusal, Result, projections};
use crate::plan::RowStep;
use crate::plan::functions::WINDOW;

pub(in crate::plan) type Physical = Arc<dyn PhysicalExpr>;

/// `expr` bound to the columns of `schema`. Whole numbers that overflow are an error and do not wrap, and a condition keeps
/// the one behind it from failing.
pub(in crate::plan) fn physical(expr: &Expr, schema: &DFSchema) -> Result<Physical> {
    let bound = create_physical_expr(expr, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
    let checked = bound.transform_up(|expr| {
        let (left, op, right) = if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            (binary.left().clone(), *binary.op(), binary.right().clone())
        } else if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
            // The least number has no counterpart above zero.
            let zero = ScalarValue::new_zero(&negative.data_type(schema.as_arrow())?)?;
            (Arc::new(Literal::new(zero)) as Physical, Operator::Minus, negative.arg().clone())
        } else {
            return Ok(Transformed::no(expr));
        };
        if let Some(guarded) = guarded(&left, op, &right)? {
            return Ok(Transformed::yes(guarded));
        }
        let computes = matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply);
        if !computes || !expr.data_type(schema.as_arrow())?.is_integer() {
            return Ok(Transformed::no(expr));
        }
        let checked = BinaryExpr::new(left, op, right).with_fail_on_overflow(true);
        Ok(Transformed::yes(Arc::new(checked) as Physical))
    })?;
    Ok(checked.data)
}

/// The step that a row node is, if it does anything.
pub(super) fn step_of(node: &LogicalPlan) -> Result<Option<RowStep>> {
    match node {
        LogicalPlan::Filter(filter) => Ok(Some(RowStep::Filter(physical(&filter.predicate, filter.input.schema())?))),
        LogicalPlan::Projection(projection) => {
            let input = projection.input.schema();
            let columns = projection.expr.iter().map(|expr| physical(expr, input)).collect::<Result<Vec<_>>>()?;
            let names = projection.schema.fields().iter().map(|field| field.name().clone());
            Ok(Some(project(columns, names, input.as_arrow())?))
        }
        _ => Ok(None),
    }
}

/// A step that computes `columns` of rows with the columns `input`.
pub(super) fn project(
    columns: Vec<Physical>,
    names: impl IntoIterator<Item = String>,
    input: &Schema,
) -> Result<RowStep> {
    let fields = names
        .into_iter()
        .zip(&columns)
        .map(|(name, column)| Ok(Field::new(name, column.data_type(input).map_err(Refusal::from)?, true)));
    let schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
    Ok(RowStep::Project { columns, schema })
}

/// Columns after `steps` over rows with the columns `input`.
pub(super) fn schema_after(steps: &[RowStep], input: &SchemaRef) -> SchemaRef {
    let last = steps.iter().rev().find_map(|step| match step {
        RowStep::Project { schema, .. } => Some(schema.clone()),
        RowStep::Filter(_) => None,
    });
    last.unwrap_or_else(|| input.clone())
}

/// `expr` over the rows before a projection instead of after it.
pub(super) fn substitute(expr: &Physical, columns: &[Physical]) -> Result<Physical> {
    let replaced = expr.clone().transform_up(|expr| match expr.downcast_ref::<Column>() {
        Some(column) => Ok(Transformed::yes(columns[column.index()].clone())),
        None => Ok(Transformed::no(expr)),
    })?;
    Ok(replaced.data)
}

/// `expr`, which counts in the columns after `steps`, over the rows before them.
pub(super) fn before_steps(expr: &Physical, steps: &[RowStep]) -> Result<Physical> {
    let mut expr = expr.clone();
    for (_, columns) in projections(steps) {
        expr = substitute(&expr, columns)?;
    }
    Ok(expr)
}

/// The column that `expr` is, casts aside.
pub(super) fn as_column(expr: &Physical) -> Option<usize> {
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return as_column(cast.expr());
    }
    expr.downcast_ref::<Column>().map(Column::index)
}

/// The column that `expr` is, with nothing done to it.
pub(super) fn as_plain_column(expr: &Physical) -> Option<usize> {
    expr.downcast_ref::<Column>().map(Column::index)
}

/// The call of a scalar function.
pub(super) fn as_call(expr: &Physical) -> Option<&ScalarFunctionExpr> {
    expr.downcast_ref::<ScalarFunctionExpr>()
}

/// `get_field(expr, 'name')` as the two.
pub(super) fn as_field(expr: &Physical) -> Option<(&Physical, &str)> {
    let call = as_call(expr).filter(|call| call.name() == "get_field")?;
    let [whole, name] = call.args() else { return None };
    match name.downcast_ref::<Literal>()?.value() {
        ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)) => Some((whole, name)),
        _ => None,
    }
}

/// `window(time, size, slide, start)`.
#[derive(Debug, Clone)]
pub(super) struct WindowCall {
    pub(super) time: Physical,
    pub(super) size_us: i64,
    pub(super) slide_us: i64,
    pub(super) start_us: i64,
}

pub(super) fn as_window(expr: &Physical) -> Option<WindowCall> {
    let call = as_call(expr).filter(|call| call.name() == WINDOW)?;
    let number = |index: usize| match call.args().get(index)?.downcast_ref::<Literal>()?.value() {
        ScalarValue::Int64(number) => *number,
        _ => None,
    };
    Some(WindowCall { time: call.args()[0].clone(), size_us: number(1)?, slide_us: number(2)?, start_us: number(3)? })
}

/// Whether `expr` is the start of a calendar unit of column `time`: `date_trunc('month', time)`, `CAST(time AS DATE)`.
pub(super) fn truncates(expr: &Physical, time: usize) -> Option<Truncated> {
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        let is_date = *cast.cast_type() == DataType::Date32 && as_plain_column(cast.expr()) == Some(time);
        return match is_date {
            true => Some(Truncated { length_ms: Some(DAY_MS) }),
            false => truncates(cast.expr(), time),
        };
    }
    let call = as_call(expr).filter(|call| call.name() == "date_trunc")?;
    let unit = call.args().first()?.downcast_ref::<Literal>()?.value().try_as_str()??.to_lowercase();
    let length_ms = match unit.as_str() {
        "second" => Some(1_000),
        "minute" => Some(60_000),
        "hour" => Some(DAY_MS / 24),
        "day" => Some(DAY_MS),
        "week" => Some(7 * DAY_MS),
        _ => None,
    };
    (as_column(call.args().get(1)?) == Some(time)).then_some(Truncated { length_ms })
}

const DAY_MS: i64 = 86_400_000;

/// A time cut to a unit of the calendar.
pub(super) struct Truncated {
    /// Length of the unit, where it has one.
    pub(super) length_ms: Option<i64>,
}
