//! Drives the coordinator of groups: a clock, a journal, and requests that wait.

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
    /// The journal has refused something: what groups are told from here on would not outlive the process.
    is_out_of_service: bool,
}

/// Time that never goes back, whoever sets the clock of the machine.
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
    /// Keeps what has to be kept, then sends the answers.
    fn settle(&mut self, outcome: Outcome) {
        let records: Vec<Bytes> = outcome.records.iter().map(Record::encode).collect();
        if let Err(error) = self.keep(&records) {
            tracing::error!(%error, "groups go out of service: what they are told cannot be kept");
            self.is_out_of_service = true;
            self.waiting.clear();
            return;
        }
        for (token, reply) in outcome.replies {
            if let Some(waiting) = self.waiting.remove(&token) {
                // Whoever has gone is not told.
                let _ = waiting.send(reply);
            }
        }
    }

    /// Like `settle`, unless that was not possible before; says whether it was now.
    fn settle_unless_out(&mut self, outcome: Outcome) -> bool {
        if !self.is_out_of_service {
            self.settle(outcome);
        }
        !self.is_out_of_service
    }

    fn keep(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        self.journal.append(records)?;
        if self.journal.wants_replacement() {
            let all: Vec<Bytes> = self.coordinator.snapshot().iter().map(Record::encode).collect();
            self.journal.replace(&all)?;
        }
        Ok(())
    }
}

impl GroupService {
    /// Takes up the groups that an earlier process has left.
    pub(crate) fn open(log: &EmbeddedLog) -> Result<Self, BrokerError> {
        let (journal, records) = log.journal(crate::stored_groups::JOURNAL)?;
        let config = GroupConfig { initial_rebalance_delay_ms: INITIAL_DELAY_MS, ..GroupConfig::default() };
        let mut coordinator = Coordinator::new(config);
        for record in &records {
            let record = Record::decode(record).map_err(|error| BrokerError::Remembered(error.to_string()))?;
            coordinator.replay(&record);
        }
        let clock = SteadyClock::start();
        let outcome = coordinator.start(clock.now_ms());
        let mut state = State { coordinator, journal, waiting: HashMap::new(), is_out_of_service: false };
        state.settle(outcome);
        let (next_token, moved) = (AtomicU64::new(0), Notify::new());
        Ok(Self { state: Mutex::new(state), next_token, moved, clock, told: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the coordinator and waits for its answer; there is none when groups are out of service.
    pub(crate) async fn ask(&self, ask: impl FnOnce(&mut Coordinator, Token, i64) -> Outcome) -> Option<Reply> {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        on_disk(|| {
            let mut state = self.state();
            if state.is_out_of_service {
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

    /// Asks the coordinator something that it answers at once; nothing when groups are out of service.
    pub(crate) fn ask_now(&self, ask: impl FnOnce(&mut Coordinator, Token, i64) -> Outcome) -> Option<Reply> {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let (sender, mut receiver) = oneshot::channel();
        let mut state = self.state();
        if state.is_out_of_service {
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
        let outcome = state.coordinator.remove_topic(topic, self.clock.now_ms());
        state.settle_unless_out(outcome);
    }

    /// Takes note of offsets that count if the transaction of a producer commits; nothing when groups are out of service.
    pub(crate) fn commit_in_transaction(&self, producer_id: i64, request: CommitRequest) -> Option<Vec<TopicErrors>> {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let mut state = self.state();
        let now_ms = self.clock.now_ms();
        let mut outcome = state.coordinator.commit_offsets_in_transaction(token, producer_id, request, now_ms);
        let answered = outcome.replies.iter().position(|(answered, _)| *answered == token);
        let reply = answered.map(|at| outcome.replies.swap_remove(at).1);
        let is_kept = state.settle_unless_out(outcome);
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
        let outcome = state.coordinator.complete_transaction(producer_id, is_commit, self.clock.now_ms());
        state.settle_unless_out(outcome)
    }

    /// Producers with offsets that wait for the end of a transaction.
    pub(crate) fn producers_with_pending_offsets(&self) -> Vec<i64> {
        self.state().coordinator.producers_with_pending_offsets()
    }

    /// Has the coordinator do what is due, for ever.
    pub(crate) async fn keep_time(&self) {
        loop {
            let deadline = self.state().coordinator.next_deadline();
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
                    let outcome = state.coordinator.tick(self.clock.now_ms());
                    state.settle_unless_out(outcome);
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
