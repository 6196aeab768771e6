//! Transactions of clients: what is committed is read, what is aborted is told, and what goes on is waited for, over any
//! restart.

use std::collections::{BTreeMap, HashSet};
use std::fs;

use arrow::array::AsArray;
use millrace_flow::{Log, Offset, TopicPartition};
use millrace_log::{EmbeddedLog, End, FlushMode, Isolation, Refused};

use crate::frames::Frame;
use crate::shop::Shop;

pub(crate) fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

pub(crate) fn create(log: &EmbeddedLog, configs: &[(&str, &str)]) {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    log.create_client_topic("orders", 1, 1, configs).unwrap_or_else(|error| panic!("{error}"));
}

fn send(log: &EmbeddedLog, id: i64, first: i32, values: &[&str]) -> i64 {
    let frame = Frame::of(values).sent_by(id, 0, first).in_transaction();
    log.append_frame(&orders(), &frame.bytes()).unwrap_or_else(|error| panic!("{error}")).base.0
}

pub(crate) fn end(log: &EmbeddedLog, id: i64, epoch: i16, is_commit: bool) -> i64 {
    let end = End { producer_id: id, producer_epoch: epoch, coordinator_epoch: 0, is_commit };
    let appended = log.append_marker(&orders(), end).unwrap_or_else(|error| panic!("{error}"));
    log.settle(&orders(), appended.end).expect("the disk answers");
    appended.base.0
}

fn stable(log: &EmbeddedLog) -> i64 {
    log.stable_offset(&orders()).expect("it is online").0
}

fn values(log: &EmbeddedLog) -> Vec<String> {
    let (start, _) = log.offsets(&orders()).expect("it is online");
    let records = log.read_records(&orders(), start, usize::MAX).unwrap_or_else(|error| panic!("{error}"));
    records.iter().map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into()).collect()
}

fn aborted(log: &EmbeddedLog, from: i64, bytes_max: usize) -> Vec<(i64, i64)> {
    let fetched = log.fetch_isolated(&orders(), Offset(from), bytes_max, Isolation::Committed).expect("it is there");
    fetched.aborted.into_iter().map(|(id, first)| (id, first.0)).collect()
}

/// Offsets that a client shows who reads committed records from `from` on, in answers of about `bytes_max`, as clients go
/// about it: batches of aborted producers are dropped from the first offset told to the producer's next abort marker.
pub(crate) fn read_as_clients_do(log: &EmbeddedLog, from: i64, bytes_max: usize) -> Vec<i64> {
    let (mut shown, mut next) = (Vec::new(), from);
    loop {
        let fetched = log.fetch_isolated(&orders(), Offset(next), bytes_max, Isolation::Committed);
        let fetched = fetched.unwrap_or_else(|error| panic!("{error}"));
        if fetched.frames.is_empty() {
            assert!(next >= fetched.stable.0, "{next} of {}", fetched.stable);
            return shown;
        }
        let mut told: Vec<_> = fetched.aborted.iter().map(|(id, first)| (first.0, *id)).collect();
        told.sort_unstable();
        let (mut told, mut dropped) = (told.into_iter().peekable(), HashSet::new());
        let frames = fetched.frames.read().expect("it can be read");
        let mut rest = &frames[..];
        while !rest.is_empty() {
            let number = |at: usize| i64::from_be_bytes(rest[at..at + 8].try_into().expect("a header is there"));
            let (base, id) = (number(0), number(43));
            let length = 12 + i32::from_be_bytes(rest[8..12].try_into().expect("a header is there")) as usize;
            let last = base + i64::from(i32::from_be_bytes(rest[23..27].try_into().expect("a header is there")));
            let attributes = rest[22];
            while let Some((_, id)) = told.next_if(|(first, _)| *first <= last) {
                dropped.insert(id);
            }
            if attributes & 0x20 != 0 {
                // Behind the header: length, attributes, time, offset, length of the key, version, type.
                if rest[68..70] == [0, 0] {
                    dropped.remove(&id);
                }
            } else if attributes & 0x10 == 0 || !dropped.contains(&id) {
                shown.extend((base..=last).filter(|offset| *offset >= next));
            }
            rest = &rest[length..];
            if rest.is_empty() {
                next = last + 1;
            }
        }
    }
}

