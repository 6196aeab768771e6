//! What each kind of request is about: operations, and the kinds of things that they are done to.

use crate::security::acl::{Kind, Operation};
use crate::wire::api::ApiKey;

/// Something that a client may or may not be let do.
pub(crate) type Right = (Operation, Kind);

macro_rules! table {
    ($($key:ident: $($operation:ident $kind:ident),*;)*) => {
        /// The rights that a request of that kind may need. One that has no row here does not compile.
        pub(crate) fn row(key: ApiKey) -> &'static [Right] {
            match key {
                $(ApiKey::$key => const { &[$((Operation::$operation, Kind::$kind)),*] },)*
            }
        }
    };
}

table! {
    ApiVersions: ;
    SaslHandshake: ;
    SaslAuthenticate: ;
    Metadata: Describe Topic, Create Topic, Create Cluster;
    DescribeTopicPartitions: Describe Topic;
    Produce: Write Topic, Write TransactionalId;
    InitProducerId: Write TransactionalId, IdempotentWrite Cluster, Write Topic;
    Fetch: Read Topic;
    ListOffsets: Describe Topic;
    OffsetForLeaderEpoch: Describe Topic;
    CreateTopics: Create Cluster, Create Topic, DescribeConfigs Topic;
    DeleteTopics: Delete Topic, Describe Topic;
    CreatePartitions: Alter Topic;
    DeleteRecords: Delete Topic;
    DescribeConfigs: DescribeConfigs Topic, DescribeConfigs Group, DescribeConfigs Cluster;
    IncrementalAlterConfigs: AlterConfigs Topic, AlterConfigs Group, AlterConfigs Cluster;
    AlterConfigs: AlterConfigs Topic, AlterConfigs Group, AlterConfigs Cluster;
    DescribeProducers: Read Topic;
    FindCoordinator: Describe Group, Describe TransactionalId;
    JoinGroup: Read Group;
    SyncGroup: Read Group;
    Heartbeat: Read Group;
    LeaveGroup: Read Group;
    OffsetCommit: Read Group, Read Topic;
    OffsetFetch: Describe Group, Describe Topic;
    OffsetDelete: Delete Group, Read Topic;
    ListGroups: Describe Cluster, Describe Group;
    DescribeGroups: Describe Group;
    DeleteGroups: Delete Group;
    ConsumerGroupHeartbeat: Read Group, Describe Topic;
    ConsumerGroupDescribe: Describe Group, Describe Topic;
    AddPartitionsToTxn: Write TransactionalId, Write Topic;
    AddOffsetsToTxn: Write TransactionalId, Read Group;
    TxnOffsetCommit: Write TransactionalId, Read Group, Read Topic;
    EndTxn: Write TransactionalId;
    DescribeTransactions: Describe TransactionalId, Describe Topic;
    ListTransactions: Describe TransactionalId;
    DescribeCluster: ;
    DescribeLogDirs: Describe Cluster;
    ElectLeaders: Alter Cluster;
    ListPartitionReassignments: Describe Cluster;
    AlterPartitionReassignments: Alter Cluster;
    ListConfigResources: DescribeConfigs Cluster;
    DescribeClientQuotas: DescribeConfigs Cluster;
    AlterClientQuotas: AlterConfigs Cluster;
    DescribeAcls: Describe Cluster;
    CreateAcls: Alter Cluster;
    DeleteAcls: Alter Cluster;
    DescribeUserScramCredentials: Describe Cluster;
    AlterUserScramCredentials: Alter Cluster;
}
