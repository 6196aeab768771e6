//! A log that keeps everything in memory: for tests of whatever reads or writes topics.
//!
//! It keeps the whole contract of [`Log`]: commits that are atomic over topics, cookies, seals, and the loss of what was not
//! committed when a writer goes away. It bounds nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, BooleanArray};
use arrow::compute;
use bytes::Bytes;

use crate::{
    Batch, Commit, Epoch, ErrorKind, Fetched, Log, LogWriter, Offset, Origin, PartitionId, ReaderPosition, Result,
    Signal, StageError, TopicInfo, TopicPartition, TopicSpec,
};

/// A log in memory.
#[derive(Clone, Default)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    signal: Signal,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<Arc<str>, Topic>,
    commits: HashMap<String, Commit>,
    open: HashSet<String>,
    readers: HashMap<(String, String), Vec<Offset>>,
    commits_until_failure: Option<u64>,
    merges_reads: bool,
}

struct Topic {
    spec: TopicSpec,
    id: u32,
    partitions: Vec<Partition>,
    sealed: bool,
}

#[derive(Default)]
struct Partition {
    batches: Vec<Fetched>,
    end: Offset,
    committed: Offset,
}

impl Partition {
    fn cut_to_commit(&mut self) {
        self.batches.retain(|fetched| fetched.base < self.committed);
        self.end = self.committed;
    }
}

impl MemoryLog {
    /// A log without topics.
    pub fn new() -> Self {
        Self::default()
    }

    /// All committed records of a topic, partition after partition.
    pub fn records(&self, topic: &str) -> Vec<Batch> {
        let state = self.state();
        let Some(topic) = state.topics.get(topic) else { return Vec::new() };
        let committed = |partition: &Partition| {
            let end = partition.committed;
            partition.batches.iter().filter(|fetched| fetched.base < end).map(|fetched| fetched.batch.clone()).collect()
        };
        topic.partitions.iter().flat_map(committed as fn(&Partition) -> Vec<Batch>).collect()
    }

    /// Lets one commit fail after `commits` more have succeeded, as a crash just before it would.
    pub fn fail_commit_after(&self, commits: u64) {
        self.state().commits_until_failure = Some(commits);
    }

    /// Lets reads answer with one batch where several were appended, as a log does that reads them back from its files.
    pub fn merge_reads(&self) {
        self.state().merges_reads = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic {
    fn info(&self) -> TopicInfo {
        TopicInfo {
            spec: self.spec.clone(),
            schema_id: self.id,
            starts: vec![Offset(0); self.partitions.len()],
            ends: self.partitions.iter().map(|partition| partition.committed).collect(),
            sealed: self.sealed,
            was_sealed: false,
            bytes: 0,
        }
    }
}

/// Batches of one topic as one.
fn merged(batches: &[Batch]) -> Batch {
    fn column<A: Array + Clone + 'static>(parts: Vec<&A>) -> A {
        let parts: Vec<&dyn Array> = parts.into_iter().map(|part| part as &dyn Array).collect();
        let whole = compute::concat(&parts).expect("columns of one topic have one type");
        whole.as_any().downcast_ref::<A>().expect("concat keeps the type").clone()
    }
    let values = compute::concat_batches(batches[0].values.schema_ref(), batches.iter().map(|batch| &batch.values));
    let marks: Vec<BooleanArray> =
        batches.iter().map(|batch| (0..batch.num_rows()).map(|row| Some(batch.is_tombstone(row))).collect()).collect();
    let mut whole = Batch::new(
        values.expect("batches of one topic have one schema"),
        column(batches.iter().map(|batch| &*batch.times_ms).collect()),
    )
    .with_tombstones(column(marks.iter().collect()));
    if let Some(keys) = batches.iter().map(|batch| batch.keys.as_deref()).collect::<Option<Vec<_>>>() {
        whole = whole.with_keys(column(keys));
    }
    if let Some(origins) = batches.iter().map(|batch| batch.origin.as_ref()).collect::<Option<Vec<_>>>() {
        let file = Arc::new(column(origins.iter().map(|origin| &*origin.file).collect()));
        let line = Arc::new(column(origins.iter().map(|origin| &*origin.line).collect()));
        whole = whole.with_origin(Origin { file, line });
    }
    whole
}

fn missing(topic: &str) -> StageError {
    StageError::user(format!("topic `{topic}` does not exist"))
}

impl Log for MemoryLog {
    fn create_topic(&self, spec: TopicSpec) -> Result<TopicInfo> {
        let mut state = self.state();
        let id = u32::try_from(state.topics.len() + 1).expect("a test has fewer than 2^32 topics");
        let partitions = || (0..spec.partitions).map(|_| Partition::default()).collect();
        let topic = state.topics.entry(spec.name.clone());
        let topic = topic.or_insert_with(|| Topic { spec: spec.clone(), id, partitions: partitions(), sealed: false });
        Ok(topic.info())
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        self.state().topics.get(name).map(Topic::info)
    }

