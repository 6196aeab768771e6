//! Gathers the figures of `/metrics` at the moment somebody asks for them: nothing is counted twice, nothing runs in between.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use millrace_flow::{Log, StageStatus};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::ServeError;
use crate::app::Shared;
use crate::metrics::{self as names, Kind, Metric};
use crate::process::Process;

/// The content type of the OpenMetrics text format.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds, in seconds, of the buckets of request times: a page is slow at 0.1 s, broken at 10 s.
const DURATION_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

/// Counters of the server itself.
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    pub(crate) connections: Gauge,
    pub(crate) live_feeds: Gauge,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            connections: Gauge::default(),
            live_feeds: Gauge::default(),
        }
    }
}

impl HttpMetrics {
    /// Counts one answered request.
    pub(crate) fn count(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }
}

/// Where the figures of the stages and topics come from.
pub(crate) trait Figures: Send + Sync + 'static {
    /// Every stage.
    fn stages(&self) -> Vec<Arc<StageStatus>>;
    /// The log.
    fn log(&self) -> &Arc<dyn Log>;
    /// The partitions of every topic that are idle.
    fn idle_partitions(&self) -> Vec<(String, Vec<bool>)>;
    /// The partitions of every topic that cannot be used.
    fn offline_partitions(&self) -> Vec<(String, Vec<bool>)>;
}

/// The text of `/metrics`.
pub(crate) fn text<F: Figures>(figures: F, http: &HttpMetrics, started_at_ms: i64) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot { figures, started_at_ms }));
    registry.register(names::HTTP_REQUESTS.name, names::HTTP_REQUESTS.help, http.requests.clone());
    registry.register(names::HTTP_DURATION.name, names::HTTP_DURATION.help, http.durations.clone());
    registry.register(names::HTTP_CONNECTIONS.name, names::HTTP_CONNECTIONS.help, http.connections.clone());
    registry.register(names::HTTP_LIVE.name, names::HTTP_LIVE.help, http.live_feeds.clone());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to a string does not fail");
    text
}

struct Snapshot<F> {
    figures: F,
    started_at_ms: i64,
}

impl<F> fmt::Debug for Snapshot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl<F: Figures> Collector for Snapshot<F> {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        encode_stages(&mut encoder, &self.figures.stages())?;
        encode_topics(&mut encoder, self.figures.log().as_ref())?;
        encode_flags(&mut encoder, &names::TOPIC_IDLE, self.figures.idle_partitions())?;
        encode_flags(&mut encoder, &names::TOPIC_OFFLINE, self.figures.offline_partitions())?;
        encode_process(&mut encoder, self.started_at_ms)
    }
}

/// A value with the values of its labels, in the order of [`Metric::labels`].
type Sample = (Vec<String>, f64);

fn encode(encoder: &mut DescriptorEncoder, metric: &Metric, samples: Vec<Sample>) -> fmt::Result {
    let kind = if metric.kind == Kind::Counter { MetricType::Counter } else { MetricType::Gauge };
    // The registry ends the help of what is registered with a full stop; so do we.
    let mut family = encoder.encode_descriptor(metric.name, &format!("{}.", metric.help), None, kind)?;
    for (values, value) in samples {
        let labels: Vec<(&str, String)> = metric.labels.iter().copied().zip(values).collect();
        if labels.is_empty() {
            encode_value(&mut family, metric, value)?;
        } else {
            encode_value(&mut family.encode_family(&labels)?, metric, value)?;
        }
    }
    Ok(())
}

fn encode_value(sample: &mut MetricEncoder, metric: &Metric, value: f64) -> fmt::Result {
    match metric.kind {
        Kind::Counter => sample.encode_counter::<[(&str, &str); 0], f64, f64>(&value, None),
        Kind::Gauge | Kind::Histogram => sample.encode_gauge(&value),
    }
}

