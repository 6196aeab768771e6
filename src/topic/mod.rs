//! `millrace topic`: what is in the log.

mod alter;
mod consume;
mod create;
mod delete;
mod describe;
mod keeper;
mod lines;
mod produce;
mod search;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand};
use millrace_flow::TopicKind;
use millrace_station::model::Topic;
use millrace_station::{check_topic_name, cure_for_name, known_config};
use serde_json::Value;

use crate::output::{self, Output, size, text_of, thousands};
use crate::project::ProjectArguments;

/// What can be done with topics.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the topics
    List(ListArguments),
    /// Show partitions, columns, readers and retention of a topic
    Describe(describe::Arguments),
    /// Print messages of a topic, decoded
    Consume(consume::Arguments),
    /// Find messages by key, by a field of the value, by time
    Search(search::Arguments),
    /// Make a topic that clients of Kafka, and `produce`, write into
    Create(create::Arguments),
    /// Write the lines of stdin or of a file into a topic, a record each
    Produce(produce::Arguments),
    /// Give a topic of clients other settings or more partitions
    Alter(alter::Arguments),
    /// Take a topic of clients away, with everything in it
    Delete(delete::Arguments),
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

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arguments) => list(arguments)?,
        Command::Describe(arguments) => describe::run(arguments)?,
        Command::Consume(arguments) => consume::run(arguments)?,
        Command::Search(arguments) => search::run(arguments)?,
        Command::Create(arguments) => create::run(arguments)?,
        Command::Produce(arguments) => produce::run(arguments)?,
        Command::Alter(arguments) => alter::run(arguments)?,
        Command::Delete(arguments) => delete::run(arguments)?,
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

/// The kind of a topic, as the API names it.
fn kind(topic: &Topic) -> String {
    text_of(&serde_json::to_value(topic.kind).unwrap_or(Value::Null))
}

/// The topic of that name.
fn find<'a>(topics: &'a [Topic], name: &str) -> anyhow::Result<&'a Topic> {
    topics.iter().find(|topic| topic.name == name).ok_or_else(|| {
        let cure = cure_for_name(name, topics.iter().map(|topic| topic.name.as_str()), "topics");
        anyhow!("topic `{name}` not found; {cure}")
    })
}

/// A number of partitions.
fn partitions() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=10_000)
}

/// A name that a new topic can have.
fn new_name(text: &str) -> Result<String, String> {
    check_topic_name(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

/// A setting of a topic as it is written: `NAME=VALUE`.
fn config(text: &str) -> Result<(String, String), String> {
    let (name, value) = named(text)?;
    let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
    let checked = known_config(&name).and_then(|known| known.check(&value));
    checked.map(|()| (name, value)).map_err(|error| error.to_string())
}

/// Something with a name, `NAME=VALUE`.
fn named(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = pair.ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What a topic of clients is like.
fn told(topic: &Topic) -> String {
    let partitions = match topic.partitions.len() {
        1 => "1 partition".to_owned(),
        count => format!("{count} partitions"),
    };
    let configs = topic.configs.iter().map(|(name, value)| format!("{name}={value}"));
    std::iter::once(partitions).chain(configs).collect::<Vec<_>>().join(", ")
}
