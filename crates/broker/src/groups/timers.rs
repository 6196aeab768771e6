//! What is due when: an ordered set, so that nobody has to look through all groups.

use std::collections::{BTreeMap, BTreeSet};

/// Something that happens if nothing else does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A member, or one that was given an id and did not come back, was silent for too long.
    Session { group: String, member: String },
    /// The group has waited long enough for its members to join.
    Join { group: String },
    /// The group has waited long enough for its members to sync.
    Sync { group: String },
    /// A member of a group of the newer protocol has had the time that it may take to let go of partitions.
    Revocation { group: String, member: String },
    /// Offsets are to be looked through for old ones.
    Sweep,
}

/// Timers by their time, each set at most once.
#[derive(Debug, Clone, Default)]
pub(super) struct Timers {
    due: BTreeSet<(i64, Timer)>,
    at_ms: BTreeMap<Timer, i64>,
}

impl Timers {
    /// Sets a timer, in place of when it was set for before.
    pub(super) fn set(&mut self, timer: Timer, at_ms: i64) {
        if let Some(before) = self.at_ms.insert(timer.clone(), at_ms) {
            if before == at_ms {
                return;
            }
            let key = (before, timer);
            self.due.remove(&key);
            self.due.insert((at_ms, key.1));
        } else {
            self.due.insert((at_ms, timer));
        }
    }

    /// Takes a timer back.
    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(at_ms) = self.at_ms.remove(&timer) {
            self.due.remove(&(at_ms, timer));
        }
    }

    /// Whether the timer is set.
    pub(super) fn is_set(&self, timer: &Timer) -> bool {
        self.at_ms.contains_key(timer)
    }

    /// When the next timer is due.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.due.first().map(|(at_ms, _)| *at_ms)
    }

    /// Takes the first timer that is due.
    pub(super) fn pop(&mut self, now_ms: i64) -> Option<Timer> {
        if self.next_ms()? > now_ms {
            return None;
        }
        let (_, timer) = self.due.pop_first()?;
        self.at_ms.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(group: &str) -> Timer {
        Timer::Join { group: group.to_owned() }
    }

    #[test]
    fn a_timer_is_due_once_and_at_its_last_time() {
        let mut timers = Timers::default();
        timers.set(join("a"), 10);
        timers.set(join("b"), 20);
        timers.set(join("a"), 30);
        timers.set(join("a"), 30);
        assert_eq!(timers.next_ms(), Some(20));
        assert_eq!(timers.pop(19), None);
        assert_eq!(timers.pop(40), Some(join("b")));
        assert_eq!(timers.pop(40), Some(join("a")));
        assert_eq!(timers.pop(40), None);
        timers.set(join("a"), 50);
        timers.clear(join("a"));
        timers.clear(join("b"));
        assert_eq!(timers.next_ms(), None);
        assert!(!timers.is_set(&join("a")));
    }
}
