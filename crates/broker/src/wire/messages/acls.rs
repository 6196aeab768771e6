//! Who may do what.

use crate::wire::macros::message;

message! {
    /// Asks for the rules that match.
    DescribeAclsRequest {
        resource_type_filter: i8 = 0..;
        resource_name_filter: Option<String> = 0..;
        pattern_type_filter: i8 = 0.., default 3;
        principal_filter: Option<String> = 0..;
        host_filter: Option<String> = 0..;
        operation: i8 = 0..;
        permission_type: i8 = 0..;
    }

    /// Answer to [`DescribeAclsRequest`].
    DescribeAclsResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        resources: Vec<DescribedAclsResource> = 0..;
    }

    /// The rules about one thing.
    DescribedAclsResource {
        resource_type: i8 = 0..;
        resource_name: String = 0..;
        pattern_type: i8 = 0.., default 3;
        acls: Vec<DescribedAcl> = 0..;
    }

    /// A rule.
    DescribedAcl {
        principal: String = 0..;
        host: String = 0..;
        operation: i8 = 0..;
        permission_type: i8 = 0..;
    }

    /// Asks for new rules.
    CreateAclsRequest {
        creations: Vec<CreatableAcl> = 0..;
    }

    /// A new rule.
    CreatableAcl {
        resource_type: i8 = 0..;
        resource_name: String = 0..;
        resource_pattern_type: i8 = 0.., default 3;
        principal: String = 0..;
        host: String = 0..;
        operation: i8 = 0..;
        permission_type: i8 = 0..;
    }

    /// Answer to [`CreateAclsRequest`].
    CreateAclsResponse {
        throttle_time_ms: i32 = 0..;
        results: Vec<CreatedAcl> = 0..;
    }

    /// What became of a rule.
    CreatedAcl {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
    }

    /// Asks for rules to go.
    DeleteAclsRequest {
        filters: Vec<DeleteAclsFilter> = 0..;
    }

    /// What the rules to remove look like.
    DeleteAclsFilter {
        resource_type_filter: i8 = 0..;
        resource_name_filter: Option<String> = 0..;
        pattern_type_filter: i8 = 0.., default 3;
        principal_filter: Option<String> = 0..;
        host_filter: Option<String> = 0..;
        operation: i8 = 0..;
        permission_type: i8 = 0..;
    }

    /// Answer to [`DeleteAclsRequest`].
    DeleteAclsResponse {
        throttle_time_ms: i32 = 0..;
        filter_results: Vec<DeletedAcls> = 0..;
    }

    /// What became of a filter.
    DeletedAcls {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        matching_acls: Vec<DeletedAcl> = 0..;
    }

    /// A rule that was removed.
    DeletedAcl {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        resource_type: i8 = 0..;
        resource_name: String = 0..;
        pattern_type: i8 = 0.., default 3;
        principal: String = 0..;
        host: String = 0..;
        operation: i8 = 0..;
        permission_type: i8 = 0..;
    }
}
