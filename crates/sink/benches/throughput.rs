//! Rows a second into the warehouse and into a Delta table, on one thread.
//!
//! `cargo bench -p millrace-sink` prints one line a case; nothing is compared and nothing fails.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use millrace_flow::{Batch, Fetched, Offset, PartitionId, Sink, SinkInput, TopicKind};
use millrace_sink::delta::{DeltaSink, DeltaSinkConfig};
use millrace_sink::sqlite::{OrderBy, RowsQuery, SummaryQuery, ViewTable, Warehouse};

const BATCH_ROWS: i64 = 8_192;
/// Batches of one write, as a sink that is behind is handed them.
const WRITE_BATCHES: i64 = 16;

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn numbers(from: i64) -> std::ops::Range<i64> {
    from..from + BATCH_ROWS
}

/// One of `groups` numbers, without a pattern that compresses.
fn group(n: i64, groups: i64) -> i64 {
    let mut mixed = n.cast_unsigned().wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)).cast_signed().rem_euclid(groups)
}

/// Nanoseconds that this thread has had a processor for: other programs of a busy machine do not count.
fn cpu_ns() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    times.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(f64::NAN)
}

fn numeric_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("quantity", DataType::Int32, true),
        Field::new("amount", DataType::Float64, true),
    ]))
}

fn numeric(from: i64, groups: i64) -> Batch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(numbers(from))),
        Arc::new(Int32Array::from_iter_values(numbers(from).map(|n| (n % 100) as i32))),
        Arc::new(Float64Array::from_iter_values(numbers(from).map(|n| n as f64 / 8.0))),
    ];
    let values = RecordBatch::try_new(numeric_schema(), columns).expect("the columns fit");
    let keys: Vec<String> = numbers(from).map(|n| format!("{{\"id\":{}}}", group(n, groups))).collect();
    Batch::new(values, Int64Array::from_iter_values(numbers(from))).with_keys(BinaryArray::from_iter_values(keys))
}

fn rising(from: i64) -> Batch {
    let keys: Vec<String> = numbers(from).map(|n| format!("{{\"id\":{n:09}}}")).collect();
    numeric(from, 1).with_keys(BinaryArray::from_iter_values(keys))
}

fn window_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("window_start", timestamp(), true),
        Field::new("window_end", timestamp(), true),
        Field::new("country", DataType::Utf8, true),
        Field::new("revenue", DataType::Decimal128(38, 3), true),
        Field::new("lines", DataType::Int64, true),
    ]))
}

fn windows(from: i64, groups: i64) -> Batch {
    let country = |n: i64| format!("Country {}", group(n, 40));
    let start = |n: i64| 1_291_191_960_000_000 + group(n, groups) / 40 * 300_000_000;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_iter_values(numbers(from).map(start))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(numbers(from).map(|n| start(n) + 300_000_000))),
        Arc::new(StringArray::from_iter_values(numbers(from).map(country))),
        Arc::new(
            Decimal128Array::from_iter_values(numbers(from).map(|n| i128::from(n) * 1_013))
                .with_precision_and_scale(38, 3)
                .expect("38 digits hold it"),
        ),
        Arc::new(Int64Array::from_iter_values(numbers(from).map(|n| n % 500))),
    ];
    let values = RecordBatch::try_new(window_schema(), columns).expect("the columns fit");
    let keys: Vec<String> = numbers(from)
        .map(|n| format!("{{\"window_start\":\"{}\",\"country\":\"{}\"}}", start(n), country(n)))
        .collect();
    Batch::new(values, Int64Array::from_iter_values(numbers(from))).with_keys(BinaryArray::from_iter_values(keys))
}

fn lines_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("invoice_no"),
        text("stock_code"),
        text("description"),
        Field::new("quantity", DataType::Int32, true),
        Field::new("invoice_date", timestamp(), true),
        Field::new("unit_price", DataType::Decimal128(12, 3), true),
        text("customer_id"),
        text("country"),
    ]))
}

fn lines(from: i64) -> Batch {
    let text =
        |f: &dyn Fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(numbers(from).map(f))) };
    let at_ms = |n: i64| 1_291_191_960_000 + n / 20 * 60_000;
    let columns: Vec<ArrayRef> = vec![
        text(&|n| format!("{}", 536_365 + n / 20)),
        text(&|n| format!("{}A", 20_000 + group(n, 4_000))),
        text(&|n| format!("PRODUCT OF THE SHOP NUMBER {}", group(n, 4_000))),
        Arc::new(Int32Array::from_iter_values(numbers(from).map(|n| group(n, 60) as i32))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(numbers(from).map(|n| at_ms(n) * 1_000))),
        Arc::new(
            Decimal128Array::from_iter_values(numbers(from).map(|n| i128::from(group(n, 1_500)) * 10))
                .with_precision_and_scale(12, 3)
                .expect("12 digits hold it"),
        ),
        text(&|n| format!("{}", 12_000 + group(n / 20, 4_300))),
        text(&|n| format!("Country {}", group(n / 20, 40))),
    ];
    let values = RecordBatch::try_new(lines_schema(), columns).expect("the columns fit");
    Batch::new(values, Int64Array::from_iter_values(numbers(from).map(at_ms)))
}

