//! `millrace query`: the continuous queries of a project.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use millrace_station::model;
use millrace_station::{Project, cure_for_name};
use serde_json::{Value, json};

use crate::output::{self, Output, text_of, thousands};
use crate::project::{ListArguments, ProjectArguments};

/// What can be done with queries.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the queries, with their figures when the project runs
    List(ListArguments),
    /// Show what a query does, step by step
    Explain(ExplainArguments),
}

/// Arguments of `query explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The query: the name of its view
    name: String,
    #[command(flatten)]
    project: ProjectArguments,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arguments) => list(arguments)?,
        Command::Explain(arguments) => explain(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    match arguments.project.running()? {
        Some(client) => list_running(&client.get::<Vec<model::Query>>("/queries", &[])?, arguments.output),
        None => list_declared(&arguments.project.open()?, arguments.output),
    }
}

fn list_running(queries: &[model::Query], output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return output::json(&queries);
    }
    let row = |query: &model::Query| {
        let phase = serde_json::to_value(query.phase).map(|phase| text_of(&phase)).unwrap_or_default();
        vec![
            query.name.clone(),
            query.inputs.join(", "),
            query.error.as_ref().map_or(phase, |error| format!("failed: {error}")),
            thousands(query.ledger.read),
            thousands(query.ledger.late),
            thousands(query.ledger.rejected),
            thousands(query.rows_out),
            thousands(query.behind),
            thousands(query.state_rows),
        ]
    };
    let heads = ["query", "reads", "phase", "rows read", "late", "rejected", "rows written", "behind", "groups"];
    Ok(output::line(&output::table(&heads, &queries.iter().map(row).collect::<Vec<_>>()))?)
}

fn list_declared(project: &Project, output: Output) -> anyhow::Result<()> {
    let declared = project.program.queries.iter().map(|query| {
        let inputs: Vec<String> = query.inputs.iter().map(|input| input.topic.to_string()).collect();
        (query.name.to_string(), inputs)
    });
    if output == Output::Json {
        let queries = declared.map(|(name, inputs)| json!({ "name": name, "inputs": inputs })).collect::<Vec<Value>>();
        return output::json(&queries);
    }
    let rows: Vec<Vec<String>> = declared.map(|(name, inputs)| vec![name, inputs.join(", ")]).collect();
    output::line(&output::table(&["query", "reads"], &rows))?;
    eprintln!("note: the project does not run; `millrace up` starts it");
    Ok(())
}

fn explain(arguments: &ExplainArguments) -> anyhow::Result<()> {
    let project = arguments.project.open()?;
    let queries = &project.program.queries;
    let query = queries.iter().find(|query| *query.name == *arguments.name).ok_or_else(|| {
        let cure = cure_for_name(&arguments.name, queries.iter().map(|query| &*query.name), "queries");
        anyhow!("query `{}` not found; {cure}", arguments.name)
    })?;
    match arguments.output {
        Output::Table => Ok(output::line(query.explain().trim_end())?),
        Output::Json => {
            let step = |(name, detail): (String, String)| json!({ "name": name, "detail": detail });
            let stages: Vec<Value> = query.stages().into_iter().map(step).collect();
            output::json(&json!({ "name": &*query.name, "sql": &*query.sql, "stages": stages }))
        }
    }
}
