//! Committing, fetching and deleting offsets.

use super::super::*;
use super::rig::*;

#[test]
fn a_member_commits_in_its_generation_only() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    assert_eq!(rig.commit(commit(&ids[0], 1, "t", 5)), [None]);
    assert_eq!(rig.fetch("t", 0, true), Ok(5));
    assert_eq!(rig.commit(commit(&ids[0], 0, "t", 6)), [Some(GroupError::IllegalGeneration)]);
    assert_eq!(rig.commit(commit("nobody", 1, "t", 6)), [Some(GroupError::UnknownMemberId)]);
    assert_eq!(rig.commit(commit("", -1, "t", 6)), [Some(GroupError::UnknownMemberId)], "the group has members");
    let joiner = rig.enter(consumer());
    assert_eq!(rig.commit(commit(&ids[0], 1, "t", 7)), [None], "what was read before the rebalance may be saved");
    let again = rig.send_join(member(&ids[0]));
    assert_eq!(rig.joined(again).generation, 2);
    assert_eq!(rig.commit(commit(&ids[0], 1, "t", 8)), [Some(GroupError::IllegalGeneration)]);
    assert_eq!(rig.commit(commit(&ids[0], 2, "t", 8)), [Some(GroupError::RebalanceInProgress)]);
    rig.sync_all(&[again, joiner]);
    assert_eq!(rig.commit(commit(&ids[0], 2, "t", 8)), [None]);
    assert_eq!(rig.fetch("t", 0, true), Ok(8));
}

#[test]
fn a_consumer_without_a_group_commits_too() {
    let mut rig = Rig::eager();
    assert_eq!(rig.commit(commit("", -1, "t", 5)), [None]);
    assert_eq!(rig.state(), State::Empty);
    assert_eq!(rig.describe().protocol_type, "");
    assert_eq!(rig.commit(commit("", -1, "t", 6)), [None]);
    assert_eq!(rig.fetch("t", 0, false), Ok(6));
    assert_eq!(rig.commit(commit("someone", 3, "t", 6)), [Some(GroupError::UnknownMemberId)]);
}

#[test]
fn a_member_of_an_unknown_group_cannot_commit() {
    let mut rig = Rig::eager();
    assert_eq!(rig.commit(commit("m", 1, "t", 5)), [Some(GroupError::GroupIdNotFound)]);
    let old = CommitRequest { version: 8, ..commit("m", 1, "t", 5) };
    assert_eq!(rig.commit(old), [Some(GroupError::IllegalGeneration)]);
    assert_eq!(rig.commit_in_transaction(1, commit("m", 1, "t", 5)), [Some(GroupError::IllegalGeneration)]);
    assert_eq!(rig.state(), State::Dead);
}

#[test]
fn metadata_has_a_bound() {
    let mut rig = Rig::eager();
    let mut request = commit("", -1, "t", 1);
    let partitions = &mut request.topics[0].partitions;
    partitions[0].metadata = Some("é".repeat(4_096));
    for (partition, metadata) in [(1, Some("x".repeat(4_097))), (2, None)] {
        partitions.push(CommitPartition { partition, offset: 2, leader_epoch: None, metadata });
    }
    assert_eq!(rig.commit(request), [None, Some(GroupError::OffsetMetadataTooLarge), None]);
    assert_eq!((rig.fetch("t", 0, false), rig.fetch("t", 1, false)), (Ok(1), Ok(-1)));
}

#[test]
fn offsets_come_back_with_all_that_was_said() {
    let mut rig = Rig::eager();
    rig.commit(commit("", -1, "t", 1));
    rig.commit(commit("", -1, "u", 2));
    let all = FetchOffsetsRequest { group: GROUP.to_owned(), member: None, topics: None, require_stable: true };
    let found = rig.fetch_request(all.clone());
    let names: Vec<&str> = found.iter().map(|topic| topic.topic.as_str()).collect();
    assert_eq!(names, ["t", "u"]);
    assert_eq!(
        found[1].partitions,
        [FetchedPartition { partition: 0, offset: 2, leader_epoch: Some(3), metadata: "note".to_owned(), error: None }]
    );
    assert_eq!(rig.fetch("t", 7, true), Ok(-1));
    assert_eq!(rig.fetch("v", 0, true), Ok(-1));
    let elsewhere = FetchOffsetsRequest { group: "other".to_owned(), ..all };
    assert_eq!(rig.fetch_request(elsewhere.clone()), []);
    let topics = Some(vec![TopicPartitions { topic: "t".to_owned(), partitions: vec![0] }]);
    let found = rig.fetch_request(FetchOffsetsRequest { topics, ..elsewhere });
    assert_eq!(found[0].partitions, [FetchedPartition::missing(0, None)]);
}

#[test]
fn offsets_of_subscribed_topics_are_not_deleted() {
    let mut rig = Rig::eager();
    assert_eq!(rig.delete_offsets("t", 0), Err(GroupError::GroupIdNotFound));
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 1));
    rig.commit(commit(&ids[0], 1, "left", 2));
    assert_eq!(rig.delete_offsets("t", 0), Ok(Some(GroupError::GroupSubscribedToTopic)));
    let records = rig.journal.len();
    assert_eq!(rig.delete_offsets("left", 9), Ok(None), "nothing there is no error");
    assert_eq!(rig.journal.len(), records);
    assert_eq!(rig.delete_offsets("left", 0), Ok(None));
    assert_eq!((rig.fetch("t", 0, false), rig.fetch("left", 0, false)), (Ok(1), Ok(-1)));
    rig.leave(&[(&ids[0], None)]);
    assert_eq!(rig.delete_offsets("t", 0), Ok(None));
}

#[test]
fn subscriptions_that_cannot_be_read_cover_every_topic() {
    let mut rig = Rig::eager();
    let garbage = vec![Protocol { name: "range".to_owned(), metadata: bytes::Bytes::from_static(b"\0\0\x7f\xff") }];
    let token = rig.enter(JoinRequest { protocols: garbage, ..consumer() });
    rig.sync_all(&[token]);
    assert_eq!(rig.delete_offsets("any", 0), Ok(Some(GroupError::GroupSubscribedToTopic)));
}

#[test]
fn offsets_of_a_group_that_is_not_of_consumers_wait_until_it_is_empty() {
    let mut rig = Rig::eager();
    let token = rig.enter(JoinRequest { protocol_type: "connect".to_owned(), ..consumer() });
    let ids = rig.sync_all(&[token]);
    assert_eq!(rig.delete_offsets("t", 0), Err(GroupError::NonEmptyGroup));
    rig.leave(&[(&ids[0], None)]);
    assert_eq!(rig.delete_offsets("t", 0), Ok(None));
}

#[test]
fn a_deleted_topic_takes_its_offsets_along() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    rig.commit(commit(&ids[0], 1, "t", 1));
    rig.commit(commit(&ids[0], 1, "u", 2));
    rig.commit_in_transaction(7, commit(&ids[0], 1, "t", 3));
    let out = rig.coordinator.remove_topic("t", rig.now_ms);
    assert_eq!(out.records.len(), 1);
    rig.take(out);
    rig.end_transaction(7, true);
    assert_eq!((rig.fetch("t", 0, false), rig.fetch("u", 0, false)), (Ok(-1), Ok(2)));
}
