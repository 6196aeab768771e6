//! Groups as people are told of them: who is in a group, who reads what, and where it stands.

use std::collections::HashMap;

use super::consumer::ConsumerGroup;
use super::group::Group;
use super::members::Member;
use super::types::{Assignment, TopicId};
use super::{Committed, Coordinator, subscription};

/// A group as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOverview {
    /// The group.
    pub group: String,
    /// By which protocol its members are coordinated: `classic` or `consumer`.
    pub protocol: &'static str,
    /// Where it stands, by the protocol's name.
    pub state: &'static str,
    /// Its members.
    pub members: Vec<MemberOverview>,
    /// Where it stands: topic, partition, offset.
    pub offsets: Vec<(String, i32, Committed)>,
}

/// A member as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOverview {
    /// Its id.
    pub id: String,
    /// Its name, if it is a static member.
    pub instance_id: Option<String>,
    /// The name of its program.
    pub client_id: String,
    /// Where it is.
    pub client_host: String,
    /// What it reads: topic and partition.
    pub partitions: Vec<(String, i32)>,
}

impl Coordinator {
    /// All groups by name; `names` are those of topics, for groups that know their ids only.
    pub fn overviews(&self, names: &HashMap<TopicId, String>) -> Vec<GroupOverview> {
        self.groups.values().map(|group| overview(group, names)).collect()
    }

    /// One group.
    pub fn overview(&self, group: &str, names: &HashMap<TopicId, String>) -> Option<GroupOverview> {
        self.groups.get(group).map(|group| overview(group, names))
    }
}

fn overview(group: &Group, names: &HashMap<TopicId, String>) -> GroupOverview {
    let committed = group.offsets.committed().iter().flat_map(|(topic, partitions)| {
        partitions.iter().map(|(partition, committed)| (topic.clone(), *partition, committed.clone()))
    });
    let (protocol, state, members) = match &group.consumer {
        Some(consumer) => ("consumer", consumer.state().name(), of_consumers(consumer, names)),
        None => ("classic", group.state.name(), group.members.iter().map(of_classic).collect()),
    };
    GroupOverview { group: group.id.clone(), protocol, state, members, offsets: committed.collect() }
}

fn of_classic(member: &Member) -> MemberOverview {
    MemberOverview {
        id: member.id.clone(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        // Only consumers write their assignments in a way that is known.
        partitions: subscription::assignment(&member.assignment).unwrap_or_default(),
    }
}

fn of_consumers(consumer: &ConsumerGroup, names: &HashMap<TopicId, String>) -> Vec<MemberOverview> {
    let named = |assignment: &Assignment| {
        let named = assignment.iter().filter_map(|found| Some((names.get(&found.topic)?.clone(), found.partition)));
        named.collect::<Vec<_>>()
    };
    let members = consumer.member_images().map(|member| MemberOverview {
        partitions: named(&member.assigned),
        id: member.member_id,
        instance_id: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
    });
    members.collect()
}
