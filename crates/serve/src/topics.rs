//! The topics: what is in them, record by record.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use millrace_station::model::{MessagesPage, MessagesQuery, Order, Topic};
use millrace_station::{Station, cure_for_name};

use crate::app::Shared;
use crate::query_string::Parameters;
use crate::{Problem, ServeError};

/// Messages of one answer unless asked for another number.
const MESSAGES_DEFAULT: usize = 50;

/// Most messages of one answer: what a person can scroll through.
const MESSAGES_MAX: usize = 1_000;

/// All topics.
#[utoipa::path(get, path = "/topics", tag = "topics", operation_id = "topics", responses((status = 200, body = Vec<Topic>)))]
pub(crate) async fn list(State(app): Shared) -> Result<Json<Vec<Topic>>, ServeError> {
    app.read(|station| Ok(station.topics())).await.map(Json)
}

/// One topic: partitions, schema, retention, who writes and who reads it.
#[utoipa::path(
    get,
    path = "/topics/{name}",
    tag = "topics",
    operation_id = "topic",
    params(("name" = String, Path, description = "The topic's name")),
    responses((status = 200, body = Topic), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn get(State(app): Shared, Path(name): Path<String>) -> Result<Json<Topic>, ServeError> {
    app.read(move |station| {
        let topic = station.topics().into_iter().find(|topic| topic.name == name);
        topic.map(Json).ok_or_else(|| not_found(station, &name))
    })
    .await
}

/// Messages of a topic, decoded: from an offset or a time, with a key, from a line of a file, or holding a text.
#[utoipa::path(
    get,
    path = "/topics/{name}/messages",
    tag = "topics",
    operation_id = "messages",
    params(
        ("name" = String, Path, description = "The topic's name"),
        ("partition" = Option<u32>, Query, description = "Only this partition"),
        ("offset" = Option<i64>, Query, description = "From this offset on"),
        ("time" = Option<String>, Query, description = "From this time on, `2011-01-01T00:00:00`"),
        ("key" = Option<String>, Query, description = "Only records with this key"),
        ("origin" = Option<String>, Query, description = "Only the record read from `FILE:LINE`"),
        ("limit" = Option<usize>, Query, description = "At most this many, 50 unless given, at most 1000"),
        ("order" = Option<String>, Query, description = "`newest` (default) or `oldest`"),
        ("search" = Option<String>, Query, description = "Only records whose key or value holds this text"),
        ("cursor" = Option<String>, Query, description = "Where an earlier answer left off: what its `next` said")
    ),
    responses(
        (status = 200, body = MessagesPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn messages(
    State(app): Shared,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<MessagesPage>, ServeError> {
    let query = read_query(&uri)?;
    app.read(move |station| Ok(Json(station.messages(&name, &query)?))).await
}

/// There is no such topic; the near one is named, or those that there are.
pub(crate) fn not_found(station: &Station, name: &str) -> ServeError {
    let topics = station.log().topics();
    let cure = cure_for_name(name, topics.iter().map(|topic| &*topic.spec.name), "topics");
    ServeError::NotFound { what: "topic", name: name.to_owned(), cure }
}

fn read_query(uri: &Uri) -> Result<MessagesQuery, ServeError> {
    let known = ["partition", "offset", "time", "key", "origin", "limit", "order", "search", "cursor"];
    let parameters = Parameters::of(uri, &known)?;
    let text = |name: &str| Ok::<_, ServeError>(parameters.one(name)?.map(str::to_owned));
    Ok(MessagesQuery {
        partition: parameters.parsed("partition", "the number of a partition")?,
        offset: parameters.parsed("offset", "a whole number")?,
        time: text("time")?,
        key: text("key")?,
        origin: text("origin")?,
        search: text("search")?,
        cursor: text("cursor")?,
        limit: parameters.within("limit", 1, MESSAGES_MAX)?.unwrap_or(MESSAGES_DEFAULT),
        order: parameters.choice("order", &[("newest", Order::Newest), ("oldest", Order::Oldest)])?,
    })
}
