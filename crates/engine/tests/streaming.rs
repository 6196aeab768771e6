//! The test of tests: a query gives the same rows whole, cut into epochs, killed before commits, over one partition or
//! four, and as a batch in DataFusion.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use millrace_engine::plan::Query;
use millrace_engine::run::{QueryRunner, RunOptions};
use millrace_engine::sql::{Program, Script, compile};
use millrace_flow::{
    Batch, Ledger, Log, MemoryLog, StageKind, StageStatus, Stop, TopicKind, TopicPartition, TopicSpec,
    partition_for_key,
};

const SOURCE: &str = "CREATE SOURCE orders (
  id STRING, product STRING, quantity INT, at TIMESTAMP, price DECIMAL(12,3), country STRING,
  WATERMARK FOR at AS at - INTERVAL '10 minutes'
) WITH (connector = 'csv', path = 'orders.csv');\n";

const MINUTE_US: i64 = 60_000_000;

/// A reproducible order of numbers; the seed is in the name of what fails.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Orders a few seconds apart, now and then up to five minutes out of order, with nulls, returns and repeats.
fn orders(rows: usize, seed: u64, schema: &SchemaRef) -> RecordBatch {
    let mut dice = Dice(seed);
    let countries = ["France", "Germany", "United Kingdom", "EIRE", "Norway"];
    let (mut ids, mut products, mut quantities, mut times, mut prices, mut lands) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    let mut now = 1_291_190_400_000_000;
    for row in 0..rows {
        now += i64::try_from(dice.below(20)).expect("small") * 1_000_000;
        let back = if dice.below(10) == 0 { i64::try_from(dice.below(5)).expect("small") * MINUTE_US } else { 0 };
        ids.push((dice.below(50) > 0).then(|| format!("o{}", row / 7)));
        products.push(Some(format!("p{}", dice.below(40))));
        quantities.push((dice.below(30) > 0).then(|| i32::try_from(dice.below(20)).expect("small") - 3));
        times.push(Some(now - back));
        prices.push(Some(i128::from(dice.below(100_000))));
        lands.push((dice.below(40) > 0).then(|| countries[usize::try_from(dice.below(5)).expect("small")]));
    }
    let prices = Decimal128Array::from(prices).with_precision_and_scale(12, 3).expect("twelve digits are enough");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(ids)),
        Arc::new(StringArray::from(products)),
        Arc::new(Int32Array::from(quantities)),
        Arc::new(TimestampMicrosecondArray::from(times)),
        Arc::new(prices),
        Arc::new(StringArray::from(lands)),
    ];
    RecordBatch::try_new(schema.clone(), columns).expect("the columns are those of the source")
}

