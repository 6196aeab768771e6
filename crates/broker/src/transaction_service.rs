//! Drives the coordinator of transactions: a clock, a journal, and what is to be carried out of a transaction that ends.
//!
//! The order in which a transaction ends: its partitions are as safe as the flush mode promises; the decision is in the
//! journal; its markers are in the partitions; the offsets of its groups count; that it is complete is in the journal; its
//! producer is answered. A process that ends in between goes on from the decision when it starts again, or aborts. How the
//! end reaches partitions and groups is in `markers`.
//!
//! What the journal does not take has not happened, and whoever asked for it is told to look for the coordinator and to ask again.
//! What is left to be done then is tried again until it can be.

mod markers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use millrace_flow::TopicPartition;
use millrace_log::{EmbeddedLog, Journal, LogError};
use tokio::sync::Notify;

use crate::BrokerError;
use crate::answers::on_disk;
use crate::group_service::{GroupService, SteadyClock};
use crate::groups::{CommitRequest, TopicErrors};
use crate::producer_ids::ProducerIds;
use crate::transactions::{
    Coordinator, Init, InitRequest, OwedMarker, Producer, Record, Renewal, TransactionConfig, TransactionError,
};
use crate::wire::ErrorCode;

/// How long to wait before what could not be carried out is tried again.
const AGAIN_MS: i64 = 1_000;

/// The transactions of the broker.
pub(crate) struct TransactionService {
    log: Arc<EmbeddedLog>,
    state: Mutex<State>,
    /// Held by whoever appends markers that are owed.
    paying: Mutex<()>,
    /// Something was done that may have moved the next deadline.
    moved: Notify,
    clock: SteadyClock,
}

struct State {
    coordinator: Coordinator,
    journal: Journal,
    /// Transactions that somebody is carrying out. A marker that comes late would end the next transaction.
    in_hand: BTreeSet<String>,
    /// Partitions of transactions that are decided that have their markers: tried again, they need no more of them.
    marked: BTreeMap<String, BTreeSet<TopicPartition>>,
    clock: SteadyClock,
    /// When to try again what could not be carried out.
    again_ms: Option<i64>,
    /// The journal has refused something, and has taken nothing since.
    is_refused: bool,
}

/// Why a request about a transaction was not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// The coordinator has refused it.
    Refused(TransactionError),
    /// The disk has.
    Unavailable,
}

impl From<TransactionError> for Unmet {
    fn from(error: TransactionError) -> Self {
        Self::Refused(error)
    }
}

impl Unmet {
    /// The number that clients know.
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::Unavailable => ErrorCode::CoordinatorNotAvailable,
            Self::Refused(error) => match error {
                TransactionError::EmptyId => ErrorCode::InvalidRequest,
                TransactionError::Timeout => ErrorCode::InvalidTransactionTimeout,
                TransactionError::IdMapping => ErrorCode::InvalidProducerIdMapping,
                TransactionError::Fenced => ErrorCode::ProducerFenced,
                TransactionError::Concurrent => ErrorCode::ConcurrentTransactions,
                TransactionError::State => ErrorCode::InvalidTxnState,
                TransactionError::NotAdded => ErrorCode::TransactionAbortable,
                TransactionError::NotFound => ErrorCode::TransactionalIdNotFound,
            },
        }
    }
}

impl State {
    /// Writes a record, then does what it says. When it cannot be written, nothing has happened.
    fn keep(&mut self, record: &Record) -> Result<(), Unmet> {
        let coordinator = &self.coordinator;
        // The record comes last: it takes the place of what was known before of the same.
        let all = || coordinator.snapshot().iter().chain([record]).map(Record::encode).collect();
        if let Err(error) = self.journal.keep(&[record.encode()], all) {
            self.note_refusal(&error);
            return Err(Unmet::Unavailable);
        }
        if std::mem::take(&mut self.is_refused) {
            tracing::info!("changes of transactions are kept again");
        }
        self.coordinator.apply(record);
        Ok(())
    }

    fn note_refusal(&mut self, error: &LogError) {
        if !std::mem::replace(&mut self.is_refused, true) {
            tracing::error!(%error, "changes of transactions cannot be kept: they are refused until they can");
        }
        self.try_again();
    }

    /// Has what could not be done tried again in a moment.
    fn try_again(&mut self) {
        self.again_ms = Some(self.clock.now_ms().saturating_add(AGAIN_MS));
    }

    /// Forgets markers that are owed no more. It is on the disk then, whatever the flush mode. If it is refused it is tried
    /// again: another marker ends nothing, since nothing has begun.
    fn forget_paid(&mut self, paid: &[(String, OwedMarker)]) {
        let mut after = self.coordinator.clone();
        for (transactional_id, marker) in paid {
            if let Some(record) = after.paid(transactional_id, marker) {
                after.apply(&record);
            }
        }
        let all: Vec<Bytes> = after.snapshot().iter().map(Record::encode).collect();
        match self.journal.replace(&all) {
            Ok(()) => self.coordinator = after,
            Err(error) => self.note_refusal(&error),
        }
    }

