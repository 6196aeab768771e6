//! What clients fetch is what was appended, wherever they begin and however much they take, in memory or from the file.

use std::fs;
use std::ops::Range;

use millrace_flow::{Offset, TopicPartition};
use millrace_log::{EmbeddedLog, FlushMode, Isolation, Piece};

use crate::frames::Frame;
use crate::shop::Shop;

/// Bytes in front of what the client has sent: offset, length, epoch of the leader.
const OURS: Range<usize> = 0..16;
const FRAMES: usize = 160;

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

/// Frames of two records that take from a hundred bytes to two hundred thousand.
fn frame(n: usize) -> Frame {
    let bytes = match n % 8 {
        0 => 90_000,
        3 => 1_000 * (n + 30),
        _ => 100 + 37 * n,
    };
    Frame::of(&[&"x".repeat(bytes), &n.to_string()])
}

fn shop(flush: FlushMode) -> Shop {
    let mut shop = Shop::new(flush);
    // There are many reads, and whether a disk keeps anything is not asked here.
    if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
        shop.folder = memory;
    }
    shop
}

/// A partition of several segments, and what was appended.
fn filled(log: &EmbeddedLog, configs: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    log.create_client_topic("orders", 1, 1, configs).unwrap_or_else(|error| panic!("{error}"));
    let frames: Vec<Vec<u8>> = (0..FRAMES).map(|n| frame(n).bytes()).collect();
    frames.iter().for_each(|bytes| _ = log.append_frame(&orders(), bytes).unwrap_or_else(|error| panic!("{error}")));
    frames
}

/// Checks one fetch against what was appended; answers how many frames came, and whether they lie in the file.
fn check(log: &EmbeddedLog, sent: &[Vec<u8>], from: usize, bytes_max: usize, isolation: Isolation) -> (usize, bool) {
    let fetched = log.fetch_isolated(&orders(), Offset(from as i64), bytes_max, isolation);
    let fetched = fetched.unwrap_or_else(|error| panic!("from {from}, {bytes_max} bytes: {error}"));
    let frames = fetched.frames.read().expect("it can be read");
    let (mut rest, mut at) = (&frames[..], from / 2);
    while !rest.is_empty() {
        let (frame, behind) = rest.split_at(sent[at].len());
        assert_eq!(frame[..8], (at as i64 * 2).to_be_bytes(), "from {from}, {bytes_max} bytes: frame {at}");
        assert_eq!(frame[OURS.end..], sent[at][OURS.end..], "from {from}, {bytes_max} bytes: frame {at}");
        (rest, at) = (behind, at + 1);
    }
    let came = at - from / 2;
    assert!(came <= 1 || frames.len() <= bytes_max, "{} bytes are more than {bytes_max}", frames.len());
    (came, matches!(fetched.frames, Piece::File(_)))
}

#[test]
fn every_read_is_what_was_appended() {
    for segment_bytes in ["1048576", "104857600"] {
        let shop = shop(FlushMode::Interval);
        let log = shop.open();
        let sent = filled(&log, &[("segment.bytes", segment_bytes)]);
        let (mut in_file, mut in_memory) = (0, 0);
        for from in 0..2 * FRAMES {
            for bytes_max in [1, 10_000, 70_000, 300_000, 1 << 20, 50 << 20] {
                let (came, is_file) = check(&log, &sent, from, bytes_max, Isolation::Uncommitted);
                assert!(came > 0, "from {from}, {bytes_max} bytes");
                *if is_file { &mut in_file } else { &mut in_memory } += 1;
            }
        }
        assert!(in_file > 300 && in_memory > 300, "{in_file} and {in_memory}");
        let nothing = log.fetch_frames(&orders(), Offset(0), 0).expect("it is there");
        assert!(nothing.frames.is_empty() && nothing.end == Offset(2 * FRAMES as i64));
        let at_end = log.fetch_frames(&orders(), nothing.end, 1 << 20).expect("it is its end");
        assert!(at_end.frames.is_empty());
    }
}

/// A reader of everything gets on: each time about as much as it asks for.
#[test]
fn a_whole_segment_takes_few_reads() {
    let shop = shop(FlushMode::Interval);
    let log = shop.open();
    let sent = filled(&log, &[]);
    let (mut from, mut reads) = (0, 0);
    while from < 2 * FRAMES {
        from += 2 * check(&log, &sent, from, 1 << 20, Isolation::Uncommitted).0;
        reads += 1;
    }
    let bytes: usize = sent.iter().map(Vec::len).sum();
    assert!(reads <= bytes / (3 << 18) + 2, "{reads} reads of {bytes} bytes");
}

