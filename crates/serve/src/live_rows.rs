//! The live feed of a view: which rows came, changed or went, merged by key.
//!
//! A feed that begins without a position begins where the warehouse stands, not where the log ends: whoever then fetches the
//! rows has nothing missing in between. A change may so arrive twice; applying it twice changes nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use futures::stream;
use millrace_flow::{
    Fetched, Log, PartitionId, StageError, StageKind, StageStatus, TopicInfo, TopicKind, TopicPartition,
};
use millrace_station::model::Row;
use serde::Serialize;

use crate::app::Shared;
use crate::live::{self, Cursor, Follower, RESET_INTERVAL};
use crate::table::Object;
use crate::{Problem, ServeError, views};

/// Committed records that one event may have to look at; more, and fetching the rows again is cheaper for both sides.
const RECORDS_PER_EVENT_MAX: u64 = 100_000;

/// Changed rows in one event: about two megabytes of JSON.
const ROWS_PER_EVENT_MAX: usize = 8_000;

/// Bytes of the log read at once.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a `rows` event says.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RowsEvent<'a> {
    /// Rows that are new or changed, each with `_key`, its key.
    #[schema(value_type = Vec<Row>)]
    upserts: Vec<Object<'a>>,
    /// Keys of rows that are gone.
    deletes: Vec<&'a str>,
    /// Event time up to which the view is complete.
    #[schema(required)]
    watermark_ms: Option<i64>,
    /// Greatest event time that the view's query has seen.
    #[schema(required)]
    event_time_ms: Option<i64>,
}

/// Follows a view: events `rows` (`{upserts: [row with _key], deletes: [_key], watermark_ms, event_time_ms}`) and `reset` (what
/// was missed is too much: fetch the rows again).
#[utoipa::path(
    get,
    path = "/views/{name}/live",
    tag = "views",
    operation_id = "live_rows",
    params(
        ("name" = String, Path, description = "The view's name"),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event, or `committed.live_id` of fetched rows: go on from there")
    ),
    responses(
        (status = 200, description = "Server-sent events, at most ten a second", body = RowsEvent<'static>, content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn get(
    State(app): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    let open = app.open_feed()?;
    let begin = Cursor::of(&headers);
    let feed = app.read(move |station| {
        let view = views::find(station, &name)?;
        let Some(topic) = view.topic else { return Err(views::not_materialized(&name)) };
        let topic =
            station.log().topic(&topic).ok_or_else(|| ServeError::not_found("topic", &topic, "/api/v1/topics"))?;
        let status = views::stage(station, StageKind::Query, &name);
        let (next, opening) = match begin {
            Some(Ok(cursor)) if cursor.is_within(&topic) => (cursor, Opening::Over),
            Some(_) => (views::progress(station, &name, &topic), Opening::Reset),
            None => (views::progress(station, &name, &topic), Opening::Rows),
        };
        Ok(Feed { view: name, status, opening, follower: Follower::new(topic.spec.name, next, open) })
    });
    Ok(live::answer(stream::unfold(feed.await?, Feed::next)))
}

/// What a feed begins with: a client without a position is told one before anything has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Rows,
    Reset,
    Over,
}

struct Feed {
    view: String,
    status: Option<Arc<StageStatus>>,
    opening: Opening,
    follower: Follower,
}

impl Feed {
    /// The next event, when there is one; the end when the program stops.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let event = match std::mem::replace(&mut self.opening, Opening::Over) {
            Opening::Rows => self.rows(&Changes::default()),
            Opening::Reset => self.reset(),
            Opening::Over => self.change().await?,
        };
        Some((Ok(event), self))
    }

    async fn change(&mut self) -> Option<Event> {
        let topic = self.follower.news().await?;
        let from = self.follower.next.clone();
        if !from.is_within(&topic) || from.behind(&topic) > RECORDS_PER_EVENT_MAX {
            return self.start_afresh().await;
        }
        let app = self.follower.app();
        let changes = app.read(move |station| Ok(Changes::read(station.log().as_ref(), &topic, from)?));
        match changes.await {
            Ok(changes) if changes.latest.len() <= ROWS_PER_EVENT_MAX => {
                self.follower.next = changes.end.clone();
                Some(self.rows(&changes))
            }
            Ok(_) => self.start_afresh().await,
            Err(error) => {
                tracing::warn!(%error, view = %self.view, "a live feed starts afresh");
                self.start_afresh().await
            }
        }
    }

    /// Gives up on what was missed: the client fetches the rows, and the feed goes on from where the warehouse stands now.
    async fn start_afresh(&mut self) -> Option<Event> {
        let (view, topic) = (self.view.clone(), self.follower.topic.clone());
        let app = self.follower.app();
        let position = app.read(move |station| {
            let topic =
                station.log().topic(&topic).ok_or_else(|| ServeError::not_found("topic", &topic, "/api/v1/topics"))?;
            Ok(views::progress(station, &view, &topic))
        });
        self.follower.next = position.await.ok()?;
        Some(self.reset())
    }

    fn reset(&mut self) -> Event {
        self.follower.pace.sent(RESET_INTERVAL);
        live::reset(&self.follower.next)
    }

    fn rows(&mut self, changes: &Changes) -> Event {
        self.follower.pace.sent_rows(changes.latest.len());
        let event = RowsEvent {
            upserts: changes.upserts(),
            deletes: changes.deletes(),
            watermark_ms: self.status.as_deref().and_then(StageStatus::complete_to_ms),
            event_time_ms: self.status.as_deref().and_then(StageStatus::newest_event_ms),
        };
        let data = serde_json::to_string(&event).expect("rows are plain JSON");
        live::event("rows", Some(&self.follower.next), &data)
    }
}

