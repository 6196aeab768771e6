//! What Millrace does in a second, beside a batch engine on the same file in the same run; and how fresh its live feed is.
//!
//! `make bench`, with `MILLRACE_BENCH_ROWS` (10,000,000 unless told), `MILLRACE_BENCH_RUNS` (3), `MILLRACE_BENCH_SECONDS` of live feed
//! (20) and `MILLRACE_BENCH_RATE` rows a second in it (50,000). Prints tables in Markdown. The figures of a run count only if
//! both engines gave the same rows.

mod batch;
#[expect(dead_code, reason = "the tests of the whole program use the rest")]
#[path = "../../tests/whole/support/http.rs"]
mod http;
mod latency;
mod load;
#[expect(dead_code, reason = "the bench of the Kafka port uses the rest")]
mod meter;
mod order_lines;
mod start;

use std::path::PathBuf;

/// A number from the environment, or what stands in for it.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Where generated files are kept between runs: outside the clone.
fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder = base.or_else(home).unwrap_or_else(std::env::temp_dir).join("millrace/bench");
    std::fs::create_dir_all(&folder).expect("the cache folder can be made");
    folder
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let rows = setting("MILLRACE_BENCH_ROWS", 10_000_000);
    let runs = setting("MILLRACE_BENCH_RUNS", 3).max(1);
    let file = order_lines::write(&cache(), rows);
    let size_mb = std::fs::metadata(&file).expect("the file is there").len() / 1_000_000;
    println!("{rows} order lines, {size_mb} MB of CSV; medians of {runs} runs on {} processors\n", processors());

    let mut ours = Vec::new();
    let mut batch = Vec::new();
    let mut stored = Vec::new();
    for _ in 0..runs {
        // One after the other in each run, so that a machine that slows down slows them all.
        let (meter, result) = load::run(&file);
        let (batch_meter, batch_result) = batch::run(&file, false);
        let (stored_meter, _) = batch::run(&file, true);
        assert_eq!(result, batch_result, "the streaming result equals the batch result");
        ours.push(meter);
        batch.push(batch_meter);
        stored.push(stored_meter);
    }
    println!("| | rows/s | wall s | CPU s per million | peak RSS MB |\n|---|---|---|---|---|");
    let line = |name: &str, meters: &[meter::Meter]| {
        let of = |value: fn(&meter::Meter) -> f64| median(meters.iter().map(value).collect());
        let (wall, cpu, memory) = (of(|m| m.wall_s), of(|m| m.cpu_s), of(|m| m.rss_peak_mb));
        println!("| {name} | {:.0} | {wall:.2} | {:.2} | {memory:.0} |", rows as f64 / wall, cpu * 1e6 / rows as f64);
        wall
    };
    let streaming = line("Millrace: log, view in SQLite, every row in Delta", &ours);
    let bare = line("DuckDB: the query alone, as a batch", &batch);
    let whole = line("DuckDB: the query, and every row to Parquet", &stored);
    println!(
        "\nwall time against DuckDB: {:.2} x the query alone, {:.2} x query and Parquet\n",
        streaming / bare,
        streaming / whole
    );

    start::measure();
    latency::measure(setting("MILLRACE_BENCH_RATE", 50_000), setting("MILLRACE_BENCH_SECONDS", 20));
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
