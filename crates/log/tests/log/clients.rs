//! Topics that clients append to: what was acknowledged is there after anything, once, and in order.

use std::collections::BTreeMap;
use std::fs;

use arrow::array::{Array, AsArray};
use millrace_flow::{Log, Offset, TopicPartition};
use millrace_log::{EmbeddedLog, FlushMode, LogError, Refused};

use crate::frames::{Frame, Packing, seal};
use crate::shop::Shop;

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn create(log: &EmbeddedLog, configs: &[(&str, &str)]) {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    log.create_client_topic("orders", 1, 3, configs).unwrap_or_else(|error| panic!("{error}"));
}

fn append(log: &EmbeddedLog, frame: &Frame) -> i64 {
    log.append_frame(&orders(), &frame.bytes()).unwrap_or_else(|error| panic!("{error}")).base.0
}

/// Values of all records, each with its offset.
fn values(log: &EmbeddedLog) -> Vec<(i64, String)> {
    let (start, _) = log.offsets(&orders()).expect("it is online");
    let records = log.read_records(&orders(), start, usize::MAX).unwrap_or_else(|error| panic!("{error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    records.iter().map(|record| (record.offset.0, record.value.as_deref().map_or_else(String::new, text))).collect()
}

fn numbered(values: &[&str]) -> Vec<(i64, String)> {
    values.iter().enumerate().map(|(n, value)| (n as i64, (*value).to_owned())).collect()
}

#[test]
fn what_clients_append_is_read_back_packed_or_not() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    let packings = [Packing::None, Packing::Gzip, Packing::Snappy, Packing::SnappyJava, Packing::Lz4, Packing::Zstd];
    for (n, packing) in packings.into_iter().enumerate() {
        let frame = Frame::of(&["one order", "and another", "and a third one"]).packed(packing);
        assert_eq!(append(&log, &frame), n as i64 * 3, "{packing:?}");
    }
    let all = values(&log);
    assert_eq!(all.len(), 18);
    assert!(all.iter().enumerate().all(|(n, (offset, _))| *offset == n as i64));
    assert!(all.chunks(3).all(|three| three[1].1 == "and another" && three[2].1 == "and a third one"));
    // As stages see it: a column of bytes.
    let batches = log.read(&orders(), Offset(4), 1 << 20).expect("it is there");
    assert_eq!((batches[0].base, batches[0].batch.num_rows()), (Offset(4), 2));
    assert_eq!(batches[0].batch.values.column(0).as_binary::<i32>().value(0), b"and another");
    assert_eq!(batches.iter().map(|fetched| fetched.batch.values.column(0).len()).sum::<usize>(), 14);
    // As clients get it: whole frames, byte for byte but for their place.
    let fetched = log.fetch_frames(&orders(), Offset(4), 1).expect("it is there");
    let sent = Frame::of(&["one order", "and another", "and a third one"]).packed(Packing::Gzip).bytes();
    let frames = fetched.frames.read().expect("it can be read");
    assert_eq!((frames.len(), &frames[..8]), (sent.len(), &3_i64.to_be_bytes()[..]));
    assert_eq!(frames[16..], sent[16..]);
    assert_eq!((fetched.start, fetched.end), (Offset(0), Offset(18)));
    assert_eq!(log.record_at_time(&orders(), 1_001).expect("it is there"), Some((Offset(1), 1_001)));
    assert_eq!(log.record_at_time(&orders(), 1_003).expect("there is none"), None);
}

#[test]
fn what_is_not_as_it_must_be_is_refused_and_nothing_is_kept() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("max.message.bytes", "500"), ("message.timestamp.after.max.ms", "1000")]);
    let good = Frame::of(&["a", "b"]).bytes();
    let refused = |bytes: &[u8]| log.append_frame(&orders(), bytes).expect_err("it is refused");
    for at in 12..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        // The epoch of the leader is ours to set.
        if !(12..16).contains(&at) {
            refused(&bad);
        }
    }
    (0..good.len()).for_each(|length| drop(refused(&good[..length])));
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut checked = good[21..].to_vec();
        change(&mut checked);
        refused(&seal(&checked))
    };
    assert!(matches!(changed(&|checked| checked[1] = 1 << 5), Refused::Invalid(_)), "a control batch");
    assert!(matches!(changed(&|checked| checked[1] = 5), Refused::Corrupt(_)), "packed in an unknown way");
    assert!(matches!(changed(&|checked| checked[5] = 2), Refused::Invalid(_)), "a gap");
    assert!(matches!(changed(&|checked| checked[39] = 1), Refused::Invalid(_)), "one record too many");
    assert!(matches!(changed(&|checked| checked.push(0)), Refused::Invalid(_)), "bytes behind the last record");
    assert!(matches!(refused(&[good.clone(), good.clone()].concat()), Refused::Invalid(_)), "two frames");
    let mut old = good.clone();
    old[16] = 1;
    assert!(matches!(refused(&old), Refused::OldFormat));
    let large = Frame::of(&[&"x".repeat(500)]).bytes();
    assert!(matches!(refused(&large), Refused::TooLarge { bytes_max: 500, .. }));
    let mut ahead = Frame::of(&["from tomorrow"]);
    ahead.records[0].2 = shop.machine.clock.now_ms() + 86_400_000;
    assert!(matches!(refused(&ahead.bytes()), Refused::Timestamp));
    let bomb = Frame::of(&[&"x".repeat(300 << 20)]).packed(Packing::Zstd).bytes();
    assert!(matches!(refused(&bomb), Refused::TooLarge { .. } | Refused::Corrupt(_)), "{} bytes", bomb.len());
    assert_eq!(values(&log), []);
    assert_eq!(append(&log, &Frame::of(&["a", "b"])), 0);
}

