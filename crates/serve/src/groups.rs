//! Groups of consumers: who is in them, how far they have read, and where they are sent.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use millrace_station::model::{Group, GroupLine, GroupMoves, GroupSeek};

use crate::app::{App, Shared};
use crate::sql::unreadable;
use crate::{Problem, ServeError};

/// All groups.
#[utoipa::path(get, path = "/groups", tag = "groups", operation_id = "groups", responses((status = 200, body = Vec<GroupLine>)))]
pub(crate) async fn list(State(app): Shared) -> Result<Json<Vec<GroupLine>>, ServeError> {
    app.read(|station| Ok(Json(station.group_list()?))).await
}

/// One group: its members, the partitions it reads, how far, and how much is before it.
#[utoipa::path(
    get,
    path = "/groups/{name}",
    tag = "groups",
    operation_id = "group",
    params(("name" = String, Path, description = "The group's name")),
    responses((status = 200, body = Group), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn get(State(app): Shared, Path(name): Path<String>) -> Result<Json<Group>, ServeError> {
    app.read(move |station| Ok(Json(station.group(&name)?))).await
}

/// Says where a group that nobody is in would go on, and with `apply` has it go on there.
#[utoipa::path(
    post,
    path = "/groups/{name}/seek",
    tag = "groups",
    operation_id = "seek_group",
    params(("name" = String, Path, description = "The group's name")),
    request_body = GroupSeek,
    responses(
        (status = 200, body = GroupMoves),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody is in the group", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn seek(
    State(app): Shared,
    Path(name): Path<String>,
    seek: Result<Json<GroupSeek>, JsonRejection>,
) -> Result<Json<GroupMoves>, ServeError> {
    let Json(seek) = seek.map_err(unreadable)?;
    if seek.apply {
        may_change(&app)?;
    }
    app.read(move |station| Ok(Json(station.seek_group(&name, &seek)?))).await
}

/// Forgets a group that nobody is in, with all its offsets.
#[utoipa::path(
    delete,
    path = "/groups/{name}",
    tag = "groups",
    operation_id = "delete_group",
    params(("name" = String, Path, description = "The group's name")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody is in the group", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn delete(State(app): Shared, Path(name): Path<String>) -> Result<StatusCode, ServeError> {
    may_change(&app)?;
    app.read(move |station| {
        station.delete_group(&name)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Refuses a change that goes past login and rights of the clients of Kafka. Who reaches an address of this machine alone can
/// change its files as well.
pub(crate) fn may_change(app: &App) -> Result<(), ServeError> {
    let is_open = !app.options.clients_need_rights || app.options.listen.ip().is_loopback();
    if is_open { Ok(()) } else { Err(ServeError::NoRight) }
}
