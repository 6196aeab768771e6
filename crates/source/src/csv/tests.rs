//! The source from files to topics, over a log in memory.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use millrace_flow::{
    Batch, Clock, Log, MemoryLog, Phase, Source, SourceContext, StageError, StageKind, StageStatus, Stop, SystemClock,
    partition_for_key,
};
use millrace_schema::csv::Encoding;
use millrace_schema::json::{decimal_text, rows_to_json, value_to_text};

use super::*;

mod following;

const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// A folder with files, a log, and one source.
struct Shop {
    folder: tempfile::TempDir,
    log: MemoryLog,
    status: Arc<StageStatus>,
    clock: Arc<dyn Clock>,
    stop: Stop,
    config: CsvSourceConfig,
}

fn columns(columns: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|(name, of)| Field::new(*name, of.clone(), true)).collect::<Vec<_>>()))
}

fn sales() -> SchemaRef {
    columns(&[("id", DataType::Int32), ("at", TIMESTAMP), ("shop", DataType::Utf8)])
}

const HEAD: &str = "id,at,shop\n";

fn rows(ids: std::ops::Range<u32>) -> String {
    ids.map(|id| format!("{id},2024-05-01 10:{:02}:{:02},shop {}\n", id / 60 % 60, id % 60, id % 3)).collect()
}

impl Shop {
    fn new(path: &str, schema: SchemaRef, options: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let watermark = schema.fields().iter().position(|field| *field.data_type() == TIMESTAMP).map(|at| (at, 0));
        let mut all = vec![("path", path), ("follow", "false")];
        all.retain(|(key, _)| !options.iter().any(|(given, _)| given == key));
        all.extend(options);
        let config = CsvSourceConfig::from_options("sales", folder.path(), schema, watermark, &all).expect("options");
        let log = MemoryLog::new();
        for topic in config.topics() {
            log.create_topic(topic).expect("a new topic");
        }
        let status = Arc::new(StageStatus::new(StageKind::Source, "sales"));
        Self { folder, log, status, clock: Arc::new(SystemClock), stop: Stop::default(), config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new().append(true).open(self.path(name)).expect("the file is there");
        file.write_all(bytes.as_ref()).expect("it grows");
    }

    fn context(&self) -> SourceContext {
        let log = Arc::new(self.log.clone());
        SourceContext { log, stop: self.stop.clone(), clock: self.clock.clone(), status: self.status.clone() }
    }

    fn try_run(&self) -> Result<(), StageError> {
        CsvSource::new(self.config.clone()).run(&self.context())
    }

    /// Runs a source that ends with its files.
    fn run(&self) -> &Self {
        self.try_run().expect("the files can be read");
        assert_eq!(self.status.phase(), Phase::Done);
        assert!(self.log.topic("sales").expect("the topic").sealed);
        self
    }

    fn batches(&self, topic: &str) -> Vec<Batch> {
        self.log.records(topic)
    }

    fn values(&self) -> RecordBatch {
        let batches: Vec<RecordBatch> = self.batches("sales").into_iter().map(|batch| batch.values).collect();
        concat_batches(&self.config.schema, &batches).expect("batches of one schema")
    }

    /// Every record as file, line and values, in the order of files and lines.
    fn records(&self) -> Vec<(u32, u64, String)> {
        let mut records = Vec::new();
        for batch in self.batches("sales") {
            let origin = batch.origin.as_ref().expect("a source knows where rows come from");
            for (row, values) in rows_to_json(&batch.values, 0..batch.num_rows()).into_iter().enumerate() {
                let values: Vec<String> = values.values().map(ToString::to_string).collect();
                records.push((origin.file.value(row), origin.line.value(row), values.join(",")));
            }
        }
        records.sort();
        records
    }

    fn rejects(&self) -> Vec<(String, i64, Option<String>, String)> {
        let mut rejects = Vec::new();
        for batch in self.batches("sales.dlq") {
            for row in 0..batch.num_rows() {
                let text = |column: usize| value_to_text(batch.values.column(column), row);
                let line = batch.values.column(2).as_primitive::<Int64Type>().value(row);
                assert_eq!(batch.origin.as_ref().expect("an origin").line.value(row), line as u64);
                rejects.push((text(1).expect("a file"), line, text(3), text(5).expect("the row")));
            }
        }
        rejects
    }

    fn epoch(&self) -> u64 {
        self.log.last_commit("source:sales").expect("a commit").epoch.0
    }

    fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let seen = self.log.signal().version();
            if is_so() {
                return;
            }
            assert!(self.log.signal().wait_until(seen, deadline), "{what}; {:?}", self.status.error());
        }
    }

    /// Runs a source that follows, does `meanwhile`, and stops it.
    fn follow(&self, meanwhile: impl FnOnce()) {
        let (mut source, context) = (CsvSource::new(self.config.clone()), self.context());
        let running = std::thread::spawn(move || source.run(&context));
        meanwhile();
        self.stop.stop();
        running.join().expect("no panic").expect("the files can be read");
    }

    fn counts(&self) -> (usize, usize) {
        let count = |topic| self.batches(topic).iter().map(Batch::num_rows).sum();
        (count("sales"), count("sales.dlq"))
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
        archive.write_all(text.as_bytes()).expect("a vector takes all");
    }
    archive.finish().expect("a vector takes all").into_inner()
}