/// Writes `rows` rows that `make` gives and says how many a second; making them is not counted.
fn measure(case: &str, sink: &mut dyn Sink, rows: i64, make: &dyn Fn(i64) -> Batch) {
    let mut inputs = Vec::new();
    let mut from = 0;
    while from < rows {
        let bases = (0..WRITE_BATCHES).map(|i| from + i * BATCH_ROWS);
        let records: Vec<Fetched> = bases.map(|base| Fetched { base: Offset(base), batch: make(base) }).collect();
        let end = from + WRITE_BATCHES * BATCH_ROWS;
        inputs.push(SinkInput { partition: PartitionId(0), offsets: Offset(from)..Offset(end), records });
        from = end;
    }
    let (started, cpu) = (Instant::now(), cpu_ns());
    for input in inputs {
        sink.write(vec![input]).expect("the rows fit");
    }
    sink.flush().expect("the rows fit");
    let (seconds, cpu_seconds) = (started.elapsed().as_secs_f64(), (cpu_ns() - cpu) / 1e9);
    let rows = from as f64;
    println!("{case:<50} {:>10.0} rows/s {:>10.0} rows/CPU s", rows / seconds, rows / cpu_seconds);
}

fn timed<T>(case: &str, run: impl FnOnce() -> T) -> T {
    let (started, cpu) = (Instant::now(), cpu_ns());
    let answer = run();
    let wall_ms = started.elapsed().as_secs_f64() * 1e3;
    println!("{case:<50} {wall_ms:>10.2} ms     {:>10.2} CPU ms", (cpu_ns() - cpu) / 1e6);
    answer
}

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("nobody else has installed one");
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wants = |case: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == case);
    let folder = tempfile::tempdir().expect("a temporary folder");
    if wants("sqlite") {
        measure_warehouse(folder.path());
    }
    if wants("delta") {
        measure_lake(folder.path());
    }
}

fn measure_warehouse(folder: &Path) {
    let warehouse = Warehouse::open(folder.join("warehouse.db")).expect("it opens");
    let fill = |name: &str, schema: SchemaRef, kind, make: &dyn Fn(i64) -> Batch| {
        let view =
            ViewTable { name: name.to_owned(), schema, kind, key: vec![], topic: name.to_owned(), partitions: 1 };
        let mut sink = warehouse.sink(&view).expect("it fits");
        measure(&format!("sqlite, 1 M {name}"), &mut sink, 1_000_000, make);
    };
    let changing = TopicKind::Upserts;
    fill("numeric rows, keys all new, rising", numeric_schema(), changing, &rising);
    fill("numeric rows, keys all new, shuffled", numeric_schema(), changing, &|from| numeric(from, i64::MAX));
    fill("numeric rows, 20 k keys", numeric_schema(), changing, &|from| numeric(from, 20_000));
    fill("window rows, 200 k keys", window_schema(), changing, &|from| windows(from, 200_000));
    fill("order lines", lines_schema(), TopicKind::Rows, &lines);
    let page = RowsQuery { limit: Some(100), order: OrderBy::parse_list("-unit_price"), ..RowsQuery::default() };
    timed("sqlite, first 100 of 1 M by a DECIMAL", || warehouse.rows("order lines", &page).expect("it fits"));
    let sums =
        SummaryQuery { sum: vec!["unit_price".into()], group: vec!["country".into()], ..SummaryQuery::default() };
    timed("sqlite, sums of 1 M by country", || warehouse.summary("order lines", &sums).expect("it fits"));
}

fn measure_lake(folder: &Path) {
    let options = [("path", "lake")];
    let config = DeltaSinkConfig::from_options("raw", folder, lines_schema(), TopicKind::Source, "lines", 1, &options);
    let mut sink = DeltaSink::open(config.expect("the options are right")).expect("it opens");
    measure("delta, 3 M order lines", &mut sink, 3_000_000, &lines);
    let files = std::fs::read_dir(folder.join("lake")).expect("it lists").filter_map(Result::ok);
    let bytes: u64 =
        files.filter_map(|file| file.metadata().ok()).filter(|file| file.is_file()).map(|file| file.len()).sum();
    println!("{:<50} {:>10.1} bytes/row", "delta, on disk", bytes as f64 / 3_014_656.0);
}
