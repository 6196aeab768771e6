//! ConsumerGroupDescribe.

use super::super::types::{DescribedConsumer, DescribedConsumerGroup, Outcome, Reply};
use super::super::{Coordinator, GroupError, Token};
use super::ConsumerGroup;
use super::member::ConsumerMember;

impl Coordinator {
    /// Describes groups whose coordinator assigns; others are not found.
    pub fn describe_consumer_groups(&self, token: Token, groups: Vec<String>) -> Outcome {
        let described = groups.into_iter().map(|id| {
            let found = self.check_open().and_then(|()| {
                let consumer = self.groups.get(&id).and_then(|group| group.consumer.as_ref());
                consumer.map(|consumer| describe(&id, consumer)).ok_or(GroupError::GroupIdNotFound)
            });
            (id, found)
        });
        Outcome::answer(token, Reply::DescribeConsumerGroups(described.collect()))
    }
}

fn describe(group: &str, consumer: &ConsumerGroup) -> DescribedConsumerGroup {
    DescribedConsumerGroup {
        group: group.to_owned(),
        state: consumer.state(),
        epoch: consumer.epoch,
        assignment_epoch: consumer.assignment_epoch,
        assignor: consumer.assignor.name(),
        members: consumer.members().map(describe_member).collect(),
    }
}

fn describe_member(member: &ConsumerMember) -> DescribedConsumer {
    DescribedConsumer {
        member_id: member.id.clone(),
        instance_id: member.instance_id.clone(),
        rack_id: member.rack_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        epoch: member.epoch,
        topics: member.topics.iter().cloned().collect(),
        regex: member.pattern.as_ref().map(|pattern| pattern.text().to_owned()),
        assignment: member.assigned.clone(),
        target: member.target.clone(),
    }
}
