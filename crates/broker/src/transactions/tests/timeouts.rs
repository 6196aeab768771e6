//! What happens when nobody does anything.

use super::super::*;
use super::rig::*;

#[test]
fn a_transaction_that_takes_too_long_aborts_and_its_producer_is_fenced() {
    let (mut rig, producer) = Rig::begun();
    rig.pass(5_000);
    rig.add(producer, "orders", 0).expect("it may");
    rig.pass(i64::from(TIMEOUT_MS) - 1);
    rig.add(producer, "orders", 1).expect("it goes on, and has no more time for it");
    assert_eq!(rig.state(), State::Ongoing);
    rig.pass(1);
    assert_eq!(rig.state(), State::PrepareAbort);
    assert_eq!(rig.end(producer, true), Err(TransactionError::Fenced));
    assert_eq!(rig.init(Some(producer)), Err(TransactionError::Fenced));
    assert!(rig.coordinator.knows(producer, "orders", 1), "its markers are to come");
    let completion = rig.complete();
    assert_eq!((completion.is_commit, completion.producer), (false, Producer { epoch: 1, ..producer }));
    assert_eq!(completion.partitions.len(), 2);
    assert!(!rig.coordinator.knows(producer, "orders", 1));
    assert_eq!(rig.end(producer, false), Err(TransactionError::Fenced));
    assert_eq!(rig.init(None).map(|producer| producer.epoch), Ok(2));
}

#[test]
fn what_is_decided_has_all_the_time_it_needs() {
    let (mut rig, producer) = Rig::begun();
    rig.add(producer, "orders", 0).expect("it may");
    rig.end(producer, true).expect("it may");
    rig.pass(30 * 24 * 60 * 60 * 1_000);
    assert_eq!((rig.state(), rig.coordinator.next_deadline()), (State::PrepareCommit, None));
    rig.complete();
    assert_eq!(rig.state(), State::CompleteCommit);
}

#[test]
fn an_id_that_nobody_uses_is_forgotten() {
    const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
    let (mut rig, producer) = Rig::begun();
    rig.pass(WEEK_MS - 1);
    rig.add(producer, "orders", 0).expect("it is known");
    rig.end(producer, true).expect("it may");
    rig.complete();
    rig.pass(WEEK_MS - 1);
    assert_eq!(rig.state(), State::CompleteCommit);
    rig.pass(1);
    assert_eq!(rig.coordinator.describe(ID).err(), Some(TransactionError::NotFound));
    assert_eq!((rig.coordinator.next_deadline(), rig.coordinator.snapshot().len()), (None, 0));
    assert_eq!(rig.add(producer, "orders", 0), Err(TransactionError::IdMapping));
    let again = rig.init(None).expect("nobody is there");
    assert!(again.id != producer.id, "records of the old life may be under way");
}
