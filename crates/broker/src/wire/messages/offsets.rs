//! Offsets by time and by leader epoch.

use crate::wire::macros::message;

message! {
    /// Asks for the offsets at times.
    ListOffsetsRequest {
        replica_id: i32 = 0..;
        isolation_level: i8 = 2..;
        topics: Vec<ListOffsetsTopic> = 0..;
        timeout_ms: i32 = 10..;
    }

    /// A topic.
    ListOffsetsTopic {
        name: String = 0..;
        partitions: Vec<ListOffsetsPartition> = 0..;
    }

    /// A partition and a time.
    ListOffsetsPartition {
        partition_index: i32 = 0..;
        current_leader_epoch: i32 = 4.., default -1;
        timestamp: i64 = 0..;
    }

    /// Answer to [`ListOffsetsRequest`].
    ListOffsetsResponse {
        throttle_time_ms: i32 = 2..;
        topics: Vec<ListedOffsetsTopic> = 0..;
    }

    /// The offsets of a topic.
    ListedOffsetsTopic {
        name: String = 0..;
        partitions: Vec<ListedOffsetsPartition> = 0..;
    }

    /// The offset of a partition.
    ListedOffsetsPartition {
        partition_index: i32 = 0..;
        error_code: i16 = 0..;
        timestamp: i64 = 0.., default -1;
        offset: i64 = 0.., default -1;
        leader_epoch: i32 = 4.., default -1;
    }

    /// Asks where leader epochs ended.
    OffsetForLeaderEpochRequest {
        replica_id: i32 = 3.., default -2;
        topics: Vec<EpochTopic> = 0..;
    }

    /// A topic.
    EpochTopic {
        topic: String = 0..;
        partitions: Vec<EpochPartition> = 0..;
    }

    /// A partition and an epoch.
    EpochPartition {
        partition: i32 = 0..;
        current_leader_epoch: i32 = 0.., default -1;
        leader_epoch: i32 = 0..;
    }

    /// Answer to [`OffsetForLeaderEpochRequest`].
    OffsetForLeaderEpochResponse {
        throttle_time_ms: i32 = 0..;
        topics: Vec<EpochEndTopic> = 0..;
    }

    /// The ends in a topic.
    EpochEndTopic {
        topic: String = 0..;
        partitions: Vec<EpochEnd> = 0..;
    }

    /// The end in a partition.
    EpochEnd {
        error_code: i16 = 0..;
        partition: i32 = 0..;
        leader_epoch: i32 = 0.., default -1;
        end_offset: i64 = 0.., default -1;
    }
}
