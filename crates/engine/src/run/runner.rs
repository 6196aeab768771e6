//! The loop of a query: fetch, work, commit, wait.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use millrace_flow::{Clock, Ledger, Log, LogWriter, Phase, StageStatus, Stop, SystemClock, TopicKind, TopicSpec};

use super::cookie::Cookie;
use super::epoch::Work;
use super::error::EngineError;
use super::input::{InputState, Taken};
use super::rejects::{dead_letter_schema, late_schema};
use super::snapshot::SnapshotFile;
use super::watermark::combine;
use crate::plan::Query;

/// A query with nothing to wait for looks around at least this often, so that a stop or a clock is never missed for long.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The path of a file by the topic its records are in and the number they carry.
pub type FileNames = Arc<dyn Fn(&str, u32) -> Option<String> + Send + Sync>;

/// What queries run with.
#[derive(Clone)]
pub struct RunOptions {
    /// Folder of the query's own snapshot files.
    pub state_dir: PathBuf,
    /// Threads that share the stateless part of the work.
    pub pool: Arc<rayon::ThreadPool>,
    /// No two commits are closer together than this.
    pub epoch_min: Duration,
    /// Under full load a commit comes this long after the one before.
    pub epoch_max: Duration,
    /// Bytes of state at which the query stops.
    pub state_bytes_max: usize,
    /// What rejected rows are told to come from.
    pub file_names: FileNames,
    /// Event times further ahead of the clock than this do not move a watermark: one wrong clock would make all other rows
    /// late. Nothing where a source moves the times of its rows, which may run ahead of the clock.
    pub ahead_max: Option<Duration>,
}

/// Runs one query.
pub struct QueryRunner {
    query: Arc<Query>,
    log: Arc<dyn Log>,
    options: RunOptions,
    status: Arc<StageStatus>,
}

/// A query as its last commit left it, before its state is taken back.
struct Begun {
    writer: Box<dyn LogWriter>,
    inputs: Vec<InputState>,
    cookie: Cookie,
    was_sealed: bool,
}

impl Begun {
    /// Whether all that will ever come seems to be read and committed: then nobody needs the state any more.
    fn seems_over(&self) -> bool {
        self.was_sealed && self.inputs.iter().all(InputState::seems_finished)
    }
}

/// A query that is open: its state, and what it holds of the log.
struct Open {
    writer: Box<dyn LogWriter>,
    inputs: Vec<InputState>,
    work: Work,
    snapshot: SnapshotFile,
    was_sealed: bool,
}

impl QueryRunner {
    /// A runner for `query`.
    pub fn new(query: Arc<Query>, log: Arc<dyn Log>, options: RunOptions, status: Arc<StageStatus>) -> Self {
        Self { query, log, options, status }
    }

    /// The topics the query writes: its rows, its late rows, its dead letters.
    pub fn topics(&self) -> Vec<TopicSpec> {
        output_topics(&self.query)
    }

    /// Runs until told to stop, or until all inputs have ended and everything is committed.
    ///
    /// # Errors
    /// What [`EngineError`] names; after one that may pass, call it again.
    pub fn run(&mut self, stop: &Stop) -> millrace_flow::Result<()> {
        self.status.set_phase(Phase::Starting);
        let mut begun = self.begin()?;
        while begun.seems_over() {
            if self.end_again(&mut begun, stop) {
                return Ok(());
            }
        }
        let mut open = self.open(begun)?;
        self.publish(&open);
        loop {
            let seen = self.log.signal().version();
            for input in &mut open.inputs {
                input.refresh(self.log.as_ref());
            }
            let started = Instant::now();
            let worked = self.work(&mut open, started, stop)?;
            let finished = open.inputs.iter().all(InputState::is_finished);
            let watermark_us = combine(open.inputs.iter().flat_map(InputState::standings), Instant::now());
            if worked || finished != open.was_sealed || open.work.closes(watermark_us) {
                self.commit(&mut open, watermark_us, finished, started)?;
            }
            if finished {
                open.writer.reseal();
                self.status.set_phase(Phase::Done);
                return Ok(());
            }
            if stop.is_stopped() {
                return Ok(());
            }
            self.rest(&open, worked, seen, started, stop);
        }
    }

