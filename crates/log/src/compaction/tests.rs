//! What cannot be asked for from outside: turns with room for few keys, and readers of a file that is replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::BinaryArray;
use millrace_flow::{Offset, Stop, TopicPartition};
use millrace_schema::Registry;
use tempfile::TempDir;

use super::Budget;
use crate::partition::{Partition, Reach};
use crate::read::read_records;
use crate::record_batch::{FrameView, Input, encode_frame};
use crate::{EmbeddedLog, LogConfig};

fn open(folder: &TempDir) -> Arc<EmbeddedLog> {
    let opened = EmbeddedLog::open(folder.path(), LogConfig::default(), Arc::new(Registry::in_memory()));
    opened.unwrap_or_else(|error| panic!("{error}"))
}

fn prices() -> TopicPartition {
    TopicPartition::new("prices", 0)
}

/// A compacted topic with a segment for every record: the `n`-th has the key `n` modulo `keys`.
fn fill(log: &EmbeddedLog, records: i64, keys: i64) {
    let configs = [("cleanup.policy", "compact"), ("segment.bytes", "14"), ("min.cleanable.dirty.ratio", "0")];
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    log.create_client_topic("prices", 1, 1, configs.collect::<BTreeMap<_, _>>()).expect("it can be made");
    for n in 0..records {
        let keys = BinaryArray::from_iter_values([format!("{}", n % keys)]);
        let value = format!("value {n}");
        let (times_ms, ends) = ([n], [value.len()]);
        let (keys, values) = (Some(&keys), value.as_bytes());
        let input = Input { times_ms: &times_ms, keys, values, ends: &ends, tombstones: None, origin: None };
        let mut frame = Vec::new();
        encode_frame(&input, 0..1, 0, 1 << 20, &mut frame);
        log.append_frame(&prices(), &frame).unwrap_or_else(|error| panic!("{error}"));
    }
    log.shared.flush_everything().expect("the disk answers");
}

fn partition(log: &EmbeddedLog) -> Arc<Partition> {
    log.shared.find("prices").expect("it is there").partitions[0].clone()
}

fn offsets(log: &EmbeddedLog) -> Vec<i64> {
    let partition = partition(log);
    let records = read_records(&partition, 0, partition.committed(), usize::MAX);
    records.expect("they can be read").iter().map(|record| record.offset.0).collect()
}

/// With room for one key a turn gets by at least one record further; all turns together come to what one would.
#[test]
fn what_does_not_fit_into_memory_takes_more_turns() {
    for keys_max in [1, 2, 3, 100] {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let log = open(&folder);
        fill(&log, 20, 4);
        let stop = Stop::default();
        let mut budget = Budget { keys_max, ..Budget::fast(&stop) };
        log.shared.compact(&mut budget).expect("the disk answers");
        // The last one lies in the active segment.
        assert_eq!(offsets(&log), [15, 16, 17, 18, 19], "room for {keys_max} keys");
        assert_eq!(partition(&log).clean(), 19);
    }
}

#[test]
fn a_turn_that_is_stopped_leaves_all_as_it_was() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let log = open(&folder);
    fill(&log, 20, 4);
    let stop = Stop::default();
    stop.stop();
    let mut budget = Budget { bytes: 2 << 20, ..Budget::fast(&stop) };
    log.shared.compact(&mut budget).expect("to be stopped is no error");
    assert_eq!(offsets(&log), (0..20).collect::<Vec<_>>());
    assert_eq!(partition(&log).clean(), 0);
}

/// Whoever has found his place before segments are replaced reads on in the old file.
#[test]
fn a_reader_of_a_replaced_file_reads_it_to_its_end() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let log = open(&folder);
    fill(&log, 20, 4);
    let place = partition(&log).locate(3, Reach::NONE).expect("it is there");
    let chunk = crate::read::read_chunk(&partition(&log), 7, 20, 1).expect("it is there");
    log.apply_compaction().expect("the disk answers");
    let mut bytes = vec![0; usize::try_from(place.bytes).expect("it is small")];
    std::os::unix::fs::FileExt::read_exact_at(&*place.file, &mut bytes, 0).expect("it is open");
    assert_eq!(FrameView::parse(&bytes).expect("it is whole").header.base, 3);
    assert_eq!(chunk.frames().expect("it is whole")[0].header.base, 7);
    let fetched = log.fetch_frames(&prices(), Offset(3), 1).expect("what is gone is passed over");
    assert_eq!(fetched.frames.read().expect("it can be read")[..8], 15_i64.to_be_bytes());
}

/// A partition whose topic is gone while a turn is under way.
#[test]
fn nothing_is_put_into_the_folder_of_a_topic_that_is_gone() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let log = open(&folder);
    fill(&log, 20, 4);
    let partition = partition(&log);
    let segments = partition.closed_facts(i64::MAX).expect("they are there");
    assert!(partition.holds(&segments[2..5]));
    log.delete_client_topic("prices").expect("it can go");
    assert!(!partition.holds(&segments[2..5]) && !partition.is_compactable());
}
