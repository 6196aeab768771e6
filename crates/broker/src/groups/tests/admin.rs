//! Listing, describing, deleting groups.

use super::super::*;
use super::rig::*;

fn listed(rig: &mut Rig, states: &[&str], types: &[&str]) -> Vec<(String, &'static str)> {
    let token = rig.token();
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    let request = ListGroupsRequest { states: owned(states), types: owned(types) };
    let out = rig.coordinator.list_groups(token, &request);
    rig.take(out);
    match rig.reply(token) {
        Some(Reply::ListGroups(Ok(groups))) => groups.iter().map(|group| (group.group.clone(), group.state)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_are_listed_by_state_and_type() {
    let mut rig = Rig::eager();
    rig.stable(1);
    rig.commit(CommitRequest { group: "lone".to_owned(), ..commit("", -1, "t", 1) });
    let (g, lone) = (("g".to_owned(), "Stable"), ("lone".to_owned(), "Empty"));
    assert_eq!(listed(&mut rig, &[], &[]), [g.clone(), lone.clone()]);
    assert_eq!(listed(&mut rig, &["stable", "dead"], &["Classic"]), std::slice::from_ref(&g));
    assert_eq!(listed(&mut rig, &[" EMPTY "], &[]), [lone]);
    assert_eq!(listed(&mut rig, &[], &["consumer"]), []);
    assert_eq!(listed(&mut rig, &["PreparingRebalance"], &[]), []);
}

#[test]
fn a_stable_group_is_described_in_full() {
    let mut rig = Rig::eager();
    assert_eq!(rig.describe(), DescribedGroup::dead(GROUP.to_owned(), GroupError::GroupIdNotFound));
    let ids = rig.stable(1);
    let described = rig.describe();
    assert_eq!((described.protocol_type.as_str(), described.protocol.as_str()), ("consumer", "range"));
    assert_eq!(
        described.members,
        [DescribedMember {
            member_id: ids[0].clone(),
            instance_id: None,
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            metadata: protocol("range", &["t"]).metadata,
            assignment: ids[0].clone().into_bytes().into(),
        }]
    );
    rig.enter(consumer());
    let described = rig.describe();
    assert_eq!((described.state, described.protocol.as_str()), (State::PreparingRebalance, ""));
    assert_eq!(described.members.len(), 2);
    assert!(described.members.iter().all(|member| member.metadata.is_empty()));
}

#[test]
fn only_groups_without_members_are_deleted() {
    let mut rig = Rig::eager();
    assert_eq!(rig.delete_group(GROUP), Some(GroupError::GroupIdNotFound));
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 1));
    assert_eq!(rig.delete_group(GROUP), Some(GroupError::NonEmptyGroup));
    rig.leave(&[(&ids[0], None)]);
    let pending = rig.send_join(consumer());
    assert_eq!(rig.delete_group(GROUP), None);
    assert_eq!(rig.fetch("t", 0, false), Ok(-1));
    assert_eq!(rig.heartbeat(&ids[0], 1), Err(GroupError::UnknownMemberId));
    let late = rig.send_join(member(&rig.joined(pending).member_id));
    assert_eq!(rig.joined(late).error, Some(GroupError::UnknownMemberId));
    let ids = rig.stable(1);
    assert_eq!(rig.heartbeat(&ids[0], 1), Ok(()), "it begins anew");
}
