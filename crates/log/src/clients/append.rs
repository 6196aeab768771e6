//! The way of a client's frame into a partition.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use millrace_flow::{Offset, TopicPartition};

use super::producers::Verdict;
use super::{CLIENTS, Rules, epochs, save};
use crate::partition::{Appending, Partition};
use crate::record_batch::{FrameHeader, FrameRules, NotTaken, Produced, Sealed, check_produced, place, repack, stamp};
use crate::topic::Topic;
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
    /// Its producer has a transaction under way in the partition, and it is not part of it.
    #[error("the producer has a transaction under way in the partition, and the batch is not part of it")]
    OutsideTransaction,
    /// It would begin a transaction in the partition, and may not.
    #[error("the batch is of a transaction that the partition is not part of")]
    NotInTransaction,
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
        let spans = |begun_ms: Option<i64>, to_ms: i64| {
            begun_ms.is_some_and(|begun_ms| to_ms.saturating_sub(begun_ms) >= rules.segment_ms_max)
        };
        spans(self.segment_begun_ms, now_ms) || spans(self.segment_first_ms, max_time_ms)
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
        self.append_guarded(partition, frame, |_, _| true)
    }

    /// Like [`EmbeddedLog::append_frame`]; a frame that begins a transaction in the partition is appended only if `may_begin`
    /// says so of its producer's id and epoch. No marker is appended between the question and the frame.
    ///
    /// # Errors
    /// As [`EmbeddedLog::append_frame`], and when the frame may not begin a transaction.
    pub fn append_guarded(
        &self,
        partition: &TopicPartition,
        frame: &[u8],
        may_begin: impl FnOnce(i64, i16) -> bool,
    ) -> Result<Appended, Refused> {
        let shared = &self.shared;
        let _open = shared.enter()?;
        let topic = self.find(&partition.topic)?;
        let rules = self.rules_for_clients(&topic)?;
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
        let frame = match rules.compression {
            Some(compression) if header.compression() != Ok(compression) => {
                Cow::Owned(repack(frame, compression, rules.levels).map_err(NotTaken::Corrupt)?)
            }
            _ => Cow::Borrowed(frame),
        };
        if frame.len() > rules.frame_bytes_max {
            return Err(Refused::TooLarge { bytes: frame.len(), bytes_max: rules.frame_bytes_max });
        }
        let mut frame = Produced::new(&frame);

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
                Verdict::OutsideTransaction => return Err(Refused::OutsideTransaction),
            }
        }
        if appending.producers.begins_transaction(&header) && !may_begin(header.producer_id, header.producer_epoch) {
            return Err(Refused::NotInTransaction);
        }
        if rules.append_time {
            stamp(&mut frame, now_ms);
            header.max_time_ms = now_ms;
        }
        self.write(held, &mut appending, &rules, (&mut frame, &mut header), now_ms)?;
        appending.producers.note(&header, now_ms);
        if header.is_transactional() {
            // Before anybody sees the frame.
            held.set_unstable(appending.producers.first_unstable(held.committed()));
        }
        self.show(held);
        drop(appending);
        let (base, end) = (Offset(header.base), Offset(header.end()));
        Ok(Appended { base, end, append_time_ms, start, is_duplicate: false })
    }

    /// What is set for a topic that clients may append to.
    pub(super) fn rules_for_clients(&self, topic: &Topic) -> Result<Arc<Rules>, LogError> {
        match &topic.settings {
            Some(settings) => Ok(settings.rules()),
            None => {
                let (topic, owner) = (topic.name.clone(), topic.writer.clone());
                Err(LogError::NotOwner { topic, owner, writer: CLIENTS.into() })
            }
        }
    }

    /// Writes a checked frame to the end of a partition, in a new segment if need be, and gives it its place.
    pub(super) fn write(
        &self,
        held: &Partition,
        appending: &mut Appending,
        rules: &Rules,
        (frame, header): (&mut Produced<'_>, &mut FrameHeader),
        now_ms: i64,
    ) -> Result<(), LogError> {
        let disk = self.shared.disk();
        let is_old = appending.has_old_segment(rules, header.newest_ms(), now_ms);
        let closes = held.closes_before(frame.bytes() as u64, rules.segment_bytes_max, is_old);
        if closes {
            // Before there is another segment: a start that finds one may do without the old one, and what it tells.
            save(disk, held, appending, held.next(), now_ms);
        }
        let next = held.prepare_frame(disk, closes)?;
        if closes || appending.segment_begun_ms.is_none() {
            appending.segment_begun_ms = Some(now_ms);
        }
        if closes {
            appending.segment_first_ms = None;
        }
        if !header.is_control() {
            appending.segment_first_ms.get_or_insert(header.max_time_ms);
        }
        let leader_epoch = self.shared.leader_epoch();
        epochs::begin(disk, held, &mut appending.epochs, leader_epoch, next)?;
        header.base = next;
        place(frame, header, next, leader_epoch);
        let sealed = Sealed { at: 0, base: next, max_time_ms: header.newest_ms() };
        held.append(disk, [&frame.head, frame.records], &[sealed], header.end())
    }

    /// Lets others see what was appended, unless they have to wait for the disk.
    pub(super) fn show(&self, held: &Partition) {
        if !self.shared.commits_are_durable() {
            held.show();
        }
        self.shared.clients_wrote.store(true, Ordering::Release);
        self.shared.clients_signal.notify();
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
        if held.has_unstable() {
            let mut appending = held.appending.lock().unwrap_or_else(PoisonError::into_inner);
            held.set_unstable(appending.producers.first_unstable(held.committed()));
        }
        self.shared.clients_signal.notify();
        Ok(())
    }
}
