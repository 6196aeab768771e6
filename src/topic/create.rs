//! `millrace topic create`: makes a topic that clients may append to.

use clap::Args;
use millrace_station::model::NewTopic;

use super::keeper::Keeper;
use super::{config, new_name, partitions, told};
use crate::output;
use crate::project::ProjectArguments;

/// Arguments of `topic create`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic
    #[arg(value_parser = new_name)]
    name: String,
    /// Its partitions [default: `[kafka] partitions`, which is 1 unless set]
    #[arg(long, value_name = "N", value_parser = partitions())]
    partitions: Option<u32>,
    /// A setting by the name that Kafka has for it, as in `retention.ms=86400000`; again for more
    #[arg(long = "config", value_name = "NAME=VALUE", value_parser = config)]
    configs: Vec<(String, String)>,
    #[command(flatten)]
    project: ProjectArguments,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let keeper = Keeper::of_new(&arguments.project)?;
    let Arguments { name, partitions, configs, .. } = arguments;
    let new = NewTopic { name: name.clone(), partitions: *partitions, configs: configs.iter().cloned().collect() };
    let topic = keeper.create(&new)?;
    keeper.close()?;
    Ok(output::line(&format!("topic `{name}` is created, with {}", told(&topic)))?)
}