    /// Takes the writer and the inputs to where the last commit left them.
    fn begin(&self) -> Result<Begun, EngineError> {
        let query = &self.query;
        let writer = self.log.writer(&format!("query:{}", query.name))?;
        let last = writer.last_commit();
        let cookie = last.map(|commit| Cookie::from_bytes(&query.name, &commit.cookie)).transpose()?;
        if cookie.as_ref().is_some_and(|cookie| cookie.fingerprint != query.fingerprint) {
            return Err(EngineError::Fingerprint { query: query.name.to_string() });
        }
        let open_input = |(index, input)| {
            let at = cookie.as_ref().and_then(|cookie| cookie.inputs.get(index));
            InputState::open(&query.name, input, at, self.log.as_ref())
        };
        let inputs = query.inputs.iter().enumerate().map(open_input).collect::<Result<Vec<_>, _>>()?;
        let was_sealed = last.is_some_and(|commit| commit.sealed);
        let cookie = cookie.unwrap_or_else(|| Cookie::new(query.fingerprint));
        Ok(Begun { writer, inputs, cookie, was_sealed })
    }

    /// Waits for those who write the inputs to say that nothing has come since the last run, or that something has. `true`
    /// when that ends it: it is over, or to be stopped.
    fn end_again(&self, begun: &mut Begun, stop: &Stop) -> bool {
        let seen = self.log.signal().version();
        for input in &mut begun.inputs {
            input.refresh(self.log.as_ref());
        }
        self.publish_over(begun);
        if begun.inputs.iter().all(InputState::is_finished) {
            begun.writer.reseal();
            self.status.set_phase(Phase::Done);
            return true;
        }
        if stop.is_stopped() {
            return true;
        }
        if begun.seems_over() {
            self.status.set_phase(Phase::Idle);
            self.log.signal().wait_until(seen, Instant::now() + WAIT_MAX);
        }
        false
    }

    /// Takes the state back.
    fn open(&self, begun: Begun) -> Result<Open, EngineError> {
        let Begun { mut writer, inputs, cookie, was_sealed } = begun;
        let mut work = Work::new(
            self.query.clone(),
            late_schema(&self.query.late_source_schema()),
            self.options.file_names.clone(),
            self.options.ahead_max,
        )?;
        work.closed_us = cookie.closed_us;
        work.ledger = cookie.ledger;
        work.rows_out = cookie.rows_out;
        let lengths = (cookie.snapshot_bytes, cookie.whole_bytes);
        let mut snapshot = work.restore(&self.options.state_dir, cookie.generation, lengths)?;
        snapshot.files().into_iter().for_each(|file| writer.attach(file));
        writer.discard(snapshot.earlier()?);
        Ok(Open { writer, inputs, work, snapshot, was_sealed })
    }

    /// Rounds of fetching and working until the epoch is old enough or nothing is left; whether there was anything.
    fn work(&self, open: &mut Open, started: Instant, stop: &Stop) -> Result<bool, EngineError> {
        let mut worked = false;
        let mut taken: Vec<Taken> = Vec::new();
        loop {
            for (index, input) in open.inputs.iter_mut().enumerate() {
                input.fetch(index, self.log.as_ref(), &mut taken)?;
            }
            if taken.is_empty() {
                return Ok(worked);
            }
            if !worked {
                self.status.set_phase(Phase::Running);
            }
            worked = true;
            let writer = open.writer.as_mut();
            open.work.take(&taken, &mut open.inputs, writer, &self.options.pool, SystemClock.now_ms())?;
            taken.clear();
            if started.elapsed() >= self.options.epoch_max || stop.is_stopped() {
                return Ok(true);
            }
            for input in &mut open.inputs {
                input.refresh(self.log.as_ref());
            }
        }
    }

