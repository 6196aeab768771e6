//! Offsets that are part of a transaction.

use super::super::*;
use super::rig::*;

#[test]
fn offsets_of_a_transaction_wait_for_its_end() {
    let mut rig = Rig::eager();
    rig.commit(commit("", -1, "t", 1));
    assert_eq!(rig.commit_in_transaction(7, commit("", -1, "t", 5)), [None]);
    assert_eq!(rig.fetch("t", 0, false), Ok(1), "who does not mind sees what is committed");
    assert_eq!(rig.fetch("t", 0, true), Err(GroupError::UnstableOffsetCommit));
    assert_eq!(rig.fetch("t", 1, true), Ok(-1));
    let all = FetchOffsetsRequest { group: GROUP.to_owned(), member: None, topics: None, require_stable: true };
    assert_eq!(rig.fetch_request(all)[0].partitions[0].error, Some(GroupError::UnstableOffsetCommit));
    rig.end_transaction(7, true);
    assert_eq!(rig.fetch("t", 0, true), Ok(5));
    rig.commit_in_transaction(7, commit("", -1, "t", 9));
    rig.end_transaction(7, false);
    assert_eq!(rig.fetch("t", 0, true), Ok(5));
    let records = rig.journal.len();
    rig.end_transaction(7, true);
    assert_eq!(rig.journal.len(), records, "there was nothing to end");
}

#[test]
fn a_later_commit_is_not_undone_by_an_earlier_transaction() {
    let mut rig = Rig::eager();
    rig.commit_in_transaction(7, commit("", -1, "t", 5));
    rig.commit_in_transaction(8, commit("", -1, "u", 6));
    rig.commit(commit("", -1, "t", 9));
    rig.end_transaction(7, true);
    rig.end_transaction(8, true);
    assert_eq!((rig.fetch("t", 0, true), rig.fetch("u", 0, true)), (Ok(9), Ok(6)));
}

#[test]
fn a_transaction_commits_in_several_groups() {
    let mut rig = Rig::eager();
    rig.commit_in_transaction(7, commit("", -1, "t", 5));
    rig.commit_in_transaction(7, CommitRequest { group: "h".to_owned(), ..commit("", -1, "t", 6) });
    rig.end_transaction(7, true);
    assert_eq!(rig.fetch("t", 0, true), Ok(5));
    assert_eq!(rig.coordinator.groups["h"].offsets.get("t", 0).map(|found| found.offset), Some(6));
}

#[test]
fn members_of_a_transaction_are_checked() {
    let mut rig = Rig::eager();
    let ids = rig.stable(1);
    assert_eq!(rig.commit_in_transaction(7, commit(&ids[0], 1, "t", 5)), [None]);
    assert_eq!(rig.commit_in_transaction(7, commit(&ids[0], 0, "t", 5)), [Some(GroupError::IllegalGeneration)]);
    assert_eq!(rig.commit_in_transaction(7, commit("nobody", 1, "t", 5)), [Some(GroupError::UnknownMemberId)]);
    assert_eq!(rig.commit_in_transaction(7, commit("", -1, "t", 6)), [None], "old clients name no member");
    let nameless = CommitRequest { group: String::new(), ..commit("", -1, "t", 5) };
    assert_eq!(rig.commit_in_transaction(7, nameless), [Some(GroupError::InvalidGroupId)]);
    let long = Some("x".repeat(5_000));
    let mut request = commit(&ids[0], 1, "t", 5);
    request.topics[0].partitions[0].metadata = long;
    assert_eq!(rig.commit_in_transaction(7, request), [Some(GroupError::OffsetMetadataTooLarge)]);
    rig.send_join(member(&ids[0]));
    assert_eq!(rig.state(), State::CompletingRebalance);
    assert_eq!(rig.commit_in_transaction(7, commit(&ids[0], 2, "t", 7)), [None], "a rebalance does not matter");
}

#[test]
fn deleting_an_offset_deletes_what_a_transaction_would_make_of_it() {
    let mut rig = Rig::eager();
    rig.commit_in_transaction(7, commit("", -1, "t", 5));
    assert_eq!(rig.delete_offsets("t", 0), Ok(None));
    assert_eq!(rig.fetch("t", 0, true), Ok(-1));
    rig.end_transaction(7, true);
    assert_eq!(rig.fetch("t", 0, true), Ok(-1));
}

#[test]
fn deleting_a_group_deletes_what_a_transaction_would_make_of_it() {
    let mut rig = Rig::eager();
    rig.commit_in_transaction(7, commit("", -1, "t", 5));
    assert_eq!(rig.delete_group(GROUP), None);
    rig.end_transaction(7, true);
    assert_eq!(rig.state(), State::Dead);
}

#[test]
fn pending_offsets_outlive_a_restart() {
    let mut rig = Rig::eager();
    rig.commit_in_transaction(7, commit("", -1, "t", 5));
    rig.commit_in_transaction(8, commit("", -1, "u", 6));
    rig.commit(commit("", -1, "u", 9));
    rig.journal = rig.coordinator.snapshot();
    rig.restart();
    assert_eq!(rig.fetch("t", 0, true), Err(GroupError::UnstableOffsetCommit));
    rig.end_transaction(7, true);
    rig.end_transaction(8, true);
    assert_eq!((rig.fetch("t", 0, true), rig.fetch("u", 0, true)), (Ok(5), Ok(9)));
}
