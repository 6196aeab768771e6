//! What is printed.

use super::bare::Bare;
use super::clients::{CLIENTS, Delays, Round, Shape, Taken};
use super::median;
use super::peer::Peer;

pub(crate) const HEAD: &str = "\
| records | client | Millrace, records/s | Kafka | ratio | CPU s per million: server | Kafka's | client | with Kafka |
|---|---|---|---|---|---|---|---|---|";

pub(crate) const BARE_HEAD: &str = "\
| a bare client | Millrace, MB/s | Kafka | ratio | CPU s per GB: server | Kafka's | ratio | processors that the client has busy | with Kafka |
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

/// Two lines for the bare client: what it writes and what it reads.
pub(crate) fn print_bare(shape: &Shape, batch_bytes: u64, taken: &[Vec<[Bare; 2]>; 2]) {
    for (at, does) in ["writes", "reads"].into_iter().enumerate() {
        let of = |peer: usize, value: fn(&Bare) -> f64| median(taken[peer].iter().map(|round| value(&round[at])));
        let [ours, theirs] = [0, 1].map(|peer| of(peer, |bare| bare.megabytes_per_s));
        let [server, their_server] = [0, 1].map(|peer| of(peer, |bare| bare.server_cpu_s_per_gb));
        let [busy, their_busy] = [0, 1].map(|peer| of(peer, |bare| bare.client_cpus));
        println!(
            "| {does}, {} KiB a batch, {} partitions | {ours:.0} | {theirs:.0} | {:.2} | {server:.2} | {their_server:.2} | \
             {:.2} | {busy:.1} | {their_busy:.1} |",
            batch_bytes >> 10,
            shape.partitions,
            ours / theirs,
            server / their_server,
        );
    }
}

/// A line for each of the delays that are measured together.
pub(crate) fn print_delays<const N: usize>(
    whats: [&str; N],
    runs: u64,
    peers: [&Peer; 2],
    measure: impl Fn(u64, &Peer) -> [Delays; N],
) {
    let mut seen = [(); 2].map(|()| Vec::new());
    for run in 0..runs {
        for (peer, seen) in peers.into_iter().zip(&mut seen) {
            seen.push(measure(run, peer));
        }
    }
    for (at, what) in whats.into_iter().enumerate() {
        let of = |peer: usize, value: fn(&Delays) -> f64| median(seen[peer].iter().map(|all| value(&all[at])));
        let [ours, theirs] =
            [0, 1].map(|peer| [of(peer, |d| d.mean_ms), of(peer, |d| d.p99_ms), of(peer, |d| d.p999_ms)]);
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
}
