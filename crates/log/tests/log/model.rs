//! The log against a model of vectors: any sequence of appends, commits, rollbacks, kills, power cuts and clean stops.

use std::sync::Arc;

use bytes::Bytes;
use millrace_flow::{Log, LogWriter, Offset, TopicPartition};
use millrace_log::{EmbeddedLog, FlushMode};
use proptest::prelude::*;

use crate::shop::*;

const TOPICS: [(&str, u32); 2] = [("orders", 2), ("orders.dlq", 1)];

#[derive(Debug, Clone)]
enum Step {
    Append { partition: usize, rows: usize },
    Commit { sealed: bool },
    Rollback,
    Kill,
    PowerCut,
    CleanStop,
    Read { partition: usize, from: prop::sample::Index, max_bytes: usize },
    ReadFromOutside,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 1..120_usize).prop_map(|(partition, rows)| Step::Append { partition, rows }),
        4 => any::<bool>().prop_map(|sealed| Step::Commit { sealed }),
        1 => Just(Step::Rollback),
        1 => Just(Step::Kill),
        1 => Just(Step::PowerCut),
        1 => Just(Step::CleanStop),
        3 => (0..3_usize, any::<prop::sample::Index>(), 0..40_000_usize)
            .prop_map(|(partition, from, max_bytes)| Step::Read { partition, from, max_bytes }),
        1 => Just(Step::ReadFromOutside),
    ]
}

/// What is in the log by one's own reckoning.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    rows: [Vec<i64>; 3],
    epoch: u64,
    sealed: bool,
}

struct World {
    shop: Shop,
    log: Option<(Box<dyn LogWriter>, Arc<EmbeddedLog>)>,
    committed: State,
    pending: State,
    durable: State,
    next_id: i64,
}

fn partitions() -> Vec<TopicPartition> {
    TOPICS.iter().flat_map(|(name, count)| (0..*count).map(|n| TopicPartition::new(*name, n))).collect()
}

impl World {
    fn new(flush: FlushMode, cache_bytes: usize) -> Self {
        let mut shop = Shop::on_disk(flush, 8 << 10);
        shop.config.tail_cache_bytes = cache_bytes;
        let (committed, pending, durable) = Default::default();
        let mut world = Self { shop, log: None, committed, pending, durable, next_id: 0 };
        world.start();
        world
    }

    fn start(&mut self) {
        let log = self.shop.open();
        for (name, count) in TOPICS {
            log.create_topic(spec(name, count)).expect("it can be created or is the same");
        }
        let writer = log.writer(WRITER).expect("nobody else writes");
        self.log = Some((writer, log));
        self.pending = self.committed.clone();
        self.check();
    }

    fn log(&mut self) -> (&mut dyn LogWriter, &EmbeddedLog) {
        let (writer, log) = self.log.as_mut().expect("it is open");
        (writer.as_mut(), &**log)
    }

    fn check(&mut self) {
        let committed = self.committed.clone();
        let (writer, log) = self.log();
        let commit = writer.last_commit().cloned();
        assert_eq!(commit, log.last_commit(WRITER));
        assert_eq!(commit.as_ref().map_or(0, |commit| commit.epoch.0), committed.epoch);
        if let Some(commit) = commit {
            assert_eq!(commit.cookie, cookie_of(&committed));
            assert_eq!(commit.sealed, committed.sealed);
        }
        for (partition, rows) in partitions().iter().zip(&committed.rows) {
            assert_eq!(&all_ids(log, partition), rows);
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append { partition, rows: count } => {
                let (first, at) = (self.next_id, Offset(self.pending.rows[partition].len() as i64));
                self.next_id += count as i64;
                self.pending.rows[partition].extend(first..self.next_id);
                let appended = self.log().0.append(&partitions()[partition], rows(first, count));
                assert_eq!(appended.expect("it can be appended"), at..at.advance(count));
            }
            Step::Commit { sealed } => {
                self.pending.epoch += 1;
                self.pending.sealed = sealed;
                let cookie = cookie_of(&self.pending);
                self.log().0.commit(cookie, sealed).expect("it can be committed");
                self.committed = self.pending.clone();
                if self.shop.config.flush == FlushMode::Commit {
                    self.durable = self.committed.clone();
                }
            }
            Step::Rollback => {
                self.log().0.rollback().expect("the disk answers");
                self.pending = self.committed.clone();
            }
            Step::Kill => {
                self.shop = self.shop.killed();
                self.start();
                if self.shop.config.flush == FlushMode::Commit {
                    self.durable = self.committed.clone();
                }
            }
            Step::PowerCut => {
                self.shop = self.shop.killed().rebooted();
                self.committed = self.durable.clone();
                self.start();
            }
            Step::CleanStop => {
                self.log().1.close().expect("the disk answers");
                self.log = None;
                self.durable = self.committed.clone();
                self.start();
            }
            Step::Read { partition, from, max_bytes } => {
                let rows = self.committed.rows[partition].clone();
                let from = from.index(rows.len() + 1);
                let found = ids(self.log().1, &partitions()[partition], Offset(from as i64), max_bytes);
                assert_eq!(found, rows[from..]);
            }
            Step::ReadFromOutside => {
                let machine = self.shop.machine.clone();
                let reading = EmbeddedLog::open_read_only_on(&self.shop.dir(), machine).expect("reading needs no lock");
                for (partition, rows) in partitions().iter().zip(&self.committed.rows) {
                    assert_eq!(&all_ids(reading.as_ref(), partition), rows);
                }
            }
        }
    }
}

fn cookie_of(state: &State) -> Bytes {
    Bytes::from(format!("{:?}", state.rows.each_ref().map(Vec::len)))
}

fn run(flush: FlushMode, cache_bytes: usize, steps: Vec<Step>) {
    let mut world = World::new(flush, cache_bytes);
    for step in steps {
        world.take(step);
    }
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn flushed_now_and_again(steps in prop::collection::vec(step(), 1..40), cache_bytes in prop_oneof![Just(0), Just(20_000), Just(1 << 20)]) {
        run(FlushMode::Interval, cache_bytes, steps);
    }

    #[test]
    fn flushed_at_every_commit(steps in prop::collection::vec(step(), 1..40), cache_bytes in prop_oneof![Just(0), Just(20_000), Just(1 << 20)]) {
        run(FlushMode::Commit, cache_bytes, steps);
    }
}
