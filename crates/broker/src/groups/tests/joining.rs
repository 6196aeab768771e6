//! Joining: ids, delays, votes, the leader.

use super::super::*;
use super::rig::*;

#[test]
fn a_member_without_an_id_has_to_come_back_with_one() {
    let mut rig = Rig::eager();
    let first = rig.send_join(consumer());
    let answer = rig.joined(first);
    assert_eq!(answer.error, Some(GroupError::MemberIdRequired));
    assert_eq!(answer.member_id, "client-00000000-0000-0000-0000-000000000001");
    assert_eq!(rig.state(), State::Empty);
    let second = rig.send_join(member(&answer.member_id));
    let answer = rig.joined(second);
    assert_eq!((answer.error, answer.generation), (None, 1));
    assert_eq!(answer.leader, answer.member_id);
    assert_eq!(answer.members.len(), 1);
    assert_eq!(rig.state(), State::CompletingRebalance);
}

#[test]
fn old_clients_and_static_members_join_at_once() {
    for request in [JoinRequest { version: 3, ..consumer() }, named("i")] {
        let mut rig = Rig::eager();
        let token = rig.send_join(request.clone());
        let answer = rig.joined(token);
        assert_eq!(answer.error, None);
        let start = request.instance_id.as_deref().unwrap_or("client");
        assert!(answer.member_id.starts_with(&format!("{start}-")), "{}", answer.member_id);
    }
}

#[test]
fn the_first_members_are_waited_for() {
    let mut rig = Rig::new();
    let a = rig.enter(consumer());
    rig.pass(2_000);
    let b = rig.enter(consumer());
    // The delay ends at 3,000, and is extended because of the second member; at 6,000 nobody new had come.
    rig.pass(3_999);
    assert!(rig.is_waiting(a) && rig.is_waiting(b));
    rig.pass(1);
    let (a, b) = (rig.joined(a), rig.joined(b));
    assert_eq!((a.generation, b.generation), (1, 1));
    assert_eq!(a.leader, a.member_id, "the first to come leads");
    assert_eq!((a.members.len(), b.members.len()), (2, 0));
    assert_eq!(a.protocol.as_deref(), Some("range"));
}

#[test]
fn the_delay_ends_with_the_rebalance_timeout() {
    let mut rig = Rig::new();
    let first = rig.enter(JoinRequest { rebalance_timeout_ms: 7_000, ..consumer() });
    for _ in 0..10 {
        assert!(rig.is_waiting(first));
        rig.enter(JoinRequest { rebalance_timeout_ms: 7_000, ..consumer() });
        rig.pass(699);
    }
    rig.pass(10);
    assert_eq!(rig.joined(first).generation, 1);
    assert_eq!(rig.joined(first).members.len(), 11);
}

#[test]
fn a_second_consumer_makes_the_first_join_again() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let b = rig.enter(consumer());
    assert_eq!(rig.state(), State::PreparingRebalance);
    assert_eq!(rig.heartbeat(&ids[0], 1), Err(GroupError::RebalanceInProgress));
    let a = rig.send_join(member(&ids[0]));
    let (a, b) = (rig.joined(a), rig.joined(b));
    assert_eq!((a.generation, b.generation), (2, 2));
    assert_eq!(a.leader, ids[0], "the leader stays");
    assert_eq!((a.members.len(), b.members.len()), (2, 0));
    assert_eq!(rig.heartbeat(&ids[0], 1), Err(GroupError::IllegalGeneration));
}

#[test]
fn a_member_that_does_not_join_in_time_is_gone() {
    let mut rig = Rig::eager();
    let ids = rig.stable(2);
    let joiner = rig.enter(consumer());
    rig.send_join(member(&ids[1]));
    // The leader sends heartbeats and does not join.
    for _ in 0..12 {
        assert!(rig.is_waiting(joiner));
        assert_eq!(rig.heartbeat(&ids[0], 2), Err(GroupError::RebalanceInProgress));
        rig.pass(i64::from(REBALANCE_MS) / 12);
    }
    let answer = rig.joined(joiner);
    assert_eq!(answer.generation, 3);
    assert_ne!(answer.leader, ids[0], "another leads");
    assert_eq!(rig.heartbeat(&ids[0], 3), Err(GroupError::UnknownMemberId));
}

