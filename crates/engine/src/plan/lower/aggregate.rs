//! GROUP BY: groups, windows among them, and the calls of aggregates.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{AggregateFunctionParams, NullTreatment};
use datafusion::logical_expr::{Aggregate as Node, Expr};
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use millrace_flow::TopicKind;

use super::expression::{Physical, WindowCall, as_field, as_plain_column, as_window, physical, project, substitute};
use super::rows::Rows;
use super::{Place, Refusal, Result, projections};
use crate::plan::functions::window_type;
use crate::plan::{Aggregate, AggregateCall, Group, RowStep, Window};

/// An aggregate with the rows below it, and the step that brings its output into the shape that the plan expects.
pub(super) struct Lowered {
    pub(super) rows: Rows,
    pub(super) aggregate: Aggregate,
    pub(super) steps: Vec<RowStep>,
}

/// What a column of the plan's aggregate is made of here.
enum Origin {
    /// A group as it is.
    Group(usize),
    /// The start or end of a window.
    Bound(usize, String),
}

pub(super) fn lower(node: &Node) -> Result<Lowered> {
    let mut rows = super::rows::lower(&node.input)?;
    let mut lowering = Lowering { node, groups: Vec::new(), windows: Vec::new(), names: Vec::new() };
    let mut origins = Vec::new();
    for (index, expr) in node.group_expr.iter().enumerate() {
        origins.push(lowering.group(index, expr, &mut rows)?);
    }
    let calls = node.aggr_expr.iter().map(|expr| lowering.call(expr, &rows)).collect::<Result<Vec<_>>>()?;
    let Lowering { groups, names, .. } = lowering;
    let arguments = calls.iter().flat_map(|call| call.function.expressions().into_iter().chain(call.filter.clone()));
    let keys = groups.iter().filter_map(|group| match group {
        Group::Key(key) => Some(key.clone()),
        Group::Window(_) => None,
    });
    super::hopping::take_out(&mut rows, &arguments.chain(keys).collect::<Vec<_>>())?;
    let input = rows.stepped();
    let aggregate = Aggregate { schema: output_schema(&groups, names, &calls, &input)?, input, groups, calls };
    let steps = reshape(node, &aggregate, &origins)?;
    rows.after.clear();
    Ok(Lowered { rows, aggregate, steps })
}

struct Lowering<'a> {
    node: &'a Node,
    groups: Vec<Group>,
    windows: Vec<(usize, WindowCall)>,
    names: Vec<String>,
}

