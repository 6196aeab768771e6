//! Groups whose coordinator assigns the partitions (KIP-848).

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::Call;
use super::groups::{UNAVAILABLE, code_of};
use crate::Broker;
use crate::access::sight_of;
use crate::groups::{
    Assignment, ConsumerHeartbeat, DescribedConsumer as Member, DescribedConsumerGroup as Group, GroupError,
    IdPartition, Reply, TopicId,
};
use crate::wire::messages::consumer_groups::*;
use crate::wire::{self, ErrorCode};

/// Says that a member follows the newer protocol.
const CONSUMER_MEMBER: i8 = 1;

impl Broker {
    pub(super) async fn consumer_group_heartbeat(
        &self,
        request: ConsumerGroupHeartbeatRequest,
        call: &Call,
    ) -> ConsumerGroupHeartbeatResponse {
        self.groups.look_at_topics(&self.log, self.security.rules_version());
        let sight = sight_of(self, call);
        let heartbeat = ConsumerHeartbeat {
            version: call.header.api_version,
            group: request.group_id,
            member_id: request.member_id,
            member_epoch: request.member_epoch,
            instance_id: request.instance_id,
            rack_id: request.rack_id,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            topics: request.subscribed_topic_names,
            regex: request.subscribed_topic_regex,
            assignor: request.server_assignor,
            owned: request.topic_partitions.map(owned),
            client_id: call.client_id().to_owned(),
            client_host: format!("/{}", call.peer.ip()),
            id_seed: Uuid::new_v4().as_u128(),
        };
        let reply =
            self.groups.ask(|groups, token, now_ms| groups.consumer_heartbeat(token, heartbeat, sight, now_ms)).await;
        let answer = match reply {
            Some(Reply::ConsumerHeartbeat(answer)) => answer,
            _ => Err(UNAVAILABLE),
        };
        match answer {
            Ok(answer) => ConsumerGroupHeartbeatResponse {
                member_id: Some(answer.member_id),
                member_epoch: answer.member_epoch,
                heartbeat_interval_ms: answer.heartbeat_interval_ms,
                assignment: answer.assignment.map(assignment),
                ..ConsumerGroupHeartbeatResponse::default()
            },
            Err(error) => {
                let code = code_of(error);
                let (error_code, error_message) = (code.number(), Some(code.text().to_owned()));
                ConsumerGroupHeartbeatResponse { error_code, error_message, ..Default::default() }
            }
        }
    }

    pub(super) async fn consumer_group_describe(
        &self,
        request: ConsumerGroupDescribeRequest,
        _call: &Call,
    ) -> ConsumerGroupDescribeResponse {
        let names = request.group_ids.clone();
        let reply = self.groups.read(|groups, token| groups.describe_consumer_groups(token, names));
        let described = match reply {
            Some(Reply::DescribeConsumerGroups(described)) => described,
            _ => request.group_ids.into_iter().map(|group| (group, Err(UNAVAILABLE))).collect(),
        };
        let topics = self.log.client_topics().into_iter();
        let names: HashMap<TopicId, String> =
            topics.map(|topic| (topic.id, topic.info.spec.name.to_string())).collect();
        let groups = described.into_iter().map(|(group, found)| match found {
            Ok(found) => described_group(found, &names),
            Err(error) => not_described(group, error),
        });
        ConsumerGroupDescribeResponse { groups: groups.collect(), ..ConsumerGroupDescribeResponse::default() }
    }
}

fn owned(topics: Vec<OwnedPartitions>) -> Assignment {
    let of_topic = |topic: OwnedPartitions| {
        let id = topic.topic_id.0;
        topic.partitions.into_iter().map(move |partition| IdPartition { topic: id, partition })
    };
    topics.into_iter().flat_map(of_topic).collect()
}

fn by_topic(assignment: &Assignment) -> BTreeMap<TopicId, Vec<i32>> {
    let mut topics = BTreeMap::<TopicId, Vec<i32>>::new();
    for IdPartition { topic, partition } in assignment {
        topics.entry(*topic).or_default().push(*partition);
    }
    topics
}

fn assignment(given: Assignment) -> ConsumerAssignment {
    let topics = by_topic(&given).into_iter();
    let topics = topics.map(|(topic, partitions)| ConsumerAssignmentTopic { topic_id: wire::Uuid(topic), partitions });
    ConsumerAssignment { topic_partitions: topics.collect() }
}

/// Partitions of topics that are gone have no name, and are left out.
fn described(given: &Assignment, names: &HashMap<TopicId, String>) -> DescribedAssignment {
    let topics = by_topic(given).into_iter().filter_map(|(topic, partitions)| {
        let (topic_id, topic_name) = (wire::Uuid(topic), names.get(&topic)?.clone());
        Some(DescribedAssignmentTopic { topic_id, topic_name, partitions })
    });
    DescribedAssignment { topic_partitions: topics.collect() }
}

fn described_group(group: Group, names: &HashMap<TopicId, String>) -> DescribedConsumerGroup {
    let member = |member: Member| DescribedConsumer {
        assignment: described(&member.assignment, names),
        target_assignment: described(&member.target, names),
        member_id: member.member_id,
        instance_id: member.instance_id,
        rack_id: member.rack_id,
        member_epoch: member.epoch,
        client_id: member.client_id,
        client_host: member.client_host,
        subscribed_topic_names: member.topics,
        subscribed_topic_regex: member.regex,
        member_type: CONSUMER_MEMBER,
    };
    DescribedConsumerGroup {
        group_id: group.group,
        group_state: group.state.name().to_owned(),
        group_epoch: group.epoch,
        assignment_epoch: group.assignment_epoch,
        assignor_name: group.assignor.to_owned(),
        members: group.members.into_iter().map(member).collect(),
        ..DescribedConsumerGroup::default()
    }
}

fn not_described(group_id: String, error: GroupError) -> DescribedConsumerGroup {
    let code: ErrorCode = code_of(error);
    let error_message = match error {
        GroupError::GroupIdNotFound => format!("`{group_id}` is not a group of the consumer protocol"),
        _ => code.text().to_owned(),
    };
    DescribedConsumerGroup {
        error_code: code.number(),
        error_message: Some(error_message),
        group_id,
        group_state: "Dead".to_owned(),
        ..DescribedConsumerGroup::default()
    }
}
