//! Does it live, is it ready, is it well.

use axum::Json;
use axum::extract::State;
use millrace_station::model::Health;

use crate::app::Shared;
use crate::{Problem, ServeError};

/// Answers as long as the process can answer at all.
#[utoipa::path(get, path = "/healthz", tag = "operations", operation_id = "alive", responses((status = 200, body = String)))]
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Answers 200 once the log is open and every stage has started.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    operation_id = "ready",
    responses((status = 200, body = String), (status = 503, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn ready(State(app): Shared) -> Result<&'static str, ServeError> {
    let health = app.read(|station| Ok(station.health())).await?;
    if health.ready { Ok("ready\n") } else { Err(ServeError::NotReady(reasons(&health))) }
}

/// How it is, with a line for each problem.
#[utoipa::path(get, path = "/health", tag = "operations", operation_id = "health", responses((status = 200, body = Health)))]
pub(crate) async fn get(State(app): Shared) -> Result<Json<Health>, ServeError> {
    app.read(|station| Ok(station.health())).await.map(Json)
}

fn reasons(health: &Health) -> String {
    let reasons: Vec<String> =
        health.problems.iter().map(|problem| format!("{}: {}", problem.stage, problem.message)).collect();
    if reasons.is_empty() { "stages are starting".to_owned() } else { reasons.join("; ") }
}
