//! The bare client at a pace: one connection writes a batch at every tick, another reads what comes. Neither compiles, collects
//! garbage or gathers batches, so that what is measured is the broker's delay, and the machine's.

use std::thread;
use std::time::{Duration, Instant};

use super::bare::{Connection, FETCH, PRODUCE, asking, batch, batches_of, producing, wait_for_leaders};
use super::clients::{Clients, Delays, Shape};
use super::peer::Peer;

/// Seconds that are measured, after as many that are not.
const MEASURED_S: u64 = 8;

/// How long a batch takes until it is acknowledged, and until it is read.
pub(crate) fn delays(
    clients: &Clients,
    peer: &Peer,
    topic: &str,
    shape: &Shape,
    batch_bytes: u64,
    rate: u64,
) -> [Delays; 2] {
    let batch = batch(clients, peer, topic, shape, batch_bytes);
    let topic = clients.topic(peer, topic, 1);
    let (mut writer, mut reader) = (Connection::open(peer), Connection::open(peer));
    wait_for_leaders(&mut reader, &topic, 1);
    let count = (2 * MEASURED_S * rate) as usize;
    let (acknowledged, read) = thread::scope(|scope| {
        let arrivals = scope.spawn(|| {
            let mut arrivals = Vec::with_capacity(count);
            let mut next = 0;
            while arrivals.len() < count {
                let response = reader.ask(FETCH, &asking(&topic, &[next]));
                let now = Instant::now();
                for (end, _) in batches_of(&response.responses[0].partitions[0]) {
                    next = end;
                    arrivals.push(now);
                }
            }
            arrivals
        });
        let begin = Instant::now() + Duration::from_millis(10);
        let mut sent = Vec::with_capacity(count);
        let mut acknowledged = Vec::with_capacity(count);
        for number in 0..count {
            let tick = begin + Duration::from_secs_f64(number as f64 / rate as f64);
            // Who comes late because of the answer before has waited since the tick.
            let waits = tick.checked_duration_since(Instant::now());
            waits.into_iter().for_each(thread::sleep);
            sent.push(waits.map_or(tick, |_| Instant::now()));
            let response = writer.ask(PRODUCE, &producing(&topic, 0, &batch));
            assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
            acknowledged.push(Instant::now());
        }
        let since = |times: Vec<Instant>| {
            let delays = times.iter().zip(&sent).map(|(time, sent)| (*time - *sent).as_secs_f64() * 1e3);
            Delays::of(delays.skip(count / 2).collect())
        };
        (since(acknowledged), since(arrivals.join().expect("the reader ends")))
    });
    clients.delete(peer, &format!("{topic}(-pattern)?"));
    [acknowledged, read]
}
