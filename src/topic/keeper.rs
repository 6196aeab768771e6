//! Who changes topics: the program that runs the project or, where none does, this one, in its data folder.

use millrace_station::StoppedTopics;
use millrace_station::model::{NewMessages, NewTopic, Topic, TopicChange, Written};

use crate::client::{Client, encoded};
use crate::project::ProjectArguments;

/// Changes topics.
pub(super) enum Keeper {
    Running(Client),
    Stopped(Box<StoppedTopics>),
}

impl Keeper {
    /// Who changes the topics of a project that has run.
    pub(super) fn of(project: &ProjectArguments) -> anyhow::Result<Self> {
        Ok(match project.running()? {
            Some(client) => Self::Running(client),
            None => Self::Stopped(Box::new(StoppedTopics::open(project.open()?)?)),
        })
    }

    /// The same of one that may not have run yet.
    pub(super) fn of_new(project: &ProjectArguments) -> anyhow::Result<Self> {
        Ok(match project.running()? {
            Some(client) => Self::Running(client),
            None => Self::Stopped(Box::new(StoppedTopics::open_or_make(project.open()?)?)),
        })
    }

    pub(super) fn create(&self, new: &NewTopic) -> anyhow::Result<Topic> {
        match self {
            Self::Running(client) => client.post("/topics", &serde_json::to_value(new)?),
            Self::Stopped(topics) => Ok(topics.create(new)?),
        }
    }

    pub(super) fn alter(&self, name: &str, change: &TopicChange) -> anyhow::Result<Topic> {
        match self {
            Self::Running(client) => client.patch(&address(name), &serde_json::to_value(change)?),
            Self::Stopped(topics) => Ok(topics.alter(name, change)?),
        }
    }

    pub(super) fn delete(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Running(client) => client.delete(&address(name)),
            Self::Stopped(topics) => Ok(topics.delete(name)?),
        }
    }

    pub(super) fn write(&self, name: &str, new: &NewMessages) -> anyhow::Result<Written> {
        match self {
            Self::Running(client) => client.post(&format!("{}/messages", address(name)), &serde_json::to_value(new)?),
            Self::Stopped(topics) => Ok(topics.write(name, new)?),
        }
    }

    /// Brings everything to the disk, where that is not for another program to do.
    pub(super) fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Running(_) => Ok(()),
            Self::Stopped(topics) => Ok(topics.close()?),
        }
    }
}

fn address(name: &str) -> String {
    format!("/topics/{}", encoded(name))
}
