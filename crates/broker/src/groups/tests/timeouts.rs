//! Sessions: who is silent for too long is gone.

use super::super::*;
use super::rig::*;

#[test]
fn a_silent_leader_is_replaced() {
    let mut rig = Rig::eager();
    let first = rig.stable(1);
    let b = rig.enter(consumer());
    let a = rig.send_join(member(&first[0]));
    let ids = rig.sync_all(&[a, b]);
    for _ in 0..10 {
        assert_eq!(rig.heartbeat(&ids[1], 2), Ok(()));
        rig.pass(1_000);
    }
    assert_eq!(rig.heartbeat(&ids[1], 2), Err(GroupError::RebalanceInProgress));
    let again = rig.send_join(member(&ids[1]));
    let answer = rig.joined(again);
    assert_eq!((answer.generation, answer.leader, answer.members.len()), (3, ids[1].clone(), 1));
}

#[test]
fn the_last_silent_member_empties_the_group() {
    let mut rig = Rig::eager();
    rig.stable(1);
    rig.pass(i64::from(SESSION_MS));
    assert_eq!(rig.state(), State::Empty);
}

#[test]
fn a_session_is_over_at_its_time_however_late_the_clock_wakes_the_coordinator() {
    let mut rig = Rig::eager();
    let token = rig.enter(named("a"));
    rig.sync_all(&[token]);
    rig.now_ms += i64::from(SESSION_MS);
    assert_eq!(rig.delete_group(GROUP), None, "nobody is in it any longer");

    let token = rig.enter(named("a"));
    let ids = rig.sync_all(&[token]);
    rig.now_ms += i64::from(SESSION_MS);
    assert_eq!(rig.heartbeat(&ids[0], 1), Err(GroupError::UnknownMemberId), "it is not brought back to life");
}

#[test]
fn sessions_rest_while_a_member_waits() {
    let mut rig = Rig::eager();
    let first = rig.stable(1);
    let b = rig.enter(consumer());
    let a = rig.send_join(member(&first[0]));
    let ids = rig.sync_all(&[a, b]);
    let generation = rig.generation();
    // The leader waits longer than its session for the other, who is alive but busy.
    let leader = rig.send_join(member(&ids[0]));
    for _ in 0..20 {
        assert_eq!(rig.heartbeat(&ids[1], generation), Err(GroupError::RebalanceInProgress));
        rig.pass(1_000);
    }
    assert!(rig.is_waiting(leader));
    rig.send_join(member(&ids[1]));
    assert_eq!(rig.joined(leader).generation, generation + 1);
    rig.pass(i64::from(SESSION_MS) - 1);
    assert_eq!(rig.heartbeat(&ids[0], generation + 1), Ok(()), "its session began anew with the answer");
}

#[test]
fn a_pending_member_expires() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let pending = rig.send_join(consumer());
    let pending = rig.joined(pending).member_id;
    let leader = rig.send_join(member(&ids[0]));
    rig.pass(i64::from(SESSION_MS) - 1);
    assert!(rig.is_waiting(leader));
    rig.pass(1);
    assert_eq!(rig.joined(leader).generation, 2);
    let late = rig.send_join(member(&pending));
    assert_eq!(rig.joined(late).error, Some(GroupError::UnknownMemberId));
}

#[test]
fn a_new_member_is_not_waited_for_without_end() {
    let mut rig = Rig::with(GroupConfig {
        initial_rebalance_delay_ms: 0,
        new_member_join_timeout_ms: 20_000,
        ..GroupConfig::default()
    });
    let ids = rig.stable(1);
    let new = rig.enter(consumer());
    for _ in 0..20 {
        assert!(rig.is_waiting(new));
        assert_eq!(rig.heartbeat(&ids[0], 1), Err(GroupError::RebalanceInProgress));
        rig.pass(1_000);
    }
    assert_eq!(rig.joined(new).error, Some(GroupError::UnknownMemberId));
}

#[test]
fn a_commit_is_a_sign_of_life() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    for offset in 0..5 {
        rig.pass(i64::from(SESSION_MS) - 1);
        assert_eq!(rig.commit(commit(&ids[0], 1, "t", offset)), [None]);
    }
    rig.pass(i64::from(SESSION_MS));
    assert_eq!(rig.commit(commit(&ids[0], 1, "t", 9)), [Some(GroupError::UnknownMemberId)]);
}

#[test]
fn a_rebalance_without_timeout_ends_at_once() {
    let mut rig = Rig::eager();
    let token = rig.enter(JoinRequest { rebalance_timeout_ms: 0, ..named("i") });
    let ids = rig.sync_all(&[token]);
    let hurried = rig.enter(JoinRequest { rebalance_timeout_ms: -5, ..consumer() });
    let out = rig.coordinator.tick(rig.now_ms + 1);
    rig.take(out);
    let answer = rig.joined(hurried);
    assert_eq!((answer.generation, answer.members.len()), (2, 2), "the static member stays");
    assert_eq!(answer.leader, answer.member_id);
    assert_ne!(answer.leader, ids[0]);
}
