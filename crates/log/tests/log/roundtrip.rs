//! Records in, the same records out: through the cache, from the disk, in another process.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use millrace_flow::{ErrorKind, Log, Offset, PartitionId, TopicPartition};
use millrace_log::{EmbeddedLog, FlushMode};
use millrace_schema::avro;

use crate::shop::*;

#[test]
fn every_type_comes_back_the_same_from_cache_and_disk() {
    let shop = Shop::new(FlushMode::Interval);
    let partition = TopicPartition::new("types", 0);
    let log = shop.open();
    let mut wanted = spec("types", 1);
    wanted.schema = every_type();
    log.create_topic(wanted.clone()).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    let mut appended = Vec::new();
    for (keys, tombstones, origin) in
        [(true, true, true), (true, false, false), (false, false, true), (false, true, false)]
    {
        let batch = rows_of_every_type(500, keys, tombstones, origin);
        writer.append(&partition, batch.clone()).expect("it can be appended");
        writer.commit(Bytes::new(), false).expect("it can be committed");
        appended.push(batch);
    }
    let cached = log.read(&partition, Offset(0), usize::MAX).expect("it is there");
    assert_eq!(cached.len(), appended.len());
    cached.iter().zip(&appended).for_each(|(fetched, batch)| assert_same(&fetched.batch, batch));
    assert_eq!((log.stats().cached_reads, log.stats().disk_reads), (1, 0));
    drop(writer);
    log.close().expect("the disk answers");
    drop(log);

    let log = shop.open();
    assert_eq!(log.topic("types").expect("it is there").spec.schema, wanted.schema);
    for (number, batch) in appended.iter().enumerate() {
        let from = Offset(number as i64 * 500);
        let fetched = log.read(&partition, from, 0).expect("it is there");
        let whole = fetched.first().expect("there is a batch");
        assert_eq!((whole.base, whole.batch.num_rows() >= 500), (from, true));
        let found = whole.batch.slice(0, 500);
        assert_eq!(found.values, batch.values);
        assert_eq!(found.times_ms, batch.times_ms);
        assert_eq!(found.origin.is_some(), batch.origin.is_some());
    }
    assert_eq!(log.stats().cached_reads, 0);
}

#[test]
fn a_batch_alone_is_the_same_from_the_disk() {
    for (keys, tombstones, origin) in [(true, true, true), (false, false, false), (true, false, true)] {
        let shop = Shop::on_disk(FlushMode::None, 1 << 20);
        let partition = TopicPartition::new("types", 0);
        let log = shop.open();
        let mut wanted = spec("types", 1);
        wanted.schema = every_type();
        log.create_topic(wanted).expect("it can be created");
        let mut writer = log.writer(WRITER).expect("nobody else writes");
        let batch = rows_of_every_type(700, keys, tombstones, origin);
        writer.append(&partition, batch.clone()).expect("it can be appended");
        writer.commit(Bytes::new(), false).expect("it can be committed");
        let fetched = log.read(&partition, Offset(0), usize::MAX).expect("it is there");
        assert_eq!(fetched.len(), 1);
        assert_same(&fetched[0].batch, &batch);
        let tail = log.read(&partition, Offset(650), usize::MAX).expect("it is there");
        assert_same(&tail[0].batch, &batch.slice(650, 50));
    }
}

#[test]
fn tools_see_records_as_they_lie_in_the_log() {
    let shop = Shop::on_disk(FlushMode::None, 1 << 20);
    let partition = TopicPartition::new("types", 0);
    let log = shop.open();
    let mut wanted = spec("types", 1);
    wanted.schema = every_type();
    let info = log.create_topic(wanted).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    writer.append(&partition, rows_of_every_type(20, true, true, true)).expect("it can be appended");
    writer.commit(Bytes::new(), false).expect("it can be committed");
    let records = log.read_records(&partition, Offset(2), 4).expect("it is there");
    let offsets: Vec<_> = records.iter().map(|record| record.offset.0).collect();
    assert_eq!(offsets, [2, 3, 4, 5]);
    assert_eq!(records[0].key.as_deref(), Some(&b"key 2"[..]));
    assert_eq!(records[3].key, None);
    assert_eq!(avro::schema_id(records[0].value.as_deref().expect("it has a value")), Some(info.schema_id));
    assert_eq!(records[1].value, None, "a tombstone");
    assert_eq!(records[2].headers, [("at".to_owned(), Bytes::from_static(b"0:16"))]);
    assert_eq!(records[2].time_ms, 1_291_191_900_000 - 4 * 17);
}

