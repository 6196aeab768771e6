//! Live feeds: what all of them share.
//!
//! A feed is pulled, never pushed: the next event is made when the connection has taken the last one, from all that was
//! committed in between. So a client that reads slowly costs the server one position and no queue, and what it misses is
//! merged; when that is too much, it is told to start afresh (`reset`).
//!
//! An event's id is the offset to go on from in each partition, `12,40,7`; a browser hands it back as `Last-Event-ID`.
//!
//! A [`Follower`] is what the feeds of a topic have in common: where they are, how often they may speak, and when to look again.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use millrace_flow::{Offset, Signal, Stop, TopicInfo};
use tokio::time::{Instant, sleep, sleep_until};

use crate::app::{App, OpenFeed};

/// Time between two events of a feed, from those of a few rows, which should be there at once, to those of many: ten of
/// them a second is what a browser takes well.
const EVENT_INTERVAL_MIN: Duration = Duration::from_millis(20);
const EVENT_INTERVAL_MAX: Duration = Duration::from_millis(100);

/// What every row of an event adds to the pause after it.
const INTERVAL_PER_ROW: Duration = Duration::from_micros(200);

/// Pause after a feed was told to start afresh, so that a client that cannot keep up is not made to fetch everything ten
/// times a second.
pub(crate) const RESET_INTERVAL: Duration = Duration::from_secs(1);

/// Shortest time between two looks at the log: every commit of any topic wakes every feed.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Time between comments that keep an idle connection open.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// The header that a browser sends when it comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The offset to go on from, in each partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor(pub(crate) Vec<Offset>);

impl Cursor {
    /// The position that a client says it has reached; an unreadable one is as good as one too old.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Result<Self, CursorError>> {
        let id = headers.get(LAST_EVENT_ID)?;
        Some(id.to_str().map_err(|_| CursorError).and_then(str::parse))
    }

    /// Whether the log still holds everything from here on, and nothing of it is yet to be written.
    pub(crate) fn is_within(&self, topic: &TopicInfo) -> bool {
        let within = |((next, start), end): ((&Offset, &Offset), &Offset)| start <= next && next <= end;
        self.0.len() == topic.ends.len() && self.0.iter().zip(&topic.starts).zip(&topic.ends).all(within)
    }

    /// Committed records from here on.
    pub(crate) fn behind(&self, topic: &TopicInfo) -> u64 {
        let behind = |(next, end): (&Offset, &Offset)| u64::try_from(end.0 - next.0).unwrap_or(0);
        self.0.iter().zip(&topic.ends).map(behind).sum()
    }
}

/// An id that is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let offset = |part: &str| match part.parse() {
            Ok(offset) if offset >= 0 => Ok(Offset(offset)),
            _ => Err(CursorError),
        };
        text.split(',').map(offset).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (p, offset) in self.0.iter().enumerate() {
            write!(f, "{}{offset}", if p == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Keeps events apart.
#[derive(Debug)]
pub(crate) struct Pace {
    next: Instant,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { next: Instant::now() }
    }

    /// Waits until the next event may go.
    pub(crate) async fn ready(&self) {
        sleep_until(self.next).await;
    }

    /// Says that an event goes now, and how long the next one has to wait.
    pub(crate) fn sent(&mut self, interval: Duration) {
        self.next = Instant::now() + interval;
    }

    /// Says that an event of so many rows goes now.
    pub(crate) fn sent_rows(&mut self, rows: usize) {
        self.sent(interval_after(rows));
    }
}

fn interval_after(rows: usize) -> Duration {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    INTERVAL_PER_ROW.saturating_mul(rows).clamp(EVENT_INTERVAL_MIN, EVENT_INTERVAL_MAX)
}

/// Follows one topic for one client.
pub(crate) struct Follower {
    pub(crate) topic: Arc<str>,
    /// Where the next event begins.
    pub(crate) next: Cursor,
    pub(crate) pace: Pace,
    open: OpenFeed,
}

impl Follower {
    pub(crate) fn new(topic: Arc<str>, next: Cursor, open: OpenFeed) -> Self {
        Self { topic, next, pace: Pace::new(), open }
    }

    pub(crate) fn app(&self) -> Arc<App> {
        self.open.app.clone()
    }

    /// The topic, as soon as the next event may go and the topic does not end where this feed is; `None` when the program stops
    /// or the topic is gone.
    pub(crate) async fn news(&self) -> Option<TopicInfo> {
        let app = &self.open.app;
        let log = app.station.log();
        loop {
            self.pace.ready().await;
            let seen = log.signal().version();
            if app.stop.is_stopped() {
                return None;
            }
            let topic = log.topic(&self.topic)?;
            if self.next.0 != topic.ends {
                return Some(topic);
            }
            moved(log.signal(), seen, &app.stop, None).await;
        }
    }
}

/// Waits until something was committed somewhere, the program stops, or `at_most` has passed.
pub(crate) async fn moved(signal: &Signal, seen: u64, stop: &Stop, at_most: Option<Duration>) {
    let patience = async {
        match at_most {
            Some(time) => sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = signal.changed(seen) => sleep(LOOK_INTERVAL).await,
        () = stop.stopped() => {}
        () = patience => {}
    }
}

/// An event with its position and its data.
pub(crate) fn event(name: &str, id: Option<&Cursor>, data: &str) -> Event {
    let event = Event::default().event(name).data(data);
    match id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}

/// The event that tells a client to fetch everything again.
pub(crate) fn reset(id: &Cursor) -> Event {
    event("reset", Some(id), "{}")
}

/// The answer that carries a feed.
pub(crate) fn answer<S>(events: S) -> Response
where
    S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    let mut response =
        Sse::new(events.fuse()).keep_alive(KeepAlive::new().interval(HEARTBEAT_INTERVAL).text("alive")).into_response();
    // A proxy in front must pass events on as they come.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_make_events_rarer() {
        let ms = |rows| interval_after(rows).as_millis();
        assert_eq!([ms(1), ms(250), ms(usize::MAX)], [20, 50, 100]);
    }

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        for text in ["0", "12,40,7"] {
            assert_eq!(text.parse::<Cursor>().expect("offsets").to_string(), text);
        }
        for text in ["", "1,", "a", "-1", "1;2", "99999999999999999999"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
