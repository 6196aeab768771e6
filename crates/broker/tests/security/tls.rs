//! TLS with certificates made here.

use std::io::Read;
use std::time::{Duration, Instant};

use millrace_broker::wire::ErrorCode;
use millrace_broker::wire::messages::api_versions::ApiVersionsRequest;
use millrace_broker::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use millrace_broker::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use millrace_broker::wire::messages::produce::{ProducePartition, ProduceRequest, ProduceTopic};
use millrace_broker::{Broker, BrokerOptions, TlsFiles};

use crate::batch::batch;
use crate::client::{Client, PATIENCE, connect};
use crate::rig::{Certificates, start, with_login};

#[test]
fn requests_are_answered_over_tls_and_only_so() {
    let rig = start(|certificates, security| security.tls = Some(certificates.of_server()));
    let mut client = Client::tls(rig.address, &rig.certificates, None);
    assert!(client.ask(3, &ApiVersionsRequest::default()).is_some());
    // An answer that does not fit one record of TLS.
    let named = |number| MetadataRequestTopic { name: Some(format!("topic-{number}")), ..Default::default() };
    let request = MetadataRequest { topics: Some((0..300).map(named).collect()), ..MetadataRequest::default() };
    assert_eq!(client.ask(12, &request).expect("an answer").topics.len(), 300);
    let mut client = Client::plain(rig.address);
    client.send(3, &ApiVersionsRequest::default());
    let mut answer = Vec::new();
    while let Some(frame) = client.frame_or_alert() {
        answer.extend(frame);
    }
    // An alert of TLS at most, which is no answer.
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
}

