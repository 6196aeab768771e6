//! Single values, messages and frames, by hand.

use bytes::Bytes;
use millrace_log::Piece;

use super::api::{ApiKey, Request};
use super::fuzz::bytes_of;
use super::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use super::messages::fetch::{FetchRequest, FetchResponse, FetchedPartition, FetchedTopic};
use super::messages::membership::{JoinGroupRequest, JoinGroupResponse};
use super::messages::metadata::{MetadataRequest, MetadataResponse, MetadataTopic};
use super::messages::produce::{ProducePartition, ProduceRequest, ProduceTopic, ProducedPartition};
use super::{ErrorCode, Reader, Records, RequestHeader, Uuid, Value, Version, WireError, Writer};

const OLD: Version = Version { number: 0, flexible: false };
const FLEXIBLE: Version = Version { number: 0, flexible: true };

/// The frame without its length, in one piece.
pub(super) fn body(writer: Writer) -> Bytes {
    let frame = bytes_of(&writer.finish());
    let (length, body) = frame.split_first_chunk::<4>().expect("a length");
    assert_eq!(u32::from_be_bytes(*length) as usize, body.len());
    Bytes::copy_from_slice(body)
}

fn written(value: &impl Value, version: Version) -> Bytes {
    let mut writer = Writer::new();
    value.write(&mut writer, version);
    body(writer)
}

fn read<T: Value>(bytes: &[u8], version: Version) -> Result<T, WireError> {
    let mut reader = Reader::new(Bytes::copy_from_slice(bytes));
    let value = T::read(&mut reader, version)?;
    reader.finish()?;
    Ok(value)
}

fn version_of<T: Request>(number: i16) -> Version {
    T::KEY.api().version(number).expect("a version that can be read")
}

#[test]
fn lengths_are_compared_with_what_is_left() {
    assert_eq!(read::<Vec<i64>>(&[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0], OLD), Err(WireError::CutOff));
    assert_eq!(read::<Vec<i64>>(&[0x7f, 0xff, 0xff, 0xff], OLD), Err(WireError::CutOff));
    assert_eq!(read::<Vec<i64>>(&[0xff, 0xff, 0xff, 0xfe], OLD), Err(WireError::NegativeLength));
    assert_eq!(read::<Vec<i64>>(&[0xff, 0xff, 0xff, 0xff], OLD), Err(WireError::Null));
    assert_eq!(read::<Option<Vec<i64>>>(&[0xff, 0xff, 0xff, 0xff], OLD), Ok(None));
    assert_eq!(read::<Vec<i64>>(&[0xff, 0xff, 0xff, 0xff, 0x0f], FLEXIBLE), Err(WireError::CutOff));
    assert_eq!(read::<Vec<i64>>(&[0xff, 0xff, 0xff, 0xff, 0x1f], FLEXIBLE), Err(WireError::LongVarint));
    assert_eq!(read::<String>(&[0xff, 0xfe], OLD), Err(WireError::NegativeLength));
    assert_eq!(read::<String>(&[0, 2, 0xc3, 0x28], OLD), Err(WireError::NotUtf8));
    assert_eq!(read::<Bytes>(&[3, 1], FLEXIBLE), Err(WireError::CutOff));
    assert_eq!(read::<i16>(&[0, 1, 2], OLD), Err(WireError::BytesBehind));
}

#[test]
fn memory_of_all_arrays_is_bounded() {
    // 24 bytes of memory for each byte of the frame; the first 262144 of them fit into what is free.
    let of_texts = |count: usize| {
        let mut writer = Writer::new();
        writer.put_length(2, true);
        for _ in 0..2 {
            writer.put_length(count, true);
            writer.put(&vec![1; count]);
        }
        body(writer)
    };
    let few = read::<Vec<Vec<String>>>(&of_texts(100_000), FLEXIBLE).expect("arrays");
    assert_eq!((few.len(), few[1].len()), (2, 100_000));
    assert_eq!(read::<Vec<Vec<String>>>(&of_texts(150_000), FLEXIBLE), Err(WireError::TooManyElements));
    let numbers = vec![vec![0_i32; 1 << 20]; 4];
    assert_eq!(read::<Vec<Vec<i32>>>(&written(&numbers, OLD), OLD), Ok(numbers));
}