fn program(sql: &str) -> Program {
    let script = Script { file: "test.sql".into(), text: format!("{SOURCE}{sql}").into() };
    compile(&[script]).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

struct Bench {
    log: MemoryLog,
    folder: tempfile::TempDir,
    program: Program,
    partitions: u32,
    ahead_max: Option<Duration>,
}

impl Bench {
    fn new(sql: &str, partitions: u32) -> Self {
        let (log, program) = (MemoryLog::new(), program(sql));
        for source in &program.sources {
            log.create_topic(TopicSpec {
                name: source.name.clone(),
                partitions,
                schema: source.schema.clone(),
                kind: TopicKind::Source,
                writer: format!("source:{}", source.name).into(),
                key: None,
                event_time: Some("at".to_owned()),
                retention_bytes: None,
                retention_ms: None,
            })
            .expect("a new topic");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bench = Self { log, folder, program, partitions, ahead_max: Some(Duration::from_secs(24 * 3600)) };
        for query in &bench.program.queries {
            for topic in bench.runner(query).0.topics() {
                bench.log.create_topic(topic).expect("a new topic");
            }
        }
        bench
    }

    fn runner(&self, query: &Arc<Query>) -> (QueryRunner, Arc<StageStatus>) {
        let status = Arc::new(StageStatus::new(StageKind::Query, query.name.to_string()));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
        let options = RunOptions {
            state_dir: self.folder.path().join(&*query.name),
            pool: Arc::new(pool),
            epoch_min: Duration::ZERO,
            epoch_max: Duration::ZERO,
            state_bytes_max: 1 << 30,
            file_names: Arc::new(|topic, file| Some(format!("{topic} {file}"))),
            ahead_max: self.ahead_max,
        };
        (QueryRunner::new(query.clone(), Arc::new(self.log.clone()), options, status.clone()), status)
    }

    fn append(&self, rows: &RecordBatch, sealed: bool) {
        let mut writer = self.log.writer("source:orders").expect("nobody else writes");
        let products = rows.column(1).as_any().downcast_ref::<StringArray>().expect("a string column");
        for partition in 0..self.partitions {
            let own =
                |row: &u32| partition_for_key(products.value(*row as usize).as_bytes(), self.partitions).0 == partition;
            let count = u32::try_from(rows.num_rows()).expect("few rows");
            let own: arrow::array::UInt32Array = (0..count).filter(own).collect();
            let taken = arrow::compute::take_record_batch(rows, &own).expect("the rows are there");
            let times = Int64Array::from(vec![0; taken.num_rows()]);
            writer.append(&TopicPartition::new("orders", partition), Batch::new(taken, times)).expect("memory");
        }
        writer.commit(bytes::Bytes::new(), sealed).expect("memory");
    }

    /// Says that a source without rows has ended.
    fn seal(&self, source: &str) {
        let mut writer = self.log.writer(&format!("source:{source}")).expect("nobody else writes");
        writer.commit(bytes::Bytes::new(), true).expect("memory");
    }

    /// One epoch of each query, or none if it is made to fail; then the next run repeats it.
    fn step(&self) -> Vec<(String, Ledger)> {
        let stop = Stop::default();
        stop.stop();
        self.run(&stop)
    }

    /// One epoch of the first query only: those after it fall behind.
    fn step_first(&self) {
        let stop = Stop::default();
        stop.stop();
        self.run_some(&stop, 1);
    }

    fn run(&self, stop: &Stop) -> Vec<(String, Ledger)> {
        self.run_some(stop, usize::MAX)
    }

    fn run_some(&self, stop: &Stop, queries: usize) -> Vec<(String, Ledger)> {
        let mut ledgers = Vec::new();
        for query in self.program.queries.iter().take(queries) {
            let (mut runner, status) = self.runner(query);
            while let Err(error) = runner.run(stop) {
                assert!(error.retry(), "{}: {error}", query.name);
            }
            assert!(status.ledger().balances(), "{}: {:?}", query.name, status.ledger());
            ledgers.push((query.name.to_string(), status.ledger()));
        }
        ledgers
    }

    fn finish(&self) -> Vec<(String, Ledger)> {
        self.run(&Stop::default())
    }

    /// The rows of a view now: the newest by key, or all.
    fn rows(&self, view: &str) -> Vec<String> {
        let kind = self.log.topic(view).expect("the view has a topic").spec.kind;
        let mut by_key: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        let mut all = Vec::new();
        for batch in self.log.records(view) {
            let texts = texts(&batch.values);
            for (row, text) in texts.into_iter().enumerate() {
                if kind != TopicKind::Upserts {
                    all.push(text);
                    continue;
                }
                let key = batch.keys.as_ref().expect("rows that replace one another have keys").value(row).to_vec();
                if batch.is_tombstone(row) {
                    by_key.remove(&key);
                } else {
                    by_key.insert(key, text);
                }
            }
        }
        all.extend(by_key.into_values());
        all.sort();
        all
    }
}

fn texts(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let cells: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("every column can be shown"))
        .collect();
    let row = |row: usize| cells.iter().map(|cell| cell.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

/// The same question as a batch.
fn batch_rows(sql: &str, orders: &RecordBatch) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let context = SessionContext::new();
        let table = MemTable::try_new(orders.schema(), vec![vec![orders.clone()]]).expect("one batch");
        context.register_table("orders", Arc::new(table)).expect("a new name");
        let batches = context.sql(sql).await.expect("DataFusion plans it").collect().await.expect("and runs it");
        let mut rows: Vec<String> = batches.iter().flat_map(texts).collect();
        rows.sort();
        rows
    })
}

fn schema() -> SchemaRef {
    program("").sources[0].schema.clone()
}

/// Every cut of the work gives what the batch gives.
fn check(view: &str, batch: &str) {
    let orders = orders(3_000, 7, &schema());
    let expected = batch_rows(batch, &orders);
    assert!(!expected.is_empty(), "a test over no rows shows nothing");
    for partitions in [1, 4] {
        let whole = Bench::new(view, partitions);
        whole.append(&orders, true);
        whole.finish();
        assert_eq!(whole.rows("v"), expected, "whole, {partitions} partitions");
        for seed in 0..4 {
            let cut = Bench::new(view, partitions);
            if seed % 2 == 1 {
                cut.log.merge_reads();
            }
            feed_with_failures(&cut, &orders, seed);
            assert_eq!(cut.rows("v"), expected, "cut with seed {seed}, {partitions} partitions");
        }
    }
}

fn feed_with_failures(bench: &Bench, orders: &RecordBatch, seed: u64) {
    let mut dice = Dice(seed);
    let mut at = 0;
    while at < orders.num_rows() {
        let rows = usize::try_from(dice.below(200)).expect("small").min(orders.num_rows() - at);
        bench.append(&orders.slice(at, rows), at + rows == orders.num_rows());
        at += rows;
        if dice.below(3) == 0 {
            bench.log.fail_commit_after(0);
        }
        if dice.below(3) == 0 { bench.step_first() } else { drop(bench.step()) }
    }
    bench.finish();
}