/// Records of a view's topic, of which only the last one of each key counts.
#[derive(Debug)]
struct Changes {
    fetched: Vec<Fetched>,
    /// Key → number of the batch, row within it.
    latest: HashMap<String, (usize, usize)>,
    end: Cursor,
}

impl Default for Changes {
    fn default() -> Self {
        Self { fetched: Vec::new(), latest: HashMap::new(), end: Cursor(Vec::new()) }
    }
}

impl Changes {
    /// Everything committed from `from` to the ends that `topic` tells.
    fn read(log: &dyn Log, topic: &TopicInfo, from: Cursor) -> Result<Self, StageError> {
        let mut changes = Self { end: from, ..Self::default() };
        let keyed = topic.spec.kind == TopicKind::Upserts;
        for (partition, end) in topic.partitions().zip(&topic.ends) {
            while changes.end.0[partition.partition.index()] < *end {
                let next = changes.end.0[partition.partition.index()];
                let read = log.read(&partition, next, READ_BYTES_MAX)?;
                if read.is_empty() {
                    break;
                }
                read.into_iter().for_each(|fetched| changes.take(&partition, fetched, keyed));
            }
        }
        Ok(changes)
    }

    fn take(&mut self, partition: &TopicPartition, fetched: Fetched, keyed: bool) {
        let number = self.fetched.len();
        for row in 0..fetched.batch.num_rows() {
            self.latest.insert(key(partition.partition, &fetched, row, keyed), (number, row));
        }
        self.end.0[partition.partition.index()] = fetched.end();
        self.fetched.push(fetched);
    }

    /// The last record of each key, in the order in which they were written.
    fn in_order(&self) -> Vec<(&str, &Fetched, usize)> {
        let mut latest: Vec<_> = self.latest.iter().map(|(key, place)| (*place, key.as_str())).collect();
        latest.sort_unstable();
        latest.into_iter().map(|((number, row), key)| (key, &self.fetched[number], row)).collect()
    }

    fn upserts(&self) -> Vec<Object<'_>> {
        let upserts = self.in_order().into_iter().filter(|(_, fetched, row)| !fetched.batch.is_tombstone(*row));
        upserts.map(|(key, fetched, row)| Object { key: Some(key), batch: &fetched.batch.values, row }).collect()
    }

    fn deletes(&self) -> Vec<&str> {
        let deletes = self.in_order().into_iter().filter(|(_, fetched, row)| fetched.batch.is_tombstone(*row));
        deletes.map(|(key, ..)| key).collect()
    }
}

/// What the warehouse knows a record's row by: its key or, where every record is a row of its own, its place.
fn key(partition: PartitionId, fetched: &Fetched, row: usize, keyed: bool) -> String {
    match fetched.batch.keys.as_ref().filter(|_| keyed) {
        Some(keys) => String::from_utf8_lossy(keys.value(row)).into_owned(),
        None => format!("{partition}:{}", fetched.base.advance(row)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch};
    use millrace_flow::{Batch, Offset};

    use super::*;

    fn fetched(base: i64, keys: &[&str], values: &[Option<i32>]) -> Fetched {
        let columns: Vec<(&str, arrow::array::ArrayRef)> = vec![("n", Arc::new(Int32Array::from(values.to_vec())))];
        let rows = RecordBatch::try_from_iter(columns).expect("a batch");
        let gone: Vec<bool> = values.iter().map(Option::is_none).collect();
        let batch = Batch::new(rows, Int64Array::from(vec![0; values.len()]))
            .with_keys(BinaryArray::from_iter_values(keys))
            .with_tombstones(BooleanArray::from(gone));
        Fetched { base: Offset(base), batch }
    }

    fn changes(keyed: bool) -> Changes {
        let mut changes = Changes { end: Cursor(vec![Offset(7)]), ..Changes::default() };
        let partition = TopicPartition::new("t", 0);
        changes.take(&partition, fetched(7, &["a", "b", "a"], &[Some(1), Some(2), Some(3)]), keyed);
        changes.take(&partition, fetched(10, &["b", "c"], &[None, Some(4)]), keyed);
        changes
    }

    #[test]
    fn only_the_last_record_of_a_key_counts() {
        let changes = changes(true);
        let upserts = serde_json::to_string(&changes.upserts()).expect("rows are JSON");
        assert_eq!(upserts, r#"[{"_key":"a","n":3},{"_key":"c","n":4}]"#);
        assert_eq!(changes.deletes(), ["b"]);
        assert_eq!(changes.end.to_string(), "12");
    }

    #[test]
    fn every_record_of_a_growing_view_is_a_row() {
        let keys: Vec<String> = changes(false).in_order().iter().map(|(key, ..)| (*key).to_owned()).collect();
        assert_eq!(keys, ["0:7", "0:8", "0:9", "0:10", "0:11"]);
    }
}
