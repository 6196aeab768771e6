//! The loop over a log in memory, with a sink that only writes down what it is told.

use std::thread;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use millrace_flow::{Batch, StageError, StageKind, TopicKind};

use super::*;
use crate::memory_log::{MemoryLog, TOPIC};

/// Keeps rows until a flush, as a Delta sink does, or stores each write at once, as the warehouse does.
#[derive(Default)]
struct Notebook {
    stored: Vec<Offset>,
    taken: Vec<Offset>,
    at_once: bool,
    flushes: usize,
    cut_to: Option<Vec<Offset>>,
    fail_once: bool,
}

impl Notebook {
    fn new(partitions: usize, at_once: bool) -> Self {
        Self { stored: vec![Offset(0); partitions], taken: vec![Offset(0); partitions], at_once, ..Self::default() }
    }
}

impl Sink for Notebook {
    fn progress(&mut self) -> Result<Vec<Offset>> {
        self.taken.clone_from(&self.stored);
        Ok(self.stored.clone())
    }

    fn write(&mut self, input: Vec<SinkInput>) -> Result<Option<Vec<Offset>>> {
        if std::mem::take(&mut self.fail_once) {
            return Err(StageError::new(millrace_flow::ErrorKind::Outside, true, "the disk is full"));
        }
        for input in input {
            assert_eq!(input.offsets.start, self.taken[input.partition.index()], "records come without gaps");
            self.taken[input.partition.index()] = input.offsets.end;
        }
        if self.at_once { self.flush() } else { Ok(None) }
    }

    fn flush(&mut self) -> Result<Option<Vec<Offset>>> {
        self.flushes += 1;
        self.stored.clone_from(&self.taken);
        Ok(Some(self.stored.clone()))
    }

    fn cut(&mut self, ends: &[Offset]) -> Result<()> {
        self.cut_to = Some(ends.to_vec());
        self.stored = ends.to_vec();
        Ok(())
    }
}

fn log(partitions: u32) -> MemoryLog {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    MemoryLog::new(schema, TopicKind::Rows, partitions)
}

fn batch(rows: i64) -> Batch {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let values =
        RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from_iter_values(0..rows))]).expect("one column");
    Batch::new(values, Int64Array::from_iter_values((0..rows).map(|n| 1_000 * n)))
}

fn status() -> StageStatus {
    StageStatus::new(StageKind::Sink, "notebook")
}

/// Rows stay outside for an hour, unless something else than time flushes them.
fn hourly() -> SinkOptions {
    SinkOptions { flush_interval: Duration::from_secs(3_600), ..SinkOptions::default() }
}

fn run(sink: &mut Notebook, log: &MemoryLog, stop: &Stop, status: &StageStatus, options: &SinkOptions) -> Result<()> {
    run_sink(sink, TOPIC, "notebook", log, stop, status, options)
}

#[test]
fn a_sealed_topic_is_flushed_and_done_and_may_go_on() {
    let (log, stop, status, options) = (log(2), Stop::default(), status(), hourly());
    let mut sink = Notebook::new(2, false);
    log.append(0, batch(3));
    log.append(1, batch(5));
    log.seal();
    thread::scope(|scope| {
        let running = scope.spawn(|| run(&mut sink, &log, &stop, &status, &options));
        log.wait_for(|| log.position("notebook", 1) == Some(Offset(5)));
        log.append(0, batch(4));
        log.wait_for(|| log.position("notebook", 0) == Some(Offset(7)));
        stop.stop();
        running.join().expect("the loop does not panic").expect("the loop ends well");
    });
    assert_eq!(status.phase(), Phase::Done);
    assert_eq!(status.rows_out.load(Ordering::Relaxed), 12);
    assert_eq!(status.event_time_ms.load(Ordering::Relaxed), 4_000);
    assert!(status.ledger().balances());
}

