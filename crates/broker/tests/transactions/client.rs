//! A client that says exactly what it is told to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use millrace_broker::wire::api::Request;
use millrace_broker::wire::messages::commits::*;
use millrace_broker::wire::messages::fetch::*;
use millrace_broker::wire::messages::offsets::*;
use millrace_broker::wire::messages::produce::*;
use millrace_broker::wire::messages::topics::*;
use millrace_broker::wire::messages::transactions::*;
use millrace_broker::wire::{ErrorCode, Reader, RequestHeader, ResponseHeader, Value, Writer};

/// Longest wait for an answer before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

/// What a producer has to say of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) name: &'static str,
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

pub(crate) fn code(number: i16) -> ErrorCode {
    ErrorCode::of(number).expect("it is known")
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
        Self { stream, correlation_id: 0 }
    }

    /// The answer to a request.
    pub(crate) fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.try_ask(version, request).expect("it is answered")
    }

    /// The answer to a request, unless the server goes.
    pub(crate) fn try_ask<R: Request>(&mut self, number: i16, request: &R) -> std::io::Result<R::Response> {
        self.correlation_id += 1;
        let api = R::KEY.api();
        let version = api.version(number).expect("it can be written");
        let header = RequestHeader {
            api_key: R::KEY.number(),
            api_version: number,
            correlation_id: self.correlation_id,
            client_id: Some("test".to_owned()),
        };
        let mut writer = Writer::new();
        header.write(&mut writer);
        request.write(&mut writer, version);
        for chunk in writer.finish() {
            self.stream.write_all(&chunk.read()?)?;
        }
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame)?;
        let mut reader = Reader::new(Bytes::from(frame));
        let header = ResponseHeader::read(&mut reader, api, number).expect("it has a header");
        assert_eq!(header.correlation_id, self.correlation_id);
        let response = R::Response::read(&mut reader, version).expect("it can be read");
        reader.finish().expect("there is nothing behind it");
        Ok(response)
    }

    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32) {
        let topic = CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
        assert_eq!(code(self.ask(5, &request).topics[0].error_code), ErrorCode::None);
    }

    /// A life for the producer `name`.
    pub(crate) fn init(&mut self, name: &'static str) -> Me {
        let me = self.try_init(4, name, 60_000, (-1, -1));
        me.unwrap_or_else(|code| panic!("{code:?}"))
    }

    pub(crate) fn try_init(
        &mut self,
        version: i16,
        name: &'static str,
        timeout_ms: i32,
        (producer_id, producer_epoch): (i64, i16),
    ) -> Result<Me, ErrorCode> {
        let request = InitProducerIdRequest {
            transactional_id: Some(name.to_owned()),
            transaction_timeout_ms: timeout_ms,
            producer_id,
            producer_epoch,
        };
        let answer = self.ask(version, &request);
        match code(answer.error_code) {
            ErrorCode::None => Ok(Me { name, id: answer.producer_id, epoch: answer.producer_epoch }),
            code => Err(code),
        }
    }

    pub(crate) fn add(&mut self, version: i16, me: Me, topics: &[(&str, &[i32])]) -> Vec<ErrorCode> {
        let topics = topics
            .iter()
            .map(|(name, partitions)| AddPartitionsTopic { name: (*name).to_owned(), partitions: partitions.to_vec() });
        let request = AddPartitionsToTxnRequest {
            transactional_id: me.name.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            topics: topics.collect(),
        };
        let results = self.ask(version, &request).results;
        let codes = results.iter().flat_map(|topic| &topic.results_by_partition);
        codes.map(|partition| code(partition.partition_error_code)).collect()
    }

    pub(crate) fn add_group(&mut self, me: Me, group: &str) -> ErrorCode {
        let request = AddOffsetsToTxnRequest {
            transactional_id: me.name.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            group_id: group.to_owned(),
        };
        code(self.ask(3, &request).error_code)
    }

    pub(crate) fn commit_offset(&mut self, version: i16, me: Me, group: &str, of: (&str, i32, i64)) -> ErrorCode {
        let (topic, partition_index, committed_offset) = of;
        let partition = TxnOffsetCommitPartition { partition_index, committed_offset, ..Default::default() };
        let request = TxnOffsetCommitRequest {
            transactional_id: me.name.to_owned(),
            group_id: group.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            topics: vec![TxnOffsetCommitTopic { name: topic.to_owned(), partitions: vec![partition] }],
            ..TxnOffsetCommitRequest::default()
        };
        code(self.ask(version, &request).topics[0].partitions[0].error_code)
    }

    pub(crate) fn end(&mut self, version: i16, me: Me, committed: bool) -> ErrorCode {
        let request = EndTxnRequest {
            transactional_id: me.name.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            committed,
        };
        code(self.ask(version, &request).error_code)
    }

    /// Appends one record of a transaction.
    pub(crate) fn send(&mut self, version: i16, me: Me, to: (&str, i32), sequence: i32, value: &str) -> ErrorCode {
        let frame = frame((me.id, me.epoch, sequence), None, value);
        self.send_frame(version, Some(me.name), to, frame)
    }

    pub(crate) fn send_frame(
        &mut self,
        version: i16,
        transactional_id: Option<&str>,
        (topic, index): (&str, i32),
        frame: Bytes,
    ) -> ErrorCode {
        let partition = ProducePartition { index, records: Some(frame) };
        let topic = ProduceTopic { name: topic.to_owned(), partition_data: vec![partition] };
        let request = ProduceRequest {
            transactional_id: transactional_id.map(str::to_owned),
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![topic],
        };
        code(self.ask(version, &request).responses[0].partition_responses[0].error_code)
    }

    /// What a reader of committed records, or of everything, gets of a partition.
    pub(crate) fn fetch(&mut self, topic: &str, partition: i32, isolation_level: i8) -> FetchedPartition {
        self.fetch_from(topic, partition, 0, isolation_level)
    }

    /// The same from an offset on.
    pub(crate) fn fetch_from(
        &mut self,
        topic: &str,
        partition: i32,
        fetch_offset: i64,
        isolation_level: i8,
    ) -> FetchedPartition {
        let partition =
            FetchPartition { partition, fetch_offset, partition_max_bytes: 1 << 20, ..FetchPartition::default() };
        let request = FetchRequest {
            max_bytes: 1 << 20,
            isolation_level,
            topics: vec![FetchTopic { topic: topic.to_owned(), partitions: vec![partition], ..FetchTopic::default() }],
            ..FetchRequest::default()
        };
        self.ask(11, &request).responses.remove(0).partitions.remove(0)
    }

    /// Values of the committed records of a partition.
    pub(crate) fn committed(&mut self, topic: &str, partition: i32) -> Vec<String> {
        let fetched = self.fetch(topic, partition, 1);
        let mut told = fetched.aborted_transactions.unwrap_or_default();
        let mut dropped = Vec::new();
        let mut values = Vec::new();
        let bytes: Vec<u8> =
            fetched.records.0.iter().flat_map(|chunk| chunk.read().expect("it is in memory")).collect();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let number = |at: usize| i64::from_be_bytes(rest[at..at + 8].try_into().expect("a header is there"));
            let length = 12 + i32::from_be_bytes(rest[8..12].try_into().expect("a header is there")) as usize;
            let (base, id) = (number(0), number(43));
            dropped.extend(told.extract_if(.., |told| told.first_offset <= base).map(|told| told.producer_id));
            if rest[22] & 0x20 != 0 {
                if rest[68..70] == [0, 0] {
                    dropped.retain(|dropped| *dropped != id);
                }
            } else if !dropped.contains(&id) {
                // Behind the header: length, attributes, time, offset, length of the key, length of the value.
                let value = &rest[67..length - 1];
                values.push(String::from_utf8_lossy(value).into_owned());
            }
            rest = &rest[length..];
        }
        values
    }

    /// The end of a partition as ListOffsets tells it.
    pub(crate) fn latest(&mut self, topic: &str, partition_index: i32, isolation_level: i8) -> i64 {
        let partition = ListOffsetsPartition { partition_index, timestamp: -1, ..ListOffsetsPartition::default() };
        let topic = ListOffsetsTopic { name: topic.to_owned(), partitions: vec![partition] };
        let request = ListOffsetsRequest { replica_id: -1, isolation_level, topics: vec![topic], ..Default::default() };
        self.ask(5, &request).topics[0].partitions[0].offset
    }

    /// How far a group has read a partition; the error where that may still change.
    pub(crate) fn offset_of(&mut self, group: &str, topic: &str, partition: i32) -> Result<i64, ErrorCode> {
        let topic = OffsetFetchTopic { name: topic.to_owned(), partition_indexes: vec![partition] };
        let request = OffsetFetchRequest {
            group_id: group.to_owned(),
            topics: Some(vec![topic]),
            require_stable: true,
            ..OffsetFetchRequest::default()
        };
        let answer = self.ask(7, &request);
        let partition = &answer.topics[0].partitions[0];
        match code(partition.error_code) {
            ErrorCode::None => Ok(partition.committed_offset),
            code => Err(code),
        }
    }

    pub(crate) fn states(&mut self) -> Vec<(String, String)> {
        let listed = self.ask(0, &ListTransactionsRequest::default()).transaction_states;
        listed.into_iter().map(|found| (found.transactional_id, found.transaction_state)).collect()
    }
}

