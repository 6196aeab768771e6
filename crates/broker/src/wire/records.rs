//! Record batches of an answer, as they lie in the log.

use bytes::Bytes;
use millrace_log::Piece;

use super::sized::length_bytes_min;
use super::{Reader, Value, Version, WireError, Writer};

/// Pieces that go out as one field of bytes, none of them copied. Null is read as no pieces, and never written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records(pub Vec<Piece>);

impl Records {
    /// Number of bytes of all pieces.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(Piece::len).sum()
    }
}

impl Value for Records {
    fn read(reader: &mut Reader, version: Version) -> Result<Self, WireError> {
        let bytes = Option::<Bytes>::read(reader, version)?;
        Ok(Self(bytes.filter(|bytes| !bytes.is_empty()).into_iter().map(Piece::from).collect()))
    }

    fn write(&self, writer: &mut Writer, version: Version) {
        writer.put_length(self.bytes(), version.flexible);
        for piece in &self.0 {
            writer.put_piece(piece);
        }
    }

    fn bytes_min(version: Version) -> usize {
        length_bytes_min(version)
    }
}
