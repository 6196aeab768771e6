//! Search: it finds what reading everything finds, and does not read everything.

use std::fs;
use std::sync::Arc;

use millrace_flow::{Log, Offset, PartitionId, TopicPartition};
use millrace_log::{EmbeddedLog, FlushMode, Search, SearchProgress, Wanted};
use millrace_schema::Registry;
use millrace_schema::fields::FieldReader;

use crate::frames::Frame;
use crate::shop::{Shop, commit, rows, spec};

pub(crate) fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

pub(crate) fn begin(log: &EmbeddedLog, registry: &Arc<Registry>, topic: &str, wanted: &Wanted) -> Search {
    let fields = Box::new(FieldReader::new(registry.clone()));
    log.search(topic, wanted, fields).unwrap_or_else(|error| panic!("{error}"))
}

/// All that is found, as partition and offset, in the order in which it is; and what it took.
pub(crate) fn search(
    shop: &Shop,
    log: &EmbeddedLog,
    topic: &str,
    wanted: &Wanted,
) -> (Vec<(u32, i64)>, SearchProgress) {
    let mut search = begin(log, &shop.registry, topic, wanted);
    let mut found = Vec::new();
    while let Some(more) = search.step().unwrap_or_else(|error| panic!("{error}")) {
        found.extend(more.iter().map(|found| (found.partition.0, found.record.offset.0)));
    }
    (found, search.finish())
}

pub(crate) fn field(name: &str, value: &str) -> Wanted {
    Wanted { field: Some((name.to_owned(), value.to_owned())), ..Wanted::default() }
}

fn key(key: &str) -> Wanted {
    Wanted { key: Some(key.into()), ..Wanted::default() }
}

