//! From a row's being appended to a file until it shows in the live feed of a view.
//!
//! Every 10 ms a tick of rows is appended. Each country's row in the feed tells how many of its lines are in; a tick has arrived
//! at a country when that count reaches the lines appended up to it.

use std::fs::{self, File};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::http::Feed;
use super::meter::Served;

const TICK: Duration = Duration::from_millis(10);
const COUNTRIES: u64 = 10;

const SQL: &str = "
CREATE SOURCE order_lines (
  invoice_no BIGINT, invoice_date TIMESTAMP, quantity INT, unit_price DECIMAL(12,3), customer_id STRING, country STRING,
  WATERMARK FOR invoice_date AS invoice_date - INTERVAL '1 minute'
) WITH (connector = 'csv', path = 'order_lines.csv', key = 'customer_id', partitions = 4, follow = true);

CREATE MATERIALIZED VIEW revenue AS
SELECT window.start AS window_start, country, count(*) AS order_lines, sum(quantity * unit_price) AS revenue
FROM order_lines GROUP BY window(invoice_date, '1 day'), country;
";

/// Appends for `seconds` and prints how late what was appended came through the feed.
pub(crate) fn measure(rate: u64, seconds: u64) {
    let project = tempfile::tempdir().expect("a temporary folder");
    fs::write(project.path().join("live.sql"), SQL).expect("written");
    let mut file = File::create(project.path().join("order_lines.csv")).expect("the file can be made");
    writeln!(file, "invoice_no,invoice_date,quantity,unit_price,customer_id,country").expect("written");
    let (served, _) = Served::start(project.path());

    let ticks = seconds * 1000 / TICK.as_millis() as u64;
    let rows = rate * TICK.as_millis() as u64 / 1000 / COUNTRIES * COUNTRIES;
    let address = served.address.clone();
    let total = ticks * rows;
    let reader = thread::spawn(move || read(&address, total));
    let appended = append(&mut file, ticks, rows);
    let arrived = reader.join().expect("the reader of the feed does not panic");

    let mut delays_ms = delays(&appended, &arrived, rows / COUNTRIES);
    delays_ms.sort_by(f64::total_cmp);
    let at = |share: f64| delays_ms[((delays_ms.len() - 1) as f64 * share) as usize];
    let took = appended.last().expect("ticks were appended").duration_since(appended[0]).as_secs_f64();
    println!("| live feed at | p50 ms | p99 ms | greatest ms |\n|---|---|---|---|");
    println!("| {:.0} rows/s | {:.0} | {:.0} | {:.0} |", total as f64 / took, at(0.5), at(0.99), at(1.0));
}

/// Appends tick by tick; answers when each was on its way.
fn append(file: &mut File, ticks: u64, rows: u64) -> Vec<Instant> {
    let start = Instant::now();
    let mut appended = Vec::new();
    let mut text = String::new();
    for tick in 0..ticks {
        text.clear();
        let (minute, second) = (tick / 6000 % 60, tick / 100 % 60);
        for row in 0..rows {
            let (customer, country) = (row * 7919 % 5000, row % COUNTRIES);
            text.push_str(&format!(
                "{tick},2024-05-01 10:{minute:02}:{second:02},{},2.55,{customer},country {country}\n",
                row % 9 + 1
            ));
        }
        let due = start + TICK * u32::try_from(tick).expect("the bench is short");
        thread::sleep(due.saturating_duration_since(Instant::now()));
        appended.push(Instant::now());
        file.write_all(text.as_bytes()).expect("appended");
    }
    appended
}

/// What the feed said when: the lines that are in, by country.
fn read(address: &str, total: u64) -> Vec<(Instant, usize, u64)> {
    let mut feed = Feed::open(address, "/api/v1/views/revenue/live");
    let mut lines = [0; COUNTRIES as usize];
    let mut arrived = Vec::new();
    while lines.iter().sum::<u64>() < total {
        let event = feed.next(Duration::from_secs(60)).expect("the feed goes on until every row is through");
        let now = Instant::now();
        if event.name != "rows" {
            continue;
        }
        for row in event.json()["upserts"].as_array().expect("upserts") {
            let country = row["country"].as_str().and_then(|name| name.rsplit(' ').next()?.parse::<usize>().ok());
            let country = country.expect("a country of ours");
            lines[country] = row["order_lines"].as_u64().expect("a count");
            arrived.push((now, country, lines[country]));
        }
    }
    arrived
}

/// A delay for every tick at every country, in ms.
fn delays(appended: &[Instant], arrived: &[(Instant, usize, u64)], a_tick: u64) -> Vec<f64> {
    let mut delays_ms = Vec::new();
    for country in 0..COUNTRIES as usize {
        let mut seen = arrived.iter().filter(|(_, of, _)| *of == country).peekable();
        for (tick, at) in appended.iter().enumerate() {
            let wanted = (tick as u64 + 1) * a_tick;
            while seen.peek().is_some_and(|(_, _, lines)| *lines < wanted) {
                seen.next();
            }
            let (when, _, _) = seen.peek().expect("every tick arrived");
            delays_ms.push(when.duration_since(*at).as_secs_f64() * 1e3);
        }
    }
    delays_ms
}
