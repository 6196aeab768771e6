//! Partitions, folders, moves and elections of one broker.

use millrace_broker::wire::messages::cluster::*;

use super::rig::Served;

#[test]
fn partitions_come_a_page_at_a_time() {
    let served = Served::start();
    served.make_topic("a", 3);
    served.make_topic("b", 2);
    let mut client = served.client();
    let (mut cursor, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let request = DescribeTopicPartitionsRequest { response_partition_limit: 2, cursor, ..Default::default() };
        let page = client.ask(0, &request);
        assert!(page.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>() <= 2);
        for topic in page.topics {
            let name = topic.name.expect("it has a name");
            seen.extend(topic.partitions.iter().map(|partition| (name.clone(), partition.partition_index)));
        }
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let all = [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)];
    assert_eq!(seen.iter().map(|(name, number)| (name.as_str(), *number)).collect::<Vec<_>>(), all);
    assert_eq!(pages, 3);
    let named = |names: &[&str]| DescribeTopicPartitionsRequest {
        topics: names.iter().map(|name| DescribePartitionsTopic { name: name.to_string() }).collect(),
        ..Default::default()
    };
    let found = client.ask(0, &named(&["b", "nowhere", "no name"]));
    let codes: Vec<_> = found.topics.iter().map(|topic| (topic.name.as_deref(), topic.error_code)).collect();
    assert_eq!(codes, [(Some("b"), 0), (Some("no name"), 17), (Some("nowhere"), 3)]);
    let partition = &found.topics[0].partitions[1];
    assert_eq!((partition.leader_id, partition.isr_nodes.as_slice()), (1, &[1][..]));
}

#[test]
fn the_folder_says_what_partitions_take() {
    let served = Served::start();
    served.make_topic("a", 2);
    let mut client = served.client();
    client.produce("a", 1, 5_000);
    for version in 1..=4 {
        let found = client.ask(version, &DescribeLogDirsRequest { topics: None });
        let dir = &found.results[0];
        assert_eq!((dir.error_code, dir.topics.len()), (0, 1));
        let sizes: Vec<i64> = dir.topics[0].partitions.iter().map(|partition| partition.partition_size).collect();
        assert!(sizes[0] == 0 && (5_000..6_000).contains(&sizes[1]), "{sizes:?}");
        assert_eq!(dir.log_dir, served.log.dir().display().to_string());
        assert!(version < 4 || (dir.usable_bytes > 0 && dir.total_bytes >= dir.usable_bytes));
    }
    let topics = Some(vec![LogDirsTopic { topic: "a".to_owned(), partitions: vec![1, 7, -1] }]);
    let found = client.ask(4, &DescribeLogDirsRequest { topics });
    let numbers: Vec<i32> = found.results[0].topics[0].partitions.iter().map(|found| found.partition_index).collect();
    assert_eq!(numbers, [1], "of what is not there nothing is said");
}

#[test]
fn partitions_move_nowhere() {
    let served = Served::start();
    served.make_topic("a", 1);
    let mut client = served.client();
    let asks = |partition_index, replicas: Option<&[i32]>| {
        let partitions = vec![ReassignedPartition { partition_index, replicas: replicas.map(<[i32]>::to_vec) }];
        let topics = vec![ReassignedTopic { name: "a".to_owned(), partitions }];
        AlterPartitionReassignmentsRequest { topics, ..Default::default() }
    };
    let mut code =
        |request: AlterPartitionReassignmentsRequest| client.ask(1, &request).responses[0].partitions[0].error_code;
    assert_eq!(code(asks(0, Some(&[1]))), 0, "it is there already");
    assert_eq!(code(asks(0, Some(&[2]))), 39, "there is no such broker");
    assert_eq!(code(asks(0, Some(&[1, 2]))), 39);
    assert_eq!(code(asks(0, Some(&[]))), 39);
    assert_eq!(code(asks(0, None)), 85, "nothing moves that could be stopped");
    assert_eq!(code(asks(3, Some(&[1]))), 3);
    assert_eq!(client.ask(0, &ListPartitionReassignmentsRequest::default()).topics, []);
}

#[test]
fn no_election_is_needed() {
    let served = Served::start();
    served.make_topic("a", 1);
    let mut client = served.client();
    let topics = vec![ElectLeadersTopic { topic: "a".to_owned(), partitions: vec![0, 1] }];
    for version in 0..=2 {
        let request = ElectLeadersRequest { topic_partitions: Some(topics.clone()), ..Default::default() };
        let found = client.ask(version, &request);
        let codes: Vec<i16> =
            found.replica_election_results[0].partition_result.iter().map(|found| found.error_code).collect();
        assert_eq!(codes, [84, 3]);
        let all = client.ask(version, &ElectLeadersRequest { topic_partitions: None, ..Default::default() });
        assert_eq!((all.error_code, all.replica_election_results.len()), (0, 0));
    }
}
