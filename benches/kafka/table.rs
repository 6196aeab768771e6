//! What is printed.

use super::clients::{CLIENTS, Delays, Round, Shape, Taken};
use super::median;
use super::peer::Peer;

pub(crate) const HEAD: &str = "\
| records | client | Millrace, records/s | Kafka | ratio | CPU s per million: server | Kafka's | client | with Kafka |
|---|---|---|---|---|---|---|---|---|";

pub(crate) const PACED_HEAD: &str = "\
| delay | Millrace mean ms | p99 | p99.9 | Kafka mean ms | p99 | p99.9 | p99 ratio |
|---|---|---|---|---|---|---|---|";

/// A line for each client: what ours and theirs took for one shape.
pub(crate) fn print(shape: &Shape, taken: &[Vec<Round>; 2], records: u64) {
    let millions = records as f64 / 1e6;
    let Shape { record_bytes, acks, partitions, codec } = shape;
    for (number, client) in CLIENTS.iter().enumerate() {
        if taken[0].iter().any(|round| round[number].is_none()) {
            continue;
        }
        let of = |peer: usize, value: fn(&Taken) -> f64| {
            median(taken[peer].iter().filter_map(|round| round[number].as_ref()).map(value))
        };
        let [ours, theirs] = [0, 1].map(|peer| of(peer, |taken| taken.records_per_s));
        let [server, their_server] = [0, 1].map(|peer| of(peer, |taken| taken.server_cpu_s) / millions);
        let [sender, their_sender] = [0, 1].map(|peer| of(peer, |taken| taken.client_cpu_s) / millions);
        println!(
            "| {record_bytes} B, {partitions}, {codec}, acks {acks} | {client} | {ours:.0} | {theirs:.0} | {:.2} | \
             {server:.2} | {their_server:.2} | {sender:.2} | {their_sender:.2} |",
            ours / theirs
        );
    }
}

/// One line of delays.
pub(crate) fn print_delays(what: &str, runs: u64, peers: [&Peer; 2], measure: impl Fn(u64, &Peer) -> Delays) {
    let mut seen = [(); 2].map(|()| Vec::new());
    for run in 0..runs {
        for (peer, seen) in peers.into_iter().zip(&mut seen) {
            seen.push(measure(run, peer));
        }
    }
    let of = |peer: usize, value: fn(&Delays) -> f64| median(seen[peer].iter().map(value));
    let [ours, theirs] = [0, 1].map(|peer| [of(peer, |d| d.mean_ms), of(peer, |d| d.p99_ms), of(peer, |d| d.p999_ms)]);
    println!(
        "| {what} | {:.2} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.2} |",
        ours[0],
        ours[1],
        ours[2],
        theirs[0],
        theirs[1],
        theirs[2],
        ours[1] / theirs[1]
    );
}
