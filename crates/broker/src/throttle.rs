//! Holds clients to their quotas of bytes: what they send and read is taken at once, and if it was too much they are told how
//! long to wait, and are not listened to for that long.
//!
//! A quota is a rate. Whoever was quiet may take the bytes of [`BURST_S`] seconds at once, as with Kafka's window of samples.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::settings::{QuotaEntity, Settings};

/// Kinds of names that quotas go by.
pub(crate) const USER: &str = "user";
pub(crate) const CLIENT_ID: &str = "client-id";

/// Seconds whose bytes may be taken at once: `quota.window.num` of Kafka, without the sample that is under way.
const BURST_S: f64 = 10.0;
/// Longest that a client waits for one request; what it owes beyond that it waits for with the next.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Meters that are kept before those that owe nothing are forgotten.
const METERS_MAX: usize = 10_000;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flow {
    /// Bytes that a client sends.
    Produced,
    /// Bytes that a client reads.
    Fetched,
}

impl Flow {
    fn limit(self) -> &'static str {
        match self {
            Self::Produced => "producer_byte_rate",
            Self::Fetched => "consumer_byte_rate",
        }
    }
}

/// Who shares one quota: a user, a client, or a client of a user.
type Sharers = (Option<String>, Option<String>);

/// The meters of all clients with quotas.
#[derive(Default)]
pub(crate) struct Throttle {
    meters: Mutex<HashMap<(Flow, Sharers), Meter>>,
}

/// Bytes that may be taken now, below zero if too many were.
struct Meter {
    left: f64,
    at: Instant,
    /// What comes to it in a second, as of the last time that something was taken.
    rate: f64,
}

impl Meter {
    /// Takes bytes; answers how long to wait for them.
    fn take(&mut self, bytes: usize, rate: f64, now: Instant) -> Duration {
        self.left = (self.left + self.seconds_to(now) * rate).min(rate * BURST_S) - bytes as f64;
        (self.at, self.rate) = (now, rate);
        Duration::try_from_secs_f64(-self.left / rate).unwrap_or(Duration::ZERO).min(WAIT_MAX)
    }

    /// Whether more was taken than has come by now.
    fn owes(&self, now: Instant) -> bool {
        self.left + self.seconds_to(now) * self.rate < 0.0
    }

    fn seconds_to(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.at).as_secs_f64()
    }
}

impl Throttle {
    /// Notes bytes of a client; answers how long it is to wait.
    pub(crate) fn take(
        &self,
        settings: &Settings,
        flow: Flow,
        (user, client_id): (&str, &str),
        bytes: usize,
        now: Instant,
    ) -> Duration {
        let Some((rate, sharers)) = quota_of(settings, flow.limit(), user, client_id) else { return Duration::ZERO };
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if meters.len() >= METERS_MAX {
            meters.retain(|_, meter| meter.owes(now));
        }
        let full = Meter { left: rate * BURST_S, at: now, rate };
        meters.entry((flow, sharers)).or_insert(full).take(bytes, rate, now)
    }
}

/// The quota that holds for a client, and who shares it. Of several the one that says most of whom it is for.
fn quota_of(settings: &Settings, limit: &str, user: &str, client_id: &str) -> Option<(f64, Sharers)> {
    if settings.quotas.is_empty() {
        return None;
    }
    let (this, any) = (|name: &str| Some(Some(name.to_owned())), || Some(None));
    let (users, clients) = ([this(user), any(), None], [this(client_id), any(), None]);
    for of_user in &users {
        for of_client in &clients {
            let parts = [(USER, of_user), (CLIENT_ID, of_client)];
            let named = parts.into_iter().filter_map(|(kind, name)| Some((kind.to_owned(), name.clone()?)));
            let entity: QuotaEntity = named.collect();
            let found = settings.quotas.iter().find(|quota| quota.entity == entity);
            if let Some(rate) = found.and_then(|quota| quota.limits.get(limit)) {
                let sharers =
                    (of_user.as_ref().map(|_| user.to_owned()), of_client.as_ref().map(|_| client_id.to_owned()));
                return Some((*rate, sharers));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Quota;

    fn quota(names: &[(&str, Option<&str>)], rate: f64) -> Quota {
        let entity = names.iter().map(|(kind, name)| (kind.to_string(), name.map(str::to_owned))).collect();
        Quota { entity, limits: [("producer_byte_rate".to_owned(), rate)].into() }
    }

    #[test]
    fn who_says_most_of_whom_it_is_for_counts() {
        let mut settings = Settings::default();
        let mut rates = Vec::new();
        let quotas = [
            quota(&[(CLIENT_ID, None)], 8.0),
            quota(&[(CLIENT_ID, Some("till"))], 7.0),
            quota(&[(USER, None)], 6.0),
            quota(&[(USER, None), (CLIENT_ID, None)], 5.0),
            quota(&[(USER, Some("ada"))], 3.0),
            quota(&[(USER, Some("ada")), (CLIENT_ID, Some("till"))], 1.0),
        ];
        for quota in quotas {
            settings.quotas.push(quota);
            rates.extend(quota_of(&settings, "producer_byte_rate", "ada", "till").map(|(rate, _)| rate));
        }
        assert_eq!(rates, [8.0, 7.0, 6.0, 5.0, 3.0, 1.0]);
        assert_eq!(quota_of(&settings, "consumer_byte_rate", "ada", "till"), None);
        let (rate, sharers) = quota_of(&settings, "producer_byte_rate", "bob", "x").expect("all have one");
        assert_eq!((rate, sharers), (5.0, (Some("bob".to_owned()), Some("x".to_owned()))));
    }

    #[test]
    fn a_client_takes_its_rate_in_the_long_run_and_no_more() {
        let settings = Settings { quotas: vec![quota(&[(CLIENT_ID, None)], 1_000.0)], ..Settings::default() };
        let throttle = Throttle::default();
        let start = Instant::now();
        let mut now = start;
        for _ in 0..100 {
            now += throttle.take(&settings, Flow::Produced, ("", "till"), 500, now);
        }
        let seconds = now.duration_since(start).as_secs_f64();
        assert!((39.9..40.1).contains(&seconds), "50,000 bytes less a burst of 10,000 took {seconds} s");
        assert_eq!(throttle.take(&settings, Flow::Produced, ("", "other"), 9_000, now), Duration::ZERO);
        assert_eq!(throttle.take(&settings, Flow::Fetched, ("", "till"), 1 << 30, now), Duration::ZERO);
        assert_eq!(throttle.take(&settings, Flow::Produced, ("", "till"), 1 << 30, now), WAIT_MAX);
    }

    #[test]
    fn who_has_gone_and_owes_nothing_any_longer_is_forgotten() {
        let settings = Settings { quotas: vec![quota(&[(CLIENT_ID, None)], 1_000.0)], ..Settings::default() };
        let throttle = Throttle::default();
        let start = Instant::now();
        for client in 0..METERS_MAX {
            throttle.take(&settings, Flow::Produced, ("", &format!("till {client}")), 12_000, start);
        }
        let meters = || throttle.meters.lock().expect("nobody panicked").len();
        let another = |seconds| {
            let now = start + Duration::from_secs(seconds);
            throttle.take(&settings, Flow::Produced, ("", &format!("at {seconds}")), 1, now);
            meters()
        };
        assert_eq!(another(1), METERS_MAX + 1, "all of them owe");
        assert_eq!(another(3), 1);
    }
}
