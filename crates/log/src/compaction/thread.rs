//! The thread that compacts, beside the flusher: a turn may take minutes, and a flush is due every few milliseconds.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use millrace_flow::Stop;

use super::Budget;
use crate::LogError;
use crate::shared::Shared;

/// Looks for work as many times as retention does: with its default that is every 15 seconds, as in Kafka.
const LOOKS_PER_RETENTION_CHECK: u32 = 4;

/// The running thread; dropping it stops it, in the middle of a turn too.
#[derive(Debug)]
pub(crate) struct Cleaner {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Cleaner {
    /// Starts it.
    pub(crate) fn start(shared: Arc<Shared>) -> Result<Self, LogError> {
        let stop = Stop::default();
        let (stopped, dir) = (stop.clone(), shared.dir.clone());
        let thread = thread::Builder::new().name("log-cleaner".into()).spawn(move || run(&shared, &stopped));
        let thread = thread.map_err(LogError::io("start the cleaner of", &dir))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the cleaner of the log panicked");
        }
    }
}

fn run(shared: &Shared, stop: &Stop) {
    let interval = shared.config.retention_check_interval / LOOKS_PER_RETENTION_CHECK;
    while !stop.wait_until(Instant::now() + interval) {
        if shared.failure.get().is_some() {
            return;
        }
        if let Err(error) = shared.compact(&mut Budget::slow(stop)) {
            tracing::warn!(%error, "the log could not be compacted, it will be tried again");
        }
    }
}
