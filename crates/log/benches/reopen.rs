//! How long a log takes to open again after a kill and after a power cut, with nothing of it in memory.
//!
//! Run with `MILLRACE_BENCH_GB=10 cargo bench -p millrace-log --bench reopen`; a tenth of a gigabyte unless told. The log has
//! one topic of clients, in batches of 16 records of a kilobyte, and is removed at the end.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_flow::TopicPartition;
use millrace_log::{EmbeddedLog, FlushMode, LogConfig, Machine};
use millrace_schema::Registry;
use rustix::fs::{Advice, fadvise};

const PARTITIONS: u32 = 8;
const RECORDS: usize = 16;
const RECORD_BYTES: usize = 1_024;

fn main() -> Result<(), Box<dyn Error>> {
    let gigabytes = std::env::var("MILLRACE_BENCH_GB").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.1);
    let dir = std::env::temp_dir().join(format!("millrace-bench-{}", std::process::id()));
    let measured = measure(&dir, (gigabytes * 1e9) as u64);
    std::fs::remove_dir_all(&dir)?;
    measured
}

fn measure(dir: &Path, bytes: u64) -> Result<(), Box<dyn Error>> {
    let log = open(dir, "first")?;
    let configs = BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]);
    log.create_client_topic("orders", PARTITIONS, 1, configs)?;
    let (frame, began, mut written) = (frame(), Instant::now(), 0);
    while written < bytes {
        for number in 0..PARTITIONS {
            log.append_frame(&TopicPartition::new("orders", number), &frame)?;
            written += frame.len() as u64;
        }
    }
    let gigabytes = written as f64 / 1e9;
    println!(
        "{gigabytes:.1} GB in {PARTITIONS} partitions, appended at {:.0} MB/s",
        megabytes_a_second(written, began)
    );
    drop(log);
    // Nothing was flushed: the recovery point is where the log begins.
    for (what, boot_id) in [
        ("killed, nothing flushed", "first"),
        ("power cut, nothing flushed", "second"),
        ("power cut, all flushed", "third"),
        ("killed, all flushed", "third"),
    ] {
        evict(dir)?;
        let began = Instant::now();
        drop(open(dir, boot_id)?);
        println!("{what}: open after {:.2} s", began.elapsed().as_secs_f64());
    }
    Ok(())
}

fn megabytes_a_second(bytes: u64, began: Instant) -> f64 {
    bytes as f64 / 1e6 / began.elapsed().as_secs_f64()
}

/// Opens the log on a machine that has started as often as its `boot_id` says.
fn open(dir: &Path, boot_id: &str) -> Result<Arc<EmbeddedLog>, Box<dyn Error>> {
    let hour = Duration::from_secs(3_600);
    let config = LogConfig { flush: FlushMode::None, retention_check_interval: hour, ..LogConfig::default() };
    let machine = Machine { boot_id: boot_id.to_owned(), ..Machine::local() };
    Ok(EmbeddedLog::open_on(dir, config, Arc::new(Registry::in_memory()), machine)?)
}

/// Brings all files to the disk, and out of memory.
fn evict(dir: &Path) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            evict(&path)?;
        } else {
            let file = File::open(&path)?;
            file.sync_all()?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// A batch in Kafka's format, of values that do not repeat themselves.
fn frame() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut records = Vec::new();
    for number in 0..RECORDS {
        let mut body = vec![0, 0, (number << 1) as u8, 1];
        put_varint(RECORD_BYTES, &mut body);
        for _ in 0..RECORD_BYTES {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            body.push((state >> 56) as u8);
        }
        body.push(0);
        put_varint(body.len(), &mut records);
        records.extend(body);
    }
    let mut checked = Vec::new();
    checked.extend(0_i16.to_be_bytes());
    checked.extend((RECORDS as i32 - 1).to_be_bytes());
    checked.extend(1_700_000_000_000_i64.to_be_bytes());
    checked.extend(1_700_000_000_000_i64.to_be_bytes());
    checked.extend([0xff; 14]);
    checked.extend((RECORDS as i32).to_be_bytes());
    checked.extend(records);
    let mut frame = vec![0; 8];
    frame.extend((checked.len() as i32 + 9).to_be_bytes());
    frame.extend([0, 0, 0, 0, 2]);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &checked) as u32;
    frame.extend(crc.to_be_bytes());
    frame.extend(checked);
    frame
}

fn put_varint(length: usize, to: &mut Vec<u8>) {
    let mut rest = length << 1;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}
