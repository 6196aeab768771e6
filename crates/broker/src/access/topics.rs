//! Requests about topics and their records.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_log::TopicId;

use super::{Admission, Gate, Guarded, each, refusal};
use crate::security::acl::{CLUSTER, Kind, Operation};
use crate::wire::messages::cluster::*;
use crate::wire::messages::configs::*;
use crate::wire::messages::fetch::*;
use crate::wire::messages::metadata::*;
use crate::wire::messages::offsets::*;
use crate::wire::messages::produce::*;
use crate::wire::messages::topics::*;
use crate::wire::{ErrorCode, Uuid};

/// From this version on topics are fetched by their ids.
const FETCH_IDS_FROM: i16 = 13;
/// Kinds of things that have configs.
const TOPIC: i8 = 2;
const GROUP: i8 = 32;

each! {
    ListOffsetsRequest: Describe Topic of topics.name => topics, |asked: ListOffsetsTopic, error_code| {
        let partition = |asked: ListOffsetsPartition| {
            ListedOffsetsPartition { partition_index: asked.partition_index, error_code, ..Default::default() }
        };
        ListedOffsetsTopic { name: asked.name, partitions: asked.partitions.into_iter().map(partition).collect() }
    };
    OffsetForLeaderEpochRequest: Describe Topic of topics.topic => topics, |asked: EpochTopic, error_code| {
        let partition = |asked: EpochPartition| {
            EpochEnd { error_code, partition: asked.partition, ..Default::default() }
        };
        EpochEndTopic { topic: asked.topic, partitions: asked.partitions.into_iter().map(partition).collect() }
    };
    CreatePartitionsRequest: Alter Topic of topics.name => results, |asked: CreatePartitionsTopic, error_code| {
        CreatedPartitionsTopic { name: asked.name, error_code, error_message: None }
    };
    DeleteRecordsRequest: Delete Topic of topics.name => topics, |asked: DeleteRecordsTopic, error_code| {
        let partition = |asked: DeleteRecordsPartition| {
            DeletedRecordsPartition { partition_index: asked.partition_index, low_watermark: -1, error_code }
        };
        DeletedRecordsTopic { name: asked.name, partitions: asked.partitions.into_iter().map(partition).collect() }
    };
}

fn refused_produce(topic: ProduceTopic, error_code: i16) -> ProducedTopic {
    let partition = |asked: ProducePartition| ProducedPartition {
        index: asked.index,
        error_code,
        base_offset: -1,
        ..Default::default()
    };
    ProducedTopic { name: topic.name, partition_responses: topic.partition_data.into_iter().map(partition).collect() }
}

impl Guarded for ProduceRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let transaction = self.transactional_id.as_ref();
        if transaction.is_some_and(|id| !gate.allows(Operation::Write, Kind::TransactionalId, id)) {
            let topics = std::mem::take(&mut self.topic_data).into_iter();
            let responses = topics.map(|topic| refused_produce(topic, refusal(Kind::TransactionalId))).collect();
            return Admission::Refused(ProduceResponse { responses, ..Default::default() });
        }
        let denied = gate.refuse(&mut self.topic_data, Operation::Write, Kind::Topic, |topic| &topic.name);
        if denied.is_empty() {
            return Admission::ALL;
        }
        let denied: Vec<_> = denied.into_iter().map(|topic| refused_produce(topic, refusal(Kind::Topic))).collect();
        Admission::and(move |response: &mut ProduceResponse, _| response.responses.extend(denied))
    }
}

fn refused_partition(partition_index: i32) -> FetchedPartition {
    FetchedPartition { partition_index, error_code: refusal(Kind::Topic), high_watermark: -1, ..Default::default() }
}

fn refused_fetch(topic: FetchTopic) -> FetchedTopic {
    let partitions = topic.partitions.iter().map(|asked| refused_partition(asked.partition)).collect();
    FetchedTopic { topic: topic.topic, topic_id: topic.topic_id, partitions }
}

impl Guarded for FetchRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        // There is one broker, so whoever says that it is a replica is none.
        if self.replica_id >= 0 || self.replica_state.replica_id >= 0 {
            let responses = std::mem::take(&mut self.topics).into_iter().map(refused_fetch).collect();
            return Admission::Refused(FetchResponse { responses, ..Default::default() });
        }
        if !gate.is_closed() {
            return Admission::ALL;
        }
        let names = gate.names_for_fetch(self.topics.iter().map(|topic| topic.topic_id));
        // An id that nobody has is told to be one.
        let is_denied = |topic: &mut FetchTopic| gate.may_read(&topic.topic, topic.topic_id, &names) == Some(false);
        let denied: Vec<FetchedTopic> = self.topics.extract_if(.., is_denied).map(refused_fetch).collect();
        // Nothing is left to wait for.
        if !denied.is_empty() && self.topics.is_empty() {
            return Admission::Refused(FetchResponse { responses: denied, ..Default::default() });
        }
        // Looked at once more: rules may have changed while the client waited, and since a session has begun that fetches
        // more than its requests name.
        Admission::and(move |response: &mut FetchResponse, gate| {
            let names = gate.names_for_fetch(response.responses.iter().map(|topic| topic.topic_id));
            let is_denied =
                |topic: &&mut FetchedTopic| gate.may_read(&topic.topic, topic.topic_id, &names) != Some(true);
            let denied_now = response.responses.iter_mut().filter(is_denied).flat_map(|topic| &mut topic.partitions);
            for partition in denied_now.filter(|partition| partition.error_code == 0) {
                *partition = refused_partition(partition.partition_index);
            }
            response.responses.extend(denied);
        })
    }
}

