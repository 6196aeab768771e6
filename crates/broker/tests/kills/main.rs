//! A broker that is killed with -9 again and again while producers transact: a transaction whose commit was acknowledged is seen
//! whole, with its offsets; one whose commit was asked for is seen whole or not at all; nothing is seen twice, and nothing of
//! what was aborted, never ended, or out of time.
//!
//! A kill comes once a number of requests, by chance, are answered: wherever the others are then. `MILLRACE_TEST_KILLS` says how
//! many kills there are (20 unless told), `MILLRACE_TEST_SEED` with which seed chance begins.

#[path = "../../../log/tests/simulation/chance.rs"]
mod chance;
#[path = "../transactions/client.rs"]
#[expect(dead_code, reason = "the other tests of transactions use the rest")]
mod client;
mod process;
#[path = "../simulation/records.rs"]
mod records;
mod worker;

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use millrace_broker::wire::ErrorCode;

use crate::chance::Chance;
use crate::client::{Client, Me};
use crate::process::Process;
use crate::records::{Record, committed};
use crate::worker::{Deal, Fate, Manner, Protocol, Worker};

const TOPIC: &str = "orders";
const PARTITIONS: usize = 3;
/// The last one never ends what it has begun.
const NAMES: [&str; 4] = ["north", "south", "west", "hasty"];
const HASTY: usize = 3;
/// Those that have a new life with each transaction.
const NEWER: [usize; 2] = [1, 2];
/// Requests between two kills, at most.
const REQUESTS_MAX: u64 = 400;

/// What is known over all kills.
struct Shop {
    /// How far each partition was looked at.
    read: [i64; PARTITIONS],
    /// The offsets that are committed, by producer.
    offsets: Vec<i64>,
    /// The last life of each producer.
    lives: Vec<Option<Me>>,
    /// The value that each has used last.
    values: Vec<i64>,
}

impl Shop {
    fn new() -> Self {
        let producers = NAMES.len();
        let (offsets, lives, values) = (vec![-1; producers], vec![None; producers], vec![0; producers]);
        Self { read: [0; PARTITIONS], offsets, lives, values }
    }

    /// Gives every producer a new life; those before are fenced.
    fn begin_anew(&mut self, client: &mut Client) -> Vec<Me> {
        let mut lives = Vec::new();
        for (n, name) in NAMES.into_iter().enumerate() {
            let me = init(client, name, if n == HASTY { 10 } else { 60_000 });
            if let Some(last) = self.lives[n].replace(me) {
                assert!((last.id, last.epoch) < (me.id, me.epoch), "{last:?}, and then {me:?}");
                assert_eq!(client.end(3, last, true), ErrorCode::ProducerFenced);
            }
            lives.push(me);
        }
        lives
    }

    /// Compares what is there since the last look with what producers were told.
    fn compare(&mut self, client: &mut Client, done: &[Vec<Deal>]) {
        let mut found: Vec<Vec<Record>> = Vec::new();
        for (partition, read) in self.read.iter_mut().enumerate() {
            let (mut records, mut next) = (Vec::new(), Some(*read));
            while let Some(from) = next {
                let (more, end) = committed(&client.fetch_from(TOPIC, partition as i32, from, 1));
                records.extend(more);
                *read = from;
                next = end;
            }
            let ends = (client.latest(TOPIC, partition as i32, 1), client.latest(TOPIC, partition as i32, 0));
            assert_eq!(ends, (*read, *read), "partition {partition}: nothing goes on");
            found.push(records);
        }
        let known: usize = (0..NAMES.len()).map(|n| self.compare_one(client, n, &found, &done[n])).sum();
        assert_eq!(found.iter().map(Vec::len).sum::<usize>(), known, "nobody else has sent anything");
    }

    /// Compares what there is of one producer; how many records that are.
    fn compare_one(&mut self, client: &mut Client, n: usize, found: &[Vec<Record>], done: &[Deal]) -> usize {
        let mine: Vec<Vec<&Record>> =
            found.iter().map(|records| records.iter().filter(|record| record.0 == NAMES[n]).collect()).collect();
        let offset = client.offset_of(NAMES[n], TOPIC, 0).expect("nothing goes on");
        let with = |unknown: bool| {
            let counts = |deal: &&Deal| deal.fate == Fate::Committed || (unknown && deal.fate == Fate::Unknown);
            let deals: Vec<&Deal> = done.iter().filter(counts).collect();
            let in_partition = |partition: usize| {
                let sent = deals.iter().flat_map(|deal| &deal.sent).filter(move |sent| sent.0 == partition);
                sent.map(|(_, record)| record).collect::<Vec<_>>()
            };
            let records: Vec<Vec<&Record>> = (0..PARTITIONS).map(in_partition).collect();
            (records, deals.iter().rev().find_map(|deal| deal.offset).unwrap_or(self.offsets[n]))
        };
        let (owed, perhaps) = (with(false), with(true));
        let seen = (mine, offset);
        assert!(seen == owed || seen == perhaps, "{}: seen {seen:?}\nowed {owed:?}\nor {perhaps:?}", NAMES[n]);
        self.offsets[n] = offset;
        seen.0.iter().map(Vec::len).sum()
    }
}

fn init(client: &mut Client, name: &'static str, timeout_ms: i32) -> Me {
    loop {
        match client.try_init(4, name, timeout_ms, (-1, -1)) {
            Ok(me) => return me,
            Err(ErrorCode::ConcurrentTransactions) => thread::yield_now(),
            Err(code) => panic!("{name} gets no life: {code:?}"),
        }
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Has all producers work until the process is killed; what each has done.
fn work_until_killed(process: Process, shop: &mut Shop, lives: &[Me], chance: &mut Chance) -> Vec<Vec<Deal>> {
    let (answered, answers) = mpsc::channel();
    let workers = lives.iter().enumerate().map(|(n, me)| {
        let who = (*me, if NEWER.contains(&n) { Protocol::Newer } else { Protocol::Older });
        let worker = Worker::new(process.address, who, chance.next(), shop.values[n], answered.clone());
        let manner = if n == HASTY { Manner::Hasty } else { Manner::Orderly };
        thread::spawn(move || worker.work(manner))
    });
    let workers: Vec<_> = workers.collect();
    drop(answered);
    answers.iter().take(chance.below(REQUESTS_MAX) as usize).for_each(drop);
    process.kill();
    let done = workers.into_iter().map(|worker| worker.join().expect("nobody is refused"));
    let (deals, values) = done.unzip();
    shop.values = values;
    deals
}

fn run(dir: &Path, seed: u64, kills: u64) {
    let (mut chance, mut shop) = (Chance::new(seed), Shop::new());
    let mut done = vec![Vec::new(); NAMES.len()];
    let (mut commits, mut unknown) = (0, 0);
    for kill in 0..=kills {
        let process = Process::start(dir);
        let mut client = Client::connect(process.address);
        if kill == 0 {
            client.create_topic(TOPIC, PARTITIONS as i32);
        }
        let lives = shop.begin_anew(&mut client);
        shop.compare(&mut client, &done);
        if kill < kills {
            done = work_until_killed(process, &mut shop, &lives, &mut chance);
            let count = |fate| done.iter().flatten().filter(|deal| deal.fate == fate).count();
            (commits, unknown) = (commits + count(Fate::Committed), unknown + count(Fate::Unknown));
        }
    }
    println!("{kills} kills, seed {seed}, {commits} commits acknowledged, {unknown} killed in the middle of one");
}

#[test]
fn transactions_survive_kills_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    run(folder.path(), setting("MILLRACE_TEST_SEED", 1), setting("MILLRACE_TEST_KILLS", 20));
}
