//! Decides what is worth compacting, by what is known of the closed segments of a partition.

use crate::partition::ClosedFacts;

/// What a topic asks of compaction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CompactionRules {
    /// Share of a log that is worth compacting.
    pub(crate) dirty_share_min: f64,
    /// How long a record is safe.
    pub(crate) lag_ms_min: i64,
    /// How long a record may wait.
    pub(crate) lag_ms_max: i64,
    /// How long a tombstone stays.
    pub(crate) tombstones_ms: i64,
}

/// What is to be done for a partition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// How many segments, from the oldest on.
    pub(super) segments: usize,
    /// Share of their bytes that was not gone over.
    pub(super) dirty_share: f64,
}

/// Decides whether a partition whose closed segments below the bound are `segments`, gone over up to `clean`, is worth a turn.
/// `first_ms` are the times of the oldest dirty record and of the first tombstone that may go.
pub(super) fn derive_work(
    segments: &[ClosedFacts],
    clean: i64,
    (oldest_dirty_ms, horizon_ms): (i64, i64),
    rules: &CompactionRules,
    now_ms: i64,
) -> Option<Work> {
    let safe_from_ms = now_ms.saturating_sub(rules.lag_ms_min);
    let is_safe = |segment: &ClosedFacts| rules.lag_ms_min > 0 && segment.newest_ms > safe_from_ms;
    let count = segments.iter().take_while(|segment| segment.end <= clean || !is_safe(segment)).count();
    let bytes =
        |dirty: bool| -> u64 { segments[..count].iter().filter(|s| (s.end > clean) == dirty).map(|s| s.bytes).sum() };
    let (dirty_bytes, clean_bytes) = (bytes(true), bytes(false));
    let dirty_share = dirty_bytes as f64 / (dirty_bytes + clean_bytes).max(1) as f64;
    let waited_long = oldest_dirty_ms < now_ms.saturating_sub(rules.lag_ms_max);
    let is_dirty = dirty_bytes > 0 && (dirty_share > rules.dirty_share_min || waited_long);
    let has_old_tombstones = clean_bytes > 0 && horizon_ms <= now_ms;
    (is_dirty || has_old_tombstones).then_some(Work { segments: count, dirty_share })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const RULES: CompactionRules =
        CompactionRules { dirty_share_min: 0.5, lag_ms_min: 0, lag_ms_max: i64::MAX, tombstones_ms: 0 };
    const NEVER: (i64, i64) = (i64::MAX, i64::MAX);

    /// Segments of ten offsets with these bytes, the newest record of each as old as its base.
    fn segments(bytes: &[u64]) -> Vec<ClosedFacts> {
        let facts = |(n, bytes): (i64, &u64)| ClosedFacts {
            base: n * 10,
            end: n * 10 + 10,
            bytes: *bytes,
            newest_ms: n * 10,
            path: PathBuf::new(),
        };
        (0..).zip(bytes).map(facts).collect()
    }

    #[test]
    fn a_partition_is_worth_a_turn_when_enough_of_it_is_dirty() {
        let all = segments(&[100, 100, 100, 100]);
        let work = |clean| derive_work(&all, clean, NEVER, &RULES, 1_000);
        assert_eq!(work(0), Some(Work { segments: 4, dirty_share: 1.0 }));
        assert_eq!(work(10), Some(Work { segments: 4, dirty_share: 0.75 }));
        assert_eq!(work(20), None, "half of it is not more than half");
        assert_eq!(work(15).map(|work| work.dirty_share), Some(0.75), "a segment that is clean in part is dirty");
        assert_eq!(work(40), None);
        assert_eq!(derive_work(&[], 0, NEVER, &RULES, 1_000), None);
    }

    #[test]
    fn what_is_young_is_not_touched_and_what_waits_long_is() {
        let all = segments(&[100, 100, 100, 100]);
        let lag = CompactionRules { lag_ms_min: 985, ..RULES };
        assert_eq!(derive_work(&all, 0, NEVER, &lag, 1_000).map(|work| work.segments), Some(2));
        assert_eq!(derive_work(&all, 0, NEVER, &lag, 900), None);
        let hurry = CompactionRules { lag_ms_max: 960, ..RULES };
        assert_eq!(derive_work(&all, 30, (30, i64::MAX), &hurry, 1_000).map(|work| work.segments), Some(4));
        assert_eq!(derive_work(&all, 30, (40, i64::MAX), &hurry, 1_000), None);
        assert_eq!(derive_work(&all, 40, (i64::MAX, 1_000), &RULES, 1_000).map(|work| work.segments), Some(4));
        assert_eq!(derive_work(&all, 40, (i64::MAX, 1_001), &RULES, 1_000), None, "no tombstone may go yet");
    }
}
