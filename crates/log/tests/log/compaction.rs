//! Compaction from outside: what stays, what goes, and what a kill in the middle of it leaves.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use millrace_flow::{Clock, Log, Offset, TopicPartition};
use millrace_log::{Disk, EmbeddedLog, End, FlushMode, LocalDisk, LogError, Record, Refused};

use crate::frames::{Frame, Packing};
use crate::shop::Shop;

/// A clock that stands until it is told.
pub(crate) struct Standing(pub(crate) AtomicI64);

impl Clock for Standing {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Standing {
    pub(crate) fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// A shop whose clock stands at 1,000,000.
pub(crate) fn shop_at_a_time() -> (Shop, Arc<Standing>) {
    let mut shop = Shop::new(FlushMode::Interval);
    let clock = Arc::new(Standing(AtomicI64::new(1_000_000)));
    shop.machine.clock = clock.clone();
    (shop, clock)
}

pub(crate) fn prices() -> TopicPartition {
    TopicPartition::new("prices", 0)
}

/// A compacted topic whose every frame gets a segment of its own, compacted whenever anybody asks.
fn create(log: &EmbeddedLog, configs: &[(&str, &str)]) {
    let defaults = [("cleanup.policy", "compact"), ("segment.bytes", "14"), ("min.cleanable.dirty.ratio", "0")];
    let configs = defaults.iter().chain(configs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    log.create_client_topic("prices", 1, 1, configs.collect()).unwrap_or_else(|error| panic!("{error}"));
}

fn set(log: &EmbeddedLog, name: &str, value: &str) {
    let mut configs = (*log.client_topic("prices").expect("it is there").configs).clone();
    configs.insert(name.to_owned(), value.to_owned());
    log.set_configs("prices", configs).unwrap_or_else(|error| panic!("{error}"));
}

/// A frame of records written as `key=value`, or `key` for a tombstone, with the time 1,000,000.
fn frame(records: &[&str]) -> Frame {
    let record = |text: &&str| {
        let (key, value) = text.split_once('=').map_or((*text, None), |(key, value)| (key, Some(value)));
        (Some(key.as_bytes().to_vec()), value.map(|value| value.as_bytes().to_vec()), 1_000_000)
    };
    Frame { records: records.iter().map(record).collect(), ..Frame::of(&["x"]) }
}

fn append(log: &EmbeddedLog, frame: &Frame) -> i64 {
    log.append_frame(&prices(), &frame.bytes()).unwrap_or_else(|error| panic!("{error}")).base.0
}

fn fill(log: &EmbeddedLog, frames: &[&[&str]]) {
    for records in frames {
        append(log, &frame(records));
    }
}

fn compact(log: &EmbeddedLog) {
    log.apply_compaction().unwrap_or_else(|error| panic!("{error}"));
}

fn records(log: &EmbeddedLog) -> Vec<Record> {
    let (start, _) = log.offsets(&prices()).expect("it is online");
    log.read_records(&prices(), start, usize::MAX).unwrap_or_else(|error| panic!("{error}"))
}

/// All records, written as in [`frame`], each behind its offset.
fn found(log: &EmbeddedLog) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let written = |record: &Record| {
        let key = record.key.as_deref().map_or_else(String::new, text);
        let value = record.value.as_deref().map_or_else(String::new, |value| format!("={}", text(value)));
        format!("{}:{key}{value}", record.offset.0)
    };
    records(log).iter().map(written).collect()
}

#[test]
fn the_last_record_of_each_key_stays_at_its_offset() {
    let packings = [Packing::None, Packing::Gzip, Packing::Snappy, Packing::SnappyJava, Packing::Lz4, Packing::Zstd];
    for packing in packings {
        let shop = Shop::new(FlushMode::Interval);
        let log = shop.open();
        create(&log, &[]);
        for records in [["a=1", "b=1", "c=1"], ["a=2", "d=1", "a=3"], ["b=2", "b=3", "e=1"], ["f=1", "f=2", "a=4"]] {
            append(&log, &frame(&records).packed(packing));
        }
        compact(&log);
        // The last frame lies in the active segment, and is nobody's business.
        let expected = ["2:c=1", "4:d=1", "5:a=3", "7:b=3", "8:e=1", "9:f=1", "10:f=2", "11:a=4"];
        assert_eq!(found(&log), expected, "{packing:?}");
        compact(&log);
        assert_eq!(found(&log), expected, "{packing:?}");
        for shop in [shop.killed(), shop.killed().rebooted()] {
            let log = shop.open();
            assert_eq!(found(&log), expected, "{packing:?}");
            assert_eq!(log.offsets(&prices()).expect("it is online"), (Offset(0), Offset(12)));
            append(&log, &frame(&["a=5"]).packed(packing));
            compact(&log);
            let all = ["2:c=1", "4:d=1", "7:b=3", "8:e=1", "10:f=2", "11:a=4", "12:a=5"];
            assert_eq!(found(&log), all, "{packing:?}");
            log.close().expect("the disk answers");
        }
    }
}

#[test]
fn a_fetch_at_an_offset_that_is_gone_goes_on_behind_it() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    fill(&log, &[&["a=1", "b=1"], &["a=2", "b=2"], &["a=3", "b=3"], &["c=1"]]);
    compact(&log);
    let base = |from: i64| {
        let frames = frames_from(&log, Offset(from), 1 << 20);
        i64::from_be_bytes(frames[..8].try_into().expect("there is a frame"))
    };
    assert_eq!((base(0), base(3), base(4), base(6)), (4, 4, 4, 6));
    let read = log.read(&prices(), Offset(1), 1).expect("it is there");
    assert_eq!((read[0].base, read[0].end()), (Offset(4), Offset(6)));
    assert_eq!(log.record_at_time(&prices(), 0).expect("it is there"), Some((Offset(4), 1_000_000)));
    assert_eq!(log.newest_record(&prices()).expect("it is there"), Some((Offset(4), 1_000_000)));
    let outside = EmbeddedLog::open_read_only(&shop.dir()).expect("reading needs no lock");
    assert_eq!(found(&outside), ["4:a=3", "5:b=3", "6:c=1"]);
    append(&log, &frame(&["a=4", "b=4", "c=2"]));
    append(&log, &frame(&["d=1"]));
    compact(&log);
    // Files that it has listed are gone, and others have their names.
    assert_eq!(found(&outside), ["4:a=3", "5:b=3", "6:c=1"][3..], "it sees up to where it was opened");
}

#[test]
fn a_tombstone_deletes_and_goes_after_its_time() {
    let (shop, clock) = shop_at_a_time();
    let log = shop.open();
    create(&log, &[("delete.retention.ms", "1000")]);
    fill(&log, &[&["a=1", "b=1"], &["a", "c=1"], &["z=1"]]);
    clock.pass(5_000);
    compact(&log);
    assert_eq!(found(&log), ["1:b=1", "2:a", "3:c=1", "4:z=1"]);
    assert!(records(&log).iter().all(|record| record.time_ms == 1_000_000), "a horizon changes no timestamp");
    // The horizon is in the frame as Kafka has it: bit 6 of the attributes, and the base timestamp.
    let frames = frames_from(&log, Offset(2), 1);
    assert_eq!(frames[22] & (1 << 6), 1 << 6);
    assert_eq!(frames[27..35], 1_006_000_i64.to_be_bytes());
    clock.pass(999);
    for log in [&log, &shop.killed().open()] {
        append(log, &frame(&["y=1"]));
        compact(log);
        assert!(found(log).contains(&"2:a".to_owned()), "it has not been there for long enough");
    }
    clock.pass(1);
    compact(&log);
    assert_eq!(found(&log), ["1:b=1", "3:c=1", "4:z=1", "5:y=1"]);
}

#[test]
fn what_may_not_be_touched_yet_is_not() {
    let (shop, clock) = shop_at_a_time();
    let log = shop.open();
    create(&log, &[("min.compaction.lag.ms", "1000")]);
    fill(&log, &[&["a=1"], &["a=2"], &["a=3"]]);
    clock.pass(999);
    compact(&log);
    assert_eq!(found(&log), ["0:a=1", "1:a=2", "2:a=3"]);
    let mut young = frame(&["a=4"]);
    young.records[0].2 = 1_000_999;
    append(&log, &young);
    append(&log, &young);
    clock.pass(1);
    compact(&log);
    assert_eq!(found(&log), ["2:a=3", "3:a=4", "4:a=4"], "the one of now and what is behind it are safe");
}

#[test]
fn a_log_waits_until_enough_of_it_is_dirty_or_it_has_waited_long() {
    let (shop, clock) = shop_at_a_time();
    let log = shop.open();
    create(&log, &[("min.cleanable.dirty.ratio", "0.5"), ("segment.bytes", "5000")]);
    fill(&log, &[&[&format!("a={}", "x".repeat(4_000))], &[&format!("b={}", "x".repeat(4_000))]]);
    fill(&log, &[&[&format!("c={}", "x".repeat(4_000))], &[&format!("c={}", "x".repeat(4_000))]]);
    compact(&log);
    assert_eq!(records(&log).len(), 4, "nothing is superfluous but in the active segment");
    fill(&log, &[&[&format!("c={}", "x".repeat(4_000))], &["d=1"]]);
    compact(&log);
    assert_eq!(records(&log).len(), 6, "a quarter of it is dirty");
    set(&log, "max.compaction.lag.ms", "1000");
    clock.pass(1_000);
    compact(&log);
    assert_eq!(records(&log).len(), 6, "it has not waited longer than it may");
    clock.pass(1);
    compact(&log);
    assert_eq!(records(&log).len(), 5);
}

/// Behind an idle segment nothing waits: the first frame after `max.compaction.lag.ms` begins a new one.
#[test]
fn the_lag_also_closes_segments() {
    let (shop, clock) = shop_at_a_time();
    let log = shop.open();
    create(&log, &[("segment.bytes", "100000"), ("max.compaction.lag.ms", "1000")]);
    fill(&log, &[&["a=1"], &["a=2"]]);
    clock.pass(1_001);
    append(&log, &frame(&["b=1"]));
    compact(&log);
    assert_eq!(found(&log), ["1:a=2", "2:b=1"]);
}

#[test]
fn the_last_frame_of_a_producer_stays_without_records_if_need_be() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    append(&log, &frame(&["a=1", "b=1"]).sent_by(7, 0, 0));
    append(&log, &frame(&["a=2", "b=2"]).sent_by(7, 0, 2));
    append(&log, &frame(&["a=3", "b=3"]).sent_by(8, 0, 0));
    append(&log, &frame(&["c=1"]));
    compact(&log);
    assert_eq!(found(&log), ["4:a=3", "5:b=3", "6:c=1"]);
    let frames = frames_from(&log, Offset(0), 1);
    assert_eq!((frames.len(), &frames[..8]), (61, &2_i64.to_be_bytes()[..]), "it has nothing but a header");
    let killed = shop.killed();
    let _ = fs::remove_file(killed.dir().join("topics/prices-0/producers"));
    let log = killed.open();
    let again = log.append_frame(&prices(), &frame(&["a=2", "b=2"]).sent_by(7, 0, 2).bytes()).expect("it is known");
    assert_eq!((again.base, again.is_duplicate), (Offset(2), true));
    let gap = log.append_frame(&prices(), &frame(&["a=9"]).sent_by(7, 0, 9).bytes());
    assert!(matches!(gap, Err(Refused::OutOfOrder)), "{gap:?}");
    // Once it has sent more, the empty frame has done its work.
    append(&log, &frame(&["d=1"]).sent_by(7, 0, 4));
    append(&log, &frame(&["e=1"]));
    compact(&log);
    let frames = frames_from(&log, Offset(0), 1);
    assert_eq!(frames[..8], 4_i64.to_be_bytes());
}

