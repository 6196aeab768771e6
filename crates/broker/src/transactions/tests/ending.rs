//! What is part of a transaction, and how it ends.

use super::super::*;
use super::rig::*;

#[test]
fn a_transaction_has_what_was_added_to_it() {
    let (mut rig, producer) = Rig::begun();
    let check = |rig: &Rig, topic: &str| rig.coordinator.check_append(ID, producer, topic, 0);
    assert_eq!(check(&rig, "orders"), Err(TransactionError::NotAdded));
    rig.add(producer, "orders", 0).expect("it may");
    assert_eq!((rig.state(), check(&rig, "orders")), (State::Ongoing, Ok(())));
    assert_eq!(check(&rig, "sales"), Err(TransactionError::NotAdded));
    assert_eq!(rig.coordinator.check_offsets(ID, producer, "g"), Err(TransactionError::NotAdded));
    rig.add_group(producer, "g").expect("it may");
    assert_eq!(rig.coordinator.check_offsets(ID, producer, "g"), Ok(()));
    let records = rig.journal.len();
    rig.add(producer, "orders", 0).expect("it is there");
    rig.add_group(producer, "g").expect("it is there");
    assert_eq!(rig.journal.len(), records, "nothing has changed");
    let old = Producer { epoch: producer.epoch - 1, ..producer };
    assert_eq!(rig.coordinator.check_append(ID, old, "orders", 0), Err(TransactionError::Fenced));
    assert!(rig.coordinator.knows(producer, "orders", 0) && !rig.coordinator.knows(producer, "orders", 1));
    assert!(rig.coordinator.commits_offsets_of(producer.id) && !rig.coordinator.commits_offsets_of(7));
}

#[test]
fn a_decision_is_carried_out_once_and_for_all() {
    for is_commit in [true, false] {
        let (mut rig, producer) = Rig::begun();
        rig.add(producer, "orders", 1).expect("it may");
        rig.add(producer, "orders", 0).expect("it may");
        rig.add_group(producer, "g").expect("it may");
        assert_eq!(rig.coordinator.participants(ID).len(), 2);
        rig.end(producer, is_commit).expect("it may");
        assert_eq!(rig.end(producer, is_commit), Err(TransactionError::Concurrent));
        assert_eq!(rig.end(producer, !is_commit), Err(TransactionError::State));
        assert_eq!(rig.add(producer, "orders", 0), Err(TransactionError::Concurrent));
        assert_eq!(rig.init(None), Err(TransactionError::Concurrent));
        assert_eq!(rig.coordinator.check_append(ID, producer, "orders", 0), Err(TransactionError::Concurrent));
        let completion = rig.complete();
        let partitions = vec![("orders".to_owned(), 0), ("orders".to_owned(), 1)];
        let transactional_id = ID.to_owned();
        let expected = Completion { transactional_id, producer, is_commit, partitions, has_offsets: true };
        assert_eq!(completion, expected);
        let records = rig.journal.len();
        assert_eq!(rig.end(producer, is_commit), Ok(()), "it is told again");
        assert_eq!(rig.end(producer, !is_commit), Err(TransactionError::State));
        assert_eq!(rig.coordinator.completed(&completion, Vec::new(), 0), None, "it is over");
        assert_eq!(rig.journal.len(), records);
        rig.add(producer, "orders", 0).expect("the next one begins");
        assert_eq!(rig.coordinator.completed(&completion, Vec::new(), 0), None, "another has begun");
        assert_eq!(rig.coordinator.check_offsets(ID, producer, "g"), Err(TransactionError::NotAdded));
    }
}

#[test]
fn there_is_nothing_to_end_before_something_begins() {
    let (mut rig, producer) = Rig::begun();
    assert_eq!(rig.end(producer, true), Err(TransactionError::State));
    assert_eq!(rig.end(producer, false), Err(TransactionError::State));
    rig.add(producer, "orders", 0).expect("it may");
    rig.end(producer, true).expect("it may");
    rig.complete();
    let second = rig.init(None).expect("it may");
    assert_eq!(rig.end(second, true), Err(TransactionError::State), "that was an earlier life's");
}

#[test]
fn transactions_are_listed_by_what_is_asked() {
    let (mut rig, producer) = Rig::begun();
    rig.add(producer, "orders", 0).expect("it may");
    rig.now_ms += 500;
    let list = |filter: TransactionFilter| rig.coordinator.list(&filter, rig.now_ms).len();
    assert_eq!(list(TransactionFilter::default()), 1);
    assert_eq!(list(TransactionFilter { states: vec![State::Ongoing], ..Default::default() }), 1);
    assert_eq!(list(TransactionFilter { states: vec![State::Empty], ..Default::default() }), 0);
    assert_eq!(list(TransactionFilter { producer_ids: vec![producer.id], ..Default::default() }), 1);
    assert_eq!(list(TransactionFilter { producer_ids: vec![7], ..Default::default() }), 0);
    assert_eq!(list(TransactionFilter { running_ms: Some(499), ..Default::default() }), 1);
    assert_eq!(list(TransactionFilter { running_ms: Some(500), ..Default::default() }), 0);
}

#[test]
fn a_marker_that_is_owed_keeps_nobody_waiting_but_its_partition() {
    let (mut rig, producer) = Rig::begun();
    for partition in [0, 1] {
        rig.add(producer, "orders", partition).expect("it may");
    }
    rig.end(producer, true).expect("it may");
    let owed = rig.complete_owing(1);
    assert_eq!(rig.end(producer, true), Ok(()), "it has committed");
    assert_eq!(rig.add(producer, "orders", 1), Err(TransactionError::Concurrent));
    rig.add(producer, "orders", 0).expect("the next one begins");
    rig.end(producer, false).expect("it may");
    rig.complete();
    // Another life owes it too, over restarts, and however long nobody uses it.
    let next = rig.init(None).expect("it may");
    rig.restart();
    rig.pass(30 * 24 * 60 * 60 * 1_000);
    assert_eq!(rig.coordinator.owed(), [(ID.to_owned(), owed.clone())]);
    assert!(rig.coordinator.knows(producer, "orders", 1), "nobody else may abort it");
    assert!(!rig.coordinator.knows(producer, "orders", 0));
    assert_eq!(rig.add(next, "orders", 1), Err(TransactionError::Concurrent));
    let record = rig.coordinator.paid(ID, &owed);
    assert!(record.is_some());
    rig.keep(record);
    assert_eq!((rig.coordinator.owed().len(), rig.coordinator.paid(ID, &owed)), (0, None));
    rig.add(next, "orders", 1).expect("it has its marker");
}
