//! Settings of topics, brokers and groups.

use crate::wire::macros::message;

message! {
    /// Asks for settings.
    DescribeConfigsRequest {
        resources: Vec<DescribeConfigsResource> = 0..;
        include_synonyms: bool = 0..;
        include_documentation: bool = 3..;
    }

    /// Something with settings.
    DescribeConfigsResource {
        resource_type: i8 = 0..;
        resource_name: String = 0..;
        configuration_keys: Option<Vec<String>> = 0..;
    }

    /// Answer to [`DescribeConfigsRequest`].
    DescribeConfigsResponse {
        throttle_time_ms: i32 = 0..;
        results: Vec<DescribedConfigs> = 0..;
    }

    /// The settings of one thing.
    DescribedConfigs {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        resource_type: i8 = 0..;
        resource_name: String = 0..;
        configs: Vec<DescribedConfig> = 0..;
    }

    /// A setting.
    DescribedConfig {
        name: String = 0..;
        value: Option<String> = 0..;
        read_only: bool = 0..;
        config_source: i8 = 0.., default -1;
        is_sensitive: bool = 0..;
        synonyms: Vec<DescribedConfigSynonym> = 0..;
        config_type: i8 = 3..;
        documentation: Option<String> = 3..;
    }

    /// Another place that says what a setting is.
    DescribedConfigSynonym {
        name: String = 0..;
        value: Option<String> = 0..;
        source: i8 = 0..;
    }

    /// Asks for single settings to change.
    IncrementalAlterConfigsRequest {
        resources: Vec<IncrementalAlterConfigsResource> = 0..;
        validate_only: bool = 0..;
    }

    /// Something with settings.
    IncrementalAlterConfigsResource {
        resource_type: i8 = 0..;
        resource_name: String = 0..;
        configs: Vec<IncrementalAlterConfig> = 0..;
    }

    /// A change of a setting.
    IncrementalAlterConfig {
        name: String = 0..;
        config_operation: i8 = 0..;
        value: Option<String> = 0..;
    }

    /// Answer to [`IncrementalAlterConfigsRequest`].
    IncrementalAlterConfigsResponse {
        throttle_time_ms: i32 = 0..;
        responses: Vec<IncrementalAlteredConfigs> = 0..;
    }

    /// What became of one thing.
    IncrementalAlteredConfigs {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        resource_type: i8 = 0..;
        resource_name: String = 0..;
    }

    /// Asks for all settings to be replaced.
    AlterConfigsRequest {
        resources: Vec<AlterConfigsResource> = 0..;
        validate_only: bool = 0..;
    }

    /// Something with settings.
    AlterConfigsResource {
        resource_type: i8 = 0..;
        resource_name: String = 0..;
        configs: Vec<AlterConfig> = 0..;
    }

    /// A setting.
    AlterConfig {
        name: String = 0..;
        value: Option<String> = 0..;
    }

    /// Answer to [`AlterConfigsRequest`].
    AlterConfigsResponse {
        throttle_time_ms: i32 = 0..;
        responses: Vec<AlteredConfigs> = 0..;
    }

    /// What became of one thing.
    AlteredConfigs {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        resource_type: i8 = 0..;
        resource_name: String = 0..;
    }

    /// Asks what has settings.
    ListConfigResourcesRequest {
        resource_types: Vec<i8> = 1..;
    }

    /// Answer to [`ListConfigResourcesRequest`].
    ListConfigResourcesResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        config_resources: Vec<ConfigResource> = 0..;
    }

    /// Something with settings.
    ConfigResource {
        resource_name: String = 0..;
        resource_type: i8 = 1.., default 16;
    }
}
