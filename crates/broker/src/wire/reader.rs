//! Taking values off the front of a frame.

use bytes::Bytes;

use super::WireError;

/// Memory that the arrays of any frame may take together, however small it is.
const ARRAYS_BYTES_FREE: usize = 4 << 20;
/// What they may take besides for each byte of the frame. Empty elements need up to 40 times their bytes, elements that
/// mean something about four times: so a caller that bounds frames bounds what they unpack to.
const ARRAYS_BYTES_PER_BYTE: usize = 8;
/// Most bytes of a varint of 32 bits.
const VARINT_BYTES_MAX: u32 = 5;

/// The bytes of a frame that are not read yet.
#[derive(Debug, Clone)]
pub struct Reader {
    bytes: Bytes,
    /// Memory that is left for arrays.
    arrays_bytes_left: usize,
}

impl Reader {
    /// A reader of a frame without its length.
    pub fn new(frame: Bytes) -> Self {
        let arrays_bytes_left = frame.len().saturating_mul(ARRAYS_BYTES_PER_BYTE).saturating_add(ARRAYS_BYTES_FREE);
        Self { bytes: frame, arrays_bytes_left }
    }

    /// Number of bytes left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// Nothing, if nothing is left.
    pub fn finish(&self) -> Result<(), WireError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(WireError::BytesBehind) }
    }

    /// The next `length` bytes, which stay part of the frame.
    pub fn take(&mut self, length: usize) -> Result<Bytes, WireError> {
        if length > self.bytes.len() {
            return Err(WireError::CutOff);
        }
        Ok(self.bytes.split_to(length))
    }

    /// The next `length` bytes as a text.
    pub(super) fn take_text(&mut self, length: usize) -> Result<String, WireError> {
        let text = self.bytes.get(..length).ok_or(WireError::CutOff)?;
        let text = std::str::from_utf8(text).map_err(|_| WireError::NotUtf8)?.to_owned();
        bytes::Buf::advance(&mut self.bytes, length);
        Ok(text)
    }

    /// The next `N` bytes.
    pub(super) fn take_array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let array = *self.bytes.first_chunk::<N>().ok_or(WireError::CutOff)?;
        bytes::Buf::advance(&mut self.bytes, N);
        Ok(array)
    }

    /// An unsigned varint of at most 32 bits.
    pub(super) fn take_varint(&mut self) -> Result<u32, WireError> {
        let mut value = 0;
        for byte in 0..VARINT_BYTES_MAX {
            let [bits] = self.take_array::<1>()?;
            let low = u32::from(bits & 0x7f);
            if byte == VARINT_BYTES_MAX - 1 && bits > 0x0f {
                return Err(WireError::LongVarint);
            }
            value |= low << (7 * byte);
            if bits & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::LongVarint)
    }

    /// A length that is a varint of one more, where 0 is null.
    pub(super) fn take_compact_length(&mut self) -> Result<Option<usize>, WireError> {
        let Some(length) = self.take_varint()?.checked_sub(1) else { return Ok(None) };
        usize::try_from(length).map(Some).map_err(|_| WireError::CutOff)
    }

    /// A length of 32 bits, where -1 is null.
    pub(super) fn take_length(&mut self) -> Result<Option<usize>, WireError> {
        match i32::from_be_bytes(self.take_array()?) {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| WireError::NegativeLength),
        }
    }

    /// An empty array with room for `count` elements of at least `bytes_min` bytes each, if they can be there.
    pub(super) fn expect_elements<T>(&mut self, count: usize, bytes_min: usize) -> Result<Vec<T>, WireError> {
        if count > self.bytes.len() / bytes_min.max(1) {
            return Err(WireError::CutOff);
        }
        let left = self.arrays_bytes_left.checked_sub(count.saturating_mul(size_of::<T>()));
        self.arrays_bytes_left = left.ok_or(WireError::TooManyElements)?;
        Ok(Vec::with_capacity(count))
    }

    /// The numbered fields at the end of a struct: `known` reads the one of a number and says whether it knows it.
    pub(super) fn take_tags(
        &mut self,
        mut known: impl FnMut(u32, &mut Self) -> Result<bool, WireError>,
    ) -> Result<(), WireError> {
        let count = self.take_varint()?;
        for _ in 0..count {
            let tag = self.take_varint()?;
            let length = usize::try_from(self.take_varint()?).map_err(|_| WireError::CutOff)?;
            let mut field = Self { bytes: self.take(length)?, arrays_bytes_left: self.arrays_bytes_left };
            let read = known(tag, &mut field)?;
            if read && field.left() > 0 {
                return Err(WireError::TagLength);
            }
            self.arrays_bytes_left = field.arrays_bytes_left;
        }
        Ok(())
    }
}
