//! `millrace group seek`: has a group go on from elsewhere, after a look at what that means.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use millrace_station::model::{GroupMove, GroupMoves, GroupSeek};

use super::Keeper;
use crate::consent::is_meant;
use crate::output::{self, AnswerOutput};
use crate::project::ProjectArguments;

/// Arguments of `group seek`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The group
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// Where to go on: `start`, `end`, an offset, `+N` or `-N` from where it stands, or a time as in
    /// `2011-01-01T00:00:00`: in UTC for topics of clients, on the shop's clock for those of sources and views
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    to: String,
    /// Only in this topic, again for more; otherwise in all that the group has offsets of
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// Only in this partition of each topic
    #[arg(long)]
    partition: Option<u32>,
    /// Do it, without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    project: ProjectArguments,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = AnswerOutput::Table)]
    output: AnswerOutput,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let keeper = Keeper::of(&arguments.project)?;
    let mut seek = GroupSeek {
        to: arguments.to.clone(),
        topics: arguments.topics.clone(),
        partition: arguments.partition,
        apply: false,
    };
    let preview = keeper.seek(&arguments.name, &seek)?;
    if !arguments.yes {
        print(&preview, arguments.output)?;
    }
    let partitions =
        if preview.moves.len() == 1 { "1 partition" } else { &format!("{} partitions", preview.moves.len()) };
    if !is_meant(arguments.yes, &format!("move `{}` in {partitions}?", arguments.name))? {
        return Ok(());
    }
    seek.apply = true;
    let done = keeper.seek(&arguments.name, &seek)?;
    if arguments.yes {
        print(&done, arguments.output)?;
    }
    eprintln!("note: `{}` goes on from there in {partitions}", arguments.name);
    Ok(())
}

fn print(moves: &GroupMoves, output: AnswerOutput) -> anyhow::Result<()> {
    let row = |found: &GroupMove| {
        vec![
            found.topic.clone(),
            found.partition.to_string(),
            found.from.map(|from| from.to_string()).unwrap_or_default(),
            found.to.to_string(),
            (found.end - found.to).to_string(),
        ]
    };
    let heads = ["topic", "partition", "from", "to", "lag"];
    output::rows(output, &heads, &moves.moves.iter().map(row).collect::<Vec<_>>(), moves)
}
