//! Syncing and heartbeats: assignments, fencing by generation.

use super::super::*;
use super::rig::*;

#[test]
fn followers_wait_for_the_leader() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(10_000);
    let answers: Vec<JoinAnswer> = tokens.iter().map(|token| rig.joined(*token)).collect();
    let leader = answers[0].leader.clone();
    let followers: Vec<&str> = answers.iter().map(|a| a.member_id.as_str()).filter(|id| *id != leader).collect();
    let early = rig.send_sync(followers[0], 1, &[]);
    assert!(rig.is_waiting(early));
    let leading = rig.send_sync(&leader, 1, &[(&leader, "L"), (followers[0], "F"), ("nobody", "N")]);
    assert_eq!(rig.state(), State::Stable);
    assert_eq!((rig.synced(leading), rig.synced(early)), (Ok("L".to_owned()), Ok("F".to_owned())));
    let late = rig.send_sync(followers[1], 1, &[]);
    assert_eq!(rig.synced(late), Ok(String::new()), "the leader left it out");
    for id in [&leader, followers[0], followers[1]] {
        assert_eq!(rig.heartbeat(id, 1), Ok(()));
    }
}

#[test]
fn syncs_that_do_not_fit_are_refused() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let mut refused = |request: SyncRequest| {
        let token = rig.token();
        let out = rig.coordinator.sync(token, request, rig.now_ms);
        rig.take(out);
        rig.synced(token).err()
    };
    assert_eq!(refused(sync(&ids[0], 1)), None);
    assert_eq!(refused(sync(&ids[0], 0)), Some(GroupError::IllegalGeneration));
    assert_eq!(refused(sync(&ids[0], 2)), Some(GroupError::IllegalGeneration));
    assert_eq!(refused(sync("nobody", 1)), Some(GroupError::UnknownMemberId));
    let elsewhere = SyncRequest { group: "other".to_owned(), ..sync(&ids[0], 1) };
    assert_eq!(refused(elsewhere), Some(GroupError::UnknownMemberId));
    let nameless = SyncRequest { group: String::new(), ..sync(&ids[0], 1) };
    assert_eq!(refused(nameless), Some(GroupError::InvalidGroupId));
    let inconsistent = Some(GroupError::InconsistentGroupProtocol);
    assert_eq!(refused(SyncRequest { protocol_type: Some("x".to_owned()), ..sync(&ids[0], 1) }), inconsistent);
    assert_eq!(refused(SyncRequest { protocol: Some("x".to_owned()), ..sync(&ids[0], 1) }), inconsistent);
    let exact = SyncRequest { protocol: Some("range".to_owned()), ..sync(&ids[0], 1) };
    assert_eq!(refused(exact), None);
    let old = SyncRequest { protocol_type: None, ..sync(&ids[0], 1) };
    assert_eq!(refused(old), None);
}

#[test]
fn a_join_sends_those_who_wait_for_the_leader_back() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(10_000);
    let leader = rig.joined(tokens[0]).leader;
    let follower = rig.joined(tokens[1]).member_id;
    let waiting = rig.send_sync(&follower, 1, &[]);
    rig.enter(consumer());
    assert_eq!(rig.synced(waiting), Err(GroupError::RebalanceInProgress));
    let late = rig.send_sync(&leader, 1, &[(&leader, "L")]);
    assert_eq!(rig.synced(late), Err(GroupError::RebalanceInProgress));
    assert_eq!(rig.state(), State::PreparingRebalance);
}

#[test]
fn a_leader_that_never_syncs_is_gone() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(3_000);
    rig.pass(3_000);
    let leader = rig.joined(tokens[0]).leader;
    let follower = rig.joined(tokens[1]).member_id;
    let waiting = rig.send_sync(&follower, 1, &[]);
    // It is alive, but never brings the assignments.
    while rig.is_waiting(waiting) {
        assert_eq!(rig.heartbeat(&leader, 1), Ok(()));
        rig.pass(1_000);
    }
    assert_eq!(rig.synced(waiting), Err(GroupError::RebalanceInProgress));
    assert_eq!(rig.heartbeat(&leader, 1), Err(GroupError::UnknownMemberId));
    let again = rig.send_join(member(&follower));
    assert_eq!((rig.joined(again).generation, rig.joined(again).leader), (2, follower));
}

#[test]
fn a_follower_that_never_syncs_is_gone() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(6_000);
    let leader = rig.joined(tokens[0]).leader;
    let follower = rig.joined(tokens[1]).member_id;
    rig.send_sync(&leader, 1, &[(&leader, "L"), (&follower, "F")]);
    assert_eq!(rig.state(), State::Stable);
    for _ in 0..60 {
        assert_eq!(rig.state(), State::Stable);
        assert_eq!((rig.heartbeat(&leader, 1), rig.heartbeat(&follower, 1)), (Ok(()), Ok(())));
        rig.pass(1_000);
    }
    assert_eq!(rig.heartbeat(&follower, 1), Err(GroupError::UnknownMemberId));
    assert_eq!(rig.heartbeat(&leader, 1), Err(GroupError::RebalanceInProgress));
}

#[test]
fn of_two_syncs_of_one_member_the_later_counts() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(6_000);
    let leader = rig.joined(tokens[0]).leader;
    let follower = rig.joined(tokens[1]).member_id;
    let (first, second) = (rig.send_sync(&follower, 1, &[]), rig.send_sync(&follower, 1, &[]));
    assert_eq!(rig.synced(first), Err(GroupError::RebalanceInProgress));
    rig.send_sync(&leader, 1, &[(&follower, "F")]);
    assert_eq!(rig.synced(second), Ok("F".to_owned()));
}

#[test]
fn heartbeats_of_strangers_are_refused() {
    let mut rig = Rig::eager();
    assert_eq!(rig.heartbeat("nobody", 1), Err(GroupError::UnknownMemberId), "there is no group");
    let nameless = HeartbeatRequest { group: String::new(), ..heartbeat("nobody", 1) };
    assert_eq!(rig.send_heartbeat(&nameless), Err(GroupError::InvalidGroupId));
    let pending = rig.send_join(consumer());
    let pending = rig.joined(pending).member_id;
    assert_eq!(rig.heartbeat(&pending, 0), Err(GroupError::UnknownMemberId));
    let ids = rig.stable(1);
    assert_eq!(rig.heartbeat("nobody", 1), Err(GroupError::UnknownMemberId));
    assert_eq!(rig.heartbeat(&ids[0], 0), Err(GroupError::IllegalGeneration));
    assert_eq!(rig.heartbeat(&ids[0], 1), Ok(()));
}
