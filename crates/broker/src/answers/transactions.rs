//! Transactions of producers.

use millrace_flow::TopicPartition;
use regex::RegexBuilder;

use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::groups::{CommitPartition, CommitRequest, CommitTopic};
use crate::transaction_service::Unmet;
use crate::transactions::{InitRequest, Producer, State, Transaction, TransactionFilter};
use crate::wire::ErrorCode;
use crate::wire::messages::produce::{InitProducerIdRequest, InitProducerIdResponse};
use crate::wire::messages::transactions::*;

/// From these versions on TxnOffsetCommit adds the group by itself, and EndTxn gives the producer another life.
const ADDING_COMMIT_VERSION: i16 = 5;
const RENEWING_END_VERSION: i16 = 5;
/// Memory that a pattern of transactional ids may take once it is understood.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The number of why not, for a client that knows of PRODUCER_FENCED from the version `since` of the request on.
fn code_since(unmet: Unmet, call: &Call, since: i16) -> ErrorCode {
    match unmet.code() {
        ErrorCode::ProducerFenced if call.header.api_version < since => ErrorCode::InvalidProducerEpoch,
        code => code,
    }
}

/// What a request for an id says of the one that the producer has.
fn known(request: &InitProducerIdRequest) -> Result<Option<Producer>, ErrorCode> {
    match (request.producer_id, request.producer_epoch) {
        (-1, -1) => Ok(None),
        (-1, _) | (_, -1) => Err(ErrorCode::InvalidRequest),
        (id, epoch) => Ok(Some(Producer { id, epoch })),
    }
}

impl Broker {
    pub(super) async fn init_producer_id(&self, request: InitProducerIdRequest, call: &Call) -> InitProducerIdResponse {
        let inited = on_disk(|| {
            let known = known(&request)?;
            let Some(transactional_id) = request.transactional_id else {
                // Nobody can fence a producer that has no name: it gets another id.
                let id = self.producer_ids.next().map_err(|error| code_of(&error))?;
                return Ok(Producer { id, epoch: 0 });
            };
            let request = InitRequest { transactional_id, timeout_ms: request.transaction_timeout_ms, known };
            let inited = self.transactions.init(&self.groups, &self.producer_ids, &request);
            inited.map_err(|unmet| code_since(unmet, call, 4))
        });
        match inited {
            Ok(Producer { id, epoch }) => {
                InitProducerIdResponse { producer_id: id, producer_epoch: epoch, ..InitProducerIdResponse::default() }
            }
            Err(code) => InitProducerIdResponse {
                error_code: code.number(),
                producer_epoch: -1,
                ..InitProducerIdResponse::default()
            },
        }
    }

    pub(super) async fn add_partitions_to_txn(
        &self,
        request: AddPartitionsToTxnRequest,
        call: &Call,
    ) -> AddPartitionsToTxnResponse {
        let each = |code: &dyn Fn(&str, i32) -> ErrorCode| {
            let results = request.topics.iter().map(|topic| AddedPartitionsTopic {
                name: topic.name.clone(),
                results_by_partition: topic
                    .partitions
                    .iter()
                    .map(|partition| AddedPartition {
                        partition_index: *partition,
                        partition_error_code: code(&topic.name, *partition).number(),
                    })
                    .collect(),
            });
            AddPartitionsToTxnResponse { results: results.collect(), ..AddPartitionsToTxnResponse::default() }
        };
        let all = request.topics.iter().flat_map(|topic| topic.partitions.iter().map(|n| (topic.name.clone(), *n)));
        let all: Vec<(String, i32)> = all.collect();
        if all.iter().any(|(topic, partition)| self.check_writable(topic, *partition).is_err()) {
            return each(&|topic, partition| {
                self.check_writable(topic, partition).err().unwrap_or(ErrorCode::OperationNotAttempted)
            });
        }
        let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
        let added = on_disk(|| {
            self.transactions.decide(|coordinator, now_ms| {
                coordinator.add_partitions(&request.transactional_id, producer, &all, now_ms)
            })
        });
        let code = added.map_or_else(|unmet| code_since(unmet, call, 2), |()| ErrorCode::None);
        each(&|_, _| code)
    }

    /// Whether there is such a partition, and clients may append to it.
    pub(super) fn check_writable(&self, topic: &str, partition: i32) -> Result<(), ErrorCode> {
        let found = self.log.client_topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if !found.is_of_clients {
            return Err(ErrorCode::TopicAuthorizationFailed);
        }
        let is_there = u32::try_from(partition).is_ok_and(|number| number < found.info.spec.partitions);
        if is_there { Ok(()) } else { Err(ErrorCode::UnknownTopicOrPartition) }
    }

