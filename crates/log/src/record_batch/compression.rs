//! Packed records: the four ways in which Kafka's clients pack the records of a frame.

use std::borrow::Cow;
use std::io::Read;

use super::Damage;

/// Most that the records of one frame may unpack to: a frame is a fraction of that, so what needs more is a bomb.
const UNPACKED_BYTES_MAX: usize = 256 << 20;
/// What Java's clients put in front of blocks of Snappy.
const SNAPPY_JAVA: &[u8] = b"\x82SNAPPY\0";
/// Bytes of that with the two versions behind it.
const SNAPPY_JAVA_BYTES: usize = 16;

/// What the records of a frame are packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Nothing.
    None,
    /// Gzip.
    Gzip,
    /// Snappy: one block, or blocks with their lengths behind Java's header.
    Snappy,
    /// Frames of LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The one that the lowest three bits of a frame's attributes name.
    pub(super) fn from_bits(bits: i16) -> Result<Self, Damage> {
        match bits {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Ok(Self::Snappy),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            _ => Err(Damage("a batch is packed in an unknown way")),
        }
    }
}

/// The bytes that were packed as `packed`; no more than [`UNPACKED_BYTES_MAX`].
pub(super) fn unpack(compression: Compression, packed: &[u8]) -> Result<Cow<'_, [u8]>, Damage> {
    let broken = Damage("the packed records of a batch are damaged");
    let unpacked = match compression {
        Compression::None => return Ok(Cow::Borrowed(packed)),
        Compression::Gzip => read_all(flate2::read::MultiGzDecoder::new(packed))?,
        Compression::Snappy => unpack_snappy(packed)?,
        Compression::Lz4 => read_all(lz4_flex::frame::FrameDecoder::new(packed))?,
        Compression::Zstd => read_all(zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| broken)?)?,
    };
    Ok(Cow::Owned(unpacked))
}

fn read_all(from: impl Read) -> Result<Vec<u8>, Damage> {
    let mut unpacked = Vec::new();
    let read = from.take(UNPACKED_BYTES_MAX as u64 + 1).read_to_end(&mut unpacked);
    read.map_err(|_| Damage("the packed records of a batch are damaged"))?;
    check_size(unpacked.len())?;
    Ok(unpacked)
}

fn check_size(bytes: usize) -> Result<(), Damage> {
    if bytes > UNPACKED_BYTES_MAX { Err(Damage("the records of a batch unpack to too much")) } else { Ok(()) }
}

fn unpack_snappy(packed: &[u8]) -> Result<Vec<u8>, Damage> {
    let mut unpacked = Vec::new();
    if !packed.starts_with(SNAPPY_JAVA) {
        add_block(packed, &mut unpacked)?;
        return Ok(unpacked);
    }
    let mut rest = packed.get(SNAPPY_JAVA_BYTES..).unwrap_or_default();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let block = behind.get(..length).ok_or(Damage("a block of Snappy is cut off"))?;
        add_block(block, &mut unpacked)?;
        rest = &behind[length..];
    }
    if rest.is_empty() { Ok(unpacked) } else { Err(Damage("a block of Snappy is cut off")) }
}

/// Unpacks one block of Snappy to the end of `to`.
fn add_block(block: &[u8], to: &mut Vec<u8>) -> Result<(), Damage> {
    let broken = |_| Damage("a block of Snappy is damaged");
    let bytes = snap::raw::decompress_len(block).map_err(broken)?;
    let at = to.len();
    check_size(at.saturating_add(bytes))?;
    // The longest that a copy of Snappy can make of its three bytes: a length that promises more is a lie.
    if bytes / 64 > block.len() {
        return Err(Damage("a block of Snappy promises more than it can hold"));
    }
    to.resize(at + bytes, 0);
    let written = snap::raw::Decoder::new().decompress(block, &mut to[at..]).map_err(broken)?;
    to.truncate(at + written);
    Ok(())
}
