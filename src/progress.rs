//! Shows on a terminal how far the sources are: a bar each, by bytes, with rows a second.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use millrace_flow::{Phase, StageKind, StageStatus, Stop};
use millrace_station::Station;

use crate::output::thousands;

/// Time between two paints.
const INTERVAL: Duration = Duration::from_millis(100);

const STYLE: &str = "{prefix:.bold} {wide_bar} {percent:>3} %  {msg}";

/// Bars that are painted until this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    stop: Stop,
    painter: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to paint, where there is a terminal and something to read.
    pub(crate) fn start(station: &Station) -> Self {
        let stop = Stop::default();
        let sources: Vec<_> = station.stages().into_iter().filter(|stage| stage.kind == StageKind::Source).collect();
        let painter = (io::stderr().is_terminal() && !sources.is_empty()).then(|| {
            let stop = stop.clone();
            std::thread::spawn(move || paint(&sources, &stop))
        });
        Self { stop, painter }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(painter) = self.painter.take() {
            // Bars that could not be painted are no reason to fail.
            let _ = painter.join();
        }
    }
}

fn paint(sources: &[Arc<StageStatus>], stop: &Stop) {
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut lines: Vec<Line> = sources.iter().map(|source| Line::new(&bars, &style, source)).collect();
    loop {
        let asked = stop.wait_until(Instant::now() + INTERVAL);
        for line in &mut lines {
            line.update();
        }
        if asked || lines.iter().all(|line| line.bar.is_finished()) {
            break;
        }
    }
    for line in &lines {
        line.bar.abandon();
    }
}

struct Line {
    bar: ProgressBar,
    source: Arc<StageStatus>,
    started: Instant,
    rows_before: u64,
}

impl Line {
    fn new(bars: &MultiProgress, style: &ProgressStyle, source: &Arc<StageStatus>) -> Self {
        let bar = bars.add(ProgressBar::new(1).with_style(style.clone()).with_prefix(source.name.clone()));
        Self { bar, source: source.clone(), started: Instant::now(), rows_before: source.ledger().read }
    }

    fn update(&mut self) {
        let total = self.source.bytes_total.load(Ordering::Relaxed).max(1);
        self.bar.set_length(total);
        self.bar.set_position(self.source.bytes_read.load(Ordering::Relaxed).min(total));
        let rows = self.source.ledger().read;
        let rate = rows.saturating_sub(self.rows_before) as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        self.bar.set_message(format!("{} rows, {} a second", thousands(rows), thousands(rate as u64)));
        if matches!(self.source.phase(), Phase::Done | Phase::Idle | Phase::Failed) {
            self.bar.abandon();
        }
    }
}
