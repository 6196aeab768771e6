//! Fetch sessions over a connection: by names and by ids.

use millrace_broker::wire::Uuid;
use millrace_broker::wire::messages::fetch::*;

use super::rig::Served;

fn asks(version: i16, id: Uuid, session: (i32, i32), offsets: &[(i32, i64)]) -> FetchRequest {
    let partitions = offsets.iter().map(|(partition, fetch_offset)| FetchPartition {
        partition: *partition,
        fetch_offset: *fetch_offset,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    });
    let (topic, topic_id) = if version >= 13 { (String::new(), id) } else { ("a".to_owned(), Uuid::default()) };
    let topics = vec![FetchTopic { topic, topic_id, partitions: partitions.collect() }];
    let topics = topics.into_iter().filter(|topic| !topic.partitions.is_empty()).collect();
    FetchRequest { session_id: session.0, session_epoch: session.1, topics, ..FetchRequest::default() }
}

fn answered(response: &FetchResponse) -> Vec<(i32, usize)> {
    let found = response.responses.iter().flat_map(|topic| &topic.partitions);
    found.map(|partition| (partition.partition_index, partition.records.bytes())).collect()
}

#[test]
fn a_session_names_only_what_changes_and_is_answered_only_what_is_new() {
    for version in [7, 12, 13, 17] {
        let served = Served::start();
        served.make_topic("a", 3);
        let id = Uuid(served.log.client_topic("a").expect("it is there").id);
        let mut client = served.client();
        client.produce("a", 1, 100);
        let first = client.ask(version, &asks(version, id, (0, 0), &[(0, 0), (1, 0), (2, 0)]));
        assert_eq!((first.error_code, first.session_id > 0), (0, true), "version {version}");
        let [(0, 0), (1, read), (2, 0)] = answered(&first)[..] else { panic!("{:?}", answered(&first)) };
        assert!(read > 100);
        let session = first.session_id;
        let next = client.ask(version, &asks(version, id, (session, 1), &[(1, 1)]));
        assert_eq!((next.session_id, answered(&next).as_slice()), (session, &[][..]));
        client.produce("a", 2, 100);
        let next = client.ask(version, &asks(version, id, (session, 2), &[]));
        assert_eq!(answered(&next), [(2, read)]);
        let wrong = client.ask(version, &asks(version, id, (session, 2), &[]));
        assert_eq!(wrong.error_code, 71, "an epoch is used once");
        let other = if version >= 13 { 12 } else { 13 };
        let mixed = client.ask(other, &asks(other, id, (session, 3), &[(0, 0)]));
        assert_eq!(mixed.error_code, 106, "names and ids do not go together");
        let full = client.ask(version, &asks(version, id, (session, -1), &[(0, 0)]));
        assert_eq!((full.session_id, answered(&full)), (0, vec![(0, 0)]));
        assert_eq!(client.ask(version, &asks(version, id, (session, 3), &[])).error_code, 70, "it is over");
    }
}

/// Much of it is sent from the files where it lies, a little is read before.
#[test]
fn what_is_fetched_in_one_answer_is_all_that_was_appended() {
    let served = Served::start();
    served.make_topic("a", 3);
    let mut client = served.client();
    for round in 0..60 {
        client.produce("a", 0, 40_000 + round);
        client.produce("a", 1, 10 + round);
    }
    for round in 0..3 {
        client.produce("a", 2, 300_000 + round);
    }
    let id = Uuid(served.log.client_topic("a").expect("it is there").id);
    let whole = FetchRequest { max_bytes: 50 << 20, ..asks(17, id, (0, -1), &[(0, 0), (1, 0), (2, 0)]) };
    let mut next = [0_i64; 3];
    let mut lengths = [(); 3].map(|()| Vec::new());
    while next != [60, 60, 3] {
        let mut request = whole.clone();
        request.topics[0].partitions.iter_mut().for_each(|asked| asked.fetch_offset = next[asked.partition as usize]);
        let response = client.ask(17, &request);
        assert!(response.responses[0].partitions.iter().any(|found| found.records.bytes() > 0), "it gets on");
        for found in &response.responses[0].partitions {
            let number = found.partition_index as usize;
            let records: Vec<u8> = found.records.0.iter().flat_map(|piece| piece.read().expect("it came")).collect();
            let mut rest = &records[..];
            while !rest.is_empty() {
                assert_eq!(rest[..8], next[number].to_be_bytes());
                let bytes = 12 + u32::from_be_bytes(rest[8..12].try_into().expect("four bytes")) as usize;
                let (frame, behind) = rest.split_at(bytes);
                assert!(frame[bytes - 11..bytes - 1].iter().all(|byte| *byte == b'x'));
                lengths[number].push(bytes);
                (rest, next[number]) = (behind, next[number] + 1);
            }
        }
    }
    let grows = |lengths: &[usize]| lengths.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(grows(&lengths[0]) && grows(&lengths[2]), "{lengths:?}");
}
