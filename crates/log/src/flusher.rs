//! Brings what was committed to the disk, and keeps the folder small: the log's one thread.
//!
//! A flush: note the end of the commit log; sync every file that a commit before it names; sync the commit log; replace the
//! checkpoint. Only then do those commits outlive a power cut.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use millrace_flow::Stop;

use crate::checkpoint::{self, Checkpoint};
use crate::commits::CommitPosition;
use crate::shared::{FlushState, Shared};
use crate::{FlushMode, LogError};

/// With commits that are durable one by one, a checkpoint only shortens the next recovery: once a second is plenty.
const CHECKPOINT_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// The running thread; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Flusher {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// Starts it.
    pub(crate) fn start(shared: Arc<Shared>) -> Result<Self, LogError> {
        let stop = Stop::default();
        let (stopped, dir) = (stop.clone(), shared.dir.clone());
        let thread = thread::Builder::new().name("log-flusher".into()).spawn(move || run(&shared, &stopped));
        let thread = thread.map_err(LogError::io("start the flusher of", &dir))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the flusher of the log panicked");
        }
    }
}

fn run(shared: &Shared, stop: &Stop) {
    let interval = match shared.config.flush {
        FlushMode::Interval => shared.config.flush_interval,
        FlushMode::None | FlushMode::Commit => shared.config.flush_interval.max(CHECKPOINT_INTERVAL_MIN),
    };
    let mut next_flush = Instant::now() + interval;
    let mut next_retention = Instant::now() + shared.config.retention_check_interval;
    while !stop.wait_until(next_flush.min(next_retention)) {
        if shared.failure.get().is_some() {
            return;
        }
        let now = Instant::now();
        if now >= next_flush {
            note_failure(shared.flush_commits().and_then(|()| shared.compact_commits()));
            next_flush = Instant::now() + interval;
        }
        if now >= next_retention {
            note_failure(shared.retain());
            next_retention = Instant::now() + shared.config.retention_check_interval;
        }
    }
}

fn note_failure(done: Result<(), LogError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "the log could not be flushed, it will be tried again");
    }
}

impl Shared {
    /// Makes the commits so far durable, as far as the flush mode asks for it now and again.
    fn flush_commits(&self) -> Result<(), LogError> {
        let mut state = self.flushing();
        let clients_wrote = self.clients_wrote.swap(false, Ordering::AcqRel);
        let nothing_new =
            !clients_wrote && !self.journals.have_unsynced() && state.flushed == self.commits()?.position();
        if (self.config.flush == FlushMode::None || nothing_new) && self.discarded().is_empty() {
            return Ok(());
        }
        self.flush(&mut state, !self.commits_are_durable())
    }

    /// Makes everything committed so far durable, whatever the flush mode. With commits that are durable one by one nobody
    /// may be committing meanwhile: a file that is being synced here counts as synced there.
    pub(crate) fn flush_everything(&self) -> Result<(), LogError> {
        self.flush(&mut self.flushing(), true)
    }

    fn flush(&self, state: &mut FlushState, sync_data: bool) -> Result<(), LogError> {
        self.check_in_service()?;
        let flushed = self.try_flush(state, sync_data);
        // A full disk may refuse the new checkpoint: the old one goes on being true. A failed sync is another matter.
        flushed.map_err(|error| if is_failed_sync(&error) { self.fail(error) } else { error })
    }

    fn try_flush(&self, state: &mut FlushState, sync_data: bool) -> Result<(), LogError> {
        // Taken before the position: what was discarded by now, the commits before it do not need.
        let discarded = std::mem::take(&mut *self.discarded());
        let flushed = self.flush_to(self.commits()?.position(), state, sync_data);
        if flushed.is_err() {
            self.discard(discarded);
            return flushed;
        }
        for file in discarded {
            if let Err(error) = self.disk().remove(&file)
                && error.kind() != ErrorKind::NotFound
            {
                tracing::warn!(file = %file.display(), %error, "a file that nobody needs any more stays");
            }
        }
        Ok(())
    }

