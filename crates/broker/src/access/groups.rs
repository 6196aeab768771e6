//! Requests about groups, and how far they have read.

use super::{Admission, Gate, Guarded, refusal, whole};
use crate::security::acl::{Kind, Operation};
use crate::wire::ErrorCode;
use crate::wire::messages::commits::*;
use crate::wire::messages::consumer_groups::*;
use crate::wire::messages::groups::*;
use crate::wire::messages::membership::*;

/// From this version on a request may ask for several coordinators, or for the offsets of several groups.
const COORDINATORS_FROM: i16 = 4;
const OFFSETS_OF_GROUPS_FROM: i16 = 8;
/// What a coordinator is looked for: anything else is no group and no transaction.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

whole! {
    JoinGroupRequest: Read Group of group_id => |_, error_code| JoinGroupResponse { error_code, ..Default::default() };
    SyncGroupRequest: Read Group of group_id => |_, error_code| SyncGroupResponse { error_code, ..Default::default() };
    HeartbeatRequest: Read Group of group_id => |_, error_code| HeartbeatResponse { error_code, ..Default::default() };
    LeaveGroupRequest: Read Group of group_id => |_, error_code| LeaveGroupResponse { error_code, ..Default::default() };
}

impl Guarded for DeleteGroupsRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let denied = gate.refuse(&mut self.groups_names, Operation::Delete, Kind::Group, |group| group);
        if denied.is_empty() {
            return Admission::ALL;
        }
        Admission::and(|response: &mut DeleteGroupsResponse, _| {
            let refused = |group_id| DeletedGroup { group_id, error_code: refusal(Kind::Group) };
            response.results.extend(denied.into_iter().map(refused));
        })
    }
}

impl Guarded for FindCoordinatorRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let kind = match self.key_type {
            GROUP => Kind::Group,
            TRANSACTION => Kind::TransactionalId,
            _ => return Admission::ALL,
        };
        let error_code = refusal(kind);
        let error_message = ErrorCode::of(error_code).map(|code| code.to_string());
        if gate.version() < COORDINATORS_FROM {
            if gate.allows(Operation::Describe, kind, &self.key) {
                return Admission::ALL;
            }
            let refused = FindCoordinatorResponse { error_code, error_message, ..Default::default() };
            return Admission::Refused(FindCoordinatorResponse { node_id: -1, port: -1, ..refused });
        }
        let denied = gate.refuse(&mut self.coordinator_keys, Operation::Describe, kind, |key| key);
        if denied.is_empty() {
            return Admission::ALL;
        }
        Admission::and(move |response: &mut FindCoordinatorResponse, _| {
            let refused = denied.into_iter().map(|key| Coordinator {
                key,
                node_id: -1,
                host: String::new(),
                port: -1,
                error_code,
                error_message: error_message.clone(),
            });
            response.coordinators.extend(refused);
        })
    }
}

fn refused_commit(topic: OffsetCommitTopic, error_code: i16) -> CommittedTopic {
    let partitions = topic.partitions.iter();
    let partitions =
        partitions.map(|asked| CommittedPartition { partition_index: asked.partition_index, error_code }).collect();
    CommittedTopic { name: topic.name, partitions }
}

impl Guarded for OffsetCommitRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.allows(Operation::Read, Kind::Group, &self.group_id) {
            let topics = std::mem::take(&mut self.topics).into_iter();
            let topics = topics.map(|topic| refused_commit(topic, refusal(Kind::Group))).collect();
            return Admission::Refused(OffsetCommitResponse { topics, ..Default::default() });
        }
        let denied = gate.refuse(&mut self.topics, Operation::Read, Kind::Topic, |topic| &topic.name);
        if denied.is_empty() {
            return Admission::ALL;
        }
        Admission::and(|response: &mut OffsetCommitResponse, _| {
            response.topics.extend(denied.into_iter().map(|topic| refused_commit(topic, refusal(Kind::Topic))));
        })
    }
}

fn refused_offsets(topic: OffsetFetchTopic, error_code: i16) -> FetchedOffsetTopic {
    let partition = |partition_index| FetchedOffsetPartition {
        partition_index,
        committed_offset: -1,
        error_code,
        metadata: Some(String::new()),
        ..Default::default()
    };
    FetchedOffsetTopic { name: topic.name, partitions: topic.partition_indexes.into_iter().map(partition).collect() }
}

fn refused_group_offsets(topic: OffsetFetchGroupTopic, error_code: i16) -> FetchedOffsetGroupTopic {
    let partition = |partition_index| FetchedOffsetGroupPartition {
        partition_index,
        committed_offset: -1,
        error_code,
        metadata: Some(String::new()),
        ..Default::default()
    };
    let partitions = topic.partition_indexes.into_iter().map(partition).collect();
    FetchedOffsetGroupTopic { name: topic.name, partitions }
}

impl OffsetFetchRequest {
    /// Of the one group of older versions.
    fn admit_group(&mut self, gate: &Gate<'_>) -> Admission<OffsetFetchResponse> {
        if !gate.allows(Operation::Describe, Kind::Group, &self.group_id) {
            let error_code = refusal(Kind::Group);
            // The oldest version has no place for an error but at every partition.
            let topics = self.topics.take().unwrap_or_default().into_iter();
            let topics = topics.map(|topic| refused_offsets(topic, error_code)).collect();
            return Admission::Refused(OffsetFetchResponse { error_code, topics, ..Default::default() });
        }
        let denied = match &mut self.topics {
            Some(topics) => gate.refuse(topics, Operation::Describe, Kind::Topic, |topic| &topic.name),
            None => Vec::new(),
        };
        Admission::and(move |response: &mut OffsetFetchResponse, gate| {
            response.topics.retain(|topic| gate.allows(Operation::Describe, Kind::Topic, &topic.name));
            response.topics.extend(denied.into_iter().map(|topic| refused_offsets(topic, refusal(Kind::Topic))));
        })
    }
}

