//! `millrace group describe`: who is in a group, what it reads, how far.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use millrace_station::model::{Group, GroupMember, GroupPartition};

use super::Keeper;
use crate::output::{self, AnswerOutput, thousands};
use crate::project::ProjectArguments;

/// Arguments of `group describe`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The group
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    #[command(flatten)]
    project: ProjectArguments,
    /// How it is printed; CSV has the partitions
    #[arg(long, value_enum, default_value_t = AnswerOutput::Table)]
    output: AnswerOutput,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let group = Keeper::of(&arguments.project)?.describe(&arguments.name)?;
    if arguments.output == AnswerOutput::Table {
        let (protocol, state) = (&group.protocol, &group.state);
        output::line(&format!("{}  ({protocol}, {state}, {})", group.name, standing(&group)))?;
        if !group.members.is_empty() {
            let row = |member: &GroupMember| {
                let instance = member.instance.clone().unwrap_or_default();
                let partitions = member.partitions.to_string();
                vec![member.id.clone(), instance, member.client.clone(), member.host.clone(), partitions]
            };
            let heads = ["member", "instance", "client", "host", "partitions"];
            let rows: Vec<_> = group.members.iter().map(row).collect();
            output::line(&format!("\n{}", output::table(&heads, &rows)))?;
        }
        output::line("")?;
    }
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let row = |partition: &GroupPartition| {
        vec![
            partition.topic.clone(),
            partition.partition.to_string(),
            number(partition.committed),
            number(partition.end),
            partition.lag.map(|lag| lag.to_string()).unwrap_or_default(),
            partition.member.clone().unwrap_or_default(),
        ]
    };
    let heads = ["topic", "partition", "committed", "end", "lag", "member"];
    output::rows(arguments.output, &heads, &group.partitions.iter().map(row).collect::<Vec<_>>(), &group)
}

/// How far a group is.
fn standing(group: &Group) -> String {
    let uncommitted = thousands(group.uncommitted);
    match (group.lag, group.uncommitted) {
        (Some(lag), 0) => format!("{} records behind", thousands(lag)),
        (Some(lag), _) => format!("{} records behind, and {uncommitted} where nothing is committed", thousands(lag)),
        (None, 0) => "nothing is committed".to_owned(),
        (None, _) => format!("nothing is committed, {uncommitted} records are there"),
    }
}
