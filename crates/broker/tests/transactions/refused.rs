//! A disk that refuses what the broker has to remember: clients are told to ask again, nothing of what was refused is seen, and
//! as soon as the disk is well everything goes on, in the same process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_broker::wire::ErrorCode;
use millrace_broker::wire::messages::commits::*;
use millrace_broker::wire::messages::membership::*;
use millrace_broker::wire::messages::produce::InitProducerIdRequest;
use millrace_log::{FlushMode, Machine};

use crate::client::{Client, Me, code};
use crate::faulty::{Fault, FaultyDisk};
use crate::served::{Served, copied};

/// Nothing takes this long that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// What may be the matter with the disk, and how it is used. Where it is not waited for, no sync of it is.
const FAULTS: [(FlushMode, Fault); 5] = [
    (FlushMode::Interval, Fault::Full),
    (FlushMode::Interval, Fault::Stiff),
    (FlushMode::Commit, Fault::Full),
    (FlushMode::Commit, Fault::Stiff),
    (FlushMode::Commit, Fault::Unsynced),
];

fn serve(flush: FlushMode) -> (Arc<FaultyDisk>, Served) {
    let disk = Arc::new(FaultyDisk::default());
    let served = Served::over(tempfile::tempdir().expect("there is room"), flush, disk.machine());
    served.client().create_topic("orders", 2);
    (disk, served)
}

/// Asks again, as clients do, for as long as they are told to.
fn until_taken(mut ask: impl FnMut() -> ErrorCode) -> ErrorCode {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            ErrorCode::CoordinatorNotAvailable | ErrorCode::ConcurrentTransactions if Instant::now() < deadline => {
                std::thread::yield_now();
            }
            code => return code,
        }
    }
}

/// Commits an offset as a member of a group, or as nobody.
fn commit(client: &mut Client, (member_id, generation): (&str, i32), offset: i64) -> ErrorCode {
    let partition = OffsetCommitPartition { committed_offset: offset, ..OffsetCommitPartition::default() };
    let topic = OffsetCommitTopic { name: "orders".to_owned(), partitions: vec![partition] };
    let request = OffsetCommitRequest {
        group_id: "readers".to_owned(),
        generation_id_or_member_epoch: generation,
        member_id: member_id.to_owned(),
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    };
    code(client.ask(5, &request).topics[0].partitions[0].error_code)
}

fn heartbeat(client: &mut Client, (member_id, generation_id): (&str, i32)) -> ErrorCode {
    let (group_id, member_id) = ("readers".to_owned(), member_id.to_owned());
    code(client.ask(3, &HeartbeatRequest { group_id, generation_id, member_id, group_instance_id: None }).error_code)
}

/// The only member of the group, and its generation.
fn join(client: &mut Client) -> (String, i32) {
    let protocol = JoinGroupProtocol { name: "range".to_owned(), metadata: Bytes::new() };
    let request = JoinGroupRequest {
        group_id: "readers".to_owned(),
        session_timeout_ms: 60_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol],
        ..JoinGroupRequest::default()
    };
    let joined = client.ask(3, &request);
    assert_eq!(code(joined.error_code), ErrorCode::None);
    let (member_id, generation_id) = (joined.member_id, joined.generation_id);
    let assignments = vec![SyncGroupAssignment { member_id: member_id.clone(), assignment: Bytes::from("all") }];
    let group_id = "readers".to_owned();
    let sync = SyncGroupRequest {
        group_id,
        generation_id,
        member_id: member_id.clone(),
        assignments,
        ..SyncGroupRequest::default()
    };
    assert_eq!(code(client.ask(3, &sync).error_code), ErrorCode::None);
    (member_id, generation_id)
}

#[test]
fn groups_go_on_with_their_members_once_the_disk_is_well() {
    for (flush, fault) in FAULTS {
        let (disk, served) = serve(flush);
        let mut client = served.client();
        let (member, generation) = join(&mut client);
        let me = (&*member, generation);
        assert_eq!(commit(&mut client, me, 1), ErrorCode::None);
        for offset in [2, 4] {
            disk.set(fault, "coordinator/groups");
            assert_eq!(commit(&mut client, me, offset), ErrorCode::CoordinatorNotAvailable, "{fault:?}");
            // While it is refused, and when it is tried again.
            for _ in 0..3 {
                assert_eq!(client.offset_of("readers", "orders", 0), Ok(offset - 1), "{fault:?}: what was refused");
                commit(&mut client, me, offset);
            }
            let died = Served::over(copied(served.folder.path()), flush, Machine::local());
            assert_eq!(died.client().offset_of("readers", "orders", 0), Ok(offset - 1), "{fault:?}");
            disk.heal();
            assert_eq!(until_taken(|| heartbeat(&mut client, me)), ErrorCode::None, "{fault:?}: it is a member still");
            assert_eq!(until_taken(|| commit(&mut client, me, offset + 1)), ErrorCode::None, "{fault:?}");
            assert_eq!(client.offset_of("readers", "orders", 0), Ok(offset + 1));
        }
        let served = served.killed();
        let mut client = served.client();
        assert_eq!(client.offset_of("readers", "orders", 0), Ok(5), "{fault:?}");
        assert_eq!(heartbeat(&mut client, me), ErrorCode::None, "{fault:?}: it is a member still");
    }
}

