//! Delta tables as their users see them: rows once, in files that count only when the log says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit};
use millrace_flow::{
    Batch, Fetched, Offset, PartitionId, Phase, Sink, SinkInput, StageKind, StageStatus, Stop, TopicKind,
};
use tempfile::TempDir;

use super::*;
use crate::memory_log::{MemoryLog, TOPIC};
use crate::{SinkError, run_sink};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("invoice", DataType::Utf8, true),
        Field::new("amount", DataType::Decimal128(12, 3), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
    ]))
}

fn batch(numbers: std::ops::Range<i64>) -> Batch {
    let amounts = numbers.clone().map(|n| (n % 7 != 0).then(|| i128::from(n) * 1_001 - 50));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(numbers.clone().map(|n| format!("invoice {n}")))),
        Arc::new(Decimal128Array::from_iter(amounts).with_precision_and_scale(12, 3).expect("12 digits hold it")),
        Arc::new(TimestampMicrosecondArray::from_iter_values(
            numbers.clone().map(|n| 1_291_191_960_000_000 + n * 250_000),
        )),
    ];
    let values = RecordBatch::try_new(schema(), columns).expect("the columns fit");
    Batch::new(values, Int64Array::from_iter_values(numbers.map(|n| 1_291_191_960_000 + n * 250)))
}

fn input(partition: u32, offsets: std::ops::Range<i64>) -> SinkInput {
    let records = vec![Fetched { base: Offset(offsets.start), batch: batch(offsets.clone()) }];
    SinkInput { partition: PartitionId(partition), offsets: Offset(offsets.start)..Offset(offsets.end), records }
}

fn config(folder: &Path, options: &[(&str, &str)]) -> DeltaSinkConfig {
    // The log's client looks for a provider of cryptography as soon as it is built, whether or not it goes over a network.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut all = vec![("connector", "delta"), ("path", "lake/orders")];
    all.extend(options);
    DeltaSinkConfig::from_options("raw", folder, schema(), TopicKind::Source, TOPIC, 2, &all)
        .expect("the options are right")
}

struct Fixture {
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    fn open(&self, options: &[(&str, &str)]) -> DeltaSink {
        DeltaSink::open(config(self.folder.path(), options)).expect("the table opens")
    }

    fn lake(&self) -> PathBuf {
        self.folder.path().join("lake/orders")
    }

    /// `(partition, offset)` of every row, in order, after a look at whether the row is what it was.
    fn rows(&self) -> Vec<(i32, i64)> {
        let table = table(self.lake()).expect("the table is there");
        let mut rows = Vec::new();
        for batch in table.scan(None, None).expect("it scans") {
            let found = batch.expect("it reads");
            let partitions = found.column(3).as_primitive::<Int32Type>();
            let offsets = found.column(4).as_primitive::<Int64Type>();
            for row in 0..found.num_rows() {
                let offset = offsets.value(row);
                let expected = batch_row(offset);
                let found = found.slice(row, 1).project(&[0, 1, 2]).expect("three columns");
                assert_eq!(found.columns(), expected.columns(), "row of offset {offset}");
                rows.push((partitions.value(row), offset));
            }
        }
        rows.sort_unstable();
        rows
    }

    fn parquet_files(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.lake()).expect("the folder is there").map(|entry| entry.expect("it reads").file_name());
        let mut names: Vec<String> =
            names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.ends_with(".parquet")).collect();
        names.sort();
        names
    }
}

fn batch_row(offset: i64) -> RecordBatch {
    batch(offset..offset + 1).values
}

fn offsets(partition: i32, range: std::ops::Range<i64>) -> Vec<(i32, i64)> {
    range.map(|offset| (partition, offset)).collect()
}

#[test]
fn rows_are_there_after_a_flush_and_once() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[]);
    assert_eq!(sink.progress().expect("it reads"), [Offset(0), Offset(0)]);
    assert_eq!(sink.write(vec![input(0, 0..10), input(1, 0..5)]).expect("the rows fit"), None);
    assert!(fixture.rows().is_empty(), "nothing is visible before the commit");
    assert_eq!(sink.flush().expect("it commits"), Some(vec![Offset(10), Offset(5)]));
    assert_eq!(sink.flush().expect("nothing to commit"), None);
    let expected = [offsets(0, 0..10), offsets(1, 0..5)].concat();
    assert_eq!(fixture.rows(), expected);

    // The same offsets again, and some of them again together with new ones, over a restart.
    sink.write(vec![input(0, 0..10)]).expect("they are skipped");
    assert_eq!(sink.flush().expect("nothing to commit"), None);
    drop(sink);
    let mut sink = fixture.open(&[]);
    assert_eq!(sink.progress().expect("it reads"), [Offset(10), Offset(5)]);
    sink.write(vec![input(0, 5..12)]).expect("the rows fit");
    sink.flush().expect("it commits");
    assert_eq!(fixture.rows(), [offsets(0, 0..12), offsets(1, 0..5)].concat());
}

