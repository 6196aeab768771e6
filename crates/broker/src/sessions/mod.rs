//! Fetch sessions (KIP-227): a client names what it fetches once, afterwards only what changes, and is answered only what
//! is new.
//!
//! ```text
//! session 0, epoch 0    everything is named; answered in full, with the id of a new session if there is room
//! session n, epoch e    e counts from 1; names partitions that are new, other, or forgotten
//! epoch -1              everything is named, and there shall be no session
//! ```
//!
//! Sessions are kept in memory only: a client that names one that is gone is told so, and begins anew. There are at most
//! [`SESSIONS_MAX`] of at most [`PARTITIONS_MAX`] partitions. When all places are taken, a session that was idle for
//! [`IDLE`] makes room; otherwise the client goes on without one.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchedPartition};
use crate::wire::{ErrorCode, Uuid};

/// Most sessions: `max.incremental.fetch.session.cache.slots` of Kafka.
const SESSIONS_MAX: usize = 1_000;
/// Most partitions of one session: all sessions together take some hundred megabytes at most.
const PARTITIONS_MAX: usize = 2_000;
/// How long a session is kept for sure: `min.incremental.fetch.session.eviction.ms` of Kafka.
const IDLE: Duration = Duration::from_secs(120);
/// Epochs that name everything: one begins a session, one ends it.
const INITIAL: i32 = 0;
const FINAL: i32 = -1;

/// A partition of a session: name and id of its topic, of which the client uses one, and its number.
type Key = (String, Uuid, i32);

/// All sessions.
#[derive(Default)]
pub(crate) struct FetchSessions {
    by_id: Mutex<HashMap<i32, Session>>,
}

/// What one client fetches.
struct Session {
    /// The epoch of its next request.
    epoch: i32,
    uses_ids: bool,
    used: Instant,
    partitions: HashMap<Key, Kept>,
    /// In which order they are read: who got something goes to the back, so that everybody gets something.
    order: Vec<Key>,
}

/// A partition as it is asked for, and what was last told of it.
struct Kept {
    asked: FetchPartition,
    told: Option<Told>,
}

/// High watermark, last stable offset, start.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told(i64, i64, i64);

/// What one fetch has to do with sessions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Without,
    /// It begins one.
    First,
    /// It is part of this one.
    Next(i32),
}

