//! Static members: their places, and who may take them.

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

fn pair(rig: &mut Rig) -> (Consumer, Consumer) {
    rig.set_topics(&[("t", 4)]);
    let (mut a, mut b) = (Consumer::named("a", "first", &["t"]), Consumer::named("b", "second", &["t"]));
    a.join(rig).expect("it joins");
    b.join(rig).expect("it joins");
    rig.settle(&mut [&mut a, &mut b]);
    (a, b)
}

#[test]
fn a_place_is_kept_for_who_comes_back_in_time() {
    let mut rig = Rig::new();
    let (mut a, mut b) = pair(&mut rig);
    let (read, epoch) = (a.owned.clone(), rig.described().epoch);
    assert_eq!(a.leave(&mut rig, -2).map(|answer| answer.member_epoch), Ok(-2));
    b.beat(&mut rig).expect("it is alive");
    assert_eq!((b.owned.len(), rig.described().epoch), (2, epoch), "nobody else gets its partitions");
    let mut again = Consumer::named("a2", "first", &["t"]);
    again.join(&mut rig).expect("its place is free");
    assert_eq!((again.owned, again.epoch), (read, epoch));
    assert_eq!(rig.beat(a.short()), Err(GroupError::FencedInstanceId), "whoever was there before is fenced");
}

#[test]
fn a_place_that_is_not_left_cannot_be_taken() {
    let mut rig = Rig::new();
    let (a, mut b) = pair(&mut rig);
    let mut thief = Consumer::named("thief", "first", &["t"]);
    assert_eq!(thief.join(&mut rig), Err(GroupError::UnreleasedInstanceId));
    rig.beat(a.short()).expect("it has its place");
    rig.pass(CONSUMER_SESSION_MS - 1);
    b.beat(&mut rig).expect("it is alive");
    assert_eq!(thief.join(&mut rig), Err(GroupError::UnreleasedInstanceId));
    rig.pass(1);
    thief.join(&mut rig).expect("its session is over");
    rig.settle(&mut [&mut thief, &mut b]);
    assert_eq!(thief.owned.len(), 2);
}

#[test]
fn who_does_not_come_back_in_time_loses_its_place() {
    let mut rig = Rig::new();
    let (mut a, mut b) = pair(&mut rig);
    a.leave(&mut rig, -2).expect("it leaves for a while");
    for _ in 0..9 {
        rig.pass(CONSUMER_SESSION_MS / 9);
        b.beat(&mut rig).expect("it is alive");
    }
    rig.settle(&mut [&mut b]);
    assert_eq!(b.owned.len(), 4);
}

#[test]
fn what_is_another_members_cannot_be_said_or_left() {
    let mut rig = Rig::new();
    let (a, _b) = pair(&mut rig);
    let other = ConsumerHeartbeat { instance_id: Some("second".to_owned()), ..a.short() };
    assert_eq!(rig.beat(other.clone()), Err(GroupError::FencedInstanceId));
    assert_eq!(rig.beat(ConsumerHeartbeat { member_epoch: -1, ..other }), Err(GroupError::FencedInstanceId));
    let unknown = ConsumerHeartbeat { instance_id: Some("third".to_owned()), ..a.short() };
    assert_eq!(rig.beat(unknown), Err(GroupError::UnknownMemberId));
    assert_eq!(rig.described().members.len(), 2);
}

#[test]
fn a_static_member_that_leaves_for_good_is_gone() {
    let mut rig = Rig::new();
    let (mut a, mut b) = pair(&mut rig);
    a.leave(&mut rig, -1).expect("it leaves");
    rig.settle(&mut [&mut b]);
    assert_eq!(b.owned.len(), 4);
    Consumer::named("c", "first", &["t"]).join(&mut rig).expect("the name is free");
}
