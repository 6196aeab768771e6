//! Kills, power cuts, torn tails and rot.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use millrace_flow::{Log, LogWriter, Offset, TopicPartition};
use millrace_log::{EmbeddedLog, FlushMode};

use crate::shop::*;

fn cut_to(path: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("it is there");
    file.set_len(bytes).expect("it can be cut");
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("it is there");
    bytes[at] ^= 0x10;
    fs::write(path, bytes).expect("the disk has room");
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").len()
}

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

/// A log with one topic, open.
fn begin(shop: &Shop) -> (Arc<EmbeddedLog>, Box<dyn LogWriter>) {
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let writer = log.writer(WRITER).expect("nobody else writes");
    (log, writer)
}

/// What is found in the folder: the rows, and the cookie. Goes on writing to see that this works.
fn found_in(shop: &Shop) -> (Vec<i64>, Option<Bytes>) {
    let log = shop.open();
    let ids = all_ids(log.as_ref(), &orders());
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    let cookie = writer.last_commit().map(|commit| commit.cookie.clone());
    let end = ids.len() as i64;
    assert_eq!(writer.append(&orders(), rows(5_000, 2)).expect("it can be appended"), Offset(end)..Offset(end + 2));
    writer.commit(Bytes::from_static(b"went on"), false).expect("it can be committed");
    let mut more = ids.clone();
    more.extend([5_000, 5_001]);
    assert_eq!(all_ids(log.as_ref(), &orders()), more);
    (ids, cookie)
}

fn up_to(count: i64) -> (Vec<i64>, Option<Bytes>) {
    ((0..count).collect(), (count > 0).then(|| cookie(0, count as usize)))
}

#[test]
fn a_kill_takes_what_is_not_committed_and_nothing_else() {
    for flush in [FlushMode::None, FlushMode::Interval, FlushMode::Commit] {
        let shop = Shop::new(flush);
        let (_log, mut writer) = begin(&shop);
        assert_eq!(found_in(&shop.killed()), up_to(0));
        writer.append(&orders(), rows(0, 3)).expect("it can be appended");
        assert_eq!(found_in(&shop.killed()), up_to(0));
        writer.commit(cookie(0, 3), false).expect("it can be committed");
        assert_eq!(found_in(&shop.killed()), up_to(3));
        commit(writer.as_mut(), &orders(), 3, 100);
        writer.append(&orders(), rows(103, 3)).expect("it can be appended");
        assert_eq!(found_in(&shop.killed()), up_to(103));
    }
}

#[test]
fn a_last_append_torn_at_any_byte_is_cut() {
    let shop = Shop::new(FlushMode::Interval);
    let (_log, mut writer) = begin(&shop);
    commit(writer.as_mut(), &orders(), 0, 3);
    let before = length(&shop.segment(&orders()));
    writer.append(&orders(), rows(3, 2)).expect("it can be appended");
    let after = length(&shop.segment(&orders()));
    for bytes in before..=after {
        let torn = shop.killed();
        cut_to(&torn.segment(&orders()), bytes);
        assert_eq!(found_in(&torn), up_to(3), "{bytes} bytes");
    }
}

#[test]
fn a_last_commit_torn_at_any_byte_did_not_happen() {
    let shop = Shop::new(FlushMode::Interval);
    let (_log, mut writer) = begin(&shop);
    commit(writer.as_mut(), &orders(), 0, 3);
    let before = length(&shop.dir().join("commits.log"));
    commit(writer.as_mut(), &orders(), 3, 2);
    let after = length(&shop.dir().join("commits.log"));
    for bytes in before..after {
        let torn = shop.killed();
        cut_to(&torn.dir().join("commits.log"), bytes);
        assert_eq!(found_in(&torn), up_to(3), "{bytes} bytes");
    }
    assert_eq!(found_in(&shop.killed()), up_to(5));
}

