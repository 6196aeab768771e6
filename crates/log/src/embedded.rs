//! The embedded log as everybody else sees it.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use millrace_flow::{
    Commit, Fetched, Log, LogWriter, Offset, ReaderPosition, Result as FlowResult, Signal, TopicInfo, TopicPartition,
    TopicSpec,
};
use millrace_schema::Registry;

use crate::checkpoint::{self, PartitionPoint};
use crate::columns::{Codec, DecodeFailure};
use crate::compaction::Cleaner;
use crate::flusher::Flusher;
use crate::journal::Journal;
use crate::partition::{Believed, RecoveryRules};
use crate::read::{Record, check_range, first_since, read_chunk, read_records, shown};
use crate::readers::TrackedReader;
use crate::shared::Shared;
use crate::topic::{Seal, Topic, partition_dir};
use crate::writer::EmbeddedWriter;
use crate::{FlushMode, LogConfig, LogError, Machine, catalog, clients, journal, open, segment};

/// A log in a folder of this machine. See the crate's own page for what is in the folder.
///
/// Dropping it leaves the folder as a killed process would; [`EmbeddedLog::close`] leaves it clean.
pub struct EmbeddedLog {
    pub(crate) shared: Arc<Shared>,
    flusher: Mutex<Option<Flusher>>,
    cleaner: Mutex<Option<Cleaner>>,
}

/// What the log tells about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Memory held by the tail cache.
    pub cache_bytes: usize,
    /// Reads answered from the tail cache.
    pub cached_reads: u64,
    /// Reads answered from segments.
    pub disk_reads: u64,
    /// Flushes since the start.
    pub flushes: u64,
    /// Bytes of the commit log.
    pub commit_log_bytes: u64,
}

impl EmbeddedLog {
    /// Opens the log in `dir`, or makes it. Values are written with schemas from `registry`.
    ///
    /// # Errors
    /// When another process uses the folder, when it is of a later version, when it is damaged in a way that is not one
    /// partition's alone, or when the disk does not answer.
    pub fn open(dir: &Path, config: LogConfig, registry: Arc<Registry>) -> Result<Arc<Self>, LogError> {
        Self::open_on(dir, config, registry, Machine::local())
    }

    /// Opens the log on a given machine.
    ///
    /// # Errors
    /// As [`EmbeddedLog::open`].
    pub fn open_on(
        dir: &Path,
        config: LogConfig,
        registry: Arc<Registry>,
        machine: Machine,
    ) -> Result<Arc<Self>, LogError> {
        let shared = open::open(dir, config, registry, machine)?;
        let flusher = Mutex::new(Some(Flusher::start(shared.clone())?));
        let cleaner = Mutex::new(Some(Cleaner::start(shared.clone())?));
        Ok(Arc::new(Self { shared, flusher, cleaner }))
    }

    /// Opens what is committed in `dir` at this moment for reading, whether or not another process is using the folder. A
    /// folder without a log is a log without topics.
    ///
    /// # Errors
    /// When the folder is of a later version or damaged, or the disk does not answer.
    pub fn open_read_only(dir: &Path) -> Result<Arc<Self>, LogError> {
        Self::open_read_only_on(dir, Machine::local())
    }

    /// Opens what is committed in `dir` for reading, on a given machine.
    ///
    /// # Errors
    /// As [`EmbeddedLog::open_read_only`].
    pub fn open_read_only_on(dir: &Path, machine: Machine) -> Result<Arc<Self>, LogError> {
        let shared = open::open_read_only(dir, machine)?;
        Ok(Arc::new(Self { shared, flusher: Mutex::new(None), cleaner: Mutex::new(None) }))
    }

    /// Brings everything committed to the disk and marks the folder as cleanly left. What is not committed is lost. Nothing
    /// can be appended afterwards; closing again does nothing.
    ///
    /// # Errors
    /// When the disk does not answer: the next start recovers then.
    pub fn close(&self) -> FlowResult<()> {
        Ok(self.try_close()?)
    }

