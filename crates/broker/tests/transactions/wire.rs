//! Transactions over the wire.

use std::time::{Duration, Instant};

use millrace_broker::wire::ErrorCode;
use millrace_broker::wire::messages::membership::FindCoordinatorRequest;
use millrace_broker::wire::messages::transactions::*;

use crate::client::{Me, code, frame};
use crate::served::begun;

#[test]
fn a_transaction_is_seen_whole_once_it_is_committed() {
    let (_served, mut client, me) = begun();
    assert_eq!((me.epoch, client.add(3, me, &[("orders", &[0, 1])])), (0, vec![ErrorCode::None; 2]));
    assert_eq!(client.send(9, me, ("orders", 0), 0, "a"), ErrorCode::None);
    assert_eq!(client.send(9, me, ("orders", 1), 0, "b"), ErrorCode::None);
    assert_eq!(client.add_group(me, "readers"), ErrorCode::None);
    assert_eq!(client.commit_offset(3, me, "readers", ("orders", 0, 7)), ErrorCode::None);
    assert_eq!(client.offset_of("readers", "orders", 0), Err(ErrorCode::UnstableOffsetCommit));
    assert_eq!((client.latest("orders", 0, 1), client.latest("orders", 0, 0)), (0, 1));
    assert!(client.committed("orders", 0).is_empty());
    let everything = client.fetch("orders", 0, 0);
    assert_eq!((everything.high_watermark, everything.last_stable_offset), (1, 0));
    assert_eq!((everything.records.bytes() > 0, everything.aborted_transactions), (true, None));

    assert_eq!(client.end(3, me, true), ErrorCode::None);
    assert_eq!(client.end(3, me, true), ErrorCode::None, "the answer may have been lost");
    assert_eq!(client.end(3, me, false), ErrorCode::InvalidTxnState);
    assert_eq!((client.committed("orders", 0), client.committed("orders", 1)), (vec!["a".into()], vec!["b".into()]));
    assert_eq!(client.offset_of("readers", "orders", 0), Ok(7));
    assert_eq!((client.latest("orders", 0, 1), client.latest("orders", 0, 0)), (2, 2));
    assert_eq!(client.states(), [("shop".to_owned(), "CompleteCommit".to_owned())]);
}

#[test]
fn nothing_of_an_aborted_transaction_is_seen() {
    let (_served, mut client, me) = begun();
    client.add(0, me, &[("orders", &[0])]);
    client.send(3, me, ("orders", 0), 0, "a");
    client.add_group(me, "readers");
    assert_eq!(client.commit_offset(0, me, "readers", ("orders", 0, 7)), ErrorCode::None);
    assert_eq!(client.end(0, me, false), ErrorCode::None);
    assert_eq!(client.offset_of("readers", "orders", 0), Ok(-1));
    let fetched = client.fetch("orders", 0, 1);
    let told = fetched.aborted_transactions.unwrap_or_default();
    assert_eq!(told.iter().map(|told| (told.producer_id, told.first_offset)).collect::<Vec<_>>(), [(me.id, 0)]);
    assert!(client.committed("orders", 0).is_empty());
    // The next one counts on.
    client.add(0, me, &[("orders", &[0])]);
    assert_eq!(client.send(3, me, ("orders", 0), 1, "b"), ErrorCode::None);
    assert_eq!(client.end(0, me, true), ErrorCode::None);
    assert_eq!(client.committed("orders", 0), ["b"]);
}

