//! The Kafka port beside Apache Kafka: the same clients on the same machine, taking turns.
//!
//! First with clients that are in use, then with one that takes so little that only the broker limits it.
//!
//! `make bench`, with `MILLRACE_BENCH_RUNS` (3) runs of everything, `MILLRACE_BENCH_RECORDS` (2,000,000) of 100 bytes in each
//! and a fifth as many of 1 KiB; `MILLRACE_BENCH_PARTITIONS` (`1,4,16`) and `MILLRACE_BENCH_PARTS` (`clients,bare,delays`) do a
//! part of it.
//! Prints tables in Markdown: medians, and ours over theirs.

mod bare;
mod bare_pace;
mod clients;
mod disk;
#[expect(dead_code, reason = "the tests of the whole program use the rest")]
#[path = "../../tests/whole/support/http.rs"]
mod http;
#[path = "../retail/meter.rs"]
mod meter;
mod page_cache;
mod peer;
#[path = "../../tests/servers/mod.rs"]
mod servers;
mod table;

use clients::{Clients, Shape};
use page_cache::PageCache;
use peer::Peer;

/// Records a second that the C client is held to; its sleeps make it a little less.
const C_RATE: u64 = 20_000;

/// Bytes of a batch, and batches a second that the bare client writes: single records, and 33 MB/s.
const BARE_RATES: [(u64, u64); 2] = [(1 << 10, 2_000), (16 << 10, 2_000)];

/// A number from the environment, or what stands in for it.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Whether that part of it is asked for.
fn does(part: &str) -> bool {
    std::env::var("MILLRACE_BENCH_PARTS").map_or(true, |parts| parts.split(',').any(|asked| asked == part))
}

/// The shapes of load that are asked for.
fn shapes() -> Vec<Shape> {
    let partitions = std::env::var("MILLRACE_BENCH_PARTITIONS").unwrap_or_else(|_| "1,4,16".to_owned());
    let mut shapes = Vec::new();
    for partitions in partitions.split(',').filter_map(|number| number.parse().ok()) {
        for record_bytes in [100, 1024] {
            for codec in ["none", "lz4"] {
                for acks in ["1", "all"] {
                    shapes.push(Shape { record_bytes, acks, partitions, codec });
                }
            }
        }
    }
    shapes
}

fn main() {
    let runs = setting("MILLRACE_BENCH_RUNS", 3).max(1);
    let records = setting("MILLRACE_BENCH_RECORDS", 2_000_000).max(5);
    let clients = Clients::find();
    let (ours, theirs) = (Peer::millrace(), Peer::kafka());
    println!(
        "medians of {runs} runs; memory before any client came {:.0} and {:.0} MB",
        ours.rss_mb(),
        theirs.rss_mb()
    );
    disk::measure();
    let mut memory = PageCache::new();
    let peers = [&ours, &theirs];

    if does("clients") {
        with_clients(runs, records, peers, &clients, &mut memory);
    }
    if does("bare") {
        with_a_bare_client(runs, records * 500, peers, &clients, &mut memory);
    }
    if does("delays") {
        delays(runs, peers, &clients);
    }
    println!("\npeak memory: {:.0} MB, Kafka {:.0} MB", ours.rss_peak_mb(), theirs.rss_peak_mb());
}

/// With clients that are in use, as fast as they can.
fn with_clients(runs: u64, records: u64, peers: [&Peer; 2], clients: &Clients, memory: &mut PageCache) {
    println!("\n{}", table::HEAD);
    for shape in shapes() {
        let mut taken = [(); 2].map(|()| Vec::new());
        for run in 0..runs {
            let topic = format!("bench-{}-{}-{run}", shape.name(), shape.acks);
            for (peer, taken) in peers.into_iter().zip(&mut taken) {
                memory.fill();
                taken.push(clients.round(peer, &topic, &shape, shape.records(records)));
            }
        }
        table::print(&shape, &taken, shape.records(records));
    }
}

/// With the client that takes next to nothing.
fn with_a_bare_client(runs: u64, bytes: u64, peers: [&Peer; 2], clients: &Clients, memory: &mut PageCache) {
    println!("\n{}", table::BARE_HEAD);
    for (partitions, batch_bytes) in [(1, 16 << 10), (1, 512 << 10), (16, 16 << 10), (16, 512 << 10)] {
        let shape = Shape { record_bytes: 1024, acks: "1", partitions, codec: "none" };
        let mut taken = [(); 2].map(|()| Vec::new());
        for run in 0..runs {
            for (peer, taken) in peers.into_iter().zip(&mut taken) {
                memory.fill();
                let topic = format!("bare-{partitions}-{batch_bytes}-{run}");
                taken.push(bare::round(clients, peer, &topic, &shape, batch_bytes, bytes));
            }
        }
        table::print_bare(&shape, batch_bytes, &taken);
    }
}

/// How long a record takes at a pace that both can keep.
fn delays(runs: u64, peers: [&Peer; 2], clients: &Clients) {
    println!("\n{}", table::PACED_HEAD);
    for (record_bytes, rate) in [(100, 50_000), (1024, 20_000)] {
        let paced =
            |run: u64, peer: &Peer| [clients.paced(peer, &format!("paced-{record_bytes}-{run}"), record_bytes, rate)];
        table::print_delays([&format!("Java, {record_bytes} B, {rate} records/s")], runs, peers, paced);
        let c_paced = |run: u64, peer: &Peer| {
            [clients.c_paced(peer, &format!("c-paced-{record_bytes}-{run}"), record_bytes, C_RATE)]
        };
        let what = format!("librdkafka, {record_bytes} B, at most {C_RATE} records/s");
        table::print_delays([&what], runs, peers, c_paced);
    }
    for (batch_bytes, rate) in BARE_RATES {
        let shape = Shape { record_bytes: 1024, acks: "1", partitions: 1, codec: "none" };
        let what = |until: &str| format!("bare client, {rate} batches/s of {} KiB, until {until}", batch_bytes >> 10);
        let bare = |run: u64, peer: &Peer| {
            bare_pace::delays(clients, peer, &format!("bare-pace-{batch_bytes}-{run}"), &shape, batch_bytes, rate)
        };
        table::print_delays([&what("acknowledged"), &what("read by another")], runs, peers, bare);
    }
    table::print_delays(["one record at a time, acks all"], runs, peers, |run, peer| {
        [clients.end_to_end(peer, &format!("one-by-one-{run}"))]
    });
}

/// The middle one.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
