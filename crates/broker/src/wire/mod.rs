//! Kafka's protocol as bytes: frames to messages and back, without input or output.
//!
//! A frame is a length of 4 bytes, a header and a message. Every message is a table of fields with the versions that
//! have them (see `messages`), and [`api`] has a row for every request that is known. From an API's first flexible
//! version on, lengths are varints of one more than the length, and every struct ends with numbered fields of which
//! unknown ones are passed over.
//!
//! Nothing that arrives is trusted: each length is compared with the bytes left before anything is done with it, and
//! what the arrays of one frame unpack to is bounded by the size of the frame. Source: "Kafka protocol guide" in the documentation of Apache
//! Kafka.

pub mod api;
mod error;
mod error_code;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod header;
mod macros;
pub mod messages;
mod plain;
mod reader;
mod records;
mod secret;
mod sized;
#[cfg(test)]
mod tests;
mod value;
#[cfg(test)]
mod vectors;
mod writer;

pub use error::WireError;
pub use error_code::ErrorCode;
pub use header::{RequestHeader, ResponseHeader};
pub use plain::Uuid;
pub use reader::Reader;
pub use records::Records;
pub use secret::Secret;
pub use value::{Value, Version};
pub use writer::Writer;
