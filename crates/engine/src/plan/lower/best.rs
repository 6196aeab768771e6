//! `ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) = 1` as an aggregate: the best row of each key, by `min_by` or `max_by` over
//! whole rows.
//!
//! Rows do not come in the order of their event time, and not at all in any other. So which row is the first of its key is
//! known only for now, and the view's row of a key is replaced when a better one comes. Without ORDER BY the first row to
//! arrive stays, which needs no more than the removal of duplicates.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunctionParams};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Aggregate, Expr, Filter, LogicalPlan, Projection, Window, lit};

use super::rows::{first_of_each, refuse_node};
use super::{Place, Refusal, Result};
use crate::plan::functions::Functions;

/// The same plan with an aggregate in the place of its outermost `row_number() … = 1`, if that has an ORDER BY.
pub(super) fn as_aggregate(plan: LogicalPlan) -> Result<LogicalPlan> {
    if let LogicalPlan::Filter(filter) = &plan
        && let Some((window, rest)) = first_of_each(filter)
    {
        return match ordered(window) {
            None => Ok(plan),
            Some(parameters) => {
                let best = best_of_each(window, parameters)?;
                let below = above_window(&filter.input, best)?;
                Ok(match conjunction(rest.into_iter().cloned()) {
                    Some(rest) => LogicalPlan::Filter(Filter::try_new(rest, Arc::new(below))?),
                    None => below,
                })
            }
        };
    }
    if !matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_)) {
        return Ok(plan);
    }
    let mut refused = None;
    let mapped = plan.map_children(|child| match as_aggregate(child.clone()) {
        Ok(child) => Ok(Transformed::yes(child)),
        Err(refusal) => {
            refused = Some(refusal);
            Ok(Transformed::no(child))
        }
    });
    match refused {
        Some(refusal) => Err(refusal),
        None => Ok(mapped?.data),
    }
}

/// What `row_number` is over, if that has an order.
fn ordered(window: &Window) -> Option<&WindowFunctionParams> {
    let mut call = window.window_expr.first()?;
    while let Expr::Alias(alias) = call {
        call = &alias.expr;
    }
    match call {
        Expr::WindowFunction(function) if function.fun.name() == "row_number" => {
            Some(&function.params).filter(|parameters| !parameters.order_by.is_empty())
        }
        _ => None,
    }
}

/// The rows of `window` that have the number 1.
fn best_of_each(window: &Window, parameters: &WindowFunctionParams) -> Result<LogicalPlan> {
    let ascending = parameters.order_by[0].asc;
    if parameters.order_by.iter().any(|sort| sort.asc != ascending) {
        let place = Place::Call("row_number".to_owned());
        let cure = "give all of them the same direction, or negate a number: ORDER BY day, -price";
        return Err(Refusal::new(place, "ORDER BY in both directions", cure));
    }
    let columns = window.input.schema().columns();
    let name = |index: usize| format!("c{index}");
    let keys = parameters.partition_by.clone();
    let key_of = |column: &datafusion::common::Column| {
        keys.iter().position(|key| matches!(key, Expr::Column(key) if key == column))
    };
    // A key is a group already, unless there is nothing else.
    let all_are_keys = columns.iter().all(|column| key_of(column).is_some());
    let cells = columns.iter().enumerate().filter(|(_, column)| all_are_keys || key_of(column).is_none());
    let row = named_struct(cells.flat_map(|(index, cell)| [lit(name(index)), Expr::Column(cell.clone())]).collect());
    let orders = parameters.order_by.iter().enumerate();
    let order = named_struct(orders.flat_map(|(index, sort)| order_parts(index, sort)).collect());
    let function = Functions::all().aggregate[if ascending { "min_by" } else { "max_by" }].clone();
    let best = AggregateFunction::new_udf(function, vec![row, order], false, None, Vec::new(), None);
    let aggregate = Aggregate::try_new(window.input.clone(), keys.clone(), vec![Expr::AggregateFunction(best)])?;
    let group = |index: usize| Expr::Column(aggregate.schema.columns()[index].clone());
    let best = group(keys.len());
    let cell = |(index, column): (usize, &datafusion::common::Column)| {
        let cell = key_of(column).map_or_else(|| get_field(best.clone(), name(index)), group);
        cell.alias_qualified(column.relation.clone(), column.name.clone())
    };
    let number = lit(1_u64).alias(window.schema.field(columns.len()).name());
    let output = columns.iter().enumerate().map(cell).chain([number]).collect();
    let input = Arc::new(LogicalPlan::Aggregate(aggregate));
    Ok(LogicalPlan::Projection(Projection::try_new_with_schema(output, input, window.schema.clone())?))
}

/// What a row is compared by: whether the value is null, so that this ends up on the side that was asked for, and the value.
fn order_parts(index: usize, sort: &Sort) -> [Expr; 4] {
    let value = sort.expr.clone();
    let mark = if sort.asc == sort.nulls_first { value.clone().is_not_null() } else { value.clone().is_null() };
    [lit(format!("m{index}")), mark, lit(format!("v{index}")), value]
}

/// `plan`, which names and passes on what a window node below it gives, over `replacement` in the place of that.
fn above_window(plan: &LogicalPlan, replacement: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Window(_) => Ok(replacement),
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Projection(_) => {
            let below = above_window(plan.inputs()[0], replacement)?;
            Ok(plan.with_new_exprs(plan.expressions(), vec![below])?)
        }
        other => Err(refuse_node(other)),
    }
}
