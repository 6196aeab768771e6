//! Which requests a server knows.

use crate::wire::macros::message;

message! {
    /// Asks which requests the server knows, and in which versions.
    ApiVersionsRequest {
        client_software_name: String = 3..;
        client_software_version: String = 3..;
    }

    /// Answer to [`ApiVersionsRequest`].
    ApiVersionsResponse {
        error_code: i16 = 0..;
        api_keys: Vec<ApiVersion> = 0..;
        throttle_time_ms: i32 = 1..;
        supported_features: Vec<SupportedFeature> = 3.., tag 0;
        finalized_features_epoch: i64 = 3.., default -1, tag 1;
        finalized_features: Vec<FinalizedFeature> = 3.., tag 2;
        zk_migration_ready: bool = 3.., tag 3;
    }

    /// The versions of a request.
    ApiVersion {
        api_key: i16 = 0..;
        min_version: i16 = 0..;
        max_version: i16 = 0..;
    }

    /// The levels of a feature that could be used.
    SupportedFeature {
        name: String = 3..;
        min_version: i16 = 3..;
        max_version: i16 = 3..;
    }

    /// The levels of a feature that are used.
    FinalizedFeature {
        name: String = 3..;
        max_version_level: i16 = 3..;
        min_version_level: i16 = 3..;
    }
}
