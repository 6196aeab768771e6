//! `millrace sql`: a question over views, topics and Delta tables, with the program running or not.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use millrace_station::Limits;
use millrace_station::model::SqlAnswer;
use serde_json::{Map, Value, json};

use crate::output::{self, AnswerOutput, csv_cell, text_of};
use crate::project::ProjectArguments;

/// Rows printed unless asked for another number; as many as the running program hands out at once.
const ROWS_DEFAULT: usize = 100_000;

/// Time that a question may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Memory that a question may take.
const MEMORY_BYTES: usize = 512 << 20;

/// Arguments of `sql`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// One SELECT or EXPLAIN; `-` reads it from stdin
    sql: String,
    #[command(flatten)]
    project: ProjectArguments,
    /// How rows are printed
    #[arg(long, value_enum, default_value_t = AnswerOutput::Table)]
    output: AnswerOutput,
    /// At most this many rows
    #[arg(long, value_name = "ROWS", default_value_t = ROWS_DEFAULT)]
    limit: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut sql = arguments.sql.clone();
    if sql == "-" {
        sql.clear();
        io::stdin().read_to_string(&mut sql)?;
    }
    // What the running program would not hand out at once is read past it: its data folder may be read by anybody.
    let running = if arguments.limit <= ROWS_DEFAULT { arguments.project.running()? } else { None };
    let answer = match running {
        // A question that has no answer is no wrong use, whoever was asked.
        Some(client) => {
            let answer = client.post("/sql", &json!({ "sql": sql, "limit": arguments.limit }));
            answer.map_err(|error| anyhow!("{error:#}"))?
        }
        None => ask_archive(arguments, &sql)?,
    };
    print(&answer, arguments.output)?;
    if answer.truncated {
        let shown = match answer.rows.len() {
            1 => "only the first row is".to_owned(),
            rows => format!("only the first {} rows are", output::thousands(rows as u64)),
        };
        eprintln!("note: {shown} shown; --limit shows more");
    }
    Ok(ExitCode::SUCCESS)
}

fn ask_archive(arguments: &Arguments, sql: &str) -> anyhow::Result<SqlAnswer> {
    let archive = arguments.project.archive()?;
    let started = Instant::now();
    let limits = Limits { rows: arguments.limit, timeout: TIMEOUT, memory_bytes: MEMORY_BYTES };
    let answer = archive.ask(sql, limits).map_err(|error| {
        let place = match (error.line, error.column) {
            (Some(line), Some(column)) => format!(" (line {line}, column {column})"),
            _ => String::new(),
        };
        let cure = error.cure.map(|cure| format!("\n  help: {cure}")).unwrap_or_default();
        anyhow!("{}{place}{cure}", error.message)
    })?;
    Ok(SqlAnswer::new(&answer, started.elapsed()))
}

fn print(answer: &SqlAnswer, output: AnswerOutput) -> anyhow::Result<()> {
    let heads: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    match output {
        AnswerOutput::Table => {
            let rows: Vec<Vec<String>> = answer.rows.iter().map(|row| row.iter().map(text_of).collect()).collect();
            let rows_word = if rows.len() == 1 { "row" } else { "rows" };
            let seconds = answer.elapsed_ms as f64 / 1e3;
            output::line(&output::table(&heads, &rows))?;
            output::line(&format!("{} {rows_word} in {seconds:.3} s", output::thousands(rows.len() as u64)))?;
        }
        AnswerOutput::Json => {
            let object = |row: &Vec<Value>| {
                let fields = heads.iter().map(|head| (*head).to_owned()).zip(row.iter().cloned());
                fields.collect::<Map<String, Value>>()
            };
            output::json(&answer.rows.iter().map(object).collect::<Vec<_>>())?;
        }
        AnswerOutput::Csv => write_csv(&heads, &answer.rows)?,
    }
    Ok(())
}

fn write_csv(heads: &[&str], rows: &[Vec<Value>]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut write = || {
        writeln!(out, "{}", heads.iter().map(|head| csv_cell(head)).collect::<Vec<_>>().join(","))?;
        for row in rows {
            let cells: Vec<String> = row.iter().map(|value| csv_cell(&text_of(value))).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
        out.flush()
    };
    match write() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
