//! Finding the coordinator of a group, and being a member of one.

use bytes::Bytes;

use crate::wire::macros::message;

message! {
    /// Asks for the brokers that keep groups or transactions.
    FindCoordinatorRequest {
        key: String = 0..=3;
        key_type: i8 = 1..;
        coordinator_keys: Vec<String> = 4..;
    }

    /// Answer to [`FindCoordinatorRequest`].
    FindCoordinatorResponse {
        throttle_time_ms: i32 = 1..;
        error_code: i16 = 0..=3;
        error_message: Option<String> = 1..=3;
        node_id: i32 = 0..=3;
        host: String = 0..=3;
        port: i32 = 0..=3;
        coordinators: Vec<Coordinator> = 4..;
    }

    /// The coordinator of one key.
    Coordinator {
        key: String = 4..;
        node_id: i32 = 4..;
        host: String = 4..;
        port: i32 = 4..;
        error_code: i16 = 4..;
        error_message: Option<String> = 4..;
    }

    /// Asks to become a member of a group.
    JoinGroupRequest {
        group_id: String = 0..;
        session_timeout_ms: i32 = 0..;
        rebalance_timeout_ms: i32 = 1.., default -1;
        member_id: String = 0..;
        group_instance_id: Option<String> = 5..;
        protocol_type: String = 0..;
        protocols: Vec<JoinGroupProtocol> = 0..;
        reason: Option<String> = 8..;
    }

    /// A way of sharing that the member knows.
    JoinGroupProtocol {
        name: String = 0..;
        metadata: Bytes = 0..;
    }

    /// Answer to [`JoinGroupRequest`].
    JoinGroupResponse {
        throttle_time_ms: i32 = 2..;
        error_code: i16 = 0..;
        generation_id: i32 = 0.., default -1;
        protocol_type: Option<String> = 7..;
        protocol_name: Option<String> = 0.., null 7..;
        leader: String = 0..;
        skip_assignment: bool = 9..;
        member_id: String = 0..;
        members: Vec<JoinGroupMember> = 0..;
    }

    /// A member, as told to the leader.
    JoinGroupMember {
        member_id: String = 0..;
        group_instance_id: Option<String> = 5..;
        metadata: Bytes = 0..;
    }

    /// Asks for a member's share; the leader's brings all shares.
    SyncGroupRequest {
        group_id: String = 0..;
        generation_id: i32 = 0..;
        member_id: String = 0..;
        group_instance_id: Option<String> = 3..;
        protocol_type: Option<String> = 5..;
        protocol_name: Option<String> = 5..;
        assignments: Vec<SyncGroupAssignment> = 0..;
    }

    /// A member's share.
    SyncGroupAssignment {
        member_id: String = 0..;
        assignment: Bytes = 0..;
    }

    /// Answer to [`SyncGroupRequest`].
    SyncGroupResponse {
        throttle_time_ms: i32 = 1..;
        error_code: i16 = 0..;
        protocol_type: Option<String> = 5..;
        protocol_name: Option<String> = 5..;
        assignment: Bytes = 0..;
    }

    /// Asks to stay a member.
    HeartbeatRequest {
        group_id: String = 0..;
        generation_id: i32 = 0..;
        member_id: String = 0..;
        group_instance_id: Option<String> = 3..;
    }

    /// Answer to [`HeartbeatRequest`].
    HeartbeatResponse {
        throttle_time_ms: i32 = 1..;
        error_code: i16 = 0..;
    }

    /// Asks for members to go.
    LeaveGroupRequest {
        group_id: String = 0..;
        member_id: String = 0..=2;
        members: Vec<LeaveGroupMember> = 3..;
    }

    /// A member that goes.
    LeaveGroupMember {
        member_id: String = 3..;
        group_instance_id: Option<String> = 3..;
        reason: Option<String> = 5..;
    }

    /// Answer to [`LeaveGroupRequest`].
    LeaveGroupResponse {
        throttle_time_ms: i32 = 1..;
        error_code: i16 = 0..;
        members: Vec<LeftGroupMember> = 3..;
    }

    /// What became of a member.
    LeftGroupMember {
        member_id: String = 3..;
        group_instance_id: Option<String> = 3..;
        error_code: i16 = 3..;
    }
}
