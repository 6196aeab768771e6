//! A client that takes next to nothing: it sends the same batch again and again, and reads batches without looking into them.
//! What limits it is the broker, where the other clients are mostly limited by themselves.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_broker::wire::api::Request;
use millrace_broker::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, FetchedPartition};
use millrace_broker::wire::messages::produce::{ProducePartition, ProduceRequest, ProduceTopic};
use millrace_broker::wire::{Reader, RequestHeader, ResponseHeader, Value, Writer};

use super::clients::{Clients, Shape};
use super::meter;
use super::peer::Peer;

/// Versions that topics are named in.
pub(crate) const PRODUCE: i16 = 9;
pub(crate) const FETCH: i16 = 12;
/// Requests that wait for their answers at a time, as with Kafka's clients.
const IN_FLIGHT: usize = 5;
/// What a fetch asks for, as Kafka's consumers do.
const PARTITION_BYTES: i32 = 1 << 20;
const ANSWER_BYTES: i32 = 50 << 20;
/// Bytes in front of the length of a batch, and those that it does not count.
const LENGTH_AT: usize = 8;
const LENGTH_END: usize = 12;

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bare {
    pub(crate) megabytes_per_s: f64,
    pub(crate) server_cpu_s_per_gb: f64,
    /// How many processors the client itself had busy.
    pub(crate) client_cpus: f64,
}

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    asked: i32,
}

impl Connection {
    pub(crate) fn open(peer: &Peer) -> Self {
        let stream = TcpStream::connect(&peer.address).expect("it listens");
        stream.set_nodelay(true).expect("an option of every socket");
        Self { stream, asked: 0 }
    }

    fn frame_of<R: Request>(&mut self, number: i16, request: &R) -> Vec<u8> {
        self.asked += 1;
        let client_id = Some("bare".to_owned());
        let (api_key, correlation_id) = (R::KEY.number(), self.asked);
        let mut writer = Writer::new();
        RequestHeader { api_key, api_version: number, correlation_id, client_id }.write(&mut writer);
        request.write(&mut writer, R::KEY.api().version(number).expect("a known version"));
        let pieces = writer.finish();
        let pieces = pieces.iter().map(|piece| piece.read().expect("a request is in memory"));
        pieces.collect::<Vec<_>>().concat()
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask<R: Request>(&mut self, number: i16, request: &R) -> R::Response {
        let frame = self.frame_of(number, request);
        self.stream.write_all(&frame).expect("it is sent");
        self.answer::<R>(number)
    }

    fn answer<R: Request>(&mut self, number: i16) -> R::Response {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).expect("it is answered");
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).expect("it is answered");
        let mut reader = Reader::new(frame.into());
        ResponseHeader::read(&mut reader, R::KEY.api(), number).expect("a header");
        R::Response::read(&mut reader, R::KEY.api().version(number).expect("a known version")).expect("an answer")
    }
}

/// Writes `bytes` in batches of about `batch_bytes` to a topic of so many partitions, and reads them.
pub(crate) fn round(
    clients: &Clients,
    peer: &Peer,
    topic: &str,
    shape: &Shape,
    batch_bytes: u64,
    bytes: u64,
) -> [Bare; 2] {
    let batch = batch(clients, peer, topic, shape, batch_bytes);
    let topic = clients.topic(peer, topic, shape.partitions);
    wait_for_leaders(&mut Connection::open(peer), &topic, shape.partitions);
    let [written, read] = [
        measured(peer, bytes, || write(&mut Connection::open(peer), &topic, shape.partitions, &batch, bytes)),
        measured(peer, bytes, || read(&mut Connection::open(peer), &topic, shape.partitions, bytes)),
    ];
    clients.delete(peer, &format!("{topic}(-pattern)?"));
    [written, read]
}

