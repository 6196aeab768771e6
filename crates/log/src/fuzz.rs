//! What fuzzing calls with bytes of its own making: the ways in which bytes that nobody here wrote come into the log.
//!
//! Checksums are put right first, so that what lies under them is looked at. Nothing may panic, take memory without bound,
//! or come out other than it went in. A bounded run with a seed is among the tests; `fuzz/` has the endless ones.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::Path;

use millrace_flow::TopicPartition;

use crate::checkpoint::PartitionPoint;
use crate::partition::{Believed, Partition, RecoveryRules, each_header};
use crate::read::read_records;
use crate::record_batch::{
    Compression, Damage, FrameRules, FrameView, HEADER_BYTES, Leave, Left, Levels, check_produced, crc32c, frame_bytes,
    leave, repack,
};
use crate::{Disk, segment};

const CRC_AT: Range<usize> = 17..21;
const MAGIC_AT: usize = 16;
const LENGTH_AT: Range<usize> = 8..12;
const LENGTH_END: usize = 12;
/// What one frame may unpack to here: a bomb takes long, and tells nothing that a small one does not.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// Offset, timestamp, key and value of a record.
type Seen = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>);

/// A frame as a client sends it: checked, taken apart, thinned out and packed again.
pub fn frame(bytes: &[u8]) {
    if !(HEADER_BYTES..=FRAME_BYTES_MAX).contains(&bytes.len()) {
        return;
    }
    let mut bytes = bytes.to_vec();
    put_right(&mut bytes);
    let rules = FrameRules { needs_keys: bytes[0] & 1 == 1, behind_ms_max: i64::MAX, ahead_ms_max: i64::MAX };
    let taken = check_produced(&bytes, rules, 0);
    let Ok(view) = FrameView::parse(&bytes) else {
        assert!(taken.is_err(), "what cannot be read was taken");
        return;
    };
    let Ok(records) = records_of(&view) else {
        assert!(taken.is_err(), "what cannot be read was taken");
        return;
    };
    check_thinned(&view, &records);
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        if records.is_empty() {
            continue;
        }
        let packed = repack(&bytes, compression, Levels::default()).expect("it can be read");
        let again = FrameView::parse(&packed).expect("what we write can be read");
        assert_eq!(records_of(&again).expect("what we write can be read"), records, "{compression:?}");
        assert_eq!((again.header.base, again.header.end()), (view.header.base, view.header.end()));
    }
}

/// Leaves some of the records, and compares.
fn check_thinned(view: &FrameView<'_>, records: &[Seen]) {
    for every in 1..4 {
        let stays = |offset: i64| offset % every == 0;
        let mut out = Vec::new();
        let rules = Leave { horizon_ms: 77, empty: every == 2 };
        let left = leave(view, rules, |record| stays(record.offset), &mut out).expect("it can be read");
        let expected: Vec<_> = records.iter().filter(|record| stays(record.0)).cloned().collect();
        if left == Left::Nothing {
            assert!(expected.is_empty() && out.is_empty());
            continue;
        }
        let again = FrameView::parse(&out).expect("what we write can be read");
        assert_eq!(records_of(&again).expect("what we write can be read"), expected);
        let (old, new) = (view.header, again.header);
        assert_eq!((old.base, old.end(), old.producer_id), (new.base, new.end(), new.producer_id));
        assert_eq!((old.producer_epoch, old.base_sequence), (new.producer_epoch, new.base_sequence));
    }
}

fn records_of(view: &FrameView<'_>) -> Result<Vec<Seen>, Damage> {
    let unpacked = view.unpacked()?;
    let seen = view.records_in(&unpacked).map(|record| {
        let record = record?;
        let _ = record.headers().collect::<Result<Vec<_>, _>>();
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Ok((record.offset, record.time_ms, owned(record.key), owned(record.value)))
    });
    seen.collect()
}

