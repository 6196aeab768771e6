//! Watermarks: how far event time is complete, by partition and for the query.
//!
//! A partition's watermark is the greatest event time it has shown, less the declared delay. The query's is the least of
//! its partitions', so that partitions that are read unevenly cannot make one another's rows late. Whether a row *is* late
//! is decided by the watermark of its own partition just before the row, which no scheduling can change, and by what is
//! closed already.
//!
//! A partition leaves the minimum while it has shown nothing for [`IDLE_AFTER`] although it was read to its end.

use std::time::Instant;

use arrow::array::TimestampMicrosecondArray;
use arrow::compute;
use millrace_flow::IDLE_AFTER;

/// The watermark of one partition.
#[derive(Debug, Clone)]
pub(super) struct PartitionWatermark {
    greatest_us: i64,
    delay_us: i64,
    last_seen: Instant,
}

impl PartitionWatermark {
    /// A partition whose greatest time so far is `greatest_us` (`i64::MIN`: none).
    pub(super) fn new(greatest_us: i64, delay_us: i64, now: Instant) -> Self {
        Self { greatest_us, delay_us, last_seen: now }
    }

    /// Greatest event time seen, or `i64::MIN`.
    pub(super) fn greatest_us(&self) -> i64 {
        self.greatest_us
    }

    /// The watermark, or `i64::MIN` before the first row.
    pub(super) fn watermark_us(&self) -> i64 {
        self.greatest_us.saturating_sub(self.delay_us)
    }

    /// Takes one event time in.
    pub(super) fn observe(&mut self, time_us: i64) {
        self.greatest_us = self.greatest_us.max(time_us);
    }

    /// Takes a batch's event times in, except those after `limit_us`.
    pub(super) fn observe_all(&mut self, times: &TimestampMicrosecondArray, limit_us: i64, now: Instant) {
        self.last_seen = now;
        match compute::max(times) {
            Some(greatest) if greatest <= limit_us => self.observe(greatest),
            Some(_) => {
                let within = times.iter().flatten().filter(|time| *time <= limit_us).max();
                self.observe(within.unwrap_or(i64::MIN));
            }
            None => {}
        }
    }

    /// When this partition, read to its end and silent, leaves the minimum.
    pub(super) fn idle_at(&self) -> Instant {
        self.last_seen + IDLE_AFTER
    }
}

/// A partition as [`combine`] sees it.
pub(super) struct Standing<'a> {
    /// Its watermark.
    pub(super) watermark: &'a PartitionWatermark,
    /// Whether it was read to its end.
    pub(super) at_end: bool,
    /// Whether nothing more will come.
    pub(super) sealed: bool,
}

/// The query's watermark: the least over the partitions that count, or the greatest of all when none does.
pub(super) fn combine<'a>(partitions: impl Iterator<Item = Standing<'a>>, now: Instant) -> i64 {
    let mut least: Option<i64> = None;
    let mut greatest = i64::MIN;
    for partition in partitions {
        let watermark = partition.watermark.watermark_us();
        greatest = greatest.max(watermark);
        let idle = partition.at_end && (partition.sealed || now >= partition.watermark.idle_at());
        if !idle {
            least = Some(least.map_or(watermark, |least| least.min(watermark)));
        }
    }
    least.unwrap_or(greatest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(greatest_us: i64, now: Instant) -> PartitionWatermark {
        PartitionWatermark::new(greatest_us, 10, now)
    }

    #[test]
    fn the_slowest_partition_decides() {
        let now = Instant::now();
        let (fast, slow) = (partition(1_000, now), partition(100, now));
        let standing = |watermark| Standing { watermark, at_end: false, sealed: false };
        assert_eq!(combine([standing(&fast), standing(&slow)].into_iter(), now), 90);
    }

    #[test]
    fn an_idle_partition_at_its_end_leaves_the_minimum() {
        let now = Instant::now();
        let (fast, slow) = (partition(1_000, now), partition(100, now));
        let standings = |now: Instant| {
            let standing = |watermark, at_end| Standing { watermark, at_end, sealed: false };
            combine([standing(&fast, false), standing(&slow, true)].into_iter(), now)
        };
        assert_eq!(standings(now), 90);
        assert_eq!(standings(now + IDLE_AFTER), 990);
    }

    #[test]
    fn a_time_from_the_future_does_not_move_it() {
        let now = Instant::now();
        let mut watermark = partition(0, now);
        watermark.observe_all(&TimestampMicrosecondArray::from(vec![Some(5), None, Some(9_999)]), 100, now);
        assert_eq!(watermark.greatest_us(), 5);
    }
}