#[test]
fn windows_by_country() {
    check(
        "CREATE MATERIALIZED VIEW v AS
         SELECT window.start AS s, window.end AS e, country, sum(quantity * price) AS amount, count(*) AS lines,
                count(DISTINCT id) AS orders, min(price) AS least, max(at) AS last, sum(quantity) AS units
         FROM orders GROUP BY window(at, '5 minutes'), country;",
        "SELECT date_bin(INTERVAL '5 minutes', at), date_bin(INTERVAL '5 minutes', at) + INTERVAL '5 minutes', country,
                sum(quantity * price), count(*), count(DISTINCT id), min(price), max(at), sum(quantity)
         FROM orders GROUP BY 1, 2, country",
    );
}

#[test]
fn groups_without_a_window_with_having_and_case() {
    check(
        "CREATE VIEW good AS SELECT *, CASE WHEN quantity < 0 THEN 'return' ELSE 'sale' END AS kind FROM orders
         WHERE quantity IS NOT NULL;
         CREATE MATERIALIZED VIEW v AS
         SELECT product, kind, count(*) AS n, round(avg(CAST(price AS DOUBLE)), 6) AS mean,
                sum(quantity) FILTER (WHERE price > 50) AS dear
         FROM good GROUP BY product, kind HAVING sum(quantity) < 400;",
        "SELECT product, kind, n, mean, dear FROM (
           SELECT product, CASE WHEN quantity < 0 THEN 'return' ELSE 'sale' END AS kind, count(*) AS n,
                  round(avg(CAST(price AS DOUBLE)), 6) AS mean, sum(quantity) FILTER (WHERE price > 50) AS dear,
                  sum(quantity) AS q
           FROM orders WHERE quantity IS NOT NULL GROUP BY 1, 2) WHERE q < 400",
    );
}

/// Doubles are added in another order when the work is cut, so their last bits may differ: what is rounded is equal.
#[test]
fn aggregates_of_datafusion() {
    check(
        "CREATE MATERIALIZED VIEW v AS
         SELECT country, round(stddev(CAST(quantity AS DOUBLE)), 9) AS spread, median(price) AS middle, max(product) AS last,
                bool_or(quantity < 0) AS returned
         FROM orders GROUP BY country;",
        "SELECT country, round(stddev(CAST(quantity AS DOUBLE)), 9), median(price), max(product), bool_or(quantity < 0)
         FROM orders GROUP BY country",
    );
}

#[test]
fn one_group_for_everything() {
    check(
        "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, count(DISTINCT country) AS countries, sum(price) AS p FROM orders;",
        "SELECT count(*), count(DISTINCT country), sum(price) FROM orders",
    );
}

#[test]
fn a_view_on_a_view() {
    check(
        "CREATE MATERIALIZED VIEW minutes AS
         SELECT window.start AS s, country, sum(quantity) AS units FROM orders GROUP BY window(at, '1 minute'), country;
         CREATE MATERIALIZED VIEW v AS SELECT country, max(units) AS best, sum(units) AS units, count(*) AS minutes
         FROM minutes WHERE units > 2 GROUP BY country;",
        "SELECT country, max(units), sum(units), count(*) FROM (
           SELECT date_bin(INTERVAL '1 minute', at) AS s, country, sum(quantity) AS units FROM orders GROUP BY 1, 2)
         WHERE units > 2 GROUP BY country",
    );
}

#[test]
fn any_aggregate_over_a_view_that_changes() {
    check(
        "CREATE MATERIALIZED VIEW minutes AS
         SELECT window.start AS s, country, sum(price) AS amount, sum(quantity) AS units FROM orders
         GROUP BY window(at, '1 minute'), country;
         CREATE MATERIALIZED VIEW v AS SELECT country, median(amount) AS middle, round(stddev(units), 9) AS spread,
                bool_or(units < 0) AS returned, count(DISTINCT units) AS kinds
         FROM minutes GROUP BY country;",
        "SELECT country, median(amount), round(stddev(units), 9), bool_or(units < 0), count(DISTINCT units) FROM (
           SELECT date_bin(INTERVAL '1 minute', at) AS s, country, sum(price) AS amount, sum(quantity) AS units
           FROM orders GROUP BY 1, 2)
         GROUP BY country",
    );
}

/// Here rows come, change and go again, and several epochs of the first view reach the second in one read.
#[test]
fn a_filter_over_a_view_that_changes() {
    check(
        "CREATE MATERIALIZED VIEW products AS SELECT product, sum(quantity) AS units FROM orders GROUP BY product;
         CREATE MATERIALIZED VIEW v AS SELECT product, units * 2 AS twice FROM products WHERE units % 3 = 1;",
        "SELECT product, units * 2 FROM (SELECT product, sum(quantity) AS units FROM orders GROUP BY product)
         WHERE units % 3 = 1",
    );
}

#[test]
fn windows_that_overlap() {
    check(
        "CREATE MATERIALIZED VIEW v AS
         SELECT window.start AS s, country, count(*) AS n, sum(price) AS p FROM orders
         GROUP BY window(at, '6 minutes', '2 minutes'), country;",
        "SELECT s, country, count(*), sum(price) FROM (
           SELECT date_bin(INTERVAL '2 minutes', at) - back AS s, country, price FROM orders CROSS JOIN
           (VALUES (INTERVAL '0 minutes'), (INTERVAL '2 minutes'), (INTERVAL '4 minutes')) AS hops(back))
         GROUP BY 1, 2",
    );
}

