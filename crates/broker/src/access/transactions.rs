//! Requests about transactions and their producers.

use super::{Admission, Gate, Guarded, each, refusal, whole};
use crate::security::acl::{Kind, Operation};
use crate::wire::ErrorCode;
use crate::wire::messages::produce::{InitProducerIdRequest, InitProducerIdResponse};
use crate::wire::messages::transactions::*;

whole! {
    EndTxnRequest: Write TransactionalId of transactional_id => |_, error_code| {
        EndTxnResponse { error_code, ..Default::default() }
    };
}

each! {
    DescribeProducersRequest: Read Topic of topics.name => topics, |asked: ProducersTopic, error_code| {
        let partition = |partition_index| {
            DescribedProducersPartition { partition_index, error_code, ..Default::default() }
        };
        let partitions = asked.partition_indexes.into_iter().map(partition).collect();
        DescribedProducersTopic { name: asked.name, partitions }
    };
}

impl Guarded for InitProducerIdRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let kind = match &self.transactional_id {
            Some(id) if gate.allows(Operation::Write, Kind::TransactionalId, id) => return Admission::ALL,
            Some(_) => Kind::TransactionalId,
            // Whoever may append somewhere may do so once.
            None if gate.allows_cluster(Operation::IdempotentWrite) => return Admission::ALL,
            None if gate.allows_any(Operation::Write, Kind::Topic) => return Admission::ALL,
            None => Kind::Cluster,
        };
        let error_code = refusal(kind);
        Admission::Refused(InitProducerIdResponse { error_code, producer_epoch: -1, ..Default::default() })
    }
}

impl Guarded for AddPartitionsToTxnRequest {
    /// One topic that may not be written keeps all others out as well.
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let is_allowed = gate.allows(Operation::Write, Kind::TransactionalId, &self.transactional_id);
        let may_write = |topic: &AddPartitionsTopic| gate.allows(Operation::Write, Kind::Topic, &topic.name);
        if is_allowed && self.topics.iter().all(may_write) {
            return Admission::ALL;
        }
        let refused = self.topics.iter().map(|topic| {
            let partition_error_code = match (is_allowed, may_write(topic)) {
                (false, _) => refusal(Kind::TransactionalId),
                (true, false) => refusal(Kind::Topic),
                (true, true) => ErrorCode::OperationNotAttempted.number(),
            };
            let partition = |index: &i32| AddedPartition { partition_index: *index, partition_error_code };
            let results_by_partition = topic.partitions.iter().map(partition).collect();
            AddedPartitionsTopic { name: topic.name.clone(), results_by_partition }
        });
        Admission::Refused(AddPartitionsToTxnResponse { results: refused.collect(), ..Default::default() })
    }
}

impl Guarded for AddOffsetsToTxnRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let error_code = if !gate.allows(Operation::Write, Kind::TransactionalId, &self.transactional_id) {
            refusal(Kind::TransactionalId)
        } else if !gate.allows(Operation::Read, Kind::Group, &self.group_id) {
            refusal(Kind::Group)
        } else {
            return Admission::ALL;
        };
        Admission::Refused(AddOffsetsToTxnResponse { error_code, ..Default::default() })
    }
}

impl Guarded for TxnOffsetCommitRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        let refused = |topics: Vec<TxnOffsetCommitTopic>, error_code: i16| {
            let topics = topics.into_iter().map(move |topic| {
                let partitions = topic.partitions.iter();
                let partition = |asked: &TxnOffsetCommitPartition| TxnCommittedPartition {
                    partition_index: asked.partition_index,
                    error_code,
                };
                TxnCommittedTopic { name: topic.name, partitions: partitions.map(partition).collect() }
            });
            topics.collect::<Vec<_>>()
        };
        let whole = if !gate.allows(Operation::Write, Kind::TransactionalId, &self.transactional_id) {
            Some(Kind::TransactionalId)
        } else if !gate.allows(Operation::Read, Kind::Group, &self.group_id) {
            Some(Kind::Group)
        } else {
            None
        };
        if let Some(kind) = whole {
            let topics = refused(std::mem::take(&mut self.topics), refusal(kind));
            return Admission::Refused(TxnOffsetCommitResponse { topics, ..Default::default() });
        }
        let denied = gate.refuse(&mut self.topics, Operation::Read, Kind::Topic, |topic| &topic.name);
        if denied.is_empty() {
            return Admission::ALL;
        }
        let topics = refused(denied, refusal(Kind::Topic));
        // Nothing is left to commit, and there is nothing to be told of that.
        if self.topics.is_empty() {
            return Admission::Refused(TxnOffsetCommitResponse { topics, ..Default::default() });
        }
        Admission::and(move |response: &mut TxnOffsetCommitResponse, _| response.topics.extend(topics))
    }
}

impl Guarded for DescribeTransactionsRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.is_closed() {
            return Admission::ALL;
        }
        let ids = &mut self.transactional_ids;
        let denied = gate.refuse(ids, Operation::Describe, Kind::TransactionalId, |id| id);
        Admission::and(move |response: &mut DescribeTransactionsResponse, gate| {
            let may_see =
                |topic: &DescribedTransactionTopic| gate.allows(Operation::Describe, Kind::Topic, &topic.topic);
            response.transaction_states.iter_mut().for_each(|state| state.topics.retain(may_see));
            let error_code = refusal(Kind::TransactionalId);
            let refused =
                |transactional_id| DescribedTransaction { error_code, transactional_id, ..Default::default() };
            response.transaction_states.extend(denied.into_iter().map(refused));
        })
    }
}

impl Guarded for ListTransactionsRequest {
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response> {
        if !gate.is_closed() {
            return Admission::ALL;
        }
        Admission::and(|response: &mut ListTransactionsResponse, gate| {
            let may_see = |listed: &ListedTransaction| {
                gate.allows(Operation::Describe, Kind::TransactionalId, &listed.transactional_id)
            };
            response.transaction_states.retain(may_see);
        })
    }
}
