//! The commit log: bytes there and back, torn tails, restarts of the machine, compaction.

use std::fs;

use bytes::Bytes;

use super::*;
use crate::LocalDisk;

fn record(writer: &str, epoch: u64, durable: bool) -> CommitRecord {
    let cookie = Bytes::from(format!("cookie {epoch} of {writer}"));
    let ends = vec![(Arc::from("a"), vec![epoch as i64, 7]), (Arc::from("a.dlq"), vec![0])];
    CommitRecord { writer: Arc::from(writer), epoch, cookie, sealed: epoch.is_multiple_of(2), durable, ends }
}

fn file_with(records: &[CommitRecord]) -> Vec<u8> {
    let mut bytes = Header::new(1, replay::HEADER_BYTES as u64).to_bytes();
    records.iter().for_each(|record| record.write_framed(&mut bytes));
    bytes
}

fn replayed(bytes: &[u8], durable_bytes: usize, same_boot: bool) -> Result<Replay, LogError> {
    replay(Path::new("commits.log"), bytes, durable_bytes as u64, same_boot)
}

fn epoch_of(replay: &Replay, writer: &str) -> Option<u64> {
    replay.last.get(writer).map(|record| record.epoch)
}

#[test]
fn a_commit_comes_back() {
    let bytes = file_with(&[record("w", 3, true)]);
    let replay = replayed(&bytes, replay::HEADER_BYTES, true).expect("it is whole");
    assert_eq!(replay.last["w"], record("w", 3, true));
    assert_eq!((replay.bytes, replay.dropped), (bytes.len() as u64, None));
    assert_eq!((replay.last["w"].end("a", 1), replay.last["w"].end("b", 0), replay.last["w"].end("a", 9)), (7, 0, 0));
}

#[test]
fn a_tail_torn_at_any_byte_is_dropped() {
    let first = file_with(&[record("w", 1, false)]).len();
    let bytes = file_with(&[record("w", 1, false), record("w", 2, false)]);
    for length in first..bytes.len() {
        for same_boot in [true, false] {
            let replay = replayed(&bytes[..length], first, same_boot).expect("a torn tail is no damage");
            assert_eq!((replay.bytes, epoch_of(&replay, "w")), (first as u64, Some(1)), "{length} bytes");
        }
    }
}

#[test]
fn after_a_restart_of_the_machine_only_durable_commits_count() {
    let records = [record("w", 1, false), record("w", 2, false), record("w", 3, false)];
    let (first, bytes) = (file_with(&records[..1]).len(), file_with(&records));
    let killed = replayed(&bytes, first, true).expect("it is whole");
    assert_eq!(epoch_of(&killed, "w"), Some(3));
    let power_cut = replayed(&bytes, first, false).expect("it is whole");
    assert_eq!((epoch_of(&power_cut, "w"), power_cut.bytes), (Some(1), first as u64));
    assert!(power_cut.dropped.is_some());
    let synced = file_with(&[record("w", 1, false), record("w", 2, true), record("w", 3, false), record("w", 4, true)]);
    assert_eq!(epoch_of(&replayed(&synced, first, false).expect("it is whole"), "w"), Some(2));
}

#[test]
fn damage_is_told_from_a_torn_tail() {
    let records = [record("w", 1, false), record("w", 2, false), record("w", 3, false)];
    let (first, mut bytes) = (file_with(&records[..1]).len(), file_with(&records));
    bytes[first + 20] ^= 1;
    assert!(replayed(&bytes, first, true).is_err(), "a commit follows: the middle is damaged");
    let power_cut = replayed(&bytes, first, false).expect("a disk may write the later block first");
    assert_eq!(epoch_of(&power_cut, "w"), Some(1));
    assert!(replayed(&bytes, bytes.len(), false).is_err(), "below the durable position");
    assert!(replayed(&bytes[..first], bytes.len(), true).is_err(), "shorter than what was durable");
}

#[test]
fn lengths_that_lie_are_refused() {
    let bytes = file_with(&[record("w", 1, false)]);
    for at in replay::HEADER_BYTES..bytes.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut spoiled = bytes.clone();
            spoiled[at] = byte;
            let payload = crc32c_of(&spoiled[replay::HEADER_BYTES + 8..]);
            spoiled[replay::HEADER_BYTES + 4..replay::HEADER_BYTES + 8].copy_from_slice(&payload);
            let _ = replayed(&spoiled, replay::HEADER_BYTES, true);
        }
    }
}

fn crc32c_of(bytes: &[u8]) -> [u8; 4] {
    crate::record_batch::crc32c(bytes).to_be_bytes()
}

#[test]
fn a_spoiled_header_is_refused() {
    let path = Path::new("commits.log");
    let bytes = Header::new(5, 99).to_bytes();
    assert_eq!(Header::read(path, &bytes).expect("it is whole"), Header::new(5, 99));
    for at in 0..bytes.len() {
        let mut spoiled = bytes.clone();
        spoiled[at] ^= 1;
        assert!(Header::read(path, &spoiled).is_err(), "byte {at}");
        assert!(Header::read(path, &bytes[..at]).is_err(), "{at} bytes");
    }
}

#[test]
fn compaction_keeps_the_last_durable_commit_and_all_later_ones() {
    let dir = tempfile::tempdir().expect("there is room for a folder");
    CommitLog::create(&LocalDisk, dir.path()).expect("the disk has room");
    let header = replay::HEADER_BYTES as u64;
    let log = CommitLog::resume(Arc::new(LocalDisk), dir.path(), 1, header).expect("it was made");
    let mut durable = CommitPosition::default();
    for epoch in 1..=10 {
        for writer in ["v", "w"] {
            durable = log.append(&record(writer, epoch, false)).expect("the disk has room");
        }
    }
    log.append(&record("v", 11, false)).expect("the disk has room");
    log.compact(durable).expect("the disk has room");
    log.append(&record("v", 12, false)).expect("the disk has room");

    let path = dir.path().join(FILE);
    let bytes = fs::read(&path).expect("it is there");
    let header = Header::read(&path, &bytes).expect("it is whole");
    assert_eq!(header.generation, 2);
    let power_cut = replayed(&bytes, header.durable_bytes as usize, false).expect("it is whole");
    assert_eq!((epoch_of(&power_cut, "v"), epoch_of(&power_cut, "w")), (Some(10), Some(10)));
    let killed = replayed(&bytes, header.durable_bytes as usize, true).expect("it is whole");
    assert_eq!((epoch_of(&killed, "v"), epoch_of(&killed, "w")), (Some(12), Some(10)));
    assert_eq!(killed.bytes, log.position().bytes);
}
