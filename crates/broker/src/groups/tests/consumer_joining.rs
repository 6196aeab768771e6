//! Joining: who may, what makes no sense, what a member is told.

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

#[test]
fn the_first_member_gets_everything_at_once() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 3), ("u", 2)]);
    let answer = rig.beat(Consumer::new("a", &["t", "nowhere"]).full()).expect("it joins");
    assert_eq!((answer.member_id.as_str(), answer.member_epoch, answer.heartbeat_interval_ms), ("a", 1, 5_000));
    assert_eq!(answer.assignment.map(|assignment| assignment.len()), Some(3));
    let described = rig.described();
    assert_eq!((described.state, described.epoch, described.assignment_epoch), (ConsumerState::Stable, 1, 1));
    assert_eq!(described.assignor, "uniform");
    assert_eq!(described.members[0].topics, ["nowhere", "t"]);
    assert_eq!(described.members[0].assignment, described.members[0].target);
}

#[test]
fn an_old_client_is_given_an_id() {
    let mut rig = Rig::new();
    let nameless = ConsumerHeartbeat { version: 0, id_seed: 7, ..Consumer::new("", &["t"]).full() };
    let answer = rig.beat(nameless.clone()).expect("it joins");
    assert_eq!(answer.member_id, "client-00000000-0000-0000-0000-000000000007");
    assert_eq!(rig.beat(ConsumerHeartbeat { version: 1, ..nameless }), Err(GroupError::InvalidRequest));
}

#[test]
fn heartbeats_that_make_no_sense_are_refused() {
    let mut rig = Rig::new();
    let full = Consumer::new("a", &["t"]).full();
    let some = |text: &str| Some(text.to_owned());
    let wrong = [
        ConsumerHeartbeat { group: String::new(), ..full.clone() },
        ConsumerHeartbeat { instance_id: some(""), ..full.clone() },
        ConsumerHeartbeat { rack_id: some(""), ..full.clone() },
        ConsumerHeartbeat { assignor: some(""), ..full.clone() },
        ConsumerHeartbeat { topics: None, ..full.clone() },
        ConsumerHeartbeat { owned: None, ..full.clone() },
        ConsumerHeartbeat { rebalance_timeout_ms: -1, ..full.clone() },
        ConsumerHeartbeat { member_epoch: -2, ..full.clone() },
        ConsumerHeartbeat { member_epoch: -3, ..full.clone() },
        ConsumerHeartbeat { member_epoch: 4, member_id: String::new(), ..full.clone() },
    ];
    for request in wrong {
        assert_eq!(rig.beat(request.clone()), Err(GroupError::InvalidRequest), "{request:?}");
    }
    let unknown = ConsumerHeartbeat { assignor: some("best"), ..full.clone() };
    assert_eq!(rig.beat(unknown), Err(GroupError::UnsupportedAssignor));
    let broken = ConsumerHeartbeat { regex: some("("), ..full };
    assert_eq!(rig.beat(broken), Err(GroupError::InvalidRegularExpression));
    assert_eq!(rig.try_described(), Err(GroupError::GroupIdNotFound), "nothing came of it");
}

#[test]
fn strangers_and_members_of_other_epochs_are_refused() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 2)]);
    let mut a = Consumer::new("a", &["t"]);
    a.epoch = 1;
    assert_eq!(rig.beat(a.short()), Err(GroupError::GroupIdNotFound));
    a.join(&mut rig).expect("it joins");
    let mut stranger = Consumer::new("b", &["t"]);
    stranger.epoch = 1;
    assert_eq!(rig.beat(stranger.short()), Err(GroupError::UnknownMemberId));
    for member_epoch in [0, 2, 9] {
        let request = ConsumerHeartbeat { member_epoch, ..a.short() };
        let expected = if member_epoch == 0 { GroupError::InvalidRequest } else { GroupError::FencedMemberEpoch };
        assert_eq!(rig.beat(request), Err(expected));
    }
    a.beat(&mut rig).expect("it is a member still");
}

#[test]
fn a_group_has_only_so_many_members() {
    let mut rig = Rig::with(GroupConfig { group_members_max: 1, ..GroupConfig::default() });
    let mut a = Consumer::new("a", &["t"]);
    a.join(&mut rig).expect("there is room");
    assert_eq!(Consumer::new("b", &["t"]).join(&mut rig), Err(GroupError::GroupMaxSizeReached));
    a.join(&mut rig).expect("its place is its own");
}

#[test]
fn patterns_find_topics_that_come_later() {
    let mut rig = Rig::new();
    rig.set_topics(&[("orders-1", 2), ("sales", 1)]);
    let mut a = Consumer { regex: Some("orders-.*".to_owned()), ..Consumer::new("a", &[]) };
    a.join(&mut rig).expect("it joins");
    assert_eq!(a.owned.len(), 2);
    rig.set_topics(&[("orders-1", 2), ("sales", 1), ("porders-2", 4)]);
    rig.settle(&mut [&mut a]);
    assert_eq!((a.owned.len(), rig.described().epoch), (2, 1), "what nobody subscribes to changes nothing");
    a.topics = vec!["sales".to_owned()];
    let answer = rig.beat(ConsumerHeartbeat { regex: Some(String::new()), ..a.full() });
    a.follow(answer.expect("it subscribes to something else"));
    rig.settle(&mut [&mut a]);
    assert_eq!((a.owned.len(), a.count("sales")), (1, 1));
}

#[test]
fn most_members_choose_the_assignor() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 4)]);
    let wants = |id: &str, name: &str| Consumer { assignor: Some(name.to_owned()), ..Consumer::new(id, &["t"]) };
    let (mut a, mut b, mut c) = (wants("a", "range"), wants("b", "uniform"), wants("c", "range"));
    for (consumer, expected) in [(&mut a, "range"), (&mut b, "uniform"), (&mut c, "range")] {
        consumer.join(&mut rig).expect("it joins");
        assert_eq!(rig.described().assignor, expected);
    }
    let target = rig.described().members.into_iter().map(|member| member.target.len()).collect::<Vec<_>>();
    assert_eq!(target, [2, 1, 1]);
}

#[test]
fn groups_are_listed_with_their_types() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 1)]);
    Consumer::new("a", &["t"]).join(&mut rig).expect("it joins");
    let token = rig.token();
    let request = ListGroupsRequest { states: vec!["stable".to_owned()], types: vec!["CONSUMER".to_owned()] };
    let out = rig.coordinator.list_groups(token, &request);
    rig.take(out);
    let expected = ListedGroup {
        group: GROUP.to_owned(),
        protocol_type: "consumer".to_owned(),
        state: "Stable",
        group_type: "consumer",
    };
    assert_eq!(rig.reply(token), Some(&Reply::ListGroups(Ok(vec![expected]))));
    assert_eq!(rig.describe().error, Some(GroupError::GroupIdNotFound), "it is none of the classic protocol");
}
