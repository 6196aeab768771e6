//! Bytes to columns and back: CSV, Avro, JSON, and the registry of the schemas that values are written with.
//!
//! Everything here knows the same nine column types (see [`types`]) and nothing about files, topics or connectors. The only
//! file this crate ever touches is the registry's own.

pub mod avro;
mod blocks;
pub mod csv;
mod error;
pub mod fields;
pub mod json;
mod registry;
pub mod types;

pub use error::SchemaError;
pub use registry::Registry;
