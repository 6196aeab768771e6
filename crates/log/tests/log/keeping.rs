//! Segments: how they follow each other, how long they stay, how a time is found in them.

use std::fs;

use bytes::Bytes;
use millrace_flow::{Log, Offset, PartitionId, TopicPartition};
use millrace_log::{EmbeddedLog, FlushMode};

use crate::shop::*;

const SEGMENT_BYTES: u64 = 16 << 10;

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

#[test]
fn segments_follow_each_other() {
    let shop = Shop::on_disk(FlushMode::Interval, SEGMENT_BYTES);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    (0..100).for_each(|n| commit(writer.as_mut(), &orders(), n * 20, 20));
    let segments = shop.segments(&orders());
    assert!(segments.len() > 4, "{} segments", segments.len());
    assert!(segments.iter().all(|path| fs::metadata(path).expect("it is there").len() <= SEGMENT_BYTES));
    let bytes: u64 = segments.iter().map(|path| fs::metadata(path).expect("it is there").len()).sum();
    assert_eq!(log.topic("orders").expect("it is there").bytes, bytes);
    for from in [0, 1, 999, 1_999, 2_000] {
        assert_eq!(ids(log.as_ref(), &orders(), Offset(from), 1), (from..2_000).collect::<Vec<_>>());
    }
    let killed = shop.killed();
    assert_eq!(all_ids(killed.open().as_ref(), &orders()), (0..2_000).collect::<Vec<_>>());
    let reading = EmbeddedLog::open_read_only(&shop.dir()).expect("reading needs no lock");
    assert_eq!(ids(reading.as_ref(), &orders(), Offset(7), 100_000), (7..2_000).collect::<Vec<_>>());
}

#[test]
fn an_epoch_larger_than_a_segment_is_taken_back_whole() {
    let shop = Shop::on_disk(FlushMode::Interval, SEGMENT_BYTES);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    commit(writer.as_mut(), &orders(), 0, 10);
    (0..10).for_each(|n| {
        writer.append(&orders(), rows(n * 1_000, 1_000)).expect("it can be appended");
    });
    let killed = shop.killed();
    assert_eq!(all_ids(killed.open().as_ref(), &orders()), (0..10).collect::<Vec<_>>());
    writer.rollback().expect("the disk answers");
    commit(writer.as_mut(), &orders(), 10, 3_000);
    assert_eq!(all_ids(log.as_ref(), &orders()), (0..3_010).collect::<Vec<_>>());
}

#[test]
fn a_batch_larger_than_a_frame_and_a_write_comes_back() {
    let shop = Shop::on_disk(FlushMode::None, 1 << 30);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    commit(writer.as_mut(), &orders(), 0, 200_000);
    assert!(log.topic("orders").expect("it is there").bytes > 5 << 20);
    assert_eq!(all_ids(log.as_ref(), &orders()), (0..200_000).collect::<Vec<_>>());
}

#[test]
fn a_time_is_found() {
    let shop = Shop::on_disk(FlushMode::Interval, SEGMENT_BYTES);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    assert_eq!(log.offset_for_time(&orders(), 0).expect("it is there"), Offset(0));
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    // Times go up and down: commit n has the times from 20 * (n with its last two bits turned round).
    let mut times = Vec::new();
    for n in 0..100_i64 {
        let first = 20 * ((n & !3) | (3 - (n & 3)));
        commit(writer.as_mut(), &orders(), first, 20);
        times.extend(first..first + 20);
    }
    let check = |log: &dyn Log| {
        for time_ms in (-1..2_005).step_by(13) {
            let first = times.iter().position(|time| *time >= time_ms).unwrap_or(times.len());
            let found = log.offset_for_time(&orders(), time_ms).expect("it is there");
            assert_eq!(found, Offset(first as i64), "{time_ms} ms");
        }
    };
    check(log.as_ref());
    check(shop.killed().open().as_ref());
    check(EmbeddedLog::open_read_only(&shop.dir()).expect("reading needs no lock").as_ref());
}

#[test]
fn old_segments_go_by_size_but_not_what_a_reader_needs() {
    let shop = Shop::on_disk(FlushMode::None, SEGMENT_BYTES);
    let log = shop.open();
    let mut limited = spec("orders", 1);
    limited.retention_bytes = Some(2 * SEGMENT_BYTES);
    log.create_topic(limited.clone()).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    (0..100).for_each(|n| commit(writer.as_mut(), &orders(), n * 20, 20));
    let reader = log.track_reader("sink", "orders").expect("the topic is there");
    reader.advance(PartitionId(0), Offset(5));
    log.apply_retention().expect("the disk answers");
    assert_eq!(log.topic("orders").expect("it is there").starts, [Offset(0)], "a reader needs it");

    reader.advance(PartitionId(0), Offset(2_000));
    log.apply_retention().expect("the disk answers");
    let info = log.topic("orders").expect("it is there");
    let start = info.starts[0];
    assert!(start > Offset(0) && info.bytes >= 2 * SEGMENT_BYTES && info.bytes < 4 * SEGMENT_BYTES, "{info:?}");
    let first = shop.segments(&orders()).remove(0);
    assert_eq!(first.file_stem().and_then(|stem| stem.to_str()), Some(&*format!("{:020}", start.0)), "files are gone");
    assert!(log.read(&orders(), Offset(0), 1).expect_err("it is gone").to_string().contains("is gone"));
    assert_eq!(all_ids(log.as_ref(), &orders()), (start.0..2_000).collect::<Vec<_>>());
    for shop in [shop.killed(), shop.killed().rebooted()] {
        let log = shop.open();
        assert_eq!(log.topic("orders").expect("it is there").starts, [start]);
        assert_eq!(all_ids(log.as_ref(), &orders()), (start.0..2_000).collect::<Vec<_>>());
    }
    let reading = EmbeddedLog::open_read_only(&shop.dir()).expect("reading needs no lock");
    assert_eq!(all_ids(reading.as_ref(), &orders()), (start.0..2_000).collect::<Vec<_>>());
}

#[test]
fn old_segments_go_by_age() {
    let shop = Shop::on_disk(FlushMode::None, SEGMENT_BYTES);
    let log = shop.open();
    let mut limited = spec("orders", 1);
    log.create_topic(limited.clone()).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    (0..100).for_each(|n| commit(writer.as_mut(), &orders(), n * 20, 20));
    log.apply_retention().expect("the disk answers");
    assert_eq!(log.topic("orders").expect("it is there").starts, [Offset(0)], "without a limit nothing goes");
    limited.retention_ms = Some(1_000);
    log.create_topic(limited).expect("a limit may change");
    log.apply_retention().expect("the disk answers");
    // The rows are of 1970; only the active segment stays.
    assert_eq!(shop.segments(&orders()).len(), 1);
    commit(writer.as_mut(), &orders(), 2_000, 1);
    assert_eq!(all_ids(log.as_ref(), &orders()).last(), Some(&2_000));
    assert_eq!(writer.commit(Bytes::new(), false).expect("it can be committed").0, 102);
}
