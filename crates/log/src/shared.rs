//! What the log, its writers and its flusher share.
//!
//! Locks, in the order in which they are taken: `closed` for reading, `creating`, `compacting`, `flushing`, then the commit log's, then
//! `visible`, then a partition's, then the cache's. Whoever holds a later one takes no earlier one.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use millrace_flow::{Commit, Epoch, Signal};
use millrace_schema::Registry;

use crate::checkpoint::Checkpoint;
use crate::commits::{CommitLog, CommitPosition, CommitRecord};
use crate::journal::Journals;
use crate::lock::FolderLock;
use crate::tail_cache::TailCache;
use crate::topic::Topic;
use crate::{Disk, FlushMode, LogConfig, LogError, Machine};

/// An open log.
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) config: LogConfig,
    pub(crate) machine: Machine,
    /// Missing in a log that is open for reading only, as is `commits`.
    pub(crate) registry: Option<Arc<Registry>>,
    pub(crate) commits: Option<CommitLog>,
    pub(crate) topics: RwLock<BTreeMap<Arc<str>, Arc<Topic>>>,
    /// Moves when a topic is created.
    pub(crate) topics_version: AtomicU64,
    pub(crate) writers: Mutex<HashMap<Arc<str>, Arc<WriterSlot>>>,
    pub(crate) cache: TailCache,
    pub(crate) signal: Signal,
    /// Moves whenever more of what clients have appended can be read, and whenever a topic of theirs comes or goes.
    pub(crate) clients_signal: Signal,
    /// Clients have appended since the last flush.
    pub(crate) clients_wrote: AtomicBool,
    /// What the server of clients remembers is flushed with the rest.
    pub(crate) journals: Journals,
    /// Held for writing while the ends of one commit move, for reading while ends are read.
    pub(crate) visible: RwLock<()>,
    leader_epoch: i32,
    /// Held for reading by everything that changes files, so that closing waits for it.
    pub(crate) closed: RwLock<bool>,
    pub(crate) creating: Mutex<()>,
    pub(crate) flushing: Mutex<FlushState>,
    /// Held by whoever compacts.
    pub(crate) compacting: Mutex<()>,
    pub(crate) flushes: AtomicU64,
    pub(crate) cached_reads: AtomicU64,
    pub(crate) disk_reads: AtomicU64,
    pub(crate) failure: OnceLock<Arc<str>>,
    /// Files that no commit up to now needs, to be removed once these commits are on the disk.
    discarded: Mutex<Vec<PathBuf>>,
    pub(crate) _lock: Option<FolderLock>,
}

/// What the last flush came to.
pub(crate) struct FlushState {
    /// All commits before this place are durable.
    pub(crate) flushed: CommitPosition,
    /// What says so on the disk.
    pub(crate) checkpoint: Checkpoint,
    /// A killed process may have left unsynced files that nobody here knows of: the next flush syncs everything.
    pub(crate) sync_filesystem: bool,
}

/// One writer, open or not.
#[derive(Debug, Default)]
pub(crate) struct WriterSlot {
    pub(crate) open: AtomicBool,
    pub(crate) last: Mutex<Option<Commit>>,
    attached: Mutex<Vec<Arc<File>>>,
}

/// What was found in the folder.
pub(crate) struct Opened {
    pub(crate) commits: Option<CommitLog>,
    pub(crate) topics: BTreeMap<Arc<str>, Arc<Topic>>,
    /// The last commit of each writer.
    pub(crate) last: HashMap<Arc<str>, CommitRecord>,
    pub(crate) cache: TailCache,
    pub(crate) flushing: FlushState,
}