#[test]
fn records_from_before_a_topic_was_compacted_need_a_key_to_stay() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("cleanup.policy", "delete")]);
    append(&log, &Frame::of(&["no key"]));
    fill(&log, &[&["a=1"], &["a=2"], &["b=1"]]);
    compact(&log);
    assert_eq!(records(&log).len(), 4, "it is not compacted");
    set(&log, "cleanup.policy", "compact");
    compact(&log);
    assert_eq!(found(&log), ["2:a=2", "3:b=1"]);
}

#[test]
fn segments_that_got_small_become_one() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "1000")]);
    for n in 0..400 {
        append(&log, &frame(&[&format!("key {}=number {n}", n % 10)]));
    }
    let before = shop.segments(&prices()).len();
    assert!(before > 20, "{before} segments");
    (0..3).for_each(|_| {
        compact(&log);
        append(&log, &frame(&["other=1"]));
    });
    let sizes = |shop: &Shop| -> Vec<u64> {
        shop.segments(&prices()).iter().map(|path| fs::metadata(path).expect("it is there").len()).collect()
    };
    assert!(sizes(&shop).len() <= 4 && sizes(&shop).iter().all(|bytes| *bytes <= 1_000), "{:?}", sizes(&shop));
    assert_eq!(log.topic("prices").expect("it is there").bytes, sizes(&shop).iter().sum::<u64>());
    let keys: Vec<_> = records(&log).into_iter().filter_map(|record| record.key).collect();
    for key in 0..10 {
        let key = format!("key {key}");
        assert!(keys.iter().any(|known| **known == *key.as_bytes()), "{key}");
    }
    assert_eq!(found(&shop.killed().rebooted().open()), found(&log));
}

