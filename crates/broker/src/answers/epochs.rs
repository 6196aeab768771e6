//! Where the epochs of leaders ended.

use millrace_flow::TopicPartition;

use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::wire::ErrorCode;
use crate::wire::messages::offsets::{
    EpochEnd, EpochEndTopic, EpochPartition, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};

impl Broker {
    pub(super) async fn offset_for_leader_epoch(
        &self,
        request: OffsetForLeaderEpochRequest,
        _call: &Call,
    ) -> OffsetForLeaderEpochResponse {
        let topics = on_disk(|| {
            let topics = request.topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|asked| self.epoch_end_of(&topic.topic, asked)).collect();
                EpochEndTopic { topic: topic.topic, partitions }
            });
            topics.collect()
        });
        OffsetForLeaderEpochResponse { topics, ..OffsetForLeaderEpochResponse::default() }
    }

    fn epoch_end_of(&self, topic: &str, asked: &EpochPartition) -> EpochEnd {
        let partition = asked.partition;
        let failed = |code: ErrorCode| EpochEnd { error_code: code.number(), partition, ..EpochEnd::default() };
        let Ok(number) = u32::try_from(partition) else { return failed(ErrorCode::UnknownTopicOrPartition) };
        if let Err((code, _)) = self.check_epoch(topic, asked.current_leader_epoch) {
            return failed(code);
        }
        match self.log.epoch_end(&TopicPartition::new(topic, number), asked.leader_epoch) {
            Ok(Some((leader_epoch, end))) => {
                EpochEnd { partition, leader_epoch, end_offset: end.0, ..EpochEnd::default() }
            }
            Ok(None) => EpochEnd { partition, ..EpochEnd::default() },
            Err(error) => failed(code_of(&error)),
        }
    }
}
