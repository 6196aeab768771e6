//! Appending.

use bytes::Bytes;
use millrace_flow::{Offset, TopicPartition};
use millrace_log::{Appended, Refused};

use super::transactions::append_code;
use super::{Call, on_disk};
use crate::Broker;
use crate::connection::Ended;
use crate::failure::code_of_refusal;
use crate::transaction_service::Unmet;
use crate::transactions::Producer;
use crate::wire::ErrorCode;
use crate::wire::messages::produce::{
    ProducePartition, ProduceRecordError, ProduceRequest, ProduceResponse, ProducedPartition, ProducedTopic,
};

/// Acknowledgements that may be asked for: none, that of the leader, those of all in-sync replicas.
const ACKS: [i16; 3] = [0, 1, -1];

impl Broker {
    pub(super) async fn produce(&self, request: ProduceRequest, call: &Call) -> Result<Option<ProduceResponse>, Ended> {
        let refusal = (!ACKS.contains(&request.acks)).then_some(ErrorCode::InvalidRequiredAcks);
        let transactional_id = request.transactional_id.as_deref();
        let responses: Vec<ProducedTopic> = on_disk(|| {
            let topics = request.topic_data.into_iter().map(|topic| {
                let partitions = topic.partition_data.into_iter();
                let produced = partitions.map(|partition| match refusal {
                    Some(code) => refused(partition.index, code, None),
                    None => self.produce_one(&topic.name, partition, transactional_id, call),
                });
                let partition_responses = produced.collect();
                ProducedTopic { name: topic.name, partition_responses }
            });
            topics.collect()
        });
        if request.acks != 0 {
            return Ok(Some(ProduceResponse { responses, ..ProduceResponse::default() }));
        }
        let all = responses.iter().flat_map(|topic| &topic.partition_responses);
        if all.into_iter().any(|partition| partition.error_code != 0) { Err(Ended::NotAppended) } else { Ok(None) }
    }

    fn produce_one(
        &self,
        topic: &str,
        partition: ProducePartition,
        transactional_id: Option<&str>,
        call: &Call,
    ) -> ProducedPartition {
        let ProducePartition { index, records } = partition;
        let Ok(number) = u32::try_from(index) else {
            return refused(index, ErrorCode::UnknownTopicOrPartition, None);
        };
        let to = TopicPartition::new(topic, number);
        // Why a frame may not begin a transaction in the partition, where it wants to.
        let mut unmet = None;
        let may_begin = |id, epoch| {
            let checked = self.check_transaction(transactional_id, Producer { id, epoch }, topic, index);
            unmet = checked.err();
            unmet.is_none()
        };
        match self.append(&to, &records.unwrap_or_default(), may_begin) {
            Ok(appended) => ProducedPartition {
                index,
                base_offset: appended.base.0,
                log_append_time_ms: appended.append_time_ms.unwrap_or(-1),
                log_start_offset: appended.start.0,
                ..ProducedPartition::default()
            },
            Err(error) => {
                let code = match (&error, unmet) {
                    (Refused::NotInTransaction, Some(Some(unmet))) => append_code(unmet, call),
                    (Refused::NotInTransaction, Some(None)) => ErrorCode::TransactionalIdAuthorizationFailed,
                    _ => code_of_refusal(&error),
                };
                let answer = refused(index, code, Some(error.to_string()));
                ProducedPartition { record_errors: record_errors(&error), ..answer }
            }
        }
    }

    /// Whether a producer's transaction has the partition. Whoever names no transactional id has none to append to.
    fn check_transaction(
        &self,
        transactional_id: Option<&str>,
        producer: Producer,
        topic: &str,
        partition: i32,
    ) -> Result<(), Option<Unmet>> {
        let transactional_id = transactional_id.ok_or(None)?;
        let checked = self
            .transactions
            .look(|coordinator, _| coordinator.check_append(transactional_id, producer, topic, partition));
        checked.map_err(|error| Some(error.into()))
    }

    /// Appends a frame; it is as safe as the flush mode promises when this returns.
    fn append(
        &self,
        to: &TopicPartition,
        frame: &Bytes,
        may_begin: impl FnOnce(i64, i16) -> bool,
    ) -> Result<Appended, Refused> {
        let appended = self.log.append_guarded(to, frame, may_begin)?;
        self.log.settle(to, appended.end)?;
        Ok(appended)
    }
}

/// Which records are to blame, where that is known of each.
fn record_errors(error: &Refused) -> Vec<ProduceRecordError> {
    let Refused::WithoutKey(records) = error else { return Vec::new() };
    let blamed = |record: &u32| ProduceRecordError {
        batch_index: i32::try_from(*record).unwrap_or(i32::MAX),
        batch_index_error_message: Some("a record of a compacted topic needs a key".to_owned()),
    };
    records.iter().map(blamed).collect()
}

fn refused(index: i32, code: ErrorCode, error_message: Option<String>) -> ProducedPartition {
    let base_offset = Offset(-1).0;
    ProducedPartition { index, error_code: code.number(), base_offset, error_message, ..ProducedPartition::default() }
}