#[test]
fn only_what_is_committed_is_seen_and_over_all_topics_at_once() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    for name in ["a", "b"] {
        log.create_topic(spec(name, 1)).expect("it can be created");
    }
    let (a, b) = (TopicPartition::new("a", 0), TopicPartition::new("b", 0));
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    assert!(writer.last_commit().is_none());
    let seen = log.signal().version();
    assert_eq!(writer.append(&a, rows(0, 10)).expect("it can be appended"), Offset(0)..Offset(10));
    assert_eq!(writer.append(&b, rows(0, 4)).expect("it can be appended"), Offset(0)..Offset(4));
    assert!(all_ids(log.as_ref(), &a).is_empty());
    assert_eq!(log.signal().version(), seen);
    assert_eq!(writer.commit(cookie(0, 10), false).expect("it can be committed").0, 1);
    assert_ne!(log.signal().version(), seen);
    assert_eq!(all_ids(log.as_ref(), &a), (0..10).collect::<Vec<_>>());
    assert_eq!(all_ids(log.as_ref(), &b), (0..4).collect::<Vec<_>>());

    writer.append(&a, rows(900, 5)).expect("it can be appended");
    writer.rollback().expect("the disk answers");
    assert_eq!(writer.append(&a, rows(10, 5)).expect("it can be appended"), Offset(10)..Offset(15));
    assert_eq!(writer.commit(Bytes::from_static(b"two"), true).expect("it can be committed").0, 2);
    assert_eq!(all_ids(log.as_ref(), &a), (0..15).collect::<Vec<_>>());
    let last = log.last_commit(WRITER).expect("it has committed");
    assert_eq!((last.epoch.0, &*last.cookie, last.sealed), (2, &b"two"[..], true));
    assert!(log.topics().iter().all(|topic| topic.sealed));
    writer.commit(Bytes::new(), false).expect("it can be committed");
    assert!(!log.topic("b").expect("it is there").sealed);
}

#[test]
fn a_seal_of_an_earlier_run_waits_for_its_writer_to_confirm_it() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    writer.commit(Bytes::new(), true).expect("it can be committed");
    drop(writer);
    log.close().expect("the disk answers");
    drop(log);

    let log = shop.open();
    let seals = |log: &EmbeddedLog| log.topic("orders").map(|topic| (topic.sealed, topic.was_sealed));
    assert_eq!(seals(&log), Some((false, true)));
    let reading = EmbeddedLog::open_read_only(&shop.dir()).expect("reading needs no lock");
    assert_eq!(seals(&reading), Some((true, false)));
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    assert_eq!(seals(&log), Some((false, true)), "opening says nothing");
    writer.reseal();
    assert_eq!(seals(&log), Some((true, false)));
    writer.commit(Bytes::new(), false).expect("it can be committed");
    writer.reseal();
    assert_eq!(seals(&log), Some((false, false)), "there is no seal to confirm");
}

#[test]
fn a_reader_never_sees_half_of_a_commit() {
    let shop = Shop::new(FlushMode::None);
    let log = shop.open();
    for name in ["a", "b", "c"] {
        log.create_topic(spec(name, 2)).expect("it can be created");
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = log.writer(WRITER).expect("nobody else writes");
            for n in 0..300 {
                for (name, partition) in [("a", 0), ("b", 1), ("c", 0)] {
                    writer.append(&TopicPartition::new(name, partition), rows(n, 1)).expect("it can be appended");
                }
                writer.commit(Bytes::new(), false).expect("it can be committed");
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let records: HashSet<u64> = log.topics().iter().map(|topic| topic.records()).collect();
            assert_eq!(records.len(), 1, "{records:?}");
        }
    });
    assert_eq!(log.topic("c").expect("it is there").records(), 300);
}

#[test]
fn a_topic_is_found_again_or_its_difference_is_named() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    let first = log.create_topic(spec("orders", 2)).expect("it can be created");
    let again = log.create_topic(spec("orders", 2)).expect("it is the same");
    assert_eq!(first.schema_id, again.schema_id);
    let mut other = spec("orders", 3);
    let error = log.create_topic(other.clone()).expect_err("it has two partitions");
    assert!(error.to_string().contains("with partitions 2, not 3"), "{error}");
    assert_eq!(error.kind(), ErrorKind::User);
    other.partitions = 2;
    other.schema = every_type();
    let error = log.create_topic(other).expect_err("it has other columns");
    assert!(error.to_string().contains("(id BIGINT NOT NULL, text STRING)"), "{error}");
    assert!(log.create_topic(spec("../orders", 1)).is_err());
    assert!(log.create_topic(spec("orders", 0)).is_err());
    log.close().expect("the disk answers");
    drop(log);
    let found = shop.open().topic("orders").expect("it is kept");
    assert_eq!((found.spec.partitions, found.spec.schema, found.schema_id), (2, first.spec.schema, first.schema_id));
}

