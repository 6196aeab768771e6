//! Making and removing topics, partitions and records.

use crate::wire::Uuid;
use crate::wire::macros::message;

message! {
    /// Asks for new topics.
    CreateTopicsRequest {
        topics: Vec<CreatableTopic> = 0..;
        timeout_ms: i32 = 0.., default 60000;
        validate_only: bool = 0..;
    }

    /// A new topic.
    CreatableTopic {
        name: String = 0..;
        num_partitions: i32 = 0..;
        replication_factor: i16 = 0..;
        assignments: Vec<CreatableAssignment> = 0..;
        configs: Vec<CreatableTopicConfig> = 0..;
    }

    /// The brokers of a new partition.
    CreatableAssignment {
        partition_index: i32 = 0..;
        broker_ids: Vec<i32> = 0..;
    }

    /// A setting of a new topic.
    CreatableTopicConfig {
        name: String = 0..;
        value: Option<String> = 0..;
    }

    /// Answer to [`CreateTopicsRequest`].
    CreateTopicsResponse {
        throttle_time_ms: i32 = 0..;
        topics: Vec<CreatedTopic> = 0..;
    }

    /// What became of a topic.
    CreatedTopic {
        name: String = 0..;
        topic_id: Uuid = 7..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        num_partitions: i32 = 5.., default -1;
        replication_factor: i16 = 5.., default -1;
        configs: Option<Vec<CreatedTopicConfig>> = 5..;
        topic_config_error_code: i16 = 5.., tag 0;
    }

    /// A setting of a topic that was made.
    CreatedTopicConfig {
        name: String = 5..;
        value: Option<String> = 5..;
        read_only: bool = 5..;
        config_source: i8 = 5.., default -1;
        is_sensitive: bool = 5..;
    }

    /// Asks for topics to go.
    DeleteTopicsRequest {
        topics: Vec<DeletableTopic> = 6..;
        topic_names: Vec<String> = 0..=5;
        timeout_ms: i32 = 0..;
    }

    /// A topic, by name or by id.
    DeletableTopic {
        name: Option<String> = 6..;
        topic_id: Uuid = 6..;
    }

    /// Answer to [`DeleteTopicsRequest`].
    DeleteTopicsResponse {
        throttle_time_ms: i32 = 0..;
        responses: Vec<DeletedTopic> = 0..;
    }

    /// What became of a topic.
    DeletedTopic {
        name: Option<String> = 0.., null 6..;
        topic_id: Uuid = 6..;
        error_code: i16 = 0..;
        error_message: Option<String> = 5..;
    }

    /// Asks for more partitions.
    CreatePartitionsRequest {
        topics: Vec<CreatePartitionsTopic> = 0..;
        timeout_ms: i32 = 0..;
        validate_only: bool = 0..;
    }

    /// A topic and how many partitions it shall have.
    CreatePartitionsTopic {
        name: String = 0..;
        count: i32 = 0..;
        assignments: Option<Vec<CreatePartitionsAssignment>> = 0..;
    }

    /// The brokers of a new partition.
    CreatePartitionsAssignment {
        broker_ids: Vec<i32> = 0..;
    }

    /// Answer to [`CreatePartitionsRequest`].
    CreatePartitionsResponse {
        throttle_time_ms: i32 = 0..;
        results: Vec<CreatedPartitionsTopic> = 0..;
    }

    /// What became of a topic.
    CreatedPartitionsTopic {
        name: String = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
    }

    /// Asks for records before offsets to go.
    DeleteRecordsRequest {
        topics: Vec<DeleteRecordsTopic> = 0..;
        timeout_ms: i32 = 0..;
    }

    /// A topic.
    DeleteRecordsTopic {
        name: String = 0..;
        partitions: Vec<DeleteRecordsPartition> = 0..;
    }

    /// A partition and the first offset to keep.
    DeleteRecordsPartition {
        partition_index: i32 = 0..;
        offset: i64 = 0..;
    }

    /// Answer to [`DeleteRecordsRequest`].
    DeleteRecordsResponse {
        throttle_time_ms: i32 = 0..;
        topics: Vec<DeletedRecordsTopic> = 0..;
    }

    /// What became of a topic.
    DeletedRecordsTopic {
        name: String = 0..;
        partitions: Vec<DeletedRecordsPartition> = 0..;
    }

    /// What became of a partition.
    DeletedRecordsPartition {
        partition_index: i32 = 0..;
        low_watermark: i64 = 0..;
        error_code: i16 = 0..;
    }
}
