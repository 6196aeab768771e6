//! Partitions on their way from one member to another.

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

#[test]
fn a_partition_is_let_go_of_before_another_gets_it() {
    let (mut rig, mut a, mut b) = pair();
    assert_eq!((b.epoch, b.owned.len()), (2, 0), "the other still reads everything");
    assert_eq!(rig.described().state, ConsumerState::Reconciling);
    let told = rig.beat(a.short()).expect("it is told to let go");
    assert_eq!(told.member_epoch, 1, "it stays in its epoch until it has let go");
    assert_eq!(told.assignment.as_ref().map(Assignment::len), Some(2));
    let again = rig.beat(a.short()).expect("it is busy");
    assert_eq!((again.member_epoch, again.assignment), (1, None));
    let early = rig.beat(b.short()).expect("it waits");
    assert_eq!(early.assignment, None);
    a.owned = told.assignment.expect("just seen");
    let done = rig.beat(ConsumerHeartbeat { owned: Some(a.owned.clone()), ..a.short() }).expect("it has let go");
    assert_eq!(done.member_epoch, 2);
    a.epoch = 2;
    rig.settle(&mut [&mut a, &mut b]);
    assert_eq!((a.owned.len(), b.owned.len()), (2, 2));
    assert!(a.owned.is_disjoint(&b.owned));
}

#[test]
fn who_does_not_let_go_in_time_is_gone() {
    let (mut rig, a, mut b) = pair();
    rig.beat(a.short()).expect("it is told to let go");
    for _ in 0..11 {
        rig.pass(5_000);
        rig.beat(a.short()).expect("it is alive");
        b.beat(&mut rig).expect("it waits");
        assert_eq!(b.owned.len(), 0);
    }
    rig.pass(5_000);
    assert_eq!(rig.beat(a.short()), Err(GroupError::UnknownMemberId));
    rig.settle(&mut [&mut b]);
    assert_eq!(b.owned.len(), 4);
}

#[test]
fn a_silent_member_is_gone_and_what_it_read_is_free() {
    let (mut rig, mut a, mut b) = pair();
    rig.settle(&mut [&mut a, &mut b]);
    rig.pass(CONSUMER_SESSION_MS - 1);
    b.beat(&mut rig).expect("it is alive");
    rig.pass(1);
    rig.settle(&mut [&mut b]);
    assert_eq!(b.owned.len(), 4);
    assert_eq!(rig.beat(a.short()), Err(GroupError::UnknownMemberId));
    a.join(&mut rig).expect("it joins again");
    rig.settle(&mut [&mut a, &mut b]);
    assert_eq!((a.owned.len(), b.owned.len()), (2, 2));
}

#[test]
fn a_member_that_leaves_is_replaced_at_once() {
    let (mut rig, mut a, mut b) = pair();
    rig.settle(&mut [&mut a, &mut b]);
    assert_eq!(a.leave(&mut rig, -1).map(|answer| answer.member_epoch), Ok(-1));
    assert_eq!(rig.described().state, ConsumerState::Assigning);
    b.beat(&mut rig).expect("it is a member");
    assert_eq!(b.owned.len(), 4);
    b.leave(&mut rig, -1).expect("it leaves");
    assert_eq!((rig.described().state, rig.coordinator.timers.is_set(&session("b"))), (ConsumerState::Empty, false));
    assert_eq!(b.leave(&mut rig, -1), Err(GroupError::UnknownMemberId));
}

fn session(member: &str) -> super::super::timers::Timer {
    super::super::timers::Timer::Session { group: GROUP.to_owned(), member: member.to_owned() }
}

#[test]
fn a_lost_answer_is_given_again() {
    let (mut rig, mut a, _) = pair();
    a.beat(&mut rig).expect("it is told to let go");
    let told = ConsumerHeartbeat { owned: Some(a.owned.clone()), ..a.short() };
    assert_eq!(rig.beat(told.clone()).map(|answer| answer.member_epoch), Ok(2), "and this is lost");
    let again = rig.beat(told).expect("its last epoch is known");
    assert_eq!((again.member_epoch, again.assignment.map(|assignment| assignment.len())), (2, Some(2)));
    let too_much = ConsumerHeartbeat { owned: Some(&a.owned | &b_of(&rig)), ..a.short() };
    assert_eq!(rig.beat(too_much), Err(GroupError::FencedMemberEpoch), "it reads what is another's");
    let without = ConsumerHeartbeat { owned: None, ..a.short() };
    assert_eq!(rig.beat(without), Err(GroupError::FencedMemberEpoch), "nobody knows what it reads");
}

/// What `b` shall own.
fn b_of(rig: &Rig) -> Assignment {
    let consumer = rig.coordinator.groups[GROUP].consumer.as_ref().expect("it is such a group");
    let images: Vec<ConsumerMemberImage> = consumer.member_images().collect();
    images[1].target.clone()
}

#[test]
fn a_member_that_starts_anew_under_its_id_owns_nothing_until_it_is_told() {
    let (mut rig, mut a, mut b) = pair();
    rig.beat(a.short()).expect("it is told to let go");
    a.join(&mut rig).expect("it begins anew");
    assert_eq!((a.epoch, a.owned.len()), (2, 2), "which is as good as letting go");
    rig.settle(&mut [&mut a, &mut b]);
    assert_eq!((a.owned.len(), b.owned.len()), (2, 2));
}

#[test]
fn topics_grow_and_go() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 2), ("u", 2)]);
    let (mut a, mut b) = (Consumer::new("a", &["t", "u"]), Consumer::new("b", &["t", "u"]));
    a.join(&mut rig).expect("it joins");
    b.join(&mut rig).expect("it joins");
    rig.settle(&mut [&mut a, &mut b]);
    rig.set_topics(&[("t", 6), ("u", 2)]);
    rig.settle(&mut [&mut a, &mut b]);
    assert_eq!((a.owned.len(), b.owned.len()), (4, 4));
    rig.set_topics(&[("u", 2)]);
    rig.settle(&mut [&mut a, &mut b]);
    assert_eq!((a.owned.len(), b.owned.len(), a.count("t") + b.count("t")), (1, 1, 0));
}

#[test]
fn heartbeats_without_a_change_write_nothing() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 4)]);
    let mut a = Consumer::new("a", &["t"]);
    a.join(&mut rig).expect("it joins");
    a.beat(&mut rig).expect("it tells what it reads");
    let records = rig.journal.len();
    for _ in 0..5 {
        a.beat(&mut rig).expect("it is alive");
        rig.beat(a.full()).expect("it tells everything, which is known");
    }
    assert_eq!(rig.journal.len(), records);
}

#[test]
fn another_group_can_have_other_times() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 4)]);
    let timing = Timing { session_timeout_ms: 60_000, heartbeat_interval_ms: 9_000 };
    rig.coordinator.set_timings([(GROUP.to_owned(), timing)].into());
    let answer = rig.beat(Consumer::new("a", &["t"]).full()).expect("it joins");
    assert_eq!(answer.heartbeat_interval_ms, 9_000);
    rig.pass(59_999);
    assert_eq!(rig.described().state, ConsumerState::Stable);
    rig.pass(1);
    assert_eq!(rig.described().state, ConsumerState::Empty);
}