impl Lowering<'_> {
    fn input(&self) -> &DFSchema {
        self.node.input.schema()
    }

    fn group(&mut self, index: usize, expr: &Expr, rows: &mut Rows) -> Result<Origin> {
        if matches!(expr, Expr::GroupingSet(_)) {
            let cure = "write one view for each set of groups";
            return Err(Refusal::new(Place::Select, "ROLLUP, CUBE and GROUPING SETS do not run in views yet", cure));
        }
        let expr = self.bound(&expr.clone().unalias(), rows)?;
        if let Some((call, bound)) = find_window(&expr, rows)? {
            let group = self.window(call, index, rows)?;
            return Ok(bound.map_or(Origin::Group(group), |bound| Origin::Bound(group, bound)));
        }
        self.names.push(self.node.schema.field(index).name().clone());
        self.groups.push(Group::Key(expr));
        Ok(Origin::Group(self.groups.len() - 1))
    }

    /// The group of a window, which may be there already: `window.start` and `window.end` are of one.
    fn window(&mut self, call: WindowCall, index: usize, rows: &Rows) -> Result<usize> {
        if let Some((group, earlier)) = self.windows.first() {
            let same =
                earlier.time.eq(&call.time) && (earlier.size_us, earlier.slide_us) == (call.size_us, call.slide_us);
            if same && earlier.start_us == call.start_us {
                return Ok(*group);
            }
            let cure = "write one view for each length";
            return Err(Refusal::new(Place::Window, "a SELECT can group by one window only", cure));
        }
        check_time(&call, rows)?;
        self.names.push(self.node.schema.field(index).name().clone());
        self.groups.push(Group::Window(Window {
            time: call.time.clone(),
            size_us: call.size_us,
            slide_us: call.slide_us,
            start_us: call.start_us,
        }));
        self.windows.push((self.groups.len() - 1, call));
        Ok(self.groups.len() - 1)
    }

    /// `expr` over the rows as the aggregate gets them. What comes between a dedup and the aggregate is put into the
    /// aggregate's own expressions.
    fn bound(&self, expr: &Expr, rows: &Rows) -> Result<Physical> {
        let mut bound = physical(expr, self.input())?;
        for step in rows.after.iter().rev() {
            match step {
                RowStep::Project { columns, .. } => bound = substitute(&bound, columns)?,
                RowStep::Filter(_) => {
                    let cure =
                        "filter before the duplicates are removed, or make the rows without them a MATERIALIZED VIEW";
                    return Err(Refusal::new(
                        Place::From,
                        "a filter between the removal of duplicates and GROUP BY",
                        cure,
                    ));
                }
            }
        }
        Ok(bound)
    }

    fn call(&self, expr: &Expr, rows: &Rows) -> Result<AggregateCall> {
        let name = expr.schema_name().to_string();
        let Expr::AggregateFunction(call) = expr.clone().unalias_nested().data else {
            return Err(Refusal::new(
                Place::Select,
                format!("`{name}` is no aggregate"),
                "use sum, count, min, max, avg …",
            ));
        };
        let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = call.params;
        if !order_by.is_empty() {
            let place = Place::Call(call.func.name().to_owned());
            let message = format!("ORDER BY within `{}` needs rows that end", call.func.name());
            return Err(Refusal::new(place, message, "use max_by(value, order) or min_by(value, order)"));
        }
        let arguments = args.iter().map(|argument| self.bound(argument, rows)).collect::<Result<Vec<_>>>()?;
        let function = AggregateExprBuilder::new(call.func, arguments)
            .schema(rows.stepped())
            .alias(name)
            .with_distinct(distinct)
            .with_ignore_nulls(null_treatment == Some(NullTreatment::IgnoreNulls))
            .build()?;
        let filter = filter.map(|filter| self.bound(&filter, rows)).transpose()?;
        Ok(AggregateCall { function: Arc::new(function), filter })
    }
}

/// The window that a group is, or is a bound of, seen through the projections below it.
fn find_window(expr: &Physical, rows: &mut Rows) -> Result<Option<(WindowCall, Option<String>)>> {
    if let [stream] = rows.streams.as_slice()
        && let Some((step, call, bound)) = window_before(expr, &stream.steps, stream.steps.len())
    {
        let time = carry(rows, step, call.time.clone())?;
        return Ok(Some((WindowCall { time, ..call }, bound)));
    }
    let (whole, bound) = as_field(expr).map_or((expr, None), |(whole, bound)| (whole, Some(bound.to_owned())));
    Ok(as_window(whole).map(|call| (call, bound)))
}

/// The window behind `expr`, which counts in the columns before step `at`, and the step before which its time counts.
fn window_before(expr: &Physical, steps: &[RowStep], at: usize) -> Option<(usize, WindowCall, Option<String>)> {
    if let Some((whole, bound)) = as_field(expr) {
        let (step, call, inner) = window_before(whole, steps, at)?;
        return inner.is_none().then(|| (step, call, Some(bound.to_owned())));
    }
    if let Some(call) = as_window(expr) {
        return Some((at, call, None));
    }
    let index = as_plain_column(expr)?;
    let (step, columns) = projections(&steps[..at]).next()?;
    window_before(&columns[index], steps, step)
}

