//! Who has sent what to a partition: a producer that sends a frame again because it never saw the answer is told where the
//! first one lies, and one that is out of order is refused.
//!
//! Kafka's rules: a producer counts its records from 0 in each epoch, up to 2³¹-1 and then from 0 again; the last five
//! frames of each are remembered; a producer that nobody here knows may begin anywhere, because what it sent before may be
//! gone by retention.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::record_batch::FrameHeader;

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
}

/// The producers of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
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
}

/// The number of the last record of a frame.
fn last_sequence(header: &FrameHeader) -> i32 {
    let last = i64::from(header.base_sequence) + i64::from(header.last_delta);
    (last % (i64::from(i32::MAX) + 1)) as i32
}

impl Producers {
    /// Whether nobody is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Base of the last frame of each, by the producer's id.
    pub(crate) fn last_frames(&self) -> HashMap<i64, i64> {
        let last = |(id, producer): (&i64, &Producer)| Some((*id, producer.sent.back()?.base));
        self.by_id.iter().filter_map(last).collect()
    }

    /// What to do with a frame.
    pub(crate) fn judge(&self, header: &FrameHeader) -> Verdict {
        let Some(producer) = self.by_id.get(&header.producer_id) else { return Verdict::New };
        if header.producer_epoch < producer.epoch {
            return Verdict::Fenced;
        }
        if header.producer_epoch > producer.epoch {
            return if header.base_sequence == 0 { Verdict::New } else { Verdict::OutOfOrder };
        }
        let (first, last) = (header.base_sequence, last_sequence(header));
        if let Some(same) = producer.sent.iter().find(|sent| (sent.first, sent.last) == (first, last)) {
            return Verdict::Duplicate(same.base);
        }
        let Some(newest) = producer.sent.back() else { return Verdict::New };
        if first == newest.last.checked_add(1).unwrap_or(0) {
            return Verdict::New;
        }
        let oldest = producer.sent.front().map_or(i32::MAX, |sent| sent.first);
        if last < oldest { Verdict::OldDuplicate } else { Verdict::OutOfOrder }
    }

    /// Takes note of a frame that lies in the log.
    pub(crate) fn note(&mut self, header: &FrameHeader, now_ms: i64) {
        if header.producer_id < 0 || header.is_control() {
            return;
        }
        let new = || Producer { epoch: header.producer_epoch, sent: VecDeque::new(), at_ms: now_ms };
        let producer = self.by_id.entry(header.producer_id).or_insert_with(new);
        if producer.epoch != header.producer_epoch {
            *producer = new();
        }
        producer.at_ms = now_ms;
        if producer.sent.len() == FRAMES_KEPT {
            producer.sent.pop_front();
        }
        let (first, last) = (header.base_sequence, last_sequence(header));
        producer.sent.push_back(Sent { first, last, base: header.base });
    }

    /// Forgets who has sent nothing for long.
    pub(crate) fn forget_idle(&mut self, now_ms: i64) {
        self.by_id.retain(|_, producer| now_ms.saturating_sub(producer.at_ms) < FORGOTTEN_AFTER_MS);
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
}