    /// Puts all that is known in a new file, if nobody knows what the disk has of the old one.
    fn mend(&mut self) {
        if self.journal.is_doubtful() {
            let all: Vec<Bytes> = self.coordinator.snapshot().iter().map(Record::encode).collect();
            if let Err(error) = self.journal.replace(&all) {
                self.note_refusal(&error);
            }
        }
    }
}

impl TransactionService {
    /// Takes up the transactions that an earlier process has left: what was decided is completed, what nobody knows of aborts.
    pub(crate) fn open(log: Arc<EmbeddedLog>, groups: &GroupService) -> Result<Self, BrokerError> {
        let (journal, records) = log.journal("transactions")?;
        let mut coordinator = Coordinator::new(TransactionConfig::default());
        for record in &records {
            let record = Record::decode(record).map_err(|error| BrokerError::Remembered(error.to_string()))?;
            coordinator.apply(&record);
        }
        let decided = coordinator.decided();
        let clock = SteadyClock::start();
        let (in_hand, marked) = (BTreeSet::new(), BTreeMap::new());
        let state = State { coordinator, journal, in_hand, marked, clock, again_ms: None, is_refused: false };
        let service = Self { log, state: Mutex::new(state), paying: Mutex::default(), moved: Notify::new(), clock };
        // Before anybody appends to a partition that is back.
        service.pay_owed();
        for completion in decided {
            service.complete(groups, &completion.transactional_id);
        }
        service.abort_unknown(groups);
        service.catch_up(groups);
        Ok(service)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A power cut may keep records of a transaction and lose that there was one. It would hold up readers for ever. Its producer
    /// is fenced: what it sends next must not look like the whole of it.
    fn abort_unknown(&self, groups: &GroupService) {
        for found in self.log.ongoing_transactions() {
            let producer = Producer { id: found.producer_id, epoch: found.producer_epoch };
            let TopicPartition { topic, partition } = &found.partition;
            let number = i32::try_from(partition.0).unwrap_or(i32::MAX);
            if self.state().coordinator.knows(producer, topic, number) {
                continue;
            }
            tracing::warn!(partition = %found.partition, producer_id = producer.id, "nobody knows of a transaction: it aborts");
            let fencing = Producer { epoch: producer.epoch.saturating_add(1), ..producer };
            if let Err(error) = self.mark(&found.partition, fencing, false) {
                tracing::error!(partition = %found.partition, %error, "a transaction could not be aborted");
            }
        }
        for producer_id in groups.producers_with_pending_offsets() {
            if !self.state().coordinator.commits_offsets_of(producer_id) {
                groups.complete_transaction(producer_id, false);
            }
        }
    }

    /// A power cut may also lose which epochs were given out, and keep records that have them.
    fn catch_up(&self, groups: &GroupService) {
        let known = self.state().coordinator.producer_ids();
        let epochs = self.log.latest_epochs(&known);
        let mut state = self.state();
        for record in state.coordinator.overtaken(&epochs, self.clock.now_ms()) {
            if state.keep(&record).is_err() {
                // It holds all the same, and the next start finds it out again.
                state.coordinator.apply(&record);
            }
        }
        let decided = state.coordinator.decided();
        drop(state);
        for completion in decided {
            self.complete(groups, &completion.transactional_id);
        }
    }

    /// A new life of a producer. What an earlier one has begun is aborted first.
    pub(crate) fn init(
        &self,
        groups: &GroupService,
        ids: &ProducerIds,
        request: &InitRequest,
    ) -> Result<Producer, Unmet> {
        let mut new_id = None;
        loop {
            let mut state = self.state();
            match state.coordinator.init(request, new_id, self.clock.now_ms())? {
                Init::Ready(producer, record) => {
                    record.as_ref().map_or(Ok(()), |record| state.keep(record))?;
                    drop(state);
                    self.moved.notify_one();
                    return Ok(producer);
                }
                Init::Fence(record) => {
                    state.keep(&record)?;
                    drop(state);
                    if !self.complete(groups, &request.transactional_id) {
                        return Err(TransactionError::Concurrent.into());
                    }
                }
                Init::WantsId => {
                    drop(state);
                    new_id = Some(next_id(ids)?);
                }
            }
        }
    }

    /// Has the coordinator decide, and keeps what it wants written.
    pub(crate) fn decide(
        &self,
        decide: impl FnOnce(&Coordinator, i64) -> Result<Option<Record>, TransactionError>,
    ) -> Result<(), Unmet> {
        let mut state = self.state();
        if let Some(record) = decide(&state.coordinator, self.clock.now_ms())? {
            state.keep(&record)?;
            drop(state);
            self.moved.notify_one();
        }
        Ok(())
    }

    /// Looks at what the coordinator knows, at a time.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Coordinator, i64) -> T) -> T {
        look(&self.state().coordinator, self.clock.now_ms())
    }