#[test]
fn readers_of_committed_records_wait_for_transactions_and_are_told_what_was_aborted() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    log.append_frame(&orders(), &Frame::of(&["plain"]).bytes()).expect("it is taken");
    assert_eq!((send(&log, 7, 0, &["a", "b"]), stable(&log)), (1, 1));
    assert_eq!(send(&log, 8, 0, &["c"]), 3);
    log.append_frame(&orders(), &Frame::of(&["behind"]).bytes()).expect("it is taken");
    let everything = log.fetch_frames(&orders(), Offset(0), 1 << 20).expect("it is there");
    assert_eq!((everything.end, everything.stable, everything.aborted.len()), (Offset(5), Offset(1), 0));
    let committed = log.fetch_isolated(&orders(), Offset(1), 1 << 20, Isolation::Committed).expect("it is there");
    assert!(committed.frames.is_empty(), "it waits");
    assert_eq!(values(&log), ["plain"]);
    assert!(log.read(&orders(), Offset(1), 1 << 20).expect("it is there").is_empty());
    assert!(log.fetch_isolated(&orders(), Offset(6), 1, Isolation::Committed).is_err(), "past the end");

    assert_eq!((end(&log, 7, 0, false), stable(&log)), (5, 3));
    assert_eq!(aborted(&log, 0, 1 << 20), [(7, 1)]);
    assert_eq!(values(&log), ["plain"]);
    assert_eq!((end(&log, 8, 0, true), stable(&log)), (6, 7));
    assert_eq!(values(&log), ["plain", "c", "behind"]);
    assert_eq!(read_as_clients_do(&log, 0, 1), [0, 3, 4]);
    assert_eq!(aborted(&log, 3, 1 << 20), [(7, 1)], "its marker is among what is read");
    assert_eq!(aborted(&log, 6, 1 << 20), []);
    // As stages see it, in one go and frame by frame.
    let read = |from| log.read(&orders(), Offset(from), 1).expect("it is there");
    let first = |from| read(from).first().map(|found| (found.base.0, found.batch.values.column(0).clone()));
    let (base, column) = first(1).expect("there is something behind what was aborted");
    assert_eq!((base, column.as_binary::<i32>().value(0)), (3, &b"c"[..]));
    assert!(first(5).is_none(), "nothing but markers");
    assert_eq!(log.offset_for_time(&orders(), 1_001).expect("it is there"), Offset(7), "it was aborted");
    assert_eq!(log.record_at_time(&orders(), 1_001).expect("it is there"), Some((Offset(2), 1_001)));
    assert_eq!(log.newest_record(&orders()).expect("it is there"), Some((Offset(2), 1_001)), "a marker is no record");
}

#[test]
fn transactions_that_go_on_and_those_aborted_are_known_over_any_restart() {
    let mut shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    send(&log, 7, 0, &["a"]);
    end(&log, 7, 0, false);
    send(&log, 7, 1, &["b"]);
    send(&log, 8, 0, &["c"]);
    end(&log, 8, 0, true);
    drop(log);
    for how in ["kill", "clean", "clean", "kill", "reboot", "no list", "lost", "spoiled"] {
        let log = shop.open();
        assert_eq!((stable(&log), aborted(&log, 0, 1 << 20)), (2, vec![(7, 0)]), "{how}");
        assert_eq!(log.ongoing_transactions().len(), 1, "{how}");
        let reading = EmbeddedLog::open_read_only_on(&shop.dir(), shop.machine.clone()).expect("no lock is needed");
        assert_eq!((stable(&reading), aborted(&reading, 0, 1 << 20)), (2, vec![(7, 0)]), "{how}");
        drop(reading);
        if how != "kill" {
            log.close().expect("it can be closed");
        }
        drop(log);
        let dir = shop.dir().join("topics/orders-0");
        let index = dir.join("00000000000000000000.txnindex");
        match how {
            "reboot" => shop = shop.killed().rebooted(),
            "no list" => fs::remove_file(dir.join("producers")).expect("it was written"),
            "lost" => fs::remove_file(index).expect("it was written"),
            "spoiled" => fs::write(index, [7; 68]).expect("it can be written"),
            _ => {}
        }
    }
    let log = shop.open();
    let frame = Frame::of(&["x"]).sent_by(7, 0, 2);
    assert!(matches!(log.append_frame(&orders(), &frame.bytes()), Err(Refused::OutsideTransaction)));
    send(&log, 7, 2, &["d"]);
    end(&log, 7, 0, true);
    assert_eq!((stable(&log), values(&log)), (7, vec!["b".to_owned(), "c".to_owned(), "d".to_owned()]));
}

