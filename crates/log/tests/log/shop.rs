//! A shop's log to test on: folders that can be copied as a kill would leave them, topics, and rows that say who they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use millrace_flow::{Batch, Log, LogWriter, Offset, Origin, TopicKind, TopicPartition, TopicSpec};
use millrace_log::{EmbeddedLog, FlushMode, LogConfig, Machine};
use millrace_schema::Registry;
use tempfile::TempDir;

/// The only writer here.
pub(crate) const WRITER: &str = "source:orders";

/// A folder with a log, and the machine that it is on.
pub(crate) struct Shop {
    pub(crate) folder: TempDir,
    pub(crate) config: LogConfig,
    pub(crate) registry: Arc<Registry>,
    pub(crate) machine: Machine,
}

impl Shop {
    /// An empty folder. Nothing is flushed until somebody asks for it.
    pub(crate) fn new(flush: FlushMode) -> Self {
        let hour = Duration::from_secs(3600);
        let config = LogConfig { flush, flush_interval: hour, retention_check_interval: hour, ..LogConfig::default() };
        let folder = tempfile::tempdir().expect("there is room for a folder");
        Self { folder, config, registry: Arc::new(Registry::in_memory()), machine: Machine::local() }
    }

    /// The same with segments of this size, and no cache, so that everything is read from the disk.
    pub(crate) fn on_disk(flush: FlushMode, segment_bytes_max: u64) -> Self {
        let mut shop = Self::new(flush);
        shop.config.segment_bytes_max = segment_bytes_max;
        shop.config.tail_cache_bytes = 0;
        shop
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn open(&self) -> Arc<EmbeddedLog> {
        let opened =
            EmbeddedLog::open_on(&self.dir(), self.config.clone(), self.registry.clone(), self.machine.clone());
        opened.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The folder as it would be found if the process were killed now.
    pub(crate) fn killed(&self) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        copy(&self.dir(), &folder.path().join("log"));
        let (config, registry, machine) = (self.config.clone(), self.registry.clone(), self.machine.clone());
        Self { folder, config, registry, machine }
    }

    /// The same folder after the machine has started anew.
    pub(crate) fn rebooted(mut self) -> Self {
        self.machine.boot_id.push('+');
        self
    }

    /// The only segment file of a partition.
    pub(crate) fn segment(&self, partition: &TopicPartition) -> PathBuf {
        let mut logs = self.segments(partition);
        assert_eq!(logs.len(), 1, "one segment");
        logs.remove(0)
    }

    pub(crate) fn segments(&self, partition: &TopicPartition) -> Vec<PathBuf> {
        let dir = self.dir().join("topics").join(partition.to_string());
        let entries = fs::read_dir(dir).expect("the partition has a folder");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        paths.sort();
        paths
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("there is room for a folder");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("it can be listed");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).expect("the disk has room");
        }
    }
}

/// A topic with rows of [`rows`].
pub(crate) fn spec(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec {
        name: Arc::from(name),
        partitions,
        schema: Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("text", DataType::Utf8, true),
        ])),
        kind: TopicKind::Source,
        writer: Arc::from(WRITER),
        key: None,
        event_time: None,
        retention_bytes: None,
        retention_ms: None,
    }
}

/// Rows with the ids from `first` on; a row's timestamp is its id.
pub(crate) fn rows(first: i64, count: usize) -> Batch {
    let ids = || first..first + count as i64;
    let text: StringArray = ids().map(|id| Some(format!("row number {id}"))).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(ids())), Arc::new(text)];
    let values = RecordBatch::try_new(spec("any", 1).schema, columns).expect("the columns fit");
    Batch::new(values, Int64Array::from_iter_values(ids()))
}

/// Ids of all committed rows of a partition from `from` on, read with `max_bytes` at a time.
pub(crate) fn ids(log: &dyn Log, partition: &TopicPartition, from: Offset, max_bytes: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut next = from;
    loop {
        let fetched = log.read(partition, next, max_bytes).unwrap_or_else(|error| panic!("{error}"));
        if fetched.is_empty() {
            return ids;
        }
        for fetched in fetched {
            assert_eq!(fetched.base, next, "offsets are consecutive");
            let column = fetched.batch.values.column(0).as_any().downcast_ref::<Int64Array>().expect("ids are numbers");
            ids.extend(column.values());
            next = fetched.end();
        }
    }
}

