//! The newer protocol: every end of a transaction brings its producer another life.

use super::super::*;
use super::rig::*;

/// A producer with a partition in its transaction.
fn ongoing() -> (Rig, Producer) {
    let (mut rig, producer) = Rig::begun();
    rig.add(producer, "orders", 0).expect("it may");
    (rig, producer)
}

#[test]
fn an_end_is_decided_once_and_brings_the_next_epoch() {
    for is_commit in [true, false] {
        let (mut rig, first) = ongoing();
        let second = rig.renew(first, is_commit).expect("it may");
        assert_eq!((second, rig.state()), (Producer { id: first.id, epoch: 1 }, State::prepare(is_commit)));
        assert_eq!(rig.renew(first, is_commit), Err(TransactionError::Concurrent));
        assert_eq!(rig.renew(first, !is_commit), Err(TransactionError::State));
        assert_eq!(rig.renew(second, is_commit), Err(TransactionError::Fenced), "nobody was told of it yet");
        assert_eq!(rig.add(first, "orders", 1), Err(TransactionError::Fenced));
        assert_eq!(rig.add(second, "orders", 1), Err(TransactionError::Concurrent));
        assert_eq!(rig.init(None), Err(TransactionError::Concurrent));
        let completion = rig.complete();
        assert_eq!((completion.producer, completion.is_commit), (second, is_commit), "markers fence the transaction");
        assert_eq!(completion.partitions, [("orders".to_owned(), 0)]);

        let records = rig.journal.len();
        assert_eq!(rig.renew(first, is_commit), Ok(second), "the answer was lost");
        assert_eq!(rig.renew(first, !is_commit), Err(TransactionError::State));
        assert_eq!(rig.journal.len(), records, "nothing has changed");
        assert_eq!(rig.add(first, "orders", 1), Err(TransactionError::Fenced), "it comes too late for any transaction");
        rig.add(second, "orders", 1).expect("the next one begins");
        assert_eq!(rig.renew(first, is_commit), Err(TransactionError::Fenced), "its producer knew before it began");
        assert_eq!(rig.renew(second, true).map(|third| third.epoch), Ok(2));
    }
}

#[test]
fn an_abort_needs_no_transaction_and_a_commit_does() {
    let (mut rig, mut producer) = Rig::begun();
    for state in [State::Empty, State::CompleteAbort, State::CompleteCommit] {
        if state == State::CompleteCommit {
            rig.add(producer, "orders", 0).expect("it may");
            producer = rig.renew(producer, true).expect("it may");
            rig.complete();
        }
        assert_eq!(rig.state(), state);
        assert_eq!(rig.renew(producer, true), Err(TransactionError::State), "{state:?}");
        let next = rig.renew(producer, false).expect("it may");
        assert_eq!((next.epoch, rig.state()), (producer.epoch + 1, State::CompleteAbort), "{state:?}");
        assert_eq!(rig.coordinator.completion(ID), None, "there is nothing to carry out");
        assert_eq!(rig.renew(producer, false), Ok(next), "the answer was lost");
        assert_eq!(rig.renew(producer, true), Err(TransactionError::State));
        assert_eq!(
            rig.add(producer, "orders", 0),
            Err(TransactionError::Fenced),
            "what is under way belongs to nothing"
        );
        producer = next;
    }
}

#[test]
fn only_the_present_life_has_something_to_end() {
    let (mut rig, first) = Rig::begun();
    let second = rig.init(None).expect("it may");
    assert_eq!(rig.renew(first, false), Err(TransactionError::Fenced), "it was fenced, and did not end anything");
    rig.add(second, "orders", 0).expect("it may");
    rig.end(second, true).expect("it may");
    rig.complete();
    assert_eq!(rig.renew(first, true), Err(TransactionError::Fenced), "that was not its transaction");
    let later = Producer { epoch: second.epoch + 1, ..second };
    assert_eq!(rig.renew(later, false), Err(TransactionError::Fenced));
    let stranger = Producer { id: 5, ..second };
    assert_eq!(rig.renew(stranger, false), Err(TransactionError::IdMapping));
    let ask = |transactional_id| rig.coordinator.end_with_new_life(transactional_id, second, false, None, 0);
    assert_eq!(ask("nobody"), Err(TransactionError::IdMapping));
    assert_eq!(ask(""), Err(TransactionError::EmptyId));
}

/// A client that is brought up to date goes on with the same transactional id.
#[test]
fn both_protocols_are_spoken_beside_each_other() {
    let (mut rig, first) = ongoing();
    rig.end(first, true).expect("it may");
    rig.complete();
    assert_eq!(rig.end(first, true), Ok(()), "told again, by the older protocol");
    rig.add(first, "orders", 0).expect("it may");
    let second = rig.renew(first, true).expect("it may");
    rig.complete();
    assert_eq!(rig.end(first, true), Err(TransactionError::Fenced));
    assert_eq!(rig.end(second, true), Ok(()), "it has committed, and the older protocol knows nothing of lives");
    rig.add(second, "orders", 0).expect("it may");
    rig.end(second, false).expect("it may");
    rig.complete();
    assert_eq!(rig.renew(first, true), Err(TransactionError::Fenced));
    assert_eq!(rig.init(Some(second)).map(|third| third.epoch), Ok(2));
}

