//! Groups of consumers: membership, and how far they have read.

use millrace_flow::TopicPartition;
use uuid::Uuid;

use super::Call;
use crate::Broker;
use crate::groups::{
    CommitPartition, CommitRequest, CommitTopic, FetchOffsetsRequest, FetchedPartition, FetchedTopic, GroupError,
    HeartbeatRequest as Beat, JoinRequest, LeaveRequest, LeavingMember, ListGroupsRequest as List, Protocol, Reply,
    SyncRequest, TopicErrors, TopicPartitions,
};
use crate::wire::ErrorCode;
use crate::wire::messages::commits::*;
use crate::wire::messages::groups::*;
use crate::wire::messages::membership::*;

/// Kinds of things that have a coordinator.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// The number of an error of a group.
pub(super) fn code_of(error: GroupError) -> ErrorCode {
    match error {
        GroupError::CoordinatorNotAvailable => ErrorCode::CoordinatorNotAvailable,
        GroupError::NotCoordinator => ErrorCode::NotCoordinator,
        GroupError::InvalidGroupId => ErrorCode::InvalidGroupId,
        GroupError::GroupIdNotFound => ErrorCode::GroupIdNotFound,
        GroupError::NonEmptyGroup => ErrorCode::NonEmptyGroup,
        GroupError::GroupMaxSizeReached => ErrorCode::GroupMaxSizeReached,
        GroupError::GroupSubscribedToTopic => ErrorCode::GroupSubscribedToTopic,
        GroupError::InconsistentGroupProtocol => ErrorCode::InconsistentGroupProtocol,
        GroupError::InvalidSessionTimeout => ErrorCode::InvalidSessionTimeout,
        GroupError::MemberIdRequired => ErrorCode::MemberIdRequired,
        GroupError::UnknownMemberId => ErrorCode::UnknownMemberId,
        GroupError::FencedInstanceId => ErrorCode::FencedInstanceId,
        GroupError::IllegalGeneration => ErrorCode::IllegalGeneration,
        GroupError::RebalanceInProgress => ErrorCode::RebalanceInProgress,
        GroupError::OffsetMetadataTooLarge => ErrorCode::OffsetMetadataTooLarge,
        GroupError::UnstableOffsetCommit => ErrorCode::UnstableOffsetCommit,
        GroupError::InvalidRequest => ErrorCode::InvalidRequest,
        GroupError::UnsupportedVersion => ErrorCode::UnsupportedVersion,
        GroupError::FencedMemberEpoch => ErrorCode::FencedMemberEpoch,
        GroupError::StaleMemberEpoch => ErrorCode::StaleMemberEpoch,
        GroupError::UnreleasedInstanceId => ErrorCode::UnreleasedInstanceId,
        GroupError::UnsupportedAssignor => ErrorCode::UnsupportedAssignor,
        GroupError::InvalidRegularExpression => ErrorCode::InvalidRegularExpression,
    }
}

fn number_of(error: Option<GroupError>) -> i16 {
    error.map_or(ErrorCode::None, code_of).number()
}

/// What an answer says when what it would tell of cannot be kept.
pub(super) const UNAVAILABLE: GroupError = GroupError::CoordinatorNotAvailable;

