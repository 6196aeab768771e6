//! What computes the views.

use axum::Json;
use axum::extract::{Path, State};
use millrace_station::model::Query;

use crate::app::Shared;
use crate::{Problem, ServeError};

/// All queries.
#[utoipa::path(get, path = "/queries", tag = "queries", operation_id = "queries", responses((status = 200, body = Vec<Query>)))]
pub(crate) async fn list(State(app): Shared) -> Result<Json<Vec<Query>>, ServeError> {
    app.read(|station| Ok(station.queries())).await.map(Json)
}

/// One query: its SQL, plan, stages, state and figures.
#[utoipa::path(
    get,
    path = "/queries/{name}",
    tag = "queries",
    operation_id = "query",
    params(("name" = String, Path, description = "The query's name: that of its view")),
    responses((status = 200, body = Query), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn get(State(app): Shared, Path(name): Path<String>) -> Result<Json<Query>, ServeError> {
    app.read(move |station| {
        let query = station.queries().into_iter().find(|query| query.name == name);
        query.map(Json).ok_or_else(|| ServeError::not_found("query", &name, "/api/v1/queries"))
    })
    .await
}