/// A marker is far behind its records: the search for it goes over segments, and no further than it has to.
#[test]
fn an_aborted_transaction_is_found_in_a_later_segment() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "400")]);
    send(&log, 7, 0, &["long"]);
    for n in 0..10 {
        send(&log, 8, n * 2, &["x", "y"]);
        end(&log, 8, 0, n % 2 == 0);
    }
    end(&log, 7, 0, false);
    for n in 0..10 {
        log.append_frame(&orders(), &Frame::of(&["plain"]).sent_by(9, 0, n).bytes()).expect("it is taken");
    }
    let segments = shop.segments(&orders()).len();
    assert!(segments > 6, "{segments}");
    let shown: Vec<i64> = (0..10).filter(|n| n % 2 == 0).flat_map(|n| [1 + n * 3, 2 + n * 3]).chain(32..42).collect();
    let check = |log: &EmbeddedLog| {
        for bytes_max in [1, 300, 1 << 20] {
            assert_eq!(read_as_clients_do(log, 0, bytes_max), shown);
            assert_eq!(read_as_clients_do(log, 17, bytes_max), shown[6..]);
        }
        assert_eq!(aborted(log, 0, 1), [(7, 0)], "the other producer's begin later");
        assert_eq!(values(log).len(), shown.len());
    };
    check(&log);
    check(&shop.killed().open());
    check(&shop.killed().rebooted().open());
    log.close().expect("it can be closed");
    let killed = shop.killed();
    check(&killed.open());
    // A list that is lost is made anew from the records.
    let index = killed.segments(&orders())[3].with_extension("txnindex");
    fs::remove_file(index).expect("it was written");
    check(&killed.open());
}

#[test]
fn lists_go_with_their_segments_and_the_stable_offset_is_never_before_the_start() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "400"), ("retention.bytes", "700")]);
    send(&log, 7, 0, &["goes on"]);
    for n in 0..10 {
        send(&log, 8, n, &["x"]);
        end(&log, 8, 0, false);
    }
    log.close().expect("it can be closed");
    drop(log);
    let log = shop.open();
    assert_eq!(stable(&log), 0);
    log.apply_retention().expect("the disk answers");
    let (start, _) = log.offsets(&orders()).expect("it is online");
    assert!(start.0 > 5, "{start}");
    assert_eq!((stable(&log), read_as_clients_do(&log, start.0, 1)), (start.0, vec![]));
    let names = |extension: &str| {
        let mut names: Vec<_> = shop.segments(&orders()).iter().map(|path| path.with_extension(extension)).collect();
        names.retain(|path| path.exists());
        names.len()
    };
    let all = fs::read_dir(shop.dir().join("topics/orders-0")).expect("it is there");
    let all = all.filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "txnindex"))
    });
    assert_eq!(all.count(), names("txnindex"), "none without its segment");
    assert_eq!(log.delete_records(&orders(), Offset(21)).expect("the disk answers"), Offset(21));
    assert_eq!(stable(&log), 21);
    end(&log, 7, 0, true);
    assert_eq!((stable(&log), values(&log)), (22, vec![]));
}

/// The list of producers could not be replaced for long, and the marker that it has not seen is gone with its segment.
#[test]
fn a_list_from_before_the_first_segment_is_not_believed() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[("segment.bytes", "400")]);
    send(&log, 7, 0, &["goes on"]);
    log.close().expect("it can be closed");
    drop(log);
    let list = "topics/orders-0/producers";
    let old = fs::read(shop.dir().join(list)).expect("it was written");
    let log = shop.open();
    end(&log, 7, 0, true);
    for n in 0..10 {
        log.append_frame(&orders(), &Frame::of(&["plain"]).sent_by(9, 0, n).bytes()).expect("it is taken");
    }
    log.delete_records(&orders(), Offset(8)).expect("the disk answers");
    let killed = shop.killed();
    fs::write(killed.dir().join(list), old).expect("it can be written");
    let log = killed.open();
    assert_eq!((stable(&log), log.ongoing_transactions()), (12, vec![]));
    assert_eq!(values(&log).len(), 4);
}

