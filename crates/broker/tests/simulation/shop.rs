//! A broker over a disk that is traced, and producers with transactions: several partitions, a compacted topic, offsets of groups,
//! lives that fence each other, time that runs out, and a disk that now and then refuses what the broker has to remember.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_broker::wire::ErrorCode;
use millrace_broker::{Broker, BrokerError, BrokerOptions, serve};
use millrace_flow::{Stop, SystemClock};
use millrace_log::{EmbeddedLog, FlushMode, LogConfig, Machine};
use millrace_schema::Registry;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::bugs::Bug;
use crate::chance::Chance;
use crate::client::{Client, Me};
use crate::generations::Simulated;
use crate::ledger::{Deal, Found, Ledger, Life, Sent};
use crate::records::{Record, committed, frame};
use crate::span::Span;
use crate::trace::{Refusal, TracingDisk};

const NAMES: [&str; 3] = ["north", "south", "west"];
/// The one that speaks the older protocol of transactions; the others have a new life with each of theirs.
const OLDER: usize = 0;
/// Its transactions may take no time at all.
const HASTY: &str = "hasty";
const HASTY_MS: i32 = 10;
/// Nothing takes this long that comes at all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Topics and partitions.
const PLACES: [(&str, i32); 3] = [("orders", 0), ("orders", 1), ("stock", 0)];
/// What the broker remembers of its clients.
const JOURNALS: [&str; 2] = ["coordinator/transactions", "coordinator/groups"];
/// The place that is compacted.
const COMPACTED: usize = 2;
const ARTICLES: u64 = 4;

/// A producer as it sees itself.
#[derive(Debug, Clone)]
struct Producer {
    me: Me,
    sequences: [i32; PLACES.len()],
    deal: Option<Deal>,
    /// What it sent last in this life, and with which number.
    last: Option<(usize, i32, Record)>,
}

impl Producer {
    fn new(me: Me) -> Self {
        Self { me, sequences: [0; PLACES.len()], deal: None, last: None }
    }
}

/// A broker that runs, and everybody who uses it.
pub(crate) struct Shop {
    log: Arc<EmbeddedLog>,
    disk: Arc<TracingDisk>,
    client: Client,
    producers: Vec<Producer>,
    ledger: Ledger,
    stop: Stop,
    runtime: Runtime,
    serving: Option<JoinHandle<Result<(), BrokerError>>>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(serving) = self.serving.take() {
            let served = self.runtime.block_on(serving);
            served.expect("nothing panics").expect("it serves to the end");
        }
    }
}

fn config() -> LogConfig {
    let hour = Duration::from_secs(3_600);
    LogConfig { flush: FlushMode::Commit, flush_interval: hour, retention_check_interval: hour, ..LogConfig::default() }
}

/// The version in which a producer sends.
fn produce_version(n: usize) -> i16 {
    if n == OLDER { 9 } else { 12 }
}

fn expect(code: ErrorCode, wanted: ErrorCode, what: &str) -> Result<(), String> {
    if code == wanted { Ok(()) } else { Err(format!("{what}: {code:?} instead of {wanted:?}")) }
}

/// Makes a log with the topics in the folder `dir`.
pub(crate) fn prepare(dir: &Path) {
    let log = EmbeddedLog::open(dir, config(), Arc::new(Registry::in_memory())).expect("it is made");
    let set = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    // Small segments, so that there are many.
    log.create_client_topic("orders", 2, 1, set(&[("segment.bytes", "1000")])).expect("it is made");
    let compacted = [("cleanup.policy", "compact"), ("segment.bytes", "400"), ("min.cleanable.dirty.ratio", "0")];
    log.create_client_topic("stock", 1, 1, set(&compacted)).expect("it is made");
    log.close().expect("it closes");
}

impl Simulated for Shop {
    type Ledger = Ledger;