/// Rows may be late for some of their windows only. Which ones must not depend on where epochs happen to end.
#[test]
fn overlapping_windows_of_late_rows_do_not_depend_on_epochs() {
    let view = "CREATE MATERIALIZED VIEW v AS SELECT window.start AS s, window.end AS e, count(*) AS n, sum(price) AS p
        FROM orders GROUP BY window(at, '30 minutes', '5 minutes');";
    let schema = schema();
    let orders = orders(2_000, 5, &schema);
    let mut dice = Dice(11);
    let at = orders.column(3).as_any().downcast_ref::<TimestampMicrosecondArray>().expect("the column of times");
    let late = |time: i64| time - i64::try_from(dice.below(50)).expect("small") * MINUTE_US;
    let times: TimestampMicrosecondArray = at.values().iter().copied().map(late).collect::<Vec<_>>().into();
    let mut columns = orders.columns().to_vec();
    columns[3] = Arc::new(times);
    let orders = RecordBatch::try_new(schema, columns).expect("the types are the same");
    let whole = Bench::new(view, 1);
    whole.append(&orders, true);
    let ledger = whole.finish();
    assert!(ledger[0].1.late > 100, "{ledger:?}");
    for seed in 0..4 {
        let cut = Bench::new(view, 1);
        feed_with_failures(&cut, &orders, seed);
        assert_eq!(cut.rows("v"), whole.rows("v"), "cut with seed {seed}");
        assert_eq!(cut.finish(), ledger, "cut with seed {seed}");
    }
}

/// The parts of a UNION ALL come from topics with as many columns, but others: late rows are kept as the view sees them.
#[test]
fn late_rows_of_differing_topics() {
    let returns = "CREATE SOURCE returns (
        code INT, land STRING, amount DECIMAL(12,3), sent TIMESTAMP, note STRING, kind STRING,
        WATERMARK FOR sent AS sent - INTERVAL '10 minutes'
      ) WITH (connector = 'csv', path = 'returns.csv');";
    let bench = Bench::new(
        &format!(
            "{returns} CREATE MATERIALIZED VIEW v AS SELECT window.start AS s, count(country) AS n FROM (
               SELECT at, country FROM orders WHERE country IS NOT NULL AND quantity > 0
               UNION ALL SELECT sent AS at, land AS country FROM returns WHERE 10 / code > 1)
             GROUP BY window(at, '5 minutes');"
        ),
        1,
    );
    let schema = schema();
    let good = orders(400, 3, &schema);
    let mut columns = good.slice(0, 5).columns().to_vec();
    columns[2] = Arc::new(Int32Array::from(vec![5; 5]));
    columns[3] = Arc::new(TimestampMicrosecondArray::from(vec![1_291_190_400_000_000 - 60 * MINUTE_US; 5]));
    columns[5] = Arc::new(StringArray::from(vec!["France"; 5]));
    let late = RecordBatch::try_new(schema, columns).expect("the types are the same");
    bench.append(&good, false);
    bench.append(&late, true);
    bench.seal("returns");
    let ledgers = bench.finish();
    assert_eq!(ledgers[0].1.late, 5, "{ledgers:?}");
    let rows = bench.rows("v.late");
    assert_eq!(rows.len(), 5);
    assert!(rows[0].starts_with("2010-12-01T07:00:00|France|"), "{rows:?}");
}

/// The first and the last row of each key are those by the order, whichever arrives first.
#[test]
fn the_best_row_of_each_key() {
    let view = |order: &str| {
        format!(
            "CREATE MATERIALIZED VIEW v AS SELECT product, id, at, price FROM (
               SELECT *, row_number() OVER (PARTITION BY product ORDER BY {order}) AS n FROM orders) WHERE n = 1;"
        )
    };
    let batch = |order: &str| {
        format!(
            "SELECT product, id, at, price FROM (
               SELECT *, row_number() OVER (PARTITION BY product ORDER BY {order}) AS n FROM orders) WHERE n = 1"
        )
    };
    // Ties are broken by the batch's own order, so that there are none.
    check(&view("at, price"), &batch("at, price"));
    check(&view("at DESC, price DESC"), &batch("at DESC, price DESC"));
    check(&view("quantity NULLS FIRST, at, price"), &batch("quantity NULLS FIRST, at, price"));
    check(
        &view("quantity DESC NULLS LAST, at DESC, price DESC"),
        &batch("quantity DESC NULLS LAST, at DESC, price DESC"),
    );
}

