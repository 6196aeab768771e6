//! Static members: a place that outlives its process.

use super::super::*;
use super::rig::*;

/// A stable group of two static members, `a` leads.
fn pair(rig: &mut Rig) -> (String, String) {
    let a = rig.enter(named("a"));
    let first = rig.joined(a).member_id;
    rig.sync_all(&[a]);
    let b = rig.enter(named("b"));
    let a = rig.send_join(JoinRequest { member_id: first.clone(), ..named("a") });
    let ids = rig.sync_all(&[a, b]);
    assert_eq!(ids[0], first);
    (ids[0].clone(), ids[1].clone())
}

#[test]
fn a_restarted_follower_gets_its_assignment_back() {
    let mut rig = Rig::eager();
    let (a, b) = pair(&mut rig);
    let generation = rig.generation();
    let records = rig.journal.len();
    let token = rig.send_join(named("b"));
    let answer = rig.joined(token);
    assert_eq!((answer.error, answer.generation, answer.skip_assignment), (None, generation, false));
    assert_ne!(answer.member_id, b);
    assert_eq!((answer.leader.as_str(), answer.members.len()), (a.as_str(), 0));
    assert_eq!(rig.journal.len(), records + 1, "the new id is written");
    let token = rig.send_sync(&answer.member_id, generation, &[]);
    assert_eq!(rig.synced(token), Ok(b.clone()), "what the old process had");
    assert_eq!(rig.heartbeat(&a, generation), Ok(()), "no rebalance");
    assert_eq!(rig.heartbeat(&b, generation), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_restarted_leader_skips_the_assignment() {
    let mut rig = Rig::eager();
    pair(&mut rig);
    let token = rig.send_join(named("a"));
    let answer = rig.joined(token);
    assert!(answer.skip_assignment);
    assert_eq!((&answer.leader, answer.members.len()), (&answer.member_id, 2));
}

#[test]
fn an_old_leader_is_told_that_it_follows() {
    let mut rig = Rig::eager();
    let (a, _) = pair(&mut rig);
    let token = rig.send_join(JoinRequest { version: 8, ..named("a") });
    let answer = rig.joined(token);
    assert_eq!((answer.leader, answer.skip_assignment, answer.members.len()), (a, false, 0));
    assert_ne!(answer.member_id, "");
}

#[test]
fn the_old_process_is_fenced() {
    let mut rig = Rig::eager();
    let (a, _) = pair(&mut rig);
    let generation = rig.generation();
    rig.send_join(named("a"));
    let name = Some("a".to_owned());
    let fenced = Some(GroupError::FencedInstanceId);
    let request = HeartbeatRequest { instance_id: name.clone(), ..heartbeat(&a, generation) };
    assert_eq!(rig.send_heartbeat(&request).err(), fenced);
    let token = rig.send_join(JoinRequest { member_id: a.clone(), ..named("a") });
    assert_eq!(rig.joined(token).error, fenced);
    let token = rig.token();
    let request = SyncRequest { instance_id: name.clone(), ..sync(&a, generation) };
    let out = rig.coordinator.sync(token, request, rig.now_ms);
    rig.take(out);
    assert_eq!(rig.synced(token).err(), fenced);
    let request = CommitRequest { instance_id: name, ..commit(&a, generation, "t", 1) };
    assert_eq!(rig.commit(request.clone()), [fenced]);
    assert_eq!(rig.commit_in_transaction(1, request), [fenced]);
    assert_eq!(rig.leave(&[(&a, Some("a"))]), [fenced]);
    let unknown = HeartbeatRequest { instance_id: Some("x".to_owned()), ..heartbeat(&a, generation) };
    assert_eq!(rig.send_heartbeat(&unknown), Err(GroupError::UnknownMemberId));
}

#[test]
fn the_old_process_is_fenced_while_it_waits() {
    let mut rig = Rig::eager();
    let (a, b) = pair(&mut rig);
    let waiting = rig.send_join(JoinRequest { member_id: a, ..named("a") });
    let new = rig.send_join(named("a"));
    assert_eq!(rig.joined(waiting).error, Some(GroupError::FencedInstanceId));
    rig.send_join(JoinRequest { member_id: b.clone(), ..named("b") });
    let generation = rig.joined(new).generation;
    let waiting = rig.send_sync(&b, generation, &[]);
    rig.send_join(named("b"));
    assert_eq!(rig.synced(waiting), Err(GroupError::FencedInstanceId));
    assert_eq!(rig.state(), State::PreparingRebalance, "the leader assigns to an id that is gone");
}

#[test]
fn another_protocol_than_the_chosen_one_causes_a_rebalance() {
    let mut rig = Rig::eager();
    let both = vec![protocol("x", &["t"]), protocol("y", &["t"])];
    let token = rig.enter(JoinRequest { protocols: both, ..named("a") });
    assert_eq!(rig.joined(token).protocol.as_deref(), Some("x"));
    rig.sync_all(&[token]);
    let token = rig.send_join(JoinRequest { protocols: vec![protocol("y", &["t"])], ..named("a") });
    let answer = rig.joined(token);
    assert_eq!((answer.generation, answer.protocol.as_deref()), (2, Some("y")));
}

#[test]
fn a_static_member_is_kept_over_a_rebalance_until_its_session_ends() {
    let mut rig = Rig::eager();
    let (a, b) = pair(&mut rig);
    let generation = rig.generation();
    let shortly = JoinRequest { rebalance_timeout_ms: 3_000, ..member(&a) };
    rig.send_join(JoinRequest { instance_id: Some("a".to_owned()), ..shortly });
    rig.pass(i64::from(SESSION_MS));
    // `b` was not heard of for longer than its session.
    let ids = rig.coordinator.groups[GROUP].members.ids();
    assert_eq!(ids, [a]);
    assert_eq!(rig.heartbeat(&b, generation), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_static_member_can_be_removed_by_its_name() {
    let mut rig = Rig::eager();
    let (a, _) = pair(&mut rig);
    let generation = rig.generation();
    assert_eq!(rig.leave(&[("", Some("b")), ("", Some("x"))]), [None, Some(GroupError::UnknownMemberId)]);
    assert_eq!(rig.heartbeat(&a, generation), Err(GroupError::RebalanceInProgress));
    assert_eq!(rig.coordinator.groups[GROUP].members.len(), 1);
}

#[test]
fn a_group_of_absent_static_members_ends_with_their_sessions() {
    let mut rig = Rig::eager();
    let (a, b) = pair(&mut rig);
    let token = rig.send_join(JoinRequest { member_id: a, ..named("a") });
    rig.cancel(token);
    assert_eq!(rig.heartbeat(&b, rig.generation()), Err(GroupError::RebalanceInProgress));
    // Long, and shorter than the time after which a group with nothing in it is forgotten.
    rig.pass(500_000);
    assert_eq!(rig.state(), State::Empty);
}
