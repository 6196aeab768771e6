//! Which brokers, topics and partitions there are.

use crate::wire::Uuid;
use crate::wire::macros::message;

message! {
    /// Asks for brokers, topics and partitions.
    MetadataRequest {
        topics: Option<Vec<MetadataRequestTopic>> = 0.., null 1..;
        allow_auto_topic_creation: bool = 4.., default true;
        include_cluster_authorized_operations: bool = 8..=10;
        include_topic_authorized_operations: bool = 8..;
    }

    /// A topic, by name or by id.
    MetadataRequestTopic {
        topic_id: Uuid = 10..;
        name: Option<String> = 0.., null 10..;
    }

    /// Answer to [`MetadataRequest`].
    MetadataResponse {
        throttle_time_ms: i32 = 3..;
        brokers: Vec<MetadataBroker> = 0..;
        cluster_id: Option<String> = 2..;
        controller_id: i32 = 1.., default -1;
        topics: Vec<MetadataTopic> = 0..;
        cluster_authorized_operations: i32 = 8..=10, default i32::MIN;
        error_code: i16 = 13..;
    }

    /// A broker.
    MetadataBroker {
        node_id: i32 = 0..;
        host: String = 0..;
        port: i32 = 0..;
        rack: Option<String> = 1..;
    }

    /// A topic.
    MetadataTopic {
        error_code: i16 = 0..;
        name: Option<String> = 0.., null 12..;
        topic_id: Uuid = 10..;
        is_internal: bool = 1..;
        partitions: Vec<MetadataPartition> = 0..;
        topic_authorized_operations: i32 = 8.., default i32::MIN;
    }

    /// A partition.
    MetadataPartition {
        error_code: i16 = 0..;
        partition_index: i32 = 0..;
        leader_id: i32 = 0..;
        leader_epoch: i32 = 7.., default -1;
        replica_nodes: Vec<i32> = 0..;
        isr_nodes: Vec<i32> = 0..;
        offline_replicas: Vec<i32> = 5..;
    }
}
