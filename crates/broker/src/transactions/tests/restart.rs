//! A process that ends after any record.

use super::super::*;
use super::rig::*;

/// A producer that commits, aborts, and is replaced; after each record of that the process ends, and what comes next is told.
#[test]
fn a_restart_after_any_record_goes_on_where_it_stood() {
    let (mut rig, producer) = Rig::begun();
    let expect = |rig: &mut Rig, state: State, is_decided: bool| {
        rig.restart();
        assert_eq!(rig.state(), state);
        assert_eq!(rig.coordinator.decided().len(), usize::from(is_decided));
    };
    expect(&mut rig, State::Empty, false);
    for is_commit in [true, false] {
        rig.add(producer, "orders", 0).expect("it may");
        expect(&mut rig, State::Ongoing, false);
        rig.add_group(producer, "g").expect("it may");
        expect(&mut rig, State::Ongoing, false);
        assert_eq!(rig.coordinator.check_append(ID, producer, "orders", 0), Ok(()));
        rig.end(producer, is_commit).expect("it may");
        expect(&mut rig, State::prepare(is_commit), true);
        assert_eq!(rig.coordinator.decided()[0].partitions, [("orders".to_owned(), 0)]);
        rig.complete();
        expect(&mut rig, State::complete(is_commit), false);
        assert_eq!(rig.end(producer, is_commit), Ok(()), "the answer was lost with the process");
    }
    rig.add(producer, "orders", 0).expect("it may");
    let Ok(Init::Fence(record)) = rig.try_init(None) else { panic!("a transaction goes on") };
    rig.keep(Some(record));
    expect(&mut rig, State::PrepareAbort, true);
    assert_eq!(rig.add(producer, "orders", 0), Err(TransactionError::Fenced), "fenced, over a restart");
    rig.complete();
    expect(&mut rig, State::CompleteAbort, false);
    let next = rig.init(None).expect("it may");
    expect(&mut rig, State::Empty, false);
    assert_eq!(next.epoch, 2);
}

/// Time goes on while nobody is there.
#[test]
fn a_transaction_of_before_a_restart_is_timed_out() {
    let (mut rig, producer) = Rig::begun();
    rig.add(producer, "orders", 0).expect("it may");
    rig.restart();
    rig.pass(i64::from(TIMEOUT_MS) - 1);
    assert_eq!(rig.state(), State::Ongoing);
    rig.now_ms += 1_000_000;
    rig.restart();
    rig.pass(0);
    assert_eq!(rig.state(), State::PrepareAbort);
}