/// A frame of about 20 KiB, whose records say which they are.
fn frame(first: i64, count: i64) -> Frame {
    let record = |n: i64| {
        let value = format!(r#"{{"order":"o-{n}","customer":{},"note":"{}"}}"#, n / 100, "x".repeat(2_000));
        (Some(format!("key {n}").into_bytes()), Some(value.into_bytes()), 1_000_000 + n)
    };
    Frame { records: (first..first + count).map(record).collect(), ..Frame::of(&["x"]) }
}

/// A topic of `frames` frames of ten records, all of them on the disk.
fn filled(shop: &Shop, frames: i64) -> Arc<EmbeddedLog> {
    let log = shop.open();
    let configs = [("segment.bytes".to_owned(), (2 << 20).to_string())].into();
    log.create_client_topic("orders", 1, 1, configs).unwrap_or_else(|error| panic!("{error}"));
    let mut end = Offset(0);
    for n in 0..frames {
        end = log.append_frame(&orders(), &frame(n * 10, 10).bytes()).unwrap_or_else(|error| panic!("{error}")).end;
    }
    log.settle(&orders(), end).expect("the disk answers");
    log
}

fn filters(shop: &Shop) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(shop.dir().join("topics").join(orders().to_string())).expect("the partition is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "filter"));
    paths.sort();
    paths
}

/// Nothing is found in nothing that was read but where it is: once everything was read, a search reads a block or two of 40.
#[test]
fn what_was_read_once_is_passed_over_afterwards() {
    let shop = Shop::new(FlushMode::Commit);
    let log = filled(&shop, 500);
    let (found, first) = search(&shop, &log, "orders", &field("order", "nowhere"));
    assert!(found.is_empty());
    assert_eq!((first.bytes_read, first.blocks_skipped), (first.bytes_total, 0), "everything is read once");
    assert!(first.bytes_total > 10_000_000 && first.blocks_read > 30 && first.records == 5_000, "{first:?}");
    assert_eq!(filters(&shop).len(), shop.segments(&orders()).len());

    let few = first.bytes_total / 20;
    for (wanted, offsets) in [
        (field("order", "o-1234"), vec![1_234]),
        (key("key 77"), vec![77]),
        (field("customer", "12"), (1_200..1_300).rev().collect()),
        (field("customer", "12.0"), (1_200..1_300).rev().collect()),
        (Wanted { key: Some("key 4321".into()), ..field("order", "o-4321") }, vec![4_321]),
        (
            Wanted { from_ms: Some(1_001_500), before_ms: Some(1_001_503), ..Wanted::default() },
            vec![1_502, 1_501, 1_500],
        ),
        (Wanted { before_ms: Some(1_000_010), ..field("order", "o-7") }, vec![7]),
        (field("order", "O-7"), vec![]),
        (field("Order", "o-7"), vec![]),
    ] {
        let (found, progress) = search(&shop, &log, "orders", &wanted);
        assert_eq!(found, offsets.iter().map(|offset| (0, *offset)).collect::<Vec<_>>(), "{wanted:?}");
        // The last block of the active segment is not full, so it has no filter yet.
        assert!(progress.bytes_read < few * 2 && progress.blocks_read <= 3, "{wanted:?}: {progress:?}");
        assert_eq!(progress.bytes_read + progress.bytes_skipped, progress.bytes_total, "{wanted:?}");
    }
    let filter_bytes: u64 = filters(&shop).iter().map(|path| path.metadata().expect("it is there").len()).sum();
    assert!(filter_bytes < first.bytes_total / 100, "{filter_bytes} bytes of filters for {}", first.bytes_total);
}

#[test]
fn filters_outlive_stops_and_kills_and_grow_with_the_segment() {
    let shop = Shop::new(FlushMode::Commit);
    let log = filled(&shop, 150);
    let nothing = field("order", "nowhere");
    search(&shop, &log, "orders", &nothing);
    for n in 150..200 {
        log.append_frame(&orders(), &frame(n * 10, 10).bytes()).unwrap_or_else(|error| panic!("{error}"));
    }
    log.settle(&orders(), Offset(2_000)).expect("the disk answers");
    let (_, grown) = search(&shop, &log, "orders", &nothing);
    let new = 50 * frame(0, 10).bytes().len() as u64;
    assert!((new..new + (300 << 10)).contains(&grown.bytes_read), "{grown:?}: what is new is {new}");
    let killed = shop.killed().rebooted();
    for shop in [&killed, &shop] {
        let log = if std::ptr::eq(shop, &killed) { shop.open() } else { log.clone() };
        let (found, progress) = search(shop, &log, "orders", &field("order", "o-3"));
        assert_eq!(found, [(0, 3)]);
        assert!(progress.blocks_read <= 2, "{progress:?}");
    }
    let reader = EmbeddedLog::open_read_only(&shop.dir()).expect("it is there");
    let (found, progress) = search(&shop, &reader, "orders", &field("order", "o-3"));
    assert_eq!(found, [(0, 3)]);
    assert!(progress.blocks_read <= 2, "beside the one who writes: {progress:?}");
}

/// Damage at any place of a filter: what is looked for is found, and the filter is made again.
#[test]
fn a_damaged_filter_excludes_nothing_that_is_there() {
    let shop = Shop::new(FlushMode::Commit);
    let log = filled(&shop, 20);
    let end = log.append_frame(&orders(), &frame(200, 10).bytes()).expect("it is taken").end;
    log.settle(&orders(), end).expect("the disk answers");
    let nothing = field("order", "nowhere");
    search(&shop, &log, "orders", &nothing);
    let path = filters(&shop).remove(0);
    let whole = fs::read(&path).expect("it is there");
    let (_, usual) = search(&shop, &log, "orders", &nothing);
    for at in (0..whole.len()).step_by(7).chain(0..120.min(whole.len())) {
        let mut bad = whole.clone();
        bad[at] ^= 0x41;
        fs::write(&path, if at % 2 == 0 { &bad } else { &whole[..at] }).expect("it can be written");
        for wanted in [field("order", "o-3"), key("key 3")] {
            assert_eq!(search(&shop, &log, "orders", &wanted).0, [(0, 3)], "damaged at {at}");
        }
        search(&shop, &log, "orders", &nothing);
        let (_, progress) = search(&shop, &log, "orders", &nothing);
        assert_eq!(progress.blocks_read, usual.blocks_read, "damaged at {at}: it is made again");
    }
}

/// A batch that has rotted takes what it holds, and nothing else.
#[test]
fn damage_in_the_log_is_counted_and_passed() {
    let shop = Shop::new(FlushMode::Commit);
    let log = filled(&shop, 100);
    let path = shop.segments(&orders()).remove(0);
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[100_000] ^= 1;
    fs::write(&path, bytes).expect("it can be written");
    let all = Wanted::default();
    for _ in 0..2 {
        let (found, progress) = search(&shop, &log, "orders", &all);
        assert_eq!((found.len(), progress.blocks_damaged), (990, 1));
    }
}

#[test]
fn rows_of_this_program_are_found_by_their_columns_in_all_partitions() {
    let mut shop = Shop::new(FlushMode::Interval);
    shop.config.segment_bytes_max = 300 << 10;
    let log = shop.open();
    log.create_topic(spec("sales", 2)).expect("it can be made");
    let mut writer = log.writer(crate::shop::WRITER).expect("nobody has it");
    for n in 0..40 {
        let partition = TopicPartition::new("sales", n % 2);
        commit(writer.as_mut(), &partition, i64::from(n) * 1_000, 1_000);
    }
    // Has all of it on the disk.
    log.apply_compaction().expect("the disk answers");
    writer.append(&TopicPartition::new("sales", 0), rows(7, 1)).expect("it can be appended");
    for _ in 0..2 {
        for (wanted, ids) in [
            (field("id", "12345"), vec![(0, 6_345)]),
            (field("text", "row number 1001"), vec![(1, 1)]),
            (field("id", "7"), vec![(0, 7)]),
            (Wanted { partition: Some(PartitionId(1)), ..field("id", "7") }, vec![]),
            (Wanted { from_ms: Some(39_998), ..Wanted::default() }, vec![(1, 19_999), (1, 19_998)]),
            (
                Wanted { from_ms: Some(18_999), before_ms: Some(19_001), ..Wanted::default() },
                vec![(1, 9_000), (0, 9_999)],
            ),
        ] {
            assert_eq!(search(&shop, &log, "sales", &wanted).0, ids, "{wanted:?}");
        }
    }
    writer.rollback().expect("the disk answers");
    let (_, progress) = search(&shop, &log, "sales", &field("id", "12345"));
    assert_eq!(
        (progress.blocks_read, progress.blocks_skipped),
        (3, 3),
        "two that are not full, and the one: {progress:?}"
    );
    assert!(log.search("nothing", &Wanted::default(), Box::new(FieldReader::new(shop.registry.clone()))).is_err());
    let wanted = Wanted { partition: Some(PartitionId(2)), ..Wanted::default() };
    assert!(log.search("sales", &wanted, Box::new(FieldReader::new(shop.registry.clone()))).is_err());
}

/// A value that names a schema which nobody knows yet may have any fields: once it is known they are found.
#[test]
fn a_schema_that_comes_later_hides_nothing() {
    let shop = Shop::new(FlushMode::Commit);
    let log = filled(&shop, 30);
    let framed = Frame { records: vec![(None, Some(vec![0, 0, 0, 0, 1, 14, 0]), 5)], ..Frame::of(&["x"]) };
    log.append_frame(&orders(), &framed.bytes()).expect("it is taken");
    for n in 30..60 {
        log.append_frame(&orders(), &frame(n * 10, 10).bytes()).expect("it is taken");
    }
    log.settle(&orders(), Offset(601)).expect("the disk answers");
    assert_eq!(search(&shop, &log, "orders", &field("id", "7")).0, []);
    let id = shop.registry.id_for("a-value", &spec("a", 1).schema).expect("there is room");
    assert_eq!(id, 1);
    assert_eq!(search(&shop, &log, "orders", &field("id", "7")).0, [(0, 300)]);
}
