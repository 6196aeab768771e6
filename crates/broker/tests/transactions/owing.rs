//! Markers that are owed, while their producer has a life for each transaction: they end what they are owed to, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_broker::wire::ErrorCode;
use millrace_broker::wire::messages::produce::{ProducePartition, ProduceRequest, ProduceTopic};
use millrace_log::FlushMode;
use tempfile::TempDir;

use crate::client::{Client, Me, code, frame};
use crate::faulty::{FaultyDisk, Touched};
use crate::offline::{begun, restored, restored_folder, without_partition};
use crate::renewing::with_last_epoch;
use crate::served::Served;

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Commit,
    Abort,
    /// Another life takes the place of its own.
    Fence,
}

/// A producer with a transaction in both partitions, and an offset, whose second partition is offline since.
fn with_lost_partition(served: Served, me: Me) -> (Served, TempDir) {
    let mut client = served.client();
    for partition in [0, 1] {
        assert_eq!(client.send(12, me, ("orders", partition), 0, "first"), ErrorCode::None);
    }
    assert_eq!(client.commit_offset(5, me, "readers", ("orders", 0, 7)), ErrorCode::None);
    without_partition(served)
}

/// What becomes of a record for each partition that is sent with the other.
fn send_both(client: &mut Client, me: Me, value: &str) -> [ErrorCode; 2] {
    let partition = |index| ProducePartition { index, records: Some(frame((me.id, me.epoch, 0), None, value)) };
    let topic = ProduceTopic { name: "orders".to_owned(), partition_data: vec![partition(0), partition(1)] };
    let request = ProduceRequest {
        transactional_id: Some(me.name.to_owned()),
        acks: -1,
        timeout_ms: 10_000,
        topic_data: vec![topic],
    };
    let answer = client.ask(12, &request);
    [0, 1].map(|partition| code(answer.responses[0].partition_responses[partition].error_code))
}

#[test]
fn lives_go_on_while_a_marker_is_owed_and_after_it_was_appended() {
    for ending in [Ending::Commit, Ending::Abort, Ending::Fence] {
        // Or else the present life is the one that the marker bears.
        for goes_on in [true, false] {
            let (served, me) = begun();
            let (served, kept) = with_lost_partition(served, me);
            let mut client = served.client();
            let mut life = match ending {
                Ending::Fence => client.init("shop"),
                _ => client.renew(me, ending == Ending::Commit).expect("it keeps nobody waiting"),
            };
            if ending != Ending::Fence {
                assert_eq!(client.renew(me, ending == Ending::Commit), Ok(life), "the answer was lost");
                assert_eq!(client.renew(me, ending != Ending::Commit), Err(ErrorCode::InvalidTxnState));
            }
            let first: &[&str] = if ending == Ending::Commit { &["first"] } else { &[] };
            assert_eq!(client.committed("orders", 0), first);
            assert_eq!(client.offset_of("readers", "orders", 0), Ok(if first.is_empty() { -1 } else { 7 }));
            let mut all = first.to_vec();
            if goes_on {
                let refused = ErrorCode::NotEnoughReplicas;
                assert_eq!(send_both(&mut client, life, "second"), [ErrorCode::None, refused], "it is tried again");
                life = client.renew(life, true).expect("it goes on");
                assert_eq!(client.send(12, life, ("orders", 1), 0, "early"), refused);
                assert_eq!(client.states(), [("shop".to_owned(), "CompleteCommit".to_owned())], "nothing has begun");
                all.push("second");
            }
            // Still away.
            let served = served.killed();
            let mut client = served.client();
            assert_eq!(client.committed("orders", 0), all);
            let served = restored(served, &kept);
            let mut client = served.client();
            assert_eq!(client.latest("orders", 1, 1), client.latest("orders", 1, 0), "nothing goes on there");
            assert_eq!(client.committed("orders", 1), first, "{ending:?}: as it was decided");
            assert_eq!(client.send(12, me, ("orders", 1), 1, "late"), ErrorCode::InvalidProducerEpoch);
            assert_eq!(send_both(&mut client, life, "third"), [ErrorCode::None; 2]);
            let served = served.killed();
            let mut client = served.client();
            assert_eq!(client.committed("orders", 1), first, "nothing is ended twice");
            client.renew(life, true).expect("it goes on");
            assert_eq!(client.committed("orders", 0), [&*all, &["third"]].concat());
            assert_eq!(client.committed("orders", 1), [first, &["third"]].concat());
        }
    }
}

