//! Errors as RFC 9457 problem documents, whoever they come from.
//!
//! A handler's [`ServeError`] becomes a response that carries a [`Problem`] among its extensions; the middleware
//! [`render`] adds the address it happened at and writes the body. What the router or an extractor refuses by itself (a path
//! that does not decode, a body that is too long) is caught there too, so no error leaves in another shape.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use millrace_flow::ErrorKind;
use serde::Serialize;

use crate::ServeError;

/// The content type of a problem document.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// Longest text of a foreign refusal that is taken over as detail.
const FOREIGN_DETAIL_BYTES_MAX: usize = 4096;

/// Seconds after which to come again, when all that is needed is time.
const RETRY_AFTER_SECONDS: &str = "2";

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Names the kind of problem; stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:millrace:problem:not-found")]
    pub kind: String,
    /// The kind of problem in words.
    #[schema(example = "Not Found")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What went wrong this time.
    #[schema(example = "view `revenue_6m` not found")]
    pub detail: String,
    /// The address it happened at.
    #[schema(example = "/api/v1/views/revenue_6m")]
    pub instance: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub cure: Option<String>,
    /// Which of the records that were sent is to blame, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = usize, required = false)]
    pub record: Option<usize>,
    /// Line of the SQL text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = usize, required = false)]
    pub line: Option<usize>,
    /// Column of the SQL text in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = usize, required = false)]
    pub column: Option<usize>,
}

impl Problem {
    fn new(status: StatusCode, detail: String) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            kind: format!("urn:millrace:problem:{}", title.to_ascii_lowercase().replace(' ', "-")),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            instance: String::new(),
            cure: None,
            record: None,
            line: None,
            column: None,
        }
    }
}

impl From<&ServeError> for Problem {
    fn from(error: &ServeError) -> Self {
        let mut problem = Self::new(error.status(), error.to_string());
        problem.cure = error.cure();
        if let ServeError::Question { line, column, .. } = error {
            (problem.line, problem.column) = (*line, *column);
        }
        if let ServeError::Record { at, .. } = error {
            problem.record = Some(*at);
        }
        problem
    }
}

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        if self.kind() == ErrorKind::Bug {
            tracing::error!(error = %self, "a request failed for a reason of our own");
        }
        let mut response = self.status().into_response();
        if self.retry() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response.extensions_mut().insert(Problem::from(&self));
        response
    }
}

/// Middleware: gives every error the one shape.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let instance = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let mut problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None => Problem::new(status, foreign_detail(status, body).await),
    };
    problem.instance = instance;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, Json(problem).into_response().into_body())
}

/// The text that the router or an extractor gave with its refusal.
async fn foreign_detail(status: StatusCode, body: Body) -> String {
    let text = to_bytes(body, FOREIGN_DETAIL_BYTES_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if text.is_empty() { status.canonical_reason().unwrap_or("error").to_ascii_lowercase() } else { text }
}