#[test]
fn damage_below_the_committed_end_is_told_and_nothing_is_cut() {
    let shop = Shop::new(FlushMode::Interval);
    let (_log, mut writer) = begin(&shop);
    commit(writer.as_mut(), &orders(), 0, 3);
    commit(writer.as_mut(), &orders(), 3, 3);
    let whole = length(&shop.segment(&orders()));
    // The leader epoch of a batch, bytes 12 to 15, is outside its CRC and means nothing here.
    let flips = (0..whole as usize / 2).filter(|at| !(12..16).contains(at));
    for at in flips.step_by(3) {
        let rotten = shop.killed();
        flip(&rotten.segment(&orders()), at);
        let before = fs::read(rotten.segment(&orders())).expect("it is there");
        let log = rotten.open();
        let error = log.read(&orders(), Offset(0), 1).expect_err("it is damaged").to_string();
        assert!(error.contains("orders-0") && error.contains("offline"), "byte {at}: {error}");
        let mut writer = log.writer(WRITER).expect("nobody else writes");
        assert!(writer.append(&orders(), rows(6, 1)).is_err());
        drop((writer, log));
        assert_eq!(fs::read(rotten.segment(&orders())).expect("it is there"), before, "byte {at}");
    }
    for bytes in [0, 1, whole / 2, whole - 1] {
        let short = shop.killed();
        cut_to(&short.segment(&orders()), bytes);
        assert!(short.open().read(&orders(), Offset(0), 1).is_err(), "{bytes} bytes");
        assert_eq!(length(&short.segment(&orders())), bytes);
    }
    let gone = shop.killed();
    fs::remove_file(gone.segment(&orders())).expect("it is there");
    assert!(gone.open().read(&orders(), Offset(0), 1).is_err());
}

