//! `millrace topic`: what is in the log.

mod consume;
mod search;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use millrace_flow::TopicKind;
use millrace_station::cure_for_name;
use millrace_station::model::{Column, Topic};
use serde_json::Value;

use crate::output::{self, Output, size, text_of, thousands};
use crate::project::ProjectArguments;

/// What can be done with topics.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the topics
    List(ListArguments),
    /// Show partitions, columns, readers and retention of a topic
    Describe(DescribeArguments),
    /// Print messages of a topic, decoded
    Consume(consume::Arguments),
    /// Find messages by key, by a field of the value, by time
    Search(search::Arguments),
}

/// Arguments of `topic list`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Topics of late and rejected rows as well when they are empty
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    project: ProjectArguments,
    /// How the list is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Arguments of `topic describe`.
#[derive(Debug, Args)]
pub(crate) struct DescribeArguments {
    /// The topic
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
        Command::Describe(arguments) => describe(arguments)?,
        Command::Consume(arguments) => consume::run(arguments)?,
        Command::Search(arguments) => search::run(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn topics(project: &ProjectArguments) -> anyhow::Result<Vec<Topic>> {
    match project.running()? {
        Some(client) => client.get("/topics", &[]),
        None => Ok(project.archive()?.topics()),
    }
}

fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    let mut topics = topics(&arguments.project)?;
    let all = topics.len();
    topics.retain(|topic| {
        arguments.all || topic.records > 0 || !matches!(topic.kind, TopicKind::Late | TopicKind::DeadLetter)
    });
    if arguments.output == Output::Json {
        return output::json(&topics);
    }
    let row = |topic: &Topic| {
        vec![
            topic.name.clone(),
            kind(topic),
            topic.partitions.len().to_string(),
            thousands(topic.records),
            size(topic.bytes),
            if topic.sealed { "ended" } else { "open" }.to_owned(),
        ]
    };
    let heads = ["topic", "kind", "partitions", "records", "size", "state"];
    output::line(&output::table(&heads, &topics.iter().map(row).collect::<Vec<_>>()))?;
    match all - topics.len() {
        0 => {}
        1 => eprintln!("note: one empty topic of late or rejected rows is not shown; --all shows it"),
        left => eprintln!("note: {left} empty topics of late and rejected rows are not shown; --all shows them"),
    }
    Ok(())
}

fn describe(arguments: &DescribeArguments) -> anyhow::Result<()> {
    let topics = topics(&arguments.project)?;
    let topic = topics.iter().find(|topic| topic.name == arguments.name).ok_or_else(|| {
        let cure = cure_for_name(&arguments.name, topics.iter().map(|topic| topic.name.as_str()), "topics");
        anyhow!("topic `{}` not found; {cure}", arguments.name)
    })?;
    if arguments.output == Output::Json {
        return output::json(topic);
    }
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    output::line(&format!("{}  ({}, written by {})", topic.name, kind(topic), topic.writer))?;
    output::line(&format!("key         {}", or_none(topic.key.as_ref().map(|key| key.join(", ")))))?;
    output::line(&format!("event time  {}", or_none(topic.event_time.clone())))?;
    let retention = match (topic.retention_bytes, topic.retention_ms) {
        (None, None) => "everything is kept".to_owned(),
        (bytes, ms) => {
            let bytes = bytes.map(|bytes| format!("{} a partition", size(bytes)));
            let age = ms.map(|ms| format!("{} s", ms / 1_000));
            bytes.into_iter().chain(age).collect::<Vec<_>>().join(", ")
        }
    };
    output::line(&format!("retention   {retention}\n"))?;
    let columns = topic.columns.iter().map(|column: &Column| {
        let nullable = if column.nullable { "may be NULL" } else { "" };
        vec![column.name.clone(), column.type_name.clone(), nullable.to_owned()]
    });
    output::line(&output::table(&["column", "type", ""], &columns.collect::<Vec<_>>()))?;
    let partitions = topic.partitions.iter().map(|partition| {
        vec![
            partition.id.to_string(),
            partition.start.to_string(),
            partition.end.to_string(),
            thousands(partition.records),
        ]
    });
    let heads = ["partition", "start", "end", "records"];
    output::line(&format!("\n{}", output::table(&heads, &partitions.collect::<Vec<_>>())))?;
    if !topic.readers.is_empty() {
        let readers = topic.readers.iter().map(|reader| {
            let phase = serde_json::to_value(reader.phase).map(|phase| text_of(&phase)).unwrap_or_default();
            vec![reader.name.clone(), phase, thousands(reader.behind)]
        });
        output::line(&format!("\n{}", output::table(&["reader", "state", "behind"], &readers.collect::<Vec<_>>())))?;
    }
    Ok(())
}

/// The kind of a topic, as the API names it.
fn kind(topic: &Topic) -> String {
    text_of(&serde_json::to_value(topic.kind).unwrap_or(Value::Null))
}