    fn flush_to(&self, position: CommitPosition, state: &mut FlushState, sync_data: bool) -> Result<(), LogError> {
        let topics = self.all_topics();
        let ends: Vec<Vec<i64>> = {
            let _visible = self.visible.read().unwrap_or_else(PoisonError::into_inner);
            let ends = |topic: &Arc<crate::topic::Topic>| topic.partitions.iter().map(|p| p.committed()).collect();
            topics.iter().map(ends).collect()
        };
        if state.sync_filesystem {
            self.sync_filesystem()?;
            state.sync_filesystem = false;
        }
        if sync_data {
            for partition in topics.iter().flat_map(|topic| &topic.partitions) {
                partition.take_unsynced().sync(self.disk())?;
            }
            self.journals.sync(self.disk()).map_err(LogError::io("sync a journal of", Path::new(&self.dir)))?;
            let slots: Vec<_> = {
                let writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
                writers.values().cloned().collect()
            };
            for slot in slots {
                let synced = slot.sync_attached(self.disk());
                synced.map_err(LogError::io("sync a file attached to a writer in", Path::new(&self.dir)))?;
            }
        }
        self.commits()?.sync_to(position)?;
        for (topic, ends) in topics.iter().zip(&ends) {
            topic.partitions.iter().zip(ends).for_each(|(partition, end)| partition.set_recovery(*end));
        }
        self.write_checkpoint(state, Some(position))?;
        self.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn sync_filesystem(&self) -> Result<(), LogError> {
        let dir = File::open(&self.dir).map_err(LogError::io("open", &self.dir))?;
        self.disk().sync_filesystem(&dir).map_err(LogError::io("sync the file system of", &self.dir))
    }

    /// Replaces the checkpoint: with a new durable position of the commit log, or with the one it has.
    pub(crate) fn write_checkpoint(
        &self,
        state: &mut FlushState,
        position: Option<CommitPosition>,
    ) -> Result<(), LogError> {
        let mut partitions = state.checkpoint.partitions.clone();
        for partition in self.all_topics().iter().flat_map(|topic| &topic.partitions) {
            if partition.check_online().is_ok() {
                partitions.insert(partition.name.to_string(), partition.point());
            }
        }
        let mut new = Checkpoint { partitions, ..state.checkpoint.clone() };
        if let Some(position) = position {
            new.boot_id.clone_from(&self.machine.boot_id);
            new.set_commits(position);
        }
        checkpoint::write(self.disk(), &self.dir, &new)?;
        state.checkpoint = new;
        state.flushed = position.unwrap_or(state.flushed);
        Ok(())
    }

    /// Replaces the commit log by a short one, if it has grown long.
    fn compact_commits(&self) -> Result<(), LogError> {
        if !self.commits()?.wants_compaction() {
            return Ok(());
        }
        let mut state = self.flushing();
        // What is dropped from the file must not be missed after a power cut: the commits that stay have to be durable.
        self.flush(&mut state, !self.commits_are_durable())?;
        let durable = state.flushed;
        match self.commits()?.compact(durable) {
            Ok(()) => {
                // The new file says itself how much of it is durable, until the next checkpoint does.
                state.flushed = CommitPosition::default();
                Ok(())
            }
            // Once it may have another name, nobody knows which file a restart finds.
            Err(error) if error.retry() && !is_failed_sync(&error) && !is_failed_rename(&error) => Err(error),
            Err(error) => Err(self.fail(error)),
        }
    }
}

/// Whether what the disk holds is unknown since then.
pub(crate) fn is_failed_sync(error: &LogError) -> bool {
    matches!(error, LogError::Io { action, .. } if action.starts_with("sync"))
}

fn is_failed_rename(error: &LogError) -> bool {
    matches!(error, LogError::Io { action: "rename", .. })
}
