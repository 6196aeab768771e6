//! Drives the coordinator of transactions: a clock, a journal, and what is to be carried out of a transaction that ends.
//!
//! The order in which a transaction ends: its partitions are as safe as the flush mode promises; the decision is in the
//! journal; its markers are in the partitions; the offsets of its groups count; that it is complete is in the journal; its
//! producer is answered. A process that ends in between goes on from the decision when it starts again, or aborts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use millrace_flow::{Offset, TopicPartition};
use millrace_log::{EmbeddedLog, End, Journal, LogError, Refused};
use tokio::sync::Notify;

use crate::BrokerError;
use crate::answers::on_disk;
use crate::group_service::{GroupService, SteadyClock};
use crate::groups::{CommitRequest, TopicErrors};
use crate::producer_ids::ProducerIds;
use crate::transactions::{
    Completion, Coordinator, Init, InitRequest, Producer, Record, Renewal, TransactionConfig, TransactionError,
};
use crate::wire::ErrorCode;

/// There is one coordinator, whichever process it is in.
const COORDINATOR_EPOCH: i32 = 0;
/// How long to wait before what could not be carried out is tried again.
const AGAIN_MS: i64 = 1_000;

/// The transactions of the broker.
pub(crate) struct TransactionService {
    log: Arc<EmbeddedLog>,
    state: Mutex<State>,
    /// Something was done that may have moved the next deadline.
    moved: Notify,
    clock: SteadyClock,
}

