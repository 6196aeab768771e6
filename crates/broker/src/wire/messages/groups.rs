//! Looking at groups and removing them.

use bytes::Bytes;

use crate::wire::macros::message;

message! {
    /// Asks for the groups there are.
    ListGroupsRequest {
        states_filter: Vec<String> = 4..;
        types_filter: Vec<String> = 5..;
    }

    /// Answer to [`ListGroupsRequest`].
    ListGroupsResponse {
        throttle_time_ms: i32 = 1..;
        error_code: i16 = 0..;
        groups: Vec<ListedGroup> = 0..;
    }

    /// A group.
    ListedGroup {
        group_id: String = 0..;
        protocol_type: String = 0..;
        group_state: String = 4..;
        group_type: String = 5..;
    }

    /// Asks for groups and their members.
    DescribeGroupsRequest {
        groups: Vec<String> = 0..;
        include_authorized_operations: bool = 3..;
    }

    /// Answer to [`DescribeGroupsRequest`].
    DescribeGroupsResponse {
        throttle_time_ms: i32 = 1..;
        groups: Vec<DescribedGroup> = 0..;
    }

    /// A group.
    DescribedGroup {
        error_code: i16 = 0..;
        error_message: Option<String> = 6..;
        group_id: String = 0..;
        group_state: String = 0..;
        protocol_type: String = 0..;
        protocol_data: String = 0..;
        members: Vec<DescribedGroupMember> = 0..;
        authorized_operations: i32 = 3.., default i32::MIN;
    }

    /// A member.
    DescribedGroupMember {
        member_id: String = 0..;
        group_instance_id: Option<String> = 4..;
        client_id: String = 0..;
        client_host: String = 0..;
        member_metadata: Bytes = 0..;
        member_assignment: Bytes = 0..;
    }

    /// Asks for groups to go.
    DeleteGroupsRequest {
        groups_names: Vec<String> = 0..;
    }

    /// Answer to [`DeleteGroupsRequest`].
    DeleteGroupsResponse {
        throttle_time_ms: i32 = 0..;
        results: Vec<DeletedGroup> = 0..;
    }

    /// What became of a group.
    DeletedGroup {
        group_id: String = 0..;
        error_code: i16 = 0..;
    }
}