/// Brings `time`, which counts in the columns before step `step`, through the steps from there on; answers its column.
fn carry(rows: &mut Rows, step: usize, time: Physical) -> Result<Physical> {
    const NAME: &str = "__time";
    let stream = &mut rows.streams[0];
    let mut carried = time;
    for index in step..stream.steps.len() {
        let before = super::expression::schema_after(&stream.steps[..index], &stream.source.schema);
        if let RowStep::Project { columns, schema } = &stream.steps[index] {
            // The SELECT may pass it on anyway.
            if let Some(present) = columns.iter().position(|column| column.eq(&carried)) {
                carried = Arc::new(Column::new(schema.field(present).name(), present));
                continue;
            }
            let names = schema.fields().iter().map(|field| field.name().clone()).chain([NAME.to_owned()]);
            let last = columns.len();
            let columns = columns.iter().cloned().chain([carried]).collect();
            stream.steps[index] = project(columns, names, &before)?;
            carried = Arc::new(Column::new(NAME, last));
        }
    }
    Ok(carried)
}

/// Windows are made of the event time that the watermark speaks of, and of nothing else.
fn check_time(call: &WindowCall, rows: &Rows) -> Result<()> {
    for stream in &rows.streams {
        let source = &stream.source;
        let Some(time) = source.time else {
            let (what, cure) = match source.kind {
                TopicKind::Source => {
                    ("watermark", "add `WATERMARK FOR column AS column - INTERVAL '10 minutes'` to its columns")
                }
                _ => ("event time", "let it group by window(…) and select window.start"),
            };
            let message = format!("`{}` has no {what}, so there are no windows over it", source.topic);
            return Err(Refusal::new(Place::Window, message, cure));
        };
        if !stream.is_time(&call.time)? {
            let name = source.schema.field(time).name();
            let message = format!("a window over something else than `{name}`, the event time of `{}`", source.topic);
            let other =
                if source.kind == TopicKind::Source { ", or declare the watermark for the other column" } else { "" };
            let cure = format!("write window({name}, …){other}");
            return Err(Refusal::new(Place::Window, message, cure));
        }
    }
    Ok(())
}

fn output_schema(
    groups: &[Group],
    names: Vec<String>,
    calls: &[AggregateCall],
    input: &SchemaRef,
) -> Result<SchemaRef> {
    let mut fields = Vec::new();
    for (group, name) in groups.iter().zip(names) {
        let data_type = match group {
            Group::Window(_) => window_type(),
            Group::Key(key) => key.data_type(input)?,
        };
        fields.push(Arc::new(Field::new(name, data_type, true)));
    }
    fields.extend(calls.iter().map(|call| call.function.field()));
    Ok(Arc::new(Schema::new(fields)))
}

/// The step from our columns to those of the plan, if they differ: a plan that groups by `window.start` has that for a
/// column where we have the window.
fn reshape(node: &Node, aggregate: &Aggregate, origins: &[Origin]) -> Result<Vec<RowStep>> {
    let same = |(index, origin): (usize, &Origin)| matches!(origin, Origin::Group(group) if *group == index);
    if origins.iter().enumerate().all(same) {
        return Ok(Vec::new());
    }
    let plain = |index: usize| Field::new(format!("c{index}"), aggregate.schema.field(index).data_type().clone(), true);
    let ours = Schema::new((0..aggregate.schema.fields().len()).map(plain).collect::<Vec<_>>());
    let ours = DFSchema::try_from(ours)?;
    let column = |index: usize| datafusion::logical_expr::col(format!("c{index}"));
    let field = |whole: Expr, name: &str| datafusion::functions::core::expr_fn::get_field(whole, name);
    let groups = origins.iter().map(|origin| match origin {
        Origin::Group(group) => column(*group),
        Origin::Bound(group, bound) => field(column(*group), bound),
    });
    let calls = (0..aggregate.calls.len()).map(|call| column(aggregate.groups.len() + call));
    let columns = groups.chain(calls).map(|expr| physical(&expr, &ours)).collect::<Result<Vec<_>>>()?;
    let name = |(index, field): (usize, &Arc<Field>)| match origins.get(index) {
        Some(Origin::Bound(_, bound)) => format!("window.{bound}"),
        _ => field.name().clone(),
    };
    let names = node.schema.fields().iter().enumerate().map(name);
    Ok(vec![project(columns, names, ours.as_arrow())?])
}
