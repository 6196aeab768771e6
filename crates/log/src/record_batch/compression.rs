//! Packed records: the four ways in which Kafka's clients pack the records of a frame.

use std::borrow::Cow;
use std::io::{Read, Write};

use lz4::liblz4::BlockChecksum;
use lz4::{BlockMode, BlockSize, ContentChecksum};

use super::Damage;

/// Most that the records of one frame may unpack to: a frame is a fraction of that, so what needs more is a bomb.
const UNPACKED_BYTES_MAX: usize = 256 << 20;
/// Most room that is made for what is unpacked before it is there.
const ROOM_BYTES_MAX: usize = 1 << 20;
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

/// How hard to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels {
    /// Of gzip, 1 to 9.
    pub(crate) gzip: u32,
    /// Of LZ4, as its library counts: 0 to 2 are fast, those above look longer.
    pub(crate) lz4: u32,
    /// Of Zstandard, as its library counts.
    pub(crate) zstd: i32,
}

/// Those of the libraries.
impl Default for Levels {
    fn default() -> Self {
        Self { gzip: 6, lz4: 0, zstd: zstd::DEFAULT_COMPRESSION_LEVEL }
    }
}

impl Compression {
    /// The bits that name it in a frame's attributes.
    pub(super) fn bits(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The one of that name, as topics have it set.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "uncompressed" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "snappy" => Some(Self::Snappy),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

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
        Compression::Gzip => read_all(packed, flate2::read::MultiGzDecoder::new(packed))?,
        Compression::Snappy => unpack_snappy(packed)?,
        Compression::Lz4 => unpack_lz4(packed)?,
        Compression::Zstd => read_all(packed, zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| broken)?)?,
    };
    Ok(Cow::Owned(unpacked))
}

/// Packs the records of a frame to the end of `out`.
pub(super) fn pack(compression: Compression, levels: Levels, records: &[u8], out: &mut Vec<u8>) {
    let in_memory = "what is packed in memory cannot fail to be written";
    match compression {
        Compression::None => out.extend_from_slice(records),
        Compression::Gzip => {
            let mut packed = flate2::write::GzEncoder::new(out, flate2::Compression::new(levels.gzip));
            packed.write_all(records).and_then(|()| packed.finish().map(drop)).expect(in_memory);
        }
        Compression::Snappy => {
            let block = snap::raw::Encoder::new().compress_vec(records);
            out.extend_from_slice(&block.expect("records are bounded far below what a block of Snappy can hold"));
        }
        Compression::Lz4 => {
            // What Java's clients can read: blocks that do not refer to each other. The frame has its own CRC.
            let mut frames = lz4::EncoderBuilder::new();
            frames.block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB).level(levels.lz4);
            frames.checksum(ContentChecksum::NoChecksum).block_checksum(BlockChecksum::NoBlockChecksum);
            let mut packed = frames.build(out).expect(in_memory);
            packed.write_all(records).expect(in_memory);
            packed.finish().1.expect(in_memory);
        }
        Compression::Zstd => {
            let packed = zstd::stream::encode_all(records, levels.zstd);
            out.extend_from_slice(&packed.expect(in_memory));
        }
    }
}

fn read_all(packed: &[u8], from: impl Read) -> Result<Vec<u8>, Damage> {
    // Mostly it fits, and what is not used is not paid for.
    let mut unpacked = Vec::with_capacity(packed.len().saturating_mul(4).min(ROOM_BYTES_MAX));
    let read = from.take(UNPACKED_BYTES_MAX as u64 + 1).read_to_end(&mut unpacked);
    read.map_err(|_| Damage("the packed records of a batch are damaged"))?;
    check_size(unpacked.len())?;
    Ok(unpacked)
}

fn unpack_lz4(packed: &[u8]) -> Result<Vec<u8>, Damage> {
    let broken = Damage("the packed records of a batch are damaged");
    let mut frame = lz4::Decoder::new(packed).map_err(|_| broken)?;
    let unpacked = read_all(packed, &mut frame)?;
    // It takes no more than it needs, and ends in silence where a frame is cut off.
    let (rest, whole) = frame.finish();
    if whole.is_ok() && rest.is_empty() { Ok(unpacked) } else { Err(broken) }
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

#[cfg(test)]
mod tests {
    use super::*;

    const PACKED: [Compression; 4] = [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    /// Texts that differ, over several blocks of LZ4.
    fn lines() -> Vec<u8> {
        (0..5_000_u64).flat_map(|n| format!("order {n} of customer C{}\n", n * 7_919 % 1_003).into_bytes()).collect()
    }

    fn packed(compression: Compression, levels: Levels, records: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        pack(compression, levels, records, &mut out);
        out
    }

    #[test]
    fn what_is_packed_comes_back_and_a_part_of_it_is_refused() {
        let records = b"an order, and another order, and one more order";
        for compression in PACKED {
            let long = lines();
            let packed_lines = packed(compression, Levels::default(), &long);
            assert_eq!(unpack(compression, &packed_lines).as_deref(), Ok(&long[..]), "{compression:?}");
            let whole = packed(compression, Levels::default(), records);
            assert_eq!(unpack(compression, &whole).as_deref(), Ok(&records[..]), "{compression:?}");
            for end in 1..whole.len() {
                assert!(unpack(compression, &whole[..end]).is_err(), "{compression:?} cut off at {end}");
            }
        }
    }

    #[test]
    fn nothing_may_follow_a_frame_of_lz4() {
        let mut whole = packed(Compression::Lz4, Levels::default(), b"an order");
        whole.push(0);
        assert!(unpack(Compression::Lz4, &whole).is_err());
    }

    #[test]
    fn a_higher_level_packs_smaller() {
        let records = lines();
        let fast = Levels { gzip: 1, lz4: 0, zstd: 1 };
        let hard = Levels { gzip: 9, lz4: 17, zstd: 19 };
        for compression in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
            let [fast, hard] = [fast, hard].map(|levels| packed(compression, levels, &records));
            assert!(hard.len() < fast.len(), "{compression:?}: {} bytes, then {}", fast.len(), hard.len());
            assert_eq!(unpack(compression, &hard).as_deref(), Ok(&records[..]), "{compression:?}");
        }
    }
}
