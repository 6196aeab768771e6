//! What runs here, and what its first page shows.

use axum::Json;
use axum::extract::State;
use millrace_station::model::{Dashboard, Project};

use crate::ServeError;
use crate::app::Shared;

/// The project: name, times, what it consists of.
#[utoipa::path(get, path = "/project", tag = "project", operation_id = "project", responses((status = 200, body = Project)))]
pub(crate) async fn get(State(app): Shared) -> Result<Json<Project>, ServeError> {
    app.read(|station| Ok(station.project_info())).await.map(Json)
}

/// The first page: its tiles, chart, bars and feeds, and the views they read.
#[utoipa::path(get, path = "/dashboard", tag = "project", operation_id = "dashboard", responses((status = 200, body = Dashboard)))]
pub(crate) async fn dashboard(State(app): Shared) -> Result<Json<Dashboard>, ServeError> {
    app.read(|station| Ok(station.dashboard())).await.map(Json)
}