    fn commit(&self, open: &mut Open, watermark_us: i64, finished: bool, started: Instant) -> Result<(), EngineError> {
        let generation = open.snapshot.generation();
        let now_ms = SystemClock.now_ms();
        open.work.finish(watermark_us, finished, &mut open.snapshot, open.writer.as_mut(), now_ms)?;
        let bytes = open.work.memory_bytes();
        let budget = self.options.state_bytes_max;
        if bytes > budget {
            return Err(EngineError::StateBudget { query: self.query.name.to_string(), bytes, budget });
        }
        let rewritten = open.snapshot.generation() != generation;
        if rewritten {
            open.snapshot.files().into_iter().for_each(|file| open.writer.attach(file));
        }
        let mut cookie = Cookie::new(self.query.fingerprint);
        cookie.generation = open.snapshot.generation();
        cookie.snapshot_bytes = open.snapshot.length();
        cookie.whole_bytes = open.snapshot.whole_length();
        let topics = self.query.inputs.iter().zip(&open.inputs);
        cookie.inputs = topics.map(|(input, state)| state.cookie(&input.topic)).collect();
        cookie.closed_us = open.work.closed_us;
        cookie.ledger = open.work.ledger;
        cookie.rows_out = open.work.rows_out;
        open.writer.commit(cookie.to_bytes(), finished)?;
        open.was_sealed = finished;
        if rewritten {
            open.writer.discard(open.snapshot.earlier()?);
        }
        for input in &open.inputs {
            input.publish();
        }
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.status.epoch_us.store(micros, Ordering::Relaxed);
        self.status.watermark_ms.store(to_ms(watermark_us), Ordering::Relaxed);
        self.publish(open);
        Ok(())
    }

    /// Waits for something to do, or for the next commit to be due.
    fn rest(&self, open: &Open, worked: bool, seen: u64, started: Instant, stop: &Stop) {
        if worked {
            let due = started + self.options.epoch_min;
            if Instant::now() < due && open.inputs.iter().all(InputState::is_at_end) {
                stop.wait_until(due);
            }
            return;
        }
        self.status.set_phase(Phase::Idle);
        let now = Instant::now();
        let idle_at = open.inputs.iter().filter_map(|input| input.next_idle_at(now)).min();
        let deadline = idle_at.unwrap_or(now + WAIT_MAX).min(now + WAIT_MAX);
        self.log.signal().wait_until(seen, deadline);
    }

    fn publish(&self, open: &Open) {
        self.publish_progress(open.writer.as_ref(), &open.inputs, open.work.ledger, open.work.rows_out);
        let status = &self.status;
        status.state_rows.store(open.work.state_rows() as u64, Ordering::Relaxed);
        status.state_bytes.store(open.work.memory_bytes() as u64, Ordering::Relaxed);
        status.snapshot_bytes.store(open.snapshot.length(), Ordering::Relaxed);
    }

    fn publish_over(&self, begun: &Begun) {
        let cookie = &begun.cookie;
        self.publish_progress(begun.writer.as_ref(), &begun.inputs, cookie.ledger, cookie.rows_out);
        self.status.snapshot_bytes.store(cookie.snapshot_bytes, Ordering::Relaxed);
        let watermark_us = combine(begun.inputs.iter().flat_map(InputState::standings), Instant::now());
        self.status.watermark_ms.store(to_ms(watermark_us), Ordering::Relaxed);
    }

    fn publish_progress(&self, writer: &dyn LogWriter, inputs: &[InputState], ledger: Ledger, rows_out: u64) {
        let status = &self.status;
        status.set_ledger(ledger);
        status.rows_out.store(rows_out, Ordering::Relaxed);
        let epoch = writer.last_commit().map_or(0, |commit| commit.epoch.0);
        status.epoch.store(epoch, Ordering::Relaxed);
        let greatest = inputs.iter().map(InputState::greatest_us).max().unwrap_or(i64::MIN);
        status.event_time_ms.store(to_ms(greatest), Ordering::Relaxed);
    }
}

/// The topics a query writes.
pub fn output_topics(query: &Query) -> Vec<TopicSpec> {
    let topic = |suffix: &str, kind, partitions, schema, event_time: Option<String>| TopicSpec {
        name: format!("{}{suffix}", query.name).into(),
        partitions,
        schema,
        kind,
        writer: format!("query:{}", query.name).into(),
        key: None,
        event_time,
        retention_bytes: None,
        retention_ms: None,
    };
    let output = &query.output;
    let event_time = output.event_time.map(|column| output.schema.field(column).name().clone());
    let late = late_schema(&query.late_source_schema());
    vec![
        topic("", output.kind, output.partitions, output.schema.clone(), event_time),
        topic(".late", TopicKind::Late, 1, late, None),
        topic(".dlq", TopicKind::DeadLetter, 1, dead_letter_schema(), None),
    ]
}

fn to_ms(micros: i64) -> i64 {
    if micros == i64::MIN { i64::MIN } else { micros.div_euclid(1_000) }
}
