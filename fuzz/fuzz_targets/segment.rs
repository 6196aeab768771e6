//! Segments as a start finds them.
#![no_main]

use std::sync::OnceLock;

use tempfile::TempDir;

static FOLDER: OnceLock<TempDir> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("there is room for a folder"));
    millrace_log::fuzz::segment(&folder.path().join("fuzzed-0"), bytes);
});
