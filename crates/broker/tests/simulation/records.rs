//! Records with keys in transactions, as producers pack them and as readers of committed records unpack them.

use bytes::Bytes;
use millrace_broker::wire::messages::fetch::FetchedPartition;

use crate::client;

/// Of the attributes of a frame.
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// Where the CRC of a frame ends, and where its records begin.
const CHECKED_AT: usize = 21;
const RECORDS_AT: usize = 61;

/// A record: its key and its value.
pub(crate) type Record = (String, String);

/// A frame with one record, in a transaction of the producer with this id, epoch and number of the record.
pub(crate) fn frame(producer: (i64, i16, i32), (key, value): &Record) -> Bytes {
    client::frame(producer, Some(key), value)
}

/// Bytes that are taken off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(bytes);
        self.0 = rest;
        front
    }

    fn varint(&mut self) -> i64 {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.take(1)[0];
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return (number >> 1) as i64 ^ -((number & 1) as i64);
            }
        }
    }

    fn text(&mut self) -> String {
        let bytes = usize::try_from(self.varint()).expect("keys and values are there");
        String::from_utf8_lossy(self.take(bytes)).into_owned()
    }

    fn record(&mut self) -> Record {
        let bytes = usize::try_from(self.varint()).expect("a record has a length");
        let mut body = Self(self.take(bytes));
        body.take(1);
        body.varint();
        body.varint();
        (body.text(), body.text())
    }
}

/// What a reader keeps of what it was told as one of committed records; and the offset behind all of it.
pub(crate) fn committed(fetched: &FetchedPartition) -> (Vec<Record>, Option<i64>) {
    let bytes: Vec<u8> = fetched.records.0.iter().flat_map(|chunk| chunk.read().expect("it is in memory")).collect();
    let mut told = fetched.aborted_transactions.clone().unwrap_or_default();
    let (mut dropped, mut kept, mut end) = (Vec::new(), Vec::new(), None);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let number = |at: usize| i64::from_be_bytes(rest[at..at + 8].try_into().expect("a header is there"));
        let short = |at: usize| i32::from_be_bytes(rest[at..at + 4].try_into().expect("a header is there"));
        let attributes = i16::from_be_bytes([rest[CHECKED_AT], rest[CHECKED_AT + 1]]);
        let (base, id, length) = (number(0), number(43), 12 + short(8) as usize);
        end = Some(base + i64::from(short(23)) + 1);
        dropped.extend(told.extract_if(.., |told| told.first_offset <= base).map(|told| told.producer_id));
        let mut records = Reader(&rest[RECORDS_AT..length]);
        if attributes & CONTROL != 0 {
            // In front of the kind, where 0 is an abort: length, attributes, time and offset, length of the key, version.
            if rest[RECORDS_AT + 7..RECORDS_AT + 9] == [0, 0] {
                dropped.retain(|dropped| *dropped != id);
            }
        } else if attributes & TRANSACTIONAL == 0 || !dropped.contains(&id) {
            kept.extend((0..short(57)).map(|_| records.record()));
        }
        rest = &rest[length..];
    }
    (kept, end)
}
