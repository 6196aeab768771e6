//! Topics of clients are made, changed and taken away, and records are written into them.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use millrace_station::model::{NewMessages, NewTopic, Topic, TopicChange, Written};

use crate::app::Shared;
use crate::groups::may_change;
use crate::sql::{unreadable, unreadable_within};
use crate::{Problem, ServeError};

/// Longest body with records: several records as large as topics take them by default, whatever their text is escaped to.
pub(crate) const RECORDS_BYTES_MAX: usize = 16 << 20;

/// Makes a topic that clients may append to.
#[utoipa::path(
    post,
    path = "/topics",
    tag = "topics",
    operation_id = "create_topic",
    request_body = NewTopic,
    responses(
        (status = 201, body = Topic),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is one of that name", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn create(
    State(app): Shared,
    new: Result<Json<NewTopic>, JsonRejection>,
) -> Result<(StatusCode, Json<Topic>), ServeError> {
    let Json(new) = new.map_err(unreadable)?;
    may_change(&app)?;
    app.read(move |station| Ok((StatusCode::CREATED, Json(station.create_topic(&new)?)))).await
}

/// Gives a topic of clients other settings, more partitions, or both.
#[utoipa::path(
    patch,
    path = "/topics/{name}",
    tag = "topics",
    operation_id = "alter_topic",
    params(("name" = String, Path, description = "The topic's name")),
    request_body = TopicChange,
    responses(
        (status = 200, body = Topic),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not of clients", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn alter(
    State(app): Shared,
    Path(name): Path<String>,
    change: Result<Json<TopicChange>, JsonRejection>,
) -> Result<Json<Topic>, ServeError> {
    let Json(change) = change.map_err(unreadable)?;
    may_change(&app)?;
    app.read(move |station| Ok(Json(station.alter_topic(&name, &change)?))).await
}

/// Takes a topic of clients away, with everything in it and the offsets that groups have of it.
#[utoipa::path(
    delete,
    path = "/topics/{name}",
    tag = "topics",
    operation_id = "delete_topic",
    params(("name" = String, Path, description = "The topic's name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not of clients", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn delete(State(app): Shared, Path(name): Path<String>) -> Result<StatusCode, ServeError> {
    may_change(&app)?;
    app.read(move |station| {
        station.delete_topic(&name)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Writes records into a topic of clients: all of them or, unless the disk fails, none.
#[utoipa::path(
    post,
    path = "/topics/{name}/messages",
    tag = "topics",
    operation_id = "write_messages",
    params(("name" = String, Path, description = "The topic's name")),
    request_body = NewMessages,
    responses(
        (status = 200, body = Written),
        (status = 400, description = "With the `record` that is not taken", body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not of clients", body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn write(
    State(app): Shared,
    Path(name): Path<String>,
    new: Result<Json<NewMessages>, JsonRejection>,
) -> Result<Json<Written>, ServeError> {
    let Json(new) = new.map_err(|rejection| unreadable_within(RECORDS_BYTES_MAX, &rejection))?;
    may_change(&app)?;
    app.read(move |station| Ok(Json(station.write_messages(&name, &new)?))).await
}
