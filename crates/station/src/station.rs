//! A project that runs.
//!
//! Order of starting: the log is opened (which takes the data folder's lock), all topics are made, sinks are brought back to
//! where their topics end, and only then does anything append. Order of stopping: everybody is asked, everybody is waited for,
//! then the log is closed; what was taken in by then is committed, and what sinks hold is flushed.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millrace_broker::Broker;
use millrace_engine::ask::{Answer, AskError, Limits};
use millrace_flow::{Clock, Log, Phase, StageKind, StageStatus, Stop, SystemClock, TopicInfo, TopicPartition};
use millrace_log::EmbeddedLog;
use millrace_schema::Registry;
use millrace_sink::sqlite::Warehouse;
use millrace_source::Pace;

use crate::model::{
    Counts, Dashboard, EventTime, Health, HealthProblem, HealthStatus, LedgerLine, Message, MessagesPage,
    MessagesQuery, Pipeline, Query, Replay, SearchQuery, Topic, View,
};
use crate::pipeline::{Facts, topic_id};
use crate::sampler::{self, LONG, Rates};
use crate::search::TopicSearch;
use crate::stages::{self, Prepared};
use crate::standing::{Standings, passed_by_all};
use crate::stores::Stores;
use crate::supervisor::Supervisor;
use crate::{
    Project, StationError, ask, catalog, dashboard, last_run, ledger, messages, model, pipeline, queries, topics, views,
};

/// After so long without anything new memory is given back.
const QUIET_FOR: Duration = Duration::from_secs(10);

/// Time between two looks whether everything is done.
const DONE_INTERVAL: Duration = Duration::from_millis(10);

/// How a bounded run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every source was read to its end, and everything is committed.
    Done,
    /// Somebody asked to stop before.
    Stopped,
    /// Some stages failed, and everything that does not wait for them is done: name and error of each.
    Failed(Vec<(String, String)>),
}

/// A project that runs.
pub struct Station {
    stores: Stores,
    /// One a stage, in the catalog's order.
    statuses: Vec<Arc<StageStatus>>,
    supervisor: Supervisor,
    rates: Arc<Rates>,
    standings: Standings,
    sampler: Mutex<Option<JoinHandle<()>>>,
    stop: Stop,
    started_at_ms: i64,
    first_event_ms: OnceLock<i64>,
    /// There where clients of Kafka are served.
    broker: OnceLock<Arc<Broker>>,
    quiet: Mutex<Quiet>,
}

/// Since when nothing has happened.
struct Quiet {
    /// How often the log had moved by then.
    moves: u64,
    since: Instant,
    is_released: bool,
}

impl Station {
    /// Starts everything that a project declares.
    ///
    /// # Errors
    /// When the data folder is in use or cannot be used, or a topic is not what it was. A stage that cannot start is no such
    /// error: it shows as failed.
    pub fn start(project: Project) -> Result<Arc<Self>, StationError> {
        let stores = Stores::open(Arc::new(project))?;
        // Whatever becomes of this run, it is not what was told of the one before.
        last_run::forget(&stores.project.config.data_dir)?;
        let stop = Stop::default();
        let prepared = stages::prepare(&stores, &stop)?;
        let (statuses, works): (Vec<_>, Vec<_>) =
            prepared.into_iter().map(|Prepared { status, work }| (status, work)).unzip();
        let station = Arc::new(Self {
            supervisor: Supervisor::new(stop.clone()),
            stores,
            statuses,
            rates: Arc::default(),
            standings: Standings::default(),
            sampler: Mutex::default(),
            stop,
            started_at_ms: SystemClock.now_ms(),
            first_event_ms: OnceLock::new(),
            broker: OnceLock::new(),
            quiet: Mutex::new(Quiet { moves: 0, since: Instant::now(), is_released: false }),
        });
        for (status, work) in station.statuses.iter().zip(works) {
            if let Err(error) = station.supervisor.start(status.clone(), work) {
                station.stop()?;
                return Err(error);
            }
        }
        station.start_sampler()?;
        Ok(station)
    }

