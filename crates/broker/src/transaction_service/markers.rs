//! How the end of a transaction reaches its partitions and groups.
//!
//! Each partition gets its marker, whatever becomes of the others. One that is offline cannot take it: the marker is
//! [owed](OwedMarker) from then on, the transaction is complete without, and its producer goes on in all other partitions. A partition
//! comes back with a start of the program, and gets its marker then, before anybody is served. Where the disk
//! refuses a marker for a moment, the transaction is not complete, and what is missing of it is tried again.

use std::sync::PoisonError;

use millrace_flow::{Offset, TopicPartition};
use millrace_log::{End, LogError, Refused};

use super::{TransactionService, Unmet, named};
use crate::group_service::GroupService;
use crate::transactions::{Completion, OwedMarker, Producer};

/// There is one coordinator, whichever process it is in.
const COORDINATOR_EPOCH: i32 = 0;

impl TransactionService {
    /// Returns when what is in a partition is as safe as promised; one that was taken away has nothing.
    pub(super) fn settle(&self, topic: &str, partition: i32) -> Result<(), Unmet> {
        let Some(partition) = named(topic, partition) else { return Ok(()) };
        match self.log.settle_all(&partition) {
            Ok(()) | Err(LogError::UnknownTopic(_) | LogError::UnknownPartition(_)) => Ok(()),
            Err(error) => {
                tracing::error!(%partition, %error, "a transaction cannot be ended");
                Err(Unmet::Unavailable)
            }
        }
    }

    /// Carries out the end of a transaction that is decided; says whether nothing is left to be done of it.
    pub(super) fn complete(&self, groups: &GroupService, transactional_id: &str) -> bool {
        let mut state = self.state();
        let Some(completion) = state.coordinator.completion(transactional_id) else { return true };
        if !state.in_hand.insert(transactional_id.to_owned()) {
            return false;
        }
        drop(state);
        let done = self.carry_out(groups, &completion);
        let mut state = self.state();
        state.in_hand.remove(transactional_id);
        let now_ms = self.clock.now_ms();
        let kept = done.and_then(|owed| match state.coordinator.completed(&completion, owed, now_ms) {
            Some(record) => state.keep(&record).map_err(|_| "it cannot be kept".to_owned()),
            None => Ok(()),
        });
        match &kept {
            Ok(()) => drop(state.marked.remove(transactional_id)),
            Err(error) => {
                // Its producer may ask again more often than that needs to be told.
                if state.again_ms.is_none() {
                    tracing::warn!(
                        transactional_id,
                        error,
                        "a transaction could not be completed, it will be tried again"
                    );
                }
                state.try_again();
            }
        }
        drop(state);
        self.moved.notify_one();
        kept.is_ok()
    }

    /// Appends markers, and has offsets count; answers the markers that are owed.
    fn carry_out(&self, groups: &GroupService, completion: &Completion) -> Result<Vec<OwedMarker>, String> {
        let Completion { transactional_id, producer, is_commit, .. } = completion;
        let marked = self.state().marked.get(transactional_id).cloned().unwrap_or_default();
        let (mut appended, mut owed, mut failed) = (Vec::new(), Vec::new(), None);
        for (topic, number) in &completion.partitions {
            let Some(partition) = named(topic, *number).filter(|partition| !marked.contains(partition)) else {
                continue;
            };
            match self.append_marker(&partition, *producer, *is_commit) {
                Ok(end) => appended.push((partition, end)),
                Err(Refused::Log(LogError::PartitionOffline { .. })) => {
                    tracing::error!(
                        %partition,
                        transactional_id,
                        "a partition that is offline gets the marker of a transaction once it is back, or its topic is deleted"
                    );
                    owed.extend(self.owe(completion, topic, *number));
                }
                Err(error) => failed = Some(error.to_string()),
            }
        }
        for (partition, end) in appended {
            match end.map_or(Ok(()), |end| self.log.settle(&partition, end)) {
                Ok(()) => {
                    self.state().marked.entry(transactional_id.clone()).or_default().insert(partition);
                }
                Err(error) => failed = Some(error.to_string()),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let offsets = completion.has_offsets.then(|| groups.complete_transaction(producer.id, *is_commit));
        if offsets == Some(false) { Err("the offsets of its groups cannot be kept".to_owned()) } else { Ok(owed) }
    }

    /// The marker of a partition that cannot take it now; none if its topic was taken away meanwhile.
    fn owe(&self, completion: &Completion, topic: &str, partition: i32) -> Option<OwedMarker> {
        let topic_id = self.log.client_topic(topic)?.id;
        let Completion { producer, is_commit, .. } = *completion;
        Some(OwedMarker { topic: topic.to_owned(), topic_id, partition, producer, is_commit })
    }

    /// Appends the markers that are owed to partitions that are back, and forgets those of topics that are gone.
    pub(crate) fn pay_owed(&self) {
        // A marker that is appended twice would end what was begun in between.
        let _turn = self.paying.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = self.state().coordinator.owed();
        let mut paid = Vec::new();
        for (transactional_id, marker) in owed {
            match self.pay(&marker) {
                Ok(()) => paid.push((transactional_id, marker)),
                Err(Refused::Log(LogError::PartitionOffline { .. })) => {}
                Err(error) => {
                    tracing::warn!(transactional_id, %error, "a marker that is owed could not be appended, it will be tried again");
                    self.state().try_again();
                }
            }
        }
        if paid.is_empty() {
            return;
        }
        // First the markers are on the disk, then that they are; and nothing begins behind them before. Whatever a power cut takes,
        // each is there, and none is appended again behind what would end with it.
        match self.log.secure() {
            Ok(()) => self.state().forget_paid(&paid),
            Err(error) => {
                tracing::warn!(%error, "markers that were owed are not on the disk, it will be tried again");
                self.state().try_again();
            }
        }
    }

    /// Appends a marker that is owed, unless its topic is gone.
    fn pay(&self, marker: &OwedMarker) -> Result<(), Refused> {
        let is_there = self.log.client_topic(&marker.topic).is_some_and(|topic| topic.id == marker.topic_id);
        let partition = named(&marker.topic, marker.partition).filter(|_| is_there);
        partition.map_or(Ok(()), |partition| self.mark(&partition, marker.producer, marker.is_commit))
    }

    /// Appends a marker and makes sure of it.
    pub(super) fn mark(&self, partition: &TopicPartition, producer: Producer, is_commit: bool) -> Result<(), Refused> {
        match self.append_marker(partition, producer, is_commit)? {
            Some(end) => Ok(self.log.settle(partition, end)?),
            None => Ok(()),
        }
    }

    /// Appends a marker; answers the offset behind it, or nothing where there is nothing to end any more.
    fn append_marker(
        &self,
        partition: &TopicPartition,
        producer: Producer,
        is_commit: bool,
    ) -> Result<Option<Offset>, Refused> {
        let (producer_id, producer_epoch) = (producer.id, producer.epoch);
        let end = End { producer_id, producer_epoch, coordinator_epoch: COORDINATOR_EPOCH, is_commit };
        match self.log.append_marker(partition, end) {
            Ok(appended) => Ok(Some(appended.end)),
            // A later life has begun there, so this one has ended; or the topic was taken away.
            Err(Refused::Fenced | Refused::Log(LogError::UnknownTopic(_) | LogError::UnknownPartition(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
