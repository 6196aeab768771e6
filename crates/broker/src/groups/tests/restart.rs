//! A restart in the middle of every state.

use super::super::*;
use super::rig::*;

#[test]
fn a_stable_group_goes_on() {
    let mut rig = Rig::eager();
    let ids = rig.stable(2);
    rig.commit(commit(&ids[0], rig.generation(), "t", 4));
    let generation = rig.generation();
    rig.restart();
    assert_eq!((rig.state(), rig.generation()), (State::Stable, generation));
    rig.pass(i64::from(SESSION_MS) - 1);
    assert_eq!(rig.heartbeat(&ids[0], generation), Ok(()), "its session began with the restart");
    let token = rig.send_sync(&ids[0], generation, &[]);
    assert_eq!(rig.synced(token), Ok(ids[0].clone()));
    assert_eq!(rig.fetch("t", 0, true), Ok(4));
    rig.pass(1);
    assert_eq!(rig.state(), if ids.len() > 1 { State::PreparingRebalance } else { State::Stable });
}

#[test]
fn who_does_not_come_back_is_gone() {
    let mut rig = Rig::eager();
    rig.stable(1);
    rig.restart();
    rig.pass(i64::from(SESSION_MS));
    assert_eq!(rig.state(), State::Empty);
}

#[test]
fn a_rebalance_that_was_begun_is_forgotten() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let joiner = rig.enter(consumer());
    assert_eq!(rig.state(), State::PreparingRebalance);
    rig.restart();
    assert!(rig.is_waiting(joiner), "its connection is gone");
    assert_eq!((rig.state(), rig.heartbeat(&ids[0], 1)), (State::Stable, Ok(())));
    assert_eq!(rig.describe().members.len(), 1);
}

#[test]
fn a_generation_without_assignments_is_forgotten() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let joiner = rig.enter(consumer());
    rig.send_join(member(&ids[0]));
    let joiner = rig.joined(joiner).member_id;
    assert_eq!((rig.state(), rig.generation()), (State::CompletingRebalance, 2));
    rig.restart();
    assert_eq!((rig.state(), rig.generation()), (State::Stable, 1));
    assert_eq!(rig.heartbeat(&ids[0], 2), Err(GroupError::IllegalGeneration));
    assert_eq!(rig.heartbeat(&joiner, 2), Err(GroupError::UnknownMemberId));
    assert_eq!(rig.commit(commit(&ids[0], 2, "t", 1)), [Some(GroupError::IllegalGeneration)]);
}

#[test]
fn a_first_rebalance_leaves_an_empty_group() {
    let mut rig = Rig::new();
    rig.enter(consumer());
    rig.restart();
    assert_eq!((rig.state(), rig.generation()), (State::Empty, 0));
    let token = rig.enter(consumer());
    rig.pass(3_000);
    assert_eq!(rig.joined(token).generation, 1);
}

#[test]
fn an_empty_group_stays_empty_since_when_it_was() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 4));
    rig.leave(&[(&ids[0], None)]);
    let since_ms = rig.now_ms;
    rig.pass(1_000_000);
    rig.restart();
    let group = &rig.coordinator.groups[GROUP];
    assert_eq!((group.state, group.generation, group.state_since_ms), (State::Empty, 2, since_ms));
}

#[test]
fn a_deleted_group_stays_deleted() {
    let mut rig = Rig::eager();
    rig.commit(commit("", -1, "t", 4));
    rig.delete_group(GROUP);
    rig.restart();
    assert_eq!(rig.state(), State::Dead);
}

#[test]
fn a_restarted_static_member_keeps_its_place_and_its_new_id() {
    let mut rig = Rig::eager();
    let token = rig.enter(named("i"));
    rig.sync_all(&[token]);
    let token = rig.send_join(named("i"));
    let id = rig.joined(token).member_id;
    rig.restart();
    assert_eq!(rig.heartbeat(&id, 1), Ok(()));
    let token = rig.send_join(named("i"));
    assert_eq!((rig.joined(token).generation, rig.joined(token).skip_assignment), (1, true));
}

#[test]
fn a_member_that_joins_again_after_a_restart_causes_no_rebalance() {
    let mut rig = Rig::new();
    let both = vec![protocol("range", &["t"]), protocol("sticky", &["t"])];
    let offer = JoinRequest { protocols: both, ..consumer() };
    let tokens = [rig.enter(offer.clone()), rig.enter(offer.clone())];
    rig.pass(6_000);
    let ids = rig.sync_all(&tokens);
    rig.restart();
    let token = rig.send_join(JoinRequest { member_id: ids[1].clone(), ..offer });
    assert_eq!((rig.joined(token).generation, rig.state()), (1, State::Stable));
}

#[test]
fn a_group_that_is_too_large_after_a_restart_is_made_smaller() {
    let mut rig = Rig::new();
    let tokens = [rig.enter(consumer()), rig.enter(consumer()), rig.enter(consumer())];
    rig.pass(6_000);
    let ids = rig.sync_all(&tokens);
    let config = GroupConfig { group_members_max: 2, ..GroupConfig::default() };
    rig.coordinator = Coordinator::new(config);
    rig.restart();
    assert_eq!(rig.state(), State::PreparingRebalance);
    let joins: Vec<Token> = ids.iter().map(|id| rig.send_join(member(id))).collect();
    assert_eq!(rig.joined(joins[2]).error, Some(GroupError::GroupMaxSizeReached));
    assert_eq!((rig.joined(joins[0]).generation, rig.joined(joins[1]).generation), (2, 2));
}

#[test]
fn a_snapshot_is_as_good_as_all_records() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 1));
    rig.commit(commit(&ids[0], 1, "t", 2));
    rig.commit_in_transaction(7, commit(&ids[0], 1, "u", 3));
    rig.enter(consumer());
    let snapshot = rig.coordinator.snapshot();
    assert_eq!(snapshot.len(), 3, "a group, an offset, a pending offset");
    assert_eq!(rig.replayed(&snapshot).snapshot(), snapshot);
    assert_eq!(rig.replayed(&rig.journal).snapshot(), snapshot);
}
