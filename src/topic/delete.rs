//! `millrace topic delete`: takes a topic of clients away, with everything in it.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use millrace_flow::TopicKind;

use super::keeper::Keeper;
use super::{find, topics};
use crate::consent::is_meant;
use crate::output::{self, thousands};
use crate::project::ProjectArguments;

/// Arguments of `topic delete`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// Do it, without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    project: ProjectArguments,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let topics = topics(&arguments.project)?;
    let topic = find(&topics, &arguments.name)?;
    let name = &topic.name;
    let question = format!("delete `{name}` with its {} records?", thousands(topic.records));
    // Nobody is asked about what is refused.
    if topic.kind == TopicKind::Clients && !is_meant(arguments.yes, &question)? {
        return Ok(());
    }
    let keeper = Keeper::of(&arguments.project)?;
    keeper.delete(name)?;
    keeper.close()?;
    Ok(output::line(&format!("topic `{name}` is deleted"))?)
}