/// Deleting by age works on compacted segments too, and a timestamp from the future holds nothing up.
#[test]
fn a_topic_may_be_compacted_and_lose_what_is_old() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("cleanup.policy", "compact,delete"), ("message.timestamp.after.max.ms", &i64::MAX.to_string())]);
    let now_ms = shop.machine.clock.now_ms();
    for (n, time_ms) in [(0, 1_000_000), (1, now_ms + 900_000_000), (2, now_ms), (3, now_ms), (4, now_ms)] {
        let mut frame = frame(&[&format!("key {n}=x"), "same=x"]);
        frame.records.iter_mut().for_each(|record| record.2 = time_ms);
        append(&log, &frame);
    }
    set(&log, "retention.ms", "3600000");
    compact(&log);
    log.apply_retention().expect("the disk answers");
    assert_eq!(log.offsets(&prices()).expect("it is online").0, Offset(2), "one is of 1970");
    // All are older than nothing, whatever their timestamps say.
    set(&log, "retention.ms", "0");
    let written = fs::metadata(&shop.segments(&prices())[0]).and_then(|metadata| metadata.modified());
    let written = written.expect("it is there");
    while std::time::SystemTime::now().duration_since(written).is_ok_and(|since| since.as_millis() < 2) {
        std::hint::spin_loop();
    }
    log.apply_retention().expect("the disk answers");
    assert_eq!(log.offsets(&prices()).expect("it is online"), (Offset(10), Offset(10)));
    assert_eq!(append(&log, &frame(&["a=1"])), 10);
    assert_eq!(found(&shop.killed().open()), ["10:a=1"]);
}

