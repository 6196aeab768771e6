//! The pages: files built from `web/` and embedded in the program.
//!
//! A path that names an embedded file gives that file; any other path that a person could have typed gives `index.html`,
//! which finds its page from the path. Files under `assets/` carry a hash of their content in their name and never change;
//! everything else is asked for again, with an `ETag`.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::ServeError;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// Where the pages' build puts files whose name holds a hash of their content.
const HASHED_FOLDER: &str = "assets/";

/// First segments of the pages' own addresses: the names that follow may hold dots.
const PAGES: [&str; 8] = ["views", "topics", "queries", "pipeline", "docs", "sql", "settings", "about"];

/// Answers everything that no route of the API takes.
pub(crate) async fn get(request: Request) -> Response {
    let path = request.uri().path();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ServeError::Method { method: request.method().to_string(), path: path.to_owned() }.into_response();
    }
    let path = path.trim_start_matches('/');
    if let Some(file) = Dist::get(path) {
        return send(path, file, request.headers());
    }
    match Dist::get("index.html") {
        Some(index) if is_page(path) => send("index.html", index, request.headers()),
        _ => ServeError::NoRoute(format!("/{path}")).into_response(),
    }
}

/// Whether a path without a file of its own is one that `index.html` answers.
fn is_page(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    first != "api" && (PAGES.contains(&first) || !last.contains('.'))
}

fn send(path: &str, file: EmbeddedFile, request: &HeaderMap) -> Response {
    let etag = etag(&file);
    let caching = if path.starts_with(HASHED_FOLDER) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let unchanged = request.get(header::IF_NONE_MATCH).is_some_and(|tags| matches(tags, &etag));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(path))),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::ETAG, etag),
    ];
    if unchanged { (StatusCode::NOT_MODIFIED, headers).into_response() } else { (headers, file.data).into_response() }
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let hash: String = file.metadata.sha256_hash()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("W/\"{hash}\"")).expect("hexadecimal digits are a header value")
}

/// Whether an `If-None-Match` header names `etag`.
pub(crate) fn matches(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(tags), Ok(etag)) = (tags.to_str(), etag.to_str()) else { return false };
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.split(',').any(|tag| tag.trim() == "*" || bare(tag) == bare(etag))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_extension_is_a_page() {
        for path in
            ["", "pipeline", "views/revenue_5m", "topics/order_lines.dlq", "topics/order_lines.dlq/messages", "x/y"]
        {
            assert!(is_page(path), "{path}");
        }
        for path in ["favicon.ico", "assets/index-1234.js", "robots.txt", "api", "api/v2/views", "api/v1/nothing"] {
            assert!(!is_page(path), "{path}");
        }
    }

    #[test]
    fn a_tag_matches_weakly_and_in_lists() {
        let etag = HeaderValue::from_static("W/\"abc\"");
        for tags in ["W/\"abc\"", "\"abc\"", "\"x\", W/\"abc\"", "*"] {
            assert!(matches(&HeaderValue::from_static(tags), &etag), "{tags}");
        }
        assert!(!matches(&HeaderValue::from_static("W/\"abd\""), &etag));
    }

    #[test]
    fn there_is_always_something_to_show() {
        assert!(Dist::get("index.html").is_some());
    }
}
