//! Record batches by hand.

use bytes::Bytes;

/// A record batch with one record without a key.
pub(crate) fn batch(bytes: usize) -> Bytes {
    let mut record = vec![0, 0, 0];
    put_varint(&mut record, -1);
    put_varint(&mut record, i64::try_from(bytes).expect("it is small"));
    record.resize(record.len() + bytes, b'x');
    record.push(0);
    // What the CRC covers: attributes, last delta, times, producer, its epoch, sequence, count, records.
    let mut covered = Vec::new();
    covered.extend(0_i16.to_be_bytes());
    covered.extend(0_i32.to_be_bytes());
    covered.extend([1_700_000_000_000_i64.to_be_bytes(); 2].concat());
    covered.extend((-1_i64).to_be_bytes());
    covered.extend((-1_i16).to_be_bytes());
    covered.extend((-1_i32).to_be_bytes());
    covered.extend(1_i32.to_be_bytes());
    put_varint(&mut covered, i64::try_from(record.len()).expect("it is small"));
    covered.extend(record);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &covered);
    let mut batch = Vec::new();
    batch.extend(0_i64.to_be_bytes());
    batch.extend(i32::try_from(covered.len() + 9).expect("it is small").to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend(u32::try_from(crc).expect("32 bits").to_be_bytes());
    batch.extend(covered);
    Bytes::from(batch)
}

fn put_varint(to: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    while left >= 0x80 {
        to.push((left as u8) | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}
