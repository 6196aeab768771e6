//! Appending, and the ids that make it happen once.

use bytes::Bytes;
use millrace_flow::{Offset, TopicPartition};
use millrace_log::{Appended, Refused};

use super::{Call, on_disk};
use crate::Broker;
use crate::connection::Ended;
use crate::failure::{code_of, code_of_refusal};
use crate::wire::ErrorCode;
use crate::wire::messages::produce::{
    InitProducerIdRequest, InitProducerIdResponse, ProducePartition, ProduceRecordError, ProduceRequest,
    ProduceResponse, ProducedPartition, ProducedTopic,
};

/// Acknowledgements that may be asked for: none, that of the leader, those of all in-sync replicas.
const ACKS: [i16; 3] = [0, 1, -1];

impl Broker {
    pub(super) async fn produce(
        &self,
        request: ProduceRequest,
        _call: &Call,
    ) -> Result<Option<ProduceResponse>, Ended> {
        let refusal = if !ACKS.contains(&request.acks) {
            Some(ErrorCode::InvalidRequiredAcks)
        } else if request.transactional_id.is_some() {
            Some(ErrorCode::TransactionalIdAuthorizationFailed)
        } else {
            None
        };
        let responses: Vec<ProducedTopic> = on_disk(|| {
            let topics = request.topic_data.into_iter().map(|topic| {
                let partitions = topic.partition_data.into_iter();
                let produced = partitions.map(|partition| match refusal {
                    Some(code) => refused(partition.index, code, None),
                    None => self.produce_one(&topic.name, partition),
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

    fn produce_one(&self, topic: &str, partition: ProducePartition) -> ProducedPartition {
        let ProducePartition { index, records } = partition;
        let Ok(number) = u32::try_from(index) else {
            return refused(index, ErrorCode::UnknownTopicOrPartition, None);
        };
        let to = TopicPartition::new(topic, number);
        match self.append(&to, &records.unwrap_or_default()) {
            Ok(appended) => ProducedPartition {
                index,
                base_offset: appended.base.0,
                log_append_time_ms: appended.append_time_ms.unwrap_or(-1),
                log_start_offset: appended.start.0,
                ..ProducedPartition::default()
            },
            Err(error) => {
                let answer = refused(index, code_of_refusal(&error), Some(error.to_string()));
                ProducedPartition { record_errors: record_errors(&error), ..answer }
            }
        }
    }

    /// Appends a frame; it is as safe as the flush mode promises when this returns.
    fn append(&self, to: &TopicPartition, frame: &Bytes) -> Result<Appended, Refused> {
        let appended = self.log.append_frame(to, frame)?;
        self.log.settle(to, appended.end)?;
        Ok(appended)
    }

    pub(super) async fn init_producer_id(
        &self,
        request: InitProducerIdRequest,
        _call: &Call,
    ) -> InitProducerIdResponse {
        let failed = |code: ErrorCode| InitProducerIdResponse {
            error_code: code.number(),
            producer_epoch: -1,
            ..InitProducerIdResponse::default()
        };
        if request.transactional_id.is_some() {
            return failed(ErrorCode::TransactionalIdAuthorizationFailed);
        }
        match on_disk(|| self.producer_ids.next()) {
            Ok(producer_id) => InitProducerIdResponse { producer_id, ..InitProducerIdResponse::default() },
            Err(error) => failed(code_of(&error)),
        }
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