    /// Stops everything, waits for it, and closes the log. Stopping again does nothing.
    ///
    /// # Errors
    /// When the log cannot be closed cleanly; the next start recovers then.
    pub fn stop(&self) -> Result<(), StationError> {
        self.stop.stop();
        // Whoever waits for the log to move looks around and sees that it is over.
        self.stores.log.signal().notify();
        self.supervisor.join();
        let sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner).take();
        if sampler.is_some_and(|sampler| sampler.join().is_err()) {
            tracing::error!("the sampler panicked");
        }
        if let Err(error) = last_run::write(&self.project().config.data_dir, &self.health().problems) {
            tracing::warn!(%error, "what had failed is not kept");
        }
        Ok(self.stores.embedded.close()?)
    }

    /// Gives back memory that only what comes in needs, once nothing has for ten seconds; says whether it did.
    pub fn release_memory_if_quiet(&self) -> bool {
        let embedded = &self.stores.embedded;
        let moves = self.stores.log.signal().version() + embedded.clients_signal().version();
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        if quiet.moves != moves {
            *quiet = Quiet { moves, since: Instant::now(), is_released: false };
        }
        if quiet.is_released || quiet.since.elapsed() < QUIET_FOR {
            return false;
        }
        quiet.is_released = true;
        embedded.clear_tail_cache();
        true
    }

    /// Whether every source was read to its end and everything is committed.
    pub fn is_done(&self) -> bool {
        self.statuses.iter().all(|status| status.phase() == Phase::Done)
    }

    /// Waits until everything is done that can be.
    pub fn wait_done(&self) -> Outcome {
        loop {
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
            self.stop.wait_until(Instant::now() + DONE_INTERVAL);
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        if self.is_done() {
            return Some(Outcome::Done);
        }
        if self.stop.is_stopped() {
            return Some(Outcome::Stopped);
        }
        let failed = self.supervisor.failed();
        if failed.is_empty() {
            return None;
        }
        let catalog = &self.project().catalog;
        let waiting = catalog.downstream(&failed);
        let mut others = catalog.stages.iter().zip(&self.statuses).filter(|(stage, _)| !waiting.contains(&stage.id()));
        if !others.all(|(_, status)| status.phase() == Phase::Done) {
            return None;
        }
        let error_of = |id: &String| {
            let status = self.statuses.iter().find(|status| catalog::id(status.kind, &status.name) == *id);
            status.and_then(|status| status.error()).unwrap_or_default()
        };
        Some(Outcome::Failed(failed.iter().map(|id| (id.clone(), error_of(id))).collect()))
    }

    /// Where the statement of a stage is, `views.sql:12`, by the name that [`Outcome::Failed`] has.
    pub fn place(&self, id: &str) -> Option<String> {
        let program = &self.project().program;
        let statement = match id.split_once(':')? {
            ("source", name) => program.sources.iter().find(|def| *def.name == *name).map(|def| &def.statement),
            (_, name) => {
                let sink = program.sinks.iter().find(|def| *def.name == *name).map(|def| &def.statement);
                sink.or_else(|| program.views.iter().find(|def| *def.name == *name).map(|def| &def.statement))
            }
        }?;
        Some(format!("{}:{}", statement.file, statement.line))
    }

    /// The stages: sources, queries, sinks.
    pub fn stages(&self) -> Vec<Arc<StageStatus>> {
        self.statuses.clone()
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.stores.log
    }

    /// The log, as the one kept in a folder of this machine.
    pub fn embedded_log(&self) -> &Arc<EmbeddedLog> {
        &self.stores.embedded
    }

    /// The schemas of all topics.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.stores.registry
    }

    /// The rows of materialized views.
    pub fn warehouse(&self) -> &Arc<Warehouse> {
        self.stores.warehouse.as_ref().expect("a station is only made with a warehouse")
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.stores.project
    }

    /// The views, in the order of the statements.
    pub fn views(&self) -> Vec<View> {
        views::list(self.project(), |view| self.stores.count(view))
    }

    /// Clients of Kafka are served by this broker, once and for all.
    pub fn serve_clients_by(&self, broker: Arc<Broker>) {
        let _ = self.broker.set(broker);
    }

    /// Who serves clients of Kafka, if anybody does.
    pub(crate) fn broker(&self) -> Option<&Arc<Broker>> {
        self.broker.get()
    }

    /// Where everything is kept.
    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The queries, each after those it reads.
    pub fn queries(&self) -> Vec<Query> {
        let facts = self.facts();
        let stages =
            facts.catalog.stages.iter().zip(&self.statuses).filter(|(stage, _)| stage.kind == StageKind::Query);
        let plans = &self.project().program.queries;
        let query = |((stage, status), plan): ((&catalog::Stage, &Arc<StageStatus>), _)| {
            queries::query(plan, stage, status, &facts)
        };
        stages.zip(plans.iter().map(Arc::as_ref)).map(query).collect()
    }

    /// The topics, by name.
    pub fn topics(&self) -> Vec<Topic> {
        let facts = self.facts();
        let topic = |info| topics::topic(&self.stores, info, facts.readers(info), &self.standings.idle(info));
        facts.topics.values().map(topic).collect()
    }

    /// The partitions of every topic that are idle: nothing came for long although more may come.
    pub fn idle_partitions(&self) -> Vec<(String, Vec<bool>)> {
        let idle = |info: TopicInfo| (info.spec.name.to_string(), self.standings.idle(&info));
        self.stores.log.topics().into_iter().map(idle).collect()
    }

    /// The partitions of every topic that cannot be used.
    pub fn offline_partitions(&self) -> Vec<(String, Vec<bool>)> {
        let offline = |info: TopicInfo| {
            let partitions =
                (0..info.spec.partitions).map(|number| TopicPartition::new(info.spec.name.clone(), number));
            let offline = partitions.map(|partition| self.stores.embedded.is_offline(&partition)).collect();
            (info.spec.name.to_string(), offline)
        };
        self.stores.log.topics().into_iter().map(offline).collect()
    }

    /// All stages and topics as one picture.
    pub fn pipeline(&self) -> Pipeline {
        pipeline::draw(&self.facts())
    }

    /// Where every row went.
    pub fn ledger(&self) -> Vec<LedgerLine> {
        ledger::lines(&self.project().catalog, &self.statuses)
    }

    /// What the first page shows.
    pub fn dashboard(&self) -> Dashboard {
        let config = &self.project().config;
        let views = views::list(self.project(), |_| None);
        dashboard::derive(&config.dashboard, &views, config.currency.as_deref())
    }

    /// How the stages are.
    pub fn health(&self) -> Health {
        let gave_up = self.supervisor.failed();
        let mut problems = Vec::new();
        for stage in &self.statuses {
            let id = catalog::id(stage.kind, &stage.name);
            if let Some(message) = stage.warning() {
                problems.push(HealthProblem { stage: id.clone(), status: HealthStatus::Degraded, message });
            }
            let Some(message) = stage.error() else { continue };
            let status = if gave_up.contains(&id) { HealthStatus::Failed } else { HealthStatus::Degraded };
            problems.push(HealthProblem { stage: id, status, message });
        }
        if let Some(failure) = self.stores.embedded.failure() {
            let (stage, message) = ("log".to_owned(), failure.to_string());
            problems.push(HealthProblem { stage, status: HealthStatus::Failed, message });
        }
        for message in self.stores.embedded.troubles() {
            problems.push(HealthProblem { stage: "log".to_owned(), status: HealthStatus::Degraded, message });
        }
        problems.sort_by_key(|problem| Reverse(problem.status));
        let status = problems.iter().map(|problem| problem.status).max().unwrap_or(HealthStatus::Ok);
        let ready = self.statuses.iter().all(|stage| stage.phase() != Phase::Starting);
        Health { status, ready, problems }
    }

    /// Answers a question in SQL.
    ///
    /// # Errors
    /// When the question is wrong or exceeds the limits.
    pub fn ask(&self, sql: &str, limits: Limits) -> Result<Answer, AskError> {
        ask::ask(&self.stores, sql, limits)
    }

    /// Messages of a topic.
    ///
    /// # Errors
    /// When there is no such topic, or the question cannot be understood.
    pub fn messages(&self, topic: &str, query: &MessagesQuery) -> Result<MessagesPage, StationError> {
        messages::find(&self.stores, topic, query)
    }

    /// Begins a search through a topic.
    ///
    /// # Errors
    /// When there is no such topic, or the question cannot be understood.
    pub fn search(&self, topic: &str, query: &SearchQuery) -> Result<TopicSearch, StationError> {
        TopicSearch::begin(&self.stores, topic, query)
    }

    /// Goes on with a search for a moment, and answers what was found in it; its progress says whether it is through.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn go_on(&self, search: &mut TopicSearch) -> Result<Vec<Message>, StationError> {
        search.go_on(&self.stores)
    }

    /// What runs here.
    pub fn project_info(&self) -> model::Project {
        let project = self.project();
        let config = &project.config;
        let count = |kind: StageKind| self.statuses.iter().filter(|status| status.kind == kind).count();
        model::Project {
            name: config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at_ms: self.started_at_ms,
            timezone: config.timezone.clone(),
            currency: config.currency.clone(),
            empty: project.is_empty(),
            data_dir: config.data_dir.display().to_string(),
            event_time: self.event_time(),
            replay: self.replay(),
            counts: Counts {
                sources: count(StageKind::Source),
                views: project.program.views.len(),
                queries: count(StageKind::Query),
                sinks: count(StageKind::Sink),
                topics: self.stores.log.topics().len(),
            },
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts::gather(&self.project().catalog, &self.statuses, self.stores.log.as_ref(), &self.rates, &self.standings)
    }

    fn sources(&self) -> impl Iterator<Item = &Arc<StageStatus>> {
        self.statuses.iter().filter(|status| status.kind == StageKind::Source)
    }

    /// From the first record of the sources' topics to the greatest event time any of them has seen.
    fn event_time(&self) -> Option<EventTime> {
        let newest = self.sources().filter_map(|status| status.newest_event_ms());
        let max_ms = newest.max()?;
        let first = match self.first_event_ms.get() {
            Some(first) => *first,
            None => {
                let first = self.first_event()?;
                *self.first_event_ms.get_or_init(|| first)
            }
        };
        Some(EventTime { min_ms: first.min(max_ms), max_ms })
    }

    fn first_event(&self) -> Option<i64> {
        let log = &self.stores.log;
        let topics = self.sources().filter_map(|status| log.topic(&status.name)).collect::<Vec<_>>();
        let first_of = |partition, start| {
            let fetched = log.read(&partition, start, 1).ok()?;
            fetched.first().and_then(|fetched| arrow::compute::min(&fetched.batch.times_ms))
        };
        let firsts = topics.iter().flat_map(|info| {
            info.partitions().zip(&info.starts).filter_map(|(partition, start)| first_of(partition, *start))
        });
        firsts.min()
    }

    fn replay(&self) -> Replay {
        let is_behind = |status: &&Arc<StageStatus>| {
            let total = status.bytes_total.load(Ordering::Relaxed);
            let works = matches!(status.phase(), Phase::Running | Phase::Held);
            works && total > 0 && status.bytes_read.load(Ordering::Relaxed) < total
        };
        let sources = &self.project().connectors.sources;
        let speed_of = |status: &Arc<StageStatus>| match sources.iter().find(|config| config.name == status.name)?.pace
        {
            // Between two events nothing moves, and the replay goes on all the same.
            Pace::EventTime(speed) => Some(speed),
            Pace::Fast => self.rates.per_second(&event_counter(status), LONG),
        };
        let behind: Vec<_> = self.sources().filter(is_behind).collect();
        let speed = behind.iter().filter_map(|status| speed_of(status)).max_by(f64::total_cmp);
        Replay { active: !behind.is_empty(), speed: speed.filter(|speed| *speed > 0.0).map(calm) }
    }

    fn start_sampler(self: &Arc<Self>) -> Result<(), StationError> {
        let station = Arc::downgrade(self);
        let stop = self.stop.clone();
        let started = Instant::now();
        let body = move || {
            while let Some(station) = station.upgrade() {
                station.sample(started.elapsed());
                drop(station);
                if stop.wait_until(Instant::now() + sampler::INTERVAL) {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("sampler".to_owned()).spawn(body);
        let thread = thread.map_err(|source| StationError::Thread { what: "the sampler".to_owned(), source })?;
        *self.sampler.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    fn sample(&self, at: Duration) {
        for status in &self.statuses {
            self.rates.record(&catalog::id(status.kind, &status.name), at, status.ledger().read as f64);
            if let Some(event_ms) = status.newest_event_ms() {
                self.rates.record(&event_counter(status), at, event_ms as f64 / 1e3);
            }
        }
        for info in self.stores.log.topics() {
            self.rates.record(&topic_id(&info.spec.name), at, passed_by_all(&info) as f64);
            self.standings.look(self.stores.log.as_ref(), &info, at);
        }
    }
}

/// A speed as it is read: whole, but for those of which that would leave little.
fn calm(speed: f64) -> f64 {
    if speed < 10.0 { (speed * 10.0).round() / 10.0 } else { speed.round() }
}

/// The counter of a stage's event time, in seconds.
fn event_counter(status: &StageStatus) -> String {
    format!("event:{}", catalog::id(status.kind, &status.name))
}