    pub(super) async fn add_offsets_to_txn(
        &self,
        request: AddOffsetsToTxnRequest,
        call: &Call,
    ) -> AddOffsetsToTxnResponse {
        let AddOffsetsToTxnRequest { transactional_id, producer_id, producer_epoch, group_id } = request;
        let producer = Producer { id: producer_id, epoch: producer_epoch };
        let code = if group_id.is_empty() {
            ErrorCode::InvalidGroupId
        } else {
            let added = on_disk(|| {
                self.transactions
                    .decide(|coordinator, now_ms| coordinator.add_group(&transactional_id, producer, &group_id, now_ms))
            });
            added.map_or_else(|unmet| code_since(unmet, call, 2), |()| ErrorCode::None)
        };
        AddOffsetsToTxnResponse { error_code: code.number(), ..AddOffsetsToTxnResponse::default() }
    }

    pub(super) async fn txn_offset_commit(
        &self,
        request: TxnOffsetCommitRequest,
        call: &Call,
    ) -> TxnOffsetCommitResponse {
        let asked = request
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.name.clone(), partition.partition_index)));
        let asked: Vec<(String, i32)> = asked.collect();
        let is_there = |topic: &str, partition: i32| {
            u32::try_from(partition).is_ok_and(|number| self.log.offsets(&TopicPartition::new(topic, number)).is_ok())
        };
        let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
        let transactional_id = request.transactional_id.clone();
        // Groups refuse a name that cannot be; that a transaction has it does no harm.
        let adds_group = call.header.api_version >= ADDING_COMMIT_VERSION;
        let commit = commit_of(request, call.header.api_version, is_there);
        let committed =
            on_disk(|| self.transactions.commit_offsets(&self.groups, &transactional_id, producer, adds_group, commit));
        let code_of_one = |topic: &str, partition: i32| match &committed {
            Err(unmet) => offset_code(*unmet, call),
            Ok(_) if !is_there(topic, partition) => ErrorCode::UnknownTopicOrPartition,
            Ok(found) => {
                let of_topic = found.iter().filter(|found| found.topic == topic);
                let found = of_topic.flat_map(|found| &found.partitions).find(|found| found.partition == partition);
                found.and_then(|found| found.error).map_or(ErrorCode::None, super::groups::code_of)
            }
        };
        let mut topics: Vec<TxnCommittedTopic> = Vec::new();
        for (name, partition_index) in asked {
            let error_code = code_of_one(&name, partition_index).number();
            let partition = TxnCommittedPartition { partition_index, error_code };
            match topics.last_mut().filter(|topic| topic.name == name) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(TxnCommittedTopic { name, partitions: vec![partition] }),
            }
        }
        TxnOffsetCommitResponse { topics, ..TxnOffsetCommitResponse::default() }
    }

    pub(super) async fn end_txn(&self, request: EndTxnRequest, call: &Call) -> EndTxnResponse {
        let EndTxnRequest { transactional_id, producer_id, producer_epoch, committed } = request;
        let producer = Producer { id: producer_id, epoch: producer_epoch };
        let renews = call.header.api_version >= RENEWING_END_VERSION;
        let ended = on_disk(|| {
            if !renews {
                return self.transactions.end(&self.groups, &transactional_id, producer, committed).map(|()| None);
            }
            let who = (&*transactional_id, producer);
            self.transactions.end_with_new_life(&self.groups, &self.producer_ids, who, committed).map(Some)
        });
        match ended {
            Ok(Some(Producer { id, epoch })) => {
                EndTxnResponse { producer_id: id, producer_epoch: epoch, ..EndTxnResponse::default() }
            }
            Ok(None) => EndTxnResponse::default(),
            Err(unmet) => {
                EndTxnResponse { error_code: code_since(unmet, call, 2).number(), ..EndTxnResponse::default() }
            }
        }
    }

    pub(super) async fn describe_producers(
        &self,
        request: DescribeProducersRequest,
        _call: &Call,
    ) -> DescribeProducersResponse {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partition_indexes.iter().map(|number| self.producers_of(&topic.name, *number));
            DescribedProducersTopic { partitions: partitions.collect(), name: topic.name }
        });
        DescribeProducersResponse { topics: topics.collect(), ..DescribeProducersResponse::default() }
    }

    fn producers_of(&self, topic: &str, partition_index: i32) -> DescribedProducersPartition {
        let failed = |code: ErrorCode, error_message| DescribedProducersPartition {
            partition_index,
            error_code: code.number(),
            error_message,
            ..DescribedProducersPartition::default()
        };
        let Ok(number) = u32::try_from(partition_index) else {
            return failed(ErrorCode::UnknownTopicOrPartition, None);
        };
        let producers = match self.log.producers(&TopicPartition::new(topic, number)) {
            Ok(producers) => producers,
            Err(error) => return failed(code_of(&error), Some(error.to_string())),
        };
        let active_producers = producers.into_iter().map(|producer| DescribedProducer {
            producer_id: producer.id,
            producer_epoch: i32::from(producer.epoch),
            last_sequence: producer.last_sequence.unwrap_or(-1),
            last_timestamp: producer.at_ms,
            coordinator_epoch: producer.coordinator_epoch.unwrap_or(-1),
            current_txn_start_offset: producer.transaction_start.unwrap_or(-1),
        });
        let active_producers = active_producers.collect();
        DescribedProducersPartition { partition_index, active_producers, ..DescribedProducersPartition::default() }
    }

    pub(super) async fn describe_transactions(
        &self,
        request: DescribeTransactionsRequest,
        _call: &Call,
    ) -> DescribeTransactionsResponse {
        let described = |transactional_id: String| {
            let found = self.transactions.look(|coordinator, _| coordinator.describe(&transactional_id).cloned());
            match found {
                Ok(found) => described_of(found),
                Err(error) => {
                    let error_code = Unmet::from(error).code().number();
                    DescribedTransaction { error_code, transactional_id, ..DescribedTransaction::default() }
                }
            }
        };
        let transaction_states = request.transactional_ids.into_iter().map(described).collect();
        DescribeTransactionsResponse { transaction_states, ..DescribeTransactionsResponse::default() }
    }

    pub(super) async fn list_transactions(
        &self,
        request: ListTransactionsRequest,
        _call: &Call,
    ) -> ListTransactionsResponse {
        let pattern = request.transactional_id_pattern.filter(|pattern| !pattern.is_empty());
        let pattern =
            pattern.map(|pattern| RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES_MAX).build());
        let Ok(pattern) = pattern.transpose() else {
            let error_code = ErrorCode::InvalidRegularExpression.number();
            return ListTransactionsResponse { error_code, ..ListTransactionsResponse::default() };
        };
        let state_of = |name: &String| State::ALL.into_iter().find(|state| state.name() == name);
        let (known, unknown_state_filters): (Vec<_>, Vec<_>) =
            request.state_filters.into_iter().partition(|name| state_of(name).is_some());
        let filter = TransactionFilter {
            states: known.iter().filter_map(state_of).collect(),
            producer_ids: request.producer_id_filters,
            running_ms: Some(request.duration_filter).filter(|ms| *ms >= 0),
        };
        // Names that nobody knows match nothing, rather than everything.
        let matches_nothing = filter.states.is_empty() && !unknown_state_filters.is_empty();
        let mut listed = self.transactions.look(|coordinator, now_ms| coordinator.list(&filter, now_ms));
        listed.retain(|found| {
            !matches_nothing && pattern.as_ref().is_none_or(|pattern| pattern.is_match(&found.transactional_id))
        });
        let transaction_states = listed.into_iter().map(|found| ListedTransaction {
            transactional_id: found.transactional_id,
            producer_id: found.producer_id,
            transaction_state: found.state.name().to_owned(),
        });
        ListTransactionsResponse {
            unknown_state_filters,
            transaction_states: transaction_states.collect(),
            ..ListTransactionsResponse::default()
        }
    }
}

