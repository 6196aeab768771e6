//! The way of a client's frame into a partition.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use millrace_flow::{Offset, TopicPartition};

use super::producers::Verdict;
use super::{CLIENTS, Rules, epochs, save};
use crate::partition::Appending;
use crate::record_batch::{FrameRules, NotTaken, Sealed, check_produced, place, repack, stamp};
use crate::{EmbeddedLog, LogError};

/// Where a frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base: Offset,
    /// Offset after its last record.
    pub end: Offset,
    /// The time of the append, where that is what the records' timestamps are.
    pub append_time_ms: Option<i64>,
    /// First offset of the partition that is still there.
    pub start: Offset,
    /// Whether it was there before: sent again by a producer that had not seen the answer.
    pub is_duplicate: bool,
}

/// Why a frame was not appended.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The bytes are not those that were sent.
    #[error("the batch is damaged: {0}")]
    Corrupt(&'static str),
    /// It says what no client may say.
    #[error("the batch is not valid: {0}")]
    Invalid(&'static str),
    /// These records of it, counted from 0, have no key, and the topic is compacted.
    #[error("every record of a compacted topic needs a key, and {} of the batch have none", .0.len())]
    WithoutKey(Vec<u32>),
    /// It has a version of the format from before Kafka 0.11.
    #[error("the batch has an old format; use a client of Kafka 0.11 or later")]
    OldFormat,
    /// It is larger than the topic allows.
    #[error("the batch has {bytes} bytes, more than the {bytes_max} of `max.message.bytes`")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// What the topic allows.
        bytes_max: usize,
    },
    /// A timestamp is too far from now.
    #[error("the timestamp of a record is further from now than the topic allows")]
    Timestamp,
    /// Records of its producer before it are missing.
    #[error("records of the same producer before this batch are missing")]
    OutOfOrder,
    /// It was appended long ago.
    #[error("the batch was appended before, too long ago to say where")]
    OldDuplicate,
    /// A later life of its producer has taken its place.
    #[error("another instance of the producer has taken its place")]
    Fenced,
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<NotTaken> for Refused {
    fn from(reason: NotTaken) -> Self {
        match reason {
            NotTaken::Corrupt(damage) => Self::Corrupt(damage.0),
            NotTaken::Invalid(reason) => Self::Invalid(reason),
            NotTaken::WithoutKey(records) => Self::WithoutKey(records),
            NotTaken::OldFormat => Self::OldFormat,
            NotTaken::Timestamp => Self::Timestamp,
        }
    }
}

impl Appending {
    /// Whether the active segment is old enough to be closed before a frame with this greatest timestamp: by the clock, as
    /// far as this process knows when it was begun, or by the timestamps, as Kafka reckons.
    fn has_old_segment(&self, rules: &Rules, max_time_ms: i64, now_ms: i64) -> bool {
        let time_ms = if rules.append_time { now_ms } else { max_time_ms };
        let spans = |begun_ms: Option<i64>, to_ms: i64| {
            begun_ms.is_some_and(|begun_ms| to_ms.saturating_sub(begun_ms) >= rules.segment_ms_max)
        };
        spans(self.segment_begun_ms, now_ms) || spans(self.segment_first_ms, time_ms)
    }
}

impl EmbeddedLog {
    /// Appends one frame of a client: a whole RecordBatch v2. Whether others see it at once, and whether it is on the disk,
    /// depends on the flush mode; [`EmbeddedLog::settle`] makes sure of both.
    ///
    /// # Errors
    /// When the frame is not as it must be, does not follow on what its producer has sent, the topic is not one of clients,
    /// or the disk does not take it. Nothing of it is there then.
    pub fn append_frame(&self, partition: &TopicPartition, frame: &[u8]) -> Result<Appended, Refused> {
        let shared = &self.shared;
        let _open = shared.enter()?;
        let topic = self.find(&partition.topic)?;
        let Some(settings) = &topic.settings else {
            let (topic, owner) = (topic.name.clone(), topic.writer.clone());
            return Err(LogError::NotOwner { topic, owner, writer: CLIENTS.into() }.into());
        };
        let rules = settings.rules();
        let held = topic.partition(partition.partition)?;
        if frame.len() > rules.frame_bytes_max {
            return Err(Refused::TooLarge { bytes: frame.len(), bytes_max: rules.frame_bytes_max });
        }
        let now_ms = shared.machine.clock.now_ms();
        // With the time of the append nobody asks what the client's clock says.
        let unless_own = |ms: i64| if rules.append_time { i64::MAX } else { ms };
        let (behind_ms_max, ahead_ms_max) = (unless_own(rules.behind_ms_max), unless_own(rules.ahead_ms_max));
        let frame_rules = FrameRules { needs_keys: rules.compaction.is_some(), behind_ms_max, ahead_ms_max };
        let mut header = check_produced(frame, frame_rules, now_ms)?;
        let mut frame = match rules.compression {
            Some(compression) if header.compression() != Ok(compression) => {
                repack(frame, compression, rules.levels).map_err(NotTaken::Corrupt)?
            }
            _ => frame.to_vec(),
        };
        if frame.len() > rules.frame_bytes_max {
            return Err(Refused::TooLarge { bytes: frame.len(), bytes_max: rules.frame_bytes_max });
        }

        let mut appending = held.appending.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Offset(held.start());
        let append_time_ms = rules.append_time.then_some(now_ms);
        if header.producer_id >= 0 {
            match appending.producers.judge(&header) {
                Verdict::New => {}
                Verdict::Duplicate(base) => {
                    let (base, end) = (Offset(base), Offset(base).advance(header.count));
                    return Ok(Appended { base, end, append_time_ms, start, is_duplicate: true });
                }
                Verdict::OldDuplicate => return Err(Refused::OldDuplicate),
                Verdict::OutOfOrder => return Err(Refused::OutOfOrder),
                Verdict::Fenced => return Err(Refused::Fenced),
            }
        }
        let is_old = appending.has_old_segment(&rules, header.max_time_ms, now_ms);
        let disk = shared.disk();
        let (next, closes) = held.prepare_frame(disk, frame.len() as u64, rules.segment_bytes_max, is_old)?;
        if closes {
            save(disk, held, &mut appending, next, now_ms);
        }
        if closes || appending.segment_begun_ms.is_none() {
            appending.segment_begun_ms = Some(now_ms);
        }
        if closes || appending.segment_first_ms.is_none() {
            appending.segment_first_ms = Some(if rules.append_time { now_ms } else { header.max_time_ms });
        }
        let leader_epoch = shared.leader_epoch();
        epochs::begin(disk, held, &mut appending.epochs, leader_epoch, next)?;
        header.base = next;
        if rules.append_time {
            stamp(&mut frame, now_ms);
            header.max_time_ms = now_ms;
        }
        place(&mut frame, &header, next, leader_epoch);
        let end = header.end();
        held.append(disk, &frame, &[Sealed { at: 0, base: next, max_time_ms: header.max_time_ms }], end)?;
        appending.producers.note(&header, now_ms);
        if !shared.commits_are_durable() {
            held.show();
        }
        drop(appending);
        shared.clients_wrote.store(true, Ordering::Release);
        shared.clients_signal.notify();
        Ok(Appended { base: Offset(next), end: Offset(end), append_time_ms, start, is_duplicate: false })
    }

    /// Returns when all of a partition before `end` may be read, and is as safe as the flush mode promises: at once, or
    /// once it is on the disk. Blocks the thread for that long.
    ///
    /// # Errors
    /// When the disk does not answer: the log is out of service from then on.
    pub fn settle(&self, partition: &TopicPartition, end: Offset) -> Result<(), LogError> {
        if !self.shared.commits_are_durable() {
            return Ok(());
        }
        let _open = self.shared.enter()?;
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.settle(self.shared.disk(), end.0).map_err(|error| self.shared.fail(error))?;
        self.shared.clients_signal.notify();
        Ok(())
    }
}