    /// Asks one thing of the broker, by chance.
    fn step(&mut self, chance: &mut Chance) -> Result<(), String> {
        let n = chance.below(NAMES.len() as u64) as usize;
        let refused = Refusal::ALL.get(chance.below(24) as usize);
        let files = JOURNALS[chance.below(JOURNALS.len() as u64) as usize];
        self.disk.refuse(refused.map(|refusal| (*refusal, files)));
        let done = self.ask(n, chance);
        self.disk.refuse(None);
        done
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    fn disk(&self) -> &TracingDisk {
        &self.disk
    }
}

impl Shop {
    fn ask(&mut self, n: usize, chance: &mut Chance) -> Result<(), String> {
        match chance.below(24) {
            0..=9 => self.send(n, chance),
            10..=11 => self.commit_offset(n),
            12..=15 => self.end(n, true),
            16..=17 => self.end(n, false),
            18 => self.replace(n),
            19 => self.send_again(n),
            20 => match self.ledger.lives[n].len() {
                0 | 1 => Ok(()),
                lives => {
                    let zombie = self.ledger.lives[n][lives - 2];
                    expect(self.try_as_zombie(zombie, zombie.next)?, ErrorCode::InvalidProducerEpoch, "a zombie sends")
                }
            },
            21 => self.run_out_of_time(),
            _ => self.log.apply_compaction().map_err(|error| error.to_string()),
        }
    }

