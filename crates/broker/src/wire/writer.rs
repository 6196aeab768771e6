//! Putting values into a frame.

use bytes::{BufMut, Bytes, BytesMut};
use millrace_log::Piece;

/// From this size on, bytes become a chunk of their own instead of being copied.
const OWN_CHUNK_BYTES_MIN: usize = 4096;
/// Room that is made for small values at once.
const ROOM_BYTES: usize = 1024;
/// Bytes of the length in front of a frame.
const FRAME_LENGTH_BYTES: usize = 4;

/// A frame that is being written: small values are copied, large ones are kept as they are.
#[derive(Debug)]
pub struct Writer {
    /// Bytes of the length, which are part of the first chunk.
    length_bytes: usize,
    /// The first chunk, which waits for the length.
    head: BytesMut,
    chunks: Vec<Piece>,
    /// Bytes of the chunks.
    chunk_bytes: usize,
    tail: BytesMut,
}

impl Writer {
    /// A writer of a frame that has only room for its length yet.
    pub fn new() -> Self {
        let mut writer = Self::of_part();
        writer.length_bytes = FRAME_LENGTH_BYTES;
        writer.tail.reserve(ROOM_BYTES);
        writer.put(&[0; FRAME_LENGTH_BYTES]);
        writer
    }

    /// Number of bytes written, without those of the length.
    pub fn written(&self) -> usize {
        self.head.len() + self.chunk_bytes + self.tail.len() - self.length_bytes
    }

    /// The frame with its length in front, as chunks to be sent one after the other.
    pub fn finish(mut self) -> Vec<Piece> {
        let length = u32::try_from(self.written()).unwrap_or(u32::MAX);
        self.end_chunk();
        self.head[..FRAME_LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        self.chunks.insert(0, self.head.freeze().into());
        self.chunks
    }

    /// Appends bytes by copying them.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.tail.capacity() - self.tail.len() < bytes.len() {
            self.tail.reserve(bytes.len().max(ROOM_BYTES));
        }
        self.tail.put_slice(bytes);
    }

    /// Appends bytes, without copying them if they are many.
    pub(super) fn put_bytes(&mut self, bytes: &Bytes) {
        if bytes.len() < OWN_CHUNK_BYTES_MIN {
            return self.put(bytes);
        }
        self.put_chunk(bytes.clone().into());
    }

    /// Appends bytes that may lie in a file: they are read by whoever sends the frame.
    pub(super) fn put_piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Memory(bytes) => self.put_bytes(bytes),
            Piece::File(_) => self.put_chunk(piece.clone()),
        }
    }

    fn put_chunk(&mut self, chunk: Piece) {
        self.end_chunk();
        self.chunk_bytes += chunk.len();
        self.chunks.push(chunk);
    }

    /// Appends an unsigned varint.
    pub(super) fn put_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.tail.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.tail.put_u8(value as u8);
    }

    /// Appends a length: a varint of one more, or 32 bits.
    pub(super) fn put_length(&mut self, length: usize, compact: bool) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if compact { self.put_varint(length.saturating_add(1)) } else { self.put(&length.to_be_bytes()) }
    }

    /// Appends a numbered field.
    pub(super) fn put_tag(&mut self, tag: u32, value: impl FnOnce(&mut Self)) {
        let mut field = Self::of_part();
        value(&mut field);
        self.put_varint(tag);
        self.put_varint(u32::try_from(field.written()).unwrap_or(u32::MAX));
        self.put(&field.head);
        for chunk in &field.chunks {
            self.put_piece(chunk);
        }
        self.put(&field.tail);
    }

    fn of_part() -> Self {
        Self { length_bytes: 0, head: BytesMut::new(), chunks: Vec::new(), chunk_bytes: 0, tail: BytesMut::new() }
    }

    fn end_chunk(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        if self.head.is_empty() && self.chunks.is_empty() {
            self.head = self.tail.split();
        } else {
            self.chunk_bytes += self.tail.len();
            self.chunks.push(self.tail.split().freeze().into());
        }
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}
