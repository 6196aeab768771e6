//! Drives the coordinator of groups: a clock, a journal, and requests that wait.
//!
//! What the journal does not take has not happened: the coordinator is built anew from what the journal has, as after a
//! restart, and whoever waited for an answer is told to look for the coordinator again. For a moment nothing is asked that
//! may change something; then it is tried again, for as long as the disk takes to be well. What only looks is answered
//! all the time.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_flow::{Clock, SystemClock};
use millrace_log::{EmbeddedLog, Journal, LogError};
use tokio::sync::{Notify, oneshot};

use crate::BrokerError;
use crate::answers::on_disk;
use crate::groups::{
    CommitRequest, Coordinator, Directory, GroupConfig, Outcome, Record, Reply, Timing, Token, TopicErrors,
};

/// How long an empty group waits for more members after the first. Members that are started together share the partitions
/// from the start, and whoever starts one consumer on a laptop does not wait the three seconds of Kafka.
const INITIAL_DELAY_MS: i32 = 200;

/// Shortest pause after the journal has refused something. Clients wait about as long before they ask again.
const PAUSE_MS_MIN: i64 = 50;
/// How many times longer than building the coordinator anew a pause is, so that a full disk costs no more than a tenth of a
/// processor.
const PAUSE_FACTOR: i64 = 10;

/// The groups of the broker.
pub(crate) struct GroupService {
    state: Mutex<State>,
    next_token: AtomicU64,
    /// Something was done that may have moved the next deadline.
    moved: Notify,
    clock: SteadyClock,
    /// The versions of topics and rules that the coordinator was told of last, and how often it was.
    told: Mutex<Option<(u64, u64, u64)>>,
}

struct State {
    coordinator: Coordinator,
    journal: Journal,
    waiting: HashMap<Token, oneshot::Sender<Reply>>,
    clock: SteadyClock,
    /// The journal has refused something, and has taken nothing since.
    is_refused: bool,
    /// Until when nothing is asked that may change something.
    paused_until_ms: Option<i64>,
    /// The coordinator knows nothing: the journal could not be read again.
    is_lost: bool,
    /// Topics that are gone, and that groups could not be made to forget.
    gone_topics: Vec<String>,
}

/// Time that never goes back, whoever sets the clock of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SteadyClock {
    began_ms: i64,
    began: Instant,
}

