//! Accepts connections, as many as are allowed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use millrace_flow::Stop;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::answers::on_disk;
use crate::connection::{Limits, attend};
use crate::{Broker, BrokerError};

/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves clients until told to stop. What they have not been answered by then they ask again.
///
/// # Errors
/// When no connection can be accepted any more.
pub async fn serve(broker: Arc<Broker>, listener: TcpListener, stop: Stop) -> Result<(), BrokerError> {
    let connections = Arc::new(Semaphore::new(broker.options.connections_max));
    let limits = Limits::new(&broker.options);
    let ticking = tokio::spawn(keep_time(broker.clone(), stop.clone()));
    let looking = tokio::spawn(look_at_certificates(broker.clone(), stop.clone()));
    let accepting = async {
        loop {
            // Whoever comes when all places are taken waits in the system's queue.
            let Ok(place) = connections.clone().acquire_owned().await else { return Ok(()) };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) if may_pass(&error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(error) => return Err(BrokerError::Accept(error)),
            };
            let (broker, limits, stop) = (broker.clone(), limits.clone(), stop.clone());
            tokio::spawn(async move {
                let _place = place;
                tokio::select! {
                    ended = attend(&broker, stream, peer, &limits) => match ended {
                        Ok(()) => {}
                        Err(error) => tracing::debug!(%peer, %error, "connection ended"),
                    },
                    () = stop.stopped() => {}
                }
            });
        }
    };
    let ended = tokio::select! {
        ended = accepting => ended,
        () = stop.stopped() => Ok(()),
    };
    ticking.abort();
    looking.abort();
    // Whoever closes the log after this closes it for everybody.
    let _ = ticking.await;
    ended
}

/// Takes up certificates that are renewed while it runs.
async fn look_at_certificates(broker: Arc<Broker>, stop: Stop) {
    let Some(tls) = &broker.security.tls else { return };
    let interval = broker.options.security.certificate_check_interval;
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = stop.stopped() => return,
        }
        match on_disk(|| tls.look()) {
            Ok(false) => {}
            Ok(true) => tracing::info!("the changed certificate is used from now on"),
            Err(error) => tracing::error!(%error, "the changed certificate cannot be used; the one before still is"),
        }
    }
}

/// Has groups and transactions do what is due.
async fn keep_time(broker: Arc<Broker>, stop: Stop) {
    tokio::select! {
        () = broker.groups.keep_time() => {}
        () = broker.transactions.keep_time(&broker.groups) => {}
        () = stop.stopped() => {}
    }
}

/// Whether it concerns one connection, or a moment, and not the listener.
fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, WouldBlock};
    let is_of_one =
        matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | WouldBlock);
    // ENFILE and EMFILE: no more files may be open, until some are closed.
    is_of_one || matches!(error.raw_os_error(), Some(23 | 24))
}