pub(crate) fn all_ids(log: &dyn Log, partition: &TopicPartition) -> Vec<i64> {
    let start = log.topic(&partition.topic).expect("the topic is there").starts[partition.partition.index()];
    ids(log, partition, start, 1 << 20)
}

/// Appends the rows from `first` on and commits them with a cookie that says so.
pub(crate) fn commit(writer: &mut dyn LogWriter, partition: &TopicPartition, first: i64, count: usize) {
    writer.append(partition, rows(first, count)).expect("it can be appended");
    writer.commit(cookie(first, count), false).expect("it can be committed");
}

pub(crate) fn cookie(first: i64, count: usize) -> Bytes {
    Bytes::from(format!("up to {}", first + count as i64))
}

/// One column of every type that a topic can hold.
pub(crate) fn every_type() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        field("text", DataType::Utf8),
        field("int", DataType::Int32),
        field("bigint", DataType::Int64),
        field("double", DataType::Float64),
        field("float", DataType::Float32),
        field("boolean", DataType::Boolean),
        field("date", DataType::Date32),
        field("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("decimal", DataType::Decimal128(12, 3)),
    ]))
}

/// Rows of [`every_type`] with nulls here and there, and keys, tombstones and origins as asked for.
pub(crate) fn rows_of_every_type(count: i64, keys: bool, tombstones: bool, origin: bool) -> Batch {
    let gone = |n: i64| tombstones && n % 7 == 3;
    let some = move |n: i64, every: i64| (!gone(n) && n % every != 0).then_some(n);
    let all = || 0..count;
    let decimals = Decimal128Array::from_iter(all().map(|n| some(n, 5).map(|n| i128::from(n) * 1_001 - 50_000)));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(all().map(|n| if gone(n) { 0 } else { n }))),
        Arc::new(StringArray::from_iter(all().map(|n| some(n, 3).map(|n| "ä€x".repeat((n % 9) as usize))))),
        Arc::new(Int32Array::from_iter(all().map(|n| some(n, 4).map(|n| i32::MAX - n as i32)))),
        Arc::new(Int64Array::from_iter(all().map(|n| some(n, 5).map(|n| i64::MIN + n)))),
        Arc::new(Float64Array::from_iter(all().map(|n| some(n, 6).map(|n| n as f64 / 3.0)))),
        Arc::new(Float32Array::from_iter(all().map(|n| some(n, 2).map(|n| n as f32 / 7.0)))),
        Arc::new(BooleanArray::from_iter(all().map(|n| some(n, 8).map(|n| n % 2 == 0)))),
        Arc::new(Date32Array::from_iter(all().map(|n| some(n, 9).map(|n| 14_000 + n as i32)))),
        Arc::new(TimestampMicrosecondArray::from_iter(all().map(|n| some(n, 3).map(|n| n * 1_000_003)))),
        Arc::new(decimals.with_precision_and_scale(12, 3).expect("the precision is allowed")),
    ];
    let values = RecordBatch::try_new(every_type(), columns).expect("the columns fit");
    let mut batch = Batch::new(values, Int64Array::from_iter_values(all().map(|n| 1_291_191_900_000 - n * 17)));
    if keys {
        let keys = all().map(|n| (n % 4 != 1).then(|| format!("key {n}").into_bytes()));
        batch = batch.with_keys(BinaryArray::from_iter(keys));
    }
    if tombstones {
        batch = batch.with_tombstones(BooleanArray::from_iter(all().map(|n| Some(gone(n)))));
    }
    if origin {
        let file = Arc::new(UInt32Array::from_iter_values(all().map(|n| n as u32 / 100)));
        let line = Arc::new(UInt64Array::from_iter_values(all().map(|n| n as u64 * n as u64)));
        batch = batch.with_origin(Origin { file, line });
    }
    batch
}

/// Checks that two batches are the same records.
pub(crate) fn assert_same(a: &Batch, b: &Batch) {
    assert_eq!(a.values, b.values);
    assert_eq!(a.times_ms, b.times_ms);
    assert_eq!(a.keys, b.keys);
    assert_eq!(a.tombstones, b.tombstones);
    let origin = |batch: &Batch| batch.origin.as_ref().map(|origin| (origin.file.clone(), origin.line.clone()));
    assert_eq!(origin(a), origin(b));
}