impl Broker {
    pub(super) async fn find_coordinator(
        &self,
        request: FindCoordinatorRequest,
        _call: &Call,
    ) -> FindCoordinatorResponse {
        let (node_id, host, port) = self.node();
        let is_known = matches!(request.key_type, GROUP | TRANSACTION);
        let code = if is_known { ErrorCode::None } else { ErrorCode::InvalidRequest };
        let error_message =
            (code != ErrorCode::None).then(|| "only groups and transactions have a coordinator here".to_owned());
        let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
            key,
            node_id,
            host: host.clone(),
            port,
            error_code: code.number(),
            error_message: error_message.clone(),
        });
        FindCoordinatorResponse {
            coordinators: coordinators.collect(),
            error_code: code.number(),
            error_message: error_message.clone(),
            node_id,
            host: host.clone(),
            port,
            ..FindCoordinatorResponse::default()
        }
    }

    pub(super) async fn join_group(&self, request: JoinGroupRequest, call: &Call) -> JoinGroupResponse {
        let version = call.header.api_version;
        let protocols = request.protocols.into_iter();
        let join = JoinRequest {
            version,
            group: request.group_id,
            member_id: request.member_id.clone(),
            instance_id: request.group_instance_id,
            client_id: call.client_id().to_owned(),
            client_host: format!("/{}", call.peer.ip()),
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms: if version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms },
            protocol_type: request.protocol_type,
            protocols: protocols.map(|known| Protocol { name: known.name, metadata: known.metadata }).collect(),
            id_seed: Uuid::new_v4().as_u128(),
        };
        let Some(Reply::Join(joined)) = self.groups.ask(|groups, token, now_ms| groups.join(token, join, now_ms)).await
        else {
            let error_code = code_of(UNAVAILABLE).number();
            return JoinGroupResponse { error_code, member_id: request.member_id, ..JoinGroupResponse::default() };
        };
        let members = joined.members.into_iter().map(|member| JoinGroupMember {
            member_id: member.member_id,
            group_instance_id: member.instance_id,
            metadata: member.metadata,
        });
        JoinGroupResponse {
            throttle_time_ms: 0,
            error_code: number_of(joined.error),
            generation_id: joined.generation,
            protocol_type: joined.protocol_type,
            protocol_name: joined.protocol,
            leader: joined.leader,
            skip_assignment: joined.skip_assignment,
            member_id: joined.member_id,
            members: members.collect(),
        }
    }

    pub(super) async fn sync_group(&self, request: SyncGroupRequest, _call: &Call) -> SyncGroupResponse {
        let assignments = request.assignments.into_iter();
        let sync = SyncRequest {
            group: request.group_id,
            generation: request.generation_id,
            member_id: request.member_id,
            instance_id: request.group_instance_id,
            protocol_type: request.protocol_type,
            protocol: request.protocol_name,
            assignments: assignments.map(|share| (share.member_id, share.assignment)).collect(),
        };
        let answer = match self.groups.ask(|groups, token, now_ms| groups.sync(token, sync, now_ms)).await {
            Some(Reply::Sync(answer)) => answer,
            _ => Err(UNAVAILABLE),
        };
        match answer {
            Ok(answer) => SyncGroupResponse {
                protocol_type: answer.protocol_type,
                protocol_name: answer.protocol,
                assignment: answer.assignment,
                ..SyncGroupResponse::default()
            },
            Err(error) => SyncGroupResponse { error_code: code_of(error).number(), ..SyncGroupResponse::default() },
        }
    }

    pub(super) async fn heartbeat(&self, request: HeartbeatRequest, _call: &Call) -> HeartbeatResponse {
        let beat = Beat {
            group: request.group_id,
            generation: request.generation_id,
            member_id: request.member_id,
            instance_id: request.group_instance_id,
        };
        let answer = match self.groups.ask(|groups, token, now_ms| groups.heartbeat(token, &beat, now_ms)).await {
            Some(Reply::Heartbeat(answer)) => answer,
            _ => Err(UNAVAILABLE),
        };
        HeartbeatResponse { error_code: number_of(answer.err()), ..HeartbeatResponse::default() }
    }

    pub(super) async fn leave_group(&self, request: LeaveGroupRequest, call: &Call) -> LeaveGroupResponse {
        let one_alone = call.header.api_version < 3;
        let members = match one_alone {
            true => vec![LeavingMember { member_id: request.member_id, instance_id: None }],
            false => {
                let leaving = request.members.into_iter();
                let leaving = leaving
                    .map(|member| LeavingMember { member_id: member.member_id, instance_id: member.group_instance_id });
                leaving.collect()
            }
        };
        let leave = LeaveRequest { group: request.group_id, members };
        let answer = match self.groups.ask(|groups, token, now_ms| groups.leave(token, leave, now_ms)).await {
            Some(Reply::Leave(answer)) => answer,
            _ => Err(UNAVAILABLE),
        };
        match answer {
            Err(error) => LeaveGroupResponse { error_code: code_of(error).number(), ..LeaveGroupResponse::default() },
            Ok(left) if one_alone => {
                let error_code = number_of(left.first().and_then(|member| member.error));
                LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() }
            }
            Ok(left) => {
                let members = left.into_iter().map(|member| LeftGroupMember {
                    member_id: member.member_id,
                    group_instance_id: member.instance_id,
                    error_code: number_of(member.error),
                });
                LeaveGroupResponse { members: members.collect(), ..LeaveGroupResponse::default() }
            }
        }
    }

    pub(super) async fn offset_commit(&self, request: OffsetCommitRequest, call: &Call) -> OffsetCommitResponse {
        // Of a partition that is not there nothing is kept.
        let is_there = |topic: &str, partition: i32| {
            u32::try_from(partition).is_ok_and(|number| self.log.offsets(&TopicPartition::new(topic, number)).is_ok())
        };
        let mut topics = Vec::new();
        let mut commits = Vec::new();
        for topic in request.topics {
            let (known, unknown): (Vec<_>, Vec<_>) =
                topic.partitions.into_iter().partition(|partition| is_there(&topic.name, partition.partition_index));
            let refused = unknown.iter().map(|partition| CommittedPartition {
                partition_index: partition.partition_index,
                error_code: ErrorCode::UnknownTopicOrPartition.number(),
            });
            topics.push(CommittedTopic { name: topic.name.clone(), partitions: refused.collect() });
            let partitions = known.into_iter().map(|partition| CommitPartition {
                partition: partition.partition_index,
                offset: partition.committed_offset,
                leader_epoch: Some(partition.committed_leader_epoch).filter(|epoch| *epoch >= 0),
                metadata: partition.committed_metadata,
            });
            commits.push(CommitTopic { topic: topic.name, partitions: partitions.collect() });
        }
        let asked = |topic: &CommitTopic| topic.partitions.iter().map(|asked| asked.partition).collect();
        let asked: Vec<Vec<i32>> = commits.iter().map(asked).collect();
        let commit = CommitRequest {
            version: call.header.api_version,
            group: request.group_id,
            generation: request.generation_id_or_member_epoch,
            member_id: request.member_id,
            instance_id: request.group_instance_id,
            retention_ms: Some(request.retention_time_ms).filter(|ms| *ms >= 0),
            topics: commits,
        };
        let reply = self.groups.ask(|groups, token, now_ms| groups.commit_offsets(token, commit, now_ms)).await;
        let committed: Vec<Vec<CommittedPartition>> = match reply {
            Some(Reply::Commit(outcomes)) => outcomes.into_iter().map(committed_of).collect(),
            _ => {
                let error_code = code_of(UNAVAILABLE).number();
                let failed = |partition_index: i32| CommittedPartition { partition_index, error_code };
                asked.into_iter().map(|all| all.into_iter().map(failed).collect()).collect()
            }
        };
        // Topics are answered in the order in which they were asked for.
        topics.iter_mut().zip(committed).for_each(|(topic, partitions)| topic.partitions.extend(partitions));
        OffsetCommitResponse { topics, ..OffsetCommitResponse::default() }
    }

    pub(super) async fn offset_fetch(&self, request: OffsetFetchRequest, call: &Call) -> OffsetFetchResponse {
        if call.header.api_version >= 8 {
            let mut groups = Vec::with_capacity(request.groups.len());
            for group in request.groups {
                let topics = group.topics.map(|topics| {
                    let topics = topics.into_iter();
                    topics
                        .map(|topic| TopicPartitions { topic: topic.name, partitions: topic.partition_indexes })
                        .collect()
                });
                let member = group.member_id.filter(|_| group.member_epoch >= 0);
                let member = member.map(|member| (member, group.member_epoch));
                let fetched = self.fetch_offsets(&group.group_id, member, topics, request.require_stable).await;
                groups.push(fetched_group(group.group_id, fetched));
            }
            return OffsetFetchResponse { groups, ..OffsetFetchResponse::default() };
        }
        let topics = request.topics.map(|topics| {
            let topics = topics.into_iter();
            topics
                .map(|topic| TopicPartitions { topic: topic.name, partitions: topic.partition_indexes })
                .collect::<Vec<_>>()
        });
        // Before there was null, an empty list stood for nothing at all.
        let fetched = self.fetch_offsets(&request.group_id, None, topics.clone(), request.require_stable).await;
        match fetched {
            Ok(fetched) => {
                let topics = fetched.into_iter().map(|topic| FetchedOffsetTopic {
                    name: topic.topic,
                    partitions: topic.partitions.into_iter().map(fetched_partition).collect(),
                });
                OffsetFetchResponse { topics: topics.collect(), ..OffsetFetchResponse::default() }
            }
            Err(error) => {
                // The oldest versions have no place for an error but at every partition.
                let failed = |partition| FetchedPartition {
                    partition,
                    offset: -1,
                    leader_epoch: None,
                    metadata: String::new(),
                    error: Some(error),
                };
                let topics = topics.unwrap_or_default().into_iter().map(|topic| FetchedOffsetTopic {
                    name: topic.topic,
                    partitions: topic.partitions.into_iter().map(failed).map(fetched_partition).collect(),
                });
                let error_code = code_of(error).number();
                OffsetFetchResponse { topics: topics.collect(), error_code, ..OffsetFetchResponse::default() }
            }
        }
    }

    async fn fetch_offsets(
        &self,
        group: &str,
        member: Option<(String, i32)>,
        topics: Option<Vec<TopicPartitions>>,
        require_stable: bool,
    ) -> Result<Vec<FetchedTopic>, GroupError> {
        let request = FetchOffsetsRequest { group: group.to_owned(), member, topics, require_stable };
        match self.groups.read(|groups, token| groups.fetch_offsets(token, request)) {
            Some(Reply::FetchOffsets(fetched)) => fetched,
            _ => Err(UNAVAILABLE),
        }
    }

    pub(super) async fn list_groups(&self, request: ListGroupsRequest, _call: &Call) -> ListGroupsResponse {
        let list = List { states: request.states_filter, types: request.types_filter };
        let answer = match self.groups.read(|groups, token| groups.list_groups(token, &list)) {
            Some(Reply::ListGroups(answer)) => answer,
            _ => Err(UNAVAILABLE),
        };
        match answer {
            Ok(groups) => {
                let groups = groups.into_iter().map(|group| ListedGroup {
                    group_id: group.group,
                    protocol_type: group.protocol_type,
                    group_state: group.state.to_owned(),
                    group_type: group.group_type.to_owned(),
                });
                ListGroupsResponse { groups: groups.collect(), ..ListGroupsResponse::default() }
            }
            Err(error) => ListGroupsResponse { error_code: code_of(error).number(), ..ListGroupsResponse::default() },
        }
    }

    pub(super) async fn describe_groups(&self, request: DescribeGroupsRequest, call: &Call) -> DescribeGroupsResponse {
        let names = request.groups.clone();
        let reply = self.groups.read(|groups, token| groups.describe_groups(token, names));
        let Some(Reply::DescribeGroups(described)) = reply else {
            let error_code = code_of(UNAVAILABLE).number();
            let failed = |group_id| DescribedGroup { error_code, group_id, ..DescribedGroup::default() };
            let groups = request.groups.into_iter().map(failed).collect();
            return DescribeGroupsResponse { groups, ..DescribeGroupsResponse::default() };
        };
        let groups = described.into_iter().map(|group| {
            // Before this version an unknown group was told as a dead one, and no error.
            let error =
                group.error.filter(|error| *error != GroupError::GroupIdNotFound || call.header.api_version >= 6);
            let members = group.members.into_iter().map(|member| DescribedGroupMember {
                member_id: member.member_id,
                group_instance_id: member.instance_id,
                client_id: member.client_id,
                client_host: member.client_host,
                member_metadata: member.metadata,
                member_assignment: member.assignment,
            });
            DescribedGroup {
                error_code: number_of(error),
                error_message: error.map(|error| error.to_string()),
                group_id: group.group,
                group_state: group.state.name().to_owned(),
                protocol_type: group.protocol_type,
                protocol_data: group.protocol,
                members: members.collect(),
                ..DescribedGroup::default()
            }
        });
        DescribeGroupsResponse { groups: groups.collect(), ..DescribeGroupsResponse::default() }
    }

    pub(super) async fn delete_groups(&self, request: DeleteGroupsRequest, _call: &Call) -> DeleteGroupsResponse {
        let names = request.groups_names.clone();
        let reply = self.groups.ask(|groups, token, now_ms| groups.delete_groups(token, names, now_ms)).await;
        let outcomes = match reply {
            Some(Reply::DeleteGroups(outcomes)) => outcomes,
            _ => request.groups_names.into_iter().map(|name| (name, Some(UNAVAILABLE))).collect(),
        };
        let deleted = |(group_id, error)| DeletedGroup { group_id, error_code: number_of(error) };
        let results = outcomes.into_iter().map(deleted).collect();
        DeleteGroupsResponse { results, ..DeleteGroupsResponse::default() }
    }

    pub(super) async fn offset_delete(&self, request: OffsetDeleteRequest, _call: &Call) -> OffsetDeleteResponse {
        let topics = request.topics.into_iter();
        let topics = topics.map(|topic| TopicPartitions {
            topic: topic.name,
            partitions: topic.partitions.into_iter().map(|partition| partition.partition_index).collect(),
        });
        let (group, topics) = (request.group_id, topics.collect());
        let reply = self.groups.ask(|groups, token, now_ms| groups.delete_offsets(token, &group, topics, now_ms)).await;
        let answer = match reply {
            Some(Reply::DeleteOffsets(answer)) => answer,
            _ => Err(UNAVAILABLE),
        };
        match answer {
            Ok(topics) => {
                let topics = topics.into_iter().map(|topic| DeletedOffsetTopic {
                    name: topic.topic,
                    partitions: topic
                        .partitions
                        .into_iter()
                        .map(|partition| DeletedOffsetPartition {
                            partition_index: partition.partition,
                            error_code: number_of(partition.error),
                        })
                        .collect(),
                });
                OffsetDeleteResponse { topics: topics.collect(), ..OffsetDeleteResponse::default() }
            }
            Err(error) => {
                OffsetDeleteResponse { error_code: code_of(error).number(), ..OffsetDeleteResponse::default() }
            }
        }
    }
}