    fn topics(&self) -> Vec<TopicInfo> {
        self.state().topics.values().map(Topic::info).collect()
    }

    fn writer(&self, id: &str) -> Result<Box<dyn LogWriter>> {
        let mut state = self.state();
        if !state.open.insert(id.to_owned()) {
            return Err(StageError::user(format!("writer `{id}` is open already")));
        }
        let last = state.commits.get(id).cloned();
        Ok(Box::new(MemoryWriter { log: self.clone(), id: id.to_owned(), last }))
    }

    fn last_commit(&self, writer: &str) -> Option<Commit> {
        self.state().commits.get(writer).cloned()
    }

    fn read(&self, partition: &TopicPartition, from: Offset, max_bytes: usize) -> Result<Vec<Fetched>> {
        let state = self.state();
        let topic = state.topics.get(&partition.topic).ok_or_else(|| missing(&partition.topic))?;
        let held = &topic.partitions[partition.partition.index()];
        let mut read = Vec::new();
        let mut bytes = 0;
        for fetched in held.batches.iter().filter(|fetched| fetched.end() > from && fetched.base < held.committed) {
            if bytes > max_bytes {
                break;
            }
            let skip = usize::try_from((from.0 - fetched.base.0).max(0)).expect("a batch fits memory");
            let batch = fetched.batch.slice(skip, fetched.batch.num_rows() - skip);
            bytes += batch.memory_bytes();
            read.push(Fetched { base: fetched.base.advance(skip), batch });
        }
        if state.merges_reads && read.len() > 1 {
            let base = read[0].base;
            let batches: Vec<Batch> = read.into_iter().map(|fetched| fetched.batch).collect();
            read = vec![Fetched { base, batch: merged(&batches) }];
        }
        Ok(read)
    }

    fn offset_for_time(&self, partition: &TopicPartition, time_ms: i64) -> Result<Offset> {
        let state = self.state();
        let topic = state.topics.get(&partition.topic).ok_or_else(|| missing(&partition.topic))?;
        let held = &topic.partitions[partition.partition.index()];
        for fetched in held.batches.iter().filter(|fetched| fetched.base < held.committed) {
            let row = fetched.batch.times_ms.values().iter().position(|time| *time >= time_ms);
            if let Some(row) = row {
                return Ok(fetched.base.advance(row));
            }
        }
        Ok(held.committed)
    }

    fn track_reader(&self, reader: &str, topic: &str) -> Result<Box<dyn ReaderPosition>> {
        let mut state = self.state();
        let partitions = state.topics.get(topic).ok_or_else(|| missing(topic))?.partitions.len();
        let key = (reader.to_owned(), topic.to_owned());
        state.readers.insert(key.clone(), vec![Offset(0); partitions]);
        Ok(Box::new(MemoryReader { log: self.clone(), key }))
    }

    fn backlog_bytes(&self, _topic: &str) -> u64 {
        0
    }

