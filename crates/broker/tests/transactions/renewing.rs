//! The newer protocol of transactions over the wire: what is sent becomes part of one by itself, and each end brings another
//! life.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_broker::wire::ErrorCode;
use millrace_broker::wire::messages::api_versions::ApiVersionsRequest;
use millrace_broker::wire::messages::transactions::DescribeTransactionsRequest;

use millrace_log::{EmbeddedLog, FlushMode, LogConfig, Machine};
use millrace_schema::Registry;

use crate::client::Me;
use crate::served::{Served, begun, copied};

#[test]
fn servers_tell_that_they_speak_it() {
    let (_served, mut client, _) = begun();
    let mut features = |version| {
        let answer = client.ask(version, &ApiVersionsRequest::default());
        let supported = answer.supported_features.iter().map(|found| (found.name.clone(), found.min_version));
        let used = answer.finalized_features.iter().map(|found| (found.name.clone(), found.max_version_level));
        assert!(answer.finalized_features_epoch >= 0, "or nobody looks at them");
        (supported.collect::<Vec<_>>(), used.collect::<Vec<_>>())
    };
    let of = |name: &str, level: i16| (name.to_owned(), level);
    let used = vec![of("group.version", 1), of("transaction.version", 2)];
    assert_eq!(features(4), (vec![of("group.version", 1), of("transaction.version", 0)], used.clone()));
    assert_eq!(features(3), (vec![of("group.version", 1)], used), "clients of then cannot read a level 0");
}

#[test]
fn what_is_sent_is_part_of_a_transaction() {
    let (_served, mut client, me) = begun();
    assert_eq!(client.send(12, me, ("orders", 0), 0, "a"), ErrorCode::None);
    assert_eq!(client.send(12, me, ("orders", 1), 0, "b"), ErrorCode::None);
    assert_eq!(client.commit_offset(5, me, "readers", ("orders", 0, 7)), ErrorCode::None);
    assert_eq!(client.offset_of("readers", "orders", 0), Err(ErrorCode::UnstableOffsetCommit));
    assert!(client.committed("orders", 0).is_empty());
    let request = DescribeTransactionsRequest { transactional_ids: vec!["shop".to_owned()] };
    let described = client.ask(0, &request).transaction_states.remove(0);
    assert_eq!((&*described.transaction_state, &*described.topics[0].partitions), ("Ongoing", &[0, 1][..]));

    let next = client.renew(me, true).expect("it may");
    assert_eq!((next.id, next.epoch), (me.id, 1));
    assert_eq!(client.renew(me, true), Ok(next), "the answer may have been lost");
    assert_eq!(client.renew(me, false), Err(ErrorCode::InvalidTxnState));
    assert_eq!((client.committed("orders", 0), client.committed("orders", 1)), (vec!["a".into()], vec!["b".into()]));
    assert_eq!(client.offset_of("readers", "orders", 0), Ok(7));

    // What comes late is part of nothing, wherever it goes.
    assert_eq!(client.send(12, me, ("orders", 0), 1, "late"), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.commit_offset(5, me, "readers", ("orders", 0, 9)), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.states(), [("shop".to_owned(), "CompleteCommit".to_owned())]);

    assert_eq!(client.send(12, next, ("orders", 0), 0, "c"), ErrorCode::None);
    assert_eq!(client.send(12, next, ("orders", 0), 0, "c"), ErrorCode::None, "sent again, it lies there once");
    let last = client.renew(next, false).expect("it may");
    assert_eq!(client.send(12, last, ("orders", 0), 0, "d"), ErrorCode::None);
    client.renew(last, true).expect("it may");
    assert_eq!(client.committed("orders", 0), ["a", "d"]);
}

#[test]
fn an_abort_fences_what_is_still_under_way() {
    let (_served, mut client, me) = begun();
    assert_eq!(client.renew(me, true), Err(ErrorCode::InvalidTxnState));
    let next = client.renew(me, false).expect("nothing has come yet");
    assert_eq!(next.epoch, 1);
    assert_eq!(client.send(12, me, ("orders", 0), 0, "late"), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.send(12, next, ("orders", 0), 0, "a"), ErrorCode::None);
    client.renew(next, true).expect("it may");
    assert_eq!(client.committed("orders", 0), ["a"]);
}

