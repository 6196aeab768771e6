//! Offsets of groups whose coordinator assigns: by epochs instead of generations.

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

fn fetch_as(rig: &mut Rig, member: &str, epoch: i32) -> Result<Vec<FetchedTopic>, GroupError> {
    let token = rig.token();
    let member = Some((member.to_owned(), epoch));
    let request = FetchOffsetsRequest { group: GROUP.to_owned(), member, topics: None, require_stable: true };
    let out = rig.coordinator.fetch_offsets(token, request);
    rig.take(out);
    match rig.reply(token) {
        Some(Reply::FetchOffsets(found)) => found.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_member_commits_and_fetches_in_its_epoch() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 2)]);
    Consumer::new("a", &["t"]).join(&mut rig).expect("it joins");
    assert_eq!(rig.commit(commit("a", 1, "t", 5)), [None]);
    assert_eq!(rig.commit(commit("a", 2, "t", 6)), [Some(GroupError::StaleMemberEpoch)]);
    assert_eq!(rig.commit(commit("b", 1, "t", 6)), [Some(GroupError::UnknownMemberId)]);
    assert_eq!(rig.commit(commit("", -1, "t", 6)), [Some(GroupError::UnknownMemberId)]);
    let old = CommitRequest { version: 8, ..commit("a", 1, "t", 6) };
    assert_eq!(rig.commit(old), [Some(GroupError::UnsupportedVersion)]);
    assert_eq!(rig.fetch("t", 0, true), Ok(5), "administrators ask without being members");
    assert_eq!(fetch_as(&mut rig, "a", 1).map(|topics| topics.len()), Ok(1));
    assert_eq!(fetch_as(&mut rig, "a", 0), Err(GroupError::StaleMemberEpoch));
    assert_eq!(fetch_as(&mut rig, "b", 1), Err(GroupError::UnknownMemberId));
}

#[test]
fn transactions_name_their_member_or_nobody() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 2)]);
    Consumer::new("a", &["t"]).join(&mut rig).expect("it joins");
    assert_eq!(rig.commit_in_transaction(7, commit("a", 1, "t", 5)), [None]);
    assert_eq!(rig.commit_in_transaction(7, commit("", -1, "t", 5)), [None]);
    assert_eq!(rig.commit_in_transaction(7, commit("a", 4, "t", 5)), [Some(GroupError::IllegalGeneration)]);
    rig.end_transaction(7, true);
    assert_eq!(rig.fetch("t", 0, true), Ok(5));
}

#[test]
fn what_members_subscribe_to_is_kept() {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 2), ("u", 1)]);
    let mut a = Consumer { regex: Some("u.*".to_owned()), ..Consumer::new("a", &["t"]) };
    a.join(&mut rig).expect("it joins");
    for topic in ["t", "u", "left"] {
        rig.commit(commit("a", 1, topic, 5));
    }
    let subscribed = Ok(Some(GroupError::GroupSubscribedToTopic));
    assert_eq!((rig.delete_offsets("t", 0), rig.delete_offsets("u", 0)), (subscribed, subscribed));
    assert_eq!(rig.delete_offsets("left", 0), Ok(None));
    assert_eq!(rig.delete_group(GROUP), Some(GroupError::NonEmptyGroup));
    a.leave(&mut rig, -1).expect("it leaves");
    assert_eq!(rig.commit(commit("", -1, "t", 9)), [None], "an empty group is anybody's to set");
    assert_eq!(rig.delete_group(GROUP), None);
    assert_eq!(rig.fetch("t", 0, true), Ok(-1));
}

#[test]
fn old_offsets_go_once_nobody_subscribes() {
    let mut rig = Rig::with(GroupConfig { offsets_retention_ms: 100_000, ..GroupConfig::default() });
    rig.set_topics(&[("t", 1)]);
    let mut a = Consumer::new("a", &["t"]);
    a.join(&mut rig).expect("it joins");
    rig.commit(commit("a", 1, "t", 5));
    for _ in 0..40 {
        rig.pass(20_000);
        a.beat(&mut rig).expect("it is alive");
    }
    assert_eq!(rig.fetch("t", 0, true), Ok(5));
    a.leave(&mut rig, -1).expect("it leaves");
    rig.pass(700_000);
    assert_eq!(rig.try_described(), Err(GroupError::GroupIdNotFound), "the group went with its last offset");
}