#[test]
fn numbers_and_ids_keep_their_values() {
    assert_eq!(read::<u32>(&written(&0xdead_beef_u32, OLD), OLD), Ok(0xdead_beef));
    assert_eq!(read::<u16>(&written(&0xbeef_u16, OLD), OLD), Ok(0xbeef));
    assert_eq!(read::<f64>(&written(&-0.5_f64, OLD), OLD), Ok(-0.5));
    assert_eq!(read::<Uuid>(&written(&Uuid([7; 16]), OLD), OLD), Ok(Uuid([7; 16])));
    assert_eq!(read::<bool>(&[2], OLD), Ok(true));
}

#[test]
fn texts_are_cut_between_characters() {
    let text = "ä".repeat(20_000);
    for version in [OLD, FLEXIBLE] {
        let again = read::<String>(&written(&text, version), version).expect("a text");
        assert_eq!((again.len(), text.starts_with(&again)), (32_766, true));
    }
    let long = written(&Bytes::from(text), FLEXIBLE);
    assert_eq!(read::<String>(&long, FLEXIBLE), Err(WireError::LongText));
}

#[test]
fn unknown_numbered_fields_are_passed_over() {
    let version = version_of::<ApiVersionsRequest>(3);
    let request = ApiVersionsRequest { client_software_name: "a".into(), client_software_version: "b".into() };
    assert_eq!(read(&[2, b'a', 2, b'b', 2, 9, 1, 0, 0x80, 1, 2, 8, 8], version), Ok(request));
    assert_eq!(read::<ApiVersionsRequest>(&[2, b'a', 2, b'b', 1, 9, 2, 0], version), Err(WireError::CutOff));
}

#[test]
fn known_numbered_fields_have_the_length_they_say() {
    let version = version_of::<ApiVersionsRequest>(3);
    let behind = |bytes: &[u8]| read::<ApiVersionsResponse>(&[&[0, 0, 1, 0, 0, 0, 0], bytes].concat(), version);
    let response = ApiVersionsResponse { zk_migration_ready: true, ..ApiVersionsResponse::default() };
    assert_eq!(behind(&[1, 3, 1, 1]), Ok(response));
    assert_eq!(behind(&[1, 3, 2, 1, 1]), Err(WireError::TagLength));
    assert_eq!(behind(&[1, 3, 0]), Err(WireError::CutOff));
}

#[test]
fn null_is_for_versions_that_have_it() {
    let (old, new) = (version_of::<MetadataRequest>(0), version_of::<MetadataRequest>(1));
    assert_eq!(read::<MetadataRequest>(&[0xff; 4], old), Err(WireError::Null));
    assert_eq!(read::<MetadataRequest>(&[0xff; 4], new).map(|request| request.topics), Ok(None));
    let response = JoinGroupResponse::default();
    let again = read::<JoinGroupResponse>(
        &written(&response, version_of::<JoinGroupRequest>(6)),
        version_of::<JoinGroupRequest>(6),
    );
    assert_eq!(again.map(|response| response.protocol_name), Ok(Some(String::new())));
    let again = read::<JoinGroupResponse>(
        &written(&response, version_of::<JoinGroupRequest>(7)),
        version_of::<JoinGroupRequest>(7),
    );
    assert_eq!(again.map(|response| response.protocol_name), Ok(None));
}

#[test]
fn fields_that_a_version_lacks_have_their_defaults() {
    let topic = MetadataTopic { topic_id: Uuid([1; 16]), topic_authorized_operations: 5, ..MetadataTopic::default() };
    let response = MetadataResponse { topics: vec![topic], controller_id: 3, ..MetadataResponse::default() };
    let version = version_of::<MetadataRequest>(0);
    let again = read::<MetadataResponse>(&written(&response, version), version).expect("an answer");
    assert_eq!(again.controller_id, -1);
    assert_eq!((again.topics[0].topic_id, again.topics[0].topic_authorized_operations), (Uuid::NONE, i32::MIN));
}

