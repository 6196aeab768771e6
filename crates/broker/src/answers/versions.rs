//! Which requests there are.

use millrace_log::Piece;

use super::{Call, SERVED, write};
use crate::Broker;
use crate::wire::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeature, SupportedFeature,
};
use crate::wire::{ErrorCode, Version};

/// The feature that says that there are groups of the newer protocol (KIP-848), and its only level.
const GROUP_VERSION: &str = "group.version";
const GROUP_LEVEL: i16 = 1;

impl Broker {
    pub(super) fn api_versions(&self, _request: ApiVersionsRequest, _call: &Call) -> ApiVersionsResponse {
        let (name, level) = (GROUP_VERSION.to_owned(), GROUP_LEVEL);
        ApiVersionsResponse {
            api_keys: advertised(),
            supported_features: vec![SupportedFeature { name: name.clone(), min_version: level, max_version: level }],
            finalized_features_epoch: 0,
            finalized_features: vec![FinalizedFeature { name, max_version_level: level, min_version_level: level }],
            ..ApiVersionsResponse::default()
        }
    }

    /// The answer to a version that is not known, in the oldest form, which every client can read.
    pub(super) fn api_versions_of_unknown(&self, call: &Call) -> Vec<Piece> {
        let error_code = ErrorCode::UnsupportedVersion.number();
        let response = ApiVersionsResponse { error_code, api_keys: advertised(), ..ApiVersionsResponse::default() };
        write(call, Version { number: 0, flexible: false }, &response)
    }
}

fn advertised() -> Vec<ApiVersion> {
    let row = |key: &crate::wire::api::ApiKey| {
        let (api_key, versions) = (key.number(), &key.api().advertised);
        ApiVersion { api_key, min_version: *versions.start(), max_version: *versions.end() }
    };
    let mut rows: Vec<ApiVersion> = SERVED.iter().map(row).collect();
    rows.sort_by_key(|row| row.api_key);
    rows
}
