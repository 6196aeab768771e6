//! Segments on a real disk: indexes that lie, cuts, and closing.

use std::fs;

use super::index::INTERVAL_BYTES;
use super::*;
use crate::LocalDisk;
use crate::record_batch::{Input, Sealed, encode_frame};

/// A frame with `records` values of 1,000 bytes, timestamps from `time_ms` on.
fn frame(base: i64, records: usize, time_ms: i64) -> (Vec<u8>, Sealed) {
    let values = vec![1; 1_000 * records];
    let ends: Vec<usize> = (1..=records).map(|n| n * 1_000).collect();
    let times_ms: Vec<i64> = (0..records as i64).map(|n| time_ms + n).collect();
    let input = Input { times_ms: &times_ms, keys: None, values: &values, ends: &ends, tombstones: None, origin: None };
    let mut out = Vec::new();
    let (sealed, next) = encode_frame(&input, 0..records, base, 1 << 30, &mut out);
    assert_eq!(next, records);
    (out, sealed)
}

/// Ten frames of 30 records from offset 100 on, timestamps 0, 1000, 2000 …
fn fill(dir: &Path) -> ActiveSegment {
    let mut segment = ActiveSegment::create(&LocalDisk, dir, 100).expect("the folder is there");
    for n in 0..10 {
        let (bytes, sealed) = frame(100 + n * 30, 30, n * 1000);
        segment.append(&LocalDisk, [&bytes, &[]], &[sealed]).expect("the disk has room");
    }
    segment
}

#[test]
fn an_index_comes_back_from_its_files() {
    let dir = tempfile::tempdir().expect("there is room for a folder");
    let segment = fill(dir.path());
    assert!(segment.index().len() >= 3, "there are 300 kB, an entry every {INTERVAL_BYTES}");
    let growing = Index::load(dir.path(), 100, segment.bytes(), None).expect("it is whole");
    assert_eq!(growing.len(), segment.index().len());
    let (before, written) = (segment.index().clone(), segment.bytes());
    let closed = segment.close(&LocalDisk, 400);
    assert_eq!(closed.index().expect("it is at hand"), &before);
    assert_eq!(Index::load(dir.path(), 100, written, Some(300)).expect("it is whole"), before);
}

#[test]
fn an_index_that_makes_no_sense_is_built_anew() {
    let dir = tempfile::tempdir().expect("there is room for a folder");
    let closed = fill(dir.path()).close(&LocalDisk, 400);
    let whole = closed.index().expect("it is at hand").clone();
    let found = list(dir.path()).expect("the folder is there")[0];
    for extension in [OFFSET_INDEX, TIME_INDEX] {
        let path = file_path(dir.path(), 100, extension);
        let bytes = fs::read(&path).expect("it was written");
        for spoiled in [Vec::new(), bytes[..bytes.len() / 2].to_vec(), vec![0xff; bytes.len()], vec![0; 1 << 16]] {
            fs::write(&path, &spoiled).expect("the disk has room");
            let again = ClosedSegment::new(dir.path(), found, Some(400));
            assert_eq!(again.index().expect("it can be built").max_time_ms(), whole.max_time_ms(), "{extension}");
        }
        fs::write(&path, &bytes).expect("the disk has room");
    }
}

#[test]
fn going_back_to_a_mark_cuts_log_and_index() {
    let dir = tempfile::tempdir().expect("there is room for a folder");
    let mut segment = fill(dir.path());
    let (mark, index) = (segment.mark(), segment.index().clone());
    for n in 10..20 {
        let (bytes, sealed) = frame(100 + n * 30, 30, n * 1000);
        segment.append(&LocalDisk, [&bytes, &[]], &[sealed]).expect("the disk has room");
    }
    segment.rewind(&LocalDisk, mark).expect("the disk answers");
    assert_eq!(segment.index(), &index);
    assert_eq!(segment.mark(), mark);
    assert_eq!(fs::metadata(segment.path()).expect("it is there").len(), segment.bytes());
}

#[test]
fn places_are_found_by_offset_and_by_time() {
    let dir = tempfile::tempdir().expect("there is room for a folder");
    let segment = fill(dir.path());
    assert_eq!(segment.index().before_offset(0), (0, 0));
    let (relative, position) = segment.index().before_offset(299);
    assert!(relative > 200 && position > 200_000, "{relative} {position}");
    // Frame n has the timestamps n * 1000 to n * 1000 + 29 and the offsets from n * 30 on.
    for time_ms in [0, 1, 29, 30, 4_000, 4_015, 4_030, 9_000, 9_029, 9_030] {
        let (relative, _) = segment.index().before_time(time_ms);
        let first = if time_ms % 1000 < 30 { time_ms / 1000 * 30 } else { (time_ms / 1000 + 1) * 30 };
        assert!(relative <= first, "{time_ms} ms: {relative} is after the first record, {first}");
    }
}

#[test]
fn a_scan_stops_at_damage_and_says_where() {
    let dir = tempfile::tempdir().expect("there is room for a folder");
    let segment = fill(dir.path());
    let path = segment.path();
    let mut bytes = fs::read(&path).expect("it is there");
    // Within a record: where a batch says it begins is for whoever knows where it has to.
    let at = bytes.len() / 2 + 1_000;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).expect("the disk has room");
    let mut scanner = Scanner::new(segment.file(), &path, 0, segment.bytes());
    let mut last = None;
    let stop = loop {
        match scanner.next_frame() {
            Ok(Some((position, _))) => last = Some(position),
            Ok(None) => panic!("the damage went unnoticed"),
            Err(stop) => break stop,
        }
    };
    assert!(matches!(stop, ScanStop::Damage(_)));
    assert!(last.is_some() && scanner.position() <= at as u64);
}
