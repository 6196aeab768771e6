//! The part of a plan below its aggregate: inputs, their steps, and the removal of duplicates.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{
    Distinct, DistinctOn, Expr, Filter, LogicalPlan, Operator, TableScan, Union, Window, lit,
};
use datafusion::physical_expr::expressions::Column;
use datafusion::scalar::ScalarValue;
use millrace_flow::TopicKind;

use super::expression::{Physical, as_plain_column, before_steps, physical, project, schema_after, step_of};
use super::{Place, Refusal, Result};
use crate::plan::catalog::StreamSource;
use crate::plan::{Dedup, RowStep};

/// One topic and what is done to its rows.
pub(super) struct Stream {
    pub(super) source: StreamSource,
    pub(super) steps: Vec<RowStep>,
}

/// Rows of one or more topics.
pub(super) struct Rows {
    pub(super) streams: Vec<Stream>,
    pub(super) dedup: Option<Dedup>,
    /// What is done to the rows that the dedup leaves.
    pub(super) after: Vec<RowStep>,
}

impl Stream {
    /// Columns after the steps.
    pub(super) fn schema(&self) -> SchemaRef {
        schema_after(&self.steps, &self.source.schema)
    }

    /// Whether `expr`, over the columns after the steps, is the event time and nothing else.
    pub(super) fn is_time(&self, expr: &Physical) -> Result<bool> {
        let origin = before_steps(expr, &self.steps)?;
        Ok(self.source.time.is_some() && as_plain_column(&origin) == self.source.time)
    }
}

impl Rows {
    /// Columns of the rows as the dedup sees them.
    pub(super) fn stepped(&self) -> SchemaRef {
        self.streams[0].schema()
    }

    /// Columns of the rows after everything.
    pub(super) fn schema(&self) -> SchemaRef {
        schema_after(&self.after, &self.stepped())
    }

    fn push(&mut self, step: RowStep) {
        if self.dedup.is_some() {
            return self.after.push(step);
        }
        for stream in &mut self.streams {
            stream.steps.push(step.clone());
        }
    }

    /// Whether column `index` of the rows is the event time, in every topic.
    fn is_time(&self, index: usize) -> Result<bool> {
        let column: Physical = Arc::new(Column::new("time", index));
        self.streams.iter().try_fold(true, |all, stream| Ok(all && stream.is_time(&column)?))
    }

    /// Removes rows that repeat `columns`. Exact for ever, or, where the event time is among the columns, for as long as
    /// rows are not late anyway.
    fn dedup_by(&mut self, columns: Vec<usize>) -> Result<()> {
        if self.dedup.is_some() {
            let cure = "leave one of them out, or make the inner view a MATERIALIZED VIEW with a GROUP BY";
            return Err(Refusal::new(Place::From, "duplicates are removed twice", cure));
        }
        refuse_changing(self, "duplicates cannot be removed from rows that change")?;
        let mut time = None;
        for column in &columns {
            if self.is_time(*column)? {
                time = Some(*column);
            }
        }
        self.dedup = Some(Dedup { columns, time });
        Ok(())
    }
}

/// Lowers a plan without an aggregate.
pub(super) fn lower(plan: &LogicalPlan) -> Result<Rows> {
    match plan {
        LogicalPlan::TableScan(scan) => lower_scan(scan),
        LogicalPlan::Filter(filter) => match first_of_each(filter) {
            Some((window, rest)) => lower_first_of_each(filter, window, rest),
            None => with_step(&filter.input, plan),
        },
        LogicalPlan::Projection(projection) => with_step(&projection.input, plan),
        LogicalPlan::SubqueryAlias(alias) => lower(&alias.input),
        LogicalPlan::Union(union) => lower_union(union),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let mut rows = lower(input)?;
            rows.dedup_by((0..input.schema().fields().len()).collect())?;
            Ok(rows)
        }
        LogicalPlan::Distinct(Distinct::On(distinct)) => lower_distinct_on(distinct),
        other => Err(refuse_node(other)),
    }
}

fn with_step(input: &LogicalPlan, node: &LogicalPlan) -> Result<Rows> {
    let mut rows = lower(input)?;
    if let Some(step) = step_of(node)? {
        rows.push(step);
    }
    Ok(rows)
}

fn lower_scan(scan: &TableScan) -> Result<Rows> {
    let source = scan.source.downcast_ref::<StreamSource>();
    let source = source.expect("every relation that is no view is a topic").clone();
    let mut steps = Vec::new();
    if let Some(projection) = &scan.projection {
        let column = |index: &usize| Arc::new(Column::new(source.schema.field(*index).name(), *index)) as Physical;
        let names = projection.iter().map(|index| source.schema.field(*index).name().to_lowercase());
        steps.push(project(projection.iter().map(column).collect(), names, &source.schema)?);
    }
    Ok(Rows { streams: vec![Stream { source, steps }], dedup: None, after: Vec::new() })
}

