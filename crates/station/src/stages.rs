//! Makes the stages of a project ready to run: their topics, their counters, and what each does on its thread.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use millrace_engine::run::{FileNames, QueryRunner, RunOptions};
use millrace_flow::{
    Clock, ErrorKind, Offset, Result, Sink, Source, SourceContext, StageError, StageKind, StageStatus, Stop,
    SystemClock, TopicSpec,
};
use millrace_sink::delta::{DeltaSink, DeltaSinkConfig};
use millrace_sink::sqlite::{ViewTable, Warehouse};
use millrace_sink::{SinkOptions, align, run_sink};
use millrace_source::CsvSource;

use crate::stores::Stores;
use crate::supervisor::Work;
use crate::{Project, StationError, catalog, tables};

/// Event times further ahead of the clock than this do not move a watermark.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 3600);

/// A stage that has not started.
pub(crate) struct Prepared {
    pub(crate) status: Arc<StageStatus>,
    pub(crate) work: Work,
}

/// Makes all topics and prepares all stages, in the catalog's order.
pub(crate) fn prepare(stores: &Stores, stop: &Stop) -> Result<Vec<Prepared>, StationError> {
    let project = &stores.project;
    let mut prepared = Vec::with_capacity(project.catalog.stages.len());
    let mut changed = BTreeSet::new();
    for config in &project.connectors.sources {
        let mut config = config.clone();
        config.backlog_bytes_max = backlog_bytes_max(project);
        config.zone = project.config.timezone.as_deref().and_then(|zone| zone.parse().ok());
        if let Some(error) = create_topics(stores, config.topics())? {
            changed.insert(config.name.clone());
            let status = Arc::new(StageStatus::new(StageKind::Source, &*config.name));
            prepared.push(Prepared { status, work: refusal(error) });
            continue;
        }
        prepared.push(prepare_source(stores, stop, config.name.clone(), CsvSource::new(config)));
    }
    let pool = pool(project)?;
    let log = stores.log.clone();
    let file_names: FileNames = Arc::new(move |topic, file| {
        let commit = log.last_commit(&log.topic(topic)?.spec.writer)?;
        millrace_source::file_names(&commit.cookie).remove(&file)
    });
    let moved = with_moved_times(project);
    for query in &project.program.queries {
        let config = &project.config.engine;
        let options = RunOptions {
            state_dir: project.state_dir(&query.name),
            pool: pool.clone(),
            epoch_min: config.epoch_min,
            epoch_max: config.epoch_max,
            state_bytes_max: config.state_bytes_max,
            file_names: file_names.clone(),
            ahead_max: (!moved.contains(&*query.name)).then_some(AHEAD_MAX),
        };
        let status = Arc::new(StageStatus::new(StageKind::Query, &*query.name));
        let mut runner = QueryRunner::new(query.clone(), stores.log.clone(), options, status.clone());
        if let Some(error) = create_topics(stores, runner.topics())? {
            changed.insert(query.name.to_string());
            prepared.push(Prepared { work: refusal(error), status });
            continue;
        }
        let stop = stop.clone();
        prepared.push(Prepared { status, work: Box::new(move || runner.run(&stop)) });
    }
    let warehouse = stores.warehouse.as_ref().expect("what runs has a warehouse");
    let tables = tables::of(&project.program);
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    warehouse.retain(&names)?;
    let tables = tables.into_iter().map(|table| Target::Table(warehouse.clone(), table));
    let lakes = project.connectors.sinks.iter().map(|config| Target::Lake(config.clone()));
    for target in tables.chain(lakes) {
        prepared.push(if changed.contains(target.topic()) {
            let error =
                format!("`{0}` has other columns now than its topic; what is wrong stands at `{0}`", target.topic());
            let status = StageStatus::new(StageKind::Sink, target.name());
            Prepared { status: Arc::new(status), work: refusal(StageError::user(error)) }
        } else {
            prepare_sink(stores, stop, target)
        });
    }
    Ok(prepared)
}