/// Spark rounds half up; arrow cuts the rest off.
#[test]
fn averages_and_quotients_of_decimals_are_rounded() {
    let orders = orders(3_000, 7, &schema());
    let bench = Bench::new(
        "CREATE MATERIALIZED VIEW v AS
         SELECT quantity, avg(price) AS mean, sum(price) / sum(quantity * price) AS part FROM orders
         WHERE quantity <> 0 GROUP BY quantity;",
        1,
    );
    feed_with_failures(&bench, &orders, 1);
    let quantities = orders.column(2).as_any().downcast_ref::<Int32Array>().expect("a column of numbers");
    let prices = orders.column(4).as_any().downcast_ref::<Decimal128Array>().expect("a column of decimals");
    let mut sums: BTreeMap<i32, (i128, i128)> = BTreeMap::new();
    for (quantity, price) in quantities.iter().zip(prices) {
        if let (Some(quantity), Some(price)) = (quantity.filter(|quantity| *quantity != 0), price) {
            let (sum, count) = sums.entry(quantity).or_default();
            (*sum, *count) = (*sum + price, *count + 1);
        }
    }
    let rounded = |a: i128, b: i128, digits: usize| {
        let (magnitude, by, unit) = (a.abs(), b.abs(), 10_i128.pow(digits as u32));
        let quotient = (magnitude * 2 + by) / (by * 2);
        let sign = if (a < 0) == (b < 0) { "" } else { "-" };
        format!("{sign}{}.{:0digits$}", quotient / unit, quotient % unit)
    };
    // DECIMAL(22,3) by DECIMAL(33,3): Spark keeps the 22 digits that may stand before the point, and so 16 behind it.
    let row = |(quantity, (sum, count)): (&i32, &(i128, i128))| {
        let part = rounded(sum * 10_i128.pow(16), sum * i128::from(*quantity), 16);
        format!("{quantity}|{}|{part}", rounded(sum * 10_000, *count, 7))
    };
    let mut expected: Vec<String> = sums.iter().map(row).collect();
    expected.sort();
    assert_eq!(bench.rows("v"), expected);
}

/// Nor is a sum that does not fit another sum: the query says so and stops.
#[test]
fn sums_that_overflow_are_refused() {
    let view = "CREATE MATERIALIZED VIEW v AS SELECT country, sum(CAST(quantity AS BIGINT) * 4000000000000000000) AS s
        FROM orders WHERE quantity = 2 GROUP BY country;";
    let bench = Bench::new(view, 1);
    bench.append(&orders(500, 1, &schema()), true);
    let (mut runner, _) = bench.runner(&bench.program.queries[0]);
    let refused = runner.run(&Stop::default()).expect_err("the second row of a country is too much").to_string();
    assert!(refused.contains("a sum is too large for BIGINT"), "{refused}");
}

/// A whole number that does not fit is a mistake in a row, not another number.
#[test]
fn whole_numbers_that_overflow_are_rejected() {
    let bench = Bench::new("CREATE MATERIALIZED VIEW v AS SELECT id, quantity * 10000000000 AS q FROM orders;", 1);
    let schema = schema();
    let mut columns = orders(3, 1, &schema).columns().to_vec();
    columns[2] = Arc::new(Int32Array::from(vec![Some(2), Some(i32::MAX), None]));
    let rows = RecordBatch::try_new(schema, columns).expect("the types are the same");
    bench.append(&rows, true);
    assert_eq!(bench.finish()[0].1, Ledger { read: 3, used: 2, late: 0, duplicate: 0, rejected: 1 });
    assert_eq!(bench.log.records("v.dlq").iter().map(Batch::num_rows).sum::<usize>(), 1);
}

/// The least number has no counterpart above zero.
#[test]
fn the_least_whole_number_is_not_negated() {
    let bench = Bench::new(
        "CREATE MATERIALIZED VIEW v AS SELECT -quantity AS q FROM orders;
         CREATE MATERIALIZED VIEW w AS SELECT (quantity - 9223372036854775807 - 1) div -1 AS q FROM orders;
         CREATE MATERIALIZED VIEW x AS SELECT abs(quantity) AS q FROM orders;",
        1,
    );
    let schema = schema();
    let mut columns = orders(8, 1, &schema).slice(0, 3).columns().to_vec();
    columns[2] = Arc::new(Int32Array::from(vec![i32::MIN, 0, 5]));
    bench.append(&RecordBatch::try_new(schema, columns).expect("the types are the same"), true);
    bench.finish();
    assert_eq!(bench.rows("v"), ["-5", "0"]);
    assert_eq!(bench.rows("w"), ["9223372036854775803"]);
    assert_eq!(bench.rows("x"), ["0", "5"]);
    let told = |view: &str, what: &str| {
        let rows = bench.rows(&format!("{view}.dlq"));
        assert!(rows.iter().any(|row| row.contains("does not fit its type") && row.contains(what)), "{rows:?}");
    };
    told("v", "0 - -2147483648");
    told("w", "-9223372036854775808 div -1");
    told("x", "abs(-2147483648)");
}

#[test]
fn rows_that_are_filtered_and_computed() {
    check(
        "CREATE MATERIALIZED VIEW v AS
         SELECT id, upper(product) AS product, quantity * price AS amount FROM orders WHERE quantity > 0;",
        "SELECT id, upper(product), quantity * price FROM orders WHERE quantity > 0",
    );
}

