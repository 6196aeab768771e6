//! What fuzzing calls with bytes of its own making: requests and answers of every kind and version.

use bytes::Bytes;
use millrace_log::Piece;

use super::api::{Api, read_and_write};
use super::{Reader, RequestHeader};

/// Bytes of a frame in front of its header.
const LENGTH_BYTES: usize = 4;

/// All of a frame.
pub(super) fn bytes_of(chunks: &[Piece]) -> Vec<u8> {
    let chunks = chunks.iter().map(|chunk| chunk.read().expect("it is in memory"));
    chunks.collect::<Vec<_>>().concat()
}

/// A frame with a header and a message. What can be read is written, and comes out the same when it is read again.
pub fn message(bytes: &[u8]) {
    let Some((kind, frame)) = bytes.split_first() else { return };
    let mut reader = Reader::new(Bytes::copy_from_slice(frame));
    let Ok(header) = RequestHeader::read(&mut reader) else { return };
    let (Some(api), Some(version)) = (Api::of(header.api_key), header.version()) else { return };
    let is_request = kind & 1 == 0;
    let Ok(written) = read_and_write(api.key, is_request, &mut reader, (version, version)) else { return };
    let once = bytes_of(&written.finish());
    let mut reader = Reader::new(Bytes::copy_from_slice(&once[LENGTH_BYTES..]));
    let again = read_and_write(api.key, is_request, &mut reader, (version, version));
    let again = again.expect("what we write can be read");
    reader.finish().expect("nothing is behind it");
    assert_eq!(bytes_of(&again.finish()), once, "{} {}", api.name, version.number);
}
