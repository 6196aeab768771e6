//! How fast things go: counters looked at four times a second, kept for some seconds.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Time between two looks.
pub(crate) const INTERVAL: Duration = Duration::from_millis(250);

/// A rate that follows what happens now.
pub(crate) const SHORT: Duration = Duration::from_secs(1);

/// A rate that is calm enough to be read.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// The samples of all counters.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    series: Mutex<BTreeMap<String, Series>>,
}

impl Rates {
    /// Notes what a counter shows; `at` is the time since some fixed moment.
    pub(crate) fn record(&self, counter: &str, at: Duration, value: f64) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        match series.get_mut(counter) {
            Some(series) => series.push(at, value),
            None => series.entry(counter.to_owned()).or_default().push(at, value),
        }
    }

    /// How much a counter moved in a second, over the last `window`; `None` before there are two samples.
    pub(crate) fn per_second(&self, counter: &str, window: Duration) -> Option<f64> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.get(counter)?.per_second(window)
    }

    /// Whether a counter was watched for all of `window` and did not move.
    pub(crate) fn stood_still(&self, counter: &str, window: Duration) -> bool {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.get(counter).is_some_and(|series| series.stood_still(window))
    }
}

/// The samples of one counter, oldest first.
#[derive(Debug, Default)]
struct Series {
    samples: VecDeque<(Duration, f64)>,
}

impl Series {
    fn push(&mut self, at: Duration, value: f64) {
        self.samples.push_back((at, value));
        while self.samples.front().is_some_and(|(oldest, _)| at.saturating_sub(*oldest) > LONG + INTERVAL) {
            self.samples.pop_front();
        }
    }

    /// The oldest sample within `window` before the newest, and the newest.
    fn span(&self, window: Duration) -> Option<((Duration, f64), (Duration, f64))> {
        let newest = *self.samples.back()?;
        let within = |(at, _): &&(Duration, f64)| newest.0.saturating_sub(*at) <= window + INTERVAL / 2;
        let oldest = *self.samples.iter().find(within)?;
        (oldest.0 < newest.0).then_some((oldest, newest))
    }

    fn per_second(&self, window: Duration) -> Option<f64> {
        let (oldest, newest) = self.span(window)?;
        Some((newest.1 - oldest.1) / (newest.0 - oldest.0).as_secs_f64())
    }

    fn stood_still(&self, window: Duration) -> bool {
        let watched = |((from, _), (to, _)): &((Duration, f64), (Duration, f64))| *to - *from + INTERVAL >= window;
        self.span(window).filter(watched).is_some_and(|((_, old), (_, new))| old == new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_was_added_over_the_time_it_took() {
        let rates = Rates::default();
        assert_eq!(rates.per_second("rows", SHORT), None);
        for step in 0..=40_u32 {
            // 100 a second for five seconds, then nothing.
            rates.record("rows", INTERVAL * step, f64::from(step.min(20)) * 25.0);
        }
        assert_eq!(rates.per_second("rows", SHORT), Some(0.0));
        assert_eq!(rates.per_second("rows", LONG), Some(50.0));
        assert!(rates.stood_still("rows", Duration::from_secs(4)));
        assert!(!rates.stood_still("rows", LONG));
    }

    #[test]
    fn what_was_not_watched_long_enough_did_not_stand_still() {
        let rates = Rates::default();
        rates.record("rows", Duration::ZERO, 1.0);
        rates.record("rows", INTERVAL, 1.0);
        assert!(!rates.stood_still("rows", LONG));
    }
}
