//! From the text of a question to its rows.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::default_table_source::DefaultTableSource;
use datafusion::common::{DataFusionError, Result as PlanResult};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement};
use futures::StreamExt;

use super::desk::{Answer, Desk, Limits};
use super::error::AskError;
use super::scan::{DeskTable, is_past_deadline};
use crate::plan::arithmetic::with_checked_arithmetic;
use crate::plan::catalog::{Catalog, Relation, ViewSource, options};
use crate::plan::guard::with_guards;
use crate::plan::logical::{expand_hopping, plan, with_stored_types};
use crate::sql::{
    Problem, Reading, Text, Tokens, parse_query, parse_statement, planner_problem, quoted_columns, read,
    spelled_columns, split, unknown_relations,
};

/// Views within views within views.
const VIEW_DEPTH_MAX: usize = 32;

/// What a question asks for.
struct Question {
    query: Query,
    explain: Option<Explain>,
}

#[derive(Clone, Copy)]
struct Explain {
    verbose: bool,
    analyze: bool,
}

/// Answers `sql`.
pub(super) fn answer(desk: &Desk, sql: &str, limits: Limits, deadline: Instant) -> Result<Answer, AskError> {
    let text = Text::new("question".into(), sql.into());
    let tokens = one_statement(&text)?;
    let question = question_of(&tokens).map_err(|problem| AskError::at(&text, problem))?;
    let (plan, columns, reading) = plan_question(desk, &text, &tokens, &question, deadline)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime =
        runtime.map_err(|error| AskError::new(format!("no room for one more question: {error}"), "ask again later"))?;
    let rows = runtime.block_on(async { tokio::time::timeout_at(deadline.into(), run(plan, limits)).await });
    let failed = |error: DataFusionError| match is_past_deadline(&error) {
        true => AskError::too_slow(limits.timeout),
        false => AskError::while_running(&error, limits.memory_bytes, |spot| {
            reading.span_of_spot(spot).map(|span| text.diagnostic(Problem::new(span, "")).span)
        }),
    };
    let (schema, batches) = rows.map_err(|_| AskError::too_slow(limits.timeout))?.map_err(failed)?;
    hand_out(&schema, &columns, batches, limits.rows)
}

fn one_statement(text: &Text) -> Result<Tokens, AskError> {
    let statements = split(text).map_err(|problem| AskError::at(text, problem))?;
    let mut statements = statements.into_iter();
    match (statements.next(), statements.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(AskError::new("there is no question", "write a SELECT")),
        (Some(_), Some(second)) => {
            let problem =
                Problem::new(second.first_span(), "one question at a time").cure("remove what follows the `;`");
            Err(AskError::at(text, problem))
        }
    }
}

/// The SELECT of a question; whatever changes, sets or shows something is no question.
fn question_of(tokens: &Tokens) -> Result<Question, Problem> {
    let refuse = || {
        Problem::new(tokens.first_span(), "only SELECT, WITH and EXPLAIN can be asked")
            .cure("things are created in the project's .sql files")
    };
    let question = match parse_statement(tokens)? {
        Statement::Query(query) => Question { query: *query, explain: None },
        Statement::Explain { statement, verbose, analyze, .. } => match *statement {
            Statement::Query(query) => Question { query: *query, explain: Some(Explain { verbose, analyze }) },
            _ => return Err(refuse()),
        },
        _ => return Err(refuse()),
    };
    if only_reads(&question.query.body) { Ok(question) } else { Err(refuse()) }
}

fn only_reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(query) => only_reads(&query.body),
        SetExpr::SetOperation { left, right, .. } => only_reads(left) && only_reads(right),
        SetExpr::Values(_) | SetExpr::Table(_) => true,
        _ => false,
    }
}

fn plan_question(
    desk: &Desk,
    text: &Text,
    tokens: &Tokens,
    question: &Question,
    deadline: Instant,
) -> Result<(LogicalPlan, Vec<String>, Reading), AskError> {
    let first = |mut problems: Vec<Problem>| AskError::at(text, problems.remove(0));
    let reading = read(&question.query, tokens);
    let mut catalog = Catalog::new();
    for (name, table) in &desk.tables {
        let columns = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        let provider = Arc::new(DeskTable::new(name, table.clone(), deadline));
        catalog.add(name.clone(), Relation { columns, source: Arc::new(DefaultTableSource::new(provider)) });
    }
    add_views(desk, &reading, &mut catalog, 0)?;
    let mut problems = unknown_relations(&reading, &catalog);
    if problems.is_empty() && !reading.is_without_rows {
        problems = reading.unknown_columns(&catalog);
    }
    problems.extend(reading.problems.iter().cloned());
    problems.extend(quoted_columns(&reading, &catalog));
    if !problems.is_empty() {
        return Err(first(problems));
    }
    let wrong = |error: DataFusionError| AskError::at(text, planner_problem(&error, &reading));
    let planned = plan(reading.query.clone(), &catalog).and_then(with_stored_types).map_err(wrong)?;
    let columns = spelled_columns(&reading, &catalog, &planned);
    let planned = expand_hopping(planned).and_then(with_checked_arithmetic).map_err(wrong)?;
    let reads_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reads_only.verify_plan(&planned).map_err(wrong)?;
    let (planned, columns) = match question.explain {
        Some(Explain { verbose, analyze }) => {
            let explained = LogicalPlanBuilder::from(planned).explain(verbose, analyze);
            (explained.and_then(LogicalPlanBuilder::build).map_err(wrong)?, vec!["plan_type".into(), "plan".into()])
        }
        None => (planned, columns),
    };
    Ok((planned, columns, reading))
}

