//! All stages and topics as one picture.

use axum::Json;
use axum::extract::State;
use millrace_station::model::Pipeline;

use crate::ServeError;
use crate::app::Shared;

/// The stages and topics, what flows between them and where it stands still.
#[utoipa::path(get, path = "/pipeline", tag = "pipeline", operation_id = "pipeline", responses((status = 200, body = Pipeline)))]
pub(crate) async fn get(State(app): Shared) -> Result<Json<Pipeline>, ServeError> {
    app.read(|station| Ok(station.pipeline())).await.map(Json)
}