#[test]
fn damage_ends_compaction_and_nothing_else() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    fill(&log, &[&["a=1"], &["a=2"], &["a=3"], &["b=1"]]);
    let path = shop.segments(&prices()).remove(1);
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[66] ^= 1;
    fs::write(&path, bytes).expect("it can be written");
    compact(&log);
    compact(&log);
    assert!(log.read_records(&prices(), Offset(1), 1).is_err());
    let rest = log.read_records(&prices(), Offset(2), 9).expect("it is whole");
    assert_eq!(rest.len(), 2);
    assert_eq!(log.read_records(&prices(), Offset(0), 1).expect("it is whole").len(), 1);
    append(&log, &frame(&["c=1"]));
}

#[test]
fn a_hole_that_compaction_did_not_make_is_told() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "1000000")]);
    fill(&log, &[&["a=1"], &["b=1"], &["c=1"]]);
    log.close().expect("the disk answers");
    drop(log);
    let path = shop.segment(&prices());
    let bytes = fs::read(&path).expect("it is there");
    let frame = bytes.len() / 3;
    fs::write(&path, [&bytes[..frame], &bytes[2 * frame..]].concat()).expect("it can be written");
    let log = shop.open();
    let error = log.append_frame(&prices(), &self::frame(&["d=1"]).bytes());
    assert!(matches!(error, Err(Refused::Log(LogError::PartitionOffline { .. }))), "{error:?}");
}

