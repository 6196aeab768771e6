//! `millrace topic alter`: gives a topic of clients other settings or more partitions.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use millrace_station::model::TopicChange;

use super::keeper::Keeper;
use super::{config, partitions, told};
use crate::failure::WrongUse;
use crate::output;
use crate::project::ProjectArguments;

/// Arguments of `topic alter`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// A setting by the name that Kafka has for it, as in `retention.ms=86400000`; again for more
    #[arg(long = "config", value_name = "NAME=VALUE", value_parser = config)]
    configs: Vec<(String, String)>,
    /// A setting that is to have its default again; again for more
    #[arg(long = "delete-config", value_name = "NAME")]
    deleted: Vec<String>,
    /// So many partitions, more than it has. Keys may belong to others then than they did
    #[arg(long, value_name = "N", value_parser = partitions())]
    partitions: Option<u32>,
    #[command(flatten)]
    project: ProjectArguments,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { name, configs, deleted, partitions, .. } = arguments;
    if configs.is_empty() && deleted.is_empty() && partitions.is_none() {
        let text = "nothing is to be changed; give --config, --delete-config or --partitions";
        return Err(WrongUse(text.to_owned()).into());
    }
    if let Some((name, _)) = configs.iter().find(|(name, _)| deleted.contains(name)) {
        return Err(WrongUse(format!("`{name}` is both set and taken back; do one of them")).into());
    }
    let set = configs.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    let configs = set.chain(deleted.iter().map(|name| (name.clone(), None))).collect();
    let keeper = Keeper::of(&arguments.project)?;
    let topic = keeper.alter(name, &TopicChange { partitions: *partitions, configs })?;
    keeper.close()?;
    Ok(output::line(&format!("topic `{name}` is changed, and has {}", told(&topic)))?)
}