#[test]
fn epochs_that_are_used_up_lead_to_another_id() {
    for is_commit in [true, false] {
        let (mut rig, _) = ongoing();
        let last = rig.spend();
        rig.restart();
        let next = rig.renew(last, is_commit).expect("there are other ids");
        assert!(next.id != last.id && next.epoch == 0);
        rig.restart();
        assert_eq!(rig.renew(last, is_commit), Err(TransactionError::Concurrent));
        assert_eq!(rig.add(next, "orders", 0), Err(TransactionError::IdMapping), "nobody was told of it yet");
        assert!(rig.coordinator.knows(last, "orders", 0), "its markers are to come");
        let completion = rig.complete();
        assert_eq!(completion.producer, Producer { epoch: i16::MAX, ..last }, "the epoch that nobody has");
        rig.restart();
        assert_eq!(rig.renew(last, is_commit), Ok(next), "the answer was lost");
        assert_eq!(rig.renew(last, !is_commit), Err(TransactionError::State));
        assert_eq!(rig.init(Some(last)), Ok(next), "whoever asks for it so is told, too");
        assert_eq!(rig.add(last, "orders", 0), Err(TransactionError::IdMapping));
        rig.add(next, "orders", 0).expect("it may");
        assert_eq!(rig.renew(next, true), Ok(Producer { epoch: 1, ..next }));
    }
    let (mut rig, _) = Rig::begun();
    let last = rig.spend();
    let next = rig.renew(last, false).expect("there are other ids");
    assert!(next.id != last.id && next.epoch == 0, "nothing had begun");
    assert_eq!((rig.state(), rig.renew(last, false)), (State::CompleteAbort, Ok(next)));
}

#[test]
fn whoever_was_too_slow_aborts_and_goes_on() {
    let (mut rig, first) = ongoing();
    rig.pass(i64::from(TIMEOUT_MS));
    assert_eq!(rig.state(), State::PrepareAbort);
    assert_eq!(rig.add(first, "orders", 1), Err(TransactionError::Fenced));
    assert_eq!(rig.renew(first, false), Err(TransactionError::Concurrent));
    rig.complete();
    rig.restart();
    assert_eq!(rig.renew(first, true), Err(TransactionError::State), "its time was up");
    assert_eq!(rig.end(first, false), Err(TransactionError::Fenced), "by the older protocol that is its end");
    let second = rig.renew(first, false).expect("nobody has come between");
    assert_eq!(second.epoch, 1);
    rig.add(second, "orders", 0).expect("it goes on");

    rig.pass(i64::from(TIMEOUT_MS));
    rig.complete();
    let other = rig.init(None).expect("it may");
    assert_eq!(rig.renew(second, false), Err(TransactionError::Fenced), "somebody has come between");
    assert_eq!(other.epoch, 3);

    let last = rig.spend();
    rig.add(last, "orders", 0).expect("it may");
    rig.pass(i64::from(TIMEOUT_MS));
    rig.complete();
    assert_eq!(rig.renew(last, false), Err(TransactionError::Fenced), "no client has the last epoch");
    assert!(rig.init(None).expect("there are other ids").id != last.id);
}

#[test]
fn a_life_that_a_transaction_has_ended_is_told_the_next_until_that_goes_on() {
    let (mut rig, first) = ongoing();
    let second = rig.renew(first, true).expect("it may");
    rig.complete();
    assert_eq!(rig.init(Some(first)), Ok(second), "nobody has come between");
    assert_eq!(rig.renew(first, true), Err(TransactionError::Fenced), "it has begun anew since");
    rig.add(second, "orders", 0).expect("it may");
    assert_eq!(
        rig.init(Some(first)),
        Err(TransactionError::Fenced),
        "its records would be taken for those it has sent"
    );
    assert_eq!(rig.state(), State::Ongoing, "whoever is fenced changes nothing");
}

#[test]
fn a_restart_after_any_record_goes_on_where_it_stood() {
    let (mut rig, mut producer) = Rig::begun();
    for is_commit in [true, false] {
        rig.add(producer, "orders", 0).expect("it may");
        rig.restart();
        assert_eq!(rig.coordinator.check_append(ID, producer, "orders", 0), Ok(()));
        let next = rig.renew(producer, is_commit).expect("it may");
        rig.restart();
        assert_eq!(rig.coordinator.decided().len(), 1);
        assert_eq!((rig.coordinator.decided()[0].producer, rig.state()), (next, State::prepare(is_commit)));
        assert_eq!(rig.renew(producer, is_commit), Err(TransactionError::Concurrent));
        rig.complete();
        rig.restart();
        assert_eq!(rig.renew(producer, is_commit), Ok(next), "the answer was lost with the process");
        producer = next;
    }
}

