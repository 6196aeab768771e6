//! The answers of a project that does not run, from its data folder. Nothing is changed, and no lock is taken.

use std::sync::Arc;

use millrace_engine::ask::{Answer, AskError, Limits};
use millrace_flow::Result;

use crate::model::{MessagesPage, MessagesQuery, Topic, View};
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

    /// The views, in the order of the statements.
    pub fn views(&self) -> Vec<View> {
        views::list(&self.stores.project, |view| self.stores.count(view))
    }
}
