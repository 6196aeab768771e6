//! From an optimised logical plan to a [`Query`].
//!
//! ```text
//!   plan node                          becomes
//!   TableScan                          an input
//!   Projection, Filter, SubqueryAlias  a step of the inputs, or after the aggregate
//!   Union                              several inputs
//!   Distinct, row_number() … = 1       the dedup; the latter, with an ORDER BY, an aggregate
//!   Aggregate                          the aggregate; a window among its groups is found through projections
//! ```
//!
//! Everything else is refused, with the place in the text that is to blame as well as it can be told.

mod aggregate;
mod best;
mod expression;
mod guard;
mod hopping;
mod output;
mod rows;

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_expr::expressions::Column;
use millrace_flow::TopicKind;

use super::complaint::{Complaint, Spot};
use super::explain::{show_call, show_group};
use super::{Aggregate, Emit, Group, Query, RowStep};
pub(super) use expression::physical;
use expression::{Physical, substitute};
pub(super) use guard::unguarded;
pub(crate) use output::time_axis;
use rows::Rows;

/// Functions whose value is another one at each call; results that depend on them could not be repeated.
pub(crate) const VOLATILE: [&str; 12] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "today",
    "random",
    "rand",
    "uuid",
    "randn",
    "curdate",
    "monotonically_increasing_id",
];

/// What to do about `name`, one of those.
pub(crate) fn instead_of_volatile(name: &str) -> &'static str {
    match name {
        "random" | "rand" | "randn" | "uuid" | "monotonically_increasing_id" => "leave it out; questions can have it",
        _ => "use the event time of the rows, or `now` in questions",
    }
}

/// A view to be lowered.
pub(crate) struct Request {
    pub(crate) name: Arc<str>,
    pub(crate) sql: Arc<str>,
    /// The optimised plan.
    pub(crate) plan: LogicalPlan,
    /// The names of its columns as they are spelled.
    pub(crate) columns: Vec<String>,
    pub(crate) emit: Emit,
    pub(crate) allowed_lateness_us: Option<i64>,
}

/// What cannot be run, and which part of the text to show.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) cure: Option<String>,
}

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The SELECT.
    Select,
    /// What it reads.
    From,
    /// The call of a window.
    Window,
    /// `EMIT …`.
    Emit,
    /// `ALLOWED LATENESS`.
    Lateness,
    /// The call of a function.
    Call(String),
    /// A column of the result, by its name in lower case.
    Output(String),
    /// What the planner behind us complains of.
    Planner(Spot),
}

impl Refusal {
    fn new(place: Place, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { place, message: message.into(), cure: Some(cure.into()) }
    }
}

impl From<DataFusionError> for Refusal {
    fn from(error: DataFusionError) -> Self {
        let Complaint { message, cure, spot } = super::failure::complaint_of(&error);
        Self { place: Place::Planner(spot), message, cure }
    }
}

type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Lowers a view.
pub(crate) fn lower(mut request: Request) -> Result<Query> {
    refuse_volatile(&request.plan)?;
    request.plan = best::as_aggregate(request.plan)?;
    let mut above = Vec::new();
    let core = split(&request.plan, &mut above);
    let (rows, aggregate, mut steps) = match core {
        LogicalPlan::Aggregate(node) => {
            let aggregate::Lowered { rows, aggregate, steps } = aggregate::lower(node)?;
            (rows, Some(aggregate), steps)
        }
        _ => {
            let rows = rows::lower(&request.plan)?;
            hopping::refuse(&rows)?;
            (rows, None, Vec::new())
        }
    };
    if aggregate.is_some() {
        for node in above.iter().rev() {
            steps.extend(expression::step_of(node)?);
        }
    }
    if let Some(aggregate) = &aggregate {
        steps = with_plain_names(steps, aggregate)?;
    }
    check_clauses(&request, &rows, aggregate.as_ref().map(|aggregate| aggregate.groups.as_slice()))?;
    output::finish(request, rows, aggregate, steps)
}

/// The same steps, speaking of the aggregate's columns as people would. Columns are found by their index; the names are
/// for those who read the plan.
fn with_plain_names(steps: Vec<RowStep>, aggregate: &Aggregate) -> Result<Vec<RowStep>> {
    let groups = aggregate.groups.iter().map(show_group);
    let names = groups.chain(aggregate.calls.iter().map(show_call));
    let columns = names.enumerate().map(|(index, name)| Arc::new(Column::new(&name, index)) as Physical);
    let columns: Vec<Physical> = columns.collect();
    let mut renamed = Vec::with_capacity(steps.len());
    let mut is_aggregate = true;
    for step in steps {
        renamed.push(match step {
            step if !is_aggregate => step,
            RowStep::Filter(predicate) => RowStep::Filter(substitute(&predicate, &columns)?),
            RowStep::Project { columns: own, schema } => {
                is_aggregate = false;
                let own = own.iter().map(|column| substitute(column, &columns)).collect::<Result<Vec<_>>>()?;
                RowStep::Project { columns: own, schema }
            }
        });
    }
    Ok(renamed)
}

/// The row nodes at the top of a plan, topmost first, and the node below them.
fn split<'a>(plan: &'a LogicalPlan, above: &mut Vec<&'a LogicalPlan>) -> &'a LogicalPlan {
    let input = match plan {
        LogicalPlan::Projection(node) => &node.input,
        LogicalPlan::Filter(node) => &node.input,
        LogicalPlan::SubqueryAlias(node) => &node.input,
        _ => return plan,
    };
    above.push(plan);
    split(input, above)
}

fn refuse_volatile(plan: &LogicalPlan) -> Result<()> {
    let mut found: Option<String> = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr {
                    let volatile = call.func.signature().volatility == Volatility::Volatile;
                    if volatile || VOLATILE.contains(&call.func.name()) {
                        found = Some(call.func.name().to_owned());
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    match found {
        None => Ok(()),
        Some(name) => Err(Refusal::new(
            Place::Call(name.clone()),
            format!("`{name}` gives another value each time, so the results could not be repeated"),
            instead_of_volatile(&name),
        )),
    }
}

/// EMIT ON WINDOW CLOSE and ALLOWED LATENESS need windows that close.
fn check_clauses(request: &Request, rows: &Rows, groups: Option<&[Group]>) -> Result<()> {
    let has_window = groups.into_iter().flatten().any(|group| matches!(group, Group::Window(_)));
    let changing = rows.streams.iter().find(|stream| stream.source.kind == TopicKind::Upserts);
    let cure = "group by window(…), or leave the clause out";
    if request.emit == Emit::OnWindowClose {
        if !has_window {
            return Err(Refusal::new(Place::Emit, "EMIT ON WINDOW CLOSE without a window", cure));
        }
        if let Some(stream) = changing {
            return Err(Refusal::new(
                Place::Emit,
                format!("the rows of `{}` can change for ever, so its windows never close", stream.source.topic),
                format!("give `{}` EMIT ON WINDOW CLOSE too, or leave the clause out here", stream.source.topic),
            ));
        }
    }
    if request.allowed_lateness_us.is_some() && !has_window && rows.dedup.is_none() {
        return Err(Refusal::new(Place::Lateness, "ALLOWED LATENESS without a window", cure));
    }
    Ok(())
}

/// Steps that only compute columns, from the last to the first, with the index of each.
fn projections(steps: &[RowStep]) -> impl Iterator<Item = (usize, &Vec<Physical>)> {
    steps.iter().enumerate().rev().filter_map(|(index, step)| match step {
        RowStep::Project { columns, .. } => Some((index, columns)),
        RowStep::Filter(_) => None,
    })
}
