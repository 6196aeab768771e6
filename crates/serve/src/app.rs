//! What every handler shares: the station, and the lanes that keep work that blocks off the threads that answer.
//!
//! Invariant: at most [`READS_MAX`] reads and [`QUESTIONS_MAX`] questions run at once; whoever comes then waits, and is told
//! that the server is busy when that takes longer than [`LANE_WAIT`].

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use millrace_flow::{Clock, Log, StageStatus, Stop, SystemClock};
use millrace_station::Station;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::collector::{Figures, HttpMetrics};
use crate::{ServeError, ServeOptions};

/// Reads of log and warehouse at once: each holds a thread and some megabytes while it runs.
const READS_MAX: usize = 16;

/// Questions in SQL at once: each may take all it is allowed of memory.
const QUESTIONS_MAX: usize = 2;

/// Downloads of whole views at once: each holds a thread, a connection of the warehouse and a snapshot of its file.
const EXPORTS_MAX: usize = 8;

/// How long a request waits for its turn.
const LANE_WAIT: Duration = Duration::from_secs(10);

/// The handle that handlers take.
pub(crate) type Shared = State<Arc<App>>;

/// Which bound a piece of blocking work counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Short: a page of rows, some records.
    Reads,
    /// Long: SQL that somebody typed.
    Questions,
}

/// What every handler shares.
pub(crate) struct App {
    pub(crate) station: Arc<Station>,
    pub(crate) options: ServeOptions,
    pub(crate) http: HttpMetrics,
    pub(crate) stop: Stop,
    pub(crate) started_at_ms: i64,
    feeds: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(station: Arc<Station>, options: ServeOptions, stop: Stop) -> Arc<Self> {
        Arc::new(Self {
            station,
            http: HttpMetrics::default(),
            stop,
            started_at_ms: SystemClock.now_ms(),
            feeds: Arc::new(Semaphore::new(options.live_feeds_max)),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            options,
        })
    }

    /// Runs `work` on a thread that may block, when its lane has room.
    pub(crate) async fn blocking<T, F>(&self, lane: Lane, work: F) -> Result<T, ServeError>
    where
        T: Send + 'static,
        F: FnOnce(&Station) -> Result<T, ServeError> + Send + 'static,
    {
        let lane = match lane {
            Lane::Reads => &self.reads,
            Lane::Questions => &self.questions,
        };
        let turn = timeout(LANE_WAIT, lane.clone().acquire_owned()).await.map_err(|_| ServeError::Busy)?;
        let station = self.station.clone();
        // The permit moves along: work goes on when its request is gone, and keeps its place until it ends.
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&station)
        });
        task.await.map_err(|error| ServeError::Bug(error.to_string()))?
    }

    /// As [`App::blocking`] in the lane of short reads.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, ServeError>
    where
        T: Send + 'static,
        F: FnOnce(&Station) -> Result<T, ServeError> + Send + 'static,
    {
        self.blocking(Lane::Reads, work).await
    }

    /// A place among the downloads, for as long as the answer lives.
    pub(crate) fn open_export(&self) -> Result<OwnedSemaphorePermit, ServeError> {
        self.exports.clone().try_acquire_owned().map_err(|_| ServeError::Busy)
    }

    /// A place among the live feeds, for as long as the answer lives.
    pub(crate) fn open_feed(self: &Arc<Self>) -> Result<OpenFeed, ServeError> {
        let full = |_| ServeError::LiveFull { max: self.options.live_feeds_max };
        let slot = self.feeds.clone().try_acquire_owned().map_err(full)?;
        self.http.live_feeds.inc();
        Ok(OpenFeed { app: self.clone(), _slot: slot })
    }
}

/// A live feed that is open.
pub(crate) struct OpenFeed {
    pub(crate) app: Arc<App>,
    _slot: OwnedSemaphorePermit,
}

impl Drop for OpenFeed {
    fn drop(&mut self) {
        self.app.http.live_feeds.dec();
    }
}

impl Figures for Arc<Station> {
    fn stages(&self) -> Vec<Arc<StageStatus>> {
        Station::stages(self)
    }

    fn log(&self) -> &Arc<dyn Log> {
        Station::log(self)
    }

    fn idle_partitions(&self) -> Vec<(String, Vec<bool>)> {
        Station::idle_partitions(self)
    }

    fn offline_partitions(&self) -> Vec<(String, Vec<bool>)> {
        Station::offline_partitions(self)
    }
}
