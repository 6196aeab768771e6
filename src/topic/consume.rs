//! `millrace topic consume`: messages of a topic, and those that come.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use millrace_station::model::{Message, MessagesPage, MessagesQuery, Order, Topic};
use millrace_station::{Archive, cure_for_name};

use crate::client::{Client, encoded};
use crate::failure::WrongUse;
use crate::output::{self, Output, text_of};
use crate::project::ProjectArguments;

/// Messages printed unless asked for another number.
const LIMIT_DEFAULT: usize = 10;

/// Messages of one question to the running program.
const PAGE_MAX: usize = 1_000;

/// Stands for the value of a record that has none.
const GONE: &str = "(gone)";

/// Time between two looks for new messages.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);

/// Arguments of `topic consume`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// Only this partition
    #[arg(long)]
    partition: Option<u32>,
    /// From this offset on
    #[arg(long)]
    offset: Option<i64>,
    /// From the oldest message on, instead of the newest
    #[arg(long, conflicts_with = "offset")]
    from_beginning: bool,
    /// At most this many [default: 10; with --follow no limit]
    #[arg(long, value_name = "MESSAGES", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
    /// Go on with what comes, until stopped
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    project: ProjectArguments,
    /// How messages are printed; JSON is an object a line
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Where messages come from.
enum Source {
    Running(Client),
    Stored(Box<Archive>),
}

impl Source {
    fn topics(&self) -> anyhow::Result<Vec<Topic>> {
        match self {
            Self::Running(client) => client.get("/topics", &[]),
            Self::Stored(archive) => Ok(archive.topics()),
        }
    }

    fn messages(&self, topic: &str, query: &MessagesQuery) -> anyhow::Result<MessagesPage> {
        let client = match self {
            Self::Running(client) => client,
            Self::Stored(archive) => return Ok(archive.messages(topic, query)?),
        };
        let order = if query.order == Order::Newest { "newest" } else { "oldest" };
        let mut parameters = vec![("order", order.to_owned()), ("limit", query.limit.to_string())];
        parameters.extend(query.partition.map(|partition| ("partition", partition.to_string())));
        parameters.extend(query.offset.map(|offset| ("offset", offset.to_string())));
        parameters.extend(query.cursor.clone().map(|cursor| ("cursor", cursor)));
        client.get(&format!("/topics/{}/messages", encoded(topic)), &parameters)
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let source = match arguments.project.running()? {
        Some(client) => Source::Running(client),
        None if arguments.follow => {
            return Err(WrongUse(
                "nothing new comes while the project does not run; start it with `millrace up`".into(),
            )
            .into());
        }
        None => Source::Stored(Box::new(arguments.project.archive()?)),
    };
    let topics = source.topics()?;
    let topic = topics.iter().find(|topic| topic.name == arguments.name).ok_or_else(|| {
        let cure = cure_for_name(&arguments.name, topics.iter().map(|topic| topic.name.as_str()), "topics");
        anyhow!("topic `{}` not found; {cure}", arguments.name)
    })?;
    // Where following begins is settled before anything is printed, so that nothing falls between the two.
    let mut ends: Vec<i64> = topic.partitions.iter().map(|partition| partition.end).collect();
    let from_old = arguments.from_beginning || arguments.offset.is_some();
    let limit = arguments.limit.unwrap_or(if arguments.follow && from_old { usize::MAX } else { LIMIT_DEFAULT });
    let mut printed = 0;
    if from_old {
        printed = print_oldest(&source, arguments, limit, &mut ends)?;
    } else {
        let cursor = Some(join(&ends));
        let query =
            MessagesQuery { partition: arguments.partition, limit: limit.min(PAGE_MAX), cursor, ..Default::default() };
        for message in source.messages(&arguments.name, &query)?.messages.iter().rev() {
            print(message, arguments.output)?;
            printed += 1;
        }
    }
    if arguments.follow { follow(&source, arguments, &mut ends, printed) } else { Ok(()) }
}

/// Prints from the oldest on, page by page; `next` is where it got to.
fn print_oldest(source: &Source, arguments: &Arguments, limit: usize, next: &mut [i64]) -> anyhow::Result<usize> {
    let mut printed = 0;
    let mut cursor = None;
    let mut offset = arguments.offset;
    while printed < limit {
        let limit = (limit - printed).min(PAGE_MAX);
        let query = MessagesQuery {
            partition: arguments.partition,
            offset: offset.take(),
            limit,
            order: Order::Oldest,
            cursor: cursor.take(),
            ..Default::default()
        };
        let page = source.messages(&arguments.name, &query)?;
        for message in &page.messages {
            print(message, arguments.output)?;
            note(message, next);
        }
        printed += page.messages.len();
        cursor = page.next.as_ref().and_then(|next| next.get("cursor")).map(text_of);
        if cursor.is_none() {
            break;
        }
    }
    Ok(printed)
}

fn follow(source: &Source, arguments: &Arguments, next: &mut [i64], mut printed: usize) -> anyhow::Result<()> {
    let limit = arguments.limit.unwrap_or(usize::MAX);
    while printed < limit {
        let query = MessagesQuery {
            partition: arguments.partition,
            limit: PAGE_MAX,
            order: Order::Oldest,
            cursor: Some(join(next)),
            ..Default::default()
        };
        let page = source.messages(&arguments.name, &query)?;
        for message in &page.messages {
            if printed >= limit {
                return Ok(());
            }
            print(message, arguments.output)?;
            note(message, next);
            printed += 1;
        }
        if page.messages.is_empty() {
            std::thread::sleep(FOLLOW_INTERVAL);
        }
    }
    Ok(())
}

/// Remembers that a message is printed.
fn note(message: &Message, next: &mut [i64]) {
    if let Some(next) = next.get_mut(message.partition as usize) {
        *next = (*next).max(message.offset + 1);
    }
}

fn join(offsets: &[i64]) -> String {
    offsets.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

pub(super) fn print(message: &Message, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return Ok(output::line(&serde_json::to_string(message)?)?);
    }
    // What would break the line, or write to the terminal, is spelled out.
    let key = match message.key.as_deref() {
        Some(key) if key.contains(char::is_control) => &*serde_json::to_string(key)?,
        key => key.unwrap_or("-"),
    };
    let value = match &message.value {
        Some(value) => match serde_json::from_str::<String>(value.text()) {
            // A text stands bare, unless that would break the line or pass for a tombstone.
            Ok(text) if text != GONE && !text.contains(char::is_control) => text,
            _ => value.text().to_owned(),
        },
        None => GONE.to_owned(),
    };
    Ok(output::line(&format!("{}:{}  {key}  {value}", message.partition, message.offset))?)
}
