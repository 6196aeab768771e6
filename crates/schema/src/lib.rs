//! Bytes to columns and back: CSV, Avro, and the schema registry's rules