/// Returns when all partitions of a topic that was just made can be asked.
pub(crate) fn wait_for_leaders(connection: &mut Connection, topic: &str, partitions: u32) {
    let asked = FetchRequest { max_wait_ms: 0, ..asking(topic, &vec![0; partitions as usize]) };
    loop {
        let response = connection.ask(FETCH, &asked);
        if response.responses[0].partitions.iter().all(|found| found.error_code == 0) {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn measured(peer: &Peer, bytes: u64, work: impl FnOnce()) -> Bare {
    let (own, server, began) = (meter::cpu_s(std::process::id()), peer.cpu_s(), Instant::now());
    work();
    let wall_s = began.elapsed().as_secs_f64();
    Bare {
        megabytes_per_s: bytes as f64 / 1e6 / wall_s,
        server_cpu_s_per_gb: (peer.cpu_s() - server) / (bytes as f64 / 1e9),
        client_cpus: (meter::cpu_s(std::process::id()) - own) / wall_s,
    }
}

/// A batch of about `batch_bytes` that a client has made, in a topic beside the one that is written to.
pub(crate) fn batch(clients: &Clients, peer: &Peer, topic: &str, shape: &Shape, batch_bytes: u64) -> Bytes {
    let pattern = clients.topic(peer, &format!("{topic}-pattern"), 1);
    clients.c_batch(peer, &pattern, shape, batch_bytes);
    let response = Connection::open(peer).ask(FETCH, &asking(&pattern, &[0]));
    let records = response.responses[0].partitions[0].records.0[0].read().expect("it came");
    records.slice(..batch_end(&records))
}

fn batch_end(front: &[u8]) -> usize {
    let length = front[LENGTH_AT..LENGTH_END].try_into().expect("four bytes");
    LENGTH_END + u32::from_be_bytes(length) as usize
}

fn write(connection: &mut Connection, topic: &str, partitions: u32, batch: &Bytes, bytes: u64) {
    let mut sent = 0;
    let mut waiting = VecDeque::new();
    let mut turn = (0..partitions).cycle();
    while sent < bytes || !waiting.is_empty() {
        while sent < bytes && waiting.len() < IN_FLIGHT {
            let index = turn.next().and_then(|number| i32::try_from(number).ok()).expect("a number of a partition");
            let frame = connection.frame_of(PRODUCE, &producing(topic, index, batch));
            connection.stream.write_all(&frame).expect("it is sent");
            sent += batch.len() as u64;
            waiting.push_back(());
        }
        let response = connection.answer::<ProduceRequest>(PRODUCE);
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
        waiting.pop_front();
    }
}

/// A request that appends a batch.
pub(crate) fn producing(topic: &str, index: i32, batch: &Bytes) -> ProduceRequest {
    let partition_data = vec![ProducePartition { index, records: Some(batch.clone()) }];
    let topic_data = vec![ProduceTopic { name: topic.to_owned(), partition_data }];
    ProduceRequest { acks: 1, timeout_ms: 30_000, topic_data, ..ProduceRequest::default() }
}

/// A request for what follows `offsets`.
pub(crate) fn asking(topic: &str, offsets: &[i64]) -> FetchRequest {
    let partitions = offsets.iter().zip(0..).map(|(fetch_offset, partition)| FetchPartition {
        partition,
        fetch_offset: *fetch_offset,
        partition_max_bytes: PARTITION_BYTES,
        ..FetchPartition::default()
    });
    let topics =
        vec![FetchTopic { topic: topic.to_owned(), partitions: partitions.collect(), ..FetchTopic::default() }];
    let (max_wait_ms, min_bytes) = (500, 1);
    FetchRequest {
        max_wait_ms,
        min_bytes,
        max_bytes: ANSWER_BYTES,
        session_epoch: -1,
        topics,
        ..FetchRequest::default()
    }
}

fn read(connection: &mut Connection, topic: &str, partitions: u32, bytes: u64) {
    let mut next = vec![0; partitions as usize];
    let mut read = 0;
    while read < bytes {
        let response = connection.ask(FETCH, &asking(topic, &next));
        for found in &response.responses[0].partitions {
            for (end, bytes) in batches_of(found) {
                next[found.partition_index as usize] = end;
                read += bytes;
            }
        }
    }
}

/// The offsets after the batches that came, and their bytes. The last may be cut off, as Kafka has it.
pub(crate) fn batches_of(found: &FetchedPartition) -> Vec<(i64, u64)> {
    assert_eq!(found.error_code, 0);
    let Some(records) = found.records.0.first() else { return Vec::new() };
    let records = records.read().expect("it came");
    let (mut rest, mut batches) = (&records[..], Vec::new());
    while rest.len() > 61 && batch_end(rest) <= rest.len() {
        let number = |at: std::ops::Range<usize>| rest[at].iter().fold(0_i64, |n, byte| n << 8 | i64::from(*byte));
        let end = batch_end(rest);
        batches.push((number(0..8) + number(23..27) + 1, end as u64));
        rest = &rest[end..];
    }
    batches
}