impl FetchSessions {
    /// Completes a request by what its session knows.
    pub(crate) fn begin(&self, request: &mut FetchRequest, uses_ids: bool, now: Instant) -> Result<Turn, ErrorCode> {
        let id = request.session_id;
        if matches!(request.session_epoch, INITIAL | FINAL) {
            if id != 0 {
                self.by_id().remove(&id);
            }
            let begins = request.session_epoch == INITIAL && !request.topics.is_empty();
            return Ok(if begins { Turn::First } else { Turn::Without });
        }
        let mut by_id = self.by_id();
        let session = by_id.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if request.session_epoch != session.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if uses_ids != session.uses_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.change(request);
        session.epoch = session.epoch.checked_add(1).unwrap_or(1);
        session.used = now;
        if session.partitions.len() > PARTITIONS_MAX {
            by_id.remove(&id);
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        request.topics = session.topics();
        if request.topics.is_empty() {
            by_id.remove(&id);
            return Ok(Turn::Without);
        }
        Ok(Turn::Next(id))
    }

    /// Leaves only what is new in an answer to a session, or begins one.
    pub(crate) fn finish(
        &self,
        turn: &Turn,
        request: FetchRequest,
        uses_ids: bool,
        response: &mut FetchResponse,
        now: Instant,
    ) {
        match turn {
            Turn::Without => {}
            Turn::First => response.session_id = self.open(request, uses_ids, response, now).unwrap_or(0),
            Turn::Next(id) => {
                response.session_id = *id;
                if let Some(session) = self.by_id().get_mut(id) {
                    session.leave_news(response);
                }
            }
        }
    }

    fn by_id(&self) -> MutexGuard<'_, HashMap<i32, Session>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session, if there is room for it.
    fn open(&self, request: FetchRequest, uses_ids: bool, response: &FetchResponse, now: Instant) -> Option<i32> {
        let partitions: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
        if partitions > PARTITIONS_MAX {
            return None;
        }
        let mut by_id = self.by_id();
        if by_id.len() >= SESSIONS_MAX {
            let oldest = by_id.iter().min_by_key(|(_, session)| session.used).map(|(id, session)| (*id, session.used));
            let (oldest, _) = oldest.filter(|(_, used)| now.saturating_duration_since(*used) >= IDLE)?;
            by_id.remove(&oldest);
        }
        let mut session = Session { epoch: 1, uses_ids, used: now, partitions: HashMap::new(), order: Vec::new() };
        session.change(&request);
        for topic in &response.responses {
            for found in &topic.partitions {
                let key = (topic.topic.clone(), topic.topic_id, found.partition_index);
                if let Some(kept) = session.partitions.get_mut(&key) {
                    kept.told = told(found);
                }
            }
        }
        let id = new_id(&by_id);
        by_id.insert(id, session);
        Some(id)
    }
}

/// An id that no session has, and that none had lately.
fn new_id(taken: &HashMap<i32, Session>) -> i32 {
    loop {
        let (random, ..) = uuid::Uuid::new_v4().as_fields();
        let id = (random & 0x7fff_ffff) as i32;
        if id != 0 && !taken.contains_key(&id) {
            return id;
        }
    }
}

/// What is told by an answer; nothing by one with an error, so that the next is told whatever it says.
fn told(found: &FetchedPartition) -> Option<Told> {
    (found.error_code == 0).then_some(Told(found.high_watermark, found.last_stable_offset, found.log_start_offset))
}

impl Session {
    /// Takes in what a request says of partitions.
    fn change(&mut self, request: &FetchRequest) {
        for topic in &request.topics {
            for asked in &topic.partitions {
                let key = (topic.topic.clone(), topic.topic_id, asked.partition);
                match self.partitions.get_mut(&key) {
                    Some(kept) => kept.asked = asked.clone(),
                    None => {
                        self.order.push(key.clone());
                        self.partitions.insert(key, Kept { asked: asked.clone(), told: None });
                    }
                }
            }
        }
        let mut is_forgotten = false;
        for topic in &request.forgotten_topics_data {
            for partition in &topic.partitions {
                let key = (topic.topic.clone(), topic.topic_id, *partition);
                is_forgotten |= self.partitions.remove(&key).is_some();
            }
        }
        if is_forgotten {
            self.order.retain(|key| self.partitions.contains_key(key));
        }
    }

    /// Everything that the session fetches, as a request names it.
    fn topics(&self) -> Vec<FetchTopic> {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for key in &self.order {
            let Some(kept) = self.partitions.get(key) else { continue };
            let (topic, topic_id, _) = key;
            match topics.last_mut().filter(|last| last.topic == *topic && last.topic_id == *topic_id) {
                Some(last) => last.partitions.push(kept.asked.clone()),
                None => {
                    let partitions = vec![kept.asked.clone()];
                    topics.push(FetchTopic { topic: topic.clone(), topic_id: *topic_id, partitions });
                }
            }
        }
        topics
    }

    /// Takes out of an answer what the client knows already.
    fn leave_news(&mut self, response: &mut FetchResponse) {
        let mut served = HashSet::new();
        for topic in &mut response.responses {
            let (name, id) = (topic.topic.clone(), topic.topic_id);
            topic.partitions.retain(|found| {
                let key = (name.clone(), id, found.partition_index);
                let Some(kept) = self.partitions.get_mut(&key) else { return true };
                let before = std::mem::replace(&mut kept.told, told(found));
                let has_records = found.records.bytes() > 0;
                if has_records {
                    served.insert(key);
                }
                let diverges = found.diverging_epoch.epoch >= 0;
                has_records || diverges || kept.told.is_none() || kept.told != before
            });
        }
        response.responses.retain(|topic| !topic.partitions.is_empty());
        if !served.is_empty() && served.len() < self.order.len() {
            // A stable order: first those that got nothing, then the others.
            self.order.sort_by_key(|key| served.contains(key));
        }
    }
}