/// A segment of a topic of clients, found at a start, in the empty folder `dir`.
pub fn segment(dir: &Path, bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while bytes.len() - at >= HEADER_BYTES {
        let Some(length) = frame_bytes(&bytes[at..]).ok().filter(|length| *length <= bytes.len() - at) else { break };
        put_right(&mut bytes[at..at + length]);
        at += length;
    }
    fs::create_dir_all(dir).expect("there is room for a folder");
    fs::write(segment::log_path(dir, 0), &bytes).expect("there is room");
    let open = || {
        let name = TopicPartition::new("fuzzed", 0);
        let believed = Believed { point: PartitionPoint::default(), committed: None };
        let rules = RecoveryRules { trust_indexes: false, read_only: false };
        Partition::open(&Unsynced, name, 0, dir, believed, rules).expect("what is torn is cut")
    };
    let partition = open();
    let (end, mut headers) = (partition.committed(), 0);
    each_header(dir, 0..end, |_, _| headers += 1).expect("it can be read");
    assert!(headers > 0 || end == 0, "what has an end has a frame");
    let records = read_records(&partition, 0, end, usize::MAX);
    if let Ok(records) = &records {
        assert!(records.is_sorted_by(|a, b| a.offset < b.offset), "offsets go up");
        assert!(records.iter().all(|record| (0..end).contains(&record.offset.0)), "offsets are within");
    }
    drop(partition);
    let again = open();
    assert_eq!(again.committed(), end, "a second start finds what the first one left");
    assert_eq!(read_records(&again, 0, end, usize::MAX).ok(), records.ok());
    fs::remove_dir_all(dir).expect("it is there");
}

/// Puts length, magic and CRC of a frame right.
fn put_right(frame: &mut [u8]) {
    let length = i32::try_from(frame.len() - LENGTH_END).expect("it is bounded far below 2 GiB");
    frame[LENGTH_AT].copy_from_slice(&length.to_be_bytes());
    frame[MAGIC_AT] = 2;
    let crc = crc32c(&frame[CRC_AT.end..]);
    frame[CRC_AT].copy_from_slice(&crc.to_be_bytes());
}

/// A disk that says that it has everything.
struct Unsynced;

impl Disk for Unsynced {
    fn sync(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_filesystem(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, BooleanArray};

    use super::*;
    use crate::record_batch::{Input, encode_frame};

    const FRAMES: u64 = 30_000;
    const SEGMENTS: u64 = 1_500;

    /// A generator of numbers that look random: the same ones for the same seed.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) as usize) % bound.max(1)
        }
    }

    /// A frame with a few records, packed in some way.
    fn whole(base: i64, numbers: &mut Numbers) -> Vec<u8> {
        let rows = 1 + numbers.below(4);
        let keys = BinaryArray::from_iter((0..rows).map(|row| (row != 2).then(|| format!("key {row}"))));
        let marks = BooleanArray::from_iter((0..rows).map(|row| Some(row == 1)));
        let values = "value ".repeat(rows);
        let ends: Vec<usize> = (1..=rows).map(|row| row * 6).collect();
        let times_ms: Vec<i64> = (0..rows as i64).map(|row| 1_000 - row).collect();
        let (keys, values, tombstones) = (Some(&keys), values.as_bytes(), Some(&marks));
        let input = Input { times_ms: &times_ms, keys, values, ends: &ends, tombstones, origin: None };
        let mut out = Vec::new();
        encode_frame(&input, 0..rows, base, 1 << 20, &mut out);
        let names = ["none", "gzip", "snappy", "lz4", "zstd"];
        match Compression::named(names[numbers.below(names.len())]) {
            Some(compression) => repack(&out, compression, Levels::default()).expect("it is whole"),
            None => out,
        }
    }

    /// Changes, removes or adds a few bytes; now and then none.
    fn spoil(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
        for _ in 0..numbers.below(4) {
            let at = numbers.below(bytes.len());
            match numbers.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, numbers.below(256) as u8),
                2 => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
                _ => bytes[at] ^= 1 << numbers.below(8),
            }
            if bytes.is_empty() {
                return;
            }
        }
    }

    #[test]
    fn frames_of_any_bytes_are_refused_or_kept_as_they_are() {
        for seed in 0..FRAMES {
            let numbers = &mut Numbers(seed);
            let mut bytes = whole(numbers.below(1_000) as i64, numbers);
            spoil(&mut bytes, numbers);
            frame(&bytes);
        }
    }

    #[test]
    fn segments_of_any_bytes_open_and_stay_as_they_are() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        for seed in 0..SEGMENTS {
            let numbers = &mut Numbers(seed);
            let mut bytes = Vec::new();
            let mut base = 0;
            for _ in 0..1 + numbers.below(6) {
                let next = whole(base, numbers);
                base = FrameView::parse(&next).expect("it is whole").header.end();
                bytes.extend(next);
            }
            spoil(&mut bytes, numbers);
            segment(&folder.path().join("fuzzed-0"), &bytes);
        }
    }
}
