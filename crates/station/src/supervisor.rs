//! Runs stages, each on a thread of its own, and decides what becomes of one that fails.
//!
//! - An error that may pass is shown, and the stage is started again: after 100 ms, then twice as long each time, up to
//!   half a minute, give or take a quarter, so that many stages do not knock at the same door at once.
//! - Any other error, and a panic, leaves the stage failed. The other stages go on.
//! - A stage that ran for a minute has earned a fresh start.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use millrace_flow::{Result, StageStatus, Stop};

use crate::{StationError, catalog};

/// Pause before the first new start.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Longest pause: what comes back is used again within this time.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// After this long without an error the next one is a first one.
const GOOD_RUN: Duration = Duration::from_secs(60);

/// What a stage does on its thread: runs until it is done or told to stop.
pub(crate) type Work = Box<dyn FnMut() -> Result<()> + Send>;

struct Supervised {
    status: Arc<StageStatus>,
    /// Whether it failed for good.
    gave_up: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The stages that run.
pub(crate) struct Supervisor {
    stop: Stop,
    stages: Mutex<Vec<Supervised>>,
}

impl Supervisor {
    pub(crate) fn new(stop: Stop) -> Self {
        Self { stop, stages: Mutex::default() }
    }

    /// Starts a stage.
    pub(crate) fn start(&self, status: Arc<StageStatus>, mut work: Work) -> Result<(), StationError> {
        let name = catalog::id(status.kind, &status.name);
        let gave_up = Arc::new(AtomicBool::new(false));
        let (theirs, failed, stop) = (status.clone(), gave_up.clone(), self.stop.clone());
        let body = move || {
            if !supervise(&theirs, &mut work, &stop) {
                failed.store(true, Ordering::Release);
            }
        };
        let thread = thread::Builder::new().name(name.clone()).spawn(body);
        let thread = Some(thread.map_err(|source| StationError::Thread { what: name, source })?);
        self.stages().push(Supervised { status, gave_up, thread });
        Ok(())
    }

    /// The stages that failed for good, by name.
    pub(crate) fn failed(&self) -> Vec<String> {
        let stages = self.stages();
        let failed = stages.iter().filter(|stage| stage.gave_up.load(Ordering::Acquire));
        failed.map(|stage| catalog::id(stage.status.kind, &stage.status.name)).collect()
    }

    /// Waits until every thread has ended; they do when told to stop.
    pub(crate) fn join(&self) {
        let threads: Vec<_> = self.stages().iter_mut().filter_map(|stage| stage.thread.take()).collect();
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a stage's thread panicked outside its work");
            }
        }
    }

    fn stages(&self) -> std::sync::MutexGuard<'_, Vec<Supervised>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a stage until it ends, is told to stop, or fails for good; says whether it did not fail.
fn supervise(status: &StageStatus, work: &mut Work, stop: &Stop) -> bool {
    let mut attempt = 0;
    loop {
        let started = Instant::now();
        let stage = status.name.as_str();
        let (text, retry) = match catch_unwind(AssertUnwindSafe(&mut *work)) {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => (error.to_string(), error.retry()),
            Err(payload) => (format!("stopped by a bug: {}", said(payload.as_ref())), false),
        };
        status.fail(&text);
        if stop.is_stopped() {
            tracing::warn!(stage, kind = ?status.kind, error = text, "stage failed while stopping");
            return true;
        }
        if !retry {
            tracing::error!(stage, kind = ?status.kind, error = text, "stage failed");
            return false;
        }
        if started.elapsed() > GOOD_RUN {
            attempt = 0;
        }
        let pause = pause(attempt, RandomState::new().hash_one(attempt));
        tracing::warn!(stage, kind = ?status.kind, error = text, ?pause, "stage failed, it is started again");
        attempt += 1;
        if stop.wait_until(Instant::now() + pause) {
            return true;
        }
    }
}

/// The pause before start number `attempt`, from 0; `dice` spreads it by a quarter in both directions.
fn pause(attempt: u32, dice: u64) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(1_u32.checked_shl(attempt.min(20)).unwrap_or(u32::MAX)).min(PAUSE_MAX);
    let percent = 75 + u32::try_from(dice % 51).unwrap_or(0);
    doubled * percent / 100
}

/// What a panic said.
fn said(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it did not say why")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use millrace_flow::{ErrorKind, Phase, StageError, StageKind};

    use super::*;

    fn run(work: impl FnMut() -> Result<()> + Send + 'static) -> (Arc<StageStatus>, Vec<String>) {
        let supervisor = Supervisor::new(Stop::default());
        let status = Arc::new(StageStatus::new(StageKind::Query, "q"));
        supervisor.start(status.clone(), Box::new(work)).expect("a thread starts");
        supervisor.join();
        (status, supervisor.failed())
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let tries = AtomicU32::new(0);
        let (status, failed) = run(move || match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Err(StageError::new(ErrorKind::Outside, true, "the disk is full")),
            _ => Ok(()),
        });
        assert!(failed.is_empty());
        assert_eq!(status.error().as_deref(), Some("the disk is full"), "shown until the stage says otherwise");
    }

    #[test]
    fn what_does_not_pass_stays_failed() {
        let (status, failed) = run(|| Err(StageError::user("column gone")));
        assert_eq!((status.phase(), failed), (Phase::Failed, vec!["query:q".to_owned()]));
        assert_eq!(status.error().as_deref(), Some("column gone"));
    }

    #[test]
    fn a_panic_fails_its_stage_alone() {
        let (status, failed) = run(|| panic!("index 3 of 2"));
        assert_eq!(failed, ["query:q"]);
        assert!(status.error().is_some_and(|error| error.contains("index 3 of 2")));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_spread() {
        assert_eq!(pause(0, 25), PAUSE_MIN);
        assert_eq!(pause(3, 25), Duration::from_millis(800));
        assert_eq!(pause(60, 25), PAUSE_MAX);
        assert!(pause(60, 0) < pause(60, 50));
    }
}