#[test]
fn what_is_not_on_the_disk_yet_is_not_read() {
    let shop = shop(FlushMode::Commit);
    let log = shop.open();
    let sent = filled(&log, &[]);
    let end = |log: &EmbeddedLog| log.offsets(&orders()).expect("it is online").1;
    assert_eq!(end(&log), Offset(0));
    // Half of it is settled only now, as it is for whoever waited for that.
    let half = FRAMES / 2;
    log.settle(&orders(), Offset(2 * FRAMES as i64)).expect("it can be synced");
    assert_eq!(end(&log), Offset(2 * FRAMES as i64));
    for bytes in &sent[..half] {
        log.append_frame(&orders(), bytes).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(end(&log), Offset(2 * FRAMES as i64), "the rest waits");
    let mut all = sent.clone();
    all.extend_from_slice(&sent[..half]);
    for from in (0..2 * FRAMES).step_by(7) {
        let (came, _) = check(&log, &all, from, 50 << 20, Isolation::Uncommitted);
        assert!(came > 0 && from / 2 + came <= FRAMES, "{came} from {from}");
    }
}

#[test]
fn readers_of_what_is_committed_stop_before_a_transaction_that_goes_on() {
    let shop = shop(FlushMode::Interval);
    let log = shop.open();
    let mut sent = filled(&log, &[]);
    let open = frame(0).sent_by(7, 0, 0).in_transaction().bytes();
    log.append_frame(&orders(), &open).unwrap_or_else(|error| panic!("{error}"));
    sent.push(open);
    sent.extend((0..FRAMES).map(|n| frame(n).bytes()));
    sent[FRAMES + 1..].iter().for_each(|bytes| _ = log.append_frame(&orders(), bytes).expect("it is appended"));
    for from in (0..2 * FRAMES).step_by(5) {
        for bytes_max in [70_000, 1 << 20, 50 << 20] {
            let (came, _) = check(&log, &sent, from, bytes_max, Isolation::Committed);
            assert!(came > 0 && from / 2 + came <= FRAMES, "{came} from {from}");
            assert!(check(&log, &sent, from, bytes_max, Isolation::Uncommitted).0 >= came);
        }
    }
    let waits = log.fetch_isolated(&orders(), Offset(2 * FRAMES as i64), 1 << 20, Isolation::Committed);
    assert!(waits.expect("it is there").frames.is_empty());
}

/// An index that was spoiled where its owner does not look sends nobody to a wrong place.
#[test]
fn an_index_that_lies_is_not_believed() {
    let shop = shop(FlushMode::Interval);
    let log = shop.open();
    let sent = filled(&log, &[("segment.bytes", "1048576")]);
    log.close().expect("it closes");
    drop(log);
    let indexes = shop.segments(&orders()).into_iter().map(|path| path.with_extension("index"));
    let mut spoiled = 0;
    for path in indexes.filter(|path| path.exists()) {
        let mut bytes = fs::read(&path).expect("it is there");
        // Positions that grow, and at which no frame begins.
        for entry in bytes.chunks_exact_mut(8) {
            let position = u32::from_be_bytes(entry[4..].try_into().expect("four bytes")) + 1;
            entry[4..].copy_from_slice(&position.to_be_bytes());
            spoiled += 1;
        }
        fs::write(&path, bytes).expect("it is written");
    }
    assert!(spoiled > 10, "{spoiled}");
    let log = shop.open();
    for from in 0..2 * FRAMES {
        assert!(check(&log, &sent, from, 1 << 20, Isolation::Uncommitted).0 > 0);
    }
}

/// Whoever holds a part of a file reads it, though retention has taken its name away meanwhile.
#[test]
fn what_was_found_can_be_read_when_its_segment_is_gone() {
    let shop = shop(FlushMode::Interval);
    let log = shop.open();
    let sent = filled(&log, &[("segment.bytes", "1048576")]);
    let fetched = log.fetch_frames(&orders(), Offset(0), 1 << 20).expect("it is there");
    assert!(matches!(fetched.frames, Piece::File(_)));
    log.delete_records(&orders(), Offset(2 * FRAMES as i64)).expect("they go");
    drop(log);
    let frames = fetched.frames.read().expect("it is still there");
    assert_eq!(frames[OURS.end..sent[0].len()], sent[0][OURS.end..]);
}
