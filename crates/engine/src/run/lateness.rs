//! Which rows of a batch are late, and by which watermark.

use arrow::array::{Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute;

use super::epoch::Work;
use super::rejects::{Late, Refused};
use super::state::{Prepared, window_of};
use super::steps::Stepped;
use super::watermark::PartitionWatermark;
use crate::plan::Query;

impl Work {
    /// Marks rows without a time and rows whose last window is closed; answers how many.
    #[expect(clippy::too_many_arguments, reason = "the parts of one batch on their way, taken apart by the caller")]
    pub(super) fn check_windows(
        &self,
        stepped: &Stepped,
        last_starts: &[Option<i64>],
        times: &TimestampMicrosecondArray,
        clock: &mut RowClock<'_>,
        keep: &mut [bool],
        late: &mut Late,
        refused: &mut Refused,
    ) -> usize {
        let aggregate = self.query.aggregate.as_ref().expect("windows come from the aggregate");
        let Some((_, window)) = window_of(aggregate) else { return 0 };
        let span_us = window.size_us + self.query.allowed_lateness_us;
        let earliest = last_starts.iter().flatten().min();
        let on_time = earliest.is_none_or(|start| start + span_us > clock.latest_us().max(self.closed_us));
        if times.null_count() == 0 && on_time {
            return 0;
        }
        let mut dropped = 0;
        for (row, kept) in keep.iter_mut().enumerate() {
            let origin = stepped.origin(row);
            if times.is_null(row) {
                refused.push(origin, "the event time is null, so the row belongs to no window");
            } else if let Some(start) = last_starts[row] {
                let watermark_us = clock.before(origin).max(self.closed_us);
                if start + span_us > watermark_us {
                    continue;
                }
                late.push(origin, times.value(row), watermark_us, Some(start));
            } else {
                continue;
            }
            *kept = false;
            dropped += 1;
        }
        dropped
    }

    /// Marks rows whose time the watermark has passed, so that they can no longer be told from duplicates.
    pub(super) fn check_times(
        &self,
        stepped: &Stepped,
        times: &TimestampMicrosecondArray,
        clock: &mut RowClock<'_>,
        keep: &mut [bool],
        late: &mut Late,
    ) -> usize {
        let lateness_us = self.query.allowed_lateness_us;
        let earliest = compute::min(times);
        if earliest.is_none_or(|time| time + lateness_us >= clock.latest_us().max(self.closed_us)) {
            return 0;
        }
        let mut dropped = 0;
        for (row, kept) in keep.iter_mut().enumerate() {
            let origin = stepped.origin(row);
            let watermark_us = clock.before(origin).max(self.closed_us);
            if times.is_valid(row) && times.value(row) + lateness_us < watermark_us {
                late.push(origin, times.value(row), watermark_us, None);
                *kept = false;
                dropped += 1;
            }
        }
        dropped
    }
}

/// The latest window of each row; `None` for a row in none.
pub(super) fn last_windows(starts: &[i64], spread: Option<&UInt32Array>, rows: usize) -> Vec<Option<i64>> {
    let Some(spread) = spread else { return starts.iter().copied().map(Some).collect() };
    let mut last = vec![None; rows];
    for (start, row) in starts.iter().zip(spread.values()) {
        last[*row as usize] = Some(*start);
    }
    last
}

/// Whether the window of a prepared row is not closed yet: a row of hopping windows may be late for some of them only.
pub(super) fn still_open<'a>(
    prepared: &'a Prepared,
    query: &Query,
    closed_us: i64,
) -> impl Fn(usize) -> bool + use<'a> {
    let window = query.aggregate.as_ref().and_then(window_of).map(|(_, window)| window.size_us);
    let span_us = window.unwrap_or(0) + query.allowed_lateness_us;
    let hopping = prepared.rows.is_some();
    move |row| match &prepared.windows {
        Some((starts, _)) if hopping => starts.value(row).saturating_add(span_us) > closed_us,
        _ => true,
    }
}

/// The watermark of a partition just before each row of a batch.
pub(super) struct RowClock<'a> {
    running: PartitionWatermark,
    latest_us: i64,
    times: Option<&'a TimestampMicrosecondArray>,
    limit_us: i64,
    at: usize,
}

impl<'a> RowClock<'a> {
    pub(super) fn new(
        running: PartitionWatermark,
        latest_us: i64,
        times: Option<&'a TimestampMicrosecondArray>,
        limit_us: i64,
    ) -> Self {
        Self { running, latest_us, times, limit_us, at: 0 }
    }

    /// The watermark after the whole batch: no row of it has a later one.
    pub(super) fn latest_us(&self) -> i64 {
        self.latest_us
    }

    /// The watermark before row `row`; rows are asked for in rising order.
    pub(super) fn before(&mut self, row: usize) -> i64 {
        if let Some(times) = self.times {
            while self.at < row {
                if times.is_valid(self.at) && times.value(self.at) <= self.limit_us {
                    self.running.observe(times.value(self.at));
                }
                self.at += 1;
            }
        }
        self.running.watermark_us()
    }
}