#[test]
fn the_slowest_member_tells_how_long_to_wait() {
    let mut rig = Rig::eager();
    let slow = rig.enter(JoinRequest { rebalance_timeout_ms: 90_000, session_timeout_ms: 100_000, ..consumer() });
    rig.sync_all(&[slow]);
    let joiner = rig.enter(JoinRequest { rebalance_timeout_ms: 1_000, ..consumer() });
    rig.pass(89_999);
    assert!(rig.is_waiting(joiner));
    rig.pass(1);
    assert_eq!(rig.joined(joiner).generation, 2);
}

#[test]
fn the_votes_choose_a_protocol_that_all_have() {
    let mut rig = Rig::new();
    let offers = [&["a", "b", "c"][..], &["b", "c"], &["c", "b"]];
    let tokens: Vec<Token> = offers
        .iter()
        .map(|names| {
            let protocols = names.iter().map(|name| protocol(name, &["t"])).collect();
            rig.enter(JoinRequest { protocols, ..consumer() })
        })
        .collect();
    rig.pass(10_000);
    for token in tokens {
        // `a` is not everybody's; `b` has two votes, `c` has one.
        assert_eq!(rig.joined(token).protocol.as_deref(), Some("b"));
    }
}

#[test]
fn who_does_not_fit_is_refused() {
    let mut rig = Rig::eager();
    let refused = |rig: &mut Rig, request| {
        let token = rig.send_join(request);
        rig.joined(token).error
    };
    let inconsistent = Some(GroupError::InconsistentGroupProtocol);
    assert_eq!(refused(&mut rig, JoinRequest { protocols: Vec::new(), ..consumer() }), inconsistent);
    assert_eq!(refused(&mut rig, JoinRequest { protocol_type: String::new(), ..consumer() }), inconsistent);
    assert_eq!(rig.state(), State::Dead, "no group was made of that");
    let ids = rig.stable(1);
    assert_eq!(refused(&mut rig, JoinRequest { protocol_type: "connect".to_owned(), ..consumer() }), inconsistent);
    let other = vec![protocol("other", &[])];
    assert_eq!(refused(&mut rig, JoinRequest { protocols: other.clone(), ..consumer() }), inconsistent);
    assert_eq!(refused(&mut rig, JoinRequest { protocols: other, ..member(&ids[0]) }), inconsistent);
    let unknown = Some(GroupError::UnknownMemberId);
    assert_eq!(refused(&mut rig, member("nobody")), unknown);
    assert_eq!(refused(&mut rig, JoinRequest { group: "other".to_owned(), ..member("nobody") }), unknown);
    let session = Some(GroupError::InvalidSessionTimeout);
    assert_eq!(refused(&mut rig, JoinRequest { session_timeout_ms: 5_999, ..consumer() }), session);
    assert_eq!(refused(&mut rig, JoinRequest { session_timeout_ms: 1_800_001, ..consumer() }), session);
    let nameless = JoinRequest { group: String::new(), ..consumer() };
    assert_eq!(refused(&mut rig, nameless), Some(GroupError::InvalidGroupId));
    assert_eq!(rig.state(), State::Stable, "none of it touched the group");
}

#[test]
fn a_full_group_takes_nobody_in() {
    let mut rig =
        Rig::with(GroupConfig { initial_rebalance_delay_ms: 0, group_members_max: 2, ..GroupConfig::default() });
    let a = rig.enter(consumer());
    let ids = rig.sync_all(&[a]);
    let b = rig.enter(consumer());
    let a = rig.send_join(member(&ids[0]));
    let late = rig.send_join(consumer());
    assert_eq!(rig.joined(late).error, Some(GroupError::GroupMaxSizeReached));
    let ids = rig.sync_all(&[a, b]);
    let again = rig.send_join(member(&ids[1]));
    assert_eq!(rig.joined(again).error, None, "members may join again");
    let late = rig.send_join(consumer());
    assert_eq!(rig.joined(late).error, Some(GroupError::GroupMaxSizeReached));
}

#[test]
fn a_lost_answer_can_be_had_again() {
    let mut rig = Rig::eager();
    let token = rig.enter(consumer());
    let first = rig.joined(token);
    let again = rig.send_join(member(&first.member_id));
    assert_eq!(rig.joined(again), first, "nothing changed, so the generation is the same");
    rig.sync_all(&[token]);
    let follower = rig.enter(consumer());
    let leader = rig.send_join(member(&first.member_id));
    let ids = rig.sync_all(&[leader, follower]);
    let again = rig.send_join(member(&ids[1]));
    assert_eq!((rig.joined(again).generation, rig.state()), (2, State::Stable));
}

