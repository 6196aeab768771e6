//! ListGroups and DescribeGroups.

use super::group::{CONSUMER_TYPE, Group};
use super::members::Member;
use super::types::{DescribedGroup, DescribedMember, ListGroupsRequest, ListedGroup, Outcome, Reply, State};
use super::{Coordinator, GroupError, Token};

/// Types of groups: the leader assigns, or the coordinator does.
const CLASSIC: &str = "classic";
const CONSUMER: &str = "consumer";

impl Coordinator {
    /// Lists groups, by state and by type.
    pub fn list_groups(&self, token: Token, request: &ListGroupsRequest) -> Outcome {
        let allows = |filter: &[String], name: &str| {
            filter.is_empty() || filter.iter().any(|wanted| wanted.trim().eq_ignore_ascii_case(name))
        };
        let listed = self.check_open().map(|()| {
            let groups = self.groups.values().map(list).filter(|group| allows(&request.states, group.state));
            groups.filter(|group| allows(&request.types, group.group_type)).collect()
        });
        Outcome::answer(token, Reply::ListGroups(listed))
    }

    /// Describes groups, known and unknown.
    pub fn describe_groups(&self, token: Token, groups: Vec<String>) -> Outcome {
        let described = groups.into_iter().map(|id| match self.check_open() {
            Err(error) => DescribedGroup::dead(id, error),
            Ok(()) => match self.groups.get(&id) {
                Some(group) if group.consumer.is_none() => describe(group),
                _ => DescribedGroup::dead(id, GroupError::GroupIdNotFound),
            },
        });
        Outcome::answer(token, Reply::DescribeGroups(described.collect()))
    }
}

fn list(group: &Group) -> ListedGroup {
    let group_id = group.id.clone();
    match &group.consumer {
        Some(consumer) => ListedGroup {
            group: group_id,
            protocol_type: CONSUMER_TYPE.to_owned(),
            state: consumer.state().name(),
            group_type: CONSUMER,
        },
        None => ListedGroup {
            group: group_id,
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            state: group.state.name(),
            group_type: CLASSIC,
        },
    }
}

fn describe(group: &Group) -> DescribedGroup {
    let protocol = group.protocol.as_deref().filter(|_| group.state == State::Stable);
    DescribedGroup {
        group: group.id.clone(),
        error: None,
        state: group.state,
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        protocol: protocol.unwrap_or_default().to_owned(),
        members: group.members.iter().map(|member| describe_member(member, protocol)).collect(),
    }
}

fn describe_member(member: &Member, protocol: Option<&str>) -> DescribedMember {
    DescribedMember {
        member_id: member.id.clone(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: member.metadata(protocol),
        assignment: member.assignment.clone(),
    }
}
