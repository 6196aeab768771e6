//! `millrace group list`: the groups, and how much each has before it.

use clap::Args;
use millrace_station::model::GroupLine;

use super::Keeper;
use crate::output::{self, AnswerOutput, thousands};
use crate::project::ProjectArguments;

/// Arguments of `group list`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// How the list is printed
    #[arg(long, value_enum, default_value_t = AnswerOutput::Table)]
    output: AnswerOutput,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let groups = Keeper::of(&arguments.project)?.list()?;
    let is_table = arguments.output == AnswerOutput::Table;
    let row = |group: &GroupLine| {
        let lag = match group.lag {
            Some(lag) if is_table => thousands(lag),
            Some(lag) => lag.to_string(),
            None if is_table => format!("nothing committed, {} there", thousands(group.uncommitted)),
            None => String::new(),
        };
        let (topics, members) = (group.topics.join(" "), group.members.to_string());
        vec![group.name.clone(), group.protocol.clone(), group.state.clone(), members, lag, topics]
    };
    let heads = ["group", "protocol", "state", "members", "lag", "topics"];
    output::rows(arguments.output, &heads, &groups.iter().map(row).collect::<Vec<_>>(), &groups)
}
