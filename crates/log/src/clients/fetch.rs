//! Frames as they lie in the log, for clients: of any topic, whoever writes it.

use std::sync::PoisonError;

use millrace_flow::{Offset, Signal, TopicPartition};

use super::epochs;
use crate::read::{check_range, find_frames, first_since};
use crate::{EmbeddedLog, LogError, Piece};

/// Part of a partition.
#[derive(Debug, Clone)]
pub struct RawFetched {
    /// Whole frames, side by side; the first one has the offset that was asked for, not necessarily at its front.
    pub frames: Piece,
    /// First offset that is still there.
    pub start: Offset,
    /// Offset after the last record that may be read.
    pub end: Offset,
    /// Offset after the last record that readers of committed records may read.
    pub stable: Offset,
    /// Transactions with records among the frames that were aborted: producer, and first offset. Nothing but for readers of
    /// committed records.
    pub aborted: Vec<(i64, Offset)>,
}

/// What of transactions a reader wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everything, whatever becomes of it.
    Uncommitted,
    /// What is committed: up to the last stable offset, and told what was aborted.
    Committed,
}

impl EmbeddedLog {
    /// Frames of a partition from the one with `from` on: none if `bytes_max` is 0; otherwise one if there is any, however
    /// large, then more as long as all stay within `bytes_max`. Their content is not checked here: the reader has the CRC.
    ///
    /// # Errors
    /// When there is no such partition, the offset is not in it, or the disk does not answer or lies.
    pub fn fetch_frames(
        &self,
        partition: &TopicPartition,
        from: Offset,
        bytes_max: usize,
    ) -> Result<RawFetched, LogError> {
        self.fetch_isolated(partition, from, bytes_max, Isolation::Uncommitted)
    }

    /// Like [`EmbeddedLog::fetch_frames`], for readers who may not want to see everything.
    ///
    /// # Errors
    /// As [`EmbeddedLog::fetch_frames`].
    pub fn fetch_isolated(
        &self,
        partition: &TopicPartition,
        from: Offset,
        bytes_max: usize,
        isolation: Isolation,
    ) -> Result<RawFetched, LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.check_online()?;
        let (start, end) = self.bounds(held);
        check_range(partition, from.0, start, end)?;
        let stable = held.stable().min(end);
        let bound = if isolation == Isolation::Committed { stable } else { end };
        let (mut frames, mut aborted) = (Piece::default(), Vec::new());
        if from.0 < bound && bytes_max > 0 {
            let behind;
            (frames, behind) = find_frames(held, from.0, bound, bytes_max)?;
            if isolation == Isolation::Committed {
                let found = held.aborted_between(from.0, behind)?;
                aborted = found.iter().map(|found| (found.producer_id, Offset(found.first))).collect();
            }
        }
        Ok(RawFetched { frames, start: Offset(start), end: Offset(end), stable: Offset(stable), aborted })
    }

    /// Offset after the last record of a partition that readers of committed records may read.
    ///
    /// # Errors
    /// When there is no such partition or it is offline.
    pub fn stable_offset(&self, partition: &TopicPartition) -> Result<Offset, LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.check_online()?;
        let (_, end) = self.bounds(held);
        Ok(Offset(held.stable().min(end)))
    }

    /// First offset of a partition that is still there, and the one after the last record that may be read.
    ///
    /// # Errors
    /// When there is no such partition or it is offline.
    pub fn offsets(&self, partition: &TopicPartition) -> Result<(Offset, Offset), LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.check_online()?;
        let (start, end) = self.bounds(held);
        Ok((Offset(start), Offset(end)))
    }

    /// Bytes that the records of a partition take on the disk.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn partition_bytes(&self, partition: &TopicPartition) -> Result<u64, LogError> {
        let topic = self.find(&partition.topic)?;
        Ok(topic.partition(partition.partition)?.bytes())
    }

    /// The first record with the timestamp `time_ms` or a later one: its offset and its timestamp.
    ///
    /// # Errors
    /// When there is no such partition, or the disk does not answer or lies.
    pub fn record_at_time(&self, partition: &TopicPartition, time_ms: i64) -> Result<Option<(Offset, i64)>, LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        let (_, end) = self.bounds(held);
        let found = first_since(held, time_ms, end, Isolation::Uncommitted)?;
        Ok(found.map(|(offset, time_ms)| (Offset(offset), time_ms)))
    }

    /// The first record with the greatest timestamp of a partition: its offset and its timestamp.
    ///
    /// # Errors
    /// When there is no such partition, or the disk does not answer or lies.
    pub fn newest_record(&self, partition: &TopicPartition) -> Result<Option<(Offset, i64)>, LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        match held.max_time_ms()? {
            i64::MIN => Ok(None),
            time_ms => self.record_at_time(partition, time_ms),
        }
    }

    /// The last epoch up to `epoch` that wrote to a partition, and the offset after its last record.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn epoch_end(&self, partition: &TopicPartition, epoch: i32) -> Result<Option<(i32, Offset)>, LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        let (_, end) = self.bounds(held);
        if topic.settings.is_none() {
            // What this program writes itself has one epoch.
            return Ok((epoch >= 0).then_some((0, Offset(end))));
        }
        let appending = held.appending.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(epochs::end_of(&appending.epochs, epoch, end).map(|(epoch, end)| (epoch, Offset(end))))
    }

    /// The epoch in which clients append now: one more after every unclean stop.
    pub fn leader_epoch(&self) -> i32 {
        self.shared.leader_epoch()
    }

    /// Moves whenever clients can read more of what clients have appended.
    pub fn clients_signal(&self) -> &Signal {
        &self.shared.clients_signal
    }
}