/// Nothing is shown whose marker a power cut could take away.
#[test]
fn where_frames_are_flushed_one_by_one_a_transaction_ends_once_its_marker_is_on_the_disk() {
    let shop = Shop::new(FlushMode::Commit);
    let log = shop.open();
    create(&log, &[]);
    let appended = send(&log, 7, 0, &["a"]);
    log.settle(&orders(), Offset(appended + 1)).expect("the disk answers");
    assert_eq!((log.offsets(&orders()).expect("it is online").1, stable(&log)), (Offset(1), 0));
    let end = End { producer_id: 7, producer_epoch: 0, coordinator_epoch: 0, is_commit: true };
    log.append_marker(&orders(), end).expect("it is taken");
    assert_eq!((stable(&log), values(&log)), (0, vec![]));
    log.settle_all(&orders()).expect("the disk answers");
    assert_eq!((stable(&log), values(&log)), (2, vec!["a".to_owned()]));
}

/// A kill in the middle of a marker, at every byte of it: the transaction goes on, and can be ended.
#[test]
fn a_marker_torn_at_any_byte_has_not_been_written() {
    let shop = Shop::new(FlushMode::None);
    let log = shop.open();
    create(&log, &[]);
    send(&log, 7, 0, &["a"]);
    let whole = fs::metadata(shop.segment(&orders())).expect("it is there").len();
    end(&log, 7, 0, false);
    let all = fs::metadata(shop.segment(&orders())).expect("it is there").len();
    assert_eq!(all - whole, 78, "as many bytes as Kafka's");
    for length in whole..all {
        let torn = shop.killed().rebooted();
        let file = fs::OpenOptions::new().write(true).open(torn.segment(&orders())).expect("it is there");
        file.set_len(length).expect("it can be cut");
        let log = torn.open();
        assert_eq!((stable(&log), log.ongoing_transactions()[0].producer_id), (0, 7), "{length} of {all}");
        assert_eq!((end(&log, 7, 0, true), values(&log)), (1, vec!["a".to_owned()]));
    }
}

#[test]
fn a_later_life_fences_and_begins_at_zero() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    send(&log, 7, 0, &["a", "b"]);
    end(&log, 7, 1, false);
    let sent = |epoch: i16, first: i32| {
        let frame = Frame::of(&["c"]).sent_by(7, epoch, first).in_transaction();
        log.append_frame(&orders(), &frame.bytes())
    };
    assert!(matches!(sent(0, 2), Err(Refused::Fenced)));
    assert!(matches!(sent(1, 2), Err(Refused::OutOfOrder)));
    let old = End { producer_id: 7, producer_epoch: 0, coordinator_epoch: 0, is_commit: true };
    assert!(matches!(log.append_marker(&orders(), old), Err(Refused::Fenced)));
    assert_eq!(sent(1, 0).expect("it is the first").base, Offset(3));
    let producer = log.producers(&orders()).expect("it is online")[0];
    assert_eq!((producer.id, producer.epoch, producer.last_sequence), (7, 1, Some(0)));
    assert_eq!((producer.transaction_start, producer.coordinator_epoch), (Some(3), Some(0)));
}

#[test]
fn a_transaction_begins_only_where_it_may() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    create(&log, &[]);
    let frame = |first: i32| Frame::of(&["a"]).sent_by(7, 0, first).in_transaction().bytes();
    let refused = log.append_guarded(&orders(), &frame(0), |id, epoch| (id, epoch) != (7, 0));
    assert!(matches!(refused, Err(Refused::NotInTransaction)));
    assert_eq!(values(&log).len() + log.producers(&orders()).expect("it is online").len(), 0);
    log.append_guarded(&orders(), &frame(0), |_, _| true).expect("it may");
    log.append_guarded(&orders(), &frame(1), |_, _| false).expect("it goes on");
    log.append_guarded(&orders(), &frame(0), |_, _| false).expect("it is there already");
    end(&log, 7, 0, true);
    assert!(log.append_guarded(&orders(), &frame(2), |_, _| false).is_err(), "it would begin another");
    let own = crate::shop::spec("sales", 1);
    log.create_topic(own).expect("it can be made");
    let end = End { producer_id: 7, producer_epoch: 0, coordinator_epoch: 0, is_commit: true };
    assert!(log.append_marker(&TopicPartition::new("sales", 0), end).is_err(), "it is not one of clients");
    assert!(log.append_marker(&TopicPartition::new("gone", 0), end).is_err());
    assert_eq!(log.create_client_topic("gone", 1, 1, BTreeMap::new()).expect("it is free").info.ends, [Offset(0)]);
}