/// Plans the views that `reading` names, and those that they name.
fn add_views(desk: &Desk, reading: &Reading, catalog: &mut Catalog, depth: usize) -> Result<(), AskError> {
    for relation in &reading.relations {
        if catalog.get(&relation.text).is_some() {
            continue;
        }
        let Some((name, select)) = desk.views.iter().find(|(name, _)| **name == *relation.text) else { continue };
        let within =
            |message: String| AskError::new(format!("view `{name}` cannot be read: {message}"), "check the view");
        if depth >= VIEW_DEPTH_MAX {
            return Err(within(format!("more than {VIEW_DEPTH_MAX} views read one another")));
        }
        let relation = plan_view(desk, select, catalog, depth).map_err(|error| within(error.message))?;
        catalog.add(name.clone(), relation);
    }
    Ok(())
}

fn plan_view(desk: &Desk, select: &Arc<str>, catalog: &mut Catalog, depth: usize) -> Result<Relation, AskError> {
    let text = Text::new("view".into(), select.clone());
    let tokens = one_statement(&text)?;
    let query = parse_query(&tokens).map_err(|problem| AskError::at(&text, problem))?;
    let reading = read(&query, &tokens);
    add_views(desk, &reading, catalog, depth + 1)?;
    let mut problems = unknown_relations(&reading, catalog).into_iter().chain(reading.problems.iter().cloned());
    if let Some(problem) = problems.next() {
        return Err(AskError::at(&text, problem));
    }
    let planned = plan(reading.query.clone(), catalog).and_then(with_stored_types);
    let planned = planned.map_err(|error| AskError::at(&text, planner_problem(&error, &reading)))?;
    let columns = spelled_columns(&reading, catalog, &planned);
    Ok(ViewSource::relation(planned, columns))
}

async fn run(plan: LogicalPlan, limits: Limits) -> PlanResult<(SchemaRef, Vec<RecordBatch>)> {
    let state = session(limits.memory_bytes)?;
    let most = limits.rows.saturating_add(1);
    let plan = match plan {
        plan @ (LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) => plan,
        plan => LogicalPlanBuilder::from(plan).limit(0, Some(most))?.build()?,
    };
    let plan = with_guards(state.optimize(&plan)?)?;
    let physical = state.query_planner().create_physical_plan(&plan, &state).await?;
    let mut stream = execute_stream(physical, state.task_ctx())?;
    let schema = stream.schema();
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows();
        batches.push(batch);
        if rows >= most {
            break;
        }
    }
    Ok((schema, batches))
}

/// One thread, so much memory, no files.
fn session(memory_bytes: usize) -> PlanResult<SessionState> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime =
        RuntimeEnvBuilder::new().with_memory_limit(memory_bytes, 1.0).with_disk_manager_builder(disk).build_arc()?;
    let config = SessionConfig::from(options());
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).build();
    // A state taken from a context knows what time it is, which `now()` asks.
    Ok(SessionContext::new_with_state(state).state())
}

/// The rows with the columns as they are spelled, at most `most` of them; what no table can hold as text.
fn hand_out(
    schema: &SchemaRef,
    columns: &[String],
    batches: Vec<RecordBatch>,
    most: usize,
) -> Result<Answer, AskError> {
    let mut fields = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let name = columns.get(index).unwrap_or(field.name());
        fields.push(Field::new(name, shown_type(field.data_type()), true));
    }
    let shown = Arc::new(Schema::new(fields));
    let (mut handed, mut left, mut truncated) = (Vec::new(), most, false);
    for batch in batches {
        truncated |= batch.num_rows() > left;
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        if batch.num_rows() > 0 {
            let batch = show(&batch, &shown);
            handed.push(batch.map_err(|error| AskError::while_running(&error, 0, |_| None))?);
        }
    }
    Ok(Answer { schema: shown, batches: handed, truncated })
}

fn shown_type(data_type: &DataType) -> DataType {
    let is_nested = data_type.is_nested()
        || matches!(
            data_type,
            DataType::Interval(_) | DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_)
        )
        || data_type.is_binary();
    if is_nested { DataType::Utf8 } else { data_type.clone() }
}

fn show(batch: &RecordBatch, schema: &SchemaRef) -> PlanResult<RecordBatch> {
    let column = |(column, field): (&ArrayRef, &Arc<Field>)| -> PlanResult<ArrayRef> {
        if column.data_type() == field.data_type() {
            return Ok(column.clone());
        }
        let format = FormatOptions::default();
        let cells = ArrayFormatter::try_new(column.as_ref(), &format)?;
        let cell = |row: usize| (!column.is_null(row)).then(|| cells.value(row).to_string());
        Ok(Arc::new((0..column.len()).map(cell).collect::<StringArray>()))
    };
    let columns = batch.columns().iter().zip(schema.fields()).map(column).collect::<PlanResult<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