    /// Takes note of a group's offsets as part of a transaction, which the group becomes part of first if `adds_group`. Nobody
    /// ends it meanwhile.
    pub(crate) fn commit_offsets(
        &self,
        groups: &GroupService,
        transactional_id: &str,
        producer: Producer,
        adds_group: bool,
        request: CommitRequest,
    ) -> Result<Vec<TopicErrors>, Unmet> {
        let mut state = self.state();
        if adds_group {
            let now_ms = self.clock.now_ms();
            let added = state.coordinator.add_group(transactional_id, producer, &request.group, now_ms)?;
            if let Some(record) = added {
                state.keep(&record)?;
                self.moved.notify_one();
            }
        }
        state.coordinator.check_offsets(transactional_id, producer, &request.group)?;
        groups.commit_in_transaction(producer.id, request).ok_or(Unmet::Unavailable)
    }

    /// Ends a transaction; when this returns, all of it can be seen, or none.
    pub(crate) fn end(
        &self,
        groups: &GroupService,
        transactional_id: &str,
        producer: Producer,
        is_commit: bool,
    ) -> Result<(), Unmet> {
        if is_commit {
            self.settle_participants(transactional_id)?;
        }
        let decide =
            || self.decide(|coordinator, now_ms| coordinator.end(transactional_id, producer, is_commit, now_ms));
        match decide() {
            // It is asked again what could not be carried out whole before.
            Err(Unmet::Refused(TransactionError::Concurrent)) if self.complete(groups, transactional_id) => decide()?,
            decided => decided?,
        }
        // Asked again, it is complete already, and there is nothing to do.
        if self.complete(groups, transactional_id) { Ok(()) } else { Err(TransactionError::Concurrent.into()) }
    }

    /// Ends a transaction by the newer protocol; the life that its producer has from then on.
    pub(crate) fn end_with_new_life(
        &self,
        groups: &GroupService,
        ids: &ProducerIds,
        (transactional_id, producer): (&str, Producer),
        is_commit: bool,
    ) -> Result<Producer, Unmet> {
        if is_commit {
            self.settle_participants(transactional_id)?;
        }
        let mut new_id = None;
        loop {
            let mut state = self.state();
            let now_ms = self.clock.now_ms();
            match state.coordinator.end_with_new_life(transactional_id, producer, is_commit, new_id, now_ms) {
                Ok(Renewal::Told(life)) => return Ok(life),
                Ok(Renewal::Decided(life, record)) => {
                    state.keep(&record)?;
                    drop(state);
                    self.moved.notify_one();
                    let is_complete = self.complete(groups, transactional_id);
                    return if is_complete { Ok(life) } else { Err(TransactionError::Concurrent.into()) };
                }
                Ok(Renewal::WantsId) => {
                    drop(state);
                    new_id = Some(next_id(ids)?);
                }
                // It is asked again what could not be carried out whole before.
                Err(TransactionError::Concurrent) => {
                    drop(state);
                    if !self.complete(groups, transactional_id) {
                        return Err(TransactionError::Concurrent.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns when the partitions of a transaction are as safe as promised.
    fn settle_participants(&self, transactional_id: &str) -> Result<(), Unmet> {
        let participants = self.look(|coordinator, _| coordinator.participants(transactional_id));
        participants.iter().try_for_each(|(topic, partition)| self.settle(topic, *partition))
    }

    /// Does what is due, for ever.
    pub(crate) async fn keep_time(&self, groups: &GroupService) {
        loop {
            let deadline = {
                let state = self.state();
                // What could not be done has not gone: all waits until it is tried again.
                state.again_ms.or(state.coordinator.next_deadline())
            };
            let due = async {
                match deadline {
                    Some(ms) => {
                        let wait_ms = ms.saturating_sub(self.clock.now_ms()).max(0).unsigned_abs();
                        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => on_disk(|| self.tick(groups)),
                () = self.moved.notified() => {}
            }
        }
    }

    fn tick(&self, groups: &GroupService) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        state.again_ms = state.again_ms.filter(|again_ms| *again_ms > now_ms);
        state.mend();
        for record in state.coordinator.due(now_ms) {
            if let Record::Transaction(transaction) = &record {
                tracing::info!(
                    transactional_id = transaction.transactional_id,
                    "a transaction took too long: it aborts"
                );
            }
            if state.keep(&record).is_err() {
                break;
            }
        }
        let decided = state.coordinator.decided();
        drop(state);
        for completion in decided {
            self.complete(groups, &completion.transactional_id);
        }
        self.pay_owed();
    }
}

/// An id that no producer has had.
fn next_id(ids: &ProducerIds) -> Result<i64, Unmet> {
    ids.next().map_err(|error| {
        tracing::error!(%error, "no producer id can be given out");
        Unmet::Unavailable
    })
}

fn named(topic: &str, partition: i32) -> Option<TopicPartition> {
    u32::try_from(partition).ok().map(|number| TopicPartition::new(topic, number))
}