/// A disk that does nothing any more from a certain change on, as when the process is killed there.
pub(crate) struct DyingDisk {
    pub(crate) changes_left: AtomicI64,
}

impl DyingDisk {
    fn change<T>(&self, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.changes_left.fetch_sub(1, Ordering::SeqCst) > 0 { change() } else { Err(io::Error::other("killed")) }
    }
}

impl Disk for DyingDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.change(|| LocalDisk.create(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|| LocalDisk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|| LocalDisk.remove(path))
    }

    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        self.change(|| LocalDisk.write_at(file, bytes, position))
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.change(|| LocalDisk.truncate(file, bytes))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.change(|| LocalDisk.sync(file))
    }

    fn sync_dir(&self, dir: &File) -> io::Result<()> {
        self.change(|| LocalDisk.sync_dir(dir))
    }

    fn sync_filesystem(&self, file: &File) -> io::Result<()> {
        self.change(|| LocalDisk.sync_filesystem(file))
    }
}

/// Killed before each change of a file that compaction makes, and before each that the start after that makes.
#[test]
fn a_kill_at_any_step_leaves_the_old_segments_or_the_new_one() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "300")]);
    for n in 0..24 {
        append(&log, &frame(&[&format!("key {}={n}", n % 3), &format!("once {n}=x")]).sent_by(7, 0, n * 2));
    }
    log.close().expect("the disk answers");
    drop(log);
    let last = |found: &[String]| -> BTreeMap<String, String> {
        let split = |text: &String| {
            let (place, value) = text.split_once('=').expect("there are no tombstones");
            let (offset, key) = place.split_once(':').expect("it has an offset");
            (key.to_owned(), format!("{offset}={value}"))
        };
        found.iter().map(split).collect()
    };
    let dying = |shop: &Shop, changes: i64| {
        let mut dying = shop.killed();
        dying.machine.disk = Arc::new(DyingDisk { changes_left: AtomicI64::new(changes) });
        dying
    };
    let whole = shop.killed();
    let expected = last(&found(&whole.open()));
    assert_eq!(expected.len(), 27);
    let mut step = 0;
    loop {
        let torn = dying(&shop, step);
        let opened =
            EmbeddedLog::open_on(&torn.dir(), torn.config.clone(), torn.registry.clone(), torn.machine.clone());
        let done = opened.map_err(drop).and_then(|log| {
            let done = log.apply_compaction();
            // Whoever reads on in a log that is out of service reads what was acknowledged.
            assert_eq!(last(&found(&log)), expected, "step {step}, the same process");
            done.map_err(drop)
        });
        let outside = EmbeddedLog::open_read_only(&torn.dir()).expect("reading changes nothing");
        if let Ok((_, end)) = outside.offsets(&prices()) {
            assert!(end == Offset(48), "step {step}");
            assert_eq!(last(&found(&outside)), expected, "step {step}, from outside");
        }
        for restart in 0..3 {
            let torn = dying(&torn, restart * 3);
            let opened =
                EmbeddedLog::open_on(&torn.dir(), torn.config.clone(), torn.registry.clone(), torn.machine.clone());
            drop(opened);
            {
                let mut again = torn.killed().rebooted();
                again.machine.disk = Arc::new(LocalDisk);
                let log = again.open();
                assert_eq!(last(&found(&log)), expected, "step {step}, restart {restart}");
                compact(&log);
                assert_eq!(last(&found(&log)), expected, "step {step}, restart {restart}, and again");
                let sent_again = frame(&["key 2=23", "once 23=x"]).sent_by(7, 0, 46);
                let sent_again = log.append_frame(&prices(), &sent_again.bytes()).expect("it is known");
                assert!(sent_again.is_duplicate, "step {step}");
                let left: Vec<_> = fs::read_dir(again.dir().join("topics/prices-0")).expect("it is there").collect();
                let is_left = |entry: &io::Result<fs::DirEntry>| {
                    let path = entry.as_ref().expect("it can be listed").path();
                    path.extension().is_some_and(|extension| extension == "swap" || extension == "cleaned")
                };
                assert!(!left.iter().any(is_left), "step {step}");
            }
        }
        if done.is_ok() {
            break;
        }
        step += 1;
    }
    assert!(step > 20, "{step} steps");
}

