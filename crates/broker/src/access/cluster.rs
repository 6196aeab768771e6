//! Requests about the cluster, and those that need no right.

use super::{Admission, Gate, Guarded, whole};
use crate::wire::messages::acls::*;
use crate::wire::messages::api_versions::ApiVersionsRequest;
use crate::wire::messages::cluster::*;
use crate::wire::messages::configs::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use crate::wire::messages::quotas::*;
use crate::wire::messages::sasl::{SaslAuthenticateRequest, SaslHandshakeRequest};
use crate::wire::messages::scram::*;

macro_rules! free {
    ($($request:ident)*) => {$(
        impl Guarded for $request {
            fn admit(&mut self, _gate: &Gate<'_>) -> Admission<Self::Response> {
                Admission::ALL
            }
        }
    )*};
}

free!(ApiVersionsRequest SaslHandshakeRequest SaslAuthenticateRequest);

whole! {
    DescribeAclsRequest: Describe Cluster => |_, error_code| DescribeAclsResponse { error_code, ..Default::default() };
    CreateAclsRequest: Alter Cluster => |asked, error_code| {
        let refused = |_| CreatedAcl { error_code, error_message: None };
        CreateAclsResponse { results: asked.creations.iter().map(refused).collect(), ..Default::default() }
    };
    DeleteAclsRequest: Alter Cluster => |asked, error_code| {
        let refused = |_| DeletedAcls { error_code, ..Default::default() };
        DeleteAclsResponse { filter_results: asked.filters.iter().map(refused).collect(), ..Default::default() }
    };
    DescribeUserScramCredentialsRequest: Describe Cluster => |_, error_code| {
        DescribeUserScramCredentialsResponse { error_code, ..Default::default() }
    };
    AlterUserScramCredentialsRequest: Alter Cluster => |asked, error_code| {
        let removed = asked.deletions.into_iter().map(|asked| asked.name);
        let mut users: Vec<String> = removed.chain(asked.upsertions.into_iter().map(|asked| asked.name)).collect();
        users.sort();
        users.dedup();
        let refused = |user| AlteredScramUser { user, error_code, error_message: None };
        AlterUserScramCredentialsResponse { results: users.into_iter().map(refused).collect(), ..Default::default() }
    };
    DescribeClientQuotasRequest: DescribeConfigs Cluster => |_, error_code| {
        DescribeClientQuotasResponse { error_code, ..Default::default() }
    };
    AlterClientQuotasRequest: AlterConfigs Cluster => |asked, error_code| {
        let entity = |asked: AlterQuotaEntity| AlteredQuotaEntity {
            entity_type: asked.entity_type,
            entity_name: asked.entity_name,
        };
        let refused = |asked: AlterQuota| AlteredQuota {
            error_code,
            error_message: None,
            entity: asked.entity.into_iter().map(entity).collect(),
        };
        AlterClientQuotasResponse { entries: asked.entries.into_iter().map(refused).collect(), ..Default::default() }
    };
    ElectLeadersRequest: Alter Cluster => |asked, error_code| {
        let partition = |partition_id| ElectedPartition { partition_id, error_code, error_message: None };
        let refused = |asked: ElectLeadersTopic| ElectedTopic {
            topic: asked.topic,
            partition_result: asked.partitions.into_iter().map(partition).collect(),
        };
        let results = asked.topic_partitions.unwrap_or_default().into_iter().map(refused).collect();
        ElectLeadersResponse { error_code, replica_election_results: results, ..Default::default() }
    };
    ListPartitionReassignmentsRequest: Describe Cluster => |_, error_code| {
        ListPartitionReassignmentsResponse { error_code, ..Default::default() }
    };
    AlterPartitionReassignmentsRequest: Alter Cluster => |_, error_code| {
        AlterPartitionReassignmentsResponse { error_code, ..Default::default() }
    };
    DescribeLogDirsRequest: Describe Cluster => |_, error_code| {
        DescribeLogDirsResponse { error_code, ..Default::default() }
    };
    ListConfigResourcesRequest: DescribeConfigs Cluster => |_, error_code| {
        ListConfigResourcesResponse { error_code, ..Default::default() }
    };
}

impl Guarded for DescribeClusterRequest {
    fn admit(&mut self, _gate: &Gate<'_>) -> Admission<Self::Response> {
        if !self.include_cluster_authorized_operations {
            return Admission::ALL;
        }
        Admission::and(|response: &mut DescribeClusterResponse, gate| {
            response.cluster_authorized_operations = gate.cluster_operations();
        })
    }
}
