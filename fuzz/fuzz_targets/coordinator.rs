//! The coordinators of groups and of transactions: what clients ask, clocks show, owners do and starts find.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millrace_broker::fuzz::coordinator(bytes));