/// Makes the topics of a stage, or tells why they cannot be what they were: that fails the stage, and not the program.
fn create_topics(stores: &Stores, topics: Vec<TopicSpec>) -> Result<Option<StageError>> {
    for topic in topics {
        match stores.log.create_topic(topic) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::User => return Ok(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The queries that read, through others or not, a source that moves the times of its rows: these may run ahead of the clock.
fn with_moved_times(project: &Project) -> BTreeSet<&str> {
    let sources = project.connectors.sources.iter().filter(|source| source.rebase);
    let mut moved: BTreeSet<&str> = sources.map(|source| source.name.as_str()).collect();
    loop {
        let known = moved.len();
        for query in &project.program.queries {
            if query.inputs.iter().any(|input| moved.contains(&*input.topic)) {
                moved.insert(&query.name);
            }
        }
        if moved.len() == known {
            return moved;
        }
    }
}

/// The work of a stage that cannot begin.
fn refusal(error: StageError) -> Work {
    let text = error.to_string();
    Box::new(move || Err(StageError::user(text.clone())))
}

/// What readers may be behind before a source waits: what still lies in the tail cache as columns, with room to spare.
fn backlog_bytes_max(project: &Project) -> u64 {
    project.config.log.tail_cache_bytes as u64 / 4 * 3
}

fn prepare_source(stores: &Stores, stop: &Stop, name: String, mut source: CsvSource) -> Prepared {
    let status = Arc::new(StageStatus::new(StageKind::Source, name));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let context = SourceContext { log: stores.log.clone(), stop: stop.clone(), clock, status: status.clone() };
    Prepared { status, work: Box::new(move || source.run(&context)) }
}

/// The threads that queries share.
fn pool(project: &Project) -> Result<Arc<rayon::ThreadPool>, StationError> {
    let threads = project.config.engine.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("engine-{n}")).build();
    let failed = |error: rayon::ThreadPoolBuildError| StationError::Thread {
        what: "the engine's threads".to_owned(),
        source: std::io::Error::other(error),
    };
    Ok(Arc::new(pool.map_err(failed)?))
}

/// Where a sink writes.
enum Target {
    Table(Arc<Warehouse>, ViewTable),
    Lake(DeltaSinkConfig),
}

impl Target {
    fn name(&self) -> &str {
        match self {
            Self::Table(_, table) => &table.name,
            Self::Lake(config) => &config.name,
        }
    }

    fn topic(&self) -> &str {
        match self {
            Self::Table(_, table) => &table.topic,
            Self::Lake(config) => &config.topic,
        }
    }

    fn options(&self) -> SinkOptions {
        match self {
            Self::Table(..) => SinkOptions::default(),
            Self::Lake(config) => config.sink_options(),
        }
    }

    fn open(&self) -> Result<Box<dyn Sink>> {
        Ok(match self {
            Self::Table(warehouse, table) => Box::new(warehouse.sink(table)?),
            Self::Lake(config) => Box::new(DeltaSink::open(config.clone())?),
        })
    }
}

/// Opens a sink and brings it back to where its topic ends, before anybody appends to that. One that cannot be opened is
/// opened on its thread, where its error is shown and it may be tried again.
fn prepare_sink(stores: &Stores, stop: &Stop, target: Target) -> Prepared {
    let status = Arc::new(StageStatus::new(StageKind::Sink, target.name()));
    let reader = catalog::id(StageKind::Sink, target.name());
    // A sink that opens only later is cut back to the same ends, or it would miss what was written again since.
    let ends = stores.log.topic(target.topic()).map_or_else(Vec::new, |topic| topic.ends);
    let mut sink = open_aligned(&target, &reader, &ends).ok();
    let (log, stop, theirs, options) = (stores.log.clone(), stop.clone(), status.clone(), target.options());
    let work = move || {
        let open = match &mut sink {
            Some(open) => open,
            None => sink.insert(open_aligned(&target, &reader, &ends)?),
        };
        run_sink(open.as_mut(), target.topic(), &reader, log.as_ref(), &stop, &theirs, &options)
    };
    Prepared { status, work: Box::new(work) }
}

fn open_aligned(target: &Target, reader: &str, ends: &[Offset]) -> Result<Box<dyn Sink>> {
    let mut sink = target.open()?;
    align(sink.as_mut(), reader, ends)?;
    Ok(sink)
}
