//! Which requests there are.

use std::ops::RangeInclusive;

use millrace_log::Piece;

use super::{Call, SERVED, write};
use crate::Broker;
use crate::wire::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeature, SupportedFeature,
};
use crate::wire::{ErrorCode, Version};

/// A feature of the server: its name, the levels that could be used, and the one that is.
type Feature = (&'static str, RangeInclusive<i16>, i16);
/// The newer protocol of groups (KIP-848), and a new epoch for every transaction (KIP-890).
const FEATURES: [Feature; 2] = [("group.version", 1..=1, 1), ("transaction.version", 0..=2, 2)];
/// How often the features in use have changed since the first version of this program: clients take over the latest only.
const FEATURES_EPOCH: i64 = 1;
/// In earlier versions features that have a level 0 are left out: clients cannot read it.
const LEVEL_0_VERSION: i16 = 4;

impl Broker {
    pub(super) fn api_versions(&self, _request: ApiVersionsRequest, call: &Call) -> ApiVersionsResponse {
        let is_read = |(_, levels, _): &&Feature| call.header.api_version >= LEVEL_0_VERSION || *levels.start() > 0;
        let supported = |(name, levels, _): &Feature| SupportedFeature {
            name: (*name).to_owned(),
            min_version: *levels.start(),
            max_version: *levels.end(),
        };
        let finalized = |(name, _, level): &Feature| FinalizedFeature {
            name: (*name).to_owned(),
            max_version_level: *level,
            min_version_level: *level,
        };
        ApiVersionsResponse {
            api_keys: advertised(),
            supported_features: FEATURES.iter().filter(is_read).map(supported).collect(),
            finalized_features_epoch: FEATURES_EPOCH,
            finalized_features: FEATURES.iter().map(finalized).collect(),
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
