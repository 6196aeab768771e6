//! `millrace check`: settings and SQL of a project, every mistake at once.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use millrace_station::{Overrides, Project};
use serde_json::json;

use crate::output::{self, Output};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder of the project
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// How mistakes are printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let opened = Project::open(&arguments.dir, &Overrides::default());
    let wrong = match &opened {
        Err(error) if !error.diagnostics().is_empty() => error.diagnostics(),
        _ => &[],
    };
    if arguments.output == Output::Json && (opened.is_ok() || !wrong.is_empty()) {
        let doubts = opened.as_ref().map(Project::doubts).unwrap_or_default();
        output::json(&json!({ "ok": wrong.is_empty(), "diagnostics": wrong, "warnings": doubts }))?;
        return Ok(ExitCode::from(if wrong.is_empty() { 0 } else { 2 }));
    }
    let project = opened?;
    for doubt in project.doubts() {
        let told = doubt.to_string();
        eprintln!("{}\n", told.replacen("error:", "warning:", 1));
    }
    let program = &project.program;
    let (tables, plain): (Vec<_>, Vec<_>) = program.views.iter().partition(|view| view.materialized);
    output::line(&format!(
        "ok: {}, {}, {}, {}",
        counted(program.sources.len(), "source"),
        counted(plain.len(), "view"),
        counted(tables.len(), "materialized view"),
        counted(program.sinks.len(), "sink"),
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
