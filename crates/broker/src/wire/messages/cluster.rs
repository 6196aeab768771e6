//! Brokers, and where partitions are on them.

use crate::wire::Uuid;
use crate::wire::macros::message;

message! {
    /// Asks for the brokers.
    DescribeClusterRequest {
        include_cluster_authorized_operations: bool = 0..;
        endpoint_type: i8 = 1.., default 1;
        include_fenced_brokers: bool = 2..;
    }

    /// Answer to [`DescribeClusterRequest`].
    DescribeClusterResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        endpoint_type: i8 = 1.., default 1;
        cluster_id: String = 0..;
        controller_id: i32 = 0.., default -1;
        brokers: Vec<ClusterBroker> = 0..;
        cluster_authorized_operations: i32 = 0.., default i32::MIN;
    }

    /// A broker.
    ClusterBroker {
        broker_id: i32 = 0..;
        host: String = 0..;
        port: i32 = 0..;
        rack: Option<String> = 0..;
        is_fenced: bool = 2..;
    }

    /// Asks for topics and partitions, a page at a time.
    DescribeTopicPartitionsRequest {
        topics: Vec<DescribePartitionsTopic> = 0..;
        response_partition_limit: i32 = 0.., default 2000;
        cursor: Option<PartitionsCursor> = 0..;
    }

    /// A topic.
    DescribePartitionsTopic {
        name: String = 0..;
    }

    /// Where a page begins.
    PartitionsCursor {
        topic_name: String = 0..;
        partition_index: i32 = 0..;
    }

    /// Answer to [`DescribeTopicPartitionsRequest`].
    DescribeTopicPartitionsResponse {
        throttle_time_ms: i32 = 0..;
        topics: Vec<DescribedTopic> = 0..;
        next_cursor: Option<PartitionsCursor> = 0..;
    }

    /// A topic.
    DescribedTopic {
        error_code: i16 = 0..;
        name: Option<String> = 0..;
        topic_id: Uuid = 0..;
        is_internal: bool = 0..;
        partitions: Vec<DescribedPartition> = 0..;
        topic_authorized_operations: i32 = 0.., default i32::MIN;
    }

    /// A partition.
    DescribedPartition {
        error_code: i16 = 0..;
        partition_index: i32 = 0..;
        leader_id: i32 = 0..;
        leader_epoch: i32 = 0.., default -1;
        replica_nodes: Vec<i32> = 0..;
        isr_nodes: Vec<i32> = 0..;
        eligible_leader_replicas: Option<Vec<i32>> = 0..;
        last_known_elr: Option<Vec<i32>> = 0..;
        offline_replicas: Vec<i32> = 0..;
    }

    /// Asks for partitions that are moving.
    ListPartitionReassignmentsRequest {
        timeout_ms: i32 = 0.., default 60000;
        topics: Option<Vec<ReassignmentsTopic>> = 0..;
    }

    /// Partitions of a topic.
    ReassignmentsTopic {
        name: String = 0..;
        partition_indexes: Vec<i32> = 0..;
    }

    /// Answer to [`ListPartitionReassignmentsRequest`].
    ListPartitionReassignmentsResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        topics: Vec<MovingTopic> = 0..;
    }

    /// A topic with moving partitions.
    MovingTopic {
        name: String = 0..;
        partitions: Vec<MovingPartition> = 0..;
    }

    /// A moving partition.
    MovingPartition {
        partition_index: i32 = 0..;
        replicas: Vec<i32> = 0..;
        adding_replicas: Vec<i32> = 0..;
        removing_replicas: Vec<i32> = 0..;
    }

    /// Asks for partitions to move.
    AlterPartitionReassignmentsRequest {
        timeout_ms: i32 = 0.., default 60000;
        allow_replication_factor_change: bool = 1.., default true;
        topics: Vec<ReassignedTopic> = 0..;
    }

    /// A topic.
    ReassignedTopic {
        name: String = 0..;
        partitions: Vec<ReassignedPartition> = 0..;
    }

    /// A partition and the brokers that it shall move to; none takes the move back.
    ReassignedPartition {
        partition_index: i32 = 0..;
        replicas: Option<Vec<i32>> = 0..;
    }

    /// Answer to [`AlterPartitionReassignmentsRequest`].
    AlterPartitionReassignmentsResponse {
        throttle_time_ms: i32 = 0..;
        allow_replication_factor_change: bool = 1.., default true;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        responses: Vec<ReassignmentsOfTopic> = 0..;
    }

    /// What became of a topic.
    ReassignmentsOfTopic {
        name: String = 0..;
        partitions: Vec<ReassignmentOfPartition> = 0..;
    }

    /// What became of a partition.
    ReassignmentOfPartition {
        partition_index: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
    }

    /// Asks for directories and the partitions in them.
    DescribeLogDirsRequest {
        topics: Option<Vec<LogDirsTopic>> = 0..;
    }

    /// Partitions of a topic.
    LogDirsTopic {
        topic: String = 0..;
        partitions: Vec<i32> = 0..;
    }

    /// Answer to [`DescribeLogDirsRequest`].
    DescribeLogDirsResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 3..;
        results: Vec<DescribedLogDir> = 0..;
    }

    /// A directory.
    DescribedLogDir {
        error_code: i16 = 0..;
        log_dir: String = 0..;
        topics: Vec<DescribedLogDirTopic> = 0..;
        total_bytes: i64 = 4.., default -1;
        usable_bytes: i64 = 4.., default -1;
    }

    /// A topic in a directory.
    DescribedLogDirTopic {
        name: String = 0..;
        partitions: Vec<DescribedLogDirPartition> = 0..;
    }

    /// A partition in a directory.
    DescribedLogDirPartition {
        partition_index: i32 = 0..;
        partition_size: i64 = 0..;
        offset_lag: i64 = 0..;
        is_future_key: bool = 0..;
    }

    /// Asks for new leaders of partitions.
    ElectLeadersRequest {
        election_type: i8 = 1..;
        topic_partitions: Option<Vec<ElectLeadersTopic>> = 0..;
        timeout_ms: i32 = 0.., default 60000;
    }

    /// Partitions of a topic.
    ElectLeadersTopic {
        topic: String = 0..;
        partitions: Vec<i32> = 0..;
    }

    /// Answer to [`ElectLeadersRequest`].
    ElectLeadersResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 1..;
        replica_election_results: Vec<ElectedTopic> = 0..;
    }

    /// What became of a topic.
    ElectedTopic {
        topic: String = 0..;
        partition_result: Vec<ElectedPartition> = 0..;
    }

    /// What became of a partition.
    ElectedPartition {
        partition_id: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
    }
}