#[test]
fn windows_that_close_are_emitted_once() {
    let view = "CREATE MATERIALIZED VIEW v AS
         SELECT window.start AS s, country, count(*) AS n FROM orders GROUP BY window(at, '5 minutes'), country
         EMIT ON WINDOW CLOSE;";
    check(view, "SELECT date_bin(INTERVAL '5 minutes', at), country, count(*) FROM orders GROUP BY 1, 2");
}

#[test]
fn late_duplicate_and_failing_rows_are_counted_exactly() {
    let bench = Bench::new(
        "CREATE VIEW once AS SELECT DISTINCT * FROM orders;
         CREATE MATERIALIZED VIEW v AS SELECT window.start AS s, sum(10 / quantity) AS x FROM once
         GROUP BY window(at, '5 minutes');",
        1,
    );
    let schema = schema();
    let good = orders(500, 3, &schema).slice(0, 500);
    let quantity = Int32Array::from(vec![1; 500]);
    let column = |rows: &RecordBatch, index: usize, array: ArrayRef| {
        let mut columns = rows.columns().to_vec();
        columns[index] = array;
        RecordBatch::try_new(schema.clone(), columns).expect("the types are the same")
    };
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..500).map(|row| format!("unique{row}"))));
    let good = column(&column(&good, 2, Arc::new(quantity)), 0, ids);
    let start = 1_291_190_400_000_000_i64 - 3_600_000_000;
    let late = column(&good.slice(0, 4), 3, Arc::new(TimestampMicrosecondArray::from(vec![start; 4])));
    let failing = column(&good.slice(450, 3), 2, Arc::new(Int32Array::from(vec![0; 3])));
    let no_time = column(&good.slice(460, 2), 3, Arc::new(TimestampMicrosecondArray::from(vec![None, None])));
    for (rows, last) in
        [(&good, false), (&good.slice(490, 10), false), (&late, false), (&failing, false), (&no_time, true)]
    {
        bench.append(rows, last);
        bench.step();
    }
    let ledgers = bench.finish();
    let expected = Ledger { read: 519, used: 500, late: 4, duplicate: 10, rejected: 5 };
    assert_eq!(ledgers, [("v".to_owned(), expected)]);
    let count = |topic: &str| bench.log.records(topic).iter().map(Batch::num_rows).sum::<usize>();
    assert_eq!((count("v.late"), count("v.dlq")), (4, 5));
}

/// What a FILTER leaves out cannot fail, in the aggregate that has it, nor take its row from the others.
#[test]
fn an_aggregate_computes_what_its_filter_lets_through() {
    let select = "sum(quantity) AS s, count(*) AS c, sum(10 / quantity) FILTER (WHERE quantity <> 0) AS x,
                  sum(CASE WHEN quantity <> 0 THEN 10 / quantity END) AS y,
                  sum(CAST(product AS INT)) FILTER (WHERE product RLIKE '^[0-9]+$') AS z FROM orders";
    let bench = Bench::new(&format!("CREATE MATERIALIZED VIEW v AS SELECT {select};"), 1);
    let schema = schema();
    let mut columns = orders(8, 3, &schema).slice(0, 4).columns().to_vec();
    columns[1] = Arc::new(StringArray::from(vec!["7", "seven", "11", "x"]));
    columns[2] = Arc::new(Int32Array::from(vec![Some(5), Some(0), None, Some(2)]));
    bench.append(&RecordBatch::try_new(schema, columns).expect("the types are the same"), true);
    let ledgers = bench.finish();
    assert_eq!((ledgers[0].1.used, ledgers[0].1.rejected), (4, 0));
    assert_eq!(bench.rows("v"), ["7|4|7.0|7.0|18"]);
}

/// Rows that fail are found among the others, which keep their order and their values.
#[test]
fn failing_rows_are_told_from_the_others() {
    let view = "CREATE MATERIALIZED VIEW v AS SELECT id, CAST(product AS INT) * 2 AS p, 10 / quantity AS q FROM orders
                WHERE quantity IS NOT NULL;
                CREATE MATERIALIZED VIEW s AS SELECT count(*) AS n, sum(CAST(product AS INT)) AS p FROM orders;";
    let bench = Bench::new(view, 1);
    let schema = schema();
    let mut columns = orders(1_000, 3, &schema).columns().to_vec();
    let is_text = |row: i32| row % 100 == 7;
    let product = |row: i32| if is_text(row) { "x".to_owned() } else { row.to_string() };
    columns[0] = Arc::new(StringArray::from_iter_values((0..1_000).map(|row| format!("o{row:03}"))));
    columns[1] = Arc::new(StringArray::from_iter_values((0..1_000).map(product)));
    columns[2] = Arc::new(Int32Array::from_iter_values((0..1_000).map(|row| i32::from(row % 250 != 0))));
    bench.append(&RecordBatch::try_new(schema, columns).expect("the types are the same"), true);
    let ledgers = bench.finish();
    let rejected = |used, rejected| Ledger { read: 1_000, used, late: 0, duplicate: 0, rejected };
    assert_eq!(ledgers, [("v".to_owned(), rejected(986, 14)), ("s".to_owned(), rejected(990, 10))]);
    let good = |row: &i32| !is_text(*row);
    let rows = (0..1_000).filter(|row| good(row) && row % 250 != 0);
    assert_eq!(bench.rows("v"), rows.map(|row| format!("o{row:03}|{}|10.0", row * 2)).collect::<Vec<_>>());
    assert_eq!(bench.rows("s"), [format!("990|{}", (0..1_000).filter(good).sum::<i32>())]);
}