fn encode_stages(encoder: &mut DescriptorEncoder, stages: &[Arc<StageStatus>]) -> fmt::Result {
    let labels = |stage: &StageStatus| vec![stage.name.clone(), text_of(&stage.kind)];
    let mut each = |metric: &Metric, value: &dyn Fn(&StageStatus) -> Option<f64>| {
        let samples = stages.iter().filter_map(|stage| Some((labels(stage), value(stage)?)));
        encode(encoder, metric, samples.collect())
    };
    each(&names::STAGE_ROWS_READ, &|stage| Some(stage.ledger().read as f64))?;
    each(&names::STAGE_ROWS_USED, &|stage| Some(stage.ledger().used as f64))?;
    each(&names::STAGE_ROWS_LATE, &|stage| Some(stage.ledger().late as f64))?;
    each(&names::STAGE_ROWS_DUPLICATE, &|stage| Some(stage.ledger().duplicate as f64))?;
    each(&names::STAGE_ROWS_REJECTED, &|stage| Some(stage.ledger().rejected as f64))?;
    each(&names::STAGE_ROWS_OUT, &|stage| count(&stage.rows_out))?;
    each(&names::STAGE_EPOCH, &|stage| count(&stage.epoch))?;
    each(&names::STAGE_EPOCH_DURATION, &|stage| Some(count(&stage.epoch_us)? / 1e6))?;
    each(&names::STAGE_EVENT_TIME, &|stage| stage.newest_event_ms().map(seconds))?;
    each(&names::STAGE_WATERMARK, &|stage| stage.complete_to_ms().map(seconds))?;
    each(&names::STAGE_WATERMARK_LAG, &|stage| {
        Some(seconds((stage.newest_event_ms()? - stage.complete_to_ms()?).max(0)))
    })?;
    each(&names::STAGE_INPUT, &|stage| count(&stage.bytes_total))?;
    each(&names::STAGE_INPUT_READ, &|stage| count(&stage.bytes_read))?;
    each(&names::STAGE_STATE_ROWS, &|stage| count(&stage.state_rows))?;
    each(&names::STAGE_STATE, &|stage| count(&stage.state_bytes))?;
    each(&names::STAGE_SNAPSHOT, &|stage| count(&stage.snapshot_bytes))?;
    let phases = stages.iter().map(|stage| {
        let mut values = labels(stage);
        values.push(text_of(&stage.phase()));
        (values, 1.0)
    });
    encode(encoder, &names::STAGE_PHASE, phases.collect())
}

fn encode_topics(encoder: &mut DescriptorEncoder, log: &dyn Log) -> fmt::Result {
    let topics = log.topics();
    let name = |topic: &millrace_flow::TopicInfo| topic.spec.name.to_string();
    let records = topics.iter().map(|topic| (vec![name(topic)], topic.records() as f64));
    encode(encoder, &names::TOPIC_RECORDS, records.collect())?;
    let bytes = topics.iter().map(|topic| (vec![name(topic)], topic.bytes as f64));
    encode(encoder, &names::TOPIC_SIZE, bytes.collect())?;
    let mut offsets = |metric: &Metric, of: fn(&millrace_flow::TopicInfo) -> &[millrace_flow::Offset]| {
        let of_topic = |topic| {
            let name = name(topic);
            let each = move |(p, offset): (usize, &millrace_flow::Offset)| {
                (vec![name.clone(), p.to_string()], offset.0 as f64)
            };
            of(topic).iter().enumerate().map(each)
        };
        encode(encoder, metric, topics.iter().flat_map(of_topic).collect())
    };
    offsets(&names::TOPIC_START, |topic| &topic.starts)?;
    offsets(&names::TOPIC_END, |topic| &topic.ends)?;
    let lags = topics.iter().flat_map(|topic| {
        let lag = |(reader, behind): (String, u64)| (vec![name(topic), reader], behind as f64);
        log.lags(&topic.spec.name).into_iter().map(lag).collect::<Vec<Sample>>()
    });
    encode(encoder, &names::READER_LAG, lags.collect())
}

/// Something that each partition of a topic is, or is not.
fn encode_flags(encoder: &mut DescriptorEncoder, metric: &Metric, topics: Vec<(String, Vec<bool>)>) -> fmt::Result {
    let of_topic = |(topic, flags): (String, Vec<bool>)| {
        let each = move |(p, flag): (usize, bool)| (vec![topic.clone(), p.to_string()], f64::from(u8::from(flag)));
        flags.into_iter().enumerate().map(each)
    };
    encode(encoder, metric, topics.into_iter().flat_map(of_topic).collect())
}

fn encode_process(encoder: &mut DescriptorEncoder, started_at_ms: i64) -> fmt::Result {
    encode(encoder, &names::BUILD, vec![(vec![env!("CARGO_PKG_VERSION").to_owned()], 1.0)])?;
    encode(encoder, &names::PROCESS_START, vec![(vec![], started_at_ms as f64 / 1e3)])?;
    let Some(process) = Process::read() else { return Ok(()) };
    let mut one = |metric: &Metric, value: f64| encode(encoder, metric, vec![(vec![], value)]);
    one(&names::PROCESS_RESIDENT, process.resident_bytes)?;
    one(&names::PROCESS_CPU, process.cpu_seconds)?;
    one(&names::PROCESS_THREADS, process.threads)?;
    one(&names::PROCESS_OPEN_FDS, process.open_fds)?;
    one(&names::PROCESS_MAX_FDS, process.max_fds)
}

fn count(value: &AtomicU64) -> Option<f64> {
    Some(value.load(Ordering::Relaxed) as f64)
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

/// The word that the API uses for a phase or a kind.
fn text_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Figures of every stage, topic and reader, of the server and of the process, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    operation_id = "metrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub(crate) async fn get(State(app): Shared) -> Result<Response, ServeError> {
    let (http, started_at_ms) = (app.http.clone(), app.started_at_ms);
    let station = app.station.clone();
    let text = app.read(move |_| Ok(text(station, &http, started_at_ms))).await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
