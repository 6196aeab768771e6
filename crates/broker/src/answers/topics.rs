//! Making topics, making them wider, taking them away.

use std::collections::BTreeMap;

use millrace_flow::{Offset, TopicPartition};
use millrace_log::{ClientTopic, LogError};

use super::configs::settings_of;
use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::wire::messages::topics::*;
use crate::wire::{ErrorCode, Uuid};

/// What is said of a request that cannot be met: a code, and why.
type Refusal = (ErrorCode, Option<String>);

fn refusal(error: &LogError) -> Refusal {
    (code_of(error), Some(error.to_string()))
}

impl Broker {
    pub(super) async fn create_topics(&self, request: CreateTopicsRequest, _call: &Call) -> CreateTopicsResponse {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        request.topics.iter().for_each(|topic| *names.entry(&topic.name).or_default() += 1);
        let topics = request.topics.iter().map(|topic| {
            let outcome = match names.get(&*topic.name) {
                Some(1) => on_disk(|| self.create_topic(topic, request.validate_only)),
                _ => Err((ErrorCode::InvalidRequest, Some("the topic is asked for twice".to_owned()))),
            };
            created(&topic.name, outcome)
        });
        CreateTopicsResponse { topics: topics.collect(), ..CreateTopicsResponse::default() }
    }

    fn create_topic(&self, asked: &CreatableTopic, validate_only: bool) -> Result<Option<ClientTopic>, Refusal> {
        let (partitions, replicas) = self.shape(asked)?;
        let configs = asked.configs.iter().filter_map(|set| Some((set.name.clone(), set.value.clone()?)));
        let configs: BTreeMap<String, String> = configs.collect();
        if validate_only {
            self.log.check_client_topic(&asked.name, partitions, &configs).map_err(|error| refusal(&error))?;
            return Ok(None);
        }
        if replicas > 1 {
            tracing::warn!(
                topic = asked.name,
                replicas,
                "there is one broker: the topic has one replica of those asked for"
            );
        }
        let made = self.log.create_client_topic(&asked.name, partitions, replicas, configs);
        made.map(Some).map_err(|error| refusal(&error))
    }

    /// How many partitions and replicas are asked for. One broker keeps one replica of each, whatever is asked.
    fn shape(&self, asked: &CreatableTopic) -> Result<(u32, i16), Refusal> {
        let refuse = |code, text: &str| Err((code, Some(text.to_owned())));
        if !asked.assignments.is_empty() {
            if asked.num_partitions != -1 || asked.replication_factor != -1 {
                return refuse(ErrorCode::InvalidRequest, "with an assignment, partitions and replicas must be -1");
            }
            let mut numbers: Vec<i32> = asked.assignments.iter().map(|partition| partition.partition_index).collect();
            numbers.sort_unstable();
            if !numbers.iter().copied().eq(0..numbers.len() as i32) {
                return refuse(
                    ErrorCode::InvalidReplicaAssignment,
                    "the partitions must be numbered from 0, each once",
                );
            }
            let replicas = asked.assignments.iter().map(|partition| partition.broker_ids.len()).max().unwrap_or(1);
            return Ok((numbers.len() as u32, i16::try_from(replicas).unwrap_or(i16::MAX)));
        }
        let partitions = match asked.num_partitions {
            -1 => self.options.partitions,
            partitions => match u32::try_from(partitions) {
                Ok(partitions) if partitions > 0 => partitions,
                _ => return refuse(ErrorCode::InvalidPartitions, "a topic has at least one partition"),
            },
        };
        match asked.replication_factor {
            -1 => Ok((partitions, 1)),
            replicas if replicas > 0 => Ok((partitions, replicas)),
            _ => refuse(ErrorCode::InvalidReplicationFactor, "a topic has at least one replica"),
        }
    }

    pub(super) async fn delete_topics(&self, request: DeleteTopicsRequest, _call: &Call) -> DeleteTopicsResponse {
        let by_name = request.topic_names.into_iter();
        let by_name = by_name.map(|name| DeletableTopic { name: Some(name), topic_id: Uuid::NONE });
        let responses = by_name.chain(request.topics).map(|asked| on_disk(|| self.delete_topic(asked))).collect();
        DeleteTopicsResponse { responses, ..DeleteTopicsResponse::default() }
    }

