//! Frames as clients send them, built by hand from the documentation of the format.

use std::io::Write as _;

/// What a frame is packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    None = 0,
    Gzip = 1,
    Snappy = 2,
    SnappyJava = 0x102,
    Lz4 = 3,
    Zstd = 4,
}

/// Key, value and timestamp of a record.
pub(crate) type Sent = (Option<Vec<u8>>, Option<Vec<u8>>, i64);

/// A frame to be.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) records: Vec<Sent>,
    pub(crate) packing: Packing,
    /// Id, epoch, number of the first record.
    pub(crate) producer: (i64, i16, i32),
    /// More bits of the attributes.
    pub(crate) attributes: i16,
}

fn varint(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    varint(bytes.map_or(-1, |bytes| bytes.len() as i64), out);
    out.extend_from_slice(bytes.unwrap_or_default());
}

impl Frame {
    /// A frame with these values, and the timestamps 1000, 1001, …
    pub(crate) fn of(values: &[&str]) -> Self {
        let record = |(n, value): (usize, &&str)| (None, Some(value.as_bytes().to_vec()), 1_000 + n as i64);
        let records = values.iter().enumerate().map(record).collect();
        Self { records, packing: Packing::None, producer: (-1, -1, -1), attributes: 0 }
    }

    pub(crate) fn packed(mut self, packing: Packing) -> Self {
        self.packing = packing;
        self
    }

    pub(crate) fn sent_by(mut self, id: i64, epoch: i16, first: i32) -> Self {
        self.producer = (id, epoch, first);
        self
    }

    pub(crate) fn in_transaction(mut self) -> Self {
        self.attributes |= 1 << 4;
        self
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut records = Vec::new();
        let base_time = self.records[0].2;
        for (n, (key, value, time)) in self.records.iter().enumerate() {
            let mut body = vec![0];
            varint(time - base_time, &mut body);
            varint(n as i64, &mut body);
            put(key.as_deref(), &mut body);
            put(value.as_deref(), &mut body);
            varint(0, &mut body);
            varint(body.len() as i64, &mut records);
            records.extend(body);
        }
        let records = pack(self.packing, records);
        let count = self.records.len() as i32;
        let max_time = self.records.iter().map(|record| record.2).max().expect("there is a record");
        let mut checked = Vec::new();
        checked.extend((self.attributes | (self.packing as i16 & 7)).to_be_bytes());
        checked.extend((count - 1).to_be_bytes());
        checked.extend(base_time.to_be_bytes());
        checked.extend(max_time.to_be_bytes());
        checked.extend(self.producer.0.to_be_bytes());
        checked.extend(self.producer.1.to_be_bytes());
        checked.extend(self.producer.2.to_be_bytes());
        checked.extend(count.to_be_bytes());
        checked.extend(records);
        seal(&checked)
    }
}

/// A frame around what its CRC covers.
pub(crate) fn seal(checked: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(0_i64.to_be_bytes());
    frame.extend((checked.len() as i32 + 9).to_be_bytes());
    frame.extend((-1_i32).to_be_bytes());
    frame.push(2);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, checked) as u32;
    frame.extend(crc.to_be_bytes());
    frame.extend(checked);
    frame
}

fn pack(packing: Packing, records: Vec<u8>) -> Vec<u8> {
    let works = "it can be packed";
    let block = |records: &[u8]| snap::raw::Encoder::new().compress_vec(records).expect(works);
    match packing {
        Packing::None => records,
        Packing::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(&records).expect(works);
            out.finish().expect(works)
        }
        Packing::Snappy => block(&records),
        Packing::SnappyJava => {
            let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
            for chunk in records.chunks(20) {
                let chunk = block(chunk);
                out.extend((chunk.len() as u32).to_be_bytes());
                out.extend(chunk);
            }
            out
        }
        Packing::Lz4 => {
            let mut out = lz4::EncoderBuilder::new().build(Vec::new()).expect(works);
            out.write_all(&records).expect(works);
            let (packed, whole) = out.finish();
            whole.expect(works);
            packed
        }
        Packing::Zstd => zstd::encode_all(&records[..], 0).expect(works),
    }
}