/// What is to be committed, without partitions that are not there.
fn commit_of(request: TxnOffsetCommitRequest, version: i16, is_there: impl Fn(&str, i32) -> bool) -> CommitRequest {
    let topics = request.topics.into_iter().map(|topic| {
        let known = topic.partitions.into_iter().filter(|found| is_there(&topic.name, found.partition_index));
        let partitions = known.map(|found| CommitPartition {
            partition: found.partition_index,
            offset: found.committed_offset,
            leader_epoch: Some(found.committed_leader_epoch).filter(|epoch| *epoch >= 0),
            metadata: found.committed_metadata,
        });
        CommitTopic { partitions: partitions.collect(), topic: topic.name }
    });
    CommitRequest {
        version,
        group: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        retention_ms: None,
        topics: topics.collect(),
    }
}

/// Why offsets are not taken, as clients of a version of TxnOffsetCommit know it.
fn offset_code(unmet: Unmet, call: &Call) -> ErrorCode {
    match unmet.code() {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if call.header.api_version < 4 => ErrorCode::InvalidTxnState,
        ErrorCode::ConcurrentTransactions => ErrorCode::CoordinatorNotAvailable,
        code => code,
    }
}

/// Why a frame is not taken, as clients of a version of Produce know it.
pub(super) fn append_code(unmet: Unmet, call: &Call) -> ErrorCode {
    match unmet.code() {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if call.header.api_version < 11 => ErrorCode::InvalidTxnState,
        // What makes these clients try again without looking for another leader first.
        ErrorCode::ConcurrentTransactions => ErrorCode::NotEnoughReplicas,
        code => code,
    }
}

fn described_of(found: Transaction) -> DescribedTransaction {
    let topics = found
        .partitions
        .into_iter()
        .map(|(topic, partitions)| DescribedTransactionTopic { topic, partitions: partitions.into_iter().collect() });
    DescribedTransaction {
        transactional_id: found.transactional_id,
        transaction_state: found.state.name().to_owned(),
        transaction_timeout_ms: found.timeout_ms,
        transaction_start_time_ms: found.started_ms.unwrap_or(-1),
        producer_id: found.producer.id,
        producer_epoch: found.producer.epoch,
        topics: topics.collect(),
        ..DescribedTransaction::default()
    }
}
