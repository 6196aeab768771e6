//! New lives of producers.

use super::super::*;
use super::rig::*;

#[test]
fn every_life_has_the_next_epoch_and_fences_the_last() {
    let (mut rig, first) = Rig::begun();
    assert_eq!(first.epoch, 0);
    let second = rig.init(None).expect("it may");
    assert_eq!(second, Producer { id: first.id, epoch: 1 });
    assert_eq!(rig.add(first, "orders", 0), Err(TransactionError::Fenced));
    assert_eq!(rig.end(first, true), Err(TransactionError::Fenced));
    assert_eq!(rig.init(Some(first)), Err(TransactionError::Fenced), "somebody has come between");
    assert_eq!(rig.add(second, "orders", 0), Ok(()));
    let stranger = Producer { id: 5, epoch: 1 };
    assert_eq!(rig.add(stranger, "orders", 0), Err(TransactionError::IdMapping));
}

#[test]
fn what_an_earlier_life_has_begun_is_aborted_in_the_name_of_one_between() {
    let (mut rig, first) = Rig::begun();
    rig.add(first, "orders", 0).expect("it may");
    let Ok(Init::Fence(record)) = rig.try_init(None) else { panic!("a transaction goes on") };
    rig.keep(Some(record));
    assert_eq!(rig.try_init(None), Err(TransactionError::Concurrent));
    assert_eq!(rig.end(first, true), Err(TransactionError::Fenced));
    let completion = rig.complete();
    assert_eq!((completion.is_commit, completion.producer.epoch), (false, 1));
    assert_eq!(completion.partitions, [("orders".to_owned(), 0)]);
    assert_eq!(rig.init(None).map(|producer| producer.epoch), Ok(2));
}

#[test]
fn a_life_that_is_asked_for_again_is_the_same() {
    let (mut rig, first) = Rig::begun();
    let second = rig.init(Some(first)).expect("nobody has come between");
    assert_eq!(second.epoch, 1);
    let records = rig.journal.len();
    assert_eq!(rig.init(Some(first)), Ok(second), "the answer was lost");
    assert_eq!(rig.journal.len(), records);
    assert_eq!(rig.init(Some(second)).map(|producer| producer.epoch), Ok(2));
    assert_eq!(rig.init(Some(first)), Err(TransactionError::Fenced));
}

#[test]
fn a_life_that_recovers_aborts_what_it_has_begun_itself() {
    let (mut rig, first) = Rig::begun();
    rig.add(first, "orders", 0).expect("it may");
    let second = rig.init(Some(first)).expect("nobody has come between");
    assert_eq!((second.epoch, rig.state()), (1, State::CompleteAbort));
    assert_eq!(rig.init(Some(first)), Ok(second));
    rig.add(second, "orders", 0).expect("it may");
    let zombie = Producer { id: first.id, epoch: 7 };
    assert_eq!(rig.init(Some(zombie)), Err(TransactionError::Fenced));
    assert_eq!(rig.state(), State::Ongoing, "whoever is fenced changes nothing");
}

#[test]
fn epochs_that_are_used_up_lead_to_another_id() {
    let (mut rig, first) = Rig::begun();
    let last = rig.spend();
    let next = rig.init(None).expect("there are other ids");
    assert!(next.id != first.id && next.epoch == 0);
    assert_eq!(rig.add(last, "orders", 0), Err(TransactionError::IdMapping));
    // The last epoch fences whoever has a transaction, and nobody is given it.
    let last = rig.spend();
    rig.add(last, "orders", 0).expect("it may");
    let other = rig.init(None).expect("there are other ids");
    assert!(other.id != last.id && other.epoch == 0);
    // So it is for one that recovers, and asks twice.
    let last = rig.spend();
    rig.add(last, "orders", 0).expect("it may");
    let other = rig.init(Some(last)).expect("nobody has come between");
    assert!(other.id != last.id && other.epoch == 0);
    assert_eq!(rig.init(Some(last)), Ok(other));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let rig = Rig::new();
    let ask = |transactional_id: &str, timeout_ms| {
        let request = InitRequest { transactional_id: transactional_id.to_owned(), timeout_ms, known: None };
        rig.coordinator.init(&request, None, 0)
    };
    assert_eq!(ask("", 1), Err(TransactionError::EmptyId));
    for timeout_ms in [0, -1, 900_001] {
        assert_eq!(ask(ID, timeout_ms), Err(TransactionError::Timeout));
    }
    assert_eq!(ask(ID, 900_000), Ok(Init::WantsId));
    let nobody = Producer { id: 1, epoch: 0 };
    assert_eq!(rig.coordinator.end(ID, nobody, true, 0), Err(TransactionError::IdMapping));
    assert_eq!(rig.coordinator.add_group("", nobody, "g", 0), Err(TransactionError::EmptyId));
    assert_eq!(rig.coordinator.describe("").err(), Some(TransactionError::EmptyId));
    assert_eq!(rig.coordinator.describe(ID).err(), Some(TransactionError::NotFound));
}

/// An id that was forgotten is taken up by whoever remembers it.
#[test]
fn a_producer_that_nobody_knows_any_more_begins_anew() {
    let mut rig = Rig::new();
    let remembered = Producer { id: 7, epoch: 3 };
    let begun = rig.init(Some(remembered)).expect("nobody is there");
    assert_eq!((begun.id, begun.epoch), (101, 0));
    assert_eq!(rig.init(Some(remembered)), Ok(begun), "the answer was lost");
}
