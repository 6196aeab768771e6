//! Records a second on one thread: appended and committed, read from the cache, read from the disk.
//!
//! Run with `cargo bench -p millrace-log`. The rows are order lines of ten columns, about 110 bytes each on the disk.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use millrace_flow::{Batch, Log, Offset, Origin, StageError, TopicKind, TopicPartition, TopicSpec};
use millrace_log::{EmbeddedLog, FlushMode, LogConfig};
use millrace_schema::Registry;

const BATCH_ROWS: i64 = 8_192;
const BATCHES: i64 = 400;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join(format!("millrace-bench-{}", std::process::id()));
    [FlushMode::None, FlushMode::Interval, FlushMode::Commit].into_iter().try_for_each(|flush| {
        let measured = measure(&dir.join("log"), flush);
        std::fs::remove_dir_all(&dir)?;
        measured
    })
}

fn measure(dir: &Path, flush: FlushMode) -> Result<(), Box<dyn std::error::Error>> {
    let config = LogConfig { flush, ..LogConfig::default() };
    let registry = Arc::new(Registry::in_memory());
    let log = EmbeddedLog::open(dir, config.clone(), registry.clone())?;
    log.create_topic(spec())?;
    let partition = TopicPartition::new("order_lines", 0);
    let batches: Vec<Batch> = (0..16).map(|n| order_lines(n * BATCH_ROWS)).collect();

    let mut writer = log.writer("source:order_lines")?;
    let began = Instant::now();
    for n in 0..BATCHES as usize {
        writer.append(&partition, batches[n % batches.len()].clone())?;
        writer.commit(Bytes::from_static(b"position"), false)?;
    }
    report(flush, "append and commit", began.elapsed(), BATCHES * BATCH_ROWS);
    let bytes = log.topic("order_lines").map_or(0, |topic| topic.bytes);
    println!("{flush:?}: {} bytes a record on the disk", bytes / (BATCHES * BATCH_ROWS) as u64);

    let began = Instant::now();
    let commits = 20_000;
    if flush != FlushMode::Commit {
        (0..commits).try_for_each(|_| writer.commit(Bytes::from_static(b"position"), false).map(drop))?;
        println!("{flush:?}: {:.2} us an empty commit", began.elapsed().as_secs_f64() * 1e6 / f64::from(commits));
    }
    let (rows, took) = read_all(log.as_ref(), &partition, (BATCHES - 32) * BATCH_ROWS)?;
    report(flush, "read what is cached", took, rows);
    drop(writer);
    log.close()?;
    drop(log);

    let began = Instant::now();
    let log = EmbeddedLog::open(dir, config, registry)?;
    println!("{flush:?}: opened in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    let (rows, took) = read_all(log.as_ref(), &partition, 0)?;
    report(flush, "read from the disk", took, rows);
    Ok(log.close()?)
}

fn read_all(log: &dyn Log, partition: &TopicPartition, from: i64) -> Result<(i64, Duration), StageError> {
    let began = Instant::now();
    let mut next = Offset(from);
    loop {
        match log.read(partition, next, 4 << 20)?.last() {
            Some(last) => next = last.end(),
            None => return Ok((next.0 - from, began.elapsed())),
        }
    }
}

fn report(flush: FlushMode, what: &str, took: Duration, rows: i64) {
    println!("{flush:?}: {what}: {:.2} M records/s", rows as f64 / took.as_secs_f64() / 1e6);
}

fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("invoice_no", DataType::Utf8),
        field("stock_code", DataType::Utf8),
        field("description", DataType::Utf8),
        field("quantity", DataType::Int32),
        field("invoice_date", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("unit_price", DataType::Decimal128(12, 3)),
        field("customer_id", DataType::Utf8),
        field("country", DataType::Utf8),
        field("line_no", DataType::Int64),
        field("channel", DataType::Utf8),
    ]))
}

fn spec() -> TopicSpec {
    TopicSpec {
        name: Arc::from("order_lines"),
        partitions: 1,
        schema: schema(),
        kind: TopicKind::Source,
        writer: Arc::from("source:order_lines"),
        key: Some("customer_id".into()),
        event_time: Some("invoice_date".into()),
        retention_bytes: None,
        retention_ms: None,
    }
}

fn order_lines(first: i64) -> Batch {
    let all = || first..first + BATCH_ROWS;
    let text = |of: &dyn Fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(all().map(of))) };
    let prices = Decimal128Array::from_iter_values(all().map(|n| i128::from(n % 20_000) + 250));
    let prices = prices.with_precision_and_scale(12, 3).expect("the precision is allowed");
    let columns: Vec<ArrayRef> = vec![
        text(&|n| format!("{}", 536_365 + n / 20)),
        text(&|n| format!("{}A", 85_000 + n % 4_000)),
        text(&|n| format!("WHITE HANGING HEART T-LIGHT {}", n % 4_000)),
        Arc::new(Int32Array::from_iter_values(all().map(|n| (n % 24) as i32))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(all().map(|n| 1_291_191_960_000_000 + n * 50_000_000))),
        Arc::new(prices),
        text(&|n| format!("{}", 12_346 + n % 4_372)),
        text(&|n| if n % 11 == 0 { "France".into() } else { "United Kingdom".into() }),
        Arc::new(Int64Array::from_iter_values(all())),
        text(&|_| "web".into()),
    ];
    let values = RecordBatch::try_new(schema(), columns).expect("the columns fit");
    let keys = BinaryArray::from_iter_values(all().map(|n| format!("{}", 12_346 + n % 4_372)));
    let file = Arc::new(UInt32Array::from_iter_values(all().map(|_| 0)));
    let line = Arc::new(UInt64Array::from_iter_values(all().map(|n| n as u64 + 2)));
    let times_ms = Int64Array::from_iter_values(all().map(|n| 1_291_191_960_000 + n * 50_000));
    Batch::new(values, times_ms).with_keys(keys).with_origin(Origin { file, line })
}
