//! A group whose broker assigns, over a connection and a restart.

use millrace_broker::GroupChange;
use millrace_broker::wire::messages::commits::*;
use millrace_broker::wire::messages::consumer_groups::*;

use super::rig::Served;

fn joins(member: &str) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: member.to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["a".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    }
}

#[test]
fn a_member_goes_on_after_a_restart_and_its_group_is_seen_by_people() {
    let served = Served::start();
    served.make_topic("a", 2);
    let mut client = served.client();
    let joined = client.ask(1, &joins("m"));
    assert_eq!((joined.error_code, joined.member_epoch, joined.heartbeat_interval_ms), (0, 1, 5_000));
    let assigned = joined.assignment.expect("it is told").topic_partitions;
    assert_eq!(assigned[0].partitions, [0, 1]);
    let partition = OffsetCommitPartition { partition_index: 1, committed_offset: 0, ..Default::default() };
    let topic = OffsetCommitTopic { name: "a".to_owned(), partitions: vec![partition] };
    let commit = OffsetCommitRequest {
        group_id: "g".to_owned(),
        generation_id_or_member_epoch: 1,
        member_id: "m".to_owned(),
        topics: vec![topic],
        ..Default::default()
    };
    assert_eq!(client.ask(9, &commit).topics[0].partitions[0].error_code, 0);
    let stale = OffsetCommitRequest { generation_id_or_member_epoch: 7, ..commit };
    assert_eq!(client.ask(9, &stale).topics[0].partitions[0].error_code, 113);

    let served = served.restart();
    let mut client = served.client();
    let heartbeat = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
        member_epoch: 1,
        ..Default::default()
    };
    let beat = client.ask(1, &heartbeat);
    assert_eq!((beat.error_code, beat.member_epoch, beat.assignment), (0, 1, None), "nothing has changed");
    let described =
        client.ask(1, &ConsumerGroupDescribeRequest { group_ids: vec!["g".to_owned()], ..Default::default() });
    let group = &described.groups[0];
    assert_eq!((group.group_state.as_str(), group.assignor_name.as_str()), ("Stable", "uniform"));
    let read = &group.members[0].assignment.topic_partitions[0];
    assert_eq!((read.topic_name.as_str(), read.partitions.as_slice()), ("a", &[0, 1][..]));

    let seen = served.broker.group("g").expect("it is there");
    assert_eq!((seen.protocol, seen.state, seen.members[0].client_id.as_str()), ("consumer", "Stable", "till"));
    assert_eq!(seen.members[0].partitions, [("a".to_owned(), 0), ("a".to_owned(), 1)]);
    let seek = GroupChange::Seek(vec![("a".to_owned(), 0, 5)]);
    assert!(served.broker.change_group("g", &seek).is_err(), "somebody is in it");
    assert!(served.broker.change_group("g", &GroupChange::Delete).is_err());
    let left = client.ask(1, &ConsumerGroupHeartbeatRequest { member_epoch: -1, ..heartbeat });
    assert_eq!((left.error_code, left.member_epoch), (0, -1));
    served.broker.change_group("g", &seek).expect("nobody is in it");
    let offsets: Vec<i64> =
        served.broker.group("g").expect("it is there").offsets.iter().map(|found| found.2.offset).collect();
    assert_eq!(offsets, [5, 0]);
    served.broker.change_group("g", &GroupChange::Delete).expect("nobody is in it");
    assert_eq!(served.broker.groups(), []);
}

#[test]
fn wider_topics_reach_their_members_with_the_next_heartbeat() {
    let served = Served::start();
    served.make_topic("a", 1);
    let mut client = served.client();
    assert_eq!(client.ask(0, &joins("m")).member_epoch, 1);
    served.log.add_partitions("a", 3).expect("it grows");
    let request = ConsumerGroupHeartbeatRequest {
        member_epoch: 1,
        rebalance_timeout_ms: -1,
        subscribed_topic_names: None,
        topic_partitions: None,
        ..joins("m")
    };
    let beat = client.ask(0, &request);
    let assigned = beat.assignment.expect("it is told").topic_partitions;
    assert_eq!((beat.member_epoch, assigned[0].partitions.as_slice()), (2, &[0, 1, 2][..]));
}
