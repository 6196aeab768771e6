//! Who has sent what to a partition: a producer that sends a frame again because it never saw the answer is told where the
//! first one lies, and one that is out of order is refused. Also which of them has a transaction under way here.
//!
//! Kafka's rules: a producer counts its records from 0 in each epoch, up to 2³¹-1 and then from 0 again; the last five
//! frames of each are remembered; a producer that nobody here knows may begin anywhere, because what it sent before may be
//! gone by retention. A marker may bring a new epoch: then nothing of an older one is taken any more.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::append::Beginning;
use super::ongoing::Ongoing;
use crate::record_batch::{FrameHeader, Marker};
use crate::segment::Aborted;

/// Frames remembered of one producer: as many as a client may have under way.
const FRAMES_KEPT: usize = 5;
/// A producer that has sent nothing for this long is forgotten (`producer.id.expiration.ms` of Kafka).
const FORGOTTEN_AFTER_MS: i64 = 86_400_000;

/// One frame of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sent {
    first: i32,
    last: i32,
    base: i64,
}

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Producer {
    epoch: i16,
    sent: VecDeque<Sent>,
    /// When it was heard of last.
    at_ms: i64,
    /// First offset of its transaction here, while that goes on.
    #[serde(default)]
    transaction: Option<i64>,
    /// Which life of the coordinator ended its last transaction here.
    #[serde(default)]
    coordinator_epoch: Option<i32>,
    /// A marker has brought the epoch: its records count from 0.
    #[serde(default)]
    begins_anew: bool,
}

/// The producers of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "HashMap<i64, Producer>", into = "HashMap<i64, Producer>")]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
    ongoing: Ongoing,
}

impl From<HashMap<i64, Producer>> for Producers {
    fn from(by_id: HashMap<i64, Producer>) -> Self {
        let begun = by_id.iter().filter_map(|(id, producer)| Some((producer.transaction?, *id)));
        Self { ongoing: Ongoing::of(begun), by_id }
    }
}

impl From<Producers> for HashMap<i64, Producer> {
    fn from(producers: Producers) -> Self {
        producers.by_id
    }
}

/// What to do with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Append it.
    New,
    /// It lies in the log already, from this offset on.
    Duplicate(i64),
    /// It lies there already, so long ago that nobody knows where.
    OldDuplicate,
    /// Records before it are missing.
    OutOfOrder,
    /// A later life of the same producer has taken its place.
    Fenced,
    /// Its producer has a transaction under way here, and the frame is not part of it.
    OutsideTransaction,
}

/// What a producer has sent last in its present life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastFrame {
    /// Records, in the frame with this base.
    Records(i64),
    /// None: it is known by the marker that has brought this epoch.
    Marker(i16),
}

/// A producer as others may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveProducer {
    /// Its id.
    pub id: i64,
    /// Which life of it.
    pub epoch: i16,
    /// Its number of the last record, if it has sent any in this life.
    pub last_sequence: Option<i32>,
    /// When it was heard of last.
    pub at_ms: i64,
    /// Which life of the coordinator ended its last transaction.
    pub coordinator_epoch: Option<i32>,
    /// First offset of its transaction, while that goes on.
    pub transaction_start: Option<i64>,
}

/// The number of the last record of a frame.
fn last_sequence(header: &FrameHeader) -> i32 {
    let last = i64::from(header.base_sequence) + i64::from(header.last_delta);
    (last % (i64::from(i32::MAX) + 1)) as i32
}

impl Producer {
    fn new(epoch: i16, at_ms: i64) -> Self {
        let (sent, transaction, coordinator_epoch, begins_anew) = (VecDeque::new(), None, None, false);
        Self { epoch, sent, at_ms, transaction, coordinator_epoch, begins_anew }
    }

    /// A later life takes its place. What an earlier one has begun is still to be ended.
    fn renew(&mut self, epoch: i16) {
        self.epoch = epoch;
        self.sent.clear();
    }