#[test]
fn files_are_read_in_order_with_their_numbers_and_lines() {
    let shop = Shop::new("data/*", sales(), &[]);
    shop.write(
        "data/b.csv.gz",
        [gzip((HEAD.to_owned() + &rows(3..5)).as_bytes()), gzip(rows(5..6).as_bytes())].concat(),
    );
    shop.write("data/a.csv", HEAD.replace('\n', "\r\n") + &rows(0..3).replace('\n', "\r\n"));
    shop.write(
        "data/c.zip",
        zip(&[("two.csv", &(HEAD.to_owned() + &rows(6..7))), ("one.csv", &(HEAD.to_owned() + &rows(7..8)))]),
    );
    let zst = zstd::encode_all((HEAD.to_owned() + &rows(8..9)).as_bytes(), 3).expect("a vector takes all");
    shop.write("data/d.csv.zst", zst);
    shop.write("data/.hidden", "not for us");
    shop.run();
    let lines: Vec<_> = shop.records().into_iter().map(|(file, line, _)| (file, line)).collect();
    assert_eq!(lines, [(0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 2), (3, 2), (4, 2)]);
    assert_eq!(shop.records()[6].2, "6,\"2024-05-01T10:00:06\",\"shop 0\"");
    let cookie = shop.log.last_commit("source:sales").expect("a commit").cookie;
    let names: Vec<_> = file_names(&cookie).into_values().collect();
    assert_eq!(names, ["data/a.csv", "data/b.csv.gz", "data/c.zip/two.csv", "data/c.zip/one.csv", "data/d.csv.zst"]);
    let (read, total) = (&shop.status.bytes_read, &shop.status.bytes_total);
    assert_eq!(read.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
    assert_eq!(shop.status.event_time_ms.load(Ordering::Relaxed), 1_714_557_608_000);
}

#[test]
fn keys_and_times_travel_with_the_rows() {
    let shop = Shop::new("a.csv", sales(), &[("key", "shop"), ("partitions", "3")]);
    shop.write("a.csv", HEAD.to_owned() + &rows(0..30) + "30,,shop 1\n31,2024-05-01,\n");
    shop.run();
    for batch in shop.batches("sales") {
        let keys = batch.keys.as_ref().expect("keys");
        for row in 0..batch.num_rows() {
            let text = value_to_text(batch.values.column(2), row);
            assert_eq!(keys.is_valid(row).then(|| keys.value(row)), text.as_deref().map(str::as_bytes));
            let at = batch.values.column(1).as_primitive::<TimestampMicrosecondType>();
            let time = batch.times_ms.value(row);
            if at.is_valid(row) {
                assert_eq!(time, at.value(row) / 1000);
            } else {
                assert!(time > 1_714_557_608_000, "the moment of reading");
            }
        }
        let partitions: Vec<_> = keys.iter().flatten().map(|key| partition_for_key(key, 3)).collect();
        assert!(partitions.windows(2).all(|pair| pair[0] == pair[1]), "one partition a batch");
    }
    assert_eq!(shop.counts(), (32, 0));
}

#[test]
fn what_does_not_fit_goes_to_the_dead_letters_and_the_ledger_balances() {
    let shop = Shop::new("a.csv", sales(), &[]);
    shop.write(
        "a.csv",
        HEAD.to_owned() + "1,2024-05-01,x\nx,2024-05-01,y\n2,May,\"a\nb\"\n3,2024-05-01\n\n4,2024-05-01,\"z\n5,,\n",
    );
    shop.run();
    assert_eq!(shop.counts(), (2, 4));
    let file = || "a.csv".to_owned();
    assert_eq!(
        shop.rejects(),
        [
            (file(), 3, Some("id".to_owned()), "x,2024-05-01,y".to_owned()),
            (file(), 4, Some("at".to_owned()), "2,May,\"a\nb\"".to_owned()),
            (file(), 6, None, "3,2024-05-01".to_owned()),
            (file(), 8, None, "4,2024-05-01,\"z".to_owned()),
        ]
    );
    let ledger = shop.status.ledger();
    assert!(ledger.balances());
    assert_eq!((ledger.read, ledger.used, ledger.rejected), (6, 2, 4));
    assert_eq!(shop.records().iter().map(|record| record.1).collect::<Vec<_>>(), [2, 9]);
}

/// The text of a file with everything in it that makes resuming hard.
fn hard_text() -> String {
    let mut text = HEAD.to_owned();
    for id in 0..200 {
        match id % 23 {
            3 => text.push_str(&format!("{id},,\"line\nbreak, {id}\"\n")),
            7 => text.push_str("bad,row\n"),
            11 => text.push_str(&format!("{id},2024-05-01,\"stray {id}\n")),
            13 => text.push_str("\r\n\n"),
            _ => text.push_str(&rows(id..id + 1)),
        }
    }
    text + "200,2024-05-02,the last without a line end"
}

#[test]
fn every_commit_is_a_place_to_go_on_from() {
    let text = hard_text();
    for name in ["a.csv", "a.csv.gz", "a.csv.zst", "a.zip"] {
        let bytes = match name {
            "a.csv.gz" => gzip(text.as_bytes()),
            "a.csv.zst" => zstd::encode_all(text.as_bytes(), 3).expect("a vector takes all"),
            "a.zip" => zip(&[("x.csv", &text), ("y.csv", &text)]),
            _ => text.clone().into_bytes(),
        };
        let options = [("batch_rows", "7"), ("key", "shop"), ("partitions", "3")];
        let whole = Shop::new(name, sales(), &options);
        whole.write(name, &bytes);
        whole.run();
        let mut killed = Shop::new(name, sales(), &options);
        killed.write(name, &bytes);
        killed.config.commit_rows = 1;
        let mut deaths = 0;
        loop {
            // Each life gets a commit further than the one before, and dies in the middle of the next.
            killed.log.fail_commit_after(1);
            match killed.try_run() {
                Ok(()) => break,
                Err(error) => assert!(error.retry(), "{error}"),
            }
            deaths += 1;
            assert!(deaths < 200, "it never ends");
        }
        assert!(deaths > 20, "{deaths} deaths only");
        assert_eq!(killed.records(), whole.records(), "{name}");
        assert_eq!(killed.rejects(), whole.rejects(), "{name}");
        assert_eq!(killed.status.ledger(), whole.status.ledger(), "{name}");
        assert!(whole.status.ledger().rejected > 10);
    }
}

#[test]
fn a_source_that_ended_reads_only_what_is_new() {
    let shop = Shop::new("data/*.csv", sales(), &[]);
    shop.write("data/a.csv", HEAD.to_owned() + &rows(0..10));
    shop.run();
    let epoch = shop.epoch();
    shop.run();
    assert_eq!(shop.epoch(), epoch, "nothing new, no commit");
    shop.append("data/a.csv", rows(10..15));
    shop.write("data/b.csv", HEAD.to_owned() + &rows(15..20));
    shop.run();
    assert_eq!(shop.counts(), (20, 0));
    fs::rename(shop.path("data/a.csv"), shop.path("data/z.csv")).expect("a rename");
    shop.run();
    assert_eq!(shop.counts(), (20, 0), "another name is no other file");
    fs::remove_file(shop.path("data/b.csv")).expect("a removal");
    shop.run();
    assert_eq!(shop.counts(), (20, 0), "what was read may go");
    let ids: Vec<String> = shop.records().into_iter().map(|record| record.2).collect();
    assert_eq!(ids.iter().filter(|id| ids.iter().filter(|other| other == id).count() > 1).count(), 0);
}

#[test]
fn a_last_line_without_an_end_counts_and_may_get_its_end_but_not_more() {
    let shop = Shop::new("a.csv", sales(), &[]);
    shop.write("a.csv", HEAD.to_owned() + "1,,x");
    shop.run();
    assert_eq!(shop.counts(), (1, 0));
    shop.append("a.csv", "\r\n2,,y");
    shop.run();
    assert_eq!(shop.records().iter().map(|record| record.1).collect::<Vec<_>>(), [2, 3]);
    shop.append("a.csv", "yy\n");
    let error = shop.try_run().expect_err("the last line went on").to_string();
    assert!(error.contains("line 3 of `a.csv` had no line end") && error.contains("after byte 21"), "{error}");
}

#[test]
fn a_file_that_became_another_is_an_error_that_names_it() {
    for (text, reason) in [(rows(0..5), "begins differently"), (HEAD.to_owned(), "shorter")] {
        let shop = Shop::new("data/*.csv", sales(), &[]);
        shop.write("data/a.csv", HEAD.to_owned() + &rows(0..3));
        shop.run();
        shop.write("data/a.csv", text);
        let error = shop.try_run().expect_err("another file").to_string();
        assert!(
            error.contains("`data/a.csv`") && error.contains(reason) && error.contains("name of its own"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_failed_before_a_row_of_it_was_read_may_be_mended() {
    let good = HEAD.to_owned() + &rows(0..5);
    for (name, bad, mended) in [
        ("b.csv", b"id,at\n1,2\n3,4\n".to_vec(), good.clone().into_bytes()),
        (
            "b.csv.gz",
            b"no gzip at all, and longer than the good one will be; well, as long as this text".to_vec(),
            gzip(good.as_bytes()),
        ),
        ("b.csv.zip", zip(&[("x.csv", "id,at\n1,2\n")]), zip(&[("x.csv", HEAD), ("y.csv", &good)])),
    ] {
        let shop = Shop::new("data/*", sales(), &[]);
        shop.write("data/a.csv", HEAD.to_owned() + &rows(10..12));
        shop.write("data/c.csv", HEAD.to_owned() + &rows(20..22));
        shop.write(&format!("data/{name}"), bad);
        shop.try_run().expect_err("a file that cannot be read");
        shop.write(&format!("data/{name}"), mended);
        shop.run();
        assert_eq!(shop.counts(), (9, 0), "{name}");
        shop.run();
        assert_eq!(shop.counts(), (9, 0), "{name}: nothing twice");
    }
}

#[test]
fn a_file_that_failed_before_a_row_of_it_was_read_may_go() {
    let shop = Shop::new("data/*", sales(), &[]);
    shop.write("data/a.csv", "id,at\n1,2\n");
    shop.write("data/b.csv", HEAD.to_owned() + &rows(0..5));
    shop.try_run().expect_err("two columns");
    fs::remove_file(shop.path("data/a.csv")).expect("a removal");
    shop.run();
    assert_eq!(shop.counts(), (5, 0));
    shop.write("data/a.csv", HEAD.to_owned() + &rows(5..7));
    shop.run();
    assert_eq!(shop.counts(), (7, 0), "a new one under the old name");
}

/// An empty file has no beginning to be known by: it gets one when it grows.
#[test]
fn a_file_that_was_empty_is_known_by_what_comes() {
    let shop = Shop::new("data/*.csv", sales(), &[]);
    shop.write("data/a.csv", "");
    shop.write("data/b.csv", "");
    shop.run();
    shop.append("data/a.csv", HEAD.to_owned() + &rows(0..3));
    shop.run();
    fs::remove_file(shop.path("data/b.csv")).expect("a removal");
    shop.write("data/c.csv", HEAD.to_owned() + &rows(3..6));
    shop.run();
    assert_eq!(shop.counts(), (6, 0));
    shop.append("data/a.csv", rows(6..9));
    shop.run();
    let text = fs::read_to_string(shop.path("data/a.csv")).expect("the file is there");
    shop.write("data/a.csv", text.replace("shop 0", "hall 0") + &rows(9..10));
    let error = shop.try_run().expect_err("another file").to_string();
    assert!(error.contains("`data/a.csv` was replaced") && error.contains("begins differently"), "{error}");
    assert_eq!(shop.counts(), (9, 0));
}

#[test]
fn what_cannot_be_read_is_told_with_its_name() {
    let shop = Shop::new("data/*.csv", sales(), &[]);
    let error = shop.try_run().expect_err("no file");
    assert!(error.to_string().contains("no file matches `data/*.csv`"), "{error}");
    assert!(!error.retry());
    shop.write("data/a.csv", "id,at\n1,2\n");
    let error = shop.try_run().expect_err("two columns").to_string();
    assert!(
        error.contains("`data/a.csv`: the header has 2 columns (id, at) and 3 are declared (id, at, shop)"),
        "{error}"
    );

    let shop = Shop::new("a.csv.gz", sales(), &[]);
    let packed = gzip((HEAD.to_owned() + &rows(0..1000)).as_bytes());
    shop.write("a.csv.gz", &packed[..packed.len() - 10]);
    let error = shop.try_run().expect_err("cut").to_string();
    assert!(error.contains("`a.csv.gz` is damaged") && error.contains("cut short"), "{error}");
    shop.write("a.csv.gz", "plain text");
    assert!(shop.try_run().expect_err("no gzip").to_string().contains("`a.csv.gz`"));
}

#[test]
fn a_bomb_costs_time_and_one_reject() {
    let shop = Shop::new("a.csv.gz", sales(), &[]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(HEAD.as_bytes()).expect("a vector takes all");
    for _ in 0..100 {
        encoder.write_all(&vec![b'x'; 1 << 20]).expect("a vector takes all");
    }
    encoder.write_all(("\n".to_owned() + &rows(0..1)).as_bytes()).expect("a vector takes all");
    shop.write("a.csv.gz", encoder.finish().expect("a vector takes all"));
    shop.run();
    assert_eq!(shop.counts(), (1, 1));
    assert_eq!(shop.rejects()[0].3.len(), millrace_schema::csv::REJECT_BYTES_MAX);
}

#[test]
fn a_folder_is_followed() {
    let shop = Shop::new("inbox/*", sales(), &[("follow", "true"), ("last_line_after", "1h"), ("batch_rows", "10")]);
    shop.follow(|| {
        shop.wait_for("nothing there yet", || {
            shop.status.phase() == Phase::Idle || shop.log.last_commit("source:sales").is_some()
        });
        shop.write("inbox/a.csv", HEAD.to_owned() + &rows(0..25) + "25,2024-0");
        shop.wait_for("a new file", || shop.counts() == (25, 0));
        shop.append("inbox/a.csv", "5-01 10:00:25,shop 1\n26,,x\nbad\n");
        shop.wait_for("a line that got its end", || shop.counts() == (27, 1));
        let packed = gzip((HEAD.to_owned() + &rows(30..3000)).as_bytes());
        shop.write("inbox/b.csv.gz", &packed[..packed.len() / 2]);
        shop.wait_for("half a compressed file", || shop.counts().0 > 27);
        shop.append("inbox/b.csv.gz", &packed[packed.len() / 2..]);
        shop.wait_for("the other half", || shop.counts() == (2997, 1));
    });
    let topic = shop.log.topic("sales").expect("the topic");
    assert!(!topic.sealed);
    let records = shop.records();
    assert_eq!(
        records.iter().filter(|record| record.0 == 0).map(|record| record.1).collect::<Vec<_>>(),
        (2..29).collect::<Vec<_>>()
    );
    assert_eq!(
        records.iter().filter(|record| record.0 == 1).map(|record| record.1).collect::<Vec<_>>(),
        (2..2972).collect::<Vec<_>>()
    );
}

#[test]
fn an_unfinished_line_waits_and_counts_at_the_end() {
    let mut shop = Shop::new("a.csv", sales(), &[("follow", "true")]);
    shop.write("a.csv", HEAD.to_owned() + &rows(0..5) + "5,,half");
    shop.follow(|| shop.wait_for("whole lines", || shop.counts() == (5, 0)));
    shop.config.follow = false;
    shop.stop = Stop::default();
    shop.run();
    assert_eq!(shop.records()[5], (0, 7, "5,null,\"half\"".to_owned()));
}

/// Two stars at the end mean every file below.
#[test]
fn a_path_of_two_stars_is_every_file_below() {
    let shop = Shop::new("data/**", sales(), &[]);
    assert!(shop.config.finds_nothing());
    shop.write("data/a.csv", HEAD.to_owned() + &rows(0..1));
    shop.write("data/may/north/b.csv", HEAD.to_owned() + &rows(1..3));
    assert!(!shop.config.finds_nothing());
    shop.run();
    assert_eq!(shop.counts(), (3, 0));
}

/// A first line that is a row is not lost in silence; whoever says what it is hears no more of it.
#[test]
fn a_first_line_that_may_be_a_row_is_told() {
    let mut shop = Shop::new("data/*", sales(), &[]);
    shop.write("data/a.csv", rows(0..4));
    shop.write("data/b.csv", HEAD.to_owned() + &rows(4..6));
    shop.run();
    assert_eq!(shop.counts(), (5, 0));
    let warning = shop.status.warning().expect("a warning");
    assert!(
        warning.contains("the first line of `data/a.csv` was taken") && warning.contains("header = false"),
        "{warning}"
    );
    shop.status.set_warning(None);
    shop.run();
    assert_eq!(shop.status.warning(), Some(warning), "the next start tells it again");
    shop.config.is_header_told = true;
    shop.run();
    assert_eq!(shop.status.warning(), None);
    shop.config.csv.header = false;
    shop.run();
    let warning = shop.status.warning().expect("the row is still missing");
    assert!(warning.contains("the first line of `data/a.csv` was taken") && warning.contains("delete the data folder"));
}

/// Compressed again, with another time in it and another level, it is the same file: reading goes on where it stopped.
#[test]
fn what_is_compressed_again_is_the_same_file() {
    let text = HEAD.to_owned() + &rows(0..30_000);
    let again = {
        let mut encoder =
            flate2::GzBuilder::new().mtime(77).filename("a.csv").write(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).expect("a vector takes all");
        encoder.finish().expect("a vector takes all")
    };
    let zst = |level| zstd::encode_all(text.as_bytes(), level).expect("a vector takes all");
    for (name, first, again) in [("a.csv.gz", gzip(text.as_bytes()), again), ("a.csv.zst", zst(1), zst(19))] {
        let shop = Shop::new(name, sales(), &[("batch_rows", "100")]);
        shop.write(name, &first[..first.len() / 2]);
        let error = shop.try_run().expect_err("half of it").to_string();
        assert!(error.contains("cut short"), "{error}");
        let before = shop.counts().0;
        assert!((1..30_000).contains(&before), "{before}");
        shop.write(name, &again);
        shop.run();
        assert_eq!(shop.counts(), (30_000, 0), "{name}");
        shop.write(name, &first);
        shop.run();
        assert_eq!(shop.counts(), (30_000, 0), "{name}: once");
        let pack = |text: &str| match name {
            "a.csv.gz" => gzip(text.as_bytes()),
            _ => zstd::encode_all(text.as_bytes(), 3).expect("a vector takes all"),
        };
        shop.write(name, pack(&text.replace("shop", "hall")));
        let error = shop.try_run().expect_err("another file").to_string();
        assert!(error.contains("begins differently"), "{error}");
        shop.write(name, pack(&text[..text.len() / 2]));
        let error = shop.try_run().expect_err("less of it").to_string();
        assert!(error.contains("its text is shorter now"), "{error}");
    }
}

/// While a folder is followed, a file that cannot be read holds the source until it is mended or gone, and no longer.
#[test]
fn a_file_that_cannot_be_read_holds_a_followed_folder_until_it_changes() {
    let shop = Shop::new("data/*.csv", sales(), &[("follow", "true")]);
    shop.write("data/a.csv", HEAD.to_owned() + &rows(0..2));
    let wait_until_told = |name: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !shop.status.error().is_some_and(|error| error.contains(name)) {
            assert!(Instant::now() < deadline, "{:?}", shop.status.error());
            std::thread::yield_now();
        }
    };
    shop.write("data/b.csv", "id,at\n1,2\n");
    shop.follow(|| {
        wait_until_told("data/b.csv");
        assert_eq!(shop.status.phase(), Phase::Failed);
        shop.write("data/c.csv", HEAD.to_owned() + &rows(2..4));
        fs::remove_file(shop.path("data/b.csv")).expect("it is there");
        shop.wait_for("the file after the one that went", || shop.counts() == (4, 0));
        shop.write("data/d.csv", "id\n");
        wait_until_told("data/d.csv");
        shop.write("data/d.csv", HEAD.to_owned() + &rows(4..6));
        shop.wait_for("the file that was mended", || shop.counts() == (6, 0));
    });
    assert_eq!(shop.status.error(), None);
}

/// A compressed file that is cut may be on its way while a folder is followed; without more to come it is told.
#[test]
fn a_file_that_stays_cut_is_told_at_the_end() {
    let mut shop = Shop::new("data/*", sales(), &[("follow", "true")]);
    let packed = gzip((HEAD.to_owned() + &rows(0..3000)).as_bytes());
    shop.write("data/a.csv.gz", &packed[..packed.len() / 2]);
    shop.follow(|| shop.wait_for("half of it", || shop.counts().0 > 0));
    shop.config.follow = false;
    shop.stop = Stop::default();
    let error = shop.try_run().expect_err("the other half is missing").to_string();
    assert!(error.contains("cut short"), "{error}");
    shop.append("data/a.csv.gz", &packed[packed.len() / 2..]);
    shop.run();
    assert_eq!(shop.counts(), (3000, 0));
}

/// The last line of a compressed text was read as it was: what is appended must not go on with it.
#[test]
fn a_last_line_of_a_compressed_file_must_not_go_on() {
    for (more, rows) in [("5-01 10:00:00,x\n", None), ("\n6,,y\n", Some(3)), ("\r\n6,,y\n", Some(3)), ("\r\n", Some(2))]
    {
        let shop = Shop::new("a.csv.gz", sales(), &[]);
        shop.write("a.csv.gz", gzip((HEAD.to_owned() + "4,,x\n5,,half").as_bytes()));
        shop.run();
        assert_eq!(shop.counts(), (2, 0));
        shop.append("a.csv.gz", gzip(more.as_bytes()));
        match (shop.try_run(), rows) {
            (Ok(_), Some(rows)) => assert_eq!(shop.counts(), (rows, 0), "{more:?}"),
            (Err(error), None) => assert!(error.to_string().contains("has gone on"), "{error}"),
            (outcome, _) => panic!("{more:?}: {outcome:?}"),
        }
    }
}

/// A file of which only a mark or an empty line was there at first still has its header before it.
#[test]
fn a_header_that_comes_late_is_a_header() {
    for first in ["\u{feff}", "\n", "\r\n"] {
        let shop = Shop::new("a.csv", sales(), &[]);
        shop.write("a.csv", first);
        shop.run();
        shop.append("a.csv", HEAD.to_owned() + &rows(0..2));
        shop.run();
        assert_eq!(shop.counts(), (2, 0), "{first:?}");
    }
}

/// A short file that grew is known by more than it was at first: another one with the same first line is another one.
#[test]
fn a_file_that_was_short_at_first_is_known_by_more_later() {
    let shop = Shop::new("a.csv", sales(), &[]);
    shop.write("a.csv", HEAD);
    shop.run();
    shop.append("a.csv", rows(0..50));
    shop.run();
    shop.write("a.csv", HEAD.to_owned() + &rows(7..90));
    let error = shop.try_run().expect_err("it is another file").to_string();
    assert!(error.contains("begins differently"), "{error}");
}

/// Numbers of files that came and went without a row are given to others: commits do not grow with them.
#[test]
fn files_that_come_and_go_unread_leave_nothing() {
    let shop = Shop::new("data/*.csv", sales(), &[("follow", "true")]);
    shop.write("data/kept.csv", HEAD.to_owned() + &rows(0..2));
    shop.follow(|| {
        shop.wait_for("the one with rows", || shop.counts() == (2, 0));
        for n in 0..3 {
            let name = format!("data/empty{n}.csv");
            shop.write(&name, "");
            std::thread::sleep(Duration::from_millis(1200));
            fs::remove_file(shop.path(&name)).expect("it was there");
            std::thread::sleep(Duration::from_millis(700));
        }
        shop.write("data/last.csv", HEAD.to_owned() + &rows(2..4));
        shop.wait_for("the last one", || shop.counts() == (4, 0));
    });
    assert!(shop.records().iter().all(|record| record.0 <= 1), "{:?}", shop.records());
}

#[test]
fn a_folder_with_brackets_in_its_name_is_meant_as_it_is() {
    let shop = Shop::new("data[old]", sales(), &[]);
    shop.write("data[old]/a.csv", HEAD.to_owned() + &rows(0..2));
    shop.run();
    assert_eq!(shop.counts(), (2, 0));
}

/// The same where that line is all there is: nothing of the file was read by then.
#[test]
fn an_unfinished_first_line_counts_at_the_end() {
    for (header, text) in [("true", HEAD.to_owned() + "5,,half"), ("false", "5,,half".to_owned())] {
        let mut shop = Shop::new("data/*.csv", sales(), &[("follow", "true"), ("header", header)]);
        shop.write("data/a.csv", text);
        shop.follow(|| following::wait_until_looked_at(&shop));
        assert_eq!(shop.counts(), (0, 0));
        shop.config.follow = false;
        shop.stop = Stop::default();
        shop.run();
        assert_eq!(shop.counts(), (1, 0), "header = {header}");
    }
}

/// A clock that moves by a second each time somebody looks.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now_ms(&self) -> i64 {
        self.0.fetch_add(1000, Ordering::Relaxed)
    }
}

#[test]
fn rows_are_released_at_their_pace_and_as_if_now() {
    const START_MS: i64 = 1_800_000_000_000;
    let mut shop = Shop::new("a.csv", sales(), &[("pace", "60x"), ("rebase", "now"), ("batch_rows", "4")]);
    shop.clock = Arc::new(Ticking(AtomicI64::new(START_MS)));
    shop.config.zone = Some(chrono_tz::Asia::Kolkata);
    let minute = |id: i64| format!("{id},2010-12-01 08:{:02}:00,x\n", id / 2);
    let text: String = (0..20).map(minute).collect();
    shop.write("a.csv", HEAD.to_owned() + &text + "20,,\n");
    shop.run();
    let values = shop.values();
    assert_eq!(values.num_rows(), 21);
    let at = values.column(1).as_primitive::<TimestampMicrosecondType>();
    let steps: Vec<i64> = (0..20).map(|row| (at.value(row) - at.value(0)) / 60_000_000).collect();
    assert_eq!(steps, (0..20).map(|id| id / 2).collect::<Vec<i64>>());
    assert!(at.is_null(20));
    // 2027-01-15 08:00 UTC, or a little later, is 13:30 in India.
    assert_eq!(
        at.value(0) / 1000 / 60_000,
        (START_MS / 60_000) + 5 * 60 + 30,
        "the first row is now, as the shop's clock shows"
    );
    let passed_ms = shop.clock.now_ms() - START_MS;
    assert!(passed_ms >= 9_000, "nine minutes at 60x take nine seconds");

    // The next start goes on with the same shift.
    shop.append("a.csv", "21,2010-12-01 08:10:00,x\n");
    shop.run();
    let values = shop.values();
    let at = values.column(1).as_primitive::<TimestampMicrosecondType>();
    assert_eq!((at.value(21) - at.value(0)) / 60_000_000, 10);
}

#[test]
fn a_batch_that_is_half_released_goes_on_from_there() {
    // One batch of many minutes: it is released row by row, and every release may be the last before a kill.
    let options = [("pace", "600x")];
    let mut text = HEAD.to_owned();
    for id in 0..30 {
        text.push_str(&format!("{id},2010-12-01 08:{id:02}:00,x\n"));
        if id % 7 == 3 {
            text.push_str("bad\n");
        }
    }
    let mut whole = Shop::new("a.csv", sales(), &options);
    whole.clock = Arc::new(Ticking(AtomicI64::new(0)));
    whole.write("a.csv", &text);
    whole.run();
    let mut killed = Shop::new("a.csv", sales(), &options);
    killed.clock = Arc::new(Ticking(AtomicI64::new(0)));
    killed.write("a.csv", &text);
    killed.config.commit_rows = 1;
    let mut deaths = 0;
    loop {
        killed.log.fail_commit_after(1);
        if killed.try_run().is_ok() {
            break;
        }
        // A smaller batch from one life to the next must not matter either.
        killed.config.csv.batch_rows = 5 + deaths % 7;
        deaths += 1;
        assert!(deaths < 100, "it never ends");
    }
    assert!(deaths > 3, "{deaths} deaths only");
    assert_eq!((killed.records(), killed.rejects()), (whole.records(), whole.rejects()));
    assert_eq!(killed.status.ledger(), whole.status.ledger());
}

/// The example's real file.
fn retail_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/online-retail/data/online_retail.csv.zst")
}

fn order_lines() -> SchemaRef {
    columns(&[
        ("invoice_no", DataType::Utf8),
        ("stock_code", DataType::Utf8),
        ("description", DataType::Utf8),
        ("quantity", DataType::Int32),
        ("invoice_date", TIMESTAMP),
        ("unit_price", DataType::Decimal128(12, 3)),
        ("customer_id", DataType::Utf8),
        ("country", DataType::Utf8),
    ])
}

/// The rows of a batch as a spreadsheet of a Windows machine in America writes them: Latin-1, CRLF, `12/1/2010 8:26`.
fn write_as_windows(rows: &RecordBatch, into: &mut impl std::io::Write) {
    use chrono::{DateTime, Datelike, Timelike};
    let latin1 = |text: &str| -> Vec<u8> {
        let narrow = |c: char| u8::try_from(u32::from(c)).expect("the data has no other characters");
        text.chars().map(narrow).collect()
    };
    for row in 0..rows.num_rows() {
        let mut line = String::new();
        for column in 0..rows.num_columns() {
            let text = match column {
                4 => {
                    let micros = rows.column(4).as_primitive::<TimestampMicrosecondType>().value(row);
                    let at = DateTime::from_timestamp_micros(micros).expect("a time of our own");
                    format!("{}/{}/{} {}:{:02}", at.month(), at.day(), at.year(), at.hour(), at.minute())
                }
                _ => value_to_text(rows.column(column), row).unwrap_or_default(),
            };
            let separator = if column == 0 { "" } else { "," };
            if text.contains([',', '"']) {
                line.push_str(&format!("{separator}\"{}\"", text.replace('"', "\"\"")));
            } else {
                line.push_str(&format!("{separator}{text}"));
            }
        }
        into.write_all(&latin1(&line)).expect("a vector takes all");
        into.write_all(b"\r\n").expect("a vector takes all");
    }
}

#[test]
fn the_real_file_is_read_to_the_last_digit_in_both_encodings() {
    let mut utf8 = Shop::new("x", order_lines(), &[]);
    utf8.config.path = retail_file().to_str().expect("a plain path").to_owned();
    utf8.run();
    assert_eq!(utf8.counts(), (541_909, 0));
    let values = utf8.values();
    let quantity = values.column(3).as_primitive::<arrow::datatypes::Int32Type>();
    let price = values.column(5).as_primitive::<arrow::datatypes::Decimal128Type>();
    let total: i128 = (0..values.num_rows()).map(|row| i128::from(quantity.value(row)) * price.value(row)).sum();
    assert_eq!(decimal_text(total, 3), "9747747.934");
    assert_eq!(values.column(6).null_count(), 135_080);
    assert_eq!(values.column(2).null_count(), 1_454);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder
        .write_all(b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n")
        .expect("room");
    write_as_windows(&values, &mut encoder);
    let options =
        [("encoding", "latin1"), ("timestamp_format", "%m/%d/%Y %H:%M"), ("key", "customer_id"), ("partitions", "4")];
    let latin1 = Shop::new("data.csv.gz", order_lines(), &options);
    latin1.write("data.csv.gz", encoder.finish().expect("a vector takes all"));
    assert_eq!(latin1.config.csv.encoding, Encoding::Latin1);
    latin1.run();
    assert_eq!(latin1.counts(), (541_909, 0));

    // By line, the four partitions hold the rows of the one file.
    let lines: Vec<u64> = latin1
        .batches("sales")
        .iter()
        .flat_map(|batch| batch.origin.as_ref().expect("an origin").line.values().to_vec())
        .collect();
    let order = arrow::compute::sort_to_indices(&UInt64Array::from(lines), None, None).expect("lines can be sorted");
    let sorted = arrow::compute::take_record_batch(&latin1.values(), &order).expect("indices of the batch");
    for (column, field) in sorted.columns().iter().zip(values.schema().fields()) {
        assert_eq!(column, values.column_by_name(field.name()).expect("the same columns"), "{}", field.name());
    }
}