fn lower_union(union: &Union) -> Result<Rows> {
    let mut streams = Vec::new();
    for input in &union.inputs {
        if input.exists(|node| Ok(matches!(node, LogicalPlan::Aggregate(_))))? {
            let message = "a part of this UNION ALL groups rows or sums them up, and that has to be done behind it";
            let cure = "make each part a MATERIALIZED VIEW of its own; or put the rows together first, and group what that gives";
            return Err(Refusal::new(Place::From, message, cure));
        }
        let rows = lower(input)?;
        if rows.dedup.is_some() {
            let cure = "remove the duplicates after the UNION ALL, or in a view of their own";
            return Err(Refusal::new(Place::From, "duplicates are removed in one part of a UNION ALL only", cure));
        }
        refuse_changing(&rows, "UNION ALL of rows that change")?;
        streams.extend(rows.streams);
    }
    // The parts get the names of the whole, so that their batches are alike.
    for stream in &mut streams {
        let schema = stream.schema();
        let names: Vec<String> = union.schema.fields().iter().map(|field| field.name().clone()).collect();
        let columns =
            (0..names.len()).map(|index| Arc::new(Column::new(schema.field(index).name(), index)) as Physical);
        stream.steps.push(project(columns.collect(), names, &schema)?);
    }
    Ok(Rows { streams, dedup: None, after: Vec::new() })
}

fn refuse_changing(rows: &Rows, message: &str) -> Result<()> {
    match rows.streams.iter().find(|stream| stream.source.kind == TopicKind::Upserts) {
        None => Ok(()),
        Some(stream) => {
            let message = format!("{message}: `{}` updates its rows", stream.source.topic);
            Err(Refusal::new(Place::From, message, "give that view EMIT ON WINDOW CLOSE, or read what it reads"))
        }
    }
}

fn lower_distinct_on(distinct: &DistinctOn) -> Result<Rows> {
    if distinct.sort_expr.is_some() {
        let cure = "leave ORDER BY out: of equal rows the first to arrive stays";
        return Err(Refusal::new(Place::Select, "DISTINCT ON with ORDER BY needs rows that end", cure));
    }
    let input = distinct.input.schema();
    let mut rows = lower(&distinct.input)?;
    let all: Vec<&Expr> = distinct.select_expr.iter().chain(&distinct.on_expr).collect();
    let columns = all.iter().map(|expr| physical(expr, input)).collect::<Result<Vec<_>>>()?;
    let selected = distinct.select_expr.len();
    let names = distinct.schema.fields().iter().map(|field| field.name().clone());
    let names: Vec<String> = names.chain((selected..all.len()).map(|index| format!("__on{index}"))).collect();
    rows.push(project(columns, names.clone(), &rows.schema())?);
    rows.dedup_by((selected..all.len()).collect())?;
    let stepped = rows.stepped();
    let back = (0..selected).map(|index| Arc::new(Column::new(&names[index], index)) as Physical);
    rows.after.push(project(back.collect(), names[..selected].to_vec(), &stepped)?);
    Ok(rows)
}

/// `row_number() … = 1` over a window node below names and projections, and what else the filter says.
pub(super) fn first_of_each(filter: &Filter) -> Option<(&Window, Vec<&Expr>)> {
    let parts = datafusion::logical_expr::utils::split_conjunction(&filter.predicate);
    let found = parts
        .iter()
        .position(|part| number_column(part).is_some_and(|column| window_below(&filter.input, column).is_some()))?;
    let window = number_column(parts[found]).and_then(|column| window_below(&filter.input, column))?;
    let rest = parts.iter().enumerate().filter(|(index, _)| *index != found).map(|(_, part)| *part).collect();
    Some((window, rest))
}

/// The column of `column = 1`, `column <= 1` or `column < 2`.
fn number_column(expr: &Expr) -> Option<&datafusion::common::Column> {
    let Expr::BinaryExpr(comparison) = expr else { return None };
    let bound = match comparison.op {
        Operator::Eq | Operator::LtEq => 1,
        Operator::Lt => 2,
        _ => return None,
    };
    let Expr::Literal(value, _) = comparison.right.as_ref() else { return None };
    let is_bound =
        matches!(value.cast_to(&arrow::datatypes::DataType::Int64), Ok(ScalarValue::Int64(Some(n))) if n == bound);
    let mut column = comparison.left.as_ref();
    while let Expr::Cast(cast) = column {
        column = &cast.expr;
    }
    match column {
        Expr::Column(column) if is_bound => Some(column),
        _ => None,
    }
}