#[test]
fn a_crash_before_the_commit_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[]);
    sink.write(vec![input(0, 0..10)]).expect("the rows fit");
    sink.flush().expect("it commits");
    sink.write(vec![input(0, 10..20)]).expect("the rows fit");
    drop(sink);
    // What a crash leaves: an open file, and one that was finished under its name without having been committed.
    assert!(fixture.lake().join(".raw.open").exists());
    let committed = fixture.parquet_files();
    let orphan = format!("raw.part-0-{:020}-{:020}.parquet", 10, 17);
    fs::copy(fixture.lake().join(&committed[0]), fixture.lake().join(&orphan)).expect("it copies");
    fs::write(fixture.lake().join("raw.compact-00000000000000000009.parquet"), b"half").expect("it writes");
    fs::write(fixture.lake().join("somebody-elses.parquet"), b"not ours").expect("it writes");

    let mut sink = fixture.open(&[]);
    assert_eq!(fixture.parquet_files(), [committed, vec!["somebody-elses.parquet".to_owned()]].concat());
    assert_eq!(sink.progress().expect("it reads"), [Offset(10), Offset(0)]);
    sink.write(vec![input(0, 10..20)]).expect("the rows fit");
    sink.flush().expect("it commits");
    assert_eq!(fixture.rows(), offsets(0, 0..20));
}

#[test]
fn after_an_error_taken_rows_are_forgotten() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[]);
    sink.write(vec![input(0, 0..10)]).expect("the rows fit");
    assert_eq!(sink.progress().expect("it reads"), [Offset(0), Offset(0)]);
    sink.write(vec![input(0, 0..3)]).expect("the rows fit");
    sink.flush().expect("it commits");
    assert_eq!(fixture.rows(), offsets(0, 0..3));
}

#[test]
fn files_roll_by_rows_and_by_bytes() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[("roll_rows", "4")]);
    let stored = sink.write(vec![input(0, 0..10), input(1, 0..3)]).expect("the rows fit");
    assert_eq!(stored, Some(vec![Offset(10), Offset(2)]), "three full files");
    assert_eq!(fixture.parquet_files().len(), 3);
    sink.flush().expect("it commits");
    assert_eq!(fixture.parquet_files().len(), 4);
    assert_eq!(fixture.rows(), [offsets(0, 0..10), offsets(1, 0..3)].concat());

    let fixture = Fixture::new();
    let mut sink = fixture.open(&[("roll_bytes", "1")]);
    let stored = sink.write(vec![input(0, 0..10), input(1, 0..3)]).expect("the rows fit");
    assert_eq!(stored, Some(vec![Offset(10), Offset(3)]), "a file a batch");
    assert_eq!(fixture.parquet_files().len(), 2);
}

#[test]
fn compaction_keeps_every_row_and_the_progress() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[("compact_files", "4")]);
    for start in (0..50).step_by(5) {
        sink.write(vec![input(0, start..start + 5), input(1, start..start + 5)]).expect("the rows fit");
        sink.flush().expect("it commits");
    }
    let expected = [offsets(0, 0..50), offsets(1, 0..50)].concat();
    assert_eq!(fixture.rows(), expected);
    assert!(fixture.parquet_files().iter().any(|name| name.starts_with("raw.compact-")));
    let first = fixture.parquet_files().into_iter().find(|name| name.contains(".part-")).expect("a removed file");
    assert!(fixture.lake().join(first).exists(), "removed files stay for readers of older versions");
    drop(sink);
    let mut sink = fixture.open(&[("compact_files", "4")]);
    assert_eq!(sink.progress().expect("it reads"), [Offset(50), Offset(50)]);
    assert_eq!(fixture.rows(), expected);
}

#[test]
fn a_writer_that_was_replaced_moves_nothing() {
    let fixture = Fixture::new();
    let mut zombie = fixture.open(&[]);
    zombie.write(vec![input(0, 0..10)]).expect("the rows fit");
    let mut writer = fixture.open(&[]);
    writer.write(vec![input(0, 0..10)]).expect("the rows fit");
    writer.flush().expect("it commits");
    // The open file is shared by both, as it would be by two processes; whatever the zombie ends does not count.
    assert!(zombie.flush().is_err());
    assert_eq!(fixture.rows(), offsets(0, 0..10));
}

#[test]
fn a_cut_takes_away_rows_of_lost_records() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[]);
    for start in [0, 10, 20] {
        sink.write(vec![input(0, start..start + 10), input(1, start..start + 10)]).expect("the rows fit");
        sink.flush().expect("it commits");
    }
    sink.cut(&[Offset(15), Offset(40)]).expect("it cuts");
    assert_eq!(sink.progress().expect("it reads"), [Offset(15), Offset(30)]);
    assert_eq!(fixture.rows(), [offsets(0, 0..15), offsets(1, 0..30)].concat());
    drop(sink);
    let mut sink = fixture.open(&[]);
    sink.write(vec![input(0, 15..30)]).expect("the rows fit");
    sink.flush().expect("it commits");
    assert_eq!(fixture.rows(), [offsets(0, 0..30), offsets(1, 0..30)].concat());
}

