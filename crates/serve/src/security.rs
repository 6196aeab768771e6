//! Keeps other sites' pages out of a server that listens on this machine.
//!
//! A browser lets any page send requests to loopback. What stops it from reading or changing anything here: the `Host` must
//! be a name of this server (a rebound DNS name is not), a write must come from one of our own pages, and no answer carries
//! a CORS header. The policy of the pages forbids inline script, frames and anything from elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::ServeError;

/// What a page may load: only what this server sends.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Headers that every answer carries.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Addresses that tell nothing but that the program lives; a probe may call them by any name.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The names this server goes by.
#[derive(Debug)]
pub(crate) struct Hosts {
    listen: IpAddr,
    names: Vec<String>,
}

impl Hosts {
    /// Loopback, the address listened on, and `names`.
    pub(crate) fn new(listen: SocketAddr, names: &[String]) -> Self {
        Self { listen: listen.ip(), names: names.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Whether a `Host` header, with or without port, names this server.
    pub(crate) fn admits(&self, host: &str) -> bool {
        let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
        match name.parse::<IpAddr>() {
            // A rebound name is a name: where every interface is listened on, any address is as good as another.
            Ok(ip) => ip.is_loopback() || ip == self.listen || self.listen.is_unspecified(),
            Err(_) => name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name),
        }
    }
}

/// `localhost:8000` → `localhost`, `[::1]:8000` → `::1`.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

/// Middleware: refuses requests to a foreign host name.
pub(crate) async fn check_host(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let host = host_of(&request).unwrap_or_default().to_owned();
    if hosts.admits(&host) { next.run(request).await } else { ServeError::Host(host).into_response() }
}

/// Middleware: refuses writes that a page of another site asks for.
pub(crate) async fn check_origin(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match foreign_origin(request.headers(), host_of(&request).unwrap_or_default()) {
        Some(origin) => ServeError::Origin(origin).into_response(),
        None => next.run(request).await,
    }
}

/// Middleware: adds the headers that every answer carries.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in &HEADERS {
        headers.insert(name, value.clone());
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

fn host_of(request: &Request) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST)?.to_str().ok(),
    }
}

/// The origin that a write came from, if it is not the page's own. Programs other than browsers send neither header.
fn foreign_origin(headers: &HeaderMap, host: &str) -> Option<String> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
    if let Some(origin) = text("origin") {
        let same = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        return (!same).then_some(origin);
    }
    text("sec-fetch-site").filter(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listen: &str, names: &[&str]) -> Hosts {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        Hosts::new(listen.parse().expect("a socket address"), &names)
    }

    #[test]
    fn loopback_goes_by_its_names_only() {
        let hosts = hosts("127.0.0.1:8000", &[]);
        for name in ["localhost", "LOCALHOST:8000", "localhost.:1", "127.0.0.1:8000", "[::1]:8000", "shop.localhost"] {
            assert!(hosts.admits(name), "{name}");
        }
        for name in ["", "evil.example", "localhost.evil.example:8000", "10.0.0.7", "127.0.0.1.nip.io", "[::2]"] {
            assert!(!hosts.admits(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_admitted_as_configured() {
        assert!(hosts("0.0.0.0:8000", &["Shop.Example"]).admits("shop.example:8000"));
        assert!(hosts("0.0.0.0:8000", &[]).admits("10.0.0.7:8000"));
        assert!(hosts("10.0.0.7:8000", &[]).admits("10.0.0.7"));
        assert!(!hosts("0.0.0.0:8000", &[]).admits("shop.example"));
    }

    #[test]
    fn a_write_must_come_from_our_own_page() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
        };
        let foreign = |pairs: &[(&'static str, &'static str)]| foreign_origin(&headers(pairs), "localhost:8000");
        assert_eq!(foreign(&[]), None);
        assert_eq!(foreign(&[("origin", "http://localhost:8000")]), None);
        assert_eq!(foreign(&[("sec-fetch-site", "same-origin")]), None);
        assert!(foreign(&[("origin", "http://localhost:9000")]).is_some());
        assert!(foreign(&[("origin", "https://evil.example")]).is_some());
        assert!(foreign(&[("origin", "null")]).is_some());
        assert!(foreign(&[("sec-fetch-site", "cross-site")]).is_some());
    }
}
