//! Reading records.

use crate::wire::macros::message;
use crate::wire::{Records, Uuid};

message! {
    /// Asks for record batches from offsets on.
    FetchRequest {
        replica_id: i32 = 0..=14, default -1;
        max_wait_ms: i32 = 0..;
        min_bytes: i32 = 0..;
        max_bytes: i32 = 0.., default i32::MAX;
        isolation_level: i8 = 0..;
        session_id: i32 = 7..;
        session_epoch: i32 = 7.., default -1;
        topics: Vec<FetchTopic> = 0..;
        forgotten_topics_data: Vec<FetchForgottenTopic> = 7..;
        rack_id: String = 11..;
        cluster_id: Option<String> = 12.., tag 0;
        replica_state: FetchReplica = 15.., tag 1;
    }

    /// The broker that reads as a replica.
    FetchReplica {
        replica_id: i32 = 15.., default -1;
        replica_epoch: i64 = 15.., default -1;
    }

    /// A topic to read.
    FetchTopic {
        topic: String = 0..=12;
        topic_id: Uuid = 13..;
        partitions: Vec<FetchPartition> = 0..;
    }

    /// Partitions that a session ends reading.
    FetchForgottenTopic {
        topic: String = 7..=12;
        topic_id: Uuid = 13..;
        partitions: Vec<i32> = 7..;
    }

    /// A partition to read.
    FetchPartition {
        partition: i32 = 0..;
        current_leader_epoch: i32 = 9.., default -1;
        fetch_offset: i64 = 0..;
        last_fetched_epoch: i32 = 12.., default -1;
        log_start_offset: i64 = 5.., default -1;
        partition_max_bytes: i32 = 0..;
        replica_directory_id: Uuid = 17.., tag 0;
    }

    /// Answer to [`FetchRequest`].
    FetchResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 7..;
        session_id: i32 = 7..;
        responses: Vec<FetchedTopic> = 0..;
        node_endpoints: Vec<FetchEndpoint> = 16.., tag 0;
    }

    /// What was read of a topic.
    FetchedTopic {
        topic: String = 0..=12;
        topic_id: Uuid = 13..;
        partitions: Vec<FetchedPartition> = 0..;
    }

    /// Where a leader is to be reached.
    FetchEndpoint {
        node_id: i32 = 16..;
        host: String = 16..;
        port: i32 = 16..;
        rack: Option<String> = 16..;
    }

    /// What was read of a partition.
    FetchedPartition {
        partition_index: i32 = 0..;
        error_code: i16 = 0..;
        high_watermark: i64 = 0..;
        last_stable_offset: i64 = 0.., default -1;
        log_start_offset: i64 = 5.., default -1;
        aborted_transactions: Option<Vec<FetchAborted>> = 0..;
        preferred_read_replica: i32 = 11.., default -1;
        records: Records = 0..;
        diverging_epoch: FetchEpochEnd = 12.., tag 0;
        current_leader: FetchLeader = 12.., tag 1;
        snapshot_id: FetchSnapshot = 12.., tag 2;
    }

    /// Where a leader epoch ended.
    FetchEpochEnd {
        epoch: i32 = 12.., default -1;
        end_offset: i64 = 12.., default -1;
    }

    /// The leader of a partition.
    FetchLeader {
        leader_id: i32 = 12.., default -1;
        leader_epoch: i32 = 12.., default -1;
    }

    /// A snapshot to read instead.
    FetchSnapshot {
        end_offset: i64 = 12.., default -1;
        epoch: i32 = 12.., default -1;
    }

    /// An aborted transaction with records among those read.
    FetchAborted {
        producer_id: i64 = 0..;
        first_offset: i64 = 0..;
    }
}
