//! Who shall own what: decisions about members and partitions, without anything else.
//!
//! Glossary: a **subscriber** is a member with the topics that it may get partitions of, and what it has been given before.
//! Every assignor gives each partition of a topic to exactly one of its subscribers, if there is any.

mod range;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use super::types::{Assignment, IdPartition, TopicId};

/// A way of assigning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Assignor {
    /// As even as can be, and as little moved as can be.
    #[default]
    Uniform,
    /// Of each topic a range to each member, so that equal partitions of topics meet at one member.
    Range,
}

impl Assignor {
    const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// Its name in the protocol.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The one of that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// What each of `subscribers` shall own, in their order.
    pub(super) fn assign(self, subscribers: &[Subscriber<'_>], topics: &Topics) -> Vec<Assignment> {
        match self {
            Self::Uniform => uniform::assign(subscribers, topics),
            Self::Range => range::assign(subscribers, topics),
        }
    }
}

/// Numbers of partitions.
pub(super) type Topics = BTreeMap<TopicId, i32>;

/// A member that may get partitions.
#[derive(Debug, Clone)]
pub(super) struct Subscriber<'a> {
    pub(super) id: &'a str,
    pub(super) instance_id: Option<&'a str>,
    pub(super) topics: BTreeSet<TopicId>,
    /// What it was given before.
    pub(super) before: &'a Assignment,
}

impl Subscriber<'_> {
    /// What it was given before and may still have.
    fn kept(&self, topics: &Topics) -> Assignment {
        let is_there = |partition: &&IdPartition| {
            self.topics.contains(&partition.topic)
                && topics.get(&partition.topic).is_some_and(|count| (0..*count).contains(&partition.partition))
        };
        self.before.iter().filter(is_there).copied().collect()
    }
}

fn partitions_of(topic: TopicId, count: i32) -> impl Iterator<Item = IdPartition> {
    (0..count).map(move |partition| IdPartition { topic, partition })
}

#[cfg(test)]
mod tests;
