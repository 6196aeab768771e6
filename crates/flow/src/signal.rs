//! Waking without polling: a version that moves, and a request to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use event_listener::{Event, Listener};

/// A counter whose every move wakes everybody who waits for it, in threads and in tasks.
///
/// The order of use that loses no move: read [`Signal::version`], look at the guarded state, then wait with that version.
#[derive(Debug, Default)]
pub struct Signal {
    version: AtomicU64,
    event: Event,
}

impl Signal {
    /// The present version.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Moves the version and wakes all waiters.
    pub fn notify(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
        self.event.notify(usize::MAX);
    }

    /// Blocks until the version differs from `seen` or `deadline` passes; says whether it differs.
    pub fn wait_until(&self, seen: u64, deadline: Instant) -> bool {
        loop {
            if self.version() != seen {
                return true;
            }
            let listener = self.event.listen();
            if self.version() != seen {
                return true;
            }
            if listener.wait_deadline(deadline).is_none() {
                return self.version() != seen;
            }
        }
    }

    /// Waits, without blocking a thread, until the version differs from `seen`.
    pub async fn changed(&self, seen: u64) {
        while self.version() == seen {
            let listener = self.event.listen();
            if self.version() != seen {
                return;
            }
            listener.await;
        }
    }
}

/// A request to stop that every stage of a running project shares.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    inner: Arc<StopInner>,
}

#[derive(Debug, Default)]
struct StopInner {
    stopped: AtomicBool,
    signal: Signal,
}

impl Stop {
    /// Asks everybody to stop.
    pub fn stop(&self) {
        self.inner.stopped.store(true, Ordering::Release);
        self.inner.signal.notify();
    }

    /// Whether somebody asked.
    pub fn is_stopped(&self) -> bool {
        self.inner.stopped.load(Ordering::Acquire)
    }

    /// Sleeps until `deadline` or until asked to stop; says whether asked.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        while !self.is_stopped() {
            let seen = self.inner.signal.version();
            if self.is_stopped() {
                break;
            }
            if !self.inner.signal.wait_until(seen, deadline) {
                return self.is_stopped();
            }
        }
        true
    }

    /// Waits, without blocking a thread, until asked to stop.
    pub async fn stopped(&self) {
        while !self.is_stopped() {
            let seen = self.inner.signal.version();
            if self.is_stopped() {
                return;
            }
            self.inner.signal.changed(seen).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_move_between_look_and_wait_is_not_lost() {
        let signal = Signal::default();
        let seen = signal.version();
        signal.notify();
        assert!(signal.wait_until(seen, Instant::now()));
    }

    #[test]
    fn stop_wakes_a_sleeper() {
        let stop = Stop::default();
        let sleeper = stop.clone();
        let thread = std::thread::spawn(move || sleeper.wait_until(Instant::now() + Duration::from_secs(60)));
        stop.stop();
        assert!(thread.join().expect("the sleeper does not panic"));
    }
}
