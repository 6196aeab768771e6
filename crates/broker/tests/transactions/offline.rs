//! A partition that is offline while a transaction ends that has records in it: it keeps nobody waiting, and has its marker before
//! anybody sees what it has.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_broker::wire::ErrorCode;
use millrace_broker::wire::messages::topics::{DeletableTopic, DeleteTopicsRequest};
use millrace_log::{EmbeddedLog, FlushMode, LogConfig, Machine};
use millrace_schema::Registry;
use tempfile::TempDir;

use crate::client::{Client, Me, code};
use crate::served::{Served, copied};

fn lost(folder: &Path) -> PathBuf {
    folder.join("log/topics/orders-1")
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("it can be listed").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect()
}

fn serve(folder: TempDir) -> Served {
    Served::over(folder, FlushMode::Interval, Machine::local())
}

/// A producer with a transaction in both partitions, and an offset, over a folder in which the second has lost its records
/// since; and those records.
fn with_lost_partition() -> (Served, Me, TempDir) {
    let (served, me) = begun();
    let mut client = served.client();
    assert_eq!(client.add(3, me, &[("orders", &[0, 1])]), [ErrorCode::None; 2]);
    for partition in [0, 1] {
        assert_eq!(client.send(9, me, ("orders", partition), 0, "first"), ErrorCode::None);
    }
    assert_eq!(client.add_group(me, "readers"), ErrorCode::None);
    assert_eq!(client.commit_offset(3, me, "readers", ("orders", 0, 7)), ErrorCode::None);
    let (served, kept) = without_partition(served);
    (served, me, kept)
}

pub(crate) fn begun() -> (Served, Me) {
    let served = serve(tempfile::tempdir().expect("there is room"));
    let mut client = served.client();
    client.create_topic("orders", 2);
    let me = client.init("shop");
    (served, me)
}

fn opened(folder: &Path) -> Arc<EmbeddedLog> {
    let (dir, registry) = (folder.join("log"), Arc::new(Registry::in_memory()));
    EmbeddedLog::open(&dir, LogConfig::default(), registry).unwrap_or_else(|error| panic!("{error}"))
}

/// The same after a start that does not find the records of the second partition; and those.
pub(crate) fn without_partition(served: Served) -> (Served, TempDir) {
    let folder = copied(served.folder.path());
    drop(served);
    // All of it is known to be on the disk.
    opened(folder.path()).close().expect("it closes");
    let kept = copied(&lost(folder.path()));
    segments(&lost(folder.path())).iter().for_each(|path| fs::remove_file(path).expect("it is there"));
    (serve(folder), kept)
}

/// A transaction with one record in the partition that is well.
fn one_more(client: &mut Client, me: Me, sequence: i32, value: &str) {
    assert_eq!(client.add(3, me, &[("orders", &[0])]), [ErrorCode::None]);
    assert_eq!(client.send(9, me, ("orders", 0), sequence, value), ErrorCode::None);
    assert_eq!(client.end(3, me, true), ErrorCode::None);
}

pub(crate) fn restored(served: Served, kept: &TempDir) -> Served {
    serve(restored_folder(served, kept))
}

pub(crate) fn restored_folder(served: Served, kept: &TempDir) -> TempDir {
    let folder = copied(served.folder.path());
    drop(served);
    for path in segments(kept.path()) {
        fs::copy(&path, lost(folder.path()).join(path.file_name().expect("it has a name"))).expect("there is room");
    }
    folder
}

#[test]
fn a_producer_goes_on_and_the_partition_has_its_marker_when_it_is_back() {
    for commits in [true, false] {
        let (served, me, kept) = with_lost_partition();
        let mut client = served.client();
        assert_eq!(code(client.fetch("orders", 1, 1).error_code), ErrorCode::KafkaStorageError);
        assert_eq!(client.end(3, me, commits), ErrorCode::None, "it is decided");
        assert_eq!(client.end(3, me, commits), ErrorCode::None, "it is complete");
        let first: &[&str] = if commits { &["first"] } else { &[] };
        assert_eq!(client.committed("orders", 0), first);
        assert_eq!(client.offset_of("readers", "orders", 0), Ok(if commits { 7 } else { -1 }));
        assert_eq!(client.add(3, me, &[("orders", &[1])]), [ErrorCode::ConcurrentTransactions]);
        one_more(&mut client, me, 1, "second");
        // Still away.
        let served = served.killed();
        let mut client = served.client();
        let me = client.init("shop");
        one_more(&mut client, me, 0, "third");
        assert_eq!(client.committed("orders", 0), [first, &["second", "third"]].concat());
        let served = restored(served, &kept);
        let mut client = served.client();
        assert_eq!(client.latest("orders", 1, 1), client.latest("orders", 1, 0), "nothing goes on there");
        assert_eq!(client.committed("orders", 1), first, "as it was decided");
        assert_eq!(client.add(3, me, &[("orders", &[1])]), [ErrorCode::None]);
        assert_eq!(client.send(9, me, ("orders", 1), 0, "fourth"), ErrorCode::None);
        let served = served.killed();
        let mut client = served.client();
        assert_eq!(client.committed("orders", 1), first, "nothing is ended twice");
        assert_eq!(client.end(3, me, true), ErrorCode::None);
        assert_eq!(client.committed("orders", 1), [first, &["fourth"]].concat());
    }
}

#[test]
fn a_topic_that_is_deleted_is_owed_nothing() {
    let (served, me, _kept) = with_lost_partition();
    let mut client = served.client();
    assert_eq!(client.end(3, me, true), ErrorCode::None);
    let topic = DeletableTopic { name: Some("orders".to_owned()), ..DeletableTopic::default() };
    let request = DeleteTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
    assert_eq!(code(client.ask(6, &request).responses[0].error_code), ErrorCode::None);
    client.create_topic("orders", 2);
    assert_eq!(client.add(3, me, &[("orders", &[0, 1])]), [ErrorCode::None; 2], "it is another one");
    for partition in [0, 1] {
        assert_eq!(client.send(9, me, ("orders", partition), 0, "anew"), ErrorCode::None);
    }
    let served = served.killed();
    let mut client = served.client();
    assert_eq!(client.committed("orders", 1), [""; 0], "it goes on");
    assert_eq!(client.end(3, me, true), ErrorCode::None);
    assert_eq!(client.committed("orders", 1), ["anew"]);
}