fn committed_of(outcome: TopicErrors) -> Vec<CommittedPartition> {
    let partition = |partition: crate::groups::PartitionError| CommittedPartition {
        partition_index: partition.partition,
        error_code: number_of(partition.error),
    };
    outcome.partitions.into_iter().map(partition).collect()
}

fn fetched_partition(partition: FetchedPartition) -> FetchedOffsetPartition {
    FetchedOffsetPartition {
        partition_index: partition.partition,
        committed_offset: partition.offset,
        committed_leader_epoch: partition.leader_epoch.unwrap_or(-1),
        metadata: Some(partition.metadata),
        error_code: number_of(partition.error),
    }
}

fn fetched_group(group_id: String, fetched: Result<Vec<FetchedTopic>, GroupError>) -> FetchedOffsetGroup {
    match fetched {
        Ok(topics) => {
            let partition = |partition: FetchedPartition| FetchedOffsetGroupPartition {
                partition_index: partition.partition,
                committed_offset: partition.offset,
                committed_leader_epoch: partition.leader_epoch.unwrap_or(-1),
                metadata: Some(partition.metadata),
                error_code: number_of(partition.error),
            };
            let topics = topics.into_iter().map(|topic| FetchedOffsetGroupTopic {
                name: topic.topic,
                partitions: topic.partitions.into_iter().map(partition).collect(),
            });
            FetchedOffsetGroup { group_id, topics: topics.collect(), ..FetchedOffsetGroup::default() }
        }
        Err(error) => {
            FetchedOffsetGroup { group_id, error_code: code_of(error).number(), ..FetchedOffsetGroup::default() }
        }
    }
}