#[test]
fn records_are_not_copied() {
    let pieces = [vec![1; 5000], vec![2; 10], vec![3; 4096]].map(Bytes::from);
    let partition = FetchedPartition {
        records: Records(pieces.iter().cloned().map(Piece::from).collect()),
        ..FetchedPartition::default()
    };
    let topic = FetchedTopic { partitions: vec![partition], ..FetchedTopic::default() };
    let response = FetchResponse { responses: vec![topic], ..FetchResponse::default() };
    let mut writer = Writer::new();
    let version = ApiKey::Fetch.api().version(17).expect("a version that can be read");
    response.write(&mut writer, version);
    let chunks = writer.finish();
    assert_eq!(chunks.len(), 5);
    let at = |chunk: usize| chunks[chunk].read().expect("it is in memory").as_ptr();
    assert_eq!((at(1), at(3)), (pieces[0].as_ptr(), pieces[2].as_ptr()));
    let again = read::<FetchResponse>(&bytes_of(&chunks)[4..], version).expect("an answer");
    assert_eq!(again.responses[0].partitions[0].records.0, [Piece::from(Bytes::from(pieces.concat()))]);

    let partition = ProducePartition { index: 0, records: Some(pieces[0].clone()) };
    let topic_data = vec![ProduceTopic { name: "t".into(), partition_data: vec![partition] }];
    let frame = written(&ProduceRequest { topic_data, ..ProduceRequest::default() }, version_of::<ProduceRequest>(9));
    let request = ProduceRequest::read(&mut Reader::new(frame.clone()), version_of::<ProduceRequest>(9));
    let request = request.expect("a request");
    let records = request.topic_data[0].partition_data[0].records.as_ref().expect("records");
    assert!(frame.as_ptr_range().contains(&records.as_ptr()));
}

#[test]
fn unknown_requests_have_headers() {
    let header = RequestHeader { api_key: 999, api_version: 7, correlation_id: 5, client_id: None };
    let mut writer = Writer::new();
    header.write(&mut writer);
    let again = RequestHeader::read(&mut Reader::new(body(writer))).expect("a header");
    assert_eq!((again.version(), again), (None, header));
    let header = RequestHeader { api_key: 18, api_version: 99, ..RequestHeader::default() };
    assert!(header.api().is_some() && header.version().is_none());
}

#[test]
fn rows_agree_with_themselves() {
    for api in ApiKey::ALL.iter().map(|key| key.api()) {
        assert_eq!(ApiKey::of(api.key.number()), Some(api.key));
        assert_eq!(api.key.api(), api);
        assert_eq!(api.advertised.end(), api.decoded.end(), "{}", api.name);
        assert!(api.advertised.start() <= api.decoded.start(), "{}", api.name);
    }
}

#[test]
fn errors_keep_their_numbers() {
    for number in -1..=133 {
        assert_eq!(ErrorCode::of(number).map(ErrorCode::number), Some(number));
    }
    assert_eq!(ErrorCode::of(134), None);
    assert!(ErrorCode::NotLeaderOrFollower.is_retriable() && !ErrorCode::IllegalGeneration.is_retriable());
    assert_eq!(ErrorCode::None.to_string(), "nothing went wrong");
}

/// The bytes cannot tell: what has its default is left out.
#[test]
fn numbered_fields_have_the_defaults_of_kafka() {
    assert_eq!(ApiVersionsResponse::default().finalized_features_epoch, -1);
    let fetched = FetchedPartition::default();
    assert_eq!((fetched.diverging_epoch.epoch, fetched.diverging_epoch.end_offset), (-1, -1));
    assert_eq!((fetched.current_leader.leader_id, fetched.current_leader.leader_epoch), (-1, -1));
    assert_eq!((fetched.snapshot_id.epoch, fetched.snapshot_id.end_offset), (-1, -1));
    let produced = ProducedPartition::default();
    assert_eq!((produced.current_leader.leader_id, produced.current_leader.leader_epoch), (-1, -1));
    let replica = FetchRequest::default().replica_state;
    assert_eq!((replica.replica_id, replica.replica_epoch), (-1, -1));
}
