//! Records that somebody in this process writes as a client would: with any key, value and headers, and the time of now.

use super::HEADER_BYTES;
use super::encode::seal;
use super::varint::{VARINT_BYTES_MAX, put_varint, varint_bytes};

/// A record of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRecord {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none says that what had the key is gone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl NewRecord {
    /// Bytes that a frame with this record alone has.
    pub(crate) fn frame_bytes(&self) -> usize {
        let body_bytes = self.body_bytes(0);
        HEADER_BYTES + varint_bytes(body_bytes as i64) + body_bytes
    }

    /// Bytes behind the record's length, where it is the one at `at` of its frame.
    fn body_bytes(&self, at: usize) -> usize {
        let text = |text: Option<&[u8]>| varint_bytes(signed_len(text)) + text.map_or(0, <[u8]>::len);
        let header = |(name, value): &(String, Vec<u8>)| text(Some(name.as_bytes())) + text(Some(value));
        // Attributes, and the distance in time, which is nothing.
        let front = 2 + varint_bytes(at as i64);
        let headers = varint_bytes(self.headers.len() as i64) + self.headers.iter().map(header).sum::<usize>();
        front + text(self.key.as_deref()) + text(self.value.as_deref()) + headers
    }

    fn put(&self, at: usize, out: &mut Vec<u8>) {
        put_number(self.body_bytes(at) as i64, out);
        out.push(0);
        put_number(0, out);
        put_number(at as i64, out);
        put_text(self.key.as_deref(), out);
        put_text(self.value.as_deref(), out);
        put_number(self.headers.len() as i64, out);
        for (name, value) in &self.headers {
            put_text(Some(name.as_bytes()), out);
            put_text(Some(value), out);
        }
    }
}

/// A frame with the first of `records`, as many as stay within `frame_bytes_max` but at least one; answers it and their number.
pub(crate) fn compose(records: &[&NewRecord], time_ms: i64, frame_bytes_max: usize) -> (Vec<u8>, usize) {
    let mut frame = vec![0; HEADER_BYTES];
    let mut count = 0;
    for record in records {
        let begun = frame.len();
        record.put(count, &mut frame);
        if frame.len() > frame_bytes_max && count > 0 {
            frame.truncate(begun);
            break;
        }
        count += 1;
    }
    seal(&mut frame, 0, count, time_ms, time_ms);
    (frame, count)
}

fn signed_len(text: Option<&[u8]>) -> i64 {
    text.map_or(-1, |text| text.len() as i64)
}

fn put_number(number: i64, out: &mut Vec<u8>) {
    let mut bytes = [0; VARINT_BYTES_MAX];
    let count = put_varint(number, &mut bytes);
    out.extend_from_slice(&bytes[..count]);
}

fn put_text(text: Option<&[u8]>, out: &mut Vec<u8>) {
    put_number(signed_len(text), out);
    out.extend_from_slice(text.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::super::FrameView;
    use super::*;

    #[test]
    fn what_is_composed_is_read_back() {
        let headers = vec![("a".to_owned(), b"1".to_vec()), ("a".to_owned(), Vec::new())];
        let all = [
            NewRecord { key: Some(b"k".to_vec()), value: Some(vec![0; 300]), headers },
            NewRecord { key: None, value: Some(Vec::new()), ..NewRecord::default() },
            NewRecord { key: Some(Vec::new()), ..NewRecord::default() },
        ];
        let (frame, count) = compose(&all.iter().collect::<Vec<_>>(), 7_000, usize::MAX);
        assert_eq!(count, 3);
        let view = FrameView::parse(&frame).expect("a whole frame");
        let unpacked = view.unpacked().expect("nothing is packed");
        for (record, wanted) in view.records_in(&unpacked).zip(&all) {
            let record = record.expect("a whole record");
            assert_eq!((record.key, record.value), (wanted.key.as_deref(), wanted.value.as_deref()));
            assert_eq!(record.time_ms, 7_000);
        }
        for record in &all {
            assert_eq!(compose(&[record], 7_000, usize::MAX).0.len(), record.frame_bytes());
        }
    }

    #[test]
    fn a_frame_ends_at_its_bound() {
        let record = NewRecord { value: Some(vec![b'x'; 100]), ..NewRecord::default() };
        let (frame, count) = compose(&[&record; 5], 0, 300);
        assert!(count == 2 && frame.len() <= 300, "{count} records in {} bytes", frame.len());
        assert_eq!(compose(&[&record; 5], 0, 10).1, 1);
    }
}
