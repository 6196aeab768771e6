//! The format, against bytes worked out by hand and against damage.

use std::sync::Arc;

use arrow::array::{BinaryArray, BooleanArray, UInt32Array, UInt64Array};
use millrace_flow::Origin;

use super::*;

/// Two records: key "k", value "v1", at 1000 ms, from line 7 of file 0; no key, no value, at 998 ms, from line 12 of file 3.
fn two_records(base: i64) -> Vec<u8> {
    let keys = BinaryArray::from(vec![Some(&b"k"[..]), None]);
    let marks = BooleanArray::from(vec![false, true]);
    let origin =
        Origin { file: Arc::new(UInt32Array::from(vec![0, 3])), line: Arc::new(UInt64Array::from(vec![7, 12])) };
    let input = Input {
        times_ms: &[1000, 998],
        keys: Some(&keys),
        values: b"v1xx",
        ends: &[2, 4],
        tombstones: Some(&marks),
        origin: Some(&origin),
    };
    let mut out = Vec::new();
    let (sealed, next) = encode_frame(&input, 0..2, base, 1 << 20, &mut out);
    assert_eq!((next, sealed), (2, Sealed { at: 0, base, max_time_ms: 1000 }));
    out
}

/// Written down from Kafka's description of the format; the CRC was computed bit by bit with the polynomial 0x82f63b78.
#[rustfmt::skip]
const GOLDEN: [u8; 93] = [
    0, 0, 0, 0, 0, 0, 0, 42,                             // base offset
    0, 0, 0, 81,                                         // length: 93 - 12
    0, 0, 0, 0,                                          // leader epoch
    2,                                                   // magic
    0x68, 0xc3, 0x27, 0x94,                              // CRC-32C of what follows
    0, 0,                                                // attributes
    0, 0, 0, 1,                                          // last offset delta
    0, 0, 0, 0, 0, 0, 0x03, 0xe8,                        // base timestamp
    0, 0, 0, 0, 0, 0, 0x03, 0xe8,                        // max timestamp
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,      // producer id
    0xff, 0xff,                                          // producer epoch
    0xff, 0xff, 0xff, 0xff,                              // base sequence
    0, 0, 0, 2,                                          // records
    // 16 bytes: attributes, time +0, offset +0, key "k", value "v1", one header: "at" = "0:7"
    32, 0, 0, 0, 2, b'k', 4, b'v', b'1', 2, 4, b'a', b't', 6, b'0', b':', b'7',
    // 14 bytes: attributes, time -2, offset +1, no key, no value, one header: "at" = "3:12"
    28, 0, 3, 2, 1, 1, 2, 4, b'a', b't', 8, b'3', b':', b'1', b'2',
];

#[test]
fn bytes_are_those_that_kafka_writes() {
    assert_eq!(two_records(42), GOLDEN);
}

#[test]
fn the_base_offset_is_outside_the_crc() {
    let (a, b) = (two_records(42), two_records(77));
    assert_ne!(a[..8], b[..8]);
    assert_eq!(a[8..], b[8..]);
}

#[test]
fn records_come_back() {
    let frame = FrameView::parse(&GOLDEN).expect("the golden frame is whole");
    assert_eq!((frame.header.base, frame.header.count, frame.header.end()), (42, 2, 44));
    let records: Vec<_> = frame.records().collect::<Result<_, _>>().expect("its records are whole");
    let seen: Vec<_> = records.iter().map(|r| (r.offset, r.time_ms, r.key, r.value, r.origin())).collect();
    let first = (42, 1000, Some(&b"k"[..]), Some(&b"v1"[..]), Ok(Some((0, 7))));
    assert_eq!(seen, [first, (43, 998, None, None, Ok(Some((3, 12))))]);
    let headers: Vec<_> = records[1].headers().collect::<Result<_, _>>().expect("its headers are whole");
    assert_eq!(headers, [("at", &b"3:12"[..])]);
}

#[test]
fn a_frame_ends_at_its_bound_but_holds_one_record_at_least() {
    let values = [7_u8; 30];
    let input = Input {
        times_ms: &[5, 6, 9],
        keys: None,
        values: &values,
        ends: &[10, 20, 30],
        tombstones: None,
        origin: None,
    };
    let mut out = Vec::new();
    let (first, next) = encode_frame(&input, 0..3, 0, HEADER_BYTES + 40, &mut out);
    assert_eq!((first.max_time_ms, next), (6, 2));
    let (second, next) = encode_frame(&input, 2..3, 2, 1, &mut out);
    assert_eq!((second.max_time_ms, second.base, next), (9, 2, 3));
    let first = FrameView::parse(&out[..second.at]).expect("the first frame is whole");
    let second = FrameView::parse(&out[second.at..]).expect("the second frame is whole");
    assert_eq!((first.header.end(), second.header.end()), (2, 3));
}

#[test]
fn every_flipped_bit_after_the_base_offset_is_noticed() {
    for at in 8..GOLDEN.len() {
        // The leader epoch is outside the CRC, as the base offset is.
        if (12..16).contains(&at) {
            continue;
        }
        for bit in 0..8 {
            let mut frame = GOLDEN;
            frame[at] ^= 1 << bit;
            assert!(FrameView::parse(&frame).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    for length in 0..GOLDEN.len() {
        assert!(FrameView::parse(&GOLDEN[..length]).is_err(), "{length} bytes");
    }
}

/// Random bytes behind a right CRC: lengths that lie must be refused, not believed.
#[test]
fn lying_lengths_behind_a_right_crc_are_refused() {
    for at in HEADER_BYTES..GOLDEN.len() {
        for byte in [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff] {
            let mut frame = GOLDEN;
            frame[at] = byte;
            let crc = crc32c(&frame[CRC_FROM..]);
            frame[17..21].copy_from_slice(&crc.to_be_bytes());
            let frame = FrameView::parse(&frame).expect("the header is sane");
            for record in frame.records().flatten() {
                let _ = record.headers().count();
                let _ = record.origin();
            }
        }
    }
}

#[test]
fn an_impossible_count_is_refused() {
    for count in [0_i32, 3, -1, i32::MAX] {
        let mut frame = GOLDEN;
        frame[57..61].copy_from_slice(&count.to_be_bytes());
        frame[23..27].copy_from_slice(&(count.wrapping_sub(1)).to_be_bytes());
        let crc = crc32c(&frame[CRC_FROM..]);
        frame[17..21].copy_from_slice(&crc.to_be_bytes());
        let whole = FrameView::parse(&frame).map(|frame| frame.records().collect::<Result<Vec<_>, _>>());
        assert!(!matches!(whole, Ok(Ok(_))), "{count} records");
    }
}
