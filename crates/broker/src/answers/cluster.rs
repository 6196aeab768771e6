//! Where partitions are: one broker and one folder, whatever is asked.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use millrace_flow::TopicPartition;
use millrace_log::ClientTopic;

use super::{Call, on_disk};
use crate::Broker;
use crate::options::{NO_NODE, NODE_ID};
use crate::wire::messages::cluster::*;
use crate::wire::{ErrorCode, Uuid};

/// Most partitions of one page, whatever a client asks for (`max.request.partition.size.limit` of Kafka's brokers).
const PAGE_PARTITIONS_MAX: i32 = 2_000;

impl Broker {
    pub(super) async fn describe_topic_partitions(
        &self,
        request: DescribeTopicPartitionsRequest,
        _call: &Call,
    ) -> DescribeTopicPartitionsResponse {
        let mut names: BTreeSet<String> = request.topics.into_iter().map(|topic| topic.name).collect();
        if names.is_empty() {
            names = self.log.client_topics().iter().map(|topic| topic.info.spec.name.to_string()).collect();
        }
        let mut left = request.response_partition_limit.clamp(1, PAGE_PARTITIONS_MAX);
        let (mut topics, mut next_cursor) = (Vec::new(), None);
        for name in names {
            let first = match request.cursor.as_ref().map(|cursor| (name.cmp(&cursor.topic_name), cursor)) {
                Some((Ordering::Less, _)) => continue,
                Some((Ordering::Equal, cursor)) => cursor.partition_index.max(0),
                _ => 0,
            };
            if left == 0 {
                next_cursor = Some(PartitionsCursor { topic_name: name, partition_index: first });
                break;
            }
            let Some(topic) = self.log.client_topic(&name) else {
                topics.push(unknown_topic(name));
                continue;
            };
            let partitions = i32::try_from(topic.info.spec.partitions).unwrap_or(i32::MAX);
            let end = first.saturating_add(left).min(partitions);
            topics.push(self.described_topic(&topic, first..end));
            left -= (end - first).max(0);
            if end < partitions {
                next_cursor = Some(PartitionsCursor { topic_name: name, partition_index: end });
                break;
            }
        }
        DescribeTopicPartitionsResponse { topics, next_cursor, ..DescribeTopicPartitionsResponse::default() }
    }

    fn described_topic(&self, topic: &ClientTopic, partitions: std::ops::Range<i32>) -> DescribedTopic {
        let leader_epoch = self.leader_epoch(topic.is_of_clients);
        let partition = |partition_index: i32| {
            let leader = u32::try_from(partition_index).ok().and_then(|number| self.leader(topic, number));
            DescribedPartition {
                error_code: leader.map_or(ErrorCode::LeaderNotAvailable.number(), |_| 0),
                partition_index,
                leader_id: leader.unwrap_or(NO_NODE),
                leader_epoch,
                replica_nodes: vec![NODE_ID],
                isr_nodes: leader.into_iter().collect(),
                eligible_leader_replicas: Some(Vec::new()),
                last_known_elr: Some(Vec::new()),
                offline_replicas: if leader.is_none() { vec![NODE_ID] } else { Vec::new() },
            }
        };
        DescribedTopic {
            name: Some(topic.info.spec.name.to_string()),
            topic_id: Uuid(topic.id),
            partitions: partitions.map(partition).collect(),
            ..DescribedTopic::default()
        }
    }

    /// Nothing ever moves.
    pub(super) async fn list_partition_reassignments(
        &self,
        _request: ListPartitionReassignmentsRequest,
        _call: &Call,
    ) -> ListPartitionReassignmentsResponse {
        ListPartitionReassignmentsResponse::default()
    }

