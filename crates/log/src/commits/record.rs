//! One commit as bytes.

use std::sync::Arc;

use bytes::Bytes;

use crate::record_batch::crc32c;

/// Largest cookie: what is larger belongs into a file that is attached to the writer.
pub(crate) const COOKIE_BYTES_MAX: usize = 16 << 20;
/// Length and CRC.
const FRAME_BYTES: usize = 8;
const SEALED: u8 = 1;
const DURABLE: u8 = 2;

/// One commit of one writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitRecord {
    /// Who committed.
    pub(crate) writer: Arc<str>,
    /// Its number.
    pub(crate) epoch: u64,
    /// What the writer wanted to keep.
    pub(crate) cookie: Bytes,
    /// Nothing more will come.
    pub(crate) sealed: bool,
    /// All that it names was on the disk before the record was written.
    pub(crate) durable: bool,
    /// Ends of all partitions, for all topics of the writer.
    pub(crate) ends: Vec<(Arc<str>, Vec<i64>)>,
}

impl CommitRecord {
    /// Committed end of a partition; 0 for one that this commit does not know.
    pub(crate) fn end(&self, topic: &str, partition: usize) -> i64 {
        let ends = self.ends.iter().find(|(name, _)| &**name == topic);
        ends.and_then(|(_, ends)| ends.get(partition).copied()).unwrap_or(0)
    }

    /// Appends length, CRC and payload to `out`.
    pub(crate) fn write_framed(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_BYTES]);
        self.write(out);
        let length = u32::try_from(out.len() - start - FRAME_BYTES).expect("the cookie is bounded, the ends are few");
        let crc = crc32c(&out[start + FRAME_BYTES..]);
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        out[start + 4..start + FRAME_BYTES].copy_from_slice(&crc.to_be_bytes());
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.sealed) * SEALED + u8::from(self.durable) * DURABLE);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        write_text(&self.writer, out);
        let cookie = u32::try_from(self.cookie.len()).expect("the cookie is bounded");
        out.extend_from_slice(&cookie.to_be_bytes());
        out.extend_from_slice(&self.cookie);
        let topics = u16::try_from(self.ends.len()).expect("a writer has a handful of topics");
        out.extend_from_slice(&topics.to_be_bytes());
        for (name, ends) in &self.ends {
            write_text(name, out);
            let partitions = u32::try_from(ends.len()).expect("partitions are counted by 32 bits");
            out.extend_from_slice(&partitions.to_be_bytes());
            ends.iter().for_each(|end| out.extend_from_slice(&end.to_be_bytes()));
        }
    }

    /// Reads the record at the front of `bytes`; answers how many bytes it takes.
    pub(crate) fn read_framed(bytes: &[u8]) -> Result<(Self, usize), &'static str> {
        let mut rest = bytes;
        let (length, crc) = match (take_u32(&mut rest), take_u32(&mut rest)) {
            (Some(length), Some(crc)) => (length as usize, crc),
            _ => return Err("the file ends within the frame of a commit"),
        };
        let payload = rest.get(..length).ok_or("the file ends within a commit")?;
        if crc32c(payload) != crc {
            return Err("the CRC of a commit does not fit its content");
        }
        let record = Self::read(payload).ok_or("a commit does not hold what its lengths say")?;
        Ok((record, FRAME_BYTES + length))
    }

    /// Where the next record would begin, going by nothing but the length of the one at the front of `bytes`.
    pub(crate) fn skip_framed(bytes: &[u8]) -> Option<usize> {
        let length = take_u32(&mut &bytes[..])? as usize;
        FRAME_BYTES.checked_add(length).filter(|next| *next < bytes.len())
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let mut rest = payload;
        let [flags] = take::<1>(&mut rest)?;
        let epoch = u64::from_be_bytes(take(&mut rest)?);
        let writer = take_text(&mut rest)?;
        let cookie = take_u32(&mut rest)? as usize;
        let cookie = Bytes::copy_from_slice(take_slice(&mut rest, cookie)?);
        let topics = u16::from_be_bytes(take(&mut rest)?);
        let mut ends = Vec::new();
        for _ in 0..topics {
            let name = take_text(&mut rest)?;
            let partitions = take_u32(&mut rest)? as usize;
            let bytes = take_slice(&mut rest, partitions.checked_mul(8)?)?;
            let end = |bytes: &[u8]| i64::from_be_bytes(bytes.try_into().expect("chunks are eight bytes long"));
            ends.push((name, bytes.chunks_exact(8).map(end).collect()));
        }
        let (sealed, durable) = (flags & SEALED != 0, flags & DURABLE != 0);
        rest.is_empty().then_some(Self { writer, epoch, cookie, sealed, durable, ends })
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).expect("names are checked when topics and writers are made");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*taken)
}

fn take_u32(from: &mut &[u8]) -> Option<u32> {
    take(from).map(u32::from_be_bytes)
}

fn take_slice<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(taken)
}

fn take_text(from: &mut &[u8]) -> Option<Arc<str>> {
    let length = u16::from_be_bytes(take(from)?);
    let text = take_slice(from, usize::from(length))?;
    std::str::from_utf8(text).ok().map(Arc::from)
}