/// A power cut has set the coordinator back.
#[test]
fn a_life_that_partitions_have_seen_is_not_given_out_again() {
    let seen = |rig: &Rig, producer: Producer, epoch| {
        let epochs = [(producer.id, epoch), (7, 9)].into_iter().collect();
        rig.coordinator.overtaken(&epochs, rig.now_ms)
    };
    let (mut rig, producer) = Rig::begun();
    assert!(rig.coordinator.producer_ids().contains(&producer.id));
    assert_eq!(seen(&rig, producer, 0), [], "there is nothing later");
    seen(&rig, producer, 3).into_iter().for_each(|record| rig.keep(Some(record)));
    assert_eq!(rig.init(None).map(|life| life.epoch), Ok(4));
    // What goes on may have gone on further than is known.
    let life = Producer { epoch: 4, ..producer };
    rig.add(life, "orders", 0).expect("it may");
    assert_eq!(seen(&rig, producer, 4), []);
    seen(&rig, producer, 6).into_iter().for_each(|record| rig.keep(Some(record)));
    assert_eq!(rig.state(), State::PrepareAbort);
    assert_eq!(seen(&rig, producer, 9), [], "what is decided is carried out first");
    assert_eq!(rig.complete().producer.epoch, 7);
    assert_eq!(rig.add(life, "orders", 0), Err(TransactionError::Fenced));
    assert_eq!(rig.init(None).map(|life| life.epoch), Ok(8));
}

/// Every life owes what an earlier one has left, whichever way it came about.
#[test]
fn what_is_owed_stays_owed_over_lives_and_ids() {
    let (mut rig, first) = ongoing();
    let second = rig.renew(first, true).expect("it may");
    let owed = rig.complete_owing(0);
    assert_eq!((owed.producer, owed.is_commit), (second, true), "it ends the life before");
    assert_eq!(rig.renew(first, true), Ok(second), "the answer was lost, and it has committed");
    assert_eq!(rig.renew(first, false), Err(TransactionError::State));
    let check = |rig: &Rig, life, what: &str| {
        assert_eq!(rig.coordinator.owed(), [(ID.to_owned(), owed.clone())], "{what}");
        assert!(rig.coordinator.knows(first, "orders", 0), "{what}: nobody else may abort it");
        let append = |partition| rig.coordinator.check_append(ID, life, "orders", partition);
        assert_eq!(append(0), Err(TransactionError::Concurrent), "{what}: it would be ended with what is owed");
        assert!(append(1) != Err(TransactionError::Concurrent), "{what}");
    };
    check(&rig, second, "the next life");
    let mut life = second;
    for ends in [true, false] {
        rig.add(life, "orders", 1).expect("it goes on elsewhere");
        check(&rig, life, "a transaction");
        life = rig.renew(life, ends).expect("it may");
        rig.restart();
        rig.complete();
        check(&rig, life, "its end");
        assert!(!rig.coordinator.knows(life, "orders", 1));
    }
    life = rig.renew(life, false).expect("it needs no transaction");
    check(&rig, life, "an abort of nothing");
    life = rig.init(Some(life)).expect("it may");
    check(&rig, life, "a life that was asked for");
    let epochs = [(life.id, life.epoch + 4)].into_iter().collect();
    rig.coordinator.overtaken(&epochs, rig.now_ms).into_iter().for_each(|record| rig.keep(Some(record)));
    life = rig.init(None).expect("it may");
    check(&rig, life, "a coordinator that was set back");
    rig.add(life, "orders", 1).expect("it goes on elsewhere");
    rig.pass(i64::from(TIMEOUT_MS));
    rig.complete();
    life = rig.renew(life, false).expect("nobody has come between");
    check(&rig, life, "a transaction that took too long");
    life = rig.spend();
    rig.add(life, "orders", 1).expect("it goes on elsewhere");
    life = rig.renew(life, true).expect("there are other ids");
    rig.complete();
    assert_ne!(life.id, first.id);
    check(&rig, life, "another id");
    life = rig.spend();
    let last = rig.init(None).expect("there are other ids");
    assert_ne!(life.id, last.id);
    check(&rig, last, "another id that was asked for");
    rig.keep(rig.coordinator.paid(ID, &owed));
    rig.add(last, "orders", 0).expect("it has its marker");
    assert_eq!(rig.coordinator.check_append(ID, last, "orders", 0), Ok(()));
    assert!(!rig.coordinator.knows(first, "orders", 0));
}

#[test]
fn more_than_one_marker_may_be_owed() {
    let (mut rig, first) = ongoing();
    let last = rig.spend();
    let second = rig.renew(last, true).expect("there are other ids");
    let one = rig.complete_owing(0);
    assert_eq!(one.producer, Producer { epoch: i16::MAX, ..first }, "the epoch that nobody has");
    rig.add(second, "orders", 1).expect("it goes on elsewhere");
    rig.renew(second, false).expect("it may");
    let other = rig.complete_owing(1);
    assert!(rig.coordinator.knows(first, "orders", 0) && rig.coordinator.knows(second, "orders", 1));
    assert!(!rig.coordinator.knows(second, "orders", 0) && !rig.coordinator.knows(first, "orders", 1), "each its own");
    rig.keep(rig.coordinator.paid(ID, &one));
    assert_eq!(rig.coordinator.owed(), [(ID.to_owned(), other)]);
}
