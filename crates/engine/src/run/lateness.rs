//! Which rows of a batch are late, and by which watermark.

use arrow::array::{Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute;

use super::epoch::Work;
use super::rejects::{Late, Refused};
use super::state::{Prepared, window_of};
use super::steps::Stepped;
use super::watermark::PartitionWatermark;

impl Work {
    /// Takes rows without a time and rows whose last window is closed out of `keep`. Answers which of the prepared rows meet
    /// an open window: a row of hopping windows may be late for some of them only. `None` when all do that are kept.
    ///
    /// What is open for a row is decided by the watermark just before it, so that it does not depend on where epochs end.
    pub(super) fn check_windows(
        &self,
        stepped: &Stepped,
        prepared: &Prepared,
        clock: &mut RowClock<'_>,
        keep: &mut [bool],
        late: &mut Late,
        refused: &mut Refused,
    ) -> Option<Vec<bool>> {
        let (starts, times) = prepared.windows.as_ref()?;
        let (_, window) = window_of(self.query.aggregate.as_ref()?)?;
        let span_us = window.size_us + self.query.allowed_lateness_us;
        let is_open = |start: i64, watermark_us: i64| start.saturating_add(span_us) > watermark_us;
        let latest_us = clock.latest_us().max(self.closed_us);
        if times.null_count() == 0 && compute::min(starts).is_none_or(|start| is_open(start, latest_us)) {
            return None;
        }
        let mut open = prepared.rows.as_ref().map(|_| vec![true; starts.len()]);
        let mut at = 0;
        for (row, kept) in keep.iter_mut().enumerate() {
            let own = at..prepared.rows.as_ref().map_or(at + 1, |rows| end_of_row(rows, at, row));
            at = own.end;
            let origin = stepped.origin(row);
            if times.is_null(row) {
                refused.push(origin, "the event time is null, so the row belongs to no window");
                *kept = false;
                continue;
            }
            let watermark_us = clock.before(origin).max(self.closed_us);
            if let Some(open) = &mut open {
                own.clone().for_each(|window| open[window] = is_open(starts.value(window), watermark_us));
            }
            // The windows of a row come earliest first; a time between two windows has none.
            if let Some(last) = own.last().map(|last| starts.value(last))
                && !is_open(last, watermark_us)
            {
                late.push(origin, times.value(row), watermark_us, Some(last));
                *kept = false;
            }
        }
        open
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

/// Where the windows of `row`, which begin at `at`, end.
fn end_of_row(rows: &UInt32Array, at: usize, row: usize) -> usize {
    at + rows.values()[at..].iter().take_while(|other| **other as usize == row).count()
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
