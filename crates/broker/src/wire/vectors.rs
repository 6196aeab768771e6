//! Messages against the bytes that Kafka's own classes write, and against bytes that are none.
//!
//! `tests/vectors.tsv` is made by `vectors/make.py`: number of the API, kind of message, version, bytes in hex.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::api::{Api, ApiKey, read_and_write};
use super::tests::body;
use super::{Reader, RequestHeader, ResponseHeader, Version, WireError, Writer};

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.tsv"));
const KINDS: [&str; 6] =
    ["request", "response", "request-header", "response-header", "request-default", "response-default"];
/// Changes of each message that are tried.
const CHANGES: usize = 200;

struct Vector {
    api: &'static Api,
    kind: &'static str,
    number: i16,
    bytes: Bytes,
}

impl Vector {
    fn as_version(&self, to: Version, reader: &mut Reader) -> Result<Writer, WireError> {
        read_and_write(self.api.key, self.kind.starts_with("request"), reader, (self.version(), to))
    }

    fn is_message(&self) -> bool {
        !self.kind.ends_with("-header")
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.api.name, self.kind, self.number)
    }

    fn version(&self) -> Version {
        self.api.version(self.number).expect("a version that can be read")
    }

    /// What comes of reading and writing `bytes` as this message.
    fn again(&self, bytes: Bytes) -> Result<Bytes, WireError> {
        let mut reader = Reader::new(bytes);
        let writer = match self.kind {
            "request-header" => {
                let mut writer = Writer::new();
                RequestHeader::read(&mut reader)?.write(&mut writer);
                writer
            }
            "response-header" => {
                let mut writer = Writer::new();
                ResponseHeader::read(&mut reader, self.api, self.number)?.write(&mut writer, self.api, self.number);
                writer
            }
            _ => self.as_version(self.version(), &mut reader)?,
        };
        reader.finish()?;
        Ok(body(writer))
    }
}

fn vectors() -> Vec<Vector> {
    let vectors = VECTORS.lines().map(|line| {
        let mut columns = line.split('\t');
        let mut column = || columns.next().expect("four columns");
        let api = Api::of(column().parse().expect("a number")).expect("a known API");
        let (kind, number) = (column(), column().parse().expect("a version"));
        Vector { api, kind, number, bytes: from_hex(column()) }
    });
    let mut vectors: Vec<_> = vectors.collect();
    vectors.sort_by_key(|vector| (vector.api.key, vector.kind, vector.number));
    vectors
}

fn from_hex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    let digits = digits.map(|pair| std::str::from_utf8(pair).expect("hex digits"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex digits")).collect()
}

#[test]
fn messages_are_those_of_kafka() {
    for vector in vectors() {
        assert_eq!(vector.again(vector.bytes.clone()), Ok(vector.bytes.clone()), "{}", vector.name());
    }
}

/// What the first version lacks has the defaults of Kafka in all others.
#[test]
fn defaults_are_those_of_kafka() {
    let vectors = vectors();
    let of_defaults = vectors.iter().filter(|vector| vector.kind.ends_with("-default"));
    for group in of_defaults.collect::<Vec<_>>().chunk_by(|a, b| (a.api.key, a.kind) == (b.api.key, b.kind)) {
        for vector in group {
            let mut reader = Reader::new(group[0].bytes.clone());
            let writer = group[0].as_version(vector.version(), &mut reader);
            assert_eq!(writer.map(body), Ok(vector.bytes.clone()), "{}", vector.name());
        }
    }
}

#[test]
fn every_version_has_a_vector() {
    let vectors: BTreeSet<_> = vectors().iter().map(|vector| (vector.api.key, vector.kind, vector.number)).collect();
    for api in ApiKey::ALL.iter().map(|key| key.api()) {
        for number in api.decoded.clone() {
            for kind in KINDS {
                assert!(vectors.contains(&(api.key, kind, number)), "{} {kind} {number}", api.name);
            }
        }
    }
}

#[test]
fn cut_off_messages_are_refused() {
    for vector in vectors() {
        for end in 0..vector.bytes.len() {
            assert!(vector.again(vector.bytes.slice(..end)).is_err(), "{} cut off at {end}", vector.name());
        }
    }
}

#[test]
fn changed_messages_do_no_harm() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).expect("31 bits")
    };
    let mut read = 0;
    for vector in vectors().iter().filter(|vector| !vector.bytes.is_empty() && vector.is_message()) {
        for _ in 0..CHANGES {
            let mut bytes = vector.bytes.to_vec();
            for _ in 0..=next() % 3 {
                let at = next() % bytes.len();
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff, (next() & 0xff) as u8][next() % 6];
            }
            if let Ok(once) = vector.again(Bytes::from(bytes)) {
                assert_eq!(vector.again(once.clone()), Ok(once), "{}", vector.name());
                read += 1;
            }
        }
    }
    assert!(read > CHANGES);
}