fn window_below<'a>(plan: &'a LogicalPlan, column: &datafusion::common::Column) -> Option<&'a Window> {
    let index = plan.schema().index_of_column(column).ok()?;
    match plan {
        LogicalPlan::SubqueryAlias(alias) => {
            let (qualifier, field) = alias.input.schema().qualified_field(index);
            window_below(&alias.input, &(qualifier, field).into())
        }
        LogicalPlan::Projection(projection) => match projection.expr[index].clone().unalias() {
            Expr::Column(column) => window_below(&projection.input, &column),
            _ => None,
        },
        LogicalPlan::Window(window) => {
            let first = window.input.schema().fields().len();
            (index == first && window.window_expr.len() == 1).then_some(window)
        }
        _ => None,
    }
}

fn lower_first_of_each(filter: &Filter, window: &Window, rest: Vec<&Expr>) -> Result<Rows> {
    let Expr::WindowFunction(function) = window.window_expr[0].clone().unalias() else {
        return Err(refuse_node(&LogicalPlan::Window(window.clone())));
    };
    let parameters = &function.params;
    if function.fun.name() != "row_number" {
        return Err(refuse_node(&LogicalPlan::Window(window.clone())));
    }
    let mut rows = lower(&window.input)?;
    let input = window.input.schema();
    if !parameters.order_by.is_empty() {
        let cure = "make the inner SELECT a MATERIALIZED VIEW of its own and read that";
        let message =
            "the first row of each key in an order changes when a better one comes, so nothing can follow it here";
        return Err(Refusal::new(Place::Call("row_number".to_owned()), message, cure));
    }
    let width = input.fields().len();
    let keys = parameters.partition_by.iter().map(|expr| physical(expr, input)).collect::<Result<Vec<_>>>()?;
    let mut columns: Vec<usize> = keys.iter().filter_map(as_plain_column).collect();
    if columns.len() < keys.len() {
        let own = (0..width).map(|index| Arc::new(Column::new(input.field(index).name(), index)) as Physical);
        let names = input.fields().iter().map(|field| field.name().clone());
        let names: Vec<String> = names.chain((0..keys.len()).map(|index| format!("__key{index}"))).collect();
        rows.push(project(own.chain(keys.iter().cloned()).collect(), names, &rows.schema())?);
        columns = (width..width + keys.len()).collect();
    }
    rows.dedup_by(columns)?;
    if let Some(dedup) = &mut rows.dedup {
        // The key does not hold the time, so a later row with the same key must be known for ever.
        dedup.time = None;
    }
    let stepped = rows.stepped();
    let one = physical(&lit(1_u64), input)?;
    let own = (0..width).map(|index| Arc::new(Column::new(stepped.field(index).name(), index)) as Physical);
    let names: Vec<String> = window.schema.fields().iter().map(|field| field.name().clone()).collect();
    rows.after.push(project(own.chain([one]).collect(), names, &stepped)?);
    steps_between(&filter.input, &mut rows)?;
    for predicate in rest {
        rows.after.push(RowStep::Filter(physical(predicate, filter.input.schema())?));
    }
    Ok(rows)
}

/// The steps from the window node up to `plan`.
fn steps_between(plan: &LogicalPlan, rows: &mut Rows) -> Result<()> {
    match plan {
        LogicalPlan::Window(_) => Ok(()),
        LogicalPlan::SubqueryAlias(alias) => steps_between(&alias.input, rows),
        LogicalPlan::Projection(projection) => {
            steps_between(&projection.input, rows)?;
            rows.after.extend(step_of(plan)?);
            Ok(())
        }
        other => Err(refuse_node(other)),
    }
}

/// Why a node cannot run for ever.
pub(super) fn refuse_node(node: &LogicalPlan) -> Refusal {
    let refuse = |message: &str, cure: &str| Refusal::new(Place::From, message, cure);
    match node {
        LogicalPlan::Aggregate(_) => refuse(
            "this SELECT aggregates what is already an aggregate",
            "make the inner one a MATERIALIZED VIEW of its own and read that",
        ),
        LogicalPlan::Join(_) => refuse(
            "this version does not run joins in views yet",
            "join in a question, or bring the columns into the source",
        ),
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            refuse("ORDER BY and LIMIT need rows that end", "sort and limit when you read the view")
        }
        LogicalPlan::Window(_) => refuse(
            "functions with OVER need rows that end",
            "only ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) = 1 runs for ever",
        ),
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => {
            refuse("there is nothing to read", "read a source or a view, with a filter that can be true")
        }
        LogicalPlan::Distinct(_) => refuse(
            "DISTINCT over an aggregate",
            "leave DISTINCT out: the rows of a GROUP BY are distinct by their groups",
        ),
        other => refuse(&format!("this version does not run {} in views yet", other.display()), "ask it as a question"),
    }
}
