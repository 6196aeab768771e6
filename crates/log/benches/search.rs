//! A search through a topic beside reading all of it, in the same run: the first one, which makes the filters, and those after it.
//!
//! Run with `cargo bench -p millrace-log --bench search`; `MILLRACE_BENCH_ROWS` says how many rows, 5 million unless told. All of
//! it is in the memory of the system, so what is compared is work and not the disk. The log is removed at the end.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use millrace_flow::{Batch, Log, TopicKind, TopicPartition, TopicSpec};
use millrace_log::{EmbeddedLog, FlushMode, LogConfig, SearchProgress, Wanted};
use millrace_schema::Registry;
use millrace_schema::fields::FieldReader;

const WRITER: &str = "source:orders";
const BATCH_ROWS: i64 = 8_192;
/// Times that each search after the first is made; the median counts.
const TIMES: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::var("MILLRACE_BENCH_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(5_000_000);
    let dir = std::env::temp_dir().join(format!("millrace-bench-{}", std::process::id()));
    let measured = measure(&dir, rows);
    std::fs::remove_dir_all(&dir)?;
    measured
}

fn measure(dir: &Path, rows: i64) -> Result<(), Box<dyn Error>> {
    let registry = Arc::new(Registry::in_memory());
    let hour = Duration::from_secs(3_600);
    let config = LogConfig {
        flush: FlushMode::Interval,
        retention_check_interval: hour,
        segment_bytes_max: 64 << 20,
        tail_cache_bytes: 0,
        ..LogConfig::default()
    };
    let log = EmbeddedLog::open(dir, config, registry.clone())?;
    fill(&log, rows)?;
    // Has all of it on the disk: nothing else is covered by a filter.
    log.apply_compaction()?;
    let nothing = field("invoice", "nowhere");
    let began = Instant::now();
    let (_, all) = search(&log, &registry, &Wanted { key: Some("nobody".into()), ..Wanted::default() }, 1)?;
    println!("first search, which makes the filters: {:.2} s", began.elapsed().as_secs_f64());
    let read_s = read_all(&dir.join("topics/orders-0"), dir, &registry)?;
    println!("reading all {:.0} MB, {rows} records: {read_s:.3} s", all.bytes_total as f64 / 1e6);
    let middle = rows / 2;
    for (what, wanted) in [
        ("a key", Wanted { key: Some(format!("c-{}", middle / 40).into_bytes()), ..Wanted::default() }),
        ("a field", field("invoice", &format!("i-{}", middle / 20))),
        ("a time", Wanted { from_ms: Some(middle), before_ms: Some(middle + 100), ..Wanted::default() }),
        ("what is not there", nothing),
    ] {
        let (median_s, progress) = search(&log, &registry, &wanted, TIMES)?;
        let SearchProgress { bytes_read, filter_bytes, .. } = progress;
        let read = (bytes_read as f64 / 1e6, filter_bytes as f64 / 1e6);
        let ratio = read_s / median_s;
        println!(
            "{what}: {:.1} ms, {:.1} MB and {:.1} MB of filters read, {ratio:.0} times as fast",
            median_s * 1e3,
            read.0,
            read.1
        );
    }
    Ok(())
}

/// Seconds that it takes to read everything and compare every field, beside the one who writes, without a filter.
fn read_all(partition: &Path, dir: &Path, registry: &Arc<Registry>) -> Result<f64, Box<dyn Error>> {
    let away = |path: &Path| path.with_extension("away");
    let mut filters = Vec::new();
    for entry in std::fs::read_dir(partition)? {
        filters
            .extend(Some(entry?.path()).filter(|path| path.extension().is_some_and(|extension| extension == "filter")));
    }
    filters.iter().try_for_each(|path| std::fs::rename(path, away(path)))?;
    let reader = EmbeddedLog::open_read_only(dir)?;
    let (seconds, progress) = search(&reader, registry, &field("invoice", "nowhere"), 1)?;
    assert_eq!(progress.bytes_skipped, 0, "everything is read");
    filters.iter().try_for_each(|path| std::fs::rename(away(path), path))?;
    Ok(seconds)
}

fn field(name: &str, value: &str) -> Wanted {
    Wanted { field: Some((name.to_owned(), value.to_owned())), ..Wanted::default() }
}

/// The median of so many times, and what the last one took.
fn search(
    log: &EmbeddedLog,
    registry: &Arc<Registry>,
    wanted: &Wanted,
    times: usize,
) -> Result<(f64, SearchProgress), Box<dyn Error>> {
    let (mut seconds, mut progress) = (Vec::new(), SearchProgress::default());
    for _ in 0..times {
        let began = Instant::now();
        let mut search = log.search("orders", wanted, Box::new(FieldReader::new(registry.clone())))?;
        while search.step()?.is_some() {}
        progress = search.finish();
        seconds.push(began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok((seconds[times / 2], progress))
}

/// Order lines: twenty an invoice, two invoices a customer, of four thousand products.
fn fill(log: &EmbeddedLog, rows: i64) -> Result<(), Box<dyn Error>> {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let schema = Arc::new(Schema::new(vec![
        field("invoice", DataType::Utf8),
        field("product", DataType::Utf8),
        field("quantity", DataType::Int32),
        field("country", DataType::Utf8),
    ]));
    log.create_topic(TopicSpec {
        name: "orders".into(),
        partitions: 1,
        schema: schema.clone(),
        kind: TopicKind::Source,
        writer: WRITER.into(),
        key: None,
        event_time: None,
        retention_bytes: None,
        retention_ms: None,
    })?;
    let mut writer = log.writer(WRITER)?;
    let partition = TopicPartition::new("orders", 0);
    for first in (0..rows).step_by(BATCH_ROWS as usize) {
        let lines = || first..(first + BATCH_ROWS).min(rows);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(lines().map(|n| format!("i-{}", n / 20)))),
            Arc::new(StringArray::from_iter_values(lines().map(|n| format!("product number {}", n * 7_919 % 4_000)))),
            Arc::new(Int32Array::from_iter_values(lines().map(|n| (n % 97) as i32))),
            Arc::new(StringArray::from_iter_values(lines().map(|n| format!("country {}", n / 20 % 38)))),
        ];
        let keys = BinaryArray::from_iter_values(lines().map(|n| format!("c-{}", n / 40)));
        let values = RecordBatch::try_new(schema.clone(), columns)?;
        writer.append(&partition, Batch::new(values, Int64Array::from_iter_values(lines())).with_keys(keys))?;
        writer.commit(Bytes::new(), false)?;
    }
    Ok(())
}