    pub(super) async fn alter_partition_reassignments(
        &self,
        request: AlterPartitionReassignmentsRequest,
        _call: &Call,
    ) -> AlterPartitionReassignmentsResponse {
        let responses = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let (code, error_message) = self.reassign(&topic.name, asked);
                ReassignmentOfPartition {
                    partition_index: asked.partition_index,
                    error_code: code.number(),
                    error_message,
                }
            });
            let partitions = partitions.collect();
            ReassignmentsOfTopic { name: topic.name, partitions }
        });
        AlterPartitionReassignmentsResponse {
            allow_replication_factor_change: request.allow_replication_factor_change,
            responses: responses.collect(),
            ..AlterPartitionReassignmentsResponse::default()
        }
    }

    /// A partition is where it may be: on the one broker. So every move is done already, or impossible.
    fn reassign(&self, topic: &str, asked: &ReassignedPartition) -> (ErrorCode, Option<String>) {
        if !self.has_partition(topic, asked.partition_index) {
            return (ErrorCode::UnknownTopicOrPartition, None);
        }
        match asked.replicas.as_deref() {
            None => (ErrorCode::NoReassignmentInProgress, None),
            Some([NODE_ID]) => (ErrorCode::None, None),
            Some(_) => {
                let text = format!("there is broker {NODE_ID} and no other");
                (ErrorCode::InvalidReplicaAssignment, Some(text))
            }
        }
    }

    pub(super) async fn elect_leaders(&self, request: ElectLeadersRequest, _call: &Call) -> ElectLeadersResponse {
        // Of all partitions only those are named that have got another leader: none.
        let asked = request.topic_partitions.unwrap_or_default();
        let results = asked.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition_id| {
                let code = match self.has_partition(&topic.topic, *partition_id) {
                    true => ErrorCode::ElectionNotNeeded,
                    false => ErrorCode::UnknownTopicOrPartition,
                };
                ElectedPartition {
                    partition_id: *partition_id,
                    error_code: code.number(),
                    error_message: Some(code.text().to_owned()),
                }
            });
            let partition_result = partitions.collect();
            ElectedTopic { topic: topic.topic, partition_result }
        });
        ElectLeadersResponse { replica_election_results: results.collect(), ..ElectLeadersResponse::default() }
    }

    pub(super) async fn describe_log_dirs(
        &self,
        request: DescribeLogDirsRequest,
        _call: &Call,
    ) -> DescribeLogDirsResponse {
        let asked: Vec<(String, Vec<u32>)> = match request.topics {
            None => {
                let all = self.log.client_topics().into_iter().map(|topic| topic.info.spec);
                all.map(|spec| (spec.name.to_string(), (0..spec.partitions).collect())).collect()
            }
            Some(topics) => {
                let number = |partition: i32| u32::try_from(partition).ok();
                let topics = topics.into_iter();
                topics.map(|topic| (topic.topic, topic.partitions.into_iter().filter_map(number).collect())).collect()
            }
        };
        let topics = asked.into_iter().filter_map(|(name, partitions)| self.stored_topic(name, &partitions));
        let topics = topics.collect();
        let (total_bytes, usable_bytes) = on_disk(|| self.room());
        let log_dir = self.log.dir().display().to_string();
        let results =
            vec![DescribedLogDir { log_dir, topics, total_bytes, usable_bytes, ..DescribedLogDir::default() }];
        DescribeLogDirsResponse { results, ..DescribeLogDirsResponse::default() }
    }

    /// What a topic takes; nothing of partitions that are not there.
    fn stored_topic(&self, name: String, partitions: &[u32]) -> Option<DescribedLogDirTopic> {
        let stored = partitions.iter().filter_map(|partition| {
            let bytes = self.log.partition_bytes(&TopicPartition::new(&*name, *partition)).ok()?;
            Some(DescribedLogDirPartition {
                partition_index: i32::try_from(*partition).ok()?,
                partition_size: i64::try_from(bytes).unwrap_or(i64::MAX),
                ..DescribedLogDirPartition::default()
            })
        });
        let partitions: Vec<_> = stored.collect();
        (!partitions.is_empty()).then_some(DescribedLogDirTopic { name, partitions })
    }

    /// Bytes of the file system that the log is on, and those of them that are free for it; -1 where it does not say.
    fn room(&self) -> (i64, i64) {
        let Ok(said) = rustix::fs::statvfs(self.log.dir()) else { return (-1, -1) };
        let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(said.f_frsize)).unwrap_or(i64::MAX);
        (bytes(said.f_blocks), bytes(said.f_bavail))
    }

    pub(super) fn has_partition(&self, topic: &str, partition: i32) -> bool {
        let topic = self.log.client_topic(topic);
        topic.is_some_and(|topic| u32::try_from(partition).is_ok_and(|number| number < topic.info.spec.partitions))
    }
}

fn unknown_topic(name: String) -> DescribedTopic {
    let is_name = millrace_log::check_topic_name(&name).is_ok();
    let code = if is_name { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::InvalidTopic };
    DescribedTopic { error_code: code.number(), name: Some(name), ..DescribedTopic::default() }
}
