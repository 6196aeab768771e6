//! Record batches as clients send them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millrace_log::fuzz::frame(bytes));