    fn lags(&self, topic: &str) -> Vec<(String, u64)> {
        let state = self.state();
        let Some(held) = state.topics.get(topic) else { return Vec::new() };
        let behind = |positions: &Vec<Offset>| {
            let pairs = positions.iter().zip(&held.partitions);
            pairs.map(|(next, partition)| u64::try_from(partition.committed.0 - next.0).unwrap_or(0)).sum()
        };
        let of_topic = state.readers.iter().filter(|((_, of), _)| of == topic);
        of_topic.map(|((reader, _), positions)| (reader.clone(), behind(positions))).collect()
    }

    fn signal(&self) -> &Signal {
        &self.shared.signal
    }
}

struct MemoryWriter {
    log: MemoryLog,
    id: String,
    last: Option<Commit>,
}

impl MemoryWriter {
    fn each_own_topic(&self, mut take: impl FnMut(&mut Topic)) {
        let mut state = self.log.state();
        state.topics.values_mut().filter(|topic| *topic.spec.writer == *self.id).for_each(&mut take);
    }
}

impl LogWriter for MemoryWriter {
    fn last_commit(&self) -> Option<&Commit> {
        self.last.as_ref()
    }

    fn append(&mut self, partition: &TopicPartition, batch: Batch) -> Result<Range<Offset>> {
        let mut state = self.log.state();
        let topic = state.topics.get_mut(&partition.topic).ok_or_else(|| missing(&partition.topic))?;
        assert_eq!(*topic.spec.writer, *self.id, "a writer appends to its own topics only");
        assert_eq!(topic.spec.schema.fields().len(), batch.schema().fields().len(), "one column a field of the topic");
        let held = &mut topic.partitions[partition.partition.index()];
        let base = held.end;
        held.end = base.advance(batch.num_rows());
        let range = base..held.end;
        if batch.num_rows() > 0 {
            held.batches.push(Fetched { base, batch });
        }
        Ok(range)
    }

    fn commit(&mut self, cookie: Bytes, sealed: bool) -> Result<Epoch> {
        let left = self.log.state().commits_until_failure.take();
        if left == Some(0) {
            return Err(StageError::new(ErrorKind::Outside, true, "the commit was made to fail"));
        }
        self.log.state().commits_until_failure = left.map(|left| left - 1);
        self.each_own_topic(|topic| {
            topic.sealed = sealed;
            topic.partitions.iter_mut().for_each(|partition| partition.committed = partition.end);
        });
        let epoch = self.last.as_ref().map_or(Epoch(1), |last| last.epoch.next());
        let commit = Commit { epoch, cookie, sealed };
        self.log.state().commits.insert(self.id.clone(), commit.clone());
        self.last = Some(commit);
        self.log.shared.signal.notify();
        Ok(epoch)
    }

    // Here a seal lasts until a commit without one.
    fn reseal(&mut self) {}

    fn rollback(&mut self) -> Result<()> {
        self.each_own_topic(|topic| topic.partitions.iter_mut().for_each(Partition::cut_to_commit));
        Ok(())
    }

    fn attach(&mut self, _file: Arc<File>) {}

    // Here every commit is as durable as it will ever be.
    fn discard(&mut self, files: Vec<PathBuf>) {
        for file in files {
            std::fs::remove_file(file).expect("who asks for it has written the file");
        }
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.each_own_topic(|topic| topic.partitions.iter_mut().for_each(Partition::cut_to_commit));
        self.log.state().open.remove(&self.id);
    }
}

struct MemoryReader {
    log: MemoryLog,
    key: (String, String),
}

impl ReaderPosition for MemoryReader {
    fn advance(&self, partition: PartitionId, next: Offset) {
        if let Some(positions) = self.log.state().readers.get_mut(&self.key) {
            positions[partition.index()] = next;
        }
        self.log.shared.signal.notify();
    }

    // Here nobody is ever held back.
    fn take(&self, _partition: PartitionId, _next: Offset) {}
}

impl Drop for MemoryReader {
    fn drop(&mut self) {
        self.log.state().readers.remove(&self.key);
    }
}
