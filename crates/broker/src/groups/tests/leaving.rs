//! Leaving, and connections that break.

use super::super::*;
use super::rig::*;

#[test]
fn the_others_join_again_when_one_leaves() {
    let mut rig = Rig::eager();
    let ids = {
        let first = rig.stable(1);
        let b = rig.enter(consumer());
        let a = rig.send_join(member(&first[0]));
        rig.sync_all(&[a, b])
    };
    assert_eq!(rig.leave(&[(&ids[0], None)]), [None]);
    assert_eq!(rig.heartbeat(&ids[1], 2), Err(GroupError::RebalanceInProgress));
    let again = rig.send_join(member(&ids[1]));
    assert_eq!(rig.joined(again).generation, 3);
    assert_eq!(rig.joined(again).leader, ids[1], "the leader left");
}

#[test]
fn the_last_to_leave_empties_the_group() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    assert_eq!(
        rig.leave(&[(&ids[0], None), ("nobody", None), ("", None)]),
        [None, Some(GroupError::UnknownMemberId), Some(GroupError::UnknownMemberId)]
    );
    assert_eq!((rig.state(), rig.generation()), (State::Empty, 2));
    assert_eq!(rig.leave(&[(&ids[0], None)]), [Some(GroupError::UnknownMemberId)]);
    let back = rig.enter(consumer());
    assert_eq!(rig.joined(back).generation, 3, "generations go on");
}

#[test]
fn nobody_leaves_a_group_that_is_not_there() {
    let mut rig = Rig::eager();
    assert_eq!(rig.leave(&[("nobody", None)]), [Some(GroupError::UnknownMemberId)]);
}

#[test]
fn a_leaving_member_that_waits_is_answered() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let waiting = rig.enter(consumer());
    let id = rig.coordinator.groups[GROUP].members.ids().into_iter().find(|id| *id != ids[0]).expect("it joined");
    assert_eq!(rig.leave(&[(&id, None)]), [None]);
    assert_eq!(rig.joined(waiting).error, Some(GroupError::UnknownMemberId));
    let again = rig.send_join(member(&ids[0]));
    assert_eq!(rig.joined(again).generation, 2);
}

#[test]
fn a_leaving_member_that_waits_for_its_assignment_is_answered() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(6_000);
    let follower = rig.joined(tokens[1]).member_id;
    let waiting = rig.send_sync(&follower, 1, &[]);
    assert_eq!(rig.leave(&[(&follower, None)]), [None]);
    assert_eq!(rig.synced(waiting), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_pending_member_can_leave() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let pending = rig.send_join(consumer());
    let pending = rig.joined(pending).member_id;
    let leader = rig.send_join(member(&ids[0]));
    assert!(rig.is_waiting(leader), "who has an id is waited for");
    assert_eq!(rig.leave(&[(&pending, None)]), [None]);
    assert_eq!(rig.joined(leader).generation, 2);
    let late = rig.send_join(member(&pending));
    assert_eq!(rig.joined(late).error, Some(GroupError::UnknownMemberId));
}

#[test]
fn a_cancelled_join_counts_for_nothing() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let joiner = rig.enter(consumer());
    rig.cancel(joiner);
    rig.cancel(joiner);
    let leader = rig.send_join(member(&ids[0]));
    assert!(rig.is_waiting(leader), "it may come back");
    rig.pass(i64::from(SESSION_MS));
    assert_eq!(rig.joined(leader).members.len(), 1, "it did not");
    assert_eq!(rig.coordinator.waiting_requests(), 0);
}

#[test]
fn who_comes_back_after_a_broken_connection_is_in() {
    let mut rig = Rig::eager();
    let ids = rig.stable(2);
    let joins: Vec<Token> = ids.iter().map(|id| rig.send_join(member(id))).collect();
    let leader = ids[0].clone();
    let generation = rig.joined(joins[0]).generation;
    let waiting = rig.send_sync(&ids[1], generation, &[]);
    rig.cancel(waiting);
    let again = rig.send_sync(&ids[1], generation, &[]);
    rig.send_sync(&leader, generation, &[(&ids[1], "F")]);
    assert_eq!(rig.synced(again), Ok("F".to_owned()));
}

#[test]
fn a_member_that_broke_off_while_it_waited_for_its_assignment_is_lost() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(6_000);
    let (leader, follower) = (rig.joined(tokens[0]).leader, rig.joined(tokens[1]).member_id);
    let waiting = rig.send_sync(&follower, 1, &[]);
    for _ in 0..20 {
        assert_eq!(rig.heartbeat(&leader, 1), Ok(()));
        rig.pass(1_000);
    }
    assert!(rig.is_waiting(waiting), "its session rests while it waits");
    rig.cancel(waiting);
    rig.send_sync(&leader, 1, &[(&follower, "F")]);
    for _ in 0..10 {
        assert_eq!(rig.heartbeat(&leader, 1), Ok(()));
        rig.pass(1_000);
    }
    assert_eq!(rig.heartbeat(&leader, 1), Err(GroupError::RebalanceInProgress));
}

#[test]
fn a_closed_coordinator_sends_everybody_away() {
    let mut rig = Rig::eager();
    let ids = rig.stable(2);
    let joining = rig.send_join(member(&ids[0]));
    let out = rig.coordinator.close();
    rig.take(out);
    assert_eq!(rig.joined(joining).error, Some(GroupError::NotCoordinator));
    assert_eq!(rig.coordinator.next_deadline(), None);
    assert_eq!(rig.heartbeat(&ids[1], 1), Err(GroupError::CoordinatorNotAvailable));
    let late = rig.send_join(consumer());
    assert_eq!(rig.joined(late).error, Some(GroupError::CoordinatorNotAvailable));
    assert_eq!(rig.commit(commit("", -1, "t", 1)), [Some(GroupError::CoordinatorNotAvailable)]);
}
