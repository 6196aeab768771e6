//! The answers of a project that does not run, from its data folder. No lock is taken, and nothing is changed but groups that
//! somebody sends elsewhere.

use std::sync::Arc;

use millrace_engine::ask::{Answer, AskError, Limits};
use millrace_flow::Result;

use crate::groups::{Groups, Keeper};
use crate::model::{
    Group, GroupLine, GroupMoves, GroupSeek, Message, MessagesPage, MessagesQuery, SearchQuery, Topic, View,
};
use crate::search::TopicSearch;
use crate::stores::Stores;
use crate::{Project, StationError, ask, messages, topics, views};

/// A project that does not run, read from its data folder.
pub struct Archive {
    stores: Stores,
}

impl Archive {
    /// Opens the data folder of a project.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(project: Project) -> Result<Self, StationError> {
        Ok(Self { stores: Stores::open_read_only(Arc::new(project))? })
    }

    /// Answers a question in SQL.
    ///
    /// # Errors
    /// When the question is wrong or exceeds the limits.
    pub fn ask(&self, sql: &str, limits: Limits) -> Result<Answer, AskError> {
        ask::ask(&self.stores, sql, limits)
    }

    /// The topics, by name.
    pub fn topics(&self) -> Vec<Topic> {
        self.stores.log.topics().iter().map(|info| topics::topic(&self.stores, info, Vec::new(), &[])).collect()
    }

    /// Messages of a topic.
    ///
    /// # Errors
    /// When there is no such topic, or the question cannot be understood.
    pub fn messages(&self, topic: &str, query: &MessagesQuery) -> Result<MessagesPage, StationError> {
        messages::find(&self.stores, topic, query)
    }

    /// Begins a search through a topic.
    ///
    /// # Errors
    /// When there is no such topic, or the question cannot be understood.
    pub fn search(&self, topic: &str, query: &SearchQuery) -> Result<TopicSearch, StationError> {
        TopicSearch::begin(&self.stores, topic, query)
    }

    /// Goes on with a search for a moment, and answers what was found in it; its progress says whether it is through.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn go_on(&self, search: &mut TopicSearch) -> Result<Vec<Message>, StationError> {
        search.go_on(&self.stores)
    }

    fn groups(&self) -> Groups<'_> {
        Groups { keeper: Keeper::Folder(self.stores.project.log_dir()), log: &self.stores.embedded }
    }

    /// The groups of consumers, by name.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn group_list(&self) -> Result<Vec<GroupLine>, StationError> {
        self.groups().list()
    }

    /// One group of consumers.
    ///
    /// # Errors
    /// When it is not there.
    pub fn group(&self, name: &str) -> Result<Group, StationError> {
        self.groups().describe(name)
    }

    /// Says where a group would go on, and has it go on there if that is asked for.
    ///
    /// # Errors
    /// When it had members at last, there is no such place, or somebody runs the project.
    pub fn seek_group(&self, name: &str, seek: &GroupSeek) -> Result<GroupMoves, StationError> {
        self.groups().seek(name, seek)
    }

    /// Forgets a group with all its offsets.
    ///
    /// # Errors
    /// When it is not there, had members at last, or somebody runs the project.
    pub fn delete_group(&self, name: &str) -> Result<(), StationError> {
        self.groups().delete(name)
    }

    /// The views, in the order of the statements.
    pub fn views(&self) -> Vec<View> {
        views::list(&self.stores.project, |view| self.stores.count(view))
    }
}
