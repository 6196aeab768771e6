//! Comparisons of text with numbers, found before the planner turns the text into a number at every row.
//!
//! `n > 5` with a STRING `n` would fail on the first `n` that is no number, and that may be far into the rows. So whoever means
//! numbers says so with a CAST. A constant text is another matter: whether it is a number can be told at once. Dates and times
//! are compared with constant texts as ever.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use super::complaint::{Complaint, Spot};
use super::type_names::in_plain_types;
use crate::sql::span_of;

/// Refuses a plan, with types not settled yet, that compares text with numbers.
pub(super) fn check_comparisons(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = node {
            schema.merge(&scan.projected_schema);
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                check_filter(expr, &schema)?;
                for (left, right) in pairs(expr) {
                    check_pair(left, right, &schema)?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map(|_| ())
}

/// Refuses an aggregate over the rows for which a text or a number is true: the planner would make a BOOLEAN of each.
fn check_filter(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let Expr::AggregateFunction(call) = expr else { return Ok(()) };
    let Some(filter) = &call.params.filter else { return Ok(()) };
    let data_type = filter.get_type(schema)?;
    if matches!(data_type, DataType::Boolean | DataType::Null) {
        return Ok(());
    }
    let message = format!("a condition is true or false, and this one is {}", in_plain_types(&data_type.to_string()));
    let spot = Spot::Call { name: call.func.name().to_owned(), arguments: None };
    let complaint = Complaint::new(message, "compare it with something, as in `amount > 0`", spot);
    Err(DataFusionError::External(Box::new(complaint)))
}

/// What an expression compares.
fn pairs(expr: &Expr) -> Vec<(&Expr, &Expr)> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => vec![(left, right)],
        Expr::Between(between) => vec![(&between.expr, &between.low), (&between.expr, &between.high)],
        Expr::InList(list) => list.list.iter().map(|item| (&*list.expr, item)).collect(),
        Expr::Case(case) => match &case.expr {
            Some(expr) => case.when_then_expr.iter().map(|(when, _)| (&**expr, &**when)).collect(),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn check_pair(left: &Expr, right: &Expr, schema: &DFSchema) -> Result<()> {
    // What has no type yet is complained of when types are settled.
    let (Ok(a), Ok(b)) = (left.get_type(schema), right.get_type(schema)) else { return Ok(()) };
    let (text, number, number_type) = match (a.is_string(), b.is_string()) {
        (true, false) if b.is_numeric() => (left, right, b),
        (false, true) if a.is_numeric() => (right, left, a),
        _ => return Ok(()),
    };
    let complaint = match constant_text(text) {
        Some(text) if is_number(text, &number_type) => return Ok(()),
        Some(text) => Complaint::new(
            format!("'{text}' is compared with a number and is no {}", type_words(&number_type)),
            "write a number, or compare it with text",
            Spot::Literal(text.to_owned()),
        ),
        None => text_with_number(text, number, &number_type),
    };
    Err(DataFusionError::External(Box::new(complaint)))
}

fn text_with_number(text: &Expr, number: &Expr, number_type: &DataType) -> Complaint {
    let column = column_of(text);
    let name = match text {
        Expr::Column(column) => column.name.as_str(),
        _ => "…",
    };
    // A number that somebody wrote is no wider than it needs to be.
    let (target, otherwise) = match number {
        Expr::Literal(..) if number_type.is_integer() => ("INT".to_owned(), "put the number in quotes"),
        Expr::Literal(..) => ("DOUBLE".to_owned(), "put the number in quotes"),
        _ => (type_words(number_type), "make text of the number with CAST(… AS STRING)"),
    };
    let spot = column.or_else(|| column_of(number)).map(|column| match column.spans.first() {
        Some(span) => {
            let at = |place: datafusion::common::Location| Location::new(place.line, place.column);
            Spot::At(span_of(Span::new(at(span.start), at(span.end))))
        }
        None => Spot::Compared(column.name.clone()),
    });
    Complaint::new(
        "text is compared with a number",
        format!("write CAST({name} AS {target}), or {otherwise}"),
        spot.unwrap_or(Spot::Nowhere),
    )
}

fn type_words(data_type: &DataType) -> String {
    in_plain_types(&data_type.to_string())
}

fn constant_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        Expr::Alias(alias) => constant_text(&alias.expr),
        _ => None,
    }
}

/// Whether the planner will make a number of a constant text. Decimals are compared in a type with room for both.
fn is_number(text: &str, number_type: &DataType) -> bool {
    let target = if number_type.is_decimal() { &DataType::Float64 } else { number_type };
    ScalarValue::from(text).cast_to(target).is_ok()
}

fn column_of(expr: &Expr) -> Option<&datafusion::common::Column> {
    let mut found = None;
    let _ = expr.apply(|expr| {
        if let Expr::Column(column) = expr {
            found = Some(column);
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}
