//! The ends of transactions in a partition, and what is known of those who have one under way there.

use std::sync::PoisonError;

use millrace_flow::{Offset, TopicPartition};

use super::{ActiveProducer, Appended, Refused};
use crate::record_batch::{FrameView, Marker, Produced};
use crate::{EmbeddedLog, LogError};

/// How a transaction ends in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Whose transaction.
    pub producer_id: i64,
    /// Which life of the producer; one later than that of the transaction fences it.
    pub producer_epoch: i16,
    /// Which life of the coordinator says so.
    pub coordinator_epoch: i32,
    /// Whether its records count.
    pub is_commit: bool,
}

/// A transaction that goes on in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OngoingTransaction {
    /// Where.
    pub partition: TopicPartition,
    /// Whose.
    pub producer_id: i64,
    /// Which life of the producer.
    pub producer_epoch: i16,
    /// Its first offset.
    pub start: Offset,
}

impl EmbeddedLog {
    /// Appends the marker that ends a transaction in a partition. It is there even if the transaction has no record. As for
    /// a frame, [`EmbeddedLog::settle`] makes sure that it is seen and safe.
    ///
    /// # Errors
    /// When a later life of the producer is known, the topic is not one of clients, or the disk does not take it. Nothing of
    /// it is there then.
    pub fn append_marker(&self, partition: &TopicPartition, end: End) -> Result<Appended, Refused> {
        let shared = &self.shared;
        let _open = shared.enter()?;
        let topic = self.find(&partition.topic)?;
        let rules = self.rules_for_clients(&topic)?;
        let held = topic.partition(partition.partition)?;
        let End { producer_id, producer_epoch, coordinator_epoch, is_commit } = end;
        let now_ms = shared.machine.clock.now_ms();
        let marker = Marker { is_commit, coordinator_epoch };
        let frame = marker.frame((producer_id, producer_epoch), now_ms);
        let mut header = FrameView::parse(&frame).expect("it was just made").header;
        let mut frame = Produced::new(&frame);

        let mut appending = held.appending.lock().unwrap_or_else(PoisonError::into_inner);
        if appending.producers.is_fenced(producer_id, producer_epoch) {
            return Err(Refused::Fenced);
        }
        self.write(held, &mut appending, &rules, (&mut frame, &mut header), now_ms)?;
        if let Some(aborted) = appending.producers.end(&header, marker, now_ms) {
            // Before anybody may see what it hides.
            held.note_aborted(aborted)?;
        }
        self.show(held);
        held.set_unstable(appending.producers.first_unstable(held.committed()));
        drop(appending);
        shared.clients_signal.notify();
        let (base, end, start) = (Offset(header.base), Offset(header.end()), Offset(held.start()));
        Ok(Appended { base, end, append_time_ms: None, start, is_duplicate: false })
    }

    /// Returns when everything that was appended to a partition is as safe as the flush mode promises.
    ///
    /// # Errors
    /// When there is no such partition, or the disk does not answer.
    pub fn settle_all(&self, partition: &TopicPartition) -> Result<(), LogError> {
        let topic = self.find(&partition.topic)?;
        let next = topic.partition(partition.partition)?.next();
        self.settle(partition, Offset(next))
    }

    /// Who has appended to a partition of clients of late, by id.
    ///
    /// # Errors
    /// When there is no such partition or it is offline.
    pub fn producers(&self, partition: &TopicPartition) -> Result<Vec<ActiveProducer>, LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.check_online()?;
        let appending = held.appending.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(appending.producers.active())
    }

    /// All transactions that go on, in all partitions.
    pub fn ongoing_transactions(&self) -> Vec<OngoingTransaction> {
        let mut ongoing = Vec::new();
        for topic in self.shared.all_topics().iter().filter(|topic| topic.settings.is_some()) {
            for held in topic.partitions.iter().filter(|held| held.has_unstable()) {
                let appending = held.appending.lock().unwrap_or_else(PoisonError::into_inner);
                ongoing.extend(appending.producers.active().into_iter().filter_map(|producer| {
                    let (producer_id, producer_epoch) = (producer.id, producer.epoch);
                    let start = Offset(producer.transaction_start?);
                    Some(OngoingTransaction { partition: held.name.clone(), producer_id, producer_epoch, start })
                }));
            }
        }
        ongoing
    }
}
