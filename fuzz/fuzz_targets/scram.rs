//! Logins by SCRAM.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millrace_broker::fuzz::scram(bytes));