/// A transaction with a record and an offset.
fn begin(client: &mut Client, me: Me, sequence: i32, value: &str) {
    assert_eq!(client.add(3, me, &[("orders", &[0])]), [ErrorCode::None]);
    assert_eq!(client.send(9, me, ("orders", 0), sequence, value), ErrorCode::None);
    assert_eq!(client.add_group(me, "readers"), ErrorCode::None);
    let offset = (i64::from(sequence) + 1) * 10;
    assert_eq!(client.commit_offset(3, me, "readers", ("orders", 0, offset)), ErrorCode::None);
}

#[test]
fn transactions_go_on_once_the_disk_is_well() {
    for (flush, fault) in FAULTS {
        let (disk, served) = serve(flush);
        let mut client = served.client();
        let me = client.init("shop");
        begin(&mut client, me, 0, "first");
        let unavailable = ErrorCode::CoordinatorNotAvailable;
        for _ in 0..2 {
            disk.set(fault, "coordinator/transactions");
            assert_eq!(client.end(3, me, true), unavailable, "{fault:?}");
            assert_eq!(client.add(3, me, &[("orders", &[1])]), [unavailable], "{fault:?}");
            assert_eq!(client.try_init(4, "other", 60_000, (-1, -1)), Err(unavailable), "{fault:?}");
            assert_eq!(client.states(), [("shop".to_owned(), "Ongoing".to_owned())], "{fault:?}: it was refused");
            assert_eq!(client.committed("orders", 0), [""; 0], "{fault:?}");
            disk.heal();
        }
        // Nothing keeps the decision from being taken and carried out, but that its offsets cannot be kept.
        disk.set(fault, "coordinator/groups");
        let offset = client.commit_offset(3, me, "readers", ("orders", 0, 11));
        assert_eq!(offset, unavailable, "{fault:?}");
        assert_eq!(client.end(3, me, true), ErrorCode::ConcurrentTransactions, "{fault:?}");
        disk.heal();
        assert_eq!(until_taken(|| client.end(3, me, true)), ErrorCode::None, "{fault:?}");
        assert_eq!(client.committed("orders", 0), ["first"], "{fault:?}");
        assert_eq!(client.offset_of("readers", "orders", 0), Ok(10), "{fault:?}");
        begin(&mut client, me, 1, "second");
        let died = Served::over(copied(served.folder.path()), flush, Machine::local());
        let mut after = died.client();
        after.init("shop");
        assert_eq!(after.committed("orders", 0), ["first"], "{fault:?}");
        assert_eq!(after.offset_of("readers", "orders", 0), Ok(10), "{fault:?}");
        assert_eq!(client.end(3, me, true), ErrorCode::None, "{fault:?}");
        assert_eq!(client.committed("orders", 0), ["first", "second"], "{fault:?}");
    }
}

/// They belong to no transaction.
fn new_id(client: &mut Client) -> Result<i64, ErrorCode> {
    let request = InitProducerIdRequest { producer_id: -1, producer_epoch: -1, ..Default::default() };
    let answer = client.ask(4, &request);
    match code(answer.error_code) {
        ErrorCode::None => Ok(answer.producer_id),
        code => Err(code),
    }
}

#[test]
fn ids_are_given_out_once_whatever_the_disk_refuses() {
    for (flush, fault) in FAULTS.into_iter().chain([(FlushMode::Interval, Fault::Unsynced)]) {
        let (disk, served) = serve(flush);
        let mut client = served.client();
        disk.set(fault, "coordinator/producer-ids");
        for _ in 0..2 {
            assert_eq!(new_id(&mut client), Err(ErrorCode::KafkaStorageError), "{fault:?}");
        }
        disk.heal();
        let id = new_id(&mut client).expect("the disk is well");
        let served = served.killed();
        assert!(new_id(&mut served.client()).expect("the disk is well") > id, "{fault:?}");
    }
}
