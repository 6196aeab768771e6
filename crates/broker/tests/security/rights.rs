//! What somebody may do whom rules let do one thing, by every kind of request.

use millrace_broker::wire::messages::acls::*;
use millrace_broker::wire::messages::cluster::*;
use millrace_broker::wire::messages::commits::*;
use millrace_broker::wire::messages::configs::*;
use millrace_broker::wire::messages::consumer_groups::*;
use millrace_broker::wire::messages::fetch::*;
use millrace_broker::wire::messages::groups::*;
use millrace_broker::wire::messages::membership::*;
use millrace_broker::wire::messages::metadata::*;
use millrace_broker::wire::messages::offsets::*;
use millrace_broker::wire::messages::produce::*;
use millrace_broker::wire::messages::scram::*;
use millrace_broker::wire::messages::topics::*;
use millrace_broker::wire::{ErrorCode, Uuid};

use crate::client::Client;
use crate::rig::{Rig, start, with_login};

const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const CLUSTER: i8 = 4;
const TRANSACTION: i8 = 5;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const DENY: i8 = 2;
const ALLOW: i8 = 3;
const ALL: i8 = 2;
const READ: i8 = 3;
const WRITE: i8 = 4;
const CREATE: i8 = 5;
const DELETE: i8 = 6;
const ALTER: i8 = 7;
const DESCRIBE: i8 = 8;

const NO_TOPIC: i16 = ErrorCode::TopicAuthorizationFailed as i16;
const NO_GROUP: i16 = ErrorCode::GroupAuthorizationFailed as i16;
const NO_CLUSTER: i16 = ErrorCode::ClusterAuthorizationFailed as i16;
const NO_TRANSACTION: i16 = ErrorCode::TransactionalIdAuthorizationFailed as i16;

/// A broker with rules, whose super user is `admin`, and a topic `t` that he has made.
fn ruled() -> (Rig, Client) {
    let rig = start(|_, security| {
        with_login(security);
        security.acl = true;
        security.super_users = vec!["User:admin".to_owned()];
    });
    let mut admin = Client::plain(rig.address).logged_in("admin", "admin-secret");
    assert_eq!(create(&mut admin, "t"), 0);
    (rig, admin)
}