impl Shared {
    /// A log with what was found in `dir`; without a registry it is open for reading only.
    pub(crate) fn new(
        dir: &Path,
        config: LogConfig,
        machine: Machine,
        registry: Option<Arc<Registry>>,
        opened: Opened,
        lock: Option<FolderLock>,
    ) -> Arc<Self> {
        let Opened { commits, topics, last, cache, flushing } = opened;
        let leader_epoch = flushing.checkpoint.leader_epoch;
        let slot = |record: CommitRecord| {
            let CommitRecord { writer, epoch, cookie, sealed, .. } = record;
            (writer, Arc::new(WriterSlot::with_last(Commit { epoch: Epoch(epoch), cookie, sealed })))
        };
        Arc::new(Self {
            dir: dir.to_owned(),
            config,
            machine,
            registry,
            commits,
            topics: RwLock::new(topics),
            topics_version: AtomicU64::new(0),
            writers: Mutex::new(last.into_values().map(slot).collect()),
            cache,
            signal: Signal::default(),
            clients_signal: Signal::default(),
            clients_wrote: AtomicBool::new(false),
            journals: Journals::default(),
            visible: RwLock::new(()),
            leader_epoch,
            closed: RwLock::new(false),
            creating: Mutex::new(()),
            flushing: Mutex::new(flushing),
            compacting: Mutex::new(()),
            flushes: AtomicU64::new(0),
            cached_reads: AtomicU64::new(0),
            disk_reads: AtomicU64::new(0),
            failure: OnceLock::new(),
            discarded: Mutex::default(),
            _lock: lock,
        })
    }

    /// Lets the caller change files while it holds what it is given.
    pub(crate) fn enter(&self) -> Result<RwLockReadGuard<'_, bool>, LogError> {
        if self.commits.is_none() {
            return Err(LogError::ReadOnly);
        }
        self.check_in_service()?;
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        if *closed { Err(LogError::Closed) } else { Ok(closed) }
    }

    /// Refuses once a sync has failed.
    pub(crate) fn check_in_service(&self) -> Result<(), LogError> {
        match self.failure.get() {
            Some(reason) => Err(LogError::OutOfService { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Takes the log out of service: what the disk holds is unknown from here on, and trying again does not tell.
    pub(crate) fn fail(&self, error: LogError) -> LogError {
        tracing::error!(%error, "log goes out of service");
        // A second failure adds nothing to the first.
        let _ = self.failure.set(Arc::from(error.to_string()));
        self.journals.abandon();
        self.signal.notify();
        error
    }

    /// The commit log of a log that is open for writing.
    pub(crate) fn commits(&self) -> Result<&CommitLog, LogError> {
        self.commits.as_ref().ok_or(LogError::ReadOnly)
    }

    /// How files are changed.
    pub(crate) fn disk(&self) -> &dyn Disk {
        self.machine.disk.as_ref()
    }

    /// Whether a commit is on the disk when it returns.
    pub(crate) fn commits_are_durable(&self) -> bool {
        self.config.flush == FlushMode::Commit
    }

    /// The epoch in which clients append now.
    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// The topic of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All topics, by name.
    pub(crate) fn all_topics(&self) -> Vec<Arc<Topic>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The slot of a writer; an empty one when it was never heard of.
    pub(crate) fn writer_slot(&self, id: &str) -> Arc<WriterSlot> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.entry(Arc::from(id)).or_default().clone()
    }

    /// Has `files` removed after the next flush.
    pub(crate) fn discard(&self, files: Vec<PathBuf>) {
        self.discarded().extend(files);
    }

    /// The files to be removed after the next flush.
    pub(crate) fn discarded(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.discarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its turn to flush.
    pub(crate) fn flushing(&self) -> MutexGuard<'_, FlushState> {
        self.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriterSlot {
    /// A writer with this last commit.
    pub(crate) fn with_last(last: Commit) -> Self {
        Self { last: Mutex::new(Some(last)), ..Self::default() }
    }

    /// The last commit.
    pub(crate) fn last(&self) -> Option<Commit> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn attached(&self) -> MutexGuard<'_, Vec<Arc<File>>> {
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `file` synced with every flush as long as the writer holds it, and once more after that.
    pub(crate) fn attach(&self, file: Arc<File>) {
        let mut attached = self.attached();
        if !attached.iter().any(|known| Arc::ptr_eq(known, &file)) {
            attached.push(file);
        }
    }

    /// Syncs the attached files.
    pub(crate) fn sync_attached(&self, disk: &dyn Disk) -> std::io::Result<()> {
        // When nobody else holds a file any more, what is in it now is all that will ever be in it.
        let (last, kept): (Vec<_>, Vec<_>) = {
            let attached = self.attached();
            let complete: Vec<bool> = attached.iter().map(|file| Arc::strong_count(file) == 1).collect();
            attached.iter().cloned().zip(complete).partition(|(_, complete)| *complete)
        };
        for (file, _) in last.iter().chain(&kept) {
            disk.sync(file)?;
        }
        self.attached().retain(|file| !last.iter().any(|(done, _)| Arc::ptr_eq(done, file)));
        Ok(())
    }
}
