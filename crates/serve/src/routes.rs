//! Which address goes to which handler, and what every request passes on its way there.
//!
//! From the outside in: count it, compress the answer, add the headers, give errors their shape, catch panics, check the
//! host, check the origin, bound the time. Live feeds are bounded by number instead of time.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use millrace_flow::Stop;
use millrace_station::Station;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::app::{App, Shared};
use crate::client_topics::RECORDS_BYTES_MAX;
use crate::security::{self, Hosts};
use crate::{
    ServeError, ServeOptions, client_topics, docs, groups, health, ledger, live_messages, live_pipeline, live_rows,
    pages, pipeline,
};
use crate::{problem, project, queries, rows, search, sql, topics, views};

/// Time to the head of an answer; a question in SQL may take its own bound, and a little to be written.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// Longest body of a request: SQL that somebody typed.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;

/// Where the API lives.
pub(crate) const API: &str = "/api/v1";

/// The name under which requests for pages are counted.
const PAGES_ROUTE: &str = "(pages)";

/// The whole server as a service, for one station.
pub fn router(station: Arc<Station>, options: ServeOptions, stop: Stop) -> Router {
    service(&App::new(station, options, stop))
}

/// The routes of the API with their documentation.
pub(crate) fn api() -> OpenApiRouter<Arc<App>> {
    let api = OpenApiRouter::new()
        .routes(routes!(project::get))
        .routes(routes!(project::dashboard))
        .routes(routes!(views::list))
        .routes(routes!(views::get))
        .routes(routes!(rows::get))
        .routes(routes!(rows::summary))
        .routes(routes!(live_rows::get))
        .routes(routes!(topics::list, client_topics::create))
        .routes(routes!(topics::get, client_topics::alter, client_topics::delete))
        .routes(routes!(topics::messages, client_topics::write).layer(DefaultBodyLimit::max(RECORDS_BYTES_MAX)))
        .routes(routes!(search::get))
        .routes(routes!(live_messages::get))
        .routes(routes!(groups::list))
        .routes(routes!(groups::get, groups::delete))
        .routes(routes!(groups::seek))
        .routes(routes!(queries::list))
        .routes(routes!(queries::get))
        .routes(routes!(pipeline::get))
        .routes(routes!(live_pipeline::get))
        .routes(routes!(ledger::list))
        .routes(routes!(health::get))
        .routes(routes!(sql::ask));
    OpenApiRouter::with_openapi(docs::head())
        .nest(API, api)
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(crate::collector::get))
}

/// Everything, in its wrapping.
pub(crate) fn service(app: &Arc<App>) -> Router {
    let hosts = Arc::new(Hosts::new(app.options.listen, &app.options.allowed_hosts));
    let (router, document) = api().split_for_parts();
    let document = docs::text(&document);
    router
        .route(docs::ADDRESS, get(async move || docs::answer(document.clone())))
        .fallback(pages::get)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(bound_time))
        .layer(from_fn(security::check_origin))
        .layer(from_fn_with_state(hosts, security::check_host))
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn(problem::render))
        .layer(from_fn(security::add_headers))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(app.clone(), count))
        .with_state(app.clone())
}

async fn method_not_allowed(request: Request) -> ServeError {
    ServeError::Method { method: request.method().to_string(), path: request.uri().path().to_owned() }
}

async fn bound_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ServeError::Timeout { seconds: REQUEST_TIMEOUT.as_secs() }.into_response(),
    }
}

fn caught(payload: Box<dyn Any + Send + 'static>) -> Response {
    let said = payload.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
    ServeError::Bug(said.to_owned()).into_response()
}

async fn count(State(app): Shared, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let route = route.as_deref().unwrap_or(PAGES_ROUTE);
    app.http.count(method_label(&method), route, response.status().as_u16(), started.elapsed());
    response
}

/// A method that nobody knows must not make a new series.
fn method_label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
