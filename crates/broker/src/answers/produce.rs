//! Appending.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_flow::{Offset, TopicPartition};
use millrace_log::{Appended, Beginning, Refused, transaction_of};

use super::transactions::append_code;
use super::{Call, on_disk};
use crate::Broker;
use crate::connection::Ended;
use crate::failure::code_of_refusal;
use crate::transaction_service::Unmet;
use crate::transactions::Producer;
use crate::wire::ErrorCode;
use crate::wire::messages::produce::{
    ProducePartition, ProduceRecordError, ProduceRequest, ProduceResponse, ProduceTopic, ProducedPartition,
    ProducedTopic,
};

/// Acknowledgements that may be asked for: none, that of the leader, those of all in-sync replicas.
const ACKS: [i16; 3] = [0, 1, -1];

/// From this version on what is sent becomes part of its producer's transaction by itself, which has an epoch of its own.
const ADDING_VERSION: i16 = 12;

impl Broker {
    pub(super) async fn produce(&self, request: ProduceRequest, call: &Call) -> Result<Option<ProduceResponse>, Ended> {
        let refusal = (!ACKS.contains(&request.acks)).then_some(ErrorCode::InvalidRequiredAcks);
        let transactional_id = request.transactional_id.as_deref();
        let responses: Vec<ProducedTopic> = on_disk(|| {
            let add = || self.add_what_is_sent(transactional_id, &request.topic_data, call);
            let refusal = refusal.or_else(|| add().err().map(|unmet| append_code(unmet, call)));
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
        let mut refusal = None;
        let may_begin = |beginning| {
            refusal = self.check_beginning(transactional_id, beginning, (topic, index), call).err();
            refusal.is_none()
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
                let code = refusal.unwrap_or_else(|| code_of_refusal(&error));
                let answer = refused(index, code, Some(error.to_string()));
                ProducedPartition { record_errors: record_errors(&error), ..answer }
            }
        }
    }

    /// By the newer protocol whoever sends says with it that a partition becomes part of the transaction. What does not is
    /// refused where it would begin there.
    fn add_what_is_sent(
        &self,
        transactional_id: Option<&str>,
        topics: &[ProduceTopic],
        call: &Call,
    ) -> Result<(), Unmet> {
        let Some(transactional_id) = transactional_id.filter(|_| call.header.api_version >= ADDING_VERSION) else {
            return Ok(());
        };
        let mut sent: BTreeMap<Producer, Vec<(String, i32)>> = BTreeMap::new();
        for topic in topics {
            for partition in &topic.partition_data {
                let transaction = partition.records.as_deref().and_then(transaction_of);
                let Some((id, epoch)) = transaction else { continue };
                if self.check_writable(&topic.name, partition.index).is_ok() {
                    let to = (topic.name.clone(), partition.index);
                    sent.entry(Producer { id, epoch }).or_default().push(to);
                }
            }
        }
        for (producer, partitions) in sent {
            let added = self.transactions.decide(|coordinator, now_ms| {
                // One that has yet to get a marker is refused by itself, and keeps no other waiting.
                let takes =
                    |(topic, partition): &&(String, i32)| !coordinator.owes(transactional_id, topic, *partition);
                match &*partitions.iter().filter(takes).cloned().collect::<Vec<_>>() {
                    [] => Ok(None),
                    taking => coordinator.add_partitions(transactional_id, producer, taking, now_ms),
                }
            });
            match added {
                Err(Unmet::Unavailable) => return Err(Unmet::Unavailable),
                Ok(()) | Err(Unmet::Refused(_)) => {}
            }
        }
        Ok(())
    }

    /// Whether a frame may begin a transaction in a partition: its producer's has to have it. Whoever names no transactional id
    /// has none to append to.
    fn check_beginning(
        &self,
        transactional_id: Option<&str>,
        beginning: Beginning,
        (topic, partition): (&str, i32),
        call: &Call,
    ) -> Result<(), ErrorCode> {
        let transactional_id = transactional_id.ok_or(ErrorCode::TransactionalIdAuthorizationFailed)?;
        // A transaction with an epoch of its own counts from 0 in each partition, so what came before has not come, or is lost.
        if beginning.goes_on_from_unknown && call.header.api_version >= ADDING_VERSION {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        let producer = Producer { id: beginning.producer_id, epoch: beginning.producer_epoch };
        let checked = self
            .transactions
            .look(|coordinator, _| coordinator.check_append(transactional_id, producer, topic, partition));
        checked.map_err(|error| append_code(error.into(), call))
    }

    /// Appends a frame; it is as safe as the flush mode promises when this returns.
    fn append(
        &self,
        to: &TopicPartition,
        frame: &Bytes,
        may_begin: impl FnOnce(Beginning) -> bool,
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