#[test]
fn records_without_a_key_are_named_where_the_topic_is_compacted() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("cleanup.policy", "compact")]);
    let mut frame = Frame::of(&["a", "b", "c"]);
    frame.records[1].0 = Some(b"key".to_vec());
    let refused = log.append_frame(&orders(), &frame.bytes()).expect_err("two have no key");
    assert!(matches!(&refused, Refused::WithoutKey(records) if *records == [0, 2]), "{refused}");
    frame.records.iter_mut().for_each(|record| record.0 = Some(b"key".to_vec()));
    assert_eq!(append(&log, &frame), 0);
}

#[test]
fn a_client_cannot_append_to_what_others_write() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    log.create_topic(crate::shop::spec("sales", 1)).expect("it can be made");
    let error = log.append_frame(&TopicPartition::new("sales", 0), &Frame::of(&["a"]).bytes());
    assert!(matches!(error, Err(Refused::Log(LogError::NotOwner { .. }))), "{error:?}");
    assert!(matches!(log.delete_client_topic("sales"), Err(LogError::NotOwner { .. })));
    assert!(matches!(log.create_client_topic("sales", 1, 1, BTreeMap::new()), Err(LogError::TopicExists(_))));
}

/// The same producer over a clean stop, a kill, and a kill with its list of producers gone.
#[test]
fn a_frame_sent_again_is_there_once_over_any_restart() {
    let mut shop = Shop::new(FlushMode::Interval);
    let sent = |n: i32| Frame::of(&["x", "y"]).sent_by(7, 0, n * 2);
    for how in ["clean", "kill", "kill without the list", "clean", "clean"] {
        let log = shop.open();
        if log.client_topic("orders").is_none() {
            create(&log, &[]);
            for n in 0..3 {
                append(&log, &sent(n));
            }
        }
        let next = values(&log).len() as i32 / 2;
        let again = log.append_frame(&orders(), &sent(next - 1).bytes()).expect("it is known");
        assert_eq!((again.base.0, again.is_duplicate), (i64::from(next - 1) * 2, true), "{how}");
        let gap = log.append_frame(&orders(), &sent(next + 1).bytes());
        assert!(matches!(gap, Err(Refused::OutOfOrder)), "{how}: {gap:?}");
        assert_eq!(append(&log, &sent(next)), i64::from(next) * 2, "{how}");
        assert_eq!(values(&log).len(), (next as usize + 1) * 2, "{how}");
        if how == "clean" {
            log.close().expect("it can be closed");
        }
        shop = shop.killed();
        if how == "kill without the list" {
            fs::remove_file(shop.dir().join("topics/orders-0/producers")).expect("it was kept at the clean stop");
        }
    }
}