#[test]
fn records_are_taken_only_where_a_transaction_is() {
    let (_served, mut client, me) = begun();
    let orders = ("orders", 0);
    assert_eq!(client.send(10, me, orders, 0, "a"), ErrorCode::InvalidTxnState);
    assert_eq!(client.send(11, me, orders, 0, "a"), ErrorCode::TransactionAbortable);
    client.add(3, me, &[("orders", &[1])]);
    assert_eq!(client.send(10, me, orders, 0, "a"), ErrorCode::InvalidTxnState, "another partition has it");
    assert_eq!(
        client.send(10, Me { id: me.id + 50, ..me }, ("orders", 1), 0, "a"),
        ErrorCode::InvalidProducerIdMapping
    );
    assert_eq!(
        client.send(10, Me { name: "nobody", ..me }, ("orders", 1), 0, "a"),
        ErrorCode::InvalidProducerIdMapping
    );
    assert_eq!(client.send(10, Me { epoch: 3, ..me }, ("orders", 1), 0, "a"), ErrorCode::InvalidProducerEpoch);
    let nameless = client.send_frame(10, None, ("orders", 1), frame((me.id, me.epoch, 0), None, "a"));
    assert_eq!(nameless, ErrorCode::TransactionalIdAuthorizationFailed);
    assert_eq!(client.send(10, me, ("orders", 1), 0, "a"), ErrorCode::None);
    assert_eq!(client.commit_offset(3, me, "readers", ("orders", 0, 7)), ErrorCode::InvalidTxnState);
    assert_eq!(client.commit_offset(4, me, "readers", ("orders", 0, 7)), ErrorCode::TransactionAbortable);
    client.add_group(me, "readers");
    assert_eq!(client.commit_offset(3, me, "readers", ("nothing", 0, 7)), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(client.add_group(me, ""), ErrorCode::InvalidGroupId);
    let codes = client.add(3, me, &[("orders", &[0, 5]), ("nothing", &[0])]);
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(codes, [ErrorCode::OperationNotAttempted, unknown, unknown]);
    assert_eq!((client.latest("orders", 0, 0), client.latest("orders", 1, 0)), (0, 1));
}

#[test]
fn another_life_fences_the_one_before() {
    let (served, mut client, me) = begun();
    client.add(3, me, &[("orders", &[0])]);
    client.send(9, me, ("orders", 0), 0, "a");
    let other = served.client().init("shop");
    assert_eq!((other.id, other.epoch), (me.id, 2), "one epoch was for the abort");
    assert_eq!(client.send(9, me, ("orders", 0), 1, "b"), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.end(1, me, true), ErrorCode::InvalidProducerEpoch, "old clients know no other name for it");
    assert_eq!(client.end(3, me, true), ErrorCode::ProducerFenced);
    assert_eq!(client.add(3, me, &[("orders", &[0])]), [ErrorCode::ProducerFenced]);
    assert_eq!(client.try_init(3, "shop", 60_000, (me.id, me.epoch)), Err(ErrorCode::InvalidProducerEpoch));
    assert_eq!(client.try_init(4, "shop", 60_000, (me.id, me.epoch)), Err(ErrorCode::ProducerFenced));
    assert_eq!(client.try_init(4, "shop", 60_000, (me.id, -1)), Err(ErrorCode::InvalidRequest));
    assert_eq!(client.try_init(4, "shop", 900_001, (-1, -1)), Err(ErrorCode::InvalidTransactionTimeout));
    assert_eq!(client.add(3, other, &[("orders", &[0])]), [ErrorCode::None]);
    assert_eq!(client.send(9, other, ("orders", 0), 0, "c"), ErrorCode::None);
    assert_eq!(client.end(3, other, true), ErrorCode::None);
    assert_eq!(client.committed("orders", 0), ["c"]);
    let recovered = client.try_init(4, "shop", 60_000, (other.id, other.epoch)).expect("nobody has come between");
    assert_eq!(recovered.epoch, other.epoch + 1);
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted() {
    let (_served, mut client, _) = begun();
    let me = client.try_init(4, "slow", 50, (-1, -1)).expect("it may");
    client.add(3, me, &[("orders", &[0])]);
    client.send(9, me, ("orders", 0), 0, "a");
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.states()[1].1 != "CompleteAbort" {
        assert!(Instant::now() < deadline, "{:?}", client.states());
        std::thread::yield_now();
    }
    assert_eq!(client.end(3, me, true), ErrorCode::ProducerFenced);
    assert!(client.committed("orders", 0).is_empty());
    assert_eq!(client.latest("orders", 0, 1), client.latest("orders", 0, 0));
}

#[test]
fn transactions_and_their_producers_are_told() {
    let (_served, mut client, me) = begun();
    client.init("other");
    client.add(3, me, &[("orders", &[1, 0])]);
    client.send(9, me, ("orders", 0), 0, "a");
    let ids = vec!["shop".to_owned(), "nobody".to_owned(), String::new()];
    let described = client.ask(0, &DescribeTransactionsRequest { transactional_ids: ids }).transaction_states;
    let shop = &described[0];
    assert_eq!((&*shop.transaction_state, shop.producer_id, shop.transaction_timeout_ms), ("Ongoing", me.id, 60_000));
    assert!(shop.transaction_start_time_ms > 0);
    let partitions: Vec<i32> = shop.topics.iter().flat_map(|topic| topic.partitions.clone()).collect();
    assert_eq!(partitions, [0, 1]);
    assert_eq!(code(described[1].error_code), ErrorCode::TransactionalIdNotFound);
    assert_eq!(code(described[2].error_code), ErrorCode::InvalidRequest);

    let topic = ProducersTopic { name: "orders".to_owned(), partition_indexes: vec![0, 9] };
    let producers = client.ask(0, &DescribeProducersRequest { topics: vec![topic] });
    let partitions = &producers.topics[0].partitions;
    let producer = &partitions[0].active_producers[0];
    assert_eq!((producer.producer_id, producer.last_sequence, producer.current_txn_start_offset), (me.id, 0, 0));
    assert_eq!(code(partitions[1].error_code), ErrorCode::UnknownTopicOrPartition);

    let mut list = |request: ListTransactionsRequest| {
        let answer = client.ask(2, &request);
        let ids: Vec<String> = answer.transaction_states.into_iter().map(|found| found.transactional_id).collect();
        (code(answer.error_code), ids, answer.unknown_state_filters)
    };
    let all = ListTransactionsRequest::default();
    assert_eq!(list(all.clone()).1, ["other", "shop"]);
    let states = vec!["Ongoing".to_owned(), "Asleep".to_owned()];
    assert_eq!(list(ListTransactionsRequest { state_filters: states, ..all.clone() }).1, ["shop"]);
    let unknown = list(ListTransactionsRequest { state_filters: vec!["Asleep".to_owned()], ..all.clone() });
    assert_eq!(unknown, (ErrorCode::None, vec![], vec!["Asleep".to_owned()]));
    assert_eq!(list(ListTransactionsRequest { producer_id_filters: vec![me.id], ..all.clone() }).1, ["shop"]);
    let like =
        |pattern: &str| ListTransactionsRequest { transactional_id_pattern: Some(pattern.into()), ..all.clone() };
    assert_eq!(list(like("sho")).1, [""; 0], "all of it has to match");
    assert_eq!(list(like("s.*|x")).1, ["shop"]);
    assert_eq!(list(like("(")).0, ErrorCode::InvalidRegularExpression);
    assert_eq!(list(ListTransactionsRequest { duration_filter: 1_000_000, ..all.clone() }).1, [""; 0]);
    let keys = vec!["shop".to_owned()];
    let coordinator =
        client.ask(4, &FindCoordinatorRequest { key_type: 1, coordinator_keys: keys, ..Default::default() });
    assert_eq!(code(coordinator.coordinators[0].error_code), ErrorCode::None);
}

/// What goes on goes on after a kill; what nobody knows of any more is aborted.
#[test]
fn transactions_outlive_a_kill() {
    let (served, mut client, me) = begun();
    client.add(3, me, &[("orders", &[0])]);
    client.send(9, me, ("orders", 0), 0, "a");
    let served = served.killed();
    let mut client = served.client();
    assert_eq!(client.latest("orders", 0, 1), 0);
    assert_eq!(client.send(9, me, ("orders", 0), 1, "b"), ErrorCode::None);
    assert_eq!(client.end(3, me, true), ErrorCode::None);
    assert_eq!(client.committed("orders", 0), ["a", "b"]);
    client.add(3, me, &[("orders", &[1])]);
    client.send(9, me, ("orders", 1), 0, "c");
    client.add_group(me, "readers");
    client.commit_offset(3, me, "readers", ("orders", 0, 7));
    std::fs::remove_file(served.folder.path().join("log/coordinator/transactions.log")).expect("it is there");
    let served = served.killed();
    let mut client = served.client();
    assert_eq!((client.latest("orders", 1, 1), client.committed("orders", 1)), (2, vec![]));
    assert_eq!(client.offset_of("readers", "orders", 0), Ok(-1));
}