impl SteadyClock {
    pub(crate) fn start() -> Self {
        Self { began_ms: SystemClock.now_ms(), began: Instant::now() }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.began_ms + i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

impl State {
    /// Keeps what has to be kept, then sends the answers; says whether that was possible. If not, nothing has happened.
    fn settle(&mut self, outcome: Outcome) -> bool {
        if let Err(error) = self.keep(&outcome.records) {
            if !std::mem::replace(&mut self.is_refused, true) {
                tracing::error!(%error, "what groups are told cannot be kept: they are refused what changes them until it can");
            }
            self.take_back();
            return false;
        }
        if !outcome.records.is_empty() && std::mem::take(&mut self.is_refused) {
            tracing::info!("what groups are told is kept again");
        }
        for (token, reply) in outcome.replies {
            if let Some(waiting) = self.waiting.remove(&token) {
                // Whoever has gone is not told.
                let _ = waiting.send(reply);
            }
        }
        true
    }

    fn keep(&mut self, records: &[Record]) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        let records: Vec<Bytes> = records.iter().map(Record::encode).collect();
        let coordinator = &self.coordinator;
        self.journal.keep(&records, || coordinator.snapshot().iter().map(Record::encode).collect())
    }

    /// Goes back to what the journal has.
    fn take_back(&mut self) {
        // Dropped, they say that there is no coordinator.
        self.waiting.clear();
        let begun_ms = self.clock.now_ms();
        let rebuilt = self.rebuild();
        self.is_lost = rebuilt.is_err();
        if let Err(error) = rebuilt {
            tracing::error!(%error, "groups cannot be read again");
            self.coordinator = self.coordinator.begun_anew();
        }
        self.pause(self.clock.now_ms() - begun_ms);
    }

    /// Asks for nothing for a moment, after something in vain that took so long.
    fn pause(&mut self, took_ms: i64) {
        self.paused_until_ms = Some(self.clock.now_ms() + PAUSE_MS_MIN.max(took_ms * PAUSE_FACTOR));
    }

    fn rebuild(&mut self) -> Result<(), BrokerError> {
        let records = self.journal.records()?;
        self.coordinator = replayed(self.coordinator.begun_anew(), &records)?;
        let outcome = self.coordinator.start(self.clock.now_ms());
        Ok(self.keep(&outcome.records)?)
    }

    /// Whether something may be asked that changes something. What a refusal has left is put in order first.
    fn is_ready(&mut self) -> bool {
        if self.paused_until_ms.is_some_and(|until_ms| self.clock.now_ms() < until_ms) {
            return false;
        }
        self.paused_until_ms = None;
        if self.is_lost {
            self.take_back();
            return false;
        }
        if self.journal.is_doubtful() {
            // Nothing was asked since: the coordinator knows what was kept, whatever has become of the file.
            let begun_ms = self.clock.now_ms();
            let all: Vec<Bytes> = self.coordinator.snapshot().iter().map(Record::encode).collect();
            if let Err(error) = self.journal.replace(&all) {
                tracing::debug!(%error, "what groups are told cannot be kept yet");
                self.pause(self.clock.now_ms() - begun_ms);
                return false;
            }
        }
        while let Some(topic) = self.gone_topics.pop() {
            let outcome = self.coordinator.remove_topic(&topic, self.clock.now_ms());
            if !self.settle(outcome) {
                self.gone_topics.push(topic);
                return false;
            }
        }
        true
    }
}

/// A coordinator that was told all of these.
fn replayed(mut coordinator: Coordinator, records: &[Bytes]) -> Result<Coordinator, BrokerError> {
    for record in records {
        let record = Record::decode(record).map_err(|error| BrokerError::Remembered(error.to_string()))?;
        coordinator.replay(&record);
    }
    Ok(coordinator)
}

impl GroupService {
    /// Takes up the groups that an earlier process has left.
    pub(crate) fn open(log: &EmbeddedLog) -> Result<Self, BrokerError> {
        let (journal, records) = log.journal(crate::stored_groups::JOURNAL)?;
        let config = GroupConfig { initial_rebalance_delay_ms: INITIAL_DELAY_MS, ..GroupConfig::default() };
        let mut coordinator = replayed(Coordinator::new(config), &records)?;
        let clock = SteadyClock::start();
        let outcome = coordinator.start(clock.now_ms());
        let mut state = State {
            coordinator,
            journal,
            waiting: HashMap::new(),
            clock,
            is_refused: false,
            paused_until_ms: None,
            is_lost: false,
            gone_topics: Vec::new(),
        };
        state.settle(outcome);
        let (next_token, moved) = (AtomicU64::new(0), Notify::new());
        Ok(Self { state: Mutex::new(state), next_token, moved, clock, told: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the coordinator and waits for its answer; there is none when what it changes cannot be kept.
    pub(crate) async fn ask(&self, ask: impl FnOnce(&mut Coordinator, Token, i64) -> Outcome) -> Option<Reply> {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        on_disk(|| {
            let mut state = self.state();
            if !state.is_ready() {
                return;
            }
            state.waiting.insert(token, sender);
            let outcome = ask(&mut state.coordinator, token, self.clock.now_ms());
            state.settle(outcome);
        });
        self.moved.notify_one();
        // A connection that ends while it waits takes its request along.
        let _cancel = Cancel { service: self, token };
        receiver.await.ok()
    }

    /// Asks the coordinator something that it answers at once; nothing when what it changes cannot be kept.
    pub(crate) fn ask_now(&self, ask: impl FnOnce(&mut Coordinator, Token, i64) -> Outcome) -> Option<Reply> {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let (sender, mut receiver) = oneshot::channel();
        let mut state = self.state();
        if !state.is_ready() {
            return None;
        }
        state.waiting.insert(token, sender);
        let outcome = ask(&mut state.coordinator, token, self.clock.now_ms());
        state.settle(outcome);
        state.waiting.remove(&token);
        drop(state);
        self.moved.notify_one();
        receiver.try_recv().ok()
    }

    /// Asks the coordinator something that changes nothing; nothing when it has lost what it knew.
    pub(crate) fn read(&self, read: impl FnOnce(&Coordinator, Token) -> Outcome) -> Option<Reply> {
        on_disk(|| {
            // Whoever holds this has kept all that the coordinator knows.
            let state = self.state();
            let outcome = (!state.is_lost).then(|| read(&state.coordinator, Token(u64::MAX)))?;
            outcome.replies.into_iter().next().map(|(_, reply)| reply)
        })
    }

    /// Looks at the groups as they are.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Coordinator) -> T) -> T {
        look(&self.state().coordinator)
    }

    /// How groups of the newer protocol are timed, where that is set.
    pub(crate) fn set_timings(&self, timings: BTreeMap<String, Timing>) {
        self.state().coordinator.set_timings(timings);
    }

    /// Tells the coordinator of the topics there are, if they, or the rules about who may see them, are others than it knows.
    pub(crate) fn look_at_topics(&self, log: &EmbeddedLog, rules: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // Before looking: a topic that comes meanwhile is seen the next time.
        let topics = log.topics_version();
        let version = match *told {
            Some((known_topics, known_rules, _)) if (known_topics, known_rules) == (topics, rules) => return,
            Some((.., version)) => version + 1,
            None => 0,
        };
        *told = Some((topics, rules, version));
        let topic = |topic: millrace_log::ClientTopic| {
            let spec = topic.info.spec;
            (spec.name.to_string(), (topic.id, i32::try_from(spec.partitions).unwrap_or(i32::MAX)))
        };
        let topics = log.client_topics().into_iter().map(topic).collect();
        self.state().coordinator.set_directory(Arc::new(Directory { version, topics }));
    }

    /// Forgets how far groups have read a topic that is gone.
    pub(crate) fn forget_topic(&self, topic: &str) {
        let mut state = self.state();
        // Nothing is asked any more before it is forgotten: not even whether another topic of that name was read.
        state.gone_topics.push(topic.to_owned());
        state.is_ready();
        drop(state);
        self.moved.notify_one();
    }

    /// Takes note of offsets that count if the transaction of a producer commits; nothing when that cannot be kept.
    pub(crate) fn commit_in_transaction(&self, producer_id: i64, request: CommitRequest) -> Option<Vec<TopicErrors>> {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let mut state = self.state();
        if !state.is_ready() {
            return None;
        }
        let now_ms = self.clock.now_ms();
        let mut outcome = state.coordinator.commit_offsets_in_transaction(token, producer_id, request, now_ms);
        let answered = outcome.replies.iter().position(|(answered, _)| *answered == token);
        let reply = answered.map(|at| outcome.replies.swap_remove(at).1);
        let is_kept = state.settle(outcome);
        drop(state);
        self.moved.notify_one();
        match reply {
            Some(Reply::Commit(errors)) if is_kept => Some(errors),
            _ => None,
        }
    }

    /// The transaction of a producer has ended: its offsets count from now on, or never. Says whether that is kept.
    pub(crate) fn complete_transaction(&self, producer_id: i64, is_commit: bool) -> bool {
        let mut state = self.state();
        if !state.is_ready() {
            return false;
        }
        let outcome = state.coordinator.complete_transaction(producer_id, is_commit, self.clock.now_ms());
        state.settle(outcome)
    }

    /// Producers with offsets that wait for the end of a transaction.
    pub(crate) fn producers_with_pending_offsets(&self) -> Vec<i64> {
        self.state().coordinator.producers_with_pending_offsets()
    }

    /// Has the coordinator do what is due, for ever.
    pub(crate) async fn keep_time(&self) {
        loop {
            let deadline = {
                let state = self.state();
                state.paused_until_ms.or(state.coordinator.next_deadline())
            };
            let wait = deadline.map(|deadline_ms| deadline_ms.saturating_sub(self.clock.now_ms()).max(0));
            let due = async {
                match wait {
                    Some(ms) => tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => on_disk(|| {
                    let mut state = self.state();
                    if state.is_ready() {
                        let outcome = state.coordinator.tick(self.clock.now_ms());
                        state.settle(outcome);
                    }
                }),
                () = self.moved.notified() => {}
            }
        }
    }
}

/// Takes a request back that is not answered when this is dropped.
struct Cancel<'a> {
    service: &'a GroupService,
    token: Token,
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        let mut state = self.service.state();
        if state.waiting.remove(&self.token).is_some() {
            let outcome = state.coordinator.cancel(self.token, self.service.clock.now_ms());
            state.settle(outcome);
            self.service.moved.notify_one();
        }
    }
}
