//! Messages against the bytes that Kafka's own classes write, and against bytes that are none.
//!
//! `tests/vectors.tsv` is made by `make.py` beside `Vectors.java`: number of the API, kind of message, version, bytes in
//! hex. What the kinds are stands in `Vectors.java`.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::api::{Api, ApiKey, read_and_write, write_default};
use super::tests::body;
use super::{Reader, RequestHeader, ResponseHeader, Version, WireError, Writer};

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.tsv"));
const KINDS: [&str; 8] = [
    "request",
    "response",
    "request-header",
    "response-header",
    "request-default",
    "response-default",
    "request-upgrade",
    "response-upgrade",
];
/// Vectors of an upgrade that would lose a value, which Kafka does not write.
const REFUSED_UPGRADES: usize = 16;
/// Changes of each message that are tried.
const CHANGES: usize = 200;

struct Vector {
    api: &'static Api,
    kind: &'static str,
    number: i16,
    /// What Kafka writes; nothing if it does not.
    written: Option<Bytes>,
}

impl Vector {
    fn is_message(&self) -> bool {
        ["request", "response"].contains(&self.kind)
    }

    fn is_request(&self) -> bool {
        self.kind.starts_with("request")
    }

    fn bytes(&self) -> Bytes {
        self.written.clone().expect("bytes")
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.api.name, self.kind, self.number)
    }

    fn version(&self) -> Version {
        self.api.version(self.number).expect("a version that can be read")
    }

    /// What comes of reading and writing `bytes` as this message or header.
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
            _ => read_and_write(self.api.key, self.is_request(), &mut reader, (self.version(), self.version()))?,
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
        let (kind, number, hex) = (column(), column().parse().expect("a version"), column());
        Vector { api, kind, number, written: (hex != "-").then(|| from_hex(hex)) }
    });
    vectors.collect()
}

fn from_hex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    let digits = digits.map(|pair| std::str::from_utf8(pair).expect("hex digits"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex digits")).collect()
}

#[test]
fn messages_are_those_of_kafka() {
    for vector in vectors().iter().filter(|vector| vector.is_message() || vector.kind.ends_with("-header")) {
        assert_eq!(vector.again(vector.bytes()), Ok(vector.bytes()), "{}", vector.name());
    }
}

#[test]
fn defaults_are_those_of_kafka() {
    for vector in vectors().iter().filter(|vector| vector.kind.ends_with("-default")) {
        let written = write_default(vector.api.key, vector.is_request(), vector.version());
        assert_eq!(body(written), vector.bytes(), "{}", vector.name());
    }
}

/// Everywhere in a message, what the lowest version lacks has the default of Kafka in the others.
#[test]
fn upgrades_are_those_of_kafka() {
    let vectors = vectors();
    let mut refused = 0;
    for vector in vectors.iter().filter(|vector| vector.kind.ends_with("-upgrade")) {
        let Some(bytes) = &vector.written else {
            refused += 1;
            continue;
        };
        let kind = vector.kind.trim_end_matches("-upgrade");
        let lowest = vectors.iter().find(|lowest| lowest.api.key == vector.api.key && lowest.kind == kind);
        let lowest = lowest.expect("a message of the lowest version");
        let versions = (lowest.version(), vector.version());
        let writer = read_and_write(vector.api.key, vector.is_request(), &mut Reader::new(lowest.bytes()), versions);
        assert_eq!(writer.map(body).as_ref(), Ok(bytes), "{}", vector.name());
    }
    assert_eq!(refused, REFUSED_UPGRADES);
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
    for vector in vectors().iter().filter(|vector| vector.is_message() || vector.kind.ends_with("-header")) {
        let bytes = vector.bytes();
        for end in 0..bytes.len() {
            assert!(vector.again(bytes.slice(..end)).is_err(), "{} cut off at {end}", vector.name());
        }
    }
}

/// A source of numbers of 31 bits, always the same ones.
fn random() -> impl FnMut() -> usize {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).expect("31 bits")
    }
}

#[test]
fn changed_messages_do_no_harm() {
    let mut next = random();
    let mut read = 0;
    for vector in vectors().iter().filter(|vector| vector.is_message() && !vector.bytes().is_empty()) {
        for _ in 0..CHANGES {
            let mut bytes = vector.bytes().to_vec();
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

#[test]
fn bytes_that_are_no_messages_do_no_harm() {
    let mut next = random();
    let mut read = 0;
    for vector in vectors().iter().filter(|vector| vector.kind.ends_with("-default")) {
        for _ in 0..CHANGES {
            // Mostly small numbers, so that it goes on behind the first length.
            let bytes: Bytes = (0..next() % 64).map(|_| ((next() & 0xff) >> (next() % 9)) as u8).collect();
            if let Ok(once) = vector.again(bytes) {
                assert_eq!(vector.again(once.clone()), Ok(once), "{}", vector.name());
                read += 1;
            }
        }
    }
    assert!(read > 0);
}
