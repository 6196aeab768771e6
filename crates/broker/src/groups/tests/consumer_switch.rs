//! A group without members is anybody's, whichever protocol they speak.

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

#[test]
fn an_empty_group_of_the_classic_protocol_becomes_one_of_the_newer_and_keeps_its_offsets() {
    let mut rig = Rig::eager();
    rig.set_topics(&[("t", 2)]);
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 7));
    let mut a = Consumer::new("a", &["t"]);
    assert_eq!(a.join(&mut rig), Err(GroupError::GroupIdNotFound), "it has members");
    rig.leave(&[(&ids[0], None)]);
    a.join(&mut rig).expect("it has none");
    assert_eq!((rig.fetch("t", 0, true), a.owned.len()), (Ok(7), 2));
    let token = rig.send_join(consumer());
    assert_eq!(rig.joined(token).error, Some(GroupError::InconsistentGroupProtocol), "and the other way round");
    assert_eq!(rig.heartbeat(&ids[0], 1), Err(GroupError::UnknownMemberId));
}

#[test]
fn an_empty_group_of_the_newer_protocol_becomes_a_classic_one_and_keeps_its_offsets() {
    let mut rig = Rig::eager();
    rig.set_topics(&[("t", 2)]);
    let mut a = Consumer::new("a", &["t"]);
    a.join(&mut rig).expect("it joins");
    rig.commit(commit("a", 1, "t", 7));
    a.leave(&mut rig, -1).expect("it leaves");
    let ids = rig.stable(1);
    assert_eq!((rig.state(), rig.fetch("t", 0, true)), (State::Stable, Ok(7)));
    assert_eq!(rig.try_described(), Err(GroupError::GroupIdNotFound));
    rig.restart();
    assert_eq!((rig.heartbeat(&ids[0], 1), rig.fetch("t", 0, true)), (Ok(()), Ok(7)));
}

#[test]
fn a_member_that_was_only_given_an_id_is_no_member() {
    let mut rig = Rig::eager();
    rig.set_topics(&[("t", 2)]);
    let pending = rig.send_join(consumer());
    let pending = rig.joined(pending).member_id;
    Consumer::new("a", &["t"]).join(&mut rig).expect("nobody has joined");
    let late = rig.send_join(member(&pending));
    assert_eq!(rig.joined(late).error, Some(GroupError::InconsistentGroupProtocol));
    rig.pass(i64::from(SESSION_MS));
    assert_eq!(rig.described().members.len(), 1);
}

#[test]
fn a_group_that_only_keeps_offsets_takes_members() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 2)]);
    rig.commit(commit("", -1, "t", 3));
    Consumer::new("a", &["t"]).join(&mut rig).expect("it joins");
    assert_eq!(rig.fetch("t", 0, true), Ok(3));
    assert_eq!(rig.describe().state, State::Dead);
}
