//! One SELECT: everything that its text shows to be wrong, its plan, and the columns as they are spelled.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use millrace_flow::{Span, listed};

use super::continuous::refusals;
use super::cursor::{is_column_name, wrong_column_name};
use super::nearest::did_you_mean;
use super::pitfalls::{null_comparisons, quoted_columns};
use super::reading::Reading;
use super::statement::Name;
use super::text::Problem;
use crate::plan::catalog::Catalog;
use crate::plan::complaint::{Complaint, Spot};
use crate::plan::constants::failing_constant;
use crate::plan::functions::NEEDS_TIME;
use crate::plan::logical::{plan, with_stored_types};
use crate::plan::{Place, Refusal, failure};

/// Plans a SELECT; everything that its text shows to be wrong at once, or else the planner's first complaint.
pub(super) fn plan_reading(
    reading: &Reading,
    catalog: &Catalog,
    is_continuous: bool,
) -> Result<(LogicalPlan, Vec<String>), Vec<Problem>> {
    if reading.is_without_rows {
        return Err(reading.problems.clone());
    }
    let mut problems: Vec<Problem> = unknown_relations(reading, catalog);
    if problems.is_empty() {
        problems.extend(reading.unknown_columns(catalog));
    }
    if is_continuous {
        problems.extend(refusals(reading));
    }
    problems.extend(reading.problems.iter().cloned());
    problems.extend(quoted_columns(reading, catalog));
    problems.extend(null_comparisons(reading));
    if !problems.is_empty() {
        return Err(problems);
    }
    let logical = plan(reading.query.clone(), catalog).and_then(with_stored_types);
    let logical = logical.map_err(|error| vec![planner_problem(&error, reading)])?;
    if let Some(complaint) = failing_constant(&logical) {
        return Err(vec![complaint_problem(complaint, reading)]);
    }
    let columns = spelled_columns(reading, catalog, &logical);
    let problems = unnamed_columns(reading, &columns);
    if problems.is_empty() { Ok((logical, columns)) } else { Err(problems) }
}

/// What the planner complains of, at its place in the text.
pub(crate) fn planner_problem(error: &DataFusionError, reading: &Reading) -> Problem {
    let Complaint { message, cure, spot } = failure::complaint_of(error);
    match reading.windows.first() {
        Some(window) if message.starts_with(NEEDS_TIME) => Problem::new(*window, message)
            .cure("name the column that the source's watermark is for, or CAST a text to TIMESTAMP in the source"),
        _ => complaint_problem(Complaint { message, cure, spot }, reading),
    }
}

fn complaint_problem(complaint: Complaint, reading: &Reading) -> Problem {
    let Complaint { mut message, mut cure, spot } = complaint;
    let found = reading.span_of_spot(&spot);
    match spot {
        // Within one SELECT there is one table only; the planner looks for another.
        Spot::Twice(name) if reading.doubles.contains_key(&name) => {
            message = format!("two columns are called `{name}`");
            cure = Some("rename one of them with AS".to_owned());
        }
        Spot::Call { name, .. } => {
            // People may know the function by another name.
            if let Some(spelled) = found.and_then(|span| reading.spelled_call(span)) {
                message = message.replace(&format!("`{name}`"), &format!("`{spelled}`"));
            }
        }
        _ => {}
    }
    Problem::new(found.unwrap_or_else(|| reading.select_span()), message).maybe_cure(cure)
}

/// Names in FROM that stand for nothing.
pub(crate) fn unknown_relations(reading: &Reading, catalog: &Catalog) -> Vec<Problem> {
    let unknown = reading.relations.iter().filter(|relation| catalog.get(&relation.text).is_none());
    let problem = |relation: &Name| {
        let otherwise = || Some(what_there_is(&relation.text, catalog));
        let cure = did_you_mean(&relation.text, catalog.names(), otherwise);
        Problem::new(relation.span, format!("`{}` does not exist", relation.text)).maybe_cure(cure)
    };
    unknown.map(problem).collect()
}

/// What may be named in the place of `name`, which stands for nothing.
fn what_there_is(name: &str, catalog: &Catalog) -> String {
    const DECLARE: &str = "with CREATE SOURCE, CREATE VIEW or CREATE MATERIALIZED VIEW";
    let schema = name.split_once('.').map(|(schema, _)| schema.to_lowercase());
    let is_beside = |known: &&str| known.split_once('.').map(|(schema, _)| schema) == schema.as_deref();
    let mut beside: Vec<&str> = catalog.names().filter(is_beside).collect();
    beside.sort_unstable();
    match (schema.as_deref(), listed(beside)) {
        (Some("lake"), None) => "`lake` has what Delta sinks have written: declare one with CREATE SINK".to_owned(),
        (Some(_), Some(names)) => format!("there are {names}"),
        (None, Some(names)) => format!("there are {names}; others are declared {DECLARE}"),
        (_, None) => format!("declare it {DECLARE}"),
    }
}

/// The columns of a plan as people spelled them: in the SELECT, or else where they come from.
pub(crate) fn spelled_columns(reading: &Reading, catalog: &Catalog, plan: &LogicalPlan) -> Vec<String> {
    let known = catalog.columns_of(reading.relations.iter().map(|name| &*name.text));
    let spelled = |field: &Arc<Field>| {
        let name = field.name().to_lowercase();
        let own = reading.outputs.get(&name).map(|output| output.text.to_string());
        own.or_else(|| known.get(&name).cloned()).unwrap_or_else(|| field.name().clone())
    };
    plan.schema().fields().iter().map(spelled).collect()
}

/// Columns of a view need names that every store takes, and different ones.
fn unnamed_columns(reading: &Reading, columns: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for column in columns {
        let span = reading.output_span(column);
        if !is_column_name(column) {
            problems.push(match reading.is_named(column) {
                true => wrong_column_name(column, span),
                false => Problem::new(span, "this column has no name")
                    .cure("name it with AS, as in `sum(amount) AS revenue`"),
            });
        } else if !seen.insert(column.to_lowercase()) {
            problems.push(
                Problem::new(span, format!("two columns are called `{column}`")).cure("rename one of them with AS"),
            );
        }
    }
    problems
}

/// What cannot be run, at its place in the text; `clause` is where EMIT or ALLOWED LATENESS stands.
pub(super) fn problem_of(refusal: Refusal, reading: &Reading, clause: Option<Span>) -> Problem {
    if let Place::Planner(spot) = refusal.place {
        return complaint_problem(Complaint { message: refusal.message, cure: refusal.cure, spot }, reading);
    }
    let span = match &refusal.place {
        Place::Select => reading.select_span(),
        Place::From => reading.relation_span(),
        Place::Window => reading.windows.first().copied().unwrap_or_else(|| reading.relation_span()),
        Place::Emit | Place::Lateness => clause.unwrap_or_else(|| reading.select_span()),
        Place::Call(name) => {
            let call = Spot::Call { name: name.clone(), arguments: None };
            reading.span_of_spot(&call).unwrap_or_else(|| reading.relation_span())
        }
        Place::Planner(_) => reading.select_span(),
        Place::Output(name) => {
            let output = reading.outputs.get(name);
            output.map_or_else(|| reading.select_span(), |output| output.span)
        }
    };
    Problem::new(span, refusal.message).maybe_cure(refusal.cure)
}