#[test]
fn stopping_flushes_what_was_taken() {
    let (log, stop, status) = (log(1), Stop::default(), status());
    let mut sink = Notebook::new(1, false);
    log.append(0, batch(3));
    stop.stop();
    run(&mut sink, &log, &stop, &status, &hourly()).expect("the loop ends well");
    assert_eq!(sink.flushes, 0, "nothing was taken, so nothing is flushed");
    assert_eq!(sink.stored, [Offset(0)]);

    let options = hourly();
    let mut follower = Follower::open(&mut sink, TOPIC, "notebook", &log, &status, &options).expect("it opens");
    let info = log.topic(TOPIC).expect("the topic is there");
    assert!(follower.step(&info).expect("it reads"));
    assert!(!follower.step(&info).expect("it reads"), "the second step finds nothing");
    assert!(follower.due.is_some());
    follower.flush().expect("it flushes");
    drop(follower);
    assert_eq!(sink.stored, [Offset(3)]);
}

#[test]
fn rows_are_flushed_when_they_are_due() {
    let (log, status) = (log(1), status());
    log.append(0, batch(3));
    let mut sink = Notebook::new(1, false);
    let options = SinkOptions { flush_interval: Duration::ZERO, ..SinkOptions::default() };
    let mut follower = Follower::open(&mut sink, TOPIC, "notebook", &log, &status, &options).expect("it opens");
    let info = log.topic(TOPIC).expect("the topic is there");
    follower.step(&info).expect("it reads");
    drop(follower);
    assert_eq!(sink.stored, [Offset(3)]);
    assert_eq!(log.position("notebook", 0), Some(Offset(3)));
}

#[test]
fn what_is_taken_holds_nobody_back_and_is_not_given_up() {
    let (log, status, options) = (log(1), status(), hourly());
    log.append(0, batch(3));
    let mut sink = Notebook::new(1, false);
    let mut follower = Follower::open(&mut sink, TOPIC, "notebook", &log, &status, &options).expect("it opens");
    let info = log.topic(TOPIC).expect("the topic is there");
    follower.step(&info).expect("it reads");
    drop(follower);
    assert_eq!((log.taken("notebook", 0), log.position("notebook", 0)), (Some(Offset(3)), Some(Offset(0))));
}

#[test]
fn a_store_ahead_of_its_topic_is_cut_back() {
    let log = log(1);
    log.append(0, batch(3));
    log.append(0, batch(3));
    log.lose_tail(1);
    let mut sink = Notebook::new(1, true);
    sink.stored = vec![Offset(6)];
    align(&mut sink, "notebook", &log.topic(TOPIC).expect("the topic is there").ends).expect("it aligns");
    assert_eq!(sink.cut_to, Some(vec![Offset(3)]));
    sink.cut_to = None;
    align(&mut sink, "notebook", &log.topic(TOPIC).expect("the topic is there").ends).expect("it aligns");
    assert_eq!(sink.cut_to, None);
}

#[test]
fn after_an_error_it_goes_on_from_the_store() {
    let (log, stop, status) = (log(1), Stop::default(), status());
    log.append(0, batch(3));
    log.seal();
    let mut sink = Notebook::new(1, true);
    sink.fail_once = true;
    let error = run(&mut sink, &log, &stop, &status, &SinkOptions::default()).expect_err("the sink fails once");
    assert!(error.retry());
    thread::scope(|scope| {
        scope
            .spawn(|| run(&mut sink, &log, &stop, &status, &SinkOptions::default()).expect("the second run ends well"));
        log.wait_for(|| log.position("notebook", 0) == Some(Offset(3)));
        stop.stop();
    });
    assert_eq!(sink.stored, [Offset(3)]);
}

#[test]
fn a_missing_topic_is_named() {
    let (stop, status) = (Stop::default(), status());
    let mut sink = Notebook::new(1, true);
    let error = run_sink(&mut sink, "nowhere", "notebook", &log(1), &stop, &status, &SinkOptions::default());
    assert!(error.expect_err("there is no such topic").to_string().contains("`nowhere`"));
}
