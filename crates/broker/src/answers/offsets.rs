//! Offsets by time.

use millrace_flow::TopicPartition;
use millrace_log::Isolation;

use super::fetch::isolation_of;
use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::wire::ErrorCode;
use crate::wire::messages::offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListedOffsetsPartition, ListedOffsetsTopic,
};

/// Times that stand for a place: the end, the start, and the record with the greatest timestamp.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// The start of what is on this machine, which here is all.
const EARLIEST_LOCAL: i64 = -4;
/// The end of what was moved elsewhere, which here is nothing.
const LATEST_TIERED: i64 = -5;

impl Broker {
    pub(super) async fn list_offsets(&self, request: ListOffsetsRequest, _call: &Call) -> ListOffsetsResponse {
        let isolation = isolation_of(request.isolation_level);
        let topics = on_disk(|| {
            let topics = request.topics.into_iter().map(|topic| {
                let partitions =
                    topic.partitions.iter().map(|asked| self.list_one(&topic.name, asked, isolation)).collect();
                ListedOffsetsTopic { name: topic.name, partitions }
            });
            topics.collect()
        });
        ListOffsetsResponse { topics, ..ListOffsetsResponse::default() }
    }

    fn list_one(&self, topic: &str, asked: &ListOffsetsPartition, isolation: Isolation) -> ListedOffsetsPartition {
        let listed = |code: Result<Option<(i64, i64)>, ErrorCode>| {
            let partition_index = asked.partition_index;
            match code {
                Ok(Some((offset, timestamp))) => {
                    let leader_epoch =
                        self.log.is_of_clients(topic).map_or(-1, |of_clients| self.leader_epoch(of_clients));
                    let found = ListedOffsetsPartition { partition_index, timestamp, offset, ..Default::default() };
                    ListedOffsetsPartition { leader_epoch, ..found }
                }
                Ok(None) => ListedOffsetsPartition { partition_index, ..Default::default() },
                Err(code) => {
                    ListedOffsetsPartition { partition_index, error_code: code.number(), ..Default::default() }
                }
            }
        };
        let Ok(number) = u32::try_from(asked.partition_index) else {
            return listed(Err(ErrorCode::UnknownTopicOrPartition));
        };
        if let Err((code, _)) = self.check_epoch(topic, asked.current_leader_epoch) {
            return listed(Err(code));
        }
        let partition = TopicPartition::new(topic, number);
        let bounds = self.log.offsets(&partition).and_then(|(start, end)| {
            // Whoever reads what is committed does not get further than that.
            let is_committed = isolation == Isolation::Committed;
            Ok((start, if is_committed { self.log.stable_offset(&partition)? } else { end }))
        });
        let found = bounds.and_then(|(start, end)| match asked.timestamp {
            LATEST => Ok(Some((end.0, -1))),
            EARLIEST | EARLIEST_LOCAL => Ok(Some((start.0, -1))),
            LATEST_TIERED => Ok(None),
            MAX_TIMESTAMP => {
                let newest = self.log.newest_record(&partition)?;
                Ok(newest.filter(|(offset, _)| *offset < end).map(|(offset, timestamp)| (offset.0, timestamp)))
            }
            time_ms if time_ms < 0 => Ok(None),
            time_ms => {
                let found = self.log.record_at_time(&partition, time_ms)?;
                Ok(found.filter(|(offset, _)| *offset < end).map(|(offset, timestamp)| (offset.0, timestamp)))
            }
        });
        listed(found.map_err(|error| code_of(&error)))
    }
}