impl Guarded for OffsetFetchRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.is_closed() {
            return Admission::ALL;
        }
        if gate.version() < OFFSETS_OF_GROUPS_FROM {
            return self.admit_group(gate);
        }
        let groups = gate.refuse(&mut self.groups, Operation::Describe, Kind::Group, |group| &group.group_id);
        let topics_of = |group: &mut OffsetFetchGroup| match &mut group.topics {
            Some(topics) => gate.refuse(topics, Operation::Describe, Kind::Topic, |topic| &topic.name),
            None => Vec::new(),
        };
        let topics: Vec<_> = self.groups.iter_mut().map(topics_of).collect();
        Admission::and(move |response: &mut OffsetFetchResponse, gate| {
            // Groups are answered in the order in which they were asked for.
            for (group, denied) in response.groups.iter_mut().zip(topics) {
                group.topics.retain(|topic| gate.allows(Operation::Describe, Kind::Topic, &topic.name));
                let refused = denied.into_iter().map(|topic| refused_group_offsets(topic, refusal(Kind::Topic)));
                group.topics.extend(refused);
            }
            let error_code = refusal(Kind::Group);
            let refused = groups.into_iter().map(|group| FetchedOffsetGroup {
                group_id: group.group_id,
                error_code,
                ..Default::default()
            });
            response.groups.extend(refused);
        })
    }
}

impl Guarded for OffsetDeleteRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.allows(Operation::Delete, Kind::Group, &self.group_id) {
            let error_code = refusal(Kind::Group);
            return Admission::Refused(OffsetDeleteResponse { error_code, ..Default::default() });
        }
        let denied = gate.refuse(&mut self.topics, Operation::Read, Kind::Topic, |topic| &topic.name);
        if denied.is_empty() {
            return Admission::ALL;
        }
        Admission::and(|response: &mut OffsetDeleteResponse, _| {
            let error_code = refusal(Kind::Topic);
            let refused = denied.into_iter().map(|topic| DeletedOffsetTopic {
                partitions: topic
                    .partitions
                    .iter()
                    .map(|asked| DeletedOffsetPartition { partition_index: asked.partition_index, error_code })
                    .collect(),
                name: topic.name,
            });
            response.topics.extend(refused);
        })
    }
}

impl Guarded for ListGroupsRequest {
    /// Who may look at the cluster sees all groups, others those that they may look at.
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.is_closed() || gate.allows_cluster(Operation::Describe) {
            return Admission::ALL;
        }
        Admission::and(|response: &mut ListGroupsResponse, gate| {
            response.groups.retain(|group| gate.allows(Operation::Describe, Kind::Group, &group.group_id));
        })
    }
}

impl Guarded for DescribeGroupsRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let denied = gate.refuse(&mut self.groups, Operation::Describe, Kind::Group, |group| group);
        let with_operations = self.include_authorized_operations;
        if denied.is_empty() && !with_operations {
            return Admission::ALL;
        }
        Admission::and(move |response: &mut DescribeGroupsResponse, gate| {
            if with_operations {
                let all = response.groups.iter_mut().filter(|group| group.error_code == 0);
                all.for_each(|group| group.authorized_operations = gate.operations(Kind::Group, &group.group_id));
            }
            let error_code = refusal(Kind::Group);
            let refused = |group_id| DescribedGroup { error_code, group_id, ..Default::default() };
            response.groups.extend(denied.into_iter().map(refused));
        })
    }
}

impl Guarded for ConsumerGroupHeartbeatRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let refused =
            |error_code: i16| Admission::Refused(ConsumerGroupHeartbeatResponse { error_code, ..Default::default() });
        if !gate.allows(Operation::Read, Kind::Group, &self.group_id) {
            return refused(refusal(Kind::Group));
        }
        let mut topics = self.subscribed_topic_names.iter().flatten();
        if topics.any(|topic| !gate.allows(Operation::Describe, Kind::Topic, topic)) {
            return refused(refusal(Kind::Topic));
        }
        Admission::ALL
    }
}

impl Guarded for ConsumerGroupDescribeRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let denied = gate.refuse(&mut self.group_ids, Operation::Describe, Kind::Group, |group| group);
        let with_operations = self.include_authorized_operations;
        if !gate.is_closed() && !with_operations {
            return Admission::ALL;
        }
        Admission::and(move |response: &mut ConsumerGroupDescribeResponse, gate| {
            for group in response.groups.iter_mut().filter(|group| group.error_code == 0) {
                if with_operations {
                    group.authorized_operations = gate.operations(Kind::Group, &group.group_id);
                }
                if !may_see_topics(group, gate) {
                    group.error_code = refusal(Kind::Topic);
                    group.error_message = Some("the members read topics that the client may not see".to_owned());
                    group.members.clear();
                }
            }
            let error_code = refusal(Kind::Group);
            let refused = |group_id| DescribedConsumerGroup { error_code, group_id, ..Default::default() };
            response.groups.extend(denied.into_iter().map(refused));
        })
    }
}

fn may_see_topics(group: &DescribedConsumerGroup, gate: &Gate<'_>) -> bool {
    let assigned = |assignment: &DescribedAssignment, may_see: &dyn Fn(&str) -> bool| {
        assignment.topic_partitions.iter().all(|topic| may_see(&topic.topic_name))
    };
    let may_see = |topic: &str| gate.allows(Operation::Describe, Kind::Topic, topic);
    group.members.iter().all(|member| {
        member.subscribed_topic_names.iter().all(|topic| may_see(topic))
            && assigned(&member.assignment, &may_see)
            && assigned(&member.target_assignment, &may_see)
    })
}
