//! Groups whose server assigns the partitions.

use crate::wire::Uuid;
use crate::wire::macros::message;

message! {
    /// Asks to become or stay a member, or to go.
    ConsumerGroupHeartbeatRequest {
        group_id: String = 0..;
        member_id: String = 0..;
        member_epoch: i32 = 0..;
        instance_id: Option<String> = 0..;
        rack_id: Option<String> = 0..;
        rebalance_timeout_ms: i32 = 0.., default -1;
        subscribed_topic_names: Option<Vec<String>> = 0..;
        subscribed_topic_regex: Option<String> = 1..;
        server_assignor: Option<String> = 0..;
        topic_partitions: Option<Vec<OwnedPartitions>> = 0..;
    }

    /// Partitions of a topic that the member reads.
    OwnedPartitions {
        topic_id: Uuid = 0..;
        partitions: Vec<i32> = 0..;
    }

    /// Answer to [`ConsumerGroupHeartbeatRequest`].
    ConsumerGroupHeartbeatResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        member_id: Option<String> = 0..;
        member_epoch: i32 = 0..;
        heartbeat_interval_ms: i32 = 0..;
        assignment: Option<ConsumerAssignment> = 0..;
    }

    /// What a member shall read.
    ConsumerAssignment {
        topic_partitions: Vec<ConsumerAssignmentTopic> = 0..;
    }

    /// Partitions of a topic to read.
    ConsumerAssignmentTopic {
        topic_id: Uuid = 0..;
        partitions: Vec<i32> = 0..;
    }

    /// Asks for groups and their members.
    ConsumerGroupDescribeRequest {
        group_ids: Vec<String> = 0..;
        include_authorized_operations: bool = 0..;
    }

    /// Answer to [`ConsumerGroupDescribeRequest`].
    ConsumerGroupDescribeResponse {
        throttle_time_ms: i32 = 0..;
        groups: Vec<DescribedConsumerGroup> = 0..;
    }

    /// A group.
    DescribedConsumerGroup {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        group_id: String = 0..;
        group_state: String = 0..;
        group_epoch: i32 = 0..;
        assignment_epoch: i32 = 0..;
        assignor_name: String = 0..;
        members: Vec<DescribedConsumer> = 0..;
        authorized_operations: i32 = 0.., default i32::MIN;
    }

    /// A member.
    DescribedConsumer {
        member_id: String = 0..;
        instance_id: Option<String> = 0..;
        rack_id: Option<String> = 0..;
        member_epoch: i32 = 0..;
        client_id: String = 0..;
        client_host: String = 0..;
        subscribed_topic_names: Vec<String> = 0..;
        subscribed_topic_regex: Option<String> = 0..;
        assignment: DescribedAssignment = 0..;
        target_assignment: DescribedAssignment = 0..;
        member_type: i8 = 1.., default -1;
    }

    /// What a member reads.
    DescribedAssignment {
        topic_partitions: Vec<DescribedAssignmentTopic> = 0..;
    }

    /// Partitions of a topic.
    DescribedAssignmentTopic {
        topic_id: Uuid = 0..;
        topic_name: String = 0..;
        partitions: Vec<i32> = 0..;
    }
}