/// Over plain text they go from the file to the socket; here they have to be encrypted.
#[test]
fn many_records_are_read_over_tls() {
    let rig = start(|certificates, security| security.tls = Some(certificates.of_server()));
    let mut client = Client::tls(rig.address, &rig.certificates, None);
    let topics = vec![MetadataRequestTopic { name: Some("orders".to_owned()), ..Default::default() }];
    let metadata = MetadataRequest { topics: Some(topics), allow_auto_topic_creation: true, ..Default::default() };
    client.ask(9, &metadata).expect("an answer");
    for _ in 0..5 {
        let partition_data = vec![ProducePartition { index: 0, records: Some(batch(300_000)) }];
        let topic_data = vec![ProduceTopic { name: "orders".to_owned(), partition_data }];
        let request = ProduceRequest { acks: 1, timeout_ms: 1_000, topic_data, ..Default::default() };
        let response = client.ask(9, &request).expect("an answer");
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    }
    let partitions = vec![FetchPartition { partition_max_bytes: 50 << 20, ..FetchPartition::default() }];
    let topics = vec![FetchTopic { topic: "orders".to_owned(), partitions, ..FetchTopic::default() }];
    let fetch = FetchRequest { max_bytes: 50 << 20, session_epoch: -1, topics, ..FetchRequest::default() };
    let response = client.ask(12, &fetch).expect("an answer");
    let records = response.responses[0].partitions[0].records.0[0].read().expect("it came");
    let sent = batch(300_000);
    assert_eq!(records.len(), 5 * sent.len());
    for (number, frame) in records.chunks(sent.len()).enumerate() {
        assert_eq!(frame[..8], (number as i64).to_be_bytes());
        assert_eq!(frame[16..], sent[16..]);
    }
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for() {
    let rig = start(|certificates, security| {
        security.tls = Some(certificates.of_server());
        security.handshake_time_max = Duration::from_millis(50);
    });
    let mut silent = connect(rig.address);
    assert_eq!(silent.read(&mut [0; 64]).unwrap_or(0), 0);
}

#[test]
fn a_client_is_who_its_certificate_names() {
    let rig = start(|certificates, security| {
        security.tls = Some(certificates.mutual());
        security.acl = true;
        security.super_users = vec!["User:CN=orders,O=Shop".to_owned()];
    });
    let topics = vec![MetadataRequestTopic { name: Some("orders".to_owned()), ..Default::default() }];
    let request = MetadataRequest { topics: Some(topics), ..MetadataRequest::default() };
    let mut client = Client::tls(rig.address, &rig.certificates, Some(&rig.certificates.client));
    assert_eq!(client.ask(12, &request).expect("an answer").topics[0].error_code, 0);
    let without = Client::tls(rig.address, &rig.certificates, None).ask(12, &request);
    assert!(without.is_none(), "nobody vouches for nobody");
    let stranger = Client::tls(rig.address, &rig.certificates, Some(&rig.certificates.stranger)).ask(12, &request);
    assert!(stranger.is_none(), "nobody vouches for it");
}

#[test]
fn whoever_logs_in_is_the_user_and_not_the_certificate() {
    let rig = start(|certificates, security| {
        with_login(security);
        security.tls = Some(certificates.mutual());
        security.acl = true;
        security.super_users = vec!["User:CN=orders,O=Shop".to_owned()];
    });
    let topics = vec![MetadataRequestTopic { name: Some("orders".to_owned()), ..Default::default() }];
    let request = MetadataRequest { topics: Some(topics), ..MetadataRequest::default() };
    let client = Client::tls(rig.address, &rig.certificates, Some(&rig.certificates.client));
    let answer = client.logged_in("alice", "alice-secret").ask(12, &request).expect("an answer");
    assert_eq!(answer.topics[0].error_code, ErrorCode::TopicAuthorizationFailed.number());
}

#[test]
fn a_certificate_that_is_renewed_is_used_while_it_runs() {
    let rig = start(|certificates, security| {
        security.tls = Some(certificates.of_server());
        security.certificate_check_interval = Duration::from_millis(5);
    });
    let mut before = Client::tls(rig.address, &rig.certificates, None);
    assert!(before.ask(3, &ApiVersionsRequest::default()).is_some());
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let renewed = Certificates::make(folder.path());
    for (new, old) in [(&renewed.server.0, &rig.certificates.server.0), (&renewed.server.1, &rig.certificates.server.1)]
    {
        std::fs::copy(new, old).expect("there is room");
    }
    // Whoever believes the new authority alone is refused until then.
    let deadline = Instant::now() + PATIENCE;
    while Client::tls(rig.address, &renewed, None).ask(3, &ApiVersionsRequest::default()).is_none() {
        assert!(Instant::now() < deadline, "the renewed certificate is never used");
    }
    assert!(before.ask(3, &ApiVersionsRequest::default()).is_some(), "who is connected stays so");
}

#[test]
fn files_that_do_not_fit_are_told() {
    let rig = start(|_, _| {});
    let certificates = &rig.certificates;
    let told = |files: TlsFiles| {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let registry = millrace_schema::Registry::open(&folder.path().join("schemas.json")).expect("an empty registry");
        let config = millrace_log::LogConfig::default();
        let log = millrace_log::EmbeddedLog::open(&folder.path().join("log"), config, std::sync::Arc::new(registry));
        let mut options = BrokerOptions::new(rig.address);
        options.security.tls = Some(files);
        Broker::open(log.expect("an empty log"), options).err().expect("it is refused").to_string()
    };
    let right = certificates.mutual();
    let missing = rig.folder.path().join("missing.pem");
    let other_key = certificates.client.1.clone();
    for (files, word) in [
        (TlsFiles { certificate: missing.clone(), ..right.clone() }, "missing.pem"),
        (TlsFiles { certificate: right.key.clone(), ..right.clone() }, "no certificate"),
        (TlsFiles { key: missing.clone(), ..right.clone() }, "missing.pem"),
        (TlsFiles { key: right.certificate.clone(), ..right.clone() }, "no private key"),
        (TlsFiles { key: other_key, ..right.clone() }, "with the key given"),
        (TlsFiles { client_ca: Some(missing), ..right.clone() }, "missing.pem"),
    ] {
        let text = told(files);
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
}