#[test]
fn a_torn_log_entry_is_taken_away() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[]);
    sink.write(vec![input(0, 0..10)]).expect("the rows fit");
    sink.flush().expect("it commits");
    drop(sink);
    fs::write(fixture.lake().join("_delta_log/00000000000000000002.json"), b"{\"commitInfo\":{").expect("it writes");
    let mut sink = fixture.open(&[]);
    assert_eq!(sink.progress().expect("it reads"), [Offset(10), Offset(0)]);
    sink.write(vec![input(0, 10..12)]).expect("the rows fit");
    sink.flush().expect("it commits");
    assert_eq!(fixture.rows(), offsets(0, 0..12));
}

#[test]
fn a_table_with_other_columns_is_refused() {
    let fixture = Fixture::new();
    drop(fixture.open(&[]));
    let mut other = config(fixture.folder.path(), &[]);
    other.schema = Arc::new(Schema::new(vec![Field::new("invoice", DataType::Int64, true)]));
    let error = DeltaSink::open(other).expect_err("the columns differ");
    assert!(matches!(error, SinkError::Lake { .. }) && error.to_string().contains("another path"), "{error}");
}

#[test]
fn a_table_is_scanned_with_projection_and_limit() {
    let fixture = Fixture::new();
    let mut sink = fixture.open(&[("roll_rows", "100")]);
    sink.write(vec![input(0, 0..1_000)]).expect("the rows fit");
    let lake = table(fixture.lake()).expect("the table is there");
    assert_eq!(lake.schema().field(5).name(), "_time");
    assert_eq!(lake.schema().field(2).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    let batches: Vec<_> =
        lake.scan(Some(&[4, 0]), Some(250)).expect("it scans").map(|batch| batch.expect("it reads")).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 250);
    assert_eq!(batches[0].schema().field(0).name(), "_offset");
    assert_eq!(batches[0].column(1).as_string::<i32>().value(3), "invoice 3");
    let counted: usize =
        lake.scan(Some(&[]), None).expect("it scans").map(|batch| batch.expect("it reads").num_rows()).sum();
    assert_eq!(counted, 1_000);
    assert!(table(fixture.folder.path().join("nowhere")).is_err());
    assert!(table(fixture.folder.path()).is_err());
}

#[test]
fn options_are_checked_all_at_once() {
    let check = |kind, options: &[(&str, &str)]| {
        DeltaSinkConfig::from_options("raw", Path::new("/shop"), schema(), kind, TOPIC, 2, options)
    };
    let good =
        check(TopicKind::Rows, &[("path", "lake/x"), ("roll_bytes", "1MiB"), ("roll_interval", "5s")]).expect("right");
    assert_eq!(good.path, Path::new("/shop/lake/x"));
    assert_eq!((good.roll_bytes, good.roll_interval), (1 << 20, Duration::from_secs(5)));
    assert_eq!(good.sink_options().flush_interval, Duration::from_secs(5));
    let wrong = [
        ("rol_rows", "5"),
        ("roll_rows", "none"),
        ("roll_bytes", "big"),
        ("path", "s3://bucket/x"),
        ("connector", "delta"),
    ];
    let errors = check(TopicKind::Upserts, &wrong).expect_err("five mistakes");
    let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(keys, ["rol_rows", "roll_rows", "roll_bytes", "path", "connector"]);
    assert!(errors[0].cure.as_deref().is_some_and(|cure| cure.contains("`roll_rows`")));
    assert!(errors[3].message.contains("`s3://` is not supported"));
    assert!(errors[4].cure.as_deref().is_some_and(|cure| cure.contains("EMIT ON WINDOW CLOSE")));
    assert_eq!(check(TopicKind::Rows, &[]).expect_err("no path")[0].key, "path");
}

#[test]
fn a_topic_is_followed_into_the_lake() {
    let fixture = Fixture::new();
    let log = MemoryLog::new(schema(), TopicKind::Source, 2);
    let (stop, status) = (Stop::default(), StageStatus::new(StageKind::Sink, "raw"));
    let mut sink = fixture.open(&[]);
    log.append(0, batch(0..100));
    log.append(1, batch(0..40));
    log.seal();
    let options = sink.config().sink_options();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run_sink(&mut sink, TOPIC, "raw", &log, &stop, &status, &options));
        log.wait_for(|| log.position("raw", 0) == Some(Offset(100)));
        stop.stop();
        running.join().expect("the loop does not panic").expect("the loop ends well");
    });
    assert_eq!(status.phase(), Phase::Done);
    assert_eq!(fixture.rows(), [offsets(0, 0..100), offsets(1, 0..40)].concat());
}
