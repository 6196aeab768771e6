//! Reading: at once what there is, or as soon as there is enough.

use std::sync::Arc;
use std::time::Duration;

use millrace_flow::{Log, Offset, TopicPartition};
use millrace_log::{Isolation, Piece};
use tokio::time::Instant;

use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::options::NODE_ID;
use crate::throttle::Flow;
use crate::wire::messages::fetch::{
    FetchAborted, FetchLeader, FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchedPartition, FetchedTopic,
};
use crate::wire::{ErrorCode, Records};

/// Longest that a client may wait.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Most that one answer has beyond its first batch, whatever a client asks for (`fetch.max.bytes` of Kafka's brokers).
const ANSWER_BYTES_MAX: usize = 55 << 20;
/// From this version on topics go by their ids.
const IDS_FROM: i16 = 13;
/// The isolation of readers who only want what is committed.
const READ_COMMITTED: i8 = 1;

/// What was read, and whether that is worth an answer before its time.
struct Read {
    responses: Vec<FetchedTopic>,
    bytes: usize,
    has_error: bool,
}

impl Read {
    /// Bytes that are here: others lie in files until they are sent.
    fn memory_bytes(&self) -> usize {
        let partitions = self.responses.iter().flat_map(|topic| &topic.partitions);
        let pieces = partitions.flat_map(|partition| &partition.records.0);
        pieces.filter(|piece| matches!(piece, Piece::Memory(_))).map(Piece::len).sum()
    }

    /// Lets go of what was read, and keeps where partitions end.
    fn drop_records(&mut self) {
        let partitions = self.responses.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| partition.records = Records::default());
    }
}

impl Broker {
    pub(super) async fn fetch(&self, mut request: FetchRequest, call: &Call) -> FetchResponse {
        let uses_ids = call.header.api_version >= IDS_FROM;
        let turn = match self.sessions.begin(&mut request, uses_ids, Instant::now().into_std()) {
            Ok(turn) => turn,
            Err(code) => return FetchResponse { error_code: code.number(), ..FetchResponse::default() },
        };
        let mut response = self.fetch_all(&request, uses_ids, call).await;
        self.sessions.finish(&turn, request, uses_ids, &mut response, Instant::now().into_std());
        let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
        let bytes = partitions.map(|partition| partition.records.bytes()).sum();
        response.throttle_time_ms = call.meter(self, Flow::Fetched, bytes);
        response
    }

    /// Reads everything that is asked for, now or when there is enough.
    async fn fetch_all(&self, request: &FetchRequest, uses_ids: bool, call: &Call) -> FetchResponse {
        let names = self.names_of(request, uses_ids);
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
        let deadline = Instant::now() + wait;
        let bytes_min = usize::try_from(request.min_bytes).unwrap_or(0);
        let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(ANSWER_BYTES_MAX);
        loop {
            let room = self.room.take(bytes_max).await;
            // Both before reading: what comes while we read wakes us.
            let mut seen = (self.log.clients_signal().version(), self.log.signal().version());
            let left = bytes_max.min(room.bytes());
            let mut read = on_disk(|| self.read_all(request, &names, left));
            // Where there is little room, half of that is enough: more may not fit.
            let enough = if left < bytes_max { bytes_min.min(left / 2) } else { bytes_min };
            if read.has_error || read.bytes >= enough || Instant::now() >= deadline {
                call.hold(room, read.memory_bytes());
                return FetchResponse { responses: read.responses, ..FetchResponse::default() };
            }
            read.drop_records();
            drop(room);
            let isolation = isolation_of(request.isolation_level);
            loop {
                let is_time = tokio::select! {
                    () = self.log.clients_signal().changed(seen.0) => false,
                    () = self.log.signal().changed(seen.1) => false,
                    () = tokio::time::sleep_until(deadline) => true,
                };
                seen = (self.log.clients_signal().version(), self.log.signal().version());
                // Everybody who waits is woken by everything that comes.
                if is_time || self.has_news(&read.responses, &names, isolation) {
                    break;
                }
            }
        }
    }

    /// The names of the topics of a request, each in its place.
    fn names_of(&self, request: &FetchRequest, uses_ids: bool) -> Vec<Option<Arc<str>>> {
        if !uses_ids {
            return request.topics.iter().map(|topic| Some(Arc::from(topic.topic.as_str()))).collect();
        }
        let names = self.log.topic_names(&request.topics.iter().map(|topic| topic.topic_id.0).collect());
        request.topics.iter().map(|topic| names.get(&topic.topic_id.0).cloned()).collect()
    }