    fn judge(&self, header: &FrameHeader) -> Verdict {
        if header.producer_epoch < self.epoch {
            return Verdict::Fenced;
        }
        if header.producer_epoch > self.epoch {
            return if header.base_sequence == 0 { Verdict::New } else { Verdict::OutOfOrder };
        }
        let (first, last) = (header.base_sequence, last_sequence(header));
        if let Some(same) = self.sent.iter().find(|sent| (sent.first, sent.last) == (first, last)) {
            return Verdict::Duplicate(same.base);
        }
        let Some(newest) = self.sent.back() else {
            return if self.begins_anew && first != 0 { Verdict::OutOfOrder } else { Verdict::New };
        };
        if first == newest.last.checked_add(1).unwrap_or(0) {
            return Verdict::New;
        }
        let oldest = self.sent.front().map_or(i32::MAX, |sent| sent.first);
        if last < oldest { Verdict::OldDuplicate } else { Verdict::OutOfOrder }
    }
}

impl Producers {
    /// Whether nobody is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// What each has sent last, by the producer's id.
    pub(crate) fn last_frames(&self) -> HashMap<i64, LastFrame> {
        let last = |producer: &Producer| match producer.sent.back() {
            Some(sent) => LastFrame::Records(sent.base),
            None => LastFrame::Marker(producer.epoch),
        };
        self.by_id.iter().map(|(id, producer)| (*id, last(producer))).collect()
    }

    /// What to do with a frame.
    pub(crate) fn judge(&self, header: &FrameHeader) -> Verdict {
        let Some(producer) = self.by_id.get(&header.producer_id) else { return Verdict::New };
        match producer.judge(header) {
            Verdict::New if producer.transaction.is_some() && !header.is_transactional() => Verdict::OutsideTransaction,
            verdict => verdict,
        }
    }

    /// The transaction that a frame which is to be appended begins here, unless it goes on with one.
    pub(crate) fn beginning(&self, header: &FrameHeader) -> Option<Beginning> {
        let FrameHeader { producer_id, producer_epoch, .. } = *header;
        let known = self.by_id.get(&producer_id);
        let goes_on = |producer: &Producer| producer.transaction.is_some() && producer.epoch == producer_epoch;
        if !header.is_transactional() || known.is_some_and(goes_on) {
            return None;
        }
        let goes_on_from_unknown = known.is_none() && header.base_sequence != 0;
        Some(Beginning { producer_id, producer_epoch, goes_on_from_unknown })
    }

    /// The latest epoch of a producer, if it is known.
    pub(crate) fn epoch_of(&self, producer_id: i64) -> Option<i16> {
        self.by_id.get(&producer_id).map(|producer| producer.epoch)
    }

    /// Whether a marker of that producer and epoch is of an earlier life than the one known.
    pub(crate) fn is_fenced(&self, producer_id: i64, epoch: i16) -> bool {
        self.by_id.get(&producer_id).is_some_and(|producer| epoch < producer.epoch)
    }

    /// Takes note of a frame that lies in the log.
    pub(crate) fn note(&mut self, header: &FrameHeader, now_ms: i64) {
        if header.producer_id < 0 || header.is_control() {
            return;
        }
        let new = || Producer::new(header.producer_epoch, now_ms);
        let producer = self.by_id.entry(header.producer_id).or_insert_with(new);
        if producer.epoch != header.producer_epoch {
            producer.renew(header.producer_epoch);
        }
        producer.begins_anew = false;
        producer.at_ms = now_ms;
        if producer.sent.len() == FRAMES_KEPT {
            producer.sent.pop_front();
        }
        let (first, last) = (header.base_sequence, last_sequence(header));
        producer.sent.push_back(Sent { first, last, base: header.base });
        if header.is_transactional() && producer.transaction.is_none() {
            producer.transaction = Some(header.base);
            self.ongoing.begin(header.base, header.producer_id);
        }
    }

    /// Takes note of a marker that lies in the log; answers the transaction that it has aborted, if it has.
    pub(crate) fn end(&mut self, header: &FrameHeader, marker: Marker, now_ms: i64) -> Option<Aborted> {
        let new = || Producer::new(header.producer_epoch, now_ms);
        let producer = self.by_id.entry(header.producer_id).or_insert_with(new);
        if producer.epoch < header.producer_epoch {
            producer.renew(header.producer_epoch);
            producer.begins_anew = true;
        }
        producer.at_ms = now_ms;
        producer.coordinator_epoch = Some(marker.coordinator_epoch);
        let first = producer.transaction.take()?;
        self.ongoing.end(first, header.end());
        let stable = self.ongoing.first().unwrap_or(header.end());
        let aborted = Aborted { producer_id: header.producer_id, first, marker: header.base, stable };
        (!marker.is_commit).then_some(aborted)
    }

