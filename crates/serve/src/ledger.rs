//! Where every row went.

use axum::Json;
use axum::extract::State;
use millrace_station::model::LedgerLine;

use crate::ServeError;
use crate::app::Shared;

/// A line for each source and query: `read = used + late + duplicate + rejected`.
#[utoipa::path(get, path = "/ledger", tag = "pipeline", operation_id = "ledger", responses((status = 200, body = Vec<LedgerLine>)))]
pub(crate) async fn list(State(app): Shared) -> Result<Json<Vec<LedgerLine>>, ServeError> {
    app.read(|station| Ok(station.ledger())).await.map(Json)
}