fn create(client: &mut Client, name: &str) -> i16 {
    let topic =
        CreatableTopic { name: name.to_owned(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    client.ask(7, &request).expect("an answer").topics[0].error_code
}

fn rule(kind: i8, name: &str, pattern: i8, operation: i8, permission: i8) -> CreatableAcl {
    CreatableAcl {
        resource_type: kind,
        resource_name: name.to_owned(),
        resource_pattern_type: pattern,
        principal: "User:alice".to_owned(),
        host: "*".to_owned(),
        operation,
        permission_type: permission,
    }
}

fn add(admin: &mut Client, rule: CreatableAcl) {
    let answer = admin.ask(3, &CreateAclsRequest { creations: vec![rule] }).expect("an answer");
    assert_eq!((answer.results[0].error_code, &answer.results[0].error_message), (0, &None));
}

fn remove_all(admin: &mut Client) -> usize {
    let filter = DeleteAclsFilter {
        resource_type_filter: 1,
        pattern_type_filter: 1,
        operation: 1,
        permission_type: 1,
        ..Default::default()
    };
    let answer = admin.ask(3, &DeleteAclsRequest { filters: vec![filter] }).expect("an answer");
    answer.filter_results[0].matching_acls.len()
}

type Ask = fn(&mut Client) -> i16;
/// Kind, name, operation.
type Needed = (i8, &'static str, i8);

fn produce(topics: &[&str], acks: i16) -> ProduceRequest {
    let topic = |name: &&str| ProduceTopic {
        name: (*name).to_owned(),
        partition_data: vec![ProducePartition { index: 0, records: None }],
    };
    ProduceRequest { acks, topic_data: topics.iter().map(topic).collect(), ..Default::default() }
}

fn fetch(topic: &str, topic_id: Uuid) -> FetchRequest {
    let partitions = vec![FetchPartition { partition_max_bytes: 1, ..Default::default() }];
    let topics = vec![FetchTopic { topic: topic.to_owned(), topic_id, partitions }];
    // Nobody waits for an answer that is a refusal.
    FetchRequest { max_wait_ms: 300_000, min_bytes: 1, topics, ..Default::default() }
}

/// Appends one record.
fn append(client: &mut Client, topic: &str) {
    let mut batch = Vec::new();
    // Attributes, last offset, both times, producer, its epoch, its sequence, records, and one without a key.
    batch.extend([&[0_u8; 2][..], &[0; 4], &[0; 8], &[0; 8], &[255; 8], &[255; 2], &[255; 4], &[0, 0, 0, 1]].concat());
    batch.extend([14, 0, 0, 0, 1, 2, b'x', 0]);
    // First offset, length, epoch of the leader, format, checksum.
    let length = u32::try_from(batch.len() + 9).expect("it is short").to_be_bytes();
    let crc = crc32c(&batch).to_be_bytes();
    let records = [&[0; 8][..], &length, &[0; 4], &[2], &crc, &batch].concat();
    let partition_data = vec![ProducePartition { index: 0, records: Some(records.into()) }];
    let topic_data = vec![ProduceTopic { name: topic.to_owned(), partition_data }];
    let request = ProduceRequest { acks: 1, topic_data, ..Default::default() };
    let answer = client.ask(9, &request).expect("an answer");
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

fn crc32c(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

fn named(names: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| MetadataRequestTopic { name: Some((*name).to_owned()), ..Default::default() };
    let topics = Some(names.iter().map(topic).collect());
    MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() }
}

fn configs(client: &mut Client, resource_type: i8, name: &str) -> i16 {
    let resource = DescribeConfigsResource { resource_type, resource_name: name.to_owned(), configuration_keys: None };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    client.ask(4, &request).expect("an answer").results[0].error_code
}

fn coordinator(client: &mut Client, version: i16, key_type: i8) -> i16 {
    let (key, coordinator_keys) = ("g".to_owned(), vec!["g".to_owned()]);
    let request = FindCoordinatorRequest { key, key_type, coordinator_keys };
    let answer = client.ask(version, &request).expect("an answer");
    answer.coordinators.first().map_or(answer.error_code, |found| found.error_code)
}

fn commit(group: &str, topic: &str) -> OffsetCommitRequest {
    let partitions = vec![OffsetCommitPartition::default()];
    let topics = vec![OffsetCommitTopic { name: topic.to_owned(), partitions }];
    OffsetCommitRequest { group_id: group.to_owned(), topics, ..Default::default() }
}

/// What is asked, what refuses it, and what lets it through.
const ASKED: &[(&str, Ask, i16, Needed)] = &[
    (
        "Produce",
        |c| c.ask(9, &produce(&["t"], 1)).expect("an answer").responses[0].partition_responses[0].error_code,
        NO_TOPIC,
        (TOPIC, "t", WRITE),
    ),
    (
        "Fetch",
        |c| {
            let offset = FetchPartition { fetch_offset: 99, partition_max_bytes: 1, ..Default::default() };
            let mut request = fetch("t", Uuid::NONE);
            request.topics[0].partitions = vec![offset];
            c.ask(12, &request).expect("an answer").responses[0].partitions[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "t", READ),
    ),
    (
        "ListOffsets",
        |c| {
            let topic = ListOffsetsTopic { name: "t".to_owned(), partitions: vec![ListOffsetsPartition::default()] };
            let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
            c.ask(7, &request).expect("an answer").topics[0].partitions[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "t", DESCRIBE),
    ),
    (
        "OffsetForLeaderEpoch",
        |c| {
            let topic = EpochTopic { topic: "t".to_owned(), partitions: vec![EpochPartition::default()] };
            let request = OffsetForLeaderEpochRequest { topics: vec![topic], ..Default::default() };
            c.ask(4, &request).expect("an answer").topics[0].partitions[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "t", DESCRIBE),
    ),
    (
        "Metadata",
        |c| c.ask(12, &named(&["t"])).expect("an answer").topics[0].error_code,
        NO_TOPIC,
        (TOPIC, "t", DESCRIBE),
    ),
    ("CreateTopics", |c| create(c, "new"), NO_TOPIC, (TOPIC, "new", CREATE)),
    ("CreateTopics by the cluster", |c| create(c, "newer"), NO_TOPIC, (CLUSTER, "kafka-cluster", CREATE)),
    (
        "DeleteTopics",
        |c| {
            let request = DeleteTopicsRequest { topic_names: vec!["new".to_owned()], ..Default::default() };
            c.ask(3, &request).expect("an answer").responses[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "new", DELETE),
    ),
    (
        "CreatePartitions",
        |c| {
            let topic = CreatePartitionsTopic { name: "t".to_owned(), count: 2, assignments: None };
            let request = CreatePartitionsRequest { topics: vec![topic], ..Default::default() };
            c.ask(3, &request).expect("an answer").results[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "t", ALTER),
    ),
    (
        "DeleteRecords",
        |c| {
            let partitions = vec![DeleteRecordsPartition::default()];
            let topics = vec![DeleteRecordsTopic { name: "t".to_owned(), partitions }];
            let request = DeleteRecordsRequest { topics, ..Default::default() };
            c.ask(2, &request).expect("an answer").topics[0].partitions[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "t", DELETE),
    ),
    ("DescribeConfigs of a topic", |c| configs(c, 2, "t"), NO_TOPIC, (TOPIC, "t", 10)),
    ("DescribeConfigs of the broker", |c| configs(c, 4, "1"), NO_CLUSTER, (CLUSTER, "kafka-cluster", 11)),
    (
        "IncrementalAlterConfigs",
        |c| {
            let resource = IncrementalAlterConfigsResource {
                resource_type: 2,
                resource_name: "t".to_owned(),
                configs: Vec::new(),
            };
            let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: true };
            c.ask(1, &request).expect("an answer").responses[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "t", 11),
    ),
    (
        "AlterConfigs",
        |c| {
            let resource =
                AlterConfigsResource { resource_type: 2, resource_name: "t".to_owned(), configs: Vec::new() };
            let request = AlterConfigsRequest { resources: vec![resource], validate_only: true };
            c.ask(2, &request).expect("an answer").responses[0].error_code
        },
        NO_TOPIC,
        (TOPIC, "t", 11),
    ),
    ("FindCoordinator", |c| coordinator(c, 2, 0), NO_GROUP, (GROUP, "g", DESCRIBE)),
    ("FindCoordinator of several", |c| coordinator(c, 4, 0), NO_GROUP, (GROUP, "g", READ)),
    ("FindCoordinator of a transaction", |c| coordinator(c, 4, 1), NO_TRANSACTION, (TRANSACTION, "g", WRITE)),
    (
        "JoinGroup",
        |c| {
            let request = JoinGroupRequest { group_id: "g".to_owned(), ..Default::default() };
            c.ask(7, &request).expect("an answer").error_code
        },
        NO_GROUP,
        (GROUP, "g", READ),
    ),
    (
        "SyncGroup",
        |c| {
            c.ask(4, &SyncGroupRequest { group_id: "g".to_owned(), ..Default::default() })
                .expect("an answer")
                .error_code
        },
        NO_GROUP,
        (GROUP, "g", READ),
    ),
    (
        "Heartbeat",
        |c| {
            c.ask(4, &HeartbeatRequest { group_id: "g".to_owned(), ..Default::default() })
                .expect("an answer")
                .error_code
        },
        NO_GROUP,
        (GROUP, "g", READ),
    ),
    (
        "LeaveGroup",
        |c| {
            c.ask(4, &LeaveGroupRequest { group_id: "g".to_owned(), ..Default::default() })
                .expect("an answer")
                .error_code
        },
        NO_GROUP,
        (GROUP, "g", READ),
    ),
    (
        "OffsetCommit",
        |c| c.ask(8, &commit("g", "unknown")).expect("an answer").topics[0].partitions[0].error_code,
        NO_GROUP,
        (GROUP, "*", READ),
    ),
    (
        "OffsetFetch",
        |c| {
            let request = OffsetFetchRequest { group_id: "g".to_owned(), topics: None, ..Default::default() };
            c.ask(7, &request).expect("an answer").error_code
        },
        NO_GROUP,
        (GROUP, "g", DESCRIBE),
    ),
    (
        "OffsetFetch of several",
        |c| {
            let group = OffsetFetchGroup { group_id: "g".to_owned(), ..Default::default() };
            let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
            c.ask(8, &request).expect("an answer").groups[0].error_code
        },
        NO_GROUP,
        (GROUP, "g", DESCRIBE),
    ),
    (
        "OffsetDelete",
        |c| {
            c.ask(0, &OffsetDeleteRequest { group_id: "g".to_owned(), ..Default::default() })
                .expect("an answer")
                .error_code
        },
        NO_GROUP,
        (GROUP, "g", DELETE),
    ),
    (
        "DescribeGroups",
        |c| {
            let request = DescribeGroupsRequest { groups: vec!["g".to_owned()], ..Default::default() };
            c.ask(5, &request).expect("an answer").groups[0].error_code
        },
        NO_GROUP,
        (GROUP, "g", DESCRIBE),
    ),
    (
        "DeleteGroups",
        |c| {
            let request = DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
            c.ask(2, &request).expect("an answer").results[0].error_code
        },
        NO_GROUP,
        (GROUP, "g", DELETE),
    ),
    (
        "InitProducerId",
        |c| c.ask(4, &InitProducerIdRequest::default()).expect("an answer").error_code,
        NO_CLUSTER,
        (CLUSTER, "kafka-cluster", 12),
    ),
    (
        "InitProducerId by a topic",
        |c| c.ask(4, &InitProducerIdRequest::default()).expect("an answer").error_code,
        NO_CLUSTER,
        (TOPIC, "anything", WRITE),
    ),
    (
        "DescribeAcls",
        |c| {
            let request =
                DescribeAclsRequest { resource_type_filter: 1, operation: 1, permission_type: 1, ..Default::default() };
            c.ask(3, &request).expect("an answer").error_code
        },
        NO_CLUSTER,
        (CLUSTER, "kafka-cluster", DESCRIBE),
    ),
    (
        "CreateAcls",
        |c| {
            let request = CreateAclsRequest { creations: vec![CreatableAcl::default()] };
            c.ask(3, &request).expect("an answer").results[0].error_code
        },
        NO_CLUSTER,
        (CLUSTER, "kafka-cluster", ALTER),
    ),
    (
        "DeleteAcls",
        |c| {
            let request = DeleteAclsRequest { filters: vec![DeleteAclsFilter::default()] };
            c.ask(3, &request).expect("an answer").filter_results[0].error_code
        },
        NO_CLUSTER,
        (CLUSTER, "kafka-cluster", ALTER),
    ),
    (
        "DescribeUserScramCredentials",
        |c| c.ask(0, &DescribeUserScramCredentialsRequest::default()).expect("an answer").error_code,
        NO_CLUSTER,
        (CLUSTER, "kafka-cluster", DESCRIBE),
    ),
    (
        "AlterUserScramCredentials",
        |c| {
            let deletions = vec![ScramDeletion { name: "nobody".to_owned(), mechanism: 1 }];
            let request = AlterUserScramCredentialsRequest { deletions, upsertions: Vec::new() };
            c.ask(0, &request).expect("an answer").results[0].error_code
        },
        NO_CLUSTER,
        (CLUSTER, "kafka-cluster", ALTER),
    ),
];

#[test]
fn each_request_is_refused_until_the_rule_is_there_that_it_needs() {
    let (rig, mut admin) = ruled();
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    for (what, ask, refusal, (kind, name, operation)) in ASKED {
        assert_eq!(ask(&mut alice), *refusal, "{what} before");
        add(&mut admin, rule(*kind, name, LITERAL, *operation, ALLOW));
        assert_ne!(ask(&mut alice), *refusal, "{what} after");
        // Whatever else is allowed, by what is as general as can be.
        add(&mut admin, rule(*kind, name, LITERAL, ALL, ALLOW));
        add(&mut admin, rule(*kind, name, LITERAL, ALL, DENY));
        assert_eq!(ask(&mut alice), *refusal, "{what} denied");
        assert_eq!(remove_all(&mut admin), 3);
    }
}

/// Whoever may do something to one topic is answered for that one, and refused for the others of the same request.
#[test]
fn a_request_is_answered_in_part() {
    let (rig, mut admin) = ruled();
    assert_eq!(create(&mut admin, "u"), 0);
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    for operation in [READ, WRITE] {
        add(&mut admin, rule(TOPIC, "t", LITERAL, operation, ALLOW));
    }
    let answer = alice.ask(9, &produce(&["u", "t"], 1)).expect("an answer");
    let mut codes: Vec<_> =
        answer.responses.iter().map(|topic| (&*topic.name, topic.partition_responses[0].error_code)).collect();
    codes.sort_unstable();
    assert_eq!((codes[0].0, codes[1]), ("t", ("u", NO_TOPIC)));
    assert_ne!(codes[0].1, NO_TOPIC);
    assert!(alice.ask(9, &produce(&["u"], 0)).is_none(), "who wants no answer is told by the end");

    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    let seen = |answer: MetadataResponse| {
        let mut topics: Vec<_> =
            answer.topics.into_iter().map(|topic| (topic.name.unwrap_or_default(), topic.error_code)).collect();
        topics.sort();
        topics
    };
    let pair = |name: &str, code: i16| (name.to_owned(), code);
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(seen(alice.ask(12, &all).expect("an answer")), [pair("t", 0)]);
    assert_eq!(seen(alice.ask(12, &named(&["t", "u"])).expect("an answer")), [pair("t", 0), pair("u", NO_TOPIC)]);
    // What is left of this one is an empty list, which stands for all topics in its version.
    assert_eq!(seen(alice.ask(0, &named(&["u"])).expect("an answer")), [pair("u", NO_TOPIC)]);
    let new = MetadataRequest { allow_auto_topic_creation: true, ..named(&["v"]) };
    assert_eq!(seen(alice.ask(12, &new).expect("an answer")), [pair("v", NO_TOPIC)]);
    add(&mut admin, rule(TOPIC, "v", LITERAL, DESCRIBE, ALLOW));
    assert_eq!(seen(alice.ask(12, &new).expect("an answer")), [pair("v", NO_TOPIC)], "seeing is not making");
    let unknown = ErrorCode::UnknownTopicOrPartition.number();
    assert_eq!(seen(alice.ask(12, &named(&["v"])).expect("an answer")), [pair("v", unknown)]);
    add(&mut admin, rule(TOPIC, "v", LITERAL, CREATE, ALLOW));
    assert_eq!(seen(alice.ask(12, &new).expect("an answer")), [pair("v", 0)]);
}

#[test]
fn pages_of_topics_name_none_that_may_not_be_seen() {
    let (rig, mut admin) = ruled();
    assert_eq!(create(&mut admin, "u"), 0);
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    let mut seen = |names: &[&str]| {
        let topics = names.iter().map(|name| DescribePartitionsTopic { name: (*name).to_owned() }).collect();
        let request = DescribeTopicPartitionsRequest { topics, response_partition_limit: 1, cursor: None };
        let answer = alice.ask(0, &request).expect("an answer");
        let topics = answer.topics.into_iter().map(|topic| (topic.name.unwrap_or_default(), topic.error_code));
        (topics.collect::<Vec<_>>(), answer.next_cursor)
    };
    let pair = |name: &str, code: i16| (name.to_owned(), code);
    assert_eq!(seen(&[]), (vec![], None));
    assert_eq!(seen(&["u"]), (vec![pair("u", NO_TOPIC)], None));
    add(&mut admin, rule(TOPIC, "t", LITERAL, DESCRIBE, ALLOW));
    assert_eq!(seen(&[]), (vec![pair("t", 0)], None), "no page begins at the other");
    assert_eq!(seen(&["t", "u"]), (vec![pair("t", 0), pair("u", NO_TOPIC)], None));
}

#[test]
fn topics_are_not_reached_by_their_ids_either() {
    let (rig, mut admin) = ruled();
    let id = admin.ask(12, &named(&["t"])).expect("an answer").topics[0].topic_id;
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    let answer = alice.ask(13, &fetch("", id)).expect("an answer");
    assert_eq!(answer.responses[0].partitions[0].error_code, NO_TOPIC);
    let by_id =
        MetadataRequest { topics: Some(vec![MetadataRequestTopic { topic_id: id, name: None }]), ..Default::default() };
    let answer = alice.ask(12, &by_id).expect("an answer");
    assert_eq!((answer.topics[0].error_code, &answer.topics[0].name), (NO_TOPIC, &None));
    let topics = vec![DeletableTopic { name: None, topic_id: id }];
    let answer = alice.ask(6, &DeleteTopicsRequest { topics, ..Default::default() }).expect("an answer");
    assert_eq!((answer.responses[0].error_code, &answer.responses[0].name), (NO_TOPIC, &None));
    assert_eq!(admin.ask(12, &named(&["t"])).expect("an answer").topics[0].error_code, 0, "it is still there");
}

/// A rule that comes while a client waits for records holds for those records.
#[test]
fn whoever_waits_is_looked_at_again() {
    let (rig, mut admin) = ruled();
    let id = admin.ask(12, &named(&["t"])).expect("an answer").topics[0].topic_id;
    for (offset, version, mut request) in [(0, 12, fetch("t", Uuid::NONE)), (1, 13, fetch("", id))] {
        request.topics[0].partitions[0].fetch_offset = offset;
        let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
        add(&mut admin, rule(TOPIC, "t", LITERAL, READ, ALLOW));
        alice.send(version, &request);
        add(&mut admin, rule(TOPIC, "t", LITERAL, READ, DENY));
        append(&mut admin, "t");
        let answer = alice.answer::<FetchRequest>(version).expect("an answer");
        let partition = &answer.responses[0].partitions[0];
        assert_eq!((partition.error_code, partition.records.bytes()), (NO_TOPIC, 0), "version {version}");
        remove_all(&mut admin);
    }
}

#[test]
fn offsets_of_topics_that_may_not_be_seen_are_not_told() {
    let (rig, mut admin) = ruled();
    let committed = admin.ask(8, &commit("g", "t")).expect("an answer");
    assert_eq!(committed.topics[0].partitions[0].error_code, 0);
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    add(&mut admin, rule(GROUP, "g", LITERAL, READ, ALLOW));
    let all = OffsetFetchGroup { group_id: "g".to_owned(), ..Default::default() };
    let topics = Some(vec![OffsetFetchGroupTopic { name: "t".to_owned(), partition_indexes: vec![0] }]);
    let one = OffsetFetchGroup { topics, ..all.clone() };
    let mut fetch = |group: &OffsetFetchGroup| {
        let request = OffsetFetchRequest { groups: vec![group.clone()], ..Default::default() };
        let answer = alice.ask(8, &request).expect("an answer").groups.remove(0);
        let topics = answer.topics.into_iter();
        topics.map(|topic| (topic.partitions[0].committed_offset, topic.partitions[0].error_code)).collect::<Vec<_>>()
    };
    assert_eq!(fetch(&all), []);
    assert_eq!(fetch(&one), [(-1, NO_TOPIC)]);
    add(&mut admin, rule(TOPIC, "t", LITERAL, DESCRIBE, ALLOW));
    assert_eq!((fetch(&all), fetch(&one)), (vec![(0, 0)], vec![(0, 0)]));
    let answer = alice.ask(8, &commit("g", "t")).expect("an answer");
    assert_eq!(answer.topics[0].partitions[0].error_code, NO_TOPIC, "seeing is not reading");
}

#[test]
fn groups_are_listed_to_those_who_may_see_them() {
    let (rig, mut admin) = ruled();
    for group in ["g", "h"] {
        assert_eq!(admin.ask(8, &commit(group, "t")).expect("an answer").topics[0].partitions[0].error_code, 0);
    }
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    let mut listed = || {
        let answer = alice.ask(4, &ListGroupsRequest::default()).expect("an answer");
        let mut names: Vec<String> = answer.groups.into_iter().map(|group| group.group_id).collect();
        names.sort();
        names.concat()
    };
    assert_eq!(listed(), "");
    add(&mut admin, rule(GROUP, "g", LITERAL, READ, ALLOW));
    assert_eq!(listed(), "g");
    add(&mut admin, rule(CLUSTER, "kafka-cluster", LITERAL, DESCRIBE, ALLOW));
    assert_eq!(listed(), "gh");
}

#[test]
fn operations_are_told_to_those_who_ask() {
    let (rig, mut admin) = ruled();
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    add(&mut admin, rule(TOPIC, "t", LITERAL, READ, ALLOW));
    add(&mut admin, rule(GROUP, "g", LITERAL, DELETE, ALLOW));
    let operations = |client: &mut Client| {
        let mut request = named(&["t"]);
        request.include_topic_authorized_operations = true;
        request.include_cluster_authorized_operations = true;
        let answer = client.ask(10, &request).expect("an answer");
        let group = DescribeGroupsRequest { groups: vec!["g".to_owned()], include_authorized_operations: true };
        let group = client.ask(5, &group).expect("an answer").groups.remove(0);
        let cluster = DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
        let cluster = client.ask(0, &cluster).expect("an answer").cluster_authorized_operations;
        assert_eq!(answer.cluster_authorized_operations, cluster);
        (answer.topics[0].topic_authorized_operations, group.authorized_operations, cluster)
    };
    let bits = |operations: &[i8]| operations.iter().fold(0, |bits, operation| bits | 1 << operation);
    assert_eq!(operations(&mut alice), (bits(&[READ, DESCRIBE]), bits(&[DELETE, DESCRIBE]), 0));
    let everything = (
        bits(&[READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, 10, 11]),
        bits(&[READ, DELETE, DESCRIBE, 10, 11]),
        bits(&[CREATE, ALTER, DESCRIBE, 9, 10, 11, 12]),
    );
    assert_eq!(operations(&mut admin), everything);
    // Without rules everybody may do everything.
    let open = start(|_, security| with_login(security));
    let mut anybody = Client::plain(open.address).logged_in("alice", "alice-secret");
    assert_eq!(create(&mut anybody, "t"), 0);
    assert_eq!(operations(&mut anybody), everything);
    let answer = anybody.ask(3, &CreateAclsRequest { creations: vec![rule(TOPIC, "t", LITERAL, READ, ALLOW)] });
    assert_eq!(answer.expect("an answer").results[0].error_code, ErrorCode::SecurityDisabled.number());
}

#[test]
fn rules_are_told_as_they_were_made() {
    let (_rig, mut admin) = ruled();
    let made = [
        rule(TOPIC, "t", LITERAL, READ, ALLOW),
        rule(TOPIC, "t", LITERAL, WRITE, DENY),
        rule(TOPIC, "t", PREFIXED, READ, ALLOW),
        rule(TRANSACTION, "x", LITERAL, 2, ALLOW),
    ];
    made.iter().for_each(|made| add(&mut admin, made.clone()));
    add(&mut admin, made[0].clone());
    let token = rule(6, "token", LITERAL, DESCRIBE, ALLOW);
    let answer = admin.ask(3, &CreateAclsRequest { creations: vec![token] }).expect("an answer");
    assert_eq!(answer.results[0].error_code, ErrorCode::InvalidRequest.number(), "there are no delegation tokens");
    let request = DescribeAclsRequest {
        resource_type_filter: TOPIC,
        resource_name_filter: Some("t2".to_owned()),
        pattern_type_filter: 2,
        operation: 1,
        permission_type: 1,
        ..Default::default()
    };
    let answer = admin.ask(3, &request).expect("an answer");
    assert_eq!((answer.resources.len(), answer.resources[0].pattern_type), (1, PREFIXED));
    let request = DescribeAclsRequest { resource_name_filter: None, pattern_type_filter: 1, ..request };
    let answer = admin.ask(3, &request).expect("an answer");
    let told: Vec<(i8, usize)> =
        answer.resources.iter().map(|resource| (resource.pattern_type, resource.acls.len())).collect();
    assert_eq!(told, [(LITERAL, 2), (PREFIXED, 1)]);
    assert_eq!(remove_all(&mut admin), 4);
    assert!(admin.ask(3, &request).expect("an answer").resources.is_empty());
}

#[test]
fn nobody_is_a_replica() {
    let rig = start(|_, security| with_login(security));
    let mut client = Client::plain(rig.address).logged_in("alice", "alice-secret");
    assert_eq!(create(&mut client, "t"), 0);
    let request = FetchRequest { replica_id: 2, ..fetch("t", Uuid::NONE) };
    let answer = client.ask(12, &request).expect("an answer");
    assert_eq!(answer.responses[0].partitions[0].error_code, NO_TOPIC);
    let replica = FetchReplica { replica_id: 2, replica_epoch: 1 };
    let request = FetchRequest { replica_state: replica, ..fetch("", Uuid([7; 16])) };
    assert_eq!(client.ask(15, &request).expect("an answer").responses[0].partitions[0].error_code, NO_TOPIC);
}

#[test]
fn a_regular_expression_shows_nobody_more_than_rules_let_it() {
    let (rig, mut admin) = ruled();
    assert_eq!(create(&mut admin, "u"), 0);
    add(&mut admin, rule(GROUP, "g", LITERAL, READ, ALLOW));
    add(&mut admin, rule(TOPIC, "t", LITERAL, DESCRIBE, ALLOW));
    let mut alice = Client::plain(rig.address).logged_in("alice", "alice-secret");
    let joins = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_regex: Some(".*".to_owned()),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let mut topics = |request: &ConsumerGroupHeartbeatRequest| {
        let answer = alice.ask(1, request).expect("an answer");
        assert_eq!(answer.error_code, 0);
        answer.assignment.map_or(0, |assignment| assignment.topic_partitions.len())
    };
    assert_eq!(topics(&joins), 1);
    add(&mut admin, rule(TOPIC, "*", LITERAL, DESCRIBE, ALLOW));
    assert_eq!(topics(&joins), 2, "rules hold at once");
}