    /// First offset that readers of committed records must not see yet, of transactions that go on, or whose markers are not
    /// before the end `committed`.
    pub(crate) fn first_unstable(&mut self, committed: i64) -> Option<i64> {
        self.ongoing.first_unstable(committed)
    }

    /// All that are known, by id.
    pub(crate) fn active(&self) -> Vec<ActiveProducer> {
        let active = self.by_id.iter().map(|(id, producer)| ActiveProducer {
            id: *id,
            epoch: producer.epoch,
            last_sequence: producer.sent.back().map(|sent| sent.last),
            at_ms: producer.at_ms,
            coordinator_epoch: producer.coordinator_epoch,
            transaction_start: producer.transaction,
        });
        let mut active: Vec<_> = active.collect();
        active.sort_by_key(|producer| producer.id);
        active
    }

    /// Forgets who has sent nothing for long, unless a transaction of theirs goes on.
    pub(crate) fn forget_idle(&mut self, now_ms: i64) {
        let is_idle = |producer: &Producer| now_ms.saturating_sub(producer.at_ms) >= FORGOTTEN_AFTER_MS;
        self.by_id.retain(|_, producer| producer.transaction.is_some() || !is_idle(producer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(epoch: i16, first: i32, records: i32, base: i64) -> FrameHeader {
        FrameHeader::of_producer(base, records, (7, epoch, first))
    }

    fn after(frames: &[FrameHeader]) -> Producers {
        let mut producers = Producers::default();
        frames.iter().for_each(|frame| producers.note(frame, 0));
        producers
    }

    fn marker(epoch: i16, base: i64) -> FrameHeader {
        FrameHeader::of_producer(base, 1, (7, epoch, -1)).in_transaction()
    }

    const ABORT: Marker = Marker { is_commit: false, coordinator_epoch: 3 };
    const COMMIT: Marker = Marker { is_commit: true, coordinator_epoch: 3 };

    #[test]
    fn a_frame_that_is_sent_again_is_found() {
        let producers = after(&[frame(0, 0, 3, 100), frame(0, 3, 2, 110)]);
        assert_eq!(producers.judge(&frame(0, 5, 1, 0)), Verdict::New);
        assert_eq!(producers.judge(&frame(0, 0, 3, 0)), Verdict::Duplicate(100));
        assert_eq!(producers.judge(&frame(0, 3, 2, 0)), Verdict::Duplicate(110));
    }

    #[test]
    fn a_gap_is_refused_and_an_old_frame_is_known_for_old() {
        let frames: Vec<_> = (0..7).map(|n| frame(0, n * 10, 10, i64::from(n) * 10)).collect();
        let producers = after(&frames);
        assert_eq!(producers.judge(&frame(0, 80, 10, 0)), Verdict::OutOfOrder);
        assert_eq!(producers.judge(&frame(0, 0, 10, 0)), Verdict::OldDuplicate);
        assert_eq!(producers.judge(&frame(0, 20, 10, 0)), Verdict::Duplicate(20));
        assert_eq!(producers.judge(&frame(0, 25, 10, 0)), Verdict::OutOfOrder);
    }

    #[test]
    fn numbers_go_on_from_zero_behind_the_greatest() {
        let producers = after(&[frame(0, i32::MAX - 1, 2, 5)]);
        assert_eq!(producers.judge(&frame(0, 0, 1, 0)), Verdict::New);
        let across = after(&[frame(0, i32::MAX, 3, 5)]);
        assert_eq!(across.judge(&frame(0, 2, 1, 0)), Verdict::New);
        assert_eq!(across.judge(&frame(0, i32::MAX, 3, 0)), Verdict::Duplicate(5));
    }

    #[test]
    fn a_new_life_begins_at_zero_and_fences_the_old_one() {
        let producers = after(&[frame(3, 0, 5, 0)]);
        assert_eq!(producers.judge(&frame(4, 0, 1, 0)), Verdict::New);
        assert_eq!(producers.judge(&frame(4, 5, 1, 0)), Verdict::OutOfOrder);
        assert_eq!(producers.judge(&frame(2, 5, 1, 0)), Verdict::Fenced);
    }

    #[test]
    fn somebody_unknown_begins_anywhere() {
        assert_eq!(Producers::default().judge(&frame(1, 77, 1, 0)), Verdict::New);
        let mut producers = after(&[frame(0, 0, 5, 0)]);
        producers.forget_idle(FORGOTTEN_AFTER_MS);
        assert!(producers.is_empty());
        assert_eq!(producers.judge(&frame(0, 9, 1, 0)), Verdict::New);
    }

    #[test]
    fn a_transaction_holds_its_first_offset_until_its_marker_can_be_read() {
        let mut producers = after(&[frame(0, 0, 5, 0), frame(0, 5, 5, 5).in_transaction()]);
        assert_eq!(producers.judge(&frame(0, 10, 1, 10)), Verdict::OutsideTransaction);
        assert_eq!(producers.beginning(&frame(0, 10, 1, 10).in_transaction()), None);
        assert_eq!(producers.beginning(&frame(1, 0, 1, 10)), None, "it is in none");
        let beginning = |producers: &Producers, epoch, first| {
            let beginning = producers.beginning(&frame(epoch, first, 1, 10).in_transaction()).expect("it begins");
            assert_eq!((beginning.producer_id, beginning.producer_epoch), (7, epoch));
            beginning.goes_on_from_unknown
        };
        assert!(!beginning(&producers, 1, 0));
        assert!(beginning(&Producers::default(), 1, 3) && !beginning(&Producers::default(), 1, 0));
        assert_eq!(producers.first_unstable(10), Some(5));
        assert_eq!(producers.end(&marker(0, 10), COMMIT, 0), None);
        assert_eq!(producers.first_unstable(10), Some(5), "the marker is not before the end");
        assert_eq!(producers.first_unstable(11), None);
        assert_eq!(producers.judge(&frame(0, 10, 1, 11)), Verdict::New, "the same epoch counts on");
        assert_eq!(producers.end(&marker(0, 11), ABORT, 0), None, "there was nothing to abort");
    }

    #[test]
    fn a_marker_of_a_new_epoch_fences_the_old_one() {
        let mut producers = after(&[frame(0, 0, 5, 0).in_transaction()]);
        let aborted = Aborted { producer_id: 7, first: 0, marker: 5, stable: 6 };
        assert_eq!(producers.end(&marker(1, 5), ABORT, 0), Some(aborted));
        assert_eq!(producers.judge(&frame(0, 5, 1, 6).in_transaction()), Verdict::Fenced);
        assert_eq!(producers.judge(&frame(1, 5, 1, 6).in_transaction()), Verdict::OutOfOrder);
        assert_eq!(producers.judge(&frame(1, 0, 1, 6).in_transaction()), Verdict::New);
        assert!(producers.is_fenced(7, 0) && !producers.is_fenced(7, 1) && !producers.is_fenced(8, 0));
        producers.note(&frame(1, 0, 1, 6).in_transaction(), 0);
        producers.forget_idle(i64::MAX);
        assert!(!producers.is_empty(), "its transaction goes on");
    }

    #[test]
    fn transactions_that_go_on_are_kept_with_their_producers() {
        let mut producers = after(&[frame(0, 0, 5, 0), frame(0, 5, 5, 5).in_transaction()]);
        let text = serde_json::to_string(&producers).expect("it can be written");
        let mut read: Producers = serde_json::from_str(&text).expect("it can be read");
        assert_eq!((&read, read.clone().first_unstable(10)), (&producers, Some(5)));
        producers.end(&marker(0, 10), ABORT, 0);
        let aborted = read.end(&marker(0, 10), ABORT, 0).expect("it went on");
        assert_eq!((aborted.first, aborted.stable), (5, 11));
        let old = r#"{"7":{"epoch":0,"sent":[{"first":0,"last":4,"base":0}],"at_ms":0}}"#;
        let old: Producers = serde_json::from_str(old).expect("those from before there were transactions can be read");
        assert_eq!(old, after(&[frame(0, 0, 5, 0)]));
    }
}