#[test]
fn wrong_use_is_refused() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let partition = TopicPartition::new("orders", 0);
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    assert!(log.writer(WRITER).is_err(), "a second writer");
    let mut stranger = log.writer("query:other").expect("it is another one");
    assert!(stranger.append(&partition, rows(0, 1)).is_err(), "not its topic");
    assert!(writer.append(&TopicPartition::new("orders", 1), rows(0, 1)).is_err(), "no such partition");
    assert!(writer.append(&TopicPartition::new("nothing", 0), rows(0, 1)).is_err(), "no such topic");
    assert!(writer.append(&partition, rows_of_every_type(1, false, false, false)).is_err(), "other columns");
    assert!(log.read(&partition, Offset(1), 1).is_err(), "behind the end");
    assert!(log.read(&partition, Offset(-1), 1).is_err(), "before the start");
    commit(writer.as_mut(), &partition, 0, 3);
    drop(writer);
    let mut writer = log.writer(WRITER).expect("the first one is gone");
    assert_eq!(writer.last_commit().map(|commit| commit.cookie.clone()), Some(cookie(0, 3)));
    log.close().expect("the disk answers");
    assert!(writer.append(&partition, rows(3, 1)).is_err(), "closed");
    assert!(writer.commit(Bytes::new(), false).is_err(), "closed");
}

#[test]
fn readers_hold_back_and_their_lag_shows() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    log.create_topic(spec("orders", 2)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    for partition in 0..2 {
        writer.append(&TopicPartition::new("orders", partition), rows(0, 1000)).expect("it can be appended");
    }
    writer.commit(Bytes::new(), false).expect("it can be committed");
    assert_eq!(log.backlog_bytes("orders"), 0, "nobody reads");
    let slow = log.track_reader("sink:slow", "orders").expect("the topic is there");
    let fast = log.track_reader("sink:fast", "orders").expect("the topic is there");
    let all = log.backlog_bytes("orders");
    assert!(all > 2 * 1000 * 8, "{all} bytes for two thousand numbers");
    fast.advance(PartitionId(0), Offset(1000));
    assert_eq!(log.backlog_bytes("orders"), all, "the slowest counts");
    let seen = log.signal().version();
    slow.advance(PartitionId(0), Offset(1000));
    assert_ne!(log.signal().version(), seen);
    assert_eq!(log.backlog_bytes("orders"), all / 2);
    fast.advance(PartitionId(1), Offset(1000));
    slow.take(PartitionId(1), Offset(1000));
    assert_eq!(log.backlog_bytes("orders"), 0, "what was taken is no backlog");
    let mut lags = log.lags("orders");
    lags.sort();
    assert_eq!(lags, [("sink:fast".to_owned(), 0), ("sink:slow".to_owned(), 1000)]);
    drop((slow, fast));
    assert_eq!((log.backlog_bytes("orders"), log.lags("orders").len()), (0, 0));
}

#[test]
fn a_second_process_is_refused_by_name_and_may_read() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let partition = TopicPartition::new("orders", 0);
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    commit(writer.as_mut(), &partition, 0, 10);
    writer.append(&partition, rows(10, 5)).expect("it can be appended");

    let refused = EmbeddedLog::open(&shop.dir(), shop.config.clone(), shop.registry.clone());
    let error = refused.err().expect("the folder is in use").to_string();
    assert!(error.contains(&std::process::id().to_string()) && error.contains("log"), "{error}");

    let reading = EmbeddedLog::open_read_only(&shop.dir()).expect("reading needs no lock");
    assert_eq!(all_ids(reading.as_ref(), &partition), (0..10).collect::<Vec<_>>());
    assert_eq!(reading.read_records(&partition, Offset(0), 100).expect("it is there").len(), 10);
    assert!(reading.create_topic(spec("more", 1)).is_err());
    assert!(reading.writer(WRITER).is_err());
    reading.close().expect("there is nothing to do");
    commit(writer.as_mut(), &partition, 15, 1);
    assert_eq!(log.topic("orders").expect("it is there").records(), 16);
}

#[test]
fn an_empty_folder_can_be_read_and_a_later_version_cannot() {
    let shop = Shop::new(FlushMode::Interval);
    let reading = EmbeddedLog::open_read_only(&shop.dir()).expect("there is nothing");
    assert!(reading.topics().is_empty());
    shop.open().close().expect("the disk answers");
    std::fs::write(shop.dir().join("meta.properties"), "format.version=2\n").expect("the disk has room");
    let refused = EmbeddedLog::open(&shop.dir(), shop.config.clone(), shop.registry.clone());
    assert!(refused.err().expect("it is of a later version").to_string().contains("newer program"));
    assert!(EmbeddedLog::open_read_only(&shop.dir()).is_err());
}
