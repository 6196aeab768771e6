//! Answers of many clients that have to share little memory.

use std::time::Duration;

use millrace_broker::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};

use super::rig::Served;

const RECORD_BYTES: usize = 900_000;
const RECORDS: usize = 20;
/// More than the system keeps for a connection.
const ANSWERS: usize = 60;

/// A broker with so much room for answers, and a topic of twenty large records.
fn crowded(answer_bytes_max: usize) -> Served {
    let served = Served::with(|options| {
        options.answer_bytes_max = answer_bytes_max;
        options.stall_time_max = Duration::from_millis(50);
    });
    served.make_topic("t", 1);
    let mut client = served.client();
    for _ in 0..RECORDS {
        client.produce("t", 0, RECORD_BYTES);
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
    let answers = read_all(&crowded(32 << 20), 1);
    assert!(answers.iter().all(|bytes| *bytes <= 4 << 20), "{answers:?}");
    assert!(read_all(&crowded(1 << 30), 1)[0] > 4 << 20, "where there is enough it is larger");
    assert_eq!(read_all(&crowded(100_000), 1).len(), RECORDS, "a batch is answered whole, however little there is");
    // Whoever wants more at once than there is room for does not wait for it.
    assert!(read_all(&crowded(32 << 20), 10 << 20).iter().all(|bytes| *bytes <= 4 << 20));
}

#[test]
fn who_does_not_take_answers_keeps_nobody_out_for_long() {
    let served = crowded(2 << 20);
    let deaf = || {
        let mut client = served.client();
        (0..ANSWERS).for_each(|_| client.send(11, &all_from(0, 1)));
        client
    };
    let deaf: Vec<_> = std::iter::repeat_with(deaf).take(4).collect();
    assert_eq!(read_all(&served, 1).len(), RECORDS);
    drop(deaf);
}
