//! Requests as clients send them, and answers as other brokers would: what can be read is written, and read again as it was.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millrace_broker::wire::fuzz::message(bytes));
