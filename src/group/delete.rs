//! `millrace group delete`: forgets a group with all its offsets.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::Keeper;
use crate::consent::is_meant;
use crate::project::ProjectArguments;

/// Arguments of `group delete`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The group
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// Do it, without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    project: ProjectArguments,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let keeper = Keeper::of(&arguments.project)?;
    let group = keeper.describe(&arguments.name)?;
    let offsets = group.partitions.iter().filter(|partition| partition.committed.is_some()).count();
    let question = format!("forget `{}` and its {offsets} offsets?", group.name);
    if is_meant(arguments.yes, &question)? {
        keeper.delete(&group.name)?;
        eprintln!("note: `{}` is forgotten", group.name);
    }
    Ok(())
}
