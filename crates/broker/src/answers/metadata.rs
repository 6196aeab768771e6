//! Which broker and which topics there are.

use std::collections::BTreeMap;

use millrace_flow::TopicPartition;
use millrace_log::{ClientTopic, LogError};

use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::options::{NO_NODE, NODE_ID};
use crate::wire::messages::cluster::{ClusterBroker, DescribeClusterRequest, DescribeClusterResponse};
use crate::wire::messages::metadata::{
    MetadataBroker, MetadataPartition, MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataTopic,
};
use crate::wire::{ErrorCode, Uuid};

impl Broker {
    pub(super) async fn metadata(&self, request: MetadataRequest, call: &Call) -> MetadataResponse {
        // Before there was null, an empty list stood for all.
        let asked = request.topics.filter(|topics| call.header.api_version > 0 || !topics.is_empty());
        let may_create = request.allow_auto_topic_creation && self.options.auto_create_topics;
        let topics = match asked {
            None => self.log.client_topics().iter().map(|topic| self.topic_metadata(topic)).collect(),
            Some(topics) => topics.into_iter().map(|topic| self.asked_metadata(topic, may_create)).collect(),
        };
        let (node_id, host, port) = self.node();
        MetadataResponse {
            brokers: vec![MetadataBroker { node_id, host, port, rack: None }],
            cluster_id: Some(self.cluster_id()),
            controller_id: node_id,
            topics,
            ..MetadataResponse::default()
        }
    }

    fn asked_metadata(&self, asked: MetadataRequestTopic, may_create: bool) -> MetadataTopic {
        let MetadataRequestTopic { topic_id, name } = asked;
        let Some(name) = name else {
            let found = self.log.client_topics().into_iter().find(|topic| topic.id == topic_id.0);
            return match found {
                Some(topic) => self.topic_metadata(&topic),
                None => without_topic(None, topic_id, ErrorCode::UnknownTopicId),
            };
        };
        if let Some(topic) = self.log.client_topic(&name) {
            return self.topic_metadata(&topic);
        }
        if !may_create {
            let is_name = millrace_log::check_topic_name(&name).is_ok();
            let code = if is_name { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::InvalidTopic };
            return without_topic(Some(name), topic_id, code);
        }
        match on_disk(|| self.log.create_client_topic(&name, self.options.partitions, 1, BTreeMap::new())) {
            Ok(topic) => self.topic_metadata(&topic),
            // Somebody else was faster.
            Err(LogError::TopicExists(_)) => match self.log.client_topic(&name) {
                Some(topic) => self.topic_metadata(&topic),
                None => without_topic(Some(name), topic_id, ErrorCode::UnknownTopicOrPartition),
            },
            Err(error) => without_topic(Some(name), topic_id, code_of(&error)),
        }
    }

    fn topic_metadata(&self, topic: &ClientTopic) -> MetadataTopic {
        let leader_epoch = self.leader_epoch(topic.is_of_clients);
        let partition = |number: u32| {
            let leader = self.leader(topic, number);
            let error = leader.map_or(ErrorCode::LeaderNotAvailable.number(), |_| 0);
            MetadataPartition {
                error_code: error,
                partition_index: i32::try_from(number).unwrap_or(i32::MAX),
                leader_id: leader.unwrap_or(NO_NODE),
                leader_epoch,
                replica_nodes: vec![NODE_ID],
                isr_nodes: leader.into_iter().collect(),
                offline_replicas: if leader.is_none() { vec![NODE_ID] } else { Vec::new() },
            }
        };
        MetadataTopic {
            name: Some(topic.info.spec.name.to_string()),
            topic_id: Uuid(topic.id),
            partitions: (0..topic.info.spec.partitions).map(partition).collect(),
            ..MetadataTopic::default()
        }
    }

    /// Who leads a partition: nobody while it is offline.
    pub(super) fn leader(&self, topic: &ClientTopic, number: u32) -> Option<i32> {
        let partition = TopicPartition::new(topic.info.spec.name.clone(), number);
        (!self.log.is_offline(&partition)).then_some(NODE_ID)
    }

    /// The epoch of the leader of a topic's partitions: what this program writes itself has one only.
    pub(super) fn leader_epoch(&self, is_of_clients: bool) -> i32 {
        if is_of_clients { self.log.leader_epoch() } else { 0 }
    }

    pub(super) async fn describe_cluster(
        &self,
        request: DescribeClusterRequest,
        _call: &Call,
    ) -> DescribeClusterResponse {
        let (broker_id, host, port) = self.node();
        DescribeClusterResponse {
            endpoint_type: request.endpoint_type,
            cluster_id: self.cluster_id(),
            controller_id: broker_id,
            brokers: vec![ClusterBroker { broker_id, host, port, ..ClusterBroker::default() }],
            ..DescribeClusterResponse::default()
        }
    }
}

fn without_topic(name: Option<String>, topic_id: Uuid, code: ErrorCode) -> MetadataTopic {
    MetadataTopic { error_code: code.number(), name, topic_id, ..MetadataTopic::default() }
}