#[test]
fn what_kafka_leaves_behind_goes_at_the_start() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    fill(&log, &[&["a=1"], &["a=2"]]);
    log.close().expect("the disk answers");
    drop(log);
    let dir = shop.dir().join("topics/prices-0");
    let left = ["00000000000000000000.log.deleted", "00000000000000000000.cleaned"];
    left.iter().for_each(|name| fs::write(dir.join(name), b"rest").expect("there is room"));
    assert_eq!(found(&shop.open()), ["0:a=1", "1:a=2"]);
    assert!(left.iter().all(|name| !dir.join(name).exists()));
}

#[test]
fn batches_are_packed_as_the_topic_asks() {
    let values = ["the same words again and again, ".repeat(40), "the same words again and again, ".repeat(40)];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let plain = Frame::of(&values).bytes().len();
    let types = [("uncompressed", 0), ("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)];
    for (name, bits) in types {
        for sent in [Packing::None, Packing::Gzip, Packing::SnappyJava, Packing::Lz4, Packing::Zstd] {
            let shop = Shop::new(FlushMode::Interval);
            let log = shop.open();
            create(&log, &[("cleanup.policy", "delete"), ("compression.type", name), ("compression.zstd.level", "19")]);
            let bytes = Frame::of(&values).packed(sent).sent_by(7, 0, 0).bytes();
            for _ in 0..2 {
                log.append_frame(&prices(), &bytes).unwrap_or_else(|error| panic!("{error}"));
            }
            let fetched = frames_from(&log, Offset(0), 1 << 20);
            assert_eq!(fetched[22] & 7, bits, "{name} from {sent:?}");
            if sent as i16 & 7 == i16::from(bits) && bits > 0 {
                continue;
            }
            assert_eq!(fetched.len() < plain / 2, bits > 0, "{name} from {sent:?}: {} of {plain} bytes", fetched.len());
            let records = records(&log);
            assert_eq!(records.len(), 2, "sent again, it is known");
            assert!(
                records.iter().zip(&values).all(|(record, value)| record.value.as_deref() == Some(value.as_bytes()))
            );
        }
    }
}

/// A frame of the transaction that producer 7 has under way.
fn transactional(records: &[&str], sequence: i32) -> Frame {
    let mut frame = frame(records).sent_by(7, 0, sequence);
    frame.attributes = 1 << 4;
    frame
}

fn end(log: &EmbeddedLog, is_commit: bool) {
    let end = End { producer_id: 7, producer_epoch: 0, coordinator_epoch: 0, is_commit };
    log.append_marker(&prices(), end).unwrap_or_else(|error| panic!("{error}"));
}

/// Frames, as clients get them.
fn frames_from(log: &EmbeddedLog, from: Offset, bytes_max: usize) -> Bytes {
    let fetched = log.fetch_frames(&prices(), from, bytes_max).expect("it is there");
    fetched.frames.read().expect("it can be read")
}

/// First offsets of all frames, as clients get them.
fn bases(log: &EmbeddedLog) -> Vec<i64> {
    let mut bases = Vec::new();
    let (mut next, last) = log.offsets(&prices()).map(|(start, end)| (start.0, end.0)).expect("it is online");
    while next < last {
        let frames = frames_from(log, Offset(next), 1);
        let Some(front) = frames.get(..27) else { break };
        let base = i64::from_be_bytes(front[..8].try_into().expect("eight bytes"));
        bases.push(base);
        next = base + i64::from(i32::from_be_bytes(front[23..27].try_into().expect("four bytes"))) + 1;
    }
    bases
}

#[test]
fn what_was_aborted_makes_nothing_superfluous_and_goes() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    fill(&log, &[&["a=1", "b=1"]]);
    append(&log, &transactional(&["a=2"], 0));
    end(&log, false);
    append(&log, &transactional(&["b=2"], 1));
    end(&log, true);
    fill(&log, &[&["c=1"], &["d=1"]]);
    compact(&log);
    // The marker at 3 says that something was aborted, that at 5 that the frame at 4 counts.
    assert_eq!(found(&log), ["0:a=1", "4:b=2", "6:c=1", "7:d=1"]);
    assert_eq!(bases(&log), [0, 3, 4, 5, 6, 7]);
    append(&log, &transactional(&["b=3"], 2));
    end(&log, true);
    fill(&log, &[&["e=1"]]);
    compact(&log);
    assert_eq!(found(&log), ["0:a=1", "6:c=1", "7:d=1", "8:b=3", "10:e=1"]);
    assert_eq!(bases(&log), [0, 3, 6, 7, 8, 9, 10], "nothing is left that the marker at 5 could tell of");
    log.close().expect("the disk answers");
    for forget in [false, true] {
        let again = shop.killed();
        if forget {
            fs::remove_file(again.dir().join("topics/prices-0/producers")).expect("it was kept at the clean stop");
        }
        let log = again.open();
        assert_eq!(log.stable_offset(&prices()).expect("it is online"), Offset(11), "nothing goes on");
        assert_eq!(found(&log), ["0:a=1", "6:c=1", "7:d=1", "8:b=3", "10:e=1"]);
    }
}

#[test]
fn what_goes_on_is_not_compacted() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    fill(&log, &[&["a=1"], &["a=2"]]);
    append(&log, &transactional(&["a=3"], 0));
    fill(&log, &[&["a=4"], &["b=1"]]);
    compact(&log);
    assert_eq!(bases(&log), [1, 2, 3, 4], "the last before the transaction stays");
    end(&log, false);
    fill(&log, &[&["c=1"]]);
    compact(&log);
    // Its last frame is what its producer is known by, and has no records any more.
    assert_eq!(found(&log), ["3:a=4", "4:b=1", "6:c=1"]);
    assert_eq!(bases(&log), [2, 3, 4, 5, 6]);
    // Segments that became one keep the list of what was aborted, over any restart.
    set(&log, "segment.bytes", "100000");
    append(&log, &transactional(&["d=1"], 1));
    end(&log, false);
    set(&log, "segment.bytes", "14");
    fill(&log, &[&["e=1"]]);
    set(&log, "segment.bytes", "100000");
    compact(&log);
    let expected = ["3:a=4", "4:b=1", "6:c=1", "9:e=1"];
    assert_eq!(found(&log), expected);
    for shop in [shop.killed(), shop.killed().rebooted()] {
        let log = shop.open();
        assert_eq!(found(&log), expected);
        assert_eq!(log.stable_offset(&prices()).expect("it is online"), Offset(10));
    }
    let outside = EmbeddedLog::open_read_only(&shop.dir()).expect("reading needs no lock");
    assert_eq!(found(&outside), expected);
}
