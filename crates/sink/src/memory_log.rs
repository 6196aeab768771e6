//! A log of one topic in memory, for tests: committed records, a seal, and where readers have come to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use arrow::datatypes::SchemaRef;
use millrace_flow::{
    Batch, Commit, Fetched, Log, LogWriter, Offset, PartitionId, ReaderPosition, Result, Signal, StageError, TopicInfo,
    TopicKind, TopicPartition, TopicSpec,
};

pub(crate) const TOPIC: &str = "sales";

type Positions = Arc<Mutex<BTreeMap<(String, PartitionId), Offset>>>;

/// One topic, named [`TOPIC`].
pub(crate) struct MemoryLog {
    state: Mutex<State>,
    signal: Arc<Signal>,
    positions: Positions,
    taken: Positions,
}

struct State {
    spec: TopicSpec,
    partitions: Vec<Vec<Fetched>>,
    sealed: bool,
}

impl MemoryLog {
    pub(crate) fn new(schema: SchemaRef, kind: TopicKind, partitions: u32) -> Self {
        let spec = TopicSpec {
            name: TOPIC.into(),
            partitions,
            schema,
            kind,
            writer: "test".into(),
            key: None,
            event_time: None,
            retention_bytes: None,
            retention_ms: None,
        };
        let partitions = vec![Vec::new(); partitions as usize];
        let state = Mutex::new(State { spec, partitions, sealed: false });
        Self { state, signal: Arc::default(), positions: Arc::default(), taken: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics with the lock held")
    }

    /// Appends and commits.
    pub(crate) fn append(&self, partition: usize, batch: Batch) {
        let mut state = self.lock();
        let base = end(&state.partitions[partition]);
        state.partitions[partition].push(Fetched { base, batch });
        drop(state);
        self.signal.notify();
    }

    pub(crate) fn seal(&self) {
        self.lock().sealed = true;
        self.signal.notify();
    }

    /// Loses what comes after the first `batches` of each partition, as a power cut may.
    pub(crate) fn lose_tail(&self, batches: usize) {
        self.lock().partitions.iter_mut().for_each(|partition| partition.truncate(batches));
    }

    /// What a reader says it has read, stored or not.
    pub(crate) fn taken(&self, reader: &str, partition: u32) -> Option<Offset> {
        let taken = self.taken.lock().expect("no test panics with the lock held");
        taken.get(&(reader.to_owned(), PartitionId(partition))).copied()
    }

    pub(crate) fn position(&self, reader: &str, partition: u32) -> Option<Offset> {
        let positions = self.positions.lock().expect("no test panics with the lock held");
        positions.get(&(reader.to_owned(), PartitionId(partition))).copied()
    }

    pub(crate) fn wait_for(&self, done: impl Fn() -> bool) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let seen = self.signal.version();
            if done() {
                return;
            }
            assert!(self.signal.wait_until(seen, deadline), "nothing happened for 30 s");
        }
    }
}

fn end(partition: &[Fetched]) -> Offset {
    partition.last().map_or(Offset(0), Fetched::end)
}

fn not_here() -> StageError {
    StageError::bug("a log for reading tests does not do this")
}

impl Log for MemoryLog {
    fn create_topic(&self, _spec: TopicSpec) -> Result<TopicInfo> {
        Err(not_here())
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        let state = self.lock();
        (name == TOPIC).then(|| TopicInfo {
            spec: state.spec.clone(),
            schema_id: 1,
            starts: vec![Offset(0); state.partitions.len()],
            ends: state.partitions.iter().map(|partition| end(partition)).collect(),
            sealed: state.sealed,
            was_sealed: false,
            bytes: 0,
        })
    }

    fn topics(&self) -> Vec<TopicInfo> {
        self.topic(TOPIC).into_iter().collect()
    }

    fn writer(&self, _id: &str) -> Result<Box<dyn LogWriter>> {
        Err(not_here())
    }

    fn last_commit(&self, _writer: &str) -> Option<Commit> {
        None
    }

    fn read(&self, partition: &TopicPartition, from: Offset, max_bytes: usize) -> Result<Vec<Fetched>> {
        let mut bytes = 0;
        let mut fetched = Vec::new();
        for records in self.lock().partitions[partition.partition.index()].iter().filter(|records| records.end() > from)
        {
            if bytes > max_bytes {
                break;
            }
            let skip = usize::try_from(from.0 - records.base.0).unwrap_or(0);
            let batch = records.batch.slice(skip, records.batch.num_rows() - skip);
            bytes += batch.memory_bytes();
            fetched.push(Fetched { base: records.base.advance(skip), batch });
        }
        Ok(fetched)
    }

    fn offset_for_time(&self, _partition: &TopicPartition, _time_ms: i64) -> Result<Offset> {
        Err(not_here())
    }

    fn track_reader(&self, reader: &str, _topic: &str) -> Result<Box<dyn ReaderPosition>> {
        let (positions, taken, signal) = (self.positions.clone(), self.taken.clone(), self.signal.clone());
        Ok(Box::new(Position { reader: reader.to_owned(), positions, taken, signal }))
    }

    fn backlog_bytes(&self, _topic: &str) -> u64 {
        0
    }

    fn lags(&self, _topic: &str) -> Vec<(String, u64)> {
        Vec::new()
    }

    fn signal(&self) -> &Signal {
        &self.signal
    }
}

struct Position {
    reader: String,
    positions: Positions,
    taken: Positions,
    signal: Arc<Signal>,
}

impl ReaderPosition for Position {
    fn advance(&self, partition: PartitionId, next: Offset) {
        let mut positions = self.positions.lock().expect("no test panics with the lock held");
        let moved = positions.insert((self.reader.clone(), partition), next) != Some(next);
        drop(positions);
        if moved {
            self.signal.notify();
        }
    }

    fn take(&self, partition: PartitionId, next: Offset) {
        self.taken.lock().expect("no test panics with the lock held").insert((self.reader.clone(), partition), next);
    }
}
