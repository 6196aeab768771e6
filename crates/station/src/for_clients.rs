//! What a project that runs does for clients of Kafka: their groups are looked at and sent elsewhere, their topics made, changed
//! and written.

use std::sync::Arc;

use crate::client_topics::ClientTopics;
use crate::groups::{Groups, Keeper};
use crate::model::{Group, GroupLine, GroupMoves, GroupSeek, NewMessages, NewTopic, Topic, TopicChange, Written};
use crate::{Station, StationError};

impl Station {
    fn groups(&self) -> Result<Groups<'_>, StationError> {
        let broker = self.broker().ok_or(StationError::NoBroker)?;
        Ok(Groups { keeper: Keeper::Broker(broker.clone()), log: self.embedded_log() })
    }

    /// The groups of consumers, by name: none where clients of Kafka are not served.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn group_list(&self) -> Result<Vec<GroupLine>, StationError> {
        match self.groups() {
            Ok(groups) => groups.list(),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// One group of consumers.
    ///
    /// # Errors
    /// When it is not there.
    pub fn group(&self, name: &str) -> Result<Group, StationError> {
        self.groups()?.describe(name)
    }

    /// Says where a group would go on, and has it go on there if that is asked for.
    ///
    /// # Errors
    /// When it has members, or there is no such place.
    pub fn seek_group(&self, name: &str, seek: &GroupSeek) -> Result<GroupMoves, StationError> {
        self.groups()?.seek(name, seek)
    }

    /// Forgets a group with all its offsets.
    ///
    /// # Errors
    /// When it is not there, or has members.
    pub fn delete_group(&self, name: &str) -> Result<(), StationError> {
        self.groups()?.delete(name)
    }

    fn client_topics(&self) -> ClientTopics<'_> {
        ClientTopics { stores: self.stores(), broker: self.broker().map(Arc::as_ref) }
    }

    /// Makes a topic that clients may append to.
    ///
    /// # Errors
    /// When the name is taken or none, or a setting cannot be.
    pub fn create_topic(&self, new: &NewTopic) -> Result<Topic, StationError> {
        self.client_topics().create(new)
    }

    /// Changes a topic of clients.
    ///
    /// # Errors
    /// When there is none, or it cannot be so.
    pub fn alter_topic(&self, name: &str, change: &TopicChange) -> Result<Topic, StationError> {
        self.client_topics().alter(name, change)
    }

    /// Takes a topic of clients away, with everything in it.
    ///
    /// # Errors
    /// When there is none, or the disk does not answer.
    pub fn delete_topic(&self, name: &str) -> Result<(), StationError> {
        self.client_topics().delete(name)
    }

    /// Writes records into a topic of clients.
    ///
    /// # Errors
    /// When the topic does not take them; nothing is written then, unless it is the disk that does not answer.
    pub fn write_messages(&self, name: &str, new: &NewMessages) -> Result<Written, StationError> {
        self.client_topics().write(name, new)
    }
}
