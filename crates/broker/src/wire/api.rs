//! The requests that are known, one row each.

use std::ops::RangeInclusive;

use super::messages::{
    acls::*, api_versions::*, cluster::*, commits::*, configs::*, consumer_groups::*, fetch::*, groups::*,
    membership::*, metadata::*, offsets::*, produce::*, quotas::*, sasl::*, scram::*, topics::*, transactions::*,
};
use super::value::{Value, Version};

/// A kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Which one.
    pub key: ApiKey,
    /// Its name in the protocol.
    pub name: &'static str,
    /// Versions that can be read and answered.
    pub decoded: RangeInclusive<i16>,
    /// Versions that clients are told: some clients only go on if they see ones that they never use.
    pub advertised: RangeInclusive<i16>,
    /// First version with varints for lengths.
    pub first_flexible: Option<i16>,
}

impl Api {
    /// The row of the number `key`.
    pub fn of(key: i16) -> Option<&'static Self> {
        ApiKey::of(key).map(ApiKey::api)
    }

    /// Version `number`, if it is one that can be read.
    pub fn version(&self, number: i16) -> Option<Version> {
        self.decoded.contains(&number).then(|| Version { number, flexible: self.is_flexible(number) })
    }

    /// Version of the header in front of a request of version `number`.
    pub fn request_header(&self, number: i16) -> i16 {
        if self.is_flexible(number) { 2 } else { 1 }
    }

    /// Version of the header in front of the answer. [`ApiKey::ApiVersions`] has the oldest one throughout: its client
    /// does not know yet what the server can do.
    pub fn response_header(&self, number: i16) -> i16 {
        i16::from(self.is_flexible(number) && self.key != ApiKey::ApiVersions)
    }

    fn is_flexible(&self, number: i16) -> bool {
        self.first_flexible.is_some_and(|first| number >= first)
    }
}

/// A message that asks, and what answers it.
pub trait Request: Value {
    /// Its kind.
    const KEY: ApiKey;
    /// What answers it.
    type Response: Value;
}

macro_rules! apis {
    ($(
        $key:ident $number:literal: $decoded:expr, $advertised:expr, $flexible:expr, $request:ident $response:ident;
    )*) => {
        /// The number of a kind of request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                #[doc = concat!("Of [`", stringify!($request), "`].")]
                $key = $number,
            )*
        }

        impl ApiKey {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$key,)*];

            /// Its row.
            pub fn api(self) -> &'static Api {
                match self {
                    $(Self::$key => const {
                        &Api {
                            key: Self::$key,
                            name: stringify!($key),
                            decoded: $decoded,
                            advertised: $advertised,
                            first_flexible: $flexible,
                        }
                    },)*
                }
            }

            /// The one with the number `key`.
            pub fn of(key: i16) -> Option<Self> {
                match key {
                    $($number => Some(Self::$key),)*
                    _ => None,
                }
            }

            /// Its number.
            pub fn number(self) -> i16 {
                self as i16
            }
        }

        $(
            impl Request for $request {
                const KEY: ApiKey = ApiKey::$key;
                type Response = $response;
            }
        )*

        /// Reads a request or an answer of version `from`, and writes it as one of version `to`.
        #[cfg(any(test, fuzzing))]
        pub(super) fn read_and_write(
            key: ApiKey,
            is_request: bool,
            reader: &mut super::Reader,
            (from, to): (Version, Version),
        ) -> Result<super::Writer, super::WireError> {
            let mut writer = super::Writer::new();
            match (key, is_request) {
                $(
                    (ApiKey::$key, true) => $request::read(reader, from)?.write(&mut writer, to),
                    (ApiKey::$key, false) => $response::read(reader, from)?.write(&mut writer, to),
                )*
            }
            Ok(writer)
        }

        /// Writes a request or an answer of which nothing was set.
        #[cfg(test)]
        pub(super) fn write_default(key: ApiKey, is_request: bool, version: Version) -> super::Writer {
            let mut writer = super::Writer::new();
            match (key, is_request) {
                $(
                    (ApiKey::$key, true) => $request::default().write(&mut writer, version),
                    (ApiKey::$key, false) => $response::default().write(&mut writer, version),
                )*
            }
            writer
        }
    };
}

