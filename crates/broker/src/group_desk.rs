//! Looks at groups and sets where they stand, for people: the command line, pages, the API.

use std::collections::HashMap;

use millrace_log::EmbeddedLog;

use crate::groups::{
    CommitPartition, CommitRequest, CommitTopic, Coordinator, GroupError, GroupOverview, Outcome, Reply, Token, TopicId,
};
use crate::{Broker, BrokerError};

/// A change that somebody makes to a group that nobody is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// It shall go on from these offsets: topic, partition, offset.
    Seek(Vec<(String, i32, i64)>),
    /// It shall be forgotten, with all its offsets.
    Delete,
}

/// Names of topics by their ids, for groups that know their ids only.
pub(crate) fn names(log: &EmbeddedLog) -> HashMap<TopicId, String> {
    log.client_topics().into_iter().map(|topic| (topic.id, topic.info.spec.name.to_string())).collect()
}

impl GroupChange {
    /// Has the coordinator make the change.
    pub(crate) fn ask(&self, group: &str, coordinator: &mut Coordinator, token: Token, now_ms: i64) -> Outcome {
        let Self::Seek(offsets) = self else {
            return coordinator.delete_groups(token, vec![group.to_owned()], now_ms);
        };
        let topics = offsets.iter().map(|(topic, partition, offset)| CommitTopic {
            topic: topic.clone(),
            partitions: vec![CommitPartition {
                partition: *partition,
                offset: *offset,
                leader_epoch: None,
                metadata: None,
            }],
        });
        let request = CommitRequest {
            version: 0,
            group: group.to_owned(),
            // Nobody: refused as soon as there are members.
            generation: -1,
            member_id: String::new(),
            instance_id: None,
            retention_ms: None,
            topics: topics.collect(),
        };
        coordinator.commit_offsets(token, request, now_ms)
    }

    /// What the answer says.
    pub(crate) fn outcome(group: &str, reply: Option<Reply>) -> Result<(), BrokerError> {
        let error = match reply {
            Some(Reply::Commit(topics)) => {
                topics.iter().flat_map(|topic| &topic.partitions).find_map(|partition| partition.error)
            }
            Some(Reply::DeleteGroups(groups)) => groups.into_iter().find_map(|(_, error)| error),
            _ => Some(GroupError::CoordinatorNotAvailable),
        };
        // Who belongs to no member is told that it is none, which says as much as that there are some.
        let error = error.map(|error| match error {
            GroupError::UnknownMemberId => GroupError::NonEmptyGroup,
            error => error,
        });
        error.map_or(Ok(()), |error| Err(BrokerError::Group { group: group.to_owned(), error }))
    }
}

impl Broker {
    /// All groups by name.
    pub fn groups(&self) -> Vec<GroupOverview> {
        let names = names(&self.log);
        self.groups.look(|groups| groups.overviews(&names))
    }

    /// One group, if it is there.
    pub fn group(&self, group: &str) -> Option<GroupOverview> {
        let names = names(&self.log);
        self.groups.look(|groups| groups.overview(group, &names))
    }

    /// Forgets how far groups have read a topic that is gone.
    pub fn forget_topic(&self, topic: &str) {
        self.groups.forget_topic(topic);
    }

    /// Changes a group that nobody is in; seeking makes one that is not there.
    ///
    /// # Errors
    /// When it has members, is to be deleted and is not there, or that cannot be kept.
    pub fn change_group(&self, group: &str, change: &GroupChange) -> Result<(), BrokerError> {
        let reply = self.groups.ask_now(|groups, token, now_ms| change.ask(group, groups, token, now_ms));
        GroupChange::outcome(group, reply)
    }
}