    fn try_close(&self) -> Result<(), LogError> {
        if self.shared.commits.is_none() {
            return Ok(());
        }
        // A turn of the cleaner may take long, and ends when it is asked to.
        let cleaner = self.cleaner.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(cleaner);
        {
            let mut closed = self.shared.closed.write().unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut *closed, true) {
                return Ok(());
            }
        }
        let flusher = self.flusher.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(flusher);
        self.shared.flush_everything()?;
        self.keep_producers();
        checkpoint::write_clean_mark(self.shared.disk(), &self.shared.dir)
    }

    /// What names this log for ever, wherever its folder is moved.
    pub fn id(&self) -> String {
        self.shared.flushing().checkpoint.log_id.clone()
    }

    /// The folder that it is kept in.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// Moves whenever a topic is made, made wider or taken away.
    pub fn topics_version(&self) -> u64 {
        self.shared.topics_version.load(Ordering::Acquire)
    }

    /// Opens the journal `name` beside the topics, for the server of clients; answers its records, in order. It belongs to
    /// whoever opened it.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn journal(&self, name: &str) -> Result<(Journal, Vec<Bytes>), LogError> {
        self.open_journal(name, self.shared.config.flush)
    }

    /// Returns when everything that clients have appended so far is on the disk, whatever the flush mode. Where that promises it,
    /// it is when it was settled.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn secure(&self) -> Result<(), LogError> {
        if self.shared.commits_are_durable() {
            return Ok(());
        }
        let _open = self.shared.enter()?;
        self.shared.flush_everything()
    }

    /// Like [`EmbeddedLog::journal`]; what is kept in it is on the disk at once, whatever the flush mode.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn durable_journal(&self, name: &str) -> Result<(Journal, Vec<Bytes>), LogError> {
        self.open_journal(name, FlushMode::Commit)
    }

    fn open_journal(&self, name: &str, flush: FlushMode) -> Result<(Journal, Vec<Bytes>), LogError> {
        let _open = self.shared.enter()?;
        let dir = journal::folder(&self.shared.dir);
        let opened = Journal::open(self.shared.machine.disk.clone(), &dir, name, flush)?;
        self.shared.journals.add(&opened.0);
        Ok(opened)
    }

    /// What the log tells about itself.
    pub fn stats(&self) -> LogStats {
        LogStats {
            cache_bytes: self.shared.cache.bytes(),
            cached_reads: self.shared.cached_reads.load(Ordering::Relaxed),
            disk_reads: self.shared.disk_reads.load(Ordering::Relaxed),
            flushes: self.shared.flushes.load(Ordering::Relaxed),
            commit_log_bytes: self.shared.commits.as_ref().map_or(0, |commits| commits.position().bytes),
        }
    }

    /// Why the log does not take anything any more, if a sync has failed.
    pub fn failure(&self) -> Option<Arc<str>> {
        self.shared.failure.get().cloned()
    }

    /// What cannot be used although the log goes on: partitions that are offline, and what is remembered of clients where the disk
    /// refused the last change.
    pub fn troubles(&self) -> Vec<String> {
        let topics = self.shared.all_topics();
        let partitions = topics.iter().flat_map(|topic| &topic.partitions);
        let offline = partitions.filter_map(|partition| partition.check_online().err());
        let refused = self.shared.journals.refusals().into_iter();
        let refused = refused
            .map(|error| format!("{error}; changes that clients ask for there are refused until the disk takes one"));
        offline.map(|error| error.to_string()).chain(refused).collect()
    }

    /// Whether a partition cannot be used.
    pub fn is_offline(&self, partition: &TopicPartition) -> bool {
        let Ok(topic) = self.find(&partition.topic) else { return false };
        topic.partition(partition.partition).is_ok_and(|held| held.check_online().is_err())
    }

    /// Gives back the memory that the newest records take as columns. Whoever reads them next reads them from the disk.
    pub fn clear_tail_cache(&self) {
        self.shared.cache.clear();
    }

    /// Removes what the retention of the topics allows to go, now instead of at the next check.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn apply_retention(&self) -> FlowResult<()> {
        let _open = self.shared.enter()?;
        Ok(self.shared.retain()?)
    }

    /// Committed records of a partition from `from` on as they lie in the log, at most `records_max`. Those of transactions of
    /// clients count once it is certain that they were committed.
    ///
    /// # Errors
    /// When there is no such partition, the offset is not in it, or the disk does not answer or lies.
    pub fn read_records(
        &self,
        partition: &TopicPartition,
        from: Offset,
        records_max: usize,
    ) -> FlowResult<Vec<Record>> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.check_online()?;
        let (start, end) = self.bounds(held);
        if !check_range(partition, from.0, start, end)? {
            return Ok(Vec::new());
        }
        Ok(read_records(held, from.0, held.stable().min(end), records_max)?)
    }

    /// Keeps who has sent what, so that the next start need not read it from the records.
    fn keep_producers(&self) {
        let (disk, now_ms) = (self.shared.disk(), self.shared.machine.clock.now_ms());
        let topics = self.shared.all_topics();
        for partition in topics.iter().filter(|topic| topic.settings.is_some()).flat_map(|topic| &topic.partitions) {
            let mut appending = partition.appending.lock().unwrap_or_else(PoisonError::into_inner);
            clients::save(disk, partition, &mut appending, partition.next(), now_ms);
        }
    }

    pub(crate) fn find(&self, name: &Arc<str>) -> Result<Arc<Topic>, LogError> {
        self.shared.find(name).ok_or_else(|| LogError::UnknownTopic(name.clone()))
    }

    pub(crate) fn bounds(&self, partition: &crate::partition::Partition) -> (i64, i64) {
        let _visible = self.shared.visible.read().unwrap_or_else(PoisonError::into_inner);
        (partition.start(), partition.committed())
    }

    pub(crate) fn info(&self, topic: &Topic) -> TopicInfo {
        let _visible = self.shared.visible.read().unwrap_or_else(PoisonError::into_inner);
        topic.info()
    }

    fn find_or_create(&self, spec: TopicSpec) -> Result<Arc<Topic>, LogError> {
        let _open = self.shared.enter()?;
        let _creating = self.shared.creating.lock().unwrap_or_else(PoisonError::into_inner);
        catalog::validate(&spec)?;
        if let Some(topic) = self.shared.find(&spec.name) {
            catalog::compare(&topic.spec(), &spec)?;
            if topic.set_retention(spec.retention_bytes, spec.retention_ms) {
                self.write_catalog(None)?;
            }
            return Ok(topic);
        }
        let topic = Arc::new(self.create(spec)?);
        self.write_catalog(Some(&topic))?;
        let mut topics = self.shared.topics.write().unwrap_or_else(PoisonError::into_inner);
        topics.insert(topic.name.clone(), topic.clone());
        drop(topics);
        self.shared.topics_version.fetch_add(1, Ordering::AcqRel);
        Ok(topic)
    }

    fn create(&self, mut spec: TopicSpec) -> Result<Topic, LogError> {
        let refuse = |reason: String| LogError::TopicSpec { topic: spec.name.clone(), reason };
        let registry = self.shared.registry.as_ref().ok_or(LogError::ReadOnly)?;
        let schema_id = registry.id_for(&Registry::subject(&spec.name), &spec.schema);
        let schema_id = schema_id.map_err(|error| refuse(error.to_string()))?;
        let avro = registry.schema_json(schema_id).ok_or_else(|| refuse("its schema was not kept".into()))?;
        spec.schema = catalog::columns_of(&spec.name, &avro)?;
        let dirs: Vec<_> = (0..spec.partitions)
            .map(|number| partition_dir(&self.shared.dir, &TopicPartition::new(spec.name.clone(), number)))
            .collect();
        segment::create_dirs(self.shared.disk(), &dirs)?;
        let codec = Codec::new(spec.name.clone(), spec.schema.clone(), schema_id, avro)?;
        // Nothing was ever committed to a topic that is not in the catalog: whatever lies there is cut.
        let nothing = |_: &TopicPartition| Believed { point: PartitionPoint::default(), committed: Some(0) };
        let rules = RecoveryRules { trust_indexes: false, read_only: false };
        let (disk, dir) = (self.shared.disk(), &self.shared.dir);
        let numbers = 0..spec.partitions;
        let partitions = open::open_partitions(disk, dir, &spec, numbers, &self.shared.cache, nothing, rules)?;
        let id = catalog::id_of(&spec.name);
        Ok(Topic::new(spec, None, id, schema_id, codec, partitions, Seal::Open))
    }

    /// Writes the list of topics, with a `new` one or one that takes the place of another of its name.
    pub(crate) fn write_catalog(&self, new: Option<&Topic>) -> Result<(), LogError> {
        let mut topics = self.shared.all_topics();
        topics.retain(|topic| new.is_none_or(|new| new.name != topic.name));
        let entries = topics.iter().map(|topic| topic.entry()).chain(new.map(Topic::entry));
        catalog::write(self.shared.disk(), &self.shared.dir, entries.collect())
    }

    fn try_read(&self, partition: &TopicPartition, from: i64, bytes_max: usize) -> Result<Vec<Fetched>, LogError> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.check_online()?;
        let (start, end) = self.bounds(held);
        if !check_range(partition, from, start, end)? {
            return Ok(Vec::new());
        }
        if let Some(cached) = self.shared.cache.read(held.slot, from, end, bytes_max) {
            self.shared.cached_reads.fetch_add(1, Ordering::Relaxed);
            return Ok(cached);
        }
        self.shared.disk_reads.fetch_add(1, Ordering::Relaxed);
        let (mut next, end) = (from, held.stable().min(end));
        while next < end {
            let chunk = read_chunk(held, next, end, bytes_max)?;
            let (frames, behind) = shown(held, &chunk)?;
            let decoded = topic.codec.decode(&frames, next).map_err(|failure| match failure {
                DecodeFailure::Damage(damage) => chunk.corrupt(0, damage),
                DecodeFailure::Values(error) => error,
            })?;
            // What has nothing for readers is passed over: they would wait there for ever.
            if !decoded.is_empty() {
                return Ok(decoded);
            }
            next = behind;
        }
        Ok(Vec::new())
    }
}