#[test]
fn one_partition_offline_does_not_take_the_others_along() {
    let shop = Shop::new(FlushMode::Interval);
    let log = shop.open();
    log.create_topic(spec("orders", 2)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    let second = TopicPartition::new("orders", 1);
    for partition in [&orders(), &second] {
        commit(writer.as_mut(), partition, 0, 3);
    }
    let rotten = shop.killed();
    flip(&rotten.segment(&orders()), 30);
    let log = rotten.open();
    assert!(log.read(&orders(), Offset(0), 1).is_err());
    assert_eq!(all_ids(log.as_ref(), &second), [0, 1, 2]);
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    commit(writer.as_mut(), &second, 3, 1);
    drop((writer, log));
    let log = rotten.open();
    assert_eq!(all_ids(log.as_ref(), &second), [0, 1, 2, 3]);
    assert_eq!(log.topic("orders").expect("it is there").ends, [Offset(3), Offset(4)]);
}

#[test]
fn rot_below_the_recovery_point_spoils_its_range_alone() {
    let shop = Shop::on_disk(FlushMode::Interval, 1 << 20);
    let (log, mut writer) = begin(&shop);
    (0..10).for_each(|n| commit(writer.as_mut(), &orders(), n * 10, 10));
    drop(writer);
    log.close().expect("the disk answers");
    drop(log);
    let segment = shop.segment(&orders());
    let frame = length(&segment) as usize / 10;
    flip(&segment, frame * 4 + frame / 2);
    let log = shop.open();
    let good = log.read(&orders(), Offset(0), usize::MAX).expect("the front is whole");
    let good_end = good.last().expect("there is some").end().0;
    assert!((30..=40).contains(&good_end), "{good_end}");
    assert!(log.read(&orders(), Offset(42), 1).expect_err("it is damaged").to_string().contains("damaged"));
    assert_eq!(ids(log.as_ref(), &orders(), Offset(60), 1), (60..100).collect::<Vec<_>>());
}

#[test]
fn a_power_cut_costs_what_was_not_flushed_and_no_more() {
    let shop = Shop::new(FlushMode::Interval);
    let (log, mut writer) = begin(&shop);
    commit(writer.as_mut(), &orders(), 0, 3);
    drop(writer);
    log.close().expect("the disk answers");
    drop(log);
    assert_eq!(found_in(&shop.killed().rebooted()), up_to(3));

    let log = shop.open();
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    commit(writer.as_mut(), &orders(), 3, 3);
    assert_eq!(found_in(&shop.killed()), up_to(6), "the machine ran on");
    assert_eq!(found_in(&shop.killed().rebooted()), up_to(3), "not flushed since");
    // Killed, started again, and only then the power fails: what the killed process had committed was never synced.
    let killed = shop.killed();
    drop(killed.open());
    assert_eq!(found_in(&killed.rebooted()), up_to(3));
}

#[test]
fn with_commits_flushed_one_by_one_a_power_cut_costs_nothing() {
    let shop = Shop::new(FlushMode::Commit);
    let (_log, mut writer) = begin(&shop);
    for n in 0..5 {
        commit(writer.as_mut(), &orders(), n * 3, 3);
        writer.append(&orders(), rows(n * 3 + 3, 1)).expect("it can be appended");
        assert_eq!(found_in(&shop.killed().rebooted()), up_to(n * 3 + 3));
        writer.rollback().expect("the disk answers");
    }
}

#[test]
fn a_change_of_the_flush_mode_keeps_the_promise() {
    let mut shop = Shop::new(FlushMode::Interval);
    let (_log, mut writer) = begin(&shop);
    commit(writer.as_mut(), &orders(), 0, 3);
    let mut killed = shop.killed();
    killed.config.flush = FlushMode::Commit;
    {
        let log = killed.open();
        let mut writer = log.writer(WRITER).expect("nobody else writes");
        commit(writer.as_mut(), &orders(), 3, 3);
    }
    shop.config.flush = FlushMode::Commit;
    assert_eq!(found_in(&killed.killed().rebooted()), up_to(6));
}

#[test]
fn a_clean_stop_leaves_its_mark_until_the_next_start() {
    let shop = Shop::new(FlushMode::Interval);
    let mark = shop.dir().join("clean-shutdown");
    let (log, mut writer) = begin(&shop);
    commit(writer.as_mut(), &orders(), 0, 3);
    writer.append(&orders(), rows(3, 3)).expect("it can be appended");
    assert!(!mark.exists());
    log.close().expect("the disk answers");
    log.close().expect("twice is once");
    assert!(mark.exists());
    drop((writer, log));
    let log = shop.open();
    assert!(!mark.exists());
    assert_eq!(all_ids(log.as_ref(), &orders()), [0, 1, 2]);
}

#[test]
fn lost_or_spoiled_small_files_are_told() {
    let shop = Shop::new(FlushMode::Interval);
    let (log, mut writer) = begin(&shop);
    commit(writer.as_mut(), &orders(), 0, 3);
    drop(writer);
    log.close().expect("the disk answers");
    drop(log);
    for file in ["checkpoint", "topics.json", "commits.log", "meta.properties"] {
        let spoiled = shop.killed();
        let path = spoiled.dir().join(file);
        flip(&path, length(&path) as usize / 2);
        let opened = EmbeddedLog::open(&spoiled.dir(), spoiled.config.clone(), spoiled.registry.clone());
        assert!(opened.is_err(), "{file} spoiled");
    }
    for file in ["checkpoint", "commits.log", "meta.properties"] {
        let lost = shop.killed();
        fs::remove_file(lost.dir().join(file)).expect("it is there");
        let opened = EmbeddedLog::open(&lost.dir(), lost.config.clone(), lost.registry.clone());
        assert!(opened.is_err(), "{file} lost");
    }
}

#[test]
fn indexes_that_lie_are_not_believed() {
    let shop = Shop::on_disk(FlushMode::Interval, 1 << 20);
    let (log, mut writer) = begin(&shop);
    (0..300).for_each(|n| commit(writer.as_mut(), &orders(), n * 100, 100));
    drop(writer);
    log.close().expect("the disk answers");
    drop(log);
    let indexes = |shop: &Shop| {
        let logs = shop.segments(&orders());
        logs.iter().flat_map(|log| ["index", "timeindex"].map(|e| log.with_extension(e))).collect::<Vec<_>>()
    };
    type Spoil = fn(Vec<u8>) -> Vec<u8>;
    let spoils: [Spoil; 4] = [
        |_| Vec::new(),
        |bytes| bytes[..bytes.len() - 3].to_vec(),
        |bytes| bytes.iter().map(|byte| byte.wrapping_add(1)).collect(),
        |bytes| vec![0; bytes.len()],
    ];
    for spoil in spoils {
        let spoiled = shop.killed();
        for path in indexes(&spoiled) {
            let bytes = fs::read(&path).expect("it was written");
            fs::write(&path, spoil(bytes)).expect("the disk has room");
        }
        let log = spoiled.open();
        for from in [0, 77, 12_345, 29_999] {
            assert_eq!(ids(log.as_ref(), &orders(), Offset(from), 1), (from..30_000).collect::<Vec<_>>());
        }
    }
}
