//! `millrace topic search`: the messages with a key, a field or a time, through all of a topic.

use std::io::{self, IsTerminal};

use anyhow::{anyhow, bail};
use clap::Args;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use millrace_station::model::{Message, MissingField, SearchProgress, SearchQuery, SearchState};
use serde_json::Value;

use super::consume::print;
use crate::client::{Client, encoded};
use crate::failure::WrongUse;
use crate::output::{Output, size, thousands};
use crate::project::ProjectArguments;

/// Most messages of one search: as many as the running program hands out.
const LIMIT_MAX: usize = 10_000;

/// Arguments of `topic search`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// With this key
    #[arg(long)]
    key: Option<String>,
    /// With this column or member in the value, a text, which may be empty, or a number
    #[arg(long, value_name = "NAME=VALUE")]
    field: Option<String>,
    /// From this time on, as in 2011-01-01T00:00:00
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only this partition
    #[arg(long)]
    partition: Option<u32>,
    /// At most this many, 1 to 10,000
    #[arg(long, value_name = "MESSAGES", default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..=LIMIT_MAX as u64))]
    limit: usize,
    #[command(flatten)]
    project: ProjectArguments,
    /// How messages are printed; JSON is an object a line
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let query = query(arguments)?;
    let bar = bar();
    let end = match arguments.project.running()? {
        Some(client) => ask(&client, arguments, &query, &bar)?,
        None => search(arguments, &query, &bar)?,
    };
    bar.finish_and_clear();
    eprintln!("note: {}", told(&end, arguments.limit));
    if let Some(MissingField { name, records, cure }) = &end.missing_field {
        let newest = if *records == 1 { "the newest record has no" } else { "none of the newest records has the" };
        let looked_at = thousands(*records as u64);
        eprintln!("note: {newest} member `{name}` ({looked_at} looked at); {cure}");
    }
    Ok(())
}

fn query(arguments: &Arguments) -> anyhow::Result<SearchQuery> {
    let split = |field: &String| {
        let (name, value) = field.split_once('=').filter(|(name, _)| !name.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    };
    let wrong = || WrongUse("a field is written as NAME=VALUE, such as --field country=Spain".into());
    let field = arguments.field.as_ref().map(|field| split(field).ok_or_else(wrong)).transpose()?;
    if arguments.key.is_none() && field.is_none() && arguments.from.is_none() && arguments.to.is_none() {
        let cure = "nothing is looked for; give --key, --field, --from or --to, or see `millrace topic consume`";
        return Err(WrongUse(cure.into()).into());
    }
    let Arguments { key, from, to, partition, limit, .. } = arguments;
    let (key, from, to) = (key.clone(), from.clone(), to.clone());
    Ok(SearchQuery { key, field, from, to, partition: *partition, limit: *limit })
}

/// Has the running program search.
fn ask(
    client: &Client,
    arguments: &Arguments,
    query: &SearchQuery,
    bar: &ProgressBar,
) -> anyhow::Result<SearchProgress> {
    let mut parameters = vec![("limit", query.limit.to_string())];
    let texts = [("key", &query.key), ("from", &query.from), ("to", &query.to)];
    parameters.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    if let Some((field, value)) = &query.field {
        parameters.extend([("field", field.clone()), ("value", value.clone())]);
    }
    parameters.extend(query.partition.map(|partition| ("partition", partition.to_string())));
    let mut end = None;
    client.events(&format!("/topics/{}/search", encoded(&arguments.name)), &parameters, |name, data| {
        match name {
            "match" => {
                let message: Message = serde_json::from_str(data)?;
                bar.suspend(|| print(&message, arguments.output))?;
            }
            "failed" => {
                let problem: Value = serde_json::from_str(data)?;
                bail!("{}", problem["detail"].as_str().unwrap_or("the search failed"));
            }
            "progress" | "done" => {
                let progress: SearchProgress = serde_json::from_str(data)?;
                paint(bar, &progress);
                end = (name == "done").then_some(progress);
            }
            _ => {}
        }
        Ok(end.is_some())
    })?;
    end.ok_or_else(|| anyhow!("the running program said nothing of an end"))
}

/// Searches the data folder.
fn search(arguments: &Arguments, query: &SearchQuery, bar: &ProgressBar) -> anyhow::Result<SearchProgress> {
    let archive = arguments.project.archive()?;
    let mut search = archive.search(&arguments.name, query)?;
    while search.progress().state == SearchState::Running {
        for message in archive.go_on(&mut search)? {
            bar.suspend(|| print(&message, arguments.output))?;
        }
        paint(bar, search.progress());
    }
    Ok(search.progress().clone())
}

/// A bar on a terminal, and none in a pipe.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn paint(bar: &ProgressBar, progress: &SearchProgress) {
    bar.set_length(progress.bytes_total);
    bar.set_position(progress.bytes_read + progress.bytes_skipped);
    bar.set_message(format!("{} found", thousands(progress.matches as u64)));
}

fn told(end: &SearchProgress, limit: usize) -> String {
    let found =
        format!("{} found; read {} of {}", thousands(end.matches as u64), size(end.bytes_read), size(end.bytes_total));
    let more = match end.state {
        SearchState::Full if limit < LIMIT_MAX => "; there may be more: a higher --limit finds them",
        SearchState::Full => "; there may be more: --to goes on from the time of the last one",
        _ => "",
    };
    let damaged = if end.blocks_damaged > 0 { "; some of it is damaged and could not be read" } else { "" };
    format!("{found}{more}{damaged}")
}