impl Log for EmbeddedLog {
    fn create_topic(&self, spec: TopicSpec) -> FlowResult<TopicInfo> {
        let topic = self.find_or_create(spec)?;
        Ok(self.info(&topic))
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        self.shared.find(name).map(|topic| self.info(&topic))
    }

    fn topics(&self) -> Vec<TopicInfo> {
        let topics = self.shared.all_topics();
        let _visible = self.shared.visible.read().unwrap_or_else(PoisonError::into_inner);
        topics.iter().map(|topic| topic.info()).collect()
    }

    fn writer(&self, id: &str) -> FlowResult<Box<dyn LogWriter>> {
        Ok(Box::new(EmbeddedWriter::open(self.shared.clone(), id)?))
    }

    fn last_commit(&self, writer: &str) -> Option<Commit> {
        let slot = {
            let writers = self.shared.writers.lock().unwrap_or_else(PoisonError::into_inner);
            writers.get(writer).cloned()
        };
        let _visible = self.shared.visible.read().unwrap_or_else(PoisonError::into_inner);
        slot.and_then(|slot| slot.last())
    }

    fn read(&self, partition: &TopicPartition, from: Offset, max_bytes: usize) -> FlowResult<Vec<Fetched>> {
        Ok(self.try_read(partition, from.0, max_bytes)?)
    }