    fn delete_topic(&self, asked: DeletableTopic) -> DeletedTopic {
        let DeletableTopic { name, topic_id } = asked;
        let by_id = || {
            let found = self.log.client_topics().into_iter().find(|topic| topic.id == topic_id.0);
            found.map(|topic| topic.info.spec.name.to_string())
        };
        let Some(found) = name.clone().or_else(by_id) else {
            let error_code = ErrorCode::UnknownTopicId.number();
            return DeletedTopic { name, topic_id, error_code, error_message: None };
        };
        let topic_id = self.log.client_topic(&found).map_or(topic_id, |topic| Uuid(topic.id));
        let (code, error_message) = match self.log.delete_client_topic(&found) {
            Ok(()) => {
                self.groups.forget_topic(&found);
                // Whoever has a transaction that reaches into it may go on.
                self.transactions.pay_owed();
                (ErrorCode::None, None)
            }
            Err(error) => refusal(&error),
        };
        DeletedTopic { name: Some(found), topic_id, error_code: code.number(), error_message }
    }

    pub(super) async fn create_partitions(
        &self,
        request: CreatePartitionsRequest,
        _call: &Call,
    ) -> CreatePartitionsResponse {
        let results = request.topics.iter().map(|asked| {
            let outcome = on_disk(|| self.widen(asked, request.validate_only));
            let (code, error_message) = outcome.err().unwrap_or((ErrorCode::None, None));
            CreatedPartitionsTopic { name: asked.name.clone(), error_code: code.number(), error_message }
        });
        CreatePartitionsResponse { results: results.collect(), ..CreatePartitionsResponse::default() }
    }

    pub(super) async fn delete_records(&self, request: DeleteRecordsRequest, _call: &Call) -> DeleteRecordsResponse {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| on_disk(|| self.delete_before(&topic.name, asked)));
            let partitions = partitions.collect();
            DeletedRecordsTopic { name: topic.name, partitions }
        });
        DeleteRecordsResponse { topics: topics.collect(), ..DeleteRecordsResponse::default() }
    }

    fn delete_before(&self, topic: &str, asked: &DeleteRecordsPartition) -> DeletedRecordsPartition {
        let partition_index = asked.partition_index;
        let failed =
            |code: ErrorCode| DeletedRecordsPartition { partition_index, low_watermark: -1, error_code: code.number() };
        let Ok(number) = u32::try_from(partition_index) else { return failed(ErrorCode::UnknownTopicOrPartition) };
        let partition = TopicPartition::new(topic, number);
        // -1 stands for the end.
        let before = match asked.offset {
            -1 => self.log.offsets(&partition).map(|(_, end)| end),
            offset if offset < 0 => return failed(ErrorCode::OffsetOutOfRange),
            offset => Ok(Offset(offset)),
        };
        match before.and_then(|before| self.log.delete_records(&partition, before)) {
            Ok(start) => DeletedRecordsPartition { partition_index, low_watermark: start.0, error_code: 0 },
            Err(error) => failed(code_of(&error)),
        }
    }

    fn widen(&self, asked: &CreatePartitionsTopic, validate_only: bool) -> Result<(), Refusal> {
        let unknown = || (ErrorCode::UnknownTopicOrPartition, None);
        let topic = self.log.client_topic(&asked.name).ok_or_else(unknown)?;
        let count = u32::try_from(asked.count).unwrap_or(0);
        if count <= topic.info.spec.partitions {
            let text = format!("the topic has {} partitions already", topic.info.spec.partitions);
            return Err((ErrorCode::InvalidPartitions, Some(text)));
        }
        let new = (count - topic.info.spec.partitions) as usize;
        if asked.assignments.as_ref().is_some_and(|assigned| assigned.len() != new) {
            let text = format!("{new} partitions are new, and as many need brokers");
            return Err((ErrorCode::InvalidReplicaAssignment, Some(text)));
        }
        if validate_only {
            return Ok(());
        }
        self.log.add_partitions(&asked.name, count).map_err(|error| refusal(&error))
    }
}

fn created(name: &str, outcome: Result<Option<ClientTopic>, Refusal>) -> CreatedTopic {
    let name = name.to_owned();
    match outcome {
        Ok(Some(topic)) => {
            let configs = settings_of(&topic).map(|setting| CreatedTopicConfig {
                name: setting.key.name.to_owned(),
                value: Some(setting.value.clone()),
                read_only: false,
                config_source: setting.source(),
                is_sensitive: false,
            });
            CreatedTopic {
                name,
                topic_id: Uuid(topic.id),
                num_partitions: i32::try_from(topic.info.spec.partitions).unwrap_or(i32::MAX),
                replication_factor: topic.replicas,
                configs: Some(configs.collect()),
                ..CreatedTopic::default()
            }
        }
        Ok(None) => CreatedTopic { name, configs: Some(Vec::new()), ..CreatedTopic::default() },
        Err((code, error_message)) => {
            CreatedTopic { name, error_code: code.number(), error_message, ..CreatedTopic::default() }
        }
    }
}
