//! The OpenAPI document, made from the handlers.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use crate::{Problem, routes};

/// Where the document is served; the page at `/docs` shows it.
pub(crate) const ADDRESS: &str = "/api/v1/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Millrace",
        description = "Views, topics, queries and the ledger of a running project. Errors are problem documents (RFC 9457).\n\n\
            Values: DECIMAL is a string with all its digits, BIGINT beyond 2^53 a string, TIMESTAMP `2010-12-01T08:25:00` in the \
            shop's local time, DATE `2010-12-01`. Fields ending in `_ms` are milliseconds; event times are the shop's local clock \
            read as if it were UTC.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    components(schemas(Problem)),
    tags(
        (name = "project", description = "What runs here"),
        (name = "views", description = "Results: rows, sums, live feeds"),
        (name = "topics", description = "Every record between two stages"),
        (name = "groups", description = "Who reads topics through the port of Kafka, and how far"),
        (name = "queries", description = "What computes the views"),
        (name = "pipeline", description = "Does everything flow, does the ledger balance"),
        (name = "questions", description = "SQL over everything"),
        (name = "operations", description = "Probes and metrics")
    )
)]
struct Head;

/// The document without its paths.
pub(crate) fn head() -> Document {
    let mut head = Head::openapi();
    head.info.contact = None;
    head
}

/// The whole document as pretty JSON, as it is served and kept in `docs/openapi.json`.
pub fn openapi() -> String {
    let (_, document) = routes::api().split_for_parts();
    String::from_utf8_lossy(&text(&document)).into_owned()
}

/// A document as it is sent: every answer described, and the shape of every error told.
pub(crate) fn text(document: &Document) -> Bytes {
    let mut document = serde_json::to_value(document).expect("an OpenAPI document is plain JSON");
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut()) {
        if let Some(answers) = operation["responses"].as_object_mut() {
            complete(answers);
        }
    }
    let mut text = serde_json::to_string_pretty(&document).expect("an OpenAPI document is plain JSON");
    text.push('\n');
    Bytes::from(text)
}

fn complete(answers: &mut Map<String, Value>) {
    for (status, answer) in answers.iter_mut().filter(|(_, answer)| answer.get("description").is_none()) {
        let status = StatusCode::from_bytes(status.as_bytes()).ok();
        answer["description"] = status.and_then(|status| status.canonical_reason()).unwrap_or("Answer").into();
    }
    let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    let error = json!({ "description": "Any error", "content": { "application/problem+json": problem } });
    answers.insert("default".to_owned(), error);
}

/// The answer that carries the document.
pub(crate) fn answer(document: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}