    fn offset_for_time(&self, partition: &TopicPartition, time_ms: i64) -> FlowResult<Offset> {
        let topic = self.find(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        let (_, end) = self.bounds(held);
        let stable = held.stable().min(end);
        let found = first_since(held, time_ms, stable, clients::Isolation::Committed)?;
        Ok(Offset(found.map_or(stable, |(offset, _)| offset)))
    }

    fn track_reader(&self, reader: &str, topic: &str) -> FlowResult<Box<dyn ReaderPosition>> {
        let topic = self.find(&Arc::from(topic))?;
        Ok(Box::new(TrackedReader::register(self.shared.clone(), topic, reader)))
    }

    fn backlog_bytes(&self, topic: &str) -> u64 {
        let Some(topic) = self.shared.find(topic) else { return 0 };
        let behind = topic.partitions.iter().enumerate().map(|(number, partition)| {
            let Some(slowest) = topic.readers.slowest_taken(number) else { return 0 };
            let (start, end) = self.bounds(partition);
            let record_bytes = partition.bytes() / (end - start).max(1).unsigned_abs();
            self.shared.cache.bytes_between(partition.slot, slowest.max(start), end, record_bytes)
        });
        behind.sum()
    }

    fn lags(&self, topic: &str) -> Vec<(String, u64)> {
        let Some(topic) = self.shared.find(topic) else { return Vec::new() };
        let ends: Vec<i64> = topic.partitions.iter().map(|partition| self.bounds(partition).1).collect();
        let behind = |next: &[i64]| ends.iter().zip(next).map(|(end, next)| (end - next).max(0).unsigned_abs()).sum();
        topic.readers.positions().iter().map(|(name, next)| (name.to_string(), behind(next))).collect()
    }

    fn signal(&self) -> &Signal {
        &self.shared.signal
    }
}