impl Gate<'_> {
    /// Names by ids, where topics are fetched by these.
    fn names_for_fetch(&self, ids: impl Iterator<Item = Uuid>) -> HashMap<TopicId, Arc<str>> {
        if self.version() < FETCH_IDS_FROM {
            return HashMap::new();
        }
        self.broker.log.topic_names(&ids.map(|id| id.0).collect())
    }

    /// Whether the client may read a topic, which has a name or an id; nothing if nobody has that id.
    fn may_read(&self, name: &str, id: Uuid, names: &HashMap<TopicId, Arc<str>>) -> Option<bool> {
        let name = if id == Uuid::NONE { Some(name) } else { names.get(&id.0).map(Arc::as_ref) };
        name.map(|name| self.allows(Operation::Read, Kind::Topic, name))
    }

    fn name_by_id(&self, id: Uuid) -> Option<String> {
        let mut topics = self.broker.log.client_topics().into_iter();
        topics.find(|topic| topic.id == id.0).map(|topic| topic.info.spec.name.to_string())
    }
}

impl MetadataRequest {
    /// Takes out the topics that the client may not see, or would create and may not.
    fn refuse_topics(&mut self, gate: &Gate<'_>) -> Vec<MetadataTopic> {
        let may_create_any = gate.allows_cluster(Operation::Create);
        let creates = self.allow_auto_topic_creation && gate.broker.options.auto_create_topics;
        let is_denied = |asked: &mut MetadataRequestTopic| {
            let by_id = || gate.name_by_id(asked.topic_id);
            let Some(name) = asked.name.clone().or_else(by_id) else { return false };
            let is_new = || asked.name.is_some() && gate.broker.log.client_topic(&name).is_none();
            let may_create = || may_create_any || gate.allows(Operation::Create, Kind::Topic, &name);
            !gate.allows(Operation::Describe, Kind::Topic, &name) || (creates && is_new() && !may_create())
        };
        let refused = |asked: MetadataRequestTopic| MetadataTopic {
            error_code: refusal(Kind::Topic),
            // Whoever asked by name learns no id, and the other way round.
            topic_id: if asked.name.is_some() { Uuid::NONE } else { asked.topic_id },
            name: asked.name,
            ..Default::default()
        };
        self.topics.iter_mut().flat_map(|topics| topics.extract_if(.., is_denied)).map(refused).collect()
    }
}

impl Guarded for MetadataRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let of_topics = self.include_topic_authorized_operations;
        let of_cluster = self.include_cluster_authorized_operations;
        if !gate.is_closed() && !of_topics && !of_cluster {
            return Admission::ALL;
        }
        let denied = if gate.is_closed() { self.refuse_topics(gate) } else { Vec::new() };
        // An empty list stands for all topics in the oldest version: what was not asked for is not told.
        let is_emptied = !denied.is_empty() && self.topics.as_ref().is_some_and(Vec::is_empty);
        Admission::and(move |response: &mut MetadataResponse, gate| {
            let may_see = |topic: &MetadataTopic| {
                topic.name.as_deref().is_none_or(|name| gate.allows(Operation::Describe, Kind::Topic, name))
            };
            response.topics.retain(|topic| !is_emptied && may_see(topic));
            if of_topics {
                for topic in &mut response.topics {
                    let name = topic.name.as_deref().filter(|_| topic.error_code == 0);
                    topic.topic_authorized_operations = name.map_or(0, |name| gate.operations(Kind::Topic, name));
                }
            }
            if of_cluster {
                response.cluster_authorized_operations = gate.cluster_operations();
            }
            response.topics.extend(denied);
        })
    }
}

impl Guarded for DescribeTopicPartitionsRequest {
    /// An empty list stands for all topics. It comes in pages, so that those that may be seen are named before it is made.
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if gate.is_closed() && self.topics.is_empty() {
            let all = gate.broker.log.client_topics().into_iter();
            let all = all.map(|topic| DescribePartitionsTopic { name: topic.info.spec.name.to_string() });
            self.topics = all.filter(|topic| gate.allows(Operation::Describe, Kind::Topic, &topic.name)).collect();
            if self.topics.is_empty() {
                return Admission::Refused(DescribeTopicPartitionsResponse::default());
            }
        }
        let denied = gate.refuse(&mut self.topics, Operation::Describe, Kind::Topic, |topic| &topic.name);
        let error_code = refusal(Kind::Topic);
        let refused =
            denied.into_iter().map(|asked| DescribedTopic { error_code, name: Some(asked.name), ..Default::default() });
        let refused: Vec<DescribedTopic> = refused.collect();
        if !refused.is_empty() && self.topics.is_empty() {
            return Admission::Refused(DescribeTopicPartitionsResponse { topics: refused, ..Default::default() });
        }
        Admission::and(move |response: &mut DescribeTopicPartitionsResponse, gate| {
            for topic in response.topics.iter_mut().filter(|topic| topic.error_code == 0) {
                let name = topic.name.as_deref();
                topic.topic_authorized_operations = name.map_or(0, |name| gate.operations(Kind::Topic, name));
            }
            response.topics.extend(refused);
        })
    }
}

