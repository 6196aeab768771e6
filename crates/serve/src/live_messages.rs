//! The live tail of a topic: its newest messages, decoded, as they are committed.
//!
//! A tail is for eyes: of more messages than fit on a screen between two events, the newest are shown and the rest counted.

use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use futures::stream;
use millrace_flow::{Offset, TopicInfo};
use millrace_station::Station;
use millrace_station::model::{Message, MessagesQuery, Order};
use serde::Serialize;

use crate::app::Shared;
use crate::live::{self, Cursor, Follower};
use crate::{Problem, ServeError, topics};

/// Messages of one event, over all partitions.
const MESSAGES_PER_EVENT_MAX: usize = 50;

/// What a `messages` event says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MessagesEvent {
    /// The messages, oldest first within a partition.
    messages: Vec<Message>,
    /// Messages that came in between and are not shown.
    skipped: u64,
}

/// Follows a topic: events `messages` (`{messages: […], skipped: n}`).
#[utoipa::path(
    get,
    path = "/topics/{name}/live",
    tag = "topics",
    operation_id = "live_messages",
    params(
        ("name" = String, Path, description = "The topic's name"),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event: go on from there")
    ),
    responses(
        (status = 200, description = "Server-sent events, at most ten a second", body = MessagesEvent, content_type = "text/event-stream"),
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
    let topic = app.station.log().topic(&name).ok_or_else(|| topics::not_found(&app.station, &name))?;
    let next = match Cursor::of(&headers) {
        Some(Ok(cursor)) if cursor.is_within(&topic) => cursor,
        _ => Cursor(topic.ends.clone()),
    };
    let feed = Feed { follower: Follower::new(topic.spec.name, next, open), opening: true };
    Ok(live::answer(stream::unfold(feed, Feed::next)))
}

struct Feed {
    follower: Follower,
    opening: bool,
}

impl Feed {
    /// The next event, when there is one; the end when the program stops or the log cannot be read.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let news = if std::mem::replace(&mut self.opening, false) {
            MessagesEvent { messages: Vec::new(), skipped: 0 }
        } else {
            self.news().await?
        };
        self.follower.pace.sent_rows(news.messages.len());
        let data = serde_json::to_string(&news).expect("messages are plain JSON");
        let event = live::event("messages", Some(&self.follower.next), &data);
        Some((Ok(event), self))
    }

    async fn news(&mut self) -> Option<MessagesEvent> {
        let topic = self.follower.news().await?;
        let from = std::mem::replace(&mut self.follower.next, Cursor(topic.ends.clone()));
        match self.follower.app().read(move |station| tail(station, &topic, &from)).await {
            Ok(news) => Some(news),
            Err(error) => {
                tracing::warn!(%error, topic = %self.follower.topic, "a live tail ends");
                None
            }
        }
    }
}

/// The newest messages between `from` and the ends that `topic` tells, each partition having its share of the event.
fn tail(station: &Station, topic: &TopicInfo, from: &Cursor) -> Result<MessagesEvent, ServeError> {
    let share = (MESSAGES_PER_EVENT_MAX / topic.ends.len().max(1)).max(1);
    let mut news = MessagesEvent { messages: Vec::new(), skipped: 0 };
    for (partition, end) in topic.partitions().zip(&topic.ends) {
        let (begin, skipped) = begin(from.0[partition.partition.index()], *end, share);
        news.skipped += skipped;
        if begin >= *end {
            continue;
        }
        let query = MessagesQuery {
            partition: Some(partition.partition.0),
            offset: Some(begin.0),
            limit: usize::try_from(end.0 - begin.0).unwrap_or(share),
            order: Order::Oldest,
            ..MessagesQuery::default()
        };
        let page = station.messages(&topic.spec.name, &query)?;
        news.messages.extend(page.messages.into_iter().filter(|message| message.offset < end.0));
    }
    Ok(news)
}

/// Where to begin so that at most `share` messages are left before `end`, and how many are skipped for it.
fn begin(from: Offset, end: Offset, share: usize) -> (Offset, u64) {
    let share = i64::try_from(share).unwrap_or(i64::MAX);
    let begin = from.0.max(end.0.saturating_sub(share));
    (Offset(begin), u64::try_from(begin - from.0).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        assert_eq!(begin(Offset(10), Offset(15), 50), (Offset(10), 0));
        assert_eq!(begin(Offset(10), Offset(110), 50), (Offset(60), 50));
        assert_eq!(begin(Offset(110), Offset(110), 50), (Offset(110), 0));
    }
}
