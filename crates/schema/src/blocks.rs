//! Copies short texts in blocks of fixed length.
//!
//! Most texts of a table are a few bytes long. Asking the C library to copy so few costs more than copying a whole block that
//! the compiler turns into two moves; what is copied beyond the text is overwritten by the next one or cut off at the end.

/// Bytes of a block. A target needs so many bytes of room beyond its last text.
pub(crate) const BLOCK_BYTES: usize = 32;

/// Texts longer than this are worth a call.
const LONG_BYTES: usize = 128;

/// Copies `from[start..start + length]` to `into` at `at`.
#[inline(always)]
pub(crate) fn copy_text(from: &[u8], start: usize, length: usize, into: &mut [u8], at: usize) {
    let blocks_end = start + length.next_multiple_of(BLOCK_BYTES);
    if length > LONG_BYTES || blocks_end > from.len() {
        into[at..at + length].copy_from_slice(&from[start..start + length]);
        return;
    }
    let mut copied = 0;
    while copied < length {
        let block = from[start + copied..].first_chunk::<BLOCK_BYTES>().expect("the blocks end within the text");
        put(into, at + copied, *block);
        copied += BLOCK_BYTES;
    }
}

/// Writes `bytes` to `into` at `at`.
#[inline(always)]
pub(crate) fn put<const N: usize>(into: &mut [u8], at: usize, bytes: [u8; N]) {
    *into[at..].first_chunk_mut::<N>().expect("the target has room for a block beyond its last text") = bytes;
}
