//! Answers of many clients that have to share little memory.

use std::collections::BTreeSet;
use std::time::Duration;

use millrace_broker::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};

use super::rig::Served;

/// So large that they go from the file to the socket.
const RECORD_BYTES: usize = 900_000;
const RECORDS: usize = 20;
/// So small that they are read first.
const SMALL_BYTES: usize = 50_000;
const PARTITIONS: i32 = 120;
/// More than the system keeps for a connection.
const ANSWERS: usize = 60;

/// A broker with so much room for answers, a topic of twenty large records, and one with a small one in each of many partitions.
fn crowded(answer_bytes_max: usize) -> Served {
    let served = Served::with(|options| {
        options.answer_bytes_max = answer_bytes_max;
        options.stall_time_max = Duration::from_millis(50);
    });
    served.make_topic("t", 1);
    served.make_topic("many", PARTITIONS as u32);
    let mut client = served.client();
    for _ in 0..RECORDS {
        client.produce("t", 0, RECORD_BYTES);
    }
    for partition in 0..PARTITIONS {
        client.produce("many", partition, SMALL_BYTES);
    }
    served
}

/// Asks for as much as there is.
fn all_from(fetch_offset: i64, min_bytes: i32) -> FetchRequest {
    let partition =
        FetchPartition { partition: 0, fetch_offset, partition_max_bytes: i32::MAX, ..FetchPartition::default() };
    let topics = vec![FetchTopic { topic: "t".to_owned(), partitions: vec![partition], ..FetchTopic::default() }];
    // Nobody waits as long as this.
    FetchRequest { max_bytes: i32::MAX, min_bytes, max_wait_ms: 300_000, topics, ..FetchRequest::default() }
}

/// Asks for the small records of these partitions.
fn small_from(partitions: &BTreeSet<i32>, min_bytes: i32) -> FetchRequest {
    let asked = partitions.iter().map(|partition| FetchPartition {
        partition: *partition,
        partition_max_bytes: i32::MAX,
        ..FetchPartition::default()
    });
    let topics = vec![FetchTopic { topic: "many".to_owned(), partitions: asked.collect(), ..FetchTopic::default() }];
    FetchRequest { topics, ..all_from(0, min_bytes) }
}

/// The bytes of each answer until all small records are read, each of which is to have so many of what is left.
fn read_small(served: &Served, min_records: usize) -> Vec<usize> {
    let (mut client, mut answers) = (served.client(), Vec::new());
    let mut partitions: BTreeSet<i32> = (0..PARTITIONS).collect();
    while !partitions.is_empty() {
        let min_bytes = partitions.len().min(min_records) * SMALL_BYTES;
        let answer = client.ask(11, &small_from(&partitions, min_bytes as i32));
        let found = answer.responses[0].partitions.iter().filter(|found| found.records.bytes() > 0);
        let (read, bytes): (Vec<i32>, Vec<usize>) =
            found.map(|found| (found.partition_index, found.records.bytes())).unzip();
        assert!(!read.is_empty(), "it gets on");
        read.iter().for_each(|partition| _ = partitions.remove(partition));
        answers.push(bytes.iter().sum());
    }
    answers
}

/// The bytes of each answer until everything is read.
fn read_all(served: &Served, min_bytes: i32) -> Vec<usize> {
    let (mut client, mut answers, mut read) = (served.client(), Vec::new(), 0);
    while read < RECORDS {
        let answer = client.ask(11, &all_from(read as i64, min_bytes));
        let bytes = answer.responses[0].partitions[0].records.bytes();
        assert!(bytes > RECORD_BYTES, "it gets on");
        read += bytes / RECORD_BYTES;
        answers.push(bytes);
    }
    answers
}

#[test]
fn an_answer_takes_a_share_of_the_room_there_is() {
    let served = crowded(16 << 20);
    let answers = read_small(&served, 1);
    assert!(answers.iter().all(|bytes| *bytes <= 2 << 20), "{answers:?}");
    // Whoever wants more at once than there is room for does not wait for it.
    assert!(read_small(&served, PARTITIONS as usize).iter().all(|bytes| *bytes <= 2 << 20));
    assert_eq!(read_small(&crowded(1 << 30), 1).len(), 1, "where there is enough it is larger");
    let least = read_small(&crowded(10_000), 1);
    assert_eq!(least.len(), PARTITIONS as usize, "a batch is answered whole, however little there is");
}

#[test]
fn what_goes_from_the_file_to_the_socket_takes_no_room() {
    for answer_bytes_max in [100_000, 16 << 20, 1 << 30] {
        let answers = read_all(&crowded(answer_bytes_max), 1);
        assert!(answers[0] > (RECORDS - 2) * RECORD_BYTES, "{answer_bytes_max}: {answers:?}");
    }
}

#[test]
fn who_does_not_take_answers_keeps_nobody_out_for_long() {
    let served = crowded(2 << 20);
    let deaf = || {
        let mut client = served.client();
        (0..ANSWERS).for_each(|_| client.send(11, &small_from(&(0..PARTITIONS).collect(), 1)));
        client
    };
    let deaf: Vec<_> = std::iter::repeat_with(deaf).take(4).collect();
    assert!(read_small(&served, 1).iter().sum::<usize>() > PARTITIONS as usize * SMALL_BYTES);
    drop(deaf);
}