// Name, number, versions that can be read, versions that clients are told, first flexible version.
apis! {
    ApiVersions 18: 0..=4, 0..=4, Some(3), ApiVersionsRequest ApiVersionsResponse;
    Metadata 3: 0..=13, 0..=13, Some(9), MetadataRequest MetadataResponse;
    Produce 0: 3..=12, 0..=12, Some(9), ProduceRequest ProduceResponse;
    InitProducerId 22: 0..=5, 0..=5, Some(2), InitProducerIdRequest InitProducerIdResponse;
    Fetch 1: 4..=17, 4..=17, Some(12), FetchRequest FetchResponse;
    ListOffsets 2: 1..=10, 1..=10, Some(6), ListOffsetsRequest ListOffsetsResponse;
    OffsetForLeaderEpoch 23: 2..=4, 2..=4, Some(4), OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse;
    FindCoordinator 10: 0..=6, 0..=6, Some(3), FindCoordinatorRequest FindCoordinatorResponse;
    JoinGroup 11: 0..=9, 0..=9, Some(6), JoinGroupRequest JoinGroupResponse;
    SyncGroup 14: 0..=5, 0..=5, Some(4), SyncGroupRequest SyncGroupResponse;
    Heartbeat 12: 0..=4, 0..=4, Some(4), HeartbeatRequest HeartbeatResponse;
    LeaveGroup 13: 0..=5, 0..=5, Some(4), LeaveGroupRequest LeaveGroupResponse;
    OffsetCommit 8: 2..=9, 2..=9, Some(8), OffsetCommitRequest OffsetCommitResponse;
    OffsetFetch 9: 1..=9, 1..=9, Some(6), OffsetFetchRequest OffsetFetchResponse;
    CreateTopics 19: 2..=7, 2..=7, Some(5), CreateTopicsRequest CreateTopicsResponse;
    DeleteTopics 20: 1..=6, 1..=6, Some(4), DeleteTopicsRequest DeleteTopicsResponse;
    CreatePartitions 37: 0..=3, 0..=3, Some(2), CreatePartitionsRequest CreatePartitionsResponse;
    DescribeConfigs 32: 1..=4, 1..=4, Some(4), DescribeConfigsRequest DescribeConfigsResponse;
    IncrementalAlterConfigs 44: 0..=1, 0..=1, Some(1), IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse;
    AlterConfigs 33: 0..=2, 0..=2, Some(2), AlterConfigsRequest AlterConfigsResponse;
    DescribeCluster 60: 0..=2, 0..=2, Some(0), DescribeClusterRequest DescribeClusterResponse;
    ListGroups 16: 0..=5, 0..=5, Some(3), ListGroupsRequest ListGroupsResponse;
    DescribeGroups 15: 0..=6, 0..=6, Some(5), DescribeGroupsRequest DescribeGroupsResponse;
    DeleteGroups 42: 0..=2, 0..=2, Some(2), DeleteGroupsRequest DeleteGroupsResponse;
    DeleteRecords 21: 0..=2, 0..=2, Some(2), DeleteRecordsRequest DeleteRecordsResponse;
    OffsetDelete 47: 0..=0, 0..=0, None, OffsetDeleteRequest OffsetDeleteResponse;
    DescribeTopicPartitions 75: 0..=0, 0..=0, Some(0), DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse;
    ListPartitionReassignments 46: 0..=0, 0..=0, Some(0),
        ListPartitionReassignmentsRequest ListPartitionReassignmentsResponse;
    AlterPartitionReassignments 45: 0..=1, 0..=1, Some(0),
        AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse;
    DescribeLogDirs 35: 1..=4, 1..=4, Some(2), DescribeLogDirsRequest DescribeLogDirsResponse;
    AddPartitionsToTxn 24: 0..=3, 0..=3, Some(3), AddPartitionsToTxnRequest AddPartitionsToTxnResponse;
    AddOffsetsToTxn 25: 0..=4, 0..=4, Some(3), AddOffsetsToTxnRequest AddOffsetsToTxnResponse;
    TxnOffsetCommit 28: 0..=5, 0..=5, Some(3), TxnOffsetCommitRequest TxnOffsetCommitResponse;
    EndTxn 26: 0..=5, 0..=5, Some(3), EndTxnRequest EndTxnResponse;
    DescribeProducers 61: 0..=0, 0..=0, Some(0), DescribeProducersRequest DescribeProducersResponse;
    DescribeTransactions 65: 0..=0, 0..=0, Some(0), DescribeTransactionsRequest DescribeTransactionsResponse;
    ListTransactions 66: 0..=2, 0..=2, Some(0), ListTransactionsRequest ListTransactionsResponse;
    SaslHandshake 17: 0..=1, 0..=1, None, SaslHandshakeRequest SaslHandshakeResponse;
    SaslAuthenticate 36: 0..=2, 0..=2, Some(2), SaslAuthenticateRequest SaslAuthenticateResponse;
    DescribeAcls 29: 1..=3, 1..=3, Some(2), DescribeAclsRequest DescribeAclsResponse;
    CreateAcls 30: 1..=3, 1..=3, Some(2), CreateAclsRequest CreateAclsResponse;
    DeleteAcls 31: 1..=3, 1..=3, Some(2), DeleteAclsRequest DeleteAclsResponse;
    DescribeUserScramCredentials 50: 0..=0, 0..=0, Some(0),
        DescribeUserScramCredentialsRequest DescribeUserScramCredentialsResponse;
    AlterUserScramCredentials 51: 0..=0, 0..=0, Some(0),
        AlterUserScramCredentialsRequest AlterUserScramCredentialsResponse;
    ConsumerGroupHeartbeat 68: 0..=1, 0..=1, Some(0), ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse;
    ConsumerGroupDescribe 69: 0..=1, 0..=1, Some(0), ConsumerGroupDescribeRequest ConsumerGroupDescribeResponse;
    DescribeClientQuotas 48: 0..=1, 0..=1, Some(1), DescribeClientQuotasRequest DescribeClientQuotasResponse;
    AlterClientQuotas 49: 0..=1, 0..=1, Some(1), AlterClientQuotasRequest AlterClientQuotasResponse;
    ElectLeaders 43: 0..=2, 0..=2, Some(2), ElectLeadersRequest ElectLeadersResponse;
    ListConfigResources 74: 0..=1, 0..=1, Some(0), ListConfigResourcesRequest ListConfigResourcesResponse;
}
