//! Old offsets go, and groups with nothing left.

use super::super::*;
use super::rig::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const CHECK_MS: i64 = 600_000;

#[test]
fn offsets_of_a_lone_consumer_go_after_their_commit() {
    let mut rig = Rig::eager();
    rig.commit(commit("", -1, "t", 1));
    rig.pass(3 * DAY_MS);
    rig.commit(commit("", -1, "u", 2));
    rig.pass(4 * DAY_MS - CHECK_MS);
    assert_eq!(rig.fetch("t", 0, false), Ok(1));
    rig.pass(2 * CHECK_MS);
    assert_eq!((rig.fetch("t", 0, false), rig.fetch("u", 0, false)), (Ok(-1), Ok(2)));
    rig.pass(3 * DAY_MS);
    assert_eq!(rig.state(), State::Dead, "the group went with its last offset");
    assert_eq!(rig.coordinator.snapshot(), []);
    assert_eq!(rig.coordinator.next_deadline(), None);
}

#[test]
fn offsets_of_a_group_go_after_its_last_member() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 1));
    for _ in 0..(10 * DAY_MS / 9_000) {
        assert_eq!(rig.heartbeat(&ids[0], 1), Ok(()));
        rig.pass(9_000);
    }
    assert_eq!(rig.fetch("t", 0, false), Ok(1), "members keep theirs, however old");
    rig.leave(&[(&ids[0], None)]);
    rig.pass(7 * DAY_MS - CHECK_MS);
    assert_eq!(rig.fetch("t", 0, false), Ok(1));
    rig.pass(2 * CHECK_MS);
    assert_eq!((rig.fetch("t", 0, false), rig.state()), (Ok(-1), State::Dead));
}

#[test]
fn topics_that_members_left_behind_go_while_they_live() {
    let mut rig = Rig::with(GroupConfig {
        initial_rebalance_delay_ms: 0,
        offsets_retention_ms: 60_000,
        offsets_retention_check_interval_ms: 5_000,
        ..GroupConfig::default()
    });
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 1));
    rig.commit(commit(&ids[0], 1, "left", 2));
    for _ in 0..10 {
        assert_eq!(rig.heartbeat(&ids[0], 1), Ok(()));
        rig.pass(7_000);
    }
    assert_eq!((rig.fetch("t", 0, false), rig.fetch("left", 0, false)), (Ok(1), Ok(-1)));
}

#[test]
fn a_client_may_say_how_long() {
    let mut rig = Rig::eager();
    let request = commit("", -1, "t", 1);
    rig.commit(CommitRequest { version: 4, retention_ms: Some(CHECK_MS), ..request });
    rig.pass(2 * CHECK_MS);
    assert_eq!(rig.fetch("t", 0, false), Ok(-1));
}

#[test]
fn what_a_transaction_may_still_change_stays() {
    let mut rig = Rig::eager();
    rig.commit(commit("", -1, "t", 1));
    rig.commit_in_transaction(7, commit("", -1, "t", 2));
    rig.pass(8 * DAY_MS);
    assert_eq!(rig.fetch("t", 0, false), Ok(1));
    rig.end_transaction(7, false);
    rig.pass(CHECK_MS);
    assert_eq!(rig.state(), State::Dead);
}

#[test]
fn an_empty_group_without_offsets_goes_unless_somebody_is_about_to_join() {
    let mut rig = Rig::with(GroupConfig {
        initial_rebalance_delay_ms: 0,
        offsets_retention_check_interval_ms: 7_000,
        ..GroupConfig::default()
    });
    let pending = rig.send_join(consumer());
    rig.pass(7_000);
    assert_eq!(rig.state(), State::Empty);
    let joined = rig.send_join(member(&rig.joined(pending).member_id));
    let ids = rig.sync_all(&[joined]);
    rig.leave(&[(&ids[0], None)]);
    rig.pass(7_000);
    assert_eq!(rig.state(), State::Dead);
    assert_eq!(rig.coordinator.next_deadline(), None, "nothing is left to wait for");
}
