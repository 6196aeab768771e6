//! Questions in SQL over everything there is.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use millrace_station::Limits;
use millrace_station::model::Cell;
use serde::{Deserialize, Serialize};

use crate::app::{Lane, Shared};
use crate::routes::BODY_BYTES_MAX;
use crate::table::{Arrays, ColumnHead, heads};
use crate::{Problem, ServeError};

/// Rows of an answer unless asked for another number.
const ROWS_DEFAULT: usize = 10_000;

/// Most rows of an answer: it is built in memory.
const ROWS_MAX: usize = 100_000;

/// Time that a question may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Memory that a question may take.
const QUESTION_BYTES_MAX: usize = 512 * 1024 * 1024;

/// A question.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// One SELECT or EXPLAIN.
    #[schema(
        example = "SELECT country, sum(revenue) AS revenue FROM revenue_5m GROUP BY country ORDER BY revenue DESC"
    )]
    sql: String,
    /// At most this many rows; 10,000 unless given.
    limit: Option<usize>,
}

/// An answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Answer {
    /// The columns.
    columns: Vec<ColumnHead>,
    /// The rows, each an array with a value for every column.
    #[schema(value_type = Vec<Vec<Cell>>)]
    rows: Arrays,
    /// Whether there were more rows than the limit.
    truncated: bool,
    /// Time taken.
    elapsed_ms: u64,
}

/// Asks a question in SQL: read-only, within 30 s and 512 MiB, over views, topics and Delta tables.
#[utoipa::path(
    post,
    path = "/sql",
    tag = "questions",
    operation_id = "sql",
    request_body = Question,
    responses(
        (status = 200, body = Answer),
        (status = 400, description = "With `line` and `column` of the mistake", body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn ask(
    State(app): Shared,
    question: Result<Json<Question>, JsonRejection>,
) -> Result<Response, ServeError> {
    let Json(question) = question.map_err(unreadable)?;
    let limits = limits(question.limit)?;
    let body = app.blocking(Lane::Questions, move |station| {
        let started = Instant::now();
        let answer = station.ask(&question.sql, limits).map_err(refused)?;
        let answer = Answer {
            columns: heads(&answer.schema),
            rows: Arrays(answer.batches),
            truncated: answer.truncated,
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        serde_json::to_vec(&answer).map_err(|error| ServeError::Bug(error.to_string()))
    });
    Ok(([(axum::http::header::CONTENT_TYPE, "application/json")], body.await?).into_response())
}

fn limits(rows: Option<usize>) -> Result<Limits, ServeError> {
    let rows = rows.unwrap_or(ROWS_DEFAULT);
    if rows > ROWS_MAX {
        let cure = format!("at most {ROWS_MAX} are possible; let the SQL aggregate, or take the view's rows as CSV");
        return Err(ServeError::parameter(format!("`limit` of {rows} rows is too much"), cure));
    }
    Ok(Limits { rows, timeout: QUESTION_TIMEOUT, memory_bytes: QUESTION_BYTES_MAX })
}

fn refused(error: millrace_station::AskError) -> ServeError {
    ServeError::Question { message: error.message, line: error.line, column: error.column, cure: error.cure }
}

pub(crate) fn unreadable(rejection: JsonRejection) -> ServeError {
    unreadable_within(BODY_BYTES_MAX, &rejection)
}

/// Why a body was not read that may have so many bytes.
pub(crate) fn unreadable_within(bytes_max: usize, rejection: &JsonRejection) -> ServeError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ServeError::BodyTooLong { bytes_max },
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ServeError::MediaType,
        _ => ServeError::Body(rejection.body_text()),
    }
}