/// A kill in the middle of the last append, at every byte of it: what was whole stays, and a new epoch begins.
#[test]
fn a_last_frame_torn_at_any_byte_is_cut() {
    let shop = Shop::new(FlushMode::None);
    let log = shop.open();
    create(&log, &[]);
    append(&log, &Frame::of(&["first"]));
    let whole = fs::metadata(shop.segment(&orders())).expect("it is there").len();
    append(&log, &Frame::of(&["second"]).sent_by(7, 0, 0));
    let all = fs::metadata(shop.segment(&orders())).expect("it is there").len();
    for length in whole..all {
        let torn = shop.killed().rebooted();
        let file = fs::OpenOptions::new().write(true).open(torn.segment(&orders())).expect("it is there");
        file.set_len(length).expect("it can be cut");
        let log = torn.open();
        assert_eq!(values(&log), numbered(&["first"]), "{length} of {all}");
        assert_eq!(append(&log, &Frame::of(&["again"]).sent_by(7, 0, 0)), 1);
        assert_eq!(values(&log), numbered(&["first", "again"]));
        assert_eq!(log.epoch_end(&orders(), 0).expect("it is there"), Some((0, Offset(1))));
        assert_eq!(log.epoch_end(&orders(), 9).expect("it is there"), Some((1, Offset(2))));
        log.close().expect("it can be closed");
        drop(log);
        let log = torn.open();
        assert_eq!(values(&log), numbered(&["first", "again"]));
        assert_eq!(log.leader_epoch(), 1, "a clean stop begins no epoch");
    }
}

#[test]
fn damage_below_the_recovery_point_is_told_and_nothing_is_cut() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    append(&log, &Frame::of(&["first"]));
    append(&log, &Frame::of(&["second"]));
    assert_eq!(log.troubles(), [""; 0]);
    log.close().expect("it can be closed");
    let killed = shop.killed();
    let path = killed.segment(&orders());
    let bytes = fs::read(&path).expect("it is there");
    fs::write(&path, &bytes[..bytes.len() - 3]).expect("it can be written");
    let log = killed.open();
    let error = log.append_frame(&orders(), &Frame::of(&["third"]).bytes());
    assert!(matches!(error, Err(Refused::Log(LogError::PartitionOffline { .. }))), "{error:?}");
    let troubles = log.troubles();
    assert!(matches!(&troubles[..], [only] if only.starts_with("partition `orders-0` is offline")), "{troubles:?}");
    drop(log);
    assert_eq!(fs::read(&path).expect("it is there").len(), bytes.len() - 3);
}

/// What is settled outlives a power cut, and nobody sees it before.
#[test]
fn with_frames_flushed_one_by_one_a_power_cut_costs_nothing() {
    let shop = Shop::new(FlushMode::Commit);
    let log = shop.open();
    create(&log, &[]);
    let appended = log.append_frame(&orders(), &Frame::of(&["settled"]).bytes()).expect("it is taken");
    assert_eq!(log.offsets(&orders()).expect("it is online").1, Offset(0), "not on the disk yet");
    log.settle(&orders(), appended.end).expect("the disk answers");
    assert_eq!(values(&log), numbered(&["settled"]));
    let on_disk = fs::metadata(shop.segment(&orders())).expect("it is there").len();
    log.append_frame(&orders(), &Frame::of(&["not settled"]).bytes()).expect("it is taken");
    let cut = shop.killed().rebooted();
    let file = fs::OpenOptions::new().write(true).open(cut.segment(&orders())).expect("it is there");
    file.set_len(on_disk).expect("it can be cut");
    assert_eq!(values(&cut.open()), numbered(&["settled"]));
}

