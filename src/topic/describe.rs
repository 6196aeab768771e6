//! `millrace topic describe`: partitions, columns, readers, and what becomes of old records.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use millrace_station::model::{Column, Topic};

use super::{find, kind, topics};
use crate::output::{self, Output, size, text_of, thousands};
use crate::project::ProjectArguments;

/// Arguments of `topic describe`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    #[command(flatten)]
    project: ProjectArguments,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let topics = topics(&arguments.project)?;
    let topic = find(&topics, &arguments.name)?;
    if arguments.output == Output::Json {
        return output::json(topic);
    }
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    output::line(&format!("{}  ({}, written by {})", topic.name, kind(topic), topic.writer))?;
    output::line(&format!("key         {}", or_none(topic.key.as_ref().map(|key| key.join(", ")))))?;
    output::line(&format!("event time  {}", or_none(topic.event_time.clone())))?;
    output::line(&format!("retention   {}", retention(topic)))?;
    let configs: Vec<String> = topic.configs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !configs.is_empty() {
        output::line(&format!("configs     {}", configs.join(", ")))?;
    }
    output::line("")?;
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

/// What becomes of old records.
fn retention(topic: &Topic) -> String {
    let bytes = topic.retention_bytes.map(|bytes| format!("{} a partition", size(bytes)));
    let age = topic.retention_ms.map(|ms| format!("{} s", ms / 1_000));
    let bounds = bytes.into_iter().chain(age).collect::<Vec<_>>().join(", ");
    let policy = topic.configs.get("cleanup.policy").map_or("", String::as_str);
    match (policy.contains("compact"), bounds.is_empty()) {
        (true, true) => "the newest record of each key is kept".to_owned(),
        (true, false) => format!("the newest record of each key is kept, within {bounds}"),
        (false, true) => "everything is kept".to_owned(),
        (false, false) => bounds,
    }
}