struct State {
    coordinator: Coordinator,
    journal: Journal,
    /// Transactions that somebody is carrying out. A marker that comes late would end the next transaction.
    in_hand: BTreeSet<String>,
    /// When to try again what could not be carried out.
    again_ms: Option<i64>,
    /// A sync of the journal has failed: nobody knows what of it a restart would find.
    is_out_of_service: bool,
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
        if self.is_out_of_service {
            return Err(Unmet::Unavailable);
        }
        if let Err(error) = self.journal.append(&[record.encode()]) {
            self.note_failure(&error);
            return Err(Unmet::Unavailable);
        }
        self.coordinator.apply(record);
        if self.journal.wants_replacement() {
            let all: Vec<Bytes> = self.coordinator.snapshot().iter().map(Record::encode).collect();
            if let Err(error) = self.journal.replace(&all) {
                self.note_failure(&error);
            }
        }
        Ok(())
    }

    fn note_failure(&mut self, error: &LogError) {
        self.is_out_of_service |= matches!(error, LogError::Io { action, .. } if action.starts_with("sync"));
        tracing::error!(%error, lasting = self.is_out_of_service, "a change of a transaction could not be kept");
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
        let state = State { coordinator, journal, in_hand: BTreeSet::new(), again_ms: None, is_out_of_service: false };
        let service = Self { log, state: Mutex::new(state), moved: Notify::new(), clock: SteadyClock::start() };
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
        if state.is_out_of_service {
            return Err(Unmet::Unavailable);
        }
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
        self.decide(|coordinator, now_ms| coordinator.end(transactional_id, producer, is_commit, now_ms))?;
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
            match state.coordinator.end_with_new_life(transactional_id, producer, is_commit, new_id, now_ms)? {
                Renewal::Told(life) => return Ok(life),
                Renewal::Decided(life, record) => {
                    state.keep(&record)?;
                    drop(state);
                    self.moved.notify_one();
                    let is_complete = self.complete(groups, transactional_id);
                    return if is_complete { Ok(life) } else { Err(TransactionError::Concurrent.into()) };
                }
                Renewal::WantsId => {
                    drop(state);
                    new_id = Some(next_id(ids)?);
                }
            }
        }
    }

    /// Returns when the partitions of a transaction are as safe as promised.
    fn settle_participants(&self, transactional_id: &str) -> Result<(), Unmet> {
        let participants = self.look(|coordinator, _| coordinator.participants(transactional_id));
        participants.iter().try_for_each(|(topic, partition)| self.settle(topic, *partition))
    }

    /// Returns when what is in a partition is as safe as promised; one that was taken away has nothing.
    fn settle(&self, topic: &str, partition: i32) -> Result<(), Unmet> {
        let Some(partition) = named(topic, partition) else { return Ok(()) };
        match self.log.settle_all(&partition) {
            Ok(()) | Err(LogError::UnknownTopic(_) | LogError::UnknownPartition(_)) => Ok(()),
            Err(error) => {
                tracing::error!(%partition, %error, "a transaction cannot be ended");
                Err(Unmet::Unavailable)
            }
        }
    }

    /// Carries out the end of a transaction that is decided; says whether nothing is left to be done of it.
    fn complete(&self, groups: &GroupService, transactional_id: &str) -> bool {
        let mut state = self.state();
        let Some(completion) = state.coordinator.completion(transactional_id) else { return true };
        if !state.in_hand.insert(transactional_id.to_owned()) {
            return false;
        }
        drop(state);
        let done = self.carry_out(groups, &completion);
        let mut state = self.state();
        state.in_hand.remove(transactional_id);
        let now_ms = self.clock.now_ms();
        let kept = done.and_then(|()| match state.coordinator.completed(&completion, now_ms) {
            Some(record) => state.keep(&record).map_err(|_| "it cannot be kept".to_owned()),
            None => Ok(()),
        });
        if let Err(error) = &kept {
            tracing::warn!(transactional_id, error, "a transaction could not be completed, it will be tried again");
            state.again_ms = Some(now_ms.saturating_add(AGAIN_MS));
        }
        drop(state);
        self.moved.notify_one();
        kept.is_ok()
    }

    fn carry_out(&self, groups: &GroupService, completion: &Completion) -> Result<(), String> {
        let mut marked = Vec::with_capacity(completion.partitions.len());
        for (topic, partition) in &completion.partitions {
            let Some(partition) = named(topic, *partition) else { continue };
            let end = self.append_marker(&partition, completion.producer, completion.is_commit);
            if let Some(end) = end.map_err(|error| error.to_string())? {
                marked.push((partition, end));
            }
        }
        for (partition, end) in marked {
            self.log.settle(&partition, end).map_err(|error| error.to_string())?;
        }
        let offsets =
            completion.has_offsets.then(|| groups.complete_transaction(completion.producer.id, completion.is_commit));
        if offsets == Some(false) { Err("the offsets of its groups cannot be kept".to_owned()) } else { Ok(()) }
    }

    /// Appends a marker and makes sure of it.
    fn mark(&self, partition: &TopicPartition, producer: Producer, is_commit: bool) -> Result<(), Refused> {
        match self.append_marker(partition, producer, is_commit)? {
            Some(end) => Ok(self.log.settle(partition, end)?),
            None => Ok(()),
        }
    }

    /// Appends a marker; answers the offset behind it, or nothing where there is nothing to end any more.
    fn append_marker(
        &self,
        partition: &TopicPartition,
        producer: Producer,
        is_commit: bool,
    ) -> Result<Option<Offset>, Refused> {
        let (producer_id, producer_epoch) = (producer.id, producer.epoch);
        let end = End { producer_id, producer_epoch, coordinator_epoch: COORDINATOR_EPOCH, is_commit };
        match self.log.append_marker(partition, end) {
            Ok(appended) => Ok(Some(appended.end)),
            // A later life has begun there, so this one has ended; or the topic was taken away.
            Err(Refused::Fenced | Refused::Log(LogError::UnknownTopic(_) | LogError::UnknownPartition(_))) => Ok(None),
            Err(error) => Err(error),
        }
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
        for record in state.coordinator.due(now_ms) {
            if let Record::Transaction(transaction) = &record {
                tracing::info!(
                    transactional_id = transaction.transactional_id,
                    "a transaction took too long: it aborts"
                );
            }
            if state.keep(&record).is_err() {
                state.again_ms = Some(now_ms.saturating_add(AGAIN_MS));
                break;
            }
        }
        let decided = state.coordinator.decided();
        drop(state);
        for completion in decided {
            self.complete(groups, &completion.transactional_id);
        }
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