#[test]
fn segments_follow_each_other_and_old_ones_go() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "500"), ("retention.bytes", "1000")]);
    for n in 0..40 {
        append(&log, &Frame::of(&["a record of some length"]).sent_by(7, 0, n));
    }
    assert!(shop.segments(&orders()).len() > 5);
    let killed = shop.killed();
    let log = killed.open();
    assert_eq!(values(&log).len(), 40);
    log.close().expect("it can be closed");
    drop(log);
    let log = killed.open();
    log.apply_retention().expect("the disk answers");
    let (start, end) = log.offsets(&orders()).expect("it is online");
    assert!(start.0 > 20 && end.0 == 40, "{start} {end}");
    let error = log.fetch_frames(&orders(), Offset(0), 1 << 20).expect_err("it is gone");
    assert!(matches!(error, LogError::OffsetGone { .. }));
    assert!(log.append_frame(&orders(), &Frame::of(&["x"]).sent_by(7, 0, 30).bytes()).is_err());
    assert_eq!(append(&log, &Frame::of(&["x"]).sent_by(7, 0, 40)), 40);
}

/// Records go by offset, in the middle of a batch too, and do not come back.
#[test]
fn records_are_taken_away_up_to_an_offset() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "400")]);
    for n in 0..20 {
        append(&log, &Frame::of(&["x", "y"]).sent_by(7, 0, n * 2));
    }
    assert!(matches!(log.delete_records(&orders(), Offset(41)), Err(LogError::OffsetPastEnd { .. })));
    assert_eq!(log.delete_records(&orders(), Offset(17)).expect("the disk answers"), Offset(17));
    assert_eq!(
        log.delete_records(&orders(), Offset(5)).expect("the disk answers"),
        Offset(17),
        "they are gone already"
    );
    let first = shop.segments(&orders())[0].file_name().map(|name| name.to_string_lossy().into_owned());
    assert!(first.is_some_and(|first| *first > *"00000000000000000000.log"), "whole segments go");
    for shop in [shop.killed(), shop.killed().rebooted()] {
        let log = shop.open();
        assert_eq!(log.offsets(&orders()).expect("it is online"), (Offset(17), Offset(40)));
        assert_eq!(values(&log)[0], (17, "y".to_owned()));
        assert_eq!(append(&log, &Frame::of(&["z"]).sent_by(7, 0, 40)), 40);
        assert_eq!(log.delete_records(&orders(), Offset(41)).expect("the disk answers"), Offset(41));
        assert_eq!(values(&log), []);
    }
}

#[test]
fn a_topic_is_changed_taken_away_and_made_anew() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    append(&log, &Frame::of(&["old"]).sent_by(7, 0, 0));
    log.add_partitions("orders", 3).expect("it can grow");
    assert!(log.add_partitions("orders", 3).is_err());
    let third = TopicPartition::new("orders", 2);
    log.append_frame(&third, &Frame::of(&["in the third"]).bytes()).expect("it is there");
    log.set_configs("orders", BTreeMap::from([("retention.ms".into(), "5".into())])).expect("it is allowed");
    let id = log.client_topic("orders").expect("it is there").id;
    log.close().expect("it can be closed");
    drop(log);

    let log = shop.open();
    let topic = log.client_topic("orders").expect("it is there");
    assert_eq!((topic.id, topic.info.spec.partitions, topic.replicas), (id, 3, 3));
    assert_eq!(topic.configs.get("retention.ms").map(String::as_str), Some("5"));
    assert_eq!(topic.info.ends, [Offset(1), Offset(0), Offset(1)]);
    log.delete_client_topic("orders").expect("it can go");
    assert!(log.client_topic("orders").is_none());
    assert!(!shop.dir().join("topics/orders-0").exists());
    create(&log, &[]);
    assert_ne!(log.client_topic("orders").expect("it is there").id, id);
    append(&log, &Frame::of(&["new"]).sent_by(7, 0, 5));
    // Nothing of the old one comes back, neither its records nor its recovery point.
    assert_eq!(values(&shop.killed().rebooted().open()), numbered(&["new"]));
}

#[test]
fn with_the_time_of_the_append_that_is_what_records_have() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("message.timestamp.type", "LogAppendTime")]);
    let before = shop.machine.clock.now_ms();
    let appended = log.append_frame(&orders(), &Frame::of(&["a", "b"]).bytes()).expect("it is taken");
    let time = appended.append_time_ms.expect("it is told");
    assert!(time >= before);
    let records = log.read_records(&orders(), Offset(0), 10).expect("they are there");
    assert!(records.iter().all(|record| record.time_ms == time));
    assert_eq!(values(&shop.killed().open()), numbered(&["a", "b"]), "its CRC holds");
}