#[test]
fn a_marker_is_owed_in_the_name_of_an_id_that_is_used_up() {
    let (served, _) = begun();
    let (served, last) = with_last_epoch(served);
    let (served, kept) = with_lost_partition(served, last);
    let mut client = served.client();
    let next = client.renew(last, true).expect("there are other ids");
    assert!(next.id != last.id && next.epoch == 0);
    assert_eq!(send_both(&mut client, next, "second"), [ErrorCode::None, ErrorCode::NotEnoughReplicas]);
    let next = client.renew(next, true).expect("it goes on");
    let served = restored(served, &kept);
    let mut client = served.client();
    assert_eq!(client.committed("orders", 1), ["first"], "as it was decided");
    assert_eq!(client.send(12, last, ("orders", 1), 1, "late"), ErrorCode::InvalidProducerEpoch);
    assert_eq!(send_both(&mut client, next, "third"), [ErrorCode::None; 2]);
    client.renew(next, true).expect("it goes on");
    assert_eq!(client.committed("orders", 0), ["first", "second", "third"]);
    assert_eq!(client.committed("orders", 1), ["first", "third"]);
}

/// A power cut takes the last that the coordinator has noted, but not that a marker is owed.
#[test]
fn a_coordinator_that_was_overtaken_owes_what_it_owed() {
    let (served, me) = begun();
    let (served, kept) = with_lost_partition(served, me);
    let mut client = served.client();
    let life = client.renew(me, true).expect("it keeps nobody waiting");
    let journal = served.folder.path().join("log/coordinator/transactions.log");
    let before = fs::read(&journal).expect("it is there");
    assert_eq!(client.send(12, life, ("orders", 0), 0, "second"), ErrorCode::None);
    let life = client.renew(life, true).expect("it goes on");
    assert_eq!(client.send(12, life, ("orders", 0), 0, "lost"), ErrorCode::None);
    fs::write(&journal, before).expect("it can be written");
    // It is found out while the partition is still away.
    let served = restored(served.killed(), &kept);
    let mut client = served.client();
    assert_eq!(client.committed("orders", 1), ["first"], "as it was decided");
    let other = client.init("shop");
    assert!(other.epoch > life.epoch, "{other:?} has had no records");
    assert_eq!(send_both(&mut client, other, "third"), [ErrorCode::None; 2]);
    client.renew(other, true).expect("it may");
    assert_eq!(client.committed("orders", 0), ["first", "second", "third"]);
    assert_eq!(client.committed("orders", 1), ["first", "third"]);
}

/// Whatever a power cut takes then, the marker is there, and is not appended a second time behind a later transaction.
#[test]
fn a_marker_that_was_owed_is_on_the_disk_before_it_is_forgotten() {
    for flush in [FlushMode::Interval, FlushMode::Commit] {
        let (served, me) = begun();
        let (served, kept) = with_lost_partition(served, me);
        served.client().renew(me, true).expect("it keeps nobody waiting");
        let disk = Arc::new(FaultyDisk::default());
        let served = Served::over(restored_folder(served, &kept), flush, disk.machine());
        let touched = disk.touched();
        let last = |what: Touched, file: &str| {
            let is_it = |(found, path): &(Touched, PathBuf)| *found == what && path_has(path, file);
            touched.iter().rposition(is_it).unwrap_or_else(|| panic!("{what:?} of {file}: {touched:?}"))
        };
        let (written, synced) = (last(Touched::Written, "orders-1"), last(Touched::Synced, "orders-1"));
        let forgotten = last(Touched::Synced, "coordinator/transactions");
        assert!(written < synced && synced < forgotten, "{flush:?}: {touched:?}");
        assert_eq!(served.client().committed("orders", 1), ["first"]);
    }
}

fn path_has(path: &Path, part: &str) -> bool {
    path.to_string_lossy().contains(part)
}