#[test]
fn a_leader_that_joins_again_or_changed_metadata_cause_a_rebalance() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    let generation = rig.generation();
    let again = rig.send_join(member(&ids[0]));
    assert_eq!(rig.joined(again).generation, generation + 1);
    let changed = JoinRequest { protocols: vec![protocol("range", &["t", "u"])], ..member(&ids[0]) };
    let again = rig.send_join(changed);
    assert_eq!(rig.joined(again).generation, generation + 2, "also before the assignment is there");
}

#[test]
fn of_two_joins_of_one_member_the_later_counts() {
    let mut rig = Rig::eager();
    let ids = rig.stable(2);
    let first = rig.send_join(member(&ids[0]));
    let second = rig.send_join(member(&ids[0]));
    assert_eq!(rig.joined(first).error, Some(GroupError::RebalanceInProgress));
    assert!(rig.is_waiting(second));
    rig.send_join(member(&ids[1]));
    assert_eq!(rig.joined(second).error, None);
}

#[test]
fn a_cooperative_rebalance_takes_two_rounds() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    // Round one: the newcomer gets nothing, since the owner has to give up a partition first.
    let b = rig.enter(consumer());
    let a = rig.send_join(member(&ids[0]));
    let b = rig.joined(b).member_id;
    let a_sync = rig.send_sync(&ids[0], 2, &[(&ids[0], "0")]);
    let b_sync = rig.send_sync(&b, 2, &[]);
    assert_eq!((rig.synced(a_sync), rig.synced(b_sync)), (Ok("0".to_owned()), Ok(String::new())));
    assert!(rig.joined(a).members.len() == 2);
    // Round two: the owner joins with what it owns now, the newcomer gets the partition.
    let owns_less = JoinRequest { protocols: vec![protocol("range", &["t", "owned"])], ..member(&ids[0]) };
    let a = rig.send_join(owns_less);
    assert_eq!(rig.heartbeat(&b, 2), Err(GroupError::RebalanceInProgress));
    rig.send_join(member(&b));
    assert_eq!(rig.joined(a).generation, 3);
    rig.send_sync(&ids[0], 3, &[(&ids[0], "0"), (&b, "1")]);
    let b_sync = rig.send_sync(&b, 3, &[]);
    assert_eq!(rig.synced(b_sync), Ok("1".to_owned()));
    assert_eq!(rig.state(), State::Stable);
}

#[test]
fn what_members_say_and_the_leader_assigns_is_bounded() {
    let config = GroupConfig { initial_rebalance_delay_ms: 0, group_bytes_max: 100, ..GroupConfig::default() };
    let mut rig = Rig::with(config);
    let long = |bytes| vec![Protocol { name: "range".to_owned(), metadata: vec![0; bytes].into() }];
    let large = rig.enter(JoinRequest { protocols: long(96), ..named("a") });
    assert_eq!(rig.joined(large).error, Some(GroupError::GroupMaxSizeReached));
    let fits = rig.enter(JoinRequest { protocols: long(95), ..named("a") });
    let answer = rig.joined(fits);
    assert_eq!(answer.error, None);
    let other = rig.enter(JoinRequest { protocols: long(1), ..named("b") });
    assert_eq!(rig.joined(other).error, Some(GroupError::GroupMaxSizeReached), "all of them together");
    let id = answer.member_id.as_str();
    let large = rig.send_sync(id, answer.generation, &[(id, &"x".repeat(100))]);
    assert_eq!(rig.synced(large), Err(GroupError::InvalidRequest));
    let fits = rig.send_sync(id, answer.generation, &[(id, "x")]);
    assert_eq!(rig.synced(fits), Ok("x".to_owned()));
    let again = rig.send_join(JoinRequest { member_id: id.to_owned(), protocols: long(94), ..named("a") });
    assert_eq!(rig.joined(again).error, None, "it takes its own place");
    let anew = rig.send_join(JoinRequest { protocols: long(95), ..named("a") });
    assert_eq!(rig.joined(anew).error, None, "also as another process");
}

#[test]
fn a_name_that_is_too_long_is_none() {
    let mut rig = Rig::eager();
    let group = "g".repeat(1_025);
    let token = rig.send_join(JoinRequest { group: group.clone(), ..named("a") });
    assert_eq!(rig.joined(token).error, Some(GroupError::InvalidGroupId));
    assert_eq!(rig.commit(CommitRequest { group, ..commit("", -1, "t", 1) }), [Some(GroupError::InvalidGroupId)]);
}
