//! Restarts of a coordinator whose groups it assigns itself.

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

/// The coordinator begins anew with what was written, and is told of the topics again.
fn restart(rig: &mut Rig, topics: &[(&str, i32)]) {
    rig.restart();
    rig.set_topics(topics);
}

#[test]
fn members_go_on_where_they_were() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 4)]);
    let mut a = Consumer { regex: Some("x.*".to_owned()), ..Consumer::named("a", "first", &["t"]) };
    let mut b = Consumer { assignor: Some("range".to_owned()), ..Consumer::new("b", &["t"]) };
    a.join(&mut rig).expect("it joins");
    b.join(&mut rig).expect("it joins");
    rig.settle(&mut [&mut a, &mut b]);
    let before = rig.described();
    restart(&mut rig, &[("t", 4)]);
    assert_eq!(rig.described(), before);
    a.beat(&mut rig).expect("it is a member");
    b.beat(&mut rig).expect("it is a member");
    assert_eq!(rig.described(), before, "nothing has changed, so nothing moves");
    rig.pass(CONSUMER_SESSION_MS);
    assert_eq!(rig.described().state, ConsumerState::Empty, "sessions began with the restart");
}

#[test]
fn a_partition_on_its_way_is_not_lost() {
    let (mut rig, a, mut b) = pair();
    rig.beat(a.short()).expect("it is told to let go");
    restart(&mut rig, &[("t", 4)]);
    b.beat(&mut rig).expect("it is a member");
    assert_eq!(b.owned.len(), 0, "the other has not said that it let go");
    for _ in 0..12 {
        rig.beat(a.short()).expect("it is alive");
        b.beat(&mut rig).expect("it is alive");
        rig.pass(i64::from(REBALANCE_MS) / 12);
    }
    assert_eq!(rig.beat(a.short()), Err(GroupError::UnknownMemberId), "its time began with the restart");
    rig.settle(&mut [&mut b]);
    assert_eq!(b.owned.len(), 4);
}

#[test]
fn a_snapshot_is_as_good_as_all_records() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 4)]);
    let (mut a, mut b) = (Consumer::named("a", "first", &["t"]), Consumer::new("b", &["t"]));
    a.join(&mut rig).expect("it joins");
    rig.commit(commit("a", 1, "t", 1));
    b.join(&mut rig).expect("it joins");
    rig.beat(a.short()).expect("it is told to let go");
    Consumer::new("c", &["t"]).join(&mut rig).expect("it joins");
    b.leave(&mut rig, -1).expect("it leaves");
    let snapshot = rig.coordinator.snapshot();
    assert_eq!(snapshot.len(), 4, "a group, two members, an offset");
    assert_eq!(rig.replayed(&snapshot).snapshot(), snapshot);
    assert_eq!(rig.replayed(&rig.journal).snapshot(), snapshot);
}
