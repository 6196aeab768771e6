//! Rows a second on one core, for order lines: CSV to columns, columns to Avro, Avro to columns.
//!
//! `cargo bench -p millrace-schema` prints one line each. With a path behind `--`, that file's lines are read instead of
//! generated ones.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use millrace_schema::avro::{Decoder, Encoder, Values, avro_json};
use millrace_schema::csv::{CsvDecoder, CsvOptions};

/// How long each measurement goes on at least.
const MEASURE_FOR: Duration = Duration::from_secs(2);

fn main() {
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let text = path.map_or_else(generate, |path| std::fs::read(path).expect("the file named on the command line"));
    let schema = order_lines();
    let mut batches = Vec::new();
    read(&schema, &text, |batch| batches.push(batch));
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    measure("csv to columns", rows, || {
        read(&schema, &text, |batch| drop(black_box(batch)));
    });

    let encoder = Encoder::new(1, &schema).expect("column types");
    let mut values = Values::default();
    measure("columns to avro", rows, || {
        for batch in &batches {
            values.clear();
            encoder.encode(batch, &mut values).expect("a batch of the schema");
            black_box(&values);
        }
    });

    let encoded: Vec<Values> = batches
        .iter()
        .map(|batch| {
            let mut values = Values::default();
            encoder.encode(batch, &mut values).expect("a batch of the schema");
            values
        })
        .collect();
    let json = avro_json("order_lines", &schema).expect("column types");
    let mut decoder = Decoder::new(1, &json, schema.clone()).expect("its own schema");
    measure("avro to columns", rows, || {
        for values in &encoded {
            black_box(decoder.decode(values.iter()).expect("own values"));
        }
    });
}

fn measure(what: &str, rows: usize, mut run: impl FnMut()) {
    run();
    let (start, cpu, mut runs) = (Instant::now(), cpu_time(), 0);
    while start.elapsed() < MEASURE_FOR {
        run();
        runs += 1;
    }
    let spent = if let (Some(before), Some(after)) = (cpu, cpu_time()) { after - before } else { start.elapsed() };
    println!("{what}: {:.2} M rows a second of processor time", (rows * runs) as f64 / spent.as_secs_f64() / 1e6);
}

/// Time that this thread was on a processor, so that a busy machine does not matter; only Linux tells.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}

fn read(schema: &SchemaRef, text: &[u8], mut take: impl FnMut(RecordBatch)) {
    let mut decoder = CsvDecoder::new(schema.clone(), CsvOptions::default()).expect("column types");
    let mut rest = text;
    loop {
        while let Some(decoded) = decoder.decode().expect("a header of eight columns") {
            assert!(decoded.rejects.is_empty(), "{:?}", decoded.rejects[0]);
            take(decoded.rows);
        }
        match decoder.fill(&mut rest).expect("a slice can be read") {
            0 if decoder.is_finished() => return,
            0 => decoder.finish(),
            _ => {}
        }
    }
}

fn order_lines() -> SchemaRef {
    let columns = [
        ("invoice_no", DataType::Utf8),
        ("stock_code", DataType::Utf8),
        ("description", DataType::Utf8),
        ("quantity", DataType::Int32),
        ("invoice_date", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("unit_price", DataType::Decimal128(12, 3)),
        ("customer_id", DataType::Utf8),
        ("country", DataType::Utf8),
    ];
    Arc::new(Schema::new(columns.map(|(name, of)| Field::new(name, of, true)).to_vec()))
}

/// Half a million lines with the lengths and the quotes of a real shop's.
fn generate() -> Vec<u8> {
    const DESCRIPTIONS: [&str; 5] = [
        "WHITE HANGING HEART T-LIGHT HOLDER",
        "\"AIRLINE LOUNGE,METAL SIGN\"",
        "REGENCY CAKESTAND 3 TIER",
        "",
        "SET OF 3 CAKE TINS PANTRY DESIGN ",
    ];
    let mut text = String::from("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n");
    for row in 0..500_000 {
        let description = DESCRIPTIONS[row * 7 % DESCRIPTIONS.len()];
        let (hour, minute) = (8 + row / 60 % 12, row % 60);
        text.push_str(&format!(
            "{},{}A,{description},{},2010-12-{:02} {hour:02}:{minute:02}:00,{}.{:02},1{:04}.0,United Kingdom\n",
            536_365 + row / 20,
            20_000 + row % 4000,
            row % 48,
            1 + row / 20_000,
            row % 20,
            row % 100,
            row % 5000,
        ));
    }
    text.into_bytes()
}
