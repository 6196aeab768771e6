//! Accepts connections and speaks HTTP/1.1 on them, within bounds.
//!
//! Limits: a number of connections (the next one waits in the listening queue), a time to send a request's head, a size of
//! it, and a time to finish when the program stops. A connection that fails is its own affair.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use millrace_flow::Stop;
use millrace_station::Station;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::app::App;
use crate::connection::Impatient;
use crate::process::max_fds;
use crate::{ServeError, routes};

/// Connections at once: some hundred open pages with two feeds each. A quarter of the files that may be open stays for the rest.
const CONNECTIONS_MAX: usize = 1024;

/// Live feeds at once; half the connections, so that plain requests always find one.
const LIVE_FEEDS_MAX: usize = CONNECTIONS_MAX / 2;

/// Time to send a request's head, and to sit idle between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest head of a request: the longest useful filter is a few hundred bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Time that open requests have to finish when the program stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause after the system refused to hand out a connection, which it does when files have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the server is reached, and how much of it at once.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The address listened on; its own name is admitted as host.
    pub listen: SocketAddr,
    /// Further host names that the server goes by, without port.
    pub allowed_hosts: Vec<String>,
    /// Connections at once.
    pub connections_max: usize,
    /// Live feeds at once.
    pub live_feeds_max: usize,
    /// Whether clients of Kafka have to log in, or need rights: then nobody who does neither may change their groups.
    pub clients_need_rights: bool,
}

impl ServeOptions {
    /// The defaults for an address: bounded by what the system allows this process to open.
    pub fn new(listen: SocketAddr) -> Self {
        let files = max_fds().and_then(|max| usize::try_from(max).ok()).unwrap_or(CONNECTIONS_MAX);
        let connections_max = CONNECTIONS_MAX.min(files / 4 * 3).max(1);
        Self {
            listen,
            allowed_hosts: Vec::new(),
            connections_max,
            live_feeds_max: LIVE_FEEDS_MAX.min(connections_max.div_ceil(2)),
            clients_need_rights: false,
        }
    }
}

/// Answers HTTP on `listener`, by the names that the project allows, until told to stop; what is being answered then may
/// finish.
///
/// # Errors
/// When the listener cannot tell its address.
pub async fn serve(station: Arc<Station>, listener: TcpListener, stop: Stop) -> Result<(), ServeError> {
    let mut options = ServeOptions::new(listener.local_addr()?);
    options.allowed_hosts.clone_from(&station.project().config.allowed_hosts);
    serve_with(station, listener, options, stop).await
}

/// As [`serve`], with options of one's own.
///
/// # Errors
/// None at present: a connection that fails does not end the server.
pub async fn serve_with(
    station: Arc<Station>,
    listener: TcpListener,
    options: ServeOptions,
    stop: Stop,
) -> Result<(), ServeError> {
    let slots = Arc::new(Semaphore::new(options.connections_max));
    let app = App::new(station, options, stop.clone());
    let router = routes::service(&app);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.stopped() => break,
            accepted = accept(&listener, &slots) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, slot)) => {
                let connection = converse(stream, router.clone(), stop.clone());
                let open = Open::new(&app, slot);
                connections.spawn(async move {
                    connection.await;
                    drop(open);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = timeout(DRAIN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(connections = connections.len(), "cut connections that did not finish");
    }
    Ok(())
}

/// The next connection, once there is a slot for it.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    // Events are small and must not wait for one another.
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

/// Answers the requests of one connection until it ends or the program stops.
async fn converse(stream: TcpStream, router: Router, stop: Stop) {
    let io = TokioIo::new(Impatient::new(stream));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(io, TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// An open connection: counted while it lives, and keeper of its slot.
struct Open {
    app: Arc<App>,
    _slot: OwnedSemaphorePermit,
}

impl Open {
    fn new(app: &Arc<App>, slot: OwnedSemaphorePermit) -> Self {
        app.http.connections.inc();
        Self { app: app.clone(), _slot: slot }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.app.http.connections.dec();
    }
}
