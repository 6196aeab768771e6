//! How far groups have read.

use crate::wire::macros::message;

message! {
    /// Asks to note how far a group has read.
    OffsetCommitRequest {
        group_id: String = 0..;
        generation_id_or_member_epoch: i32 = 0.., default -1;
        member_id: String = 0..;
        group_instance_id: Option<String> = 7..;
        retention_time_ms: i64 = 0..=4, default -1;
        topics: Vec<OffsetCommitTopic> = 0..;
    }

    /// A topic.
    OffsetCommitTopic {
        name: String = 0..=9;
        partitions: Vec<OffsetCommitPartition> = 0..;
    }

    /// How far a partition was read.
    OffsetCommitPartition {
        partition_index: i32 = 0..;
        committed_offset: i64 = 0..;
        committed_leader_epoch: i32 = 6.., default -1;
        committed_metadata: Option<String> = 0..;
    }

    /// Answer to [`OffsetCommitRequest`].
    OffsetCommitResponse {
        throttle_time_ms: i32 = 3..;
        topics: Vec<CommittedTopic> = 0..;
    }

    /// What became of a topic.
    CommittedTopic {
        name: String = 0..=9;
        partitions: Vec<CommittedPartition> = 0..;
    }

    /// What became of a partition.
    CommittedPartition {
        partition_index: i32 = 0..;
        error_code: i16 = 0..;
    }

    /// Asks how far groups have read.
    OffsetFetchRequest {
        group_id: String = 0..=7;
        topics: Option<Vec<OffsetFetchTopic>> = 0..=7, null 2..=7;
        groups: Vec<OffsetFetchGroup> = 8..;
        require_stable: bool = 7..;
    }

    /// A topic of the only group.
    OffsetFetchTopic {
        name: String = 0..=7;
        partition_indexes: Vec<i32> = 0..=7;
    }

    /// A group.
    OffsetFetchGroup {
        group_id: String = 8..;
        member_id: Option<String> = 9..;
        member_epoch: i32 = 9.., default -1;
        topics: Option<Vec<OffsetFetchGroupTopic>> = 8..;
    }

    /// A topic of a group.
    OffsetFetchGroupTopic {
        name: String = 8..=9;
        partition_indexes: Vec<i32> = 8..;
    }

    /// Answer to [`OffsetFetchRequest`].
    OffsetFetchResponse {
        throttle_time_ms: i32 = 3..;
        topics: Vec<FetchedOffsetTopic> = 0..=7;
        error_code: i16 = 2..=7;
        groups: Vec<FetchedOffsetGroup> = 8..;
    }

    /// A topic of the only group.
    FetchedOffsetTopic {
        name: String = 0..=7;
        partitions: Vec<FetchedOffsetPartition> = 0..=7;
    }

    /// A group.
    FetchedOffsetGroup {
        group_id: String = 8..;
        topics: Vec<FetchedOffsetGroupTopic> = 8..;
        error_code: i16 = 8..;
    }

    /// How far the only group has read a partition.
    FetchedOffsetPartition {
        partition_index: i32 = 0..=7;
        committed_offset: i64 = 0..=7;
        committed_leader_epoch: i32 = 5..=7, default -1;
        metadata: Option<String> = 0..=7;
        error_code: i16 = 0..=7;
    }

    /// A topic of a group.
    FetchedOffsetGroupTopic {
        name: String = 8..=9;
        partitions: Vec<FetchedOffsetGroupPartition> = 8..;
    }

    /// How far a group has read a partition.
    FetchedOffsetGroupPartition {
        partition_index: i32 = 8..;
        committed_offset: i64 = 8..;
        committed_leader_epoch: i32 = 8.., default -1;
        metadata: Option<String> = 8..;
        error_code: i16 = 8..;
    }

    /// Asks to forget how far a group has read.
    OffsetDeleteRequest {
        group_id: String = 0..;
        topics: Vec<OffsetDeleteTopic> = 0..;
    }

    /// A topic.
    OffsetDeleteTopic {
        name: String = 0..;
        partitions: Vec<OffsetDeletePartition> = 0..;
    }

    /// A partition.
    OffsetDeletePartition {
        partition_index: i32 = 0..;
    }

    /// Answer to [`OffsetDeleteRequest`].
    OffsetDeleteResponse {
        error_code: i16 = 0..;
        throttle_time_ms: i32 = 0..;
        topics: Vec<DeletedOffsetTopic> = 0..;
    }

    /// What became of a topic.
    DeletedOffsetTopic {
        name: String = 0..;
        partitions: Vec<DeletedOffsetPartition> = 0..;
    }

    /// What became of a partition.
    DeletedOffsetPartition {
        partition_index: i32 = 0..;
        error_code: i16 = 0..;
    }
}