#[test]
fn what_cannot_be_taken_begins_nothing() {
    let (_served, mut client, me) = begun();
    assert_eq!(client.send(12, me, ("nothing", 0), 0, "a"), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(client.send(12, me, ("orders", 2), 0, "a"), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(client.states(), [("shop".to_owned(), "Empty".to_owned())]);
    assert_eq!(client.send(11, me, ("orders", 0), 0, "a"), ErrorCode::TransactionAbortable, "by the older protocol");
    let stranger = Me { id: me.id + 50, ..me };
    assert_eq!(client.send(12, stranger, ("orders", 0), 0, "a"), ErrorCode::InvalidProducerIdMapping);
    // The record before it is still under way: taken in front of it, this one would have it thrown away.
    assert_eq!(client.send(12, me, ("orders", 0), 1, "b"), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(client.send(12, me, ("orders", 0), 0, "a"), ErrorCode::None);
    assert_eq!(client.send(12, me, ("orders", 0), 1, "b"), ErrorCode::None);
    assert_eq!(client.commit_offset(5, me, "", ("orders", 0, 7)), ErrorCode::InvalidGroupId);
    client.renew(me, true).expect("it may");
    assert_eq!(client.committed("orders", 0), ["a", "b"]);
}

#[test]
fn a_producer_that_took_too_long_aborts_and_goes_on() {
    let (_served, mut client, _) = begun();
    let me = client.try_init(4, "slow", 50, (-1, -1)).expect("it may");
    client.send(12, me, ("orders", 0), 0, "a");
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.states()[1].1 != "CompleteAbort" {
        assert!(Instant::now() < deadline, "{:?}", client.states());
        std::thread::yield_now();
    }
    assert_eq!(client.send(12, me, ("orders", 0), 1, "b"), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.renew(me, true), Err(ErrorCode::InvalidTxnState));
    let next = client.renew(me, false).expect("nobody has come between");
    assert_eq!(next.epoch, 1);
    let other = client.init("slow");
    assert_eq!((other.epoch, client.renew(next, false)), (2, Err(ErrorCode::ProducerFenced)));
    assert!(client.committed("orders", 0).is_empty());
}

#[test]
fn lives_outlive_a_kill() {
    let (served, mut client, me) = begun();
    client.send(12, me, ("orders", 0), 0, "a");
    let served = served.killed();
    let mut client = served.client();
    assert_eq!(client.send(12, me, ("orders", 0), 1, "b"), ErrorCode::None);
    let next = client.renew(me, true).expect("it goes on");
    let served = served.killed();
    let mut client = served.client();
    assert_eq!(client.renew(me, true), Ok(next), "the answer was lost with the process");
    assert_eq!(client.send(12, me, ("orders", 0), 2, "late"), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.send(12, next, ("orders", 0), 0, "c"), ErrorCode::None);
    client.renew(next, true).expect("it goes on");
    assert_eq!(client.committed("orders", 0), ["a", "b", "c"]);
}

/// A power cut takes the last that the coordinator has noted, and leaves the records: the next life must not be one whose
/// records are there, or else its own are taken for those.
#[test]
fn a_life_that_partitions_have_seen_is_not_given_out_again() {
    let (served, mut client, me) = begun();
    let journal = served.folder.path().join("log/coordinator/transactions.log");
    let before = fs::read(&journal).expect("it is there");
    client.send(12, me, ("orders", 0), 0, "a");
    let next = client.renew(me, true).expect("it may");
    client.send(12, next, ("orders", 0), 0, "b");
    fs::write(&journal, before).expect("it can be written");
    let served = served.killed();
    let mut client = served.client();
    assert_eq!(client.send(12, next, ("orders", 0), 1, "c"), ErrorCode::InvalidProducerEpoch, "half of it is gone");
    let other = client.init("shop");
    assert_eq!((other.id, other.epoch), (me.id, 3), "one epoch was for the abort");
    assert_eq!(client.send(12, other, ("orders", 0), 0, "d"), ErrorCode::None);
    client.renew(other, true).expect("it may");
    assert_eq!(client.committed("orders", 0), ["a", "d"]);
}

/// What an earlier version of this program has kept of a producer, which has one epoch left.
const KEPT_EARLIER: &str = r#"{"version":1,"transaction":{"transactional_id":"shop","producer":{"id":7,"epoch":32766},
    "previous":null,"timeout_ms":60000,"state":"CompleteCommit","partitions":{},"groups":[],"started_ms":null,
    "updated_ms":9000000000000}}"#;

/// The same broker with that producer.
pub(crate) fn with_last_epoch(served: Served) -> (Served, Me) {
    let folder = copied(served.folder.path());
    drop(served);
    let log = EmbeddedLog::open(&folder.path().join("log"), LogConfig::default(), Arc::new(Registry::in_memory()));
    let log = log.expect("it opens");
    let (mut journal, _) = log.journal("transactions").expect("it opens");
    journal.append(&[Bytes::from_static(KEPT_EARLIER.as_bytes())]).expect("there is room");
    drop(journal);
    log.close().expect("it closes");
    drop(log);
    let served = Served::over(folder, FlushMode::Interval, Machine::local());
    (served, Me { name: "shop", id: 7, epoch: 32_766 })
}

#[test]
fn epochs_that_are_used_up_lead_to_another_id() {
    let (served, ..) = begun();
    let (served, last) = with_last_epoch(served);
    let mut client = served.client();
    assert_eq!(client.send(12, last, ("orders", 0), 0, "a"), ErrorCode::None);
    assert_eq!(client.commit_offset(5, last, "readers", ("orders", 0, 7)), ErrorCode::None);
    let next = client.renew(last, true).expect("there are other ids");
    assert!(next.id != last.id && next.epoch == 0);
    let served = served.killed();
    let mut client = served.client();
    assert_eq!(client.renew(last, true), Ok(next), "the answer was lost with the process");
    assert_eq!(client.send(12, last, ("orders", 0), 1, "late"), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.send(12, last, ("orders", 1), 0, "late"), ErrorCode::InvalidProducerIdMapping);
    assert_eq!(client.send(12, next, ("orders", 0), 0, "b"), ErrorCode::None);
    client.renew(next, true).expect("it may");
    assert_eq!(
        (client.committed("orders", 0), client.offset_of("readers", "orders", 0)),
        (vec!["a".into(), "b".into()], Ok(7))
    );
}
