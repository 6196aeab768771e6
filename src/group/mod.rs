//! `millrace group`: who reads topics through the port of Kafka, and how far.

mod delete;
mod describe;
mod list;
mod seek;

use std::process::ExitCode;

use clap::Subcommand;
use millrace_station::Archive;
use millrace_station::model::{Group, GroupLine, GroupMoves, GroupSeek};

use crate::client::{Client, encoded};
use crate::project::ProjectArguments;

/// What can be done with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the groups
    List(list::Arguments),
    /// Show members, partitions, offsets and lag of a group
    Describe(describe::Arguments),
    /// Have a group that nobody is in go on from elsewhere
    Seek(seek::Arguments),
    /// Forget a group that nobody is in, with all its offsets
    Delete(delete::Arguments),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arguments) => list::run(arguments)?,
        Command::Describe(arguments) => describe::run(arguments)?,
        Command::Seek(arguments) => seek::run(arguments)?,
        Command::Delete(arguments) => delete::run(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Who knows the groups: the program that runs the project, or its data folder.
enum Keeper {
    Running(Client),
    Stored(Box<Archive>),
}

impl Keeper {
    fn of(project: &ProjectArguments) -> anyhow::Result<Self> {
        Ok(match project.running()? {
            Some(client) => Self::Running(client),
            None => Self::Stored(Box::new(project.archive()?)),
        })
    }

    fn list(&self) -> anyhow::Result<Vec<GroupLine>> {
        match self {
            Self::Running(client) => client.get("/groups", &[]),
            Self::Stored(archive) => Ok(archive.group_list()?),
        }
    }

    fn describe(&self, name: &str) -> anyhow::Result<Group> {
        match self {
            Self::Running(client) => client.get(&format!("/groups/{}", encoded(name)), &[]),
            Self::Stored(archive) => Ok(archive.group(name)?),
        }
    }

    fn seek(&self, name: &str, seek: &GroupSeek) -> anyhow::Result<GroupMoves> {
        match self {
            Self::Running(client) => {
                client.post(&format!("/groups/{}/seek", encoded(name)), &serde_json::to_value(seek)?)
            }
            Self::Stored(archive) => Ok(archive.seek_group(name, seek)?),
        }
    }

    fn delete(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Running(client) => client.delete(&format!("/groups/{}", encoded(name))),
            Self::Stored(archive) => Ok(archive.delete_group(name)?),
        }
    }
}