impl Guarded for CreateTopicsRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.is_closed() {
            return Admission::ALL;
        }
        let denied = match gate.allow_creating() {
            true => Vec::new(),
            false => gate.refuse(&mut self.topics, Operation::Create, Kind::Topic, |topic| &topic.name),
        };
        Admission::and(move |response: &mut CreateTopicsResponse, gate| {
            let hidden = |topic: &&mut CreatedTopic| {
                topic.error_code == 0 && !gate.allows(Operation::DescribeConfigs, Kind::Topic, &topic.name)
            };
            for topic in response.topics.iter_mut().filter(hidden) {
                topic.topic_config_error_code = refusal(Kind::Topic);
                (topic.configs, topic.num_partitions, topic.replication_factor) = (None, -1, -1);
            }
            let error_code = refusal(Kind::Topic);
            let refused = |asked: CreatableTopic| CreatedTopic { name: asked.name, error_code, ..Default::default() };
            response.topics.extend(denied.into_iter().map(refused));
        })
    }
}

impl Gate<'_> {
    fn allow_creating(&self) -> bool {
        self.allows(Operation::Create, Kind::Cluster, CLUSTER)
    }
}

impl Guarded for DeleteTopicsRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.is_closed() {
            return Admission::ALL;
        }
        let by_name = gate.refuse(&mut self.topic_names, Operation::Delete, Kind::Topic, |name| name);
        let by_name = by_name.into_iter().map(|name| DeletableTopic { name: Some(name), topic_id: Uuid::NONE });
        let is_denied = |asked: &mut DeletableTopic| {
            let name = asked.name.clone().or_else(|| gate.name_by_id(asked.topic_id));
            name.is_some_and(|name| !gate.allows(Operation::Delete, Kind::Topic, &name))
        };
        let denied = self.topics.extract_if(.., is_denied).chain(by_name);
        let denied = denied.map(|asked| DeletedTopic {
            name: asked.name,
            topic_id: asked.topic_id,
            error_code: refusal(Kind::Topic),
            error_message: None,
        });
        let denied: Vec<DeletedTopic> = denied.collect();
        Admission::and(move |response: &mut DeleteTopicsResponse, gate| {
            // Whoever deletes by an id, and may not see the topic, does not learn its name.
            for topic in response.responses.iter_mut().filter(|topic| topic.topic_id != Uuid::NONE) {
                topic.name = topic.name.take().filter(|name| gate.allows(Operation::Describe, Kind::Topic, name));
            }
            response.responses.extend(denied);
        })
    }
}

/// What the configs of a kind of thing belong to, as far as rights go: all but topics and groups are the cluster's.
fn owner_of(resource_type: i8, name: &str) -> (Kind, &str) {
    match resource_type {
        TOPIC => (Kind::Topic, name),
        GROUP => (Kind::Group, name),
        _ => (Kind::Cluster, CLUSTER),
    }
}

/// Requests about configs: the operation, where the answer has its list, and the refusal of one thing.
macro_rules! configs {
    ($($request:ident: $operation:ident => $results:ident, $refused:ident $({ $field:ident: $value:expr })?;)*) => {$(
        impl Guarded for $request {
            fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
                let denied = self.resources.extract_if(.., |asked| {
                    let (kind, name) = owner_of(asked.resource_type, &asked.resource_name);
                    !gate.allows(Operation::$operation, kind, name)
                });
                let refused = denied.map(|asked| {
                    let error_code = refusal(owner_of(asked.resource_type, &asked.resource_name).0);
                    $refused {
                        error_code,
                        error_message: ErrorCode::of(error_code).map(|code| code.to_string()),
                        resource_type: asked.resource_type,
                        resource_name: asked.resource_name,
                        $($field: $value,)?
                    }
                });
                let refused: Vec<$refused> = refused.collect();
                if refused.is_empty() {
                    return Admission::ALL;
                }
                Admission::and(move |response: &mut Self::Response, _| response.$results.extend(refused))
            }
        }
    )*};
}

configs! {
    DescribeConfigsRequest: DescribeConfigs => results, DescribedConfigs { configs: Vec::new() };
    IncrementalAlterConfigsRequest: AlterConfigs => responses, IncrementalAlteredConfigs;
    AlterConfigsRequest: AlterConfigs => responses, AlteredConfigs;
}