    /// Has the client ask for something that has to be remembered, until it is; once it was refused the disk is well.
    fn until_kept(&mut self, what: &str, mut ask: impl FnMut(&mut Client) -> ErrorCode) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match ask(&mut self.client) {
                ErrorCode::CoordinatorNotAvailable | ErrorCode::ConcurrentTransactions if Instant::now() < deadline => {
                    self.disk.refuse(None);
                    std::thread::yield_now();
                }
                code => return expect(code, ErrorCode::None, what),
            }
        }
    }

    /// Opens the log in `dir` after the machine was started for the `boot`th time, and compares it with what is owed after
    /// a power cut at `cut`.
    pub(crate) fn open(dir: &Path, bug: Option<Bug>, boot: u64, owed: Option<(Ledger, usize)>) -> Result<Self, String> {
        fs::create_dir_all(dir).expect("there is room for a folder");
        let disk = TracingDisk::new(dir, bug);
        let machine = Machine { boot_id: format!("boot {boot}"), clock: Arc::new(SystemClock), disk: disk.clone() };
        let log = EmbeddedLog::open_on(dir, config(), Arc::new(Registry::in_memory()), machine);
        let log = log.map_err(|error| format!("the log does not open: {error}"))?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("there are threads");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let broker = Broker::open(log.clone(), BrokerOptions::new(address));
        let broker = broker.map_err(|error| format!("the broker does not open: {error}"))?;
        let stop = Stop::default();
        let serving = Some(runtime.spawn(serve(broker, listener, stop.clone())));
        let client = Client::connect(address);
        let (ledger, cut) = owed.unwrap_or_else(|| (Ledger::new(NAMES.len()), 0));
        let mut shop = Self { log, disk, client, producers: Vec::new(), ledger, stop, runtime, serving };
        shop.compare(cut)?;
        Ok(shop)
    }

    /// Compares what is there with what is owed, before and after every producer has begun anew.
    fn compare(&mut self, cut: usize) -> Result<(), String> {
        let before = self.records();
        if cut.is_multiple_of(2) {
            self.ask_again(cut)?;
        }
        self.begin_anew(cut)?;
        self.init(HASTY)?;
        let found = Found { records: self.records(), offsets: self.offsets()? };
        for (place, (before, after)) in before.iter().zip(&found.records).enumerate() {
            if !after.starts_with(before) {
                return Err(format!("{:?}: {before:?} was read, and then {after:?}", PLACES[place]));
            }
        }
        for (topic, partition) in PLACES {
            let ends = (self.client.latest(topic, partition, 1), self.client.latest(topic, partition, 0));
            if ends.0 != ends.1 {
                return Err(format!("{topic} {partition}: stable up to {} of {}, and nothing goes on", ends.0, ends.1));
            }
        }
        self.ledger.adopt(&found, COMPACTED, cut)
    }

    /// Asks again for the commit whose answer the cut has taken. Whether it was decided or not: it is answered, and has committed.
    fn ask_again(&mut self, cut: usize) -> Result<(), String> {
        let in_question = |span: Span| span.is_possible(cut) && !span.is_certain(cut);
        for deal in self.ledger.deals.iter_mut().filter(|deal| deal.commit.is_some_and(in_question)) {
            if let Some(me) = deal.asks_again {
                self.client.renew(me, true).map_err(|code| format!("{me:?} asks again: {code:?}"))?;
                deal.commit = Some(Span::BEFORE);
                deal.asked_again = Some(Span { asked: 0, acknowledged: Some(self.disk.now()) });
            }
        }
        Ok(())
    }

    /// A new life for every producer: it is none that anybody has had, and those before are fenced.
    fn begin_anew(&mut self, cut: usize) -> Result<(), String> {
        for n in 0..NAMES.len() {
            self.ledger.lives[n].retain(|life| life.span.is_certain(cut));
        }
        for (n, name) in NAMES.into_iter().enumerate() {
            let life = self.live(name)?;
            let me = life.me;
            for (other, lives) in self.ledger.lives.iter().enumerate() {
                let is_taken = |life: &Life| life.me.id == me.id && (other != n || life.me.epoch >= me.epoch);
                if let Some(taken) = lives.iter().find(|life| is_taken(life)) {
                    return Err(format!("{me:?} is given out, and {taken:?} was"));
                }
            }
            if let Some(last) = self.ledger.lives[n].last().copied() {
                // Its last number may not have outlived the cut, and one that has is known for a duplicate: readers tell.
                self.try_as_zombie(last, last.next - 1)?;
                self.try_as_zombie(last, last.next)?;
            }
            self.ledger.lives[n] = vec![life];
        }
        self.producers = self.ledger.lives.iter().map(|lives| Producer::new(lives[0].me)).collect();
        Ok(())
    }

    /// A life, and since when.
    fn live(&mut self, name: &'static str) -> Result<Life, String> {
        let (asked, me) = (self.disk.now(), self.init(name)?);
        Ok(Life { me, next: 0, span: Span { asked, acknowledged: Some(self.disk.now()) } })
    }

    /// A life, once what an earlier one has begun is aborted.
    fn init(&mut self, name: &'static str) -> Result<Me, String> {
        let (timeout_ms, deadline) = (if name == HASTY { HASTY_MS } else { 60_000 }, Instant::now() + PATIENCE);
        loop {
            match self.client.try_init(4, name, timeout_ms, (-1, -1)) {
                Ok(me) => return Ok(me),
                Err(ErrorCode::ConcurrentTransactions | ErrorCode::CoordinatorNotAvailable)
                    if Instant::now() < deadline =>
                {
                    self.disk.refuse(None);
                    std::thread::yield_now();
                }
                Err(code) => return Err(format!("{name} gets no life: {code:?}")),
            }
        }
    }

    /// What readers of committed records find, place by place.
    fn records(&mut self) -> Vec<Vec<Record>> {
        let mut all = vec![Vec::new(); PLACES.len()];
        for (found, (topic, partition)) in all.iter_mut().zip(PLACES) {
            let mut next = Some(0);
            while let Some(from) = next {
                let (records, end) = committed(&self.client.fetch_from(topic, partition, from, 1));
                found.extend(records);
                next = end;
            }
        }
        all
    }

    fn offsets(&mut self) -> Result<Vec<i64>, String> {
        let offset =
            |name| self.client.offset_of(name, "orders", 0).map_err(|code| format!("offsets of {name}: {code:?}"));
        NAMES.into_iter().map(offset).collect()
    }

    fn begin(&mut self, n: usize) -> Deal {
        let ledger = &mut self.ledger;
        *self.producers[n].deal.get_or_insert_with(|| ledger.begin(n))
    }

    fn record(&mut self, name: &str, chance: &mut Chance) -> Record {
        let long = "x".repeat(chance.below(3) as usize * 150);
        (format!("article {}", chance.below(ARTICLES)), format!("{} of {name} {long}", self.ledger.value()))
    }

    fn send(&mut self, n: usize, chance: &mut Chance) -> Result<(), String> {
        let (place, deal) = (chance.below(PLACES.len() as u64) as usize, self.begin(n));
        let record = self.record(NAMES[n], chance);
        let (to, me) = (PLACES[place], self.producers[n].me);
        if n == OLDER {
            self.until_kept("a partition is added", |client| client.add(3, me, &[(to.0, &[to.1])])[0])?;
        }
        let sequence = self.producers[n].sequences[place];
        self.ledger.sent.push(Sent { place, deal, record: record.clone() });
        let frame = frame((me.id, me.epoch, sequence), &record);
        self.until_kept("a record is sent", |client| {
            client.send_frame(produce_version(n), Some(me.name), to, frame.clone())
        })?;
        self.producers[n].sequences[place] += 1;
        if place == 0 {
            self.ledger.lives[n].last_mut().expect("it lives").next = sequence + 1;
        }
        self.producers[n].last = Some((place, sequence, record));
        Ok(())
    }

    /// As one does who has not seen the answer: it lies there once all the same.
    fn send_again(&mut self, n: usize) -> Result<(), String> {
        let Producer { me, last: Some((place, sequence, record)), .. } = &self.producers[n] else { return Ok(()) };
        let again = frame((me.id, me.epoch, *sequence), record);
        expect(
            self.client.send_frame(produce_version(n), Some(me.name), PLACES[*place], again),
            ErrorCode::None,
            "a record is sent again",
        )
    }

    fn commit_offset(&mut self, n: usize) -> Result<(), String> {
        let (deal, me, offset) = (self.begin(n), self.producers[n].me, self.ledger.value());
        if n == OLDER {
            self.until_kept("a group is added", |client| client.add_group(me, me.name))?;
        }
        self.ledger.deals[deal].offset = Some(offset);
        let version = if n == OLDER { 3 } else { 5 };
        self.until_kept("an offset is sent", |client| client.commit_offset(version, me, me.name, ("orders", 0, offset)))
    }

    fn end(&mut self, n: usize, commits: bool) -> Result<(), String> {
        let Some(deal) = self.producers[n].deal.take() else { return Ok(()) };
        let asked = self.disk.now();
        if commits {
            self.ledger.deals[deal].commit = Some(Span { asked, acknowledged: None });
            self.ledger.deals[deal].asks_again = (n != OLDER).then_some(self.producers[n].me);
        }
        if n == OLDER {
            let me = self.producers[n].me;
            self.until_kept("a transaction ends", |client| client.end(3, me, commits))?;
        } else {
            self.renew(n, commits, asked)?;
        }
        if commits {
            self.ledger.deals[deal].commit = Some(Span { asked, acknowledged: Some(self.disk.now()) });
        }
        Ok(())
    }

    /// Ends a transaction by the newer protocol, and asks once more, as one does who has not seen the answer.
    fn renew(&mut self, n: usize, commits: bool, asked: usize) -> Result<(), String> {
        let before = self.producers[n].me;
        let mut told = Vec::new();
        for _ in 0..2 {
            self.until_kept("a transaction ends", |client| match client.renew(before, commits) {
                Ok(me) => {
                    told.push(me);
                    ErrorCode::None
                }
                Err(code) => code,
            })?;
        }
        let (me, again) = (told[0], told[1]);
        if me != again {
            return Err(format!("{me:?} is told, and then {again:?}"));
        }
        let span = Span { asked, acknowledged: Some(self.disk.now()) };
        self.ledger.lives[n].push(Life { me, next: 0, span });
        self.producers[n] = Producer::new(me);
        Ok(())
    }

    /// Another life takes the place of the present one: what goes on is aborted.
    fn replace(&mut self, n: usize) -> Result<(), String> {
        let life = self.live(NAMES[n])?;
        self.ledger.lives[n].push(life);
        self.producers[n] = Producer::new(life.me);
        Ok(())
    }

    /// A life that was fenced sends and commits; answers what becomes of what it sends, and none of it may ever be seen.
    fn try_as_zombie(&mut self, Life { me, .. }: Life, sequence: i32) -> Result<ErrorCode, String> {
        let grave = ("article 0".to_owned(), "from the grave".to_owned());
        let sent = self.client.send_frame(9, Some(me.name), PLACES[0], frame((me.id, me.epoch, sequence), &grave));
        expect(self.client.end(3, me, true), ErrorCode::ProducerFenced, "a zombie commits")?;
        Ok(sent)
    }

    /// A transaction that is never ended: time is up, and its producer fenced.
    fn run_out_of_time(&mut self) -> Result<(), String> {
        let me = self.init(HASTY)?;
        // What is refused here nobody asks for again.
        self.disk.refuse(None);
        let value = self.ledger.value();
        let record = ("article 0".to_owned(), format!("{value} of {HASTY}"));
        // Time may be up before the record is sent.
        self.client.add(3, me, &[("orders", &[1]), ("stock", &[0])]);
        for place in [1, COMPACTED] {
            self.client.send_frame(9, Some(me.name), PLACES[place], frame((me.id, me.epoch, 0), &record));
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.client.states().contains(&(HASTY.to_owned(), "CompleteAbort".to_owned())) {
            if Instant::now() > deadline {
                return Err(format!("time was up long ago: {:?}", self.client.states()));
            }
            std::thread::yield_now();
        }
        expect(self.client.end(3, me, true), ErrorCode::ProducerFenced, "time is up")
    }
}
