//! Quotas: kept, told, and held to.

use std::time::{Duration, Instant};

use millrace_broker::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use millrace_broker::wire::messages::quotas::*;

use super::rig::{Client, Served};

fn alter(client: &mut Client, kind: &str, name: Option<&str>, key: &str, value: f64) -> i16 {
    let entity = vec![AlterQuotaEntity { entity_type: kind.to_owned(), entity_name: name.map(str::to_owned) }];
    let ops = vec![AlterQuotaOp { key: key.to_owned(), value, remove: value == 0.0 }];
    let request = AlterClientQuotasRequest { entries: vec![AlterQuota { entity, ops }], validate_only: false };
    client.ask(1, &request).entries[0].error_code
}

#[test]
fn quotas_outlive_a_restart() {
    let served = Served::start();
    let mut client = served.client();
    assert_eq!(alter(&mut client, "client-id", Some("till"), "producer_byte_rate", 1_000.0), 0);
    assert_eq!(alter(&mut client, "client-id", None, "consumer_byte_rate", 2_000.0), 0);
    assert_eq!(alter(&mut client, "planet", None, "consumer_byte_rate", 2_000.0), 42);
    assert_eq!(alter(&mut client, "ip", Some("nowhere"), "connection_creation_rate", 2.0), 42);
    let served = served.restart();
    let found = served.client().ask(1, &DescribeClientQuotasRequest::default());
    let entries = found.entries.expect("there is a list");
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.entity[0].entity_name.as_deref(), entry.values[0].key.as_str(), entry.values[0].value))
        .collect();
    assert_eq!(told, [(Some("till"), "producer_byte_rate", 1_000.0), (None, "consumer_byte_rate", 2_000.0)]);
}

#[test]
fn who_sends_too_much_is_answered_and_then_not_listened_to() {
    let served = Served::start();
    served.make_topic("a", 1);
    let mut client = served.client();
    assert_eq!(alter(&mut client, "client-id", Some("till"), "producer_byte_rate", 20_000.0), 0);
    assert_eq!(client.produce("a", 0, 100_000), 0, "who was quiet may send the bytes of some seconds");
    let began = Instant::now();
    let wait_ms = client.produce("a", 0, 130_000);
    assert!((1..1_600).contains(&wait_ms), "{wait_ms} ms for 30,000 bytes too much");
    assert_eq!(client.ask(1, &DescribeClientQuotasRequest::default()).error_code, 0);
    assert!(began.elapsed() >= Duration::from_millis(wait_ms.unsigned_abs().into()), "it was not listened to");
    client.client_id = "another".to_owned();
    assert_eq!(client.produce("a", 0, 150_000), 0, "nobody else waits");
}

#[test]
fn who_reads_too_much_is_told_to_wait() {
    let served = Served::start();
    served.make_topic("a", 1);
    let mut client = served.client();
    for _ in 0..4 {
        client.produce("a", 0, 300_000);
    }
    assert_eq!(alter(&mut client, "client-id", Some("till"), "consumer_byte_rate", 100_000.0), 0);
    let partition = FetchPartition { partition_max_bytes: 2_000_000, ..FetchPartition::default() };
    let topics = vec![FetchTopic { topic: "a".to_owned(), partitions: vec![partition], ..FetchTopic::default() }];
    let found = client.ask(12, &FetchRequest { topics, ..FetchRequest::default() });
    assert!((1..2_200).contains(&found.throttle_time_ms), "{} ms for 1,200,000 bytes", found.throttle_time_ms);
}