/// What a condition keeps from the one behind it does not fail, alone or among others.
#[test]
fn a_condition_guards_the_one_behind_it() {
    let guard = "quantity <> 0 AND 10 / quantity > 1";
    let view = format!(
        "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, count(*) FILTER (WHERE {guard}) AS n FROM orders;
         CREATE MATERIALIZED VIEW w AS SELECT quantity FROM orders WHERE {guard};
         CREATE MATERIALIZED VIEW x AS SELECT sum(CASE WHEN {guard} THEN 1 ELSE 0 END) AS n FROM orders;
         CREATE MATERIALIZED VIEW y AS SELECT id FROM orders WHERE NOT (quantity = 0 OR 10 div quantity <= 1)
                                                               AND quantity < 10;
         CREATE VIEW tenths AS SELECT *, 10 / quantity AS part FROM orders WHERE quantity <> 0;
         CREATE MATERIALIZED VIEW z AS SELECT quantity FROM tenths WHERE part > 1;"
    );
    let orders = orders(3_000, 7, &schema());
    let bench = Bench::new(&view, 1);
    bench.append(&orders, true);
    let ledgers = bench.finish();
    assert!(ledgers.iter().all(|(_, ledger)| ledger.rejected == 0), "{ledgers:?}");
    let quantities = orders.column(2).as_any().downcast_ref::<Int32Array>().expect("a column of numbers");
    let guarded = quantities.iter().flatten().filter(|quantity| (1..10).contains(quantity)).count();
    assert_eq!(bench.rows("v"), [format!("3000|{guarded}")]);
    assert_eq!(bench.rows("w").len(), guarded);
    assert_eq!(bench.rows("x"), [guarded.to_string()]);
    assert_eq!(bench.rows("y").len(), quantities.iter().flatten().filter(|quantity| (1..6).contains(quantity)).count());
    assert_eq!(bench.rows("z").len(), guarded);
}

#[test]
fn distinct_rows_of_several_columns() {
    check(
        "CREATE MATERIALIZED VIEW v AS SELECT product, count(DISTINCT country, quantity) AS n, count(DISTINCT country) AS c
         FROM orders GROUP BY product;",
        "SELECT product, count(DISTINCT country || '/' || CAST(quantity AS VARCHAR)), count(DISTINCT country)
         FROM orders GROUP BY product",
    );
}

/// A window counts among the columns by its bounds.
#[test]
fn distinct_rows_with_their_windows() {
    check(
        "CREATE MATERIALIZED VIEW v AS SELECT window.start AS s, count(DISTINCT window, country) AS n
         FROM orders GROUP BY window(at, '5 minutes');",
        "SELECT date_bin(INTERVAL '5 minutes', at), count(DISTINCT country) FROM orders GROUP BY 1",
    );
}

/// Several sums of one column and a literal each are what they say, of groups of any size.
#[test]
fn sums_of_a_column_and_literals_are_sums() {
    let bench = Bench::new(
        "CREATE MATERIALIZED VIEW v AS SELECT sum(price + 4.99) AS a, sum(price + 2.99) AS b, sum(price) AS c FROM orders;",
        1,
    );
    let schema = schema();
    let mut columns = orders(200, 3, &schema).slice(0, 20).columns().to_vec();
    let prices = Decimal128Array::from(vec![1_500; 20]).with_precision_and_scale(12, 3).expect("it is allowed");
    columns[4] = Arc::new(prices);
    bench.append(&RecordBatch::try_new(schema, columns).expect("the types are the same"), true);
    bench.finish();
    assert_eq!(bench.rows("v"), ["129.800|89.800|30.000"]);
}

