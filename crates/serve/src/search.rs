//! A search through a topic, told as it goes on.
//!
//! It is pulled like every feed: the next moment of it begins when the connection has taken what the last one came to. So a
//! client that goes away ends its search, and one that reads slowly costs a place in the log and no thread.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::response::sse::Event;
use futures::stream;
use millrace_station::TopicSearch;
use millrace_station::model::{Message, SearchProgress, SearchQuery, SearchState};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::app::{OpenFeed, Shared};
use crate::query_string::Parameters;
use crate::{Problem, ServeError, live};

/// Records found at most, unless asked for another number.
const LIMIT_DEFAULT: usize = 100;

/// Most records of one search: what a page can hold.
const LIMIT_MAX: usize = 10_000;

/// What the events of a search say, by their names.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "it documents what is written event by event")]
pub(crate) enum SearchEvents {
    /// Event `match`: a record that was found.
    Match(Message),
    /// Event `progress`: how far it is.
    Progress(SearchProgress),
    /// Event `done`, the last one: how it ended.
    Done(SearchProgress),
    /// Event `failed`, the last one: why it ended.
    Failed(Problem),
}

/// Searches a topic: for a key, for a field of the value, in a range of time; all that is given has to fit. What is found comes
/// at once, the newest first, about in the order of time. Ends when the connection does.
#[utoipa::path(
    get,
    path = "/topics/{name}/search",
    tag = "topics",
    operation_id = "search",
    params(
        ("name" = String, Path, description = "The topic's name"),
        ("key" = Option<String>, Query, description = "Only records with this key"),
        ("field" = Option<String>, Query, description = "Only records whose value has this column, in any case of letters, or member; goes with `value`"),
        ("value" = Option<String>, Query, description = "What `field` is, a text, which may be empty, or a number: `7` finds 7.0, too"),
        ("from" = Option<String>, Query, description = "Only records of this time or a later one, `2011-01-01T00:00:00`"),
        ("to" = Option<String>, Query, description = "Only records before this time"),
        ("partition" = Option<u32>, Query, description = "Only this partition"),
        ("limit" = Option<usize>, Query, description = "At most this many, 100 unless given, at most 10000")
    ),
    responses(
        (status = 200, description = "Server-sent events: `match`, `progress`, and at the end `done` or `failed`", body = SearchEvents, content_type = "text/event-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn get(State(app): Shared, Path(name): Path<String>, uri: Uri) -> Result<Response, ServeError> {
    let query = read_query(&uri)?;
    let open = app.open_feed()?;
    let search = app.read(move |station| Ok(station.search(&name, &query)?));
    let feed = Feed { search: Some(search.await?), events: VecDeque::new(), open };
    Ok(live::answer(stream::unfold(feed, Feed::next)))
}

fn read_query(uri: &Uri) -> Result<SearchQuery, ServeError> {
    let known = ["key", "field", "value", "from", "to", "partition", "limit"];
    let parameters = Parameters::of(uri, &known)?;
    let text = |name: &str| Ok::<_, ServeError>(parameters.one(name)?.map(str::to_owned));
    let field = match (text("field")?, parameters.text("value")?.map(str::to_owned)) {
        (Some(field), Some(value)) => Some((field, value)),
        // A form sends what nobody has filled in.
        (None, None) => None,
        (None, Some(value)) if value.is_empty() => None,
        (Some(_), None) => return Err(ServeError::parameter("`field` is given without `value`", "give both or none")),
        (None, Some(_)) => return Err(ServeError::parameter("`value` is given without `field`", "give both or none")),
    };
    let query = SearchQuery {
        key: text("key")?,
        field,
        from: text("from")?,
        to: text("to")?,
        partition: parameters.parsed("partition", "the number of a partition")?,
        limit: parameters.within("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT),
    };
    let is_anything = query.key.is_some() || query.field.is_some() || query.from.is_some() || query.to.is_some();
    if is_anything {
        return Ok(query);
    }
    let cure = "give `key`, `field` with `value`, `from` or `to`; all messages are at /messages";
    Err(ServeError::parameter("nothing is looked for", cure))
}

struct Feed {
    /// There as long as it goes on.
    search: Option<TopicSearch>,
    /// What is to be told before it does.
    events: VecDeque<Event>,
    open: OpenFeed,
}

impl Feed {
    /// The next event; the end behind the last one, or when the program stops.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.events.is_empty() {
            self.go_on().await?;
        }
        self.events.pop_front().map(|event| (Ok(event), self))
    }

    /// Searches for a moment.
    async fn go_on(&mut self) -> Option<()> {
        let mut search = self.search.take()?;
        if self.open.app.stop.is_stopped() {
            return None;
        }
        let moment = self.open.app.read(move |station| {
            let found = station.go_on(&mut search)?;
            Ok((search, found))
        });
        match moment.await {
            Ok((search, found)) => {
                self.events.extend(found.iter().map(|message| event("match", message)));
                let is_running = search.progress().state == SearchState::Running;
                self.events.push_back(event(if is_running { "progress" } else { "done" }, search.progress()));
                self.search = is_running.then_some(search);
            }
            Err(error) => {
                tracing::warn!(%error, "a search fails");
                self.events.push_back(event("failed", &Problem::from(&error)));
            }
        }
        Some(())
    }
}

/// What a search has learned is written down where that keeps nobody waiting.
impl Drop for Feed {
    fn drop(&mut self) {
        if let (Some(search), Ok(runtime)) = (self.search.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(search));
        }
    }
}

fn event(name: &str, told: &impl Serialize) -> Event {
    live::event(name, None, &serde_json::to_string(told).expect("what is told is plain JSON"))
}