    /// Whether a partition ends elsewhere now, for such a reader, than when it was read.
    fn has_news(&self, read: &[FetchedTopic], names: &[Option<Arc<str>>], isolation: Isolation) -> bool {
        read.iter().zip(names).any(|(topic, name)| {
            let Some(name) = name else { return true };
            topic.partitions.iter().any(|partition| {
                let number = u32::try_from(partition.partition_index).unwrap_or(u32::MAX);
                let at = TopicPartition::new(name.clone(), number);
                let (now, before) = match isolation {
                    Isolation::Committed => (self.log.stable_offset(&at), partition.last_stable_offset),
                    Isolation::Uncommitted => (self.log.offsets(&at).map(|(_, end)| end), partition.high_watermark),
                };
                now.map_or(true, |now| now.0 != before)
            })
        })
    }

    /// Reads at most `left` bytes beyond the first batch.
    fn read_all(&self, request: &FetchRequest, names: &[Option<Arc<str>>], mut left: usize) -> Read {
        let isolation = isolation_of(request.isolation_level);
        let mut read = Read { responses: Vec::with_capacity(request.topics.len()), bytes: 0, has_error: false };
        for (topic, name) in request.topics.iter().zip(names) {
            let fetched = topic.partitions.iter().map(|partition| {
                let fetched = match name {
                    Some(name) => self.read_one(name, partition, isolation, left, read.bytes > 0),
                    None => failed(partition, ErrorCode::UnknownTopicId),
                };
                let bytes = fetched.records.bytes();
                left = left.saturating_sub(bytes);
                read.bytes += bytes;
                read.has_error |= fetched.error_code != 0;
                fetched
            });
            let partitions = fetched.collect();
            let FetchTopic { topic, topic_id, .. } = topic;
            read.responses.push(FetchedTopic { topic: topic.clone(), topic_id: *topic_id, partitions });
        }
        read
    }

    /// Reads one partition. The first batch of an answer comes whole, however large: a client would never get on otherwise.
    fn read_one(
        &self,
        topic: &Arc<str>,
        asked: &FetchPartition,
        isolation: Isolation,
        left: usize,
        has_any: bool,
    ) -> FetchedPartition {
        let Ok(number) = u32::try_from(asked.partition) else {
            return failed(asked, ErrorCode::UnknownTopicOrPartition);
        };
        let partition = TopicPartition::new(topic.clone(), number);
        if let Err((code, epoch)) = self.check_epoch(topic, asked.current_leader_epoch) {
            let current_leader = FetchLeader { leader_id: NODE_ID, leader_epoch: epoch };
            return FetchedPartition { current_leader, ..failed(asked, code) };
        }
        let bytes_max = usize::try_from(asked.partition_max_bytes).unwrap_or(0).min(left);
        // An answer that is full takes no more, and so nothing is looked for.
        let bytes_max = if has_any { bytes_max } else { bytes_max.max(1) };
        let read = self.log.fetch_isolated(&partition, Offset(asked.fetch_offset), bytes_max, isolation);
        match read {
            Ok(read) => {
                let fits = !has_any || read.frames.len() <= left;
                let records = if fits && !read.frames.is_empty() { vec![read.frames] } else { Vec::new() };
                FetchedPartition {
                    partition_index: asked.partition,
                    high_watermark: read.end.0,
                    last_stable_offset: read.stable.0,
                    log_start_offset: read.start.0,
                    aborted_transactions: (isolation == Isolation::Committed).then(|| aborted_of(&read.aborted)),
                    records: Records(records),
                    ..FetchedPartition::default()
                }
            }
            Err(error) => {
                let (start, end) = self.log.offsets(&partition).unwrap_or((Offset(-1), Offset(-1)));
                let failed = failed(asked, code_of(&error));
                FetchedPartition { high_watermark: end.0, log_start_offset: start.0, ..failed }
            }
        }
    }

    /// Refuses a client that knows of another leader than there is; answers the epoch that there is.
    pub(super) fn check_epoch(&self, topic: &str, known: i32) -> Result<(), (ErrorCode, i32)> {
        if known < 0 {
            return Ok(());
        }
        let Some(is_of_clients) = self.log.is_of_clients(topic) else { return Ok(()) };
        let epoch = self.leader_epoch(is_of_clients);
        match known.cmp(&epoch) {
            std::cmp::Ordering::Less => Err((ErrorCode::FencedLeaderEpoch, epoch)),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err((ErrorCode::UnknownLeaderEpoch, epoch)),
        }
    }
}

/// What a client wants to see of transactions, as its request says it.
pub(super) fn isolation_of(level: i8) -> Isolation {
    if level == READ_COMMITTED { Isolation::Committed } else { Isolation::Uncommitted }
}

fn aborted_of(aborted: &[(i64, Offset)]) -> Vec<FetchAborted> {
    aborted
        .iter()
        .map(|(producer_id, first)| FetchAborted { producer_id: *producer_id, first_offset: first.0 })
        .collect()
}

fn failed(asked: &FetchPartition, code: ErrorCode) -> FetchedPartition {
    FetchedPartition {
        partition_index: asked.partition,
        error_code: code.number(),
        high_watermark: -1,
        log_start_offset: -1,
        ..FetchedPartition::default()
    }
}