fn put_varint(number: i64, to: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

fn put(text: Option<&str>, to: &mut Vec<u8>) {
    put_varint(text.map_or(-1, |text| text.len() as i64), to);
    to.extend_from_slice(text.unwrap_or_default().as_bytes());
}

/// A frame with one record, in a transaction of the producer with this id, epoch and number of the record.
pub(crate) fn frame((id, epoch, sequence): (i64, i16, i32), key: Option<&str>, value: &str) -> Bytes {
    // Attributes, time and offset of the record.
    let mut record = vec![0; 3];
    put(key, &mut record);
    put(Some(value), &mut record);
    // It has no headers.
    record.push(0);
    let mut checked = Vec::new();
    checked.extend(0x10_i16.to_be_bytes());
    checked.extend(0_i32.to_be_bytes());
    checked.extend([0; 16]);
    checked.extend(id.to_be_bytes());
    checked.extend(epoch.to_be_bytes());
    checked.extend(sequence.to_be_bytes());
    checked.extend(1_i32.to_be_bytes());
    put_varint(record.len() as i64, &mut checked);
    checked.extend(record);
    let mut frame = Vec::new();
    frame.extend(0_i64.to_be_bytes());
    frame.extend((checked.len() as i32 + 9).to_be_bytes());
    frame.extend((-1_i32).to_be_bytes());
    frame.push(2);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &checked) as u32;
    frame.extend(crc.to_be_bytes());
    frame.extend(checked);
    Bytes::from(frame)
}
