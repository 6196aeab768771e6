//! The views: what they are and where their rows stand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use millrace_flow::{Offset, Phase, StageKind, StageStatus, TopicInfo};
use millrace_station::Station;
use millrace_station::model::View;

use crate::app::{App, Shared};
use crate::live::Cursor;
use crate::rows::Committed;
use crate::{Problem, ServeError};

/// All views, materialized or not.
#[utoipa::path(get, path = "/views", tag = "views", operation_id = "views", responses((status = 200, body = Vec<View>)))]
pub(crate) async fn list(State(app): Shared) -> Result<Json<Vec<View>>, ServeError> {
    app.read(|station| Ok(station.views())).await.map(Json)
}

/// One view: its columns, key, SQL and where it stands in the project.
#[utoipa::path(
    get,
    path = "/views/{name}",
    tag = "views",
    operation_id = "view",
    params(("name" = String, Path, description = "The view's name")),
    responses((status = 200, body = View), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn get(State(app): Shared, Path(name): Path<String>) -> Result<Json<View>, ServeError> {
    app.read(move |station| find(station, &name).map(Json)).await
}

/// The view of that name.
pub(crate) fn find(station: &Station, name: &str) -> Result<View, ServeError> {
    let view = station.views().into_iter().find(|view| view.name == name);
    view.ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> ServeError {
    ServeError::not_found("view", name, "/api/v1/views")
}

/// Refuses a view that does not exist, or keeps no rows of its own. Unlike [`find`] it counts no rows.
pub(crate) fn check_materialized(station: &Station, name: &str) -> Result<(), ServeError> {
    match station.project().program.views.iter().find(|view| *view.name == *name) {
        Some(view) if view.materialized => Ok(()),
        Some(_) => Err(not_materialized(name)),
        None => Err(not_found(name)),
    }
}

/// The refusal to read rows of a view that has none of its own.
pub(crate) fn not_materialized(name: &str) -> ServeError {
    ServeError::parameter(
        format!("view `{name}` keeps no rows of its own"),
        "make it a MATERIALIZED VIEW, or ask it in SQL with POST /api/v1/sql",
    )
}

/// Where the warehouse stands in a view's topic, or a little before: a reader tells how far it is behind in all, so every
/// partition is taken to be behind by that much.
pub(crate) fn progress(station: &Station, name: &str, topic: &TopicInfo) -> Cursor {
    let reader = format!("sink:{name}");
    let lags = station.log().lags(&topic.spec.name);
    let behind = lags.into_iter().find(|(of, _)| *of == reader).map_or(0, |(_, behind)| behind);
    let behind = i64::try_from(behind).unwrap_or(i64::MAX);
    let stands = |(start, end): (&Offset, &Offset)| Offset(end.0.saturating_sub(behind).max(start.0));
    Cursor(topic.starts.iter().zip(&topic.ends).map(stands).collect())
}

/// What the rows of a materialized view are the result of, at least. Its topic and its query are named after it.
pub(crate) fn committed(station: &Station, name: &str) -> Committed {
    let live_id = station.log().topic(name).map(|topic| progress(station, name, &topic).to_string());
    let Some(query) = stage(station, StageKind::Query, name) else {
        return Committed { epoch: 0, watermark_ms: None, complete: false, live_id };
    };
    // The rows are those of the warehouse, which follows the query.
    let sink = stage(station, StageKind::Sink, name);
    let stages = [Some(&query), sink.as_ref()];
    Committed {
        epoch: query.epoch.load(Ordering::Relaxed),
        watermark_ms: query.complete_to_ms(),
        complete: stages.iter().all(|stage| stage.is_some_and(|stage| stage.phase() == Phase::Done)),
        live_id,
    }
}

/// Names the state of a view's rows: it changes whenever they or their watermark do, and whenever the program starts.
pub(crate) fn etag(app: &App, committed: &Committed) -> HeaderValue {
    let Committed { epoch, watermark_ms, complete, live_id } = committed;
    let started = app.started_at_ms;
    let (time_ms, done, at) = (watermark_ms.unwrap_or(0), u8::from(*complete), live_id.as_deref().unwrap_or(""));
    let tag = format!("W/\"{started:x}-{epoch}-{time_ms}-{done}-{at}\"");
    HeaderValue::try_from(tag).expect("numbers and commas are a header value")
}

/// The figures of a stage.
pub(crate) fn stage(station: &Station, kind: StageKind, name: &str) -> Option<Arc<StageStatus>> {
    station.stages().into_iter().find(|stage| stage.kind == kind && stage.name == name)
}
