//! Avro values with the schema id in front (Confluent's framing), column by column for flat records.
//!
//! ```text
//! value  = 00 | schema id, 4 bytes big-endian | one field after the other
//! field  = [branch of the union, when nullable] | body
//! body   = STRING  zigzag varint length, UTF-8 bytes        INT, DATE          zigzag varint
//!          BOOLEAN one byte                                 BIGINT, TIMESTAMP  zigzag varint
//!          FLOAT, DOUBLE 4 or 8 bytes little-endian         DECIMAL  zigzag varint length, two's complement big-endian
//! ```
//!
//! A nullable field is the union `["null", T]`; on reading, the other order is understood as well. Why not `arrow-avro`: half
//! the speed, and it allocates for every record; it is the reference in the tests instead.

mod decoder;
mod encoder;
mod schema;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::{Encoder, Values};
pub use schema::{arrow_schema, avro_json};

/// First byte of every value.
const MAGIC: u8 = 0;

/// Bytes in front of the body: magic and schema id.
pub const FRAME_BYTES: usize = 5;

/// The schema id of a framed value, if it is one.
pub fn schema_id(value: &[u8]) -> Option<u32> {
    let (frame, _) = value.split_first_chunk::<FRAME_BYTES>()?;
    let [MAGIC, id @ ..] = frame else { return None };
    Some(u32::from_be_bytes(*id))
}