/// A group whose row cannot be computed has none in the view and goes, once, to the dead-letter topic; it comes back when it
/// can be computed again.
#[test]
fn a_group_that_cannot_be_computed_is_told() {
    let bench = Bench::new(
        "CREATE MATERIALIZED VIEW v AS SELECT country, 120 / sum(quantity) AS x FROM orders GROUP BY country;",
        1,
    );
    let schema = schema();
    let rows = |quantity: i32| {
        let mut columns = orders(8, 3, &schema).slice(0, 4).columns().to_vec();
        columns[2] = Arc::new(Int32Array::from(vec![0, 0, quantity, 2]));
        columns[5] = Arc::new(StringArray::from(vec!["France", "France", "Spain", "Norway"]));
        RecordBatch::try_new(schema.clone(), columns).expect("the types are the same")
    };
    bench.append(&rows(0), false);
    bench.step();
    assert_eq!(bench.rows("v"), ["Norway|60.0"]);
    let told = bench.rows("v.dlq");
    assert_eq!(told.len(), 2, "one for each group: {told:?}");
    assert!(told.iter().all(|row| row.contains("zero")) && told.iter().any(|row| row.contains("Spain")), "{told:?}");
    bench.append(&rows(0), false);
    bench.step();
    assert_eq!(bench.rows("v"), ["Norway|30.0"]);
    assert_eq!(bench.rows("v.dlq").len(), 4, "after a restart they are told again when they change");
    bench.append(&rows(5), true);
    let ledgers = bench.finish();
    assert_eq!((ledgers[0].1.used, ledgers[0].1.rejected), (12, 0));
    assert_eq!(bench.rows("v"), ["Norway|20.0", "Spain|24.0"]);
    assert_eq!(bench.rows("v.dlq").len(), 5, "France alone");
}

/// Times ahead of the clock move no watermark, unless a source is known to move them.
#[test]
fn times_ahead_of_the_clock_move_no_watermark_unless_their_source_moves_them() {
    let view = "CREATE MATERIALIZED VIEW v AS SELECT window.start AS s, count(*) AS n FROM orders
                GROUP BY window(at, '5 minutes') EMIT ON WINDOW CLOSE;";
    let closed = |ahead_max: Option<Duration>| {
        let mut bench = Bench::new(view, 1);
        bench.ahead_max = ahead_max;
        let schema = schema();
        let mut columns = orders(4, 3, &schema).slice(0, 2).columns().to_vec();
        let now_us =
            i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_micros()).expect("fits");
        let days = |days: i64| now_us + days * 24 * 3_600_000_000;
        columns[3] = Arc::new(TimestampMicrosecondArray::from(vec![days(3), days(9)]));
        bench.append(&RecordBatch::try_new(schema, columns).expect("the types are the same"), false);
        bench.step();
        bench.rows("v").len()
    };
    assert_eq!(closed(Some(Duration::from_secs(24 * 3600))), 0);
    assert_eq!(closed(None), 1);
}

#[test]
fn state_of_a_changed_query_is_refused() {
    let view =
        |key: &str| format!("CREATE MATERIALIZED VIEW v AS SELECT {key}, count(*) AS n FROM orders GROUP BY {key};");
    let bench = Bench::new(&view("country"), 1);
    bench.append(&orders(10, 1, &schema()), false);
    bench.step();
    let changed = program(&view("product"));
    let (mut runner, _) = bench.runner(&changed.queries[0]);
    let refused = runner.run(&Stop::default()).expect_err("the keys are others").to_string();
    assert!(refused.contains("no longer the query"), "{refused}");
}

#[test]
fn a_changed_lateness_is_refused() {
    let view = |lateness: &str| {
        format!(
            "CREATE MATERIALIZED VIEW v AS SELECT window.start AS s, count(*) AS n FROM orders
             GROUP BY window(at, '5 minutes'){lateness};"
        )
    };
    let bench = Bench::new(&view(""), 1);
    bench.append(&orders(500, 1, &schema()), false);
    bench.step();
    let changed = program(&view(" ALLOWED LATENESS INTERVAL '1 hour'"));
    let (mut runner, _) = bench.runner(&changed.queries[0]);
    let refused = runner.run(&Stop::default()).expect_err("closed windows would be opened again").to_string();
    assert!(refused.contains("no longer the query"), "{refused}");
}

#[test]
fn a_view_over_other_columns_than_it_was_planned_with_is_refused() {
    let bench =
        Bench::new("CREATE MATERIALIZED VIEW a AS SELECT country, count(*) AS n FROM orders GROUP BY country;", 1);
    bench.append(&orders(10, 1, &schema()), false);
    bench.step();
    let changed = program(
        "CREATE MATERIALIZED VIEW a AS SELECT country, count(*) AS n, sum(price) AS p FROM orders GROUP BY country;
         CREATE MATERIALIZED VIEW b AS SELECT max(n) AS n FROM a;",
    );
    let (mut runner, _) = bench.runner(&changed.queries[1]);
    for topic in runner.topics() {
        bench.log.create_topic(topic).expect("a new topic");
    }
    let refused = runner.run(&Stop::default()).expect_err("the columns are others").to_string();
    assert!(refused.contains("topic `a` that `b` reads still has other columns"), "{refused}");
}

#[test]
fn decimals_stay_decimals() {
    let amount = program(
        "CREATE MATERIALIZED VIEW v AS SELECT country, sum(quantity * price) AS a FROM orders GROUP BY country;",
    );
    assert!(matches!(amount.queries[0].output.schema.field(1).data_type(), DataType::Decimal128(_, 3)));
}
