//! One connection: requests in, answers out, one after the other.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::answers::{Call, answer};
use crate::outgoing::{Transport, send};
use crate::security::Principal;
use crate::security::login::log_in;
use crate::wire::{ErrorCode, Reader, RequestHeader, WireError};
use crate::{Broker, BrokerOptions};

/// What a permit of the bytes under way stands for.
const PERMIT_BYTES: usize = 4 << 10;
/// Room that is made for a frame before its bytes come: more is taken as they do.
const ROOM_BYTES: usize = 64 << 10;

/// What the system keeps of an answer for a client on this machine, which it doubles. By itself it would keep megabytes, which have
/// left the processor's cache when the client gets to them. Over a network, where much is under way, it decides itself.
const LOCAL_SEND_BYTES: usize = 256 << 10;

/// What bounds all connections together.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    request_bytes_max: usize,
    /// Bytes of requests that are under way, in permits.
    inflight: Arc<Semaphore>,
    permits: u32,
}

impl Limits {
    pub(crate) fn new(options: &BrokerOptions) -> Self {
        let permits = permits(options.inflight_bytes_max);
        let request_bytes_max = options.request_bytes_max.min(options.inflight_bytes_max);
        Self { request_bytes_max, inflight: Arc::new(Semaphore::new(permits as usize)), permits }
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).clamp(1, 1 << 28)
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a request of {bytes} bytes, at most {bytes_max} are taken")]
    FrameSize { bytes: i32, bytes_max: usize },
    #[error("request {api_key} version {api_version}: {source}")]
    Wire { api_key: i16, api_version: i16, source: WireError },
    #[error("a header cannot be read: {0}")]
    Header(WireError),
    #[error("request {api_key} version {api_version} is not served")]
    NotServed { api_key: i16, api_version: i16 },
    /// A producer that wants no answers is told of an error by this.
    #[error("records were not appended, and no answer was asked for")]
    NotAppended,
    #[error("no login: {0}")]
    NotLoggedIn(ErrorCode),
    #[error("no login in time")]
    LoginTime,
    #[error("its user is removed")]
    UserRemoved,
    #[error("nothing was asked for a long time")]
    Idle,
    #[error("it neither goes on sending nor takes its answer")]
    Stalled,
}

/// Answers one client until it goes or says something that makes no sense.
pub(crate) async fn attend(
    broker: &Arc<Broker>,
    stream: TcpStream,
    peer: SocketAddr,
    limits: &Limits,
) -> Result<(), Ended> {
    stream.set_nodelay(true)?;
    if peer.ip().to_canonical().is_loopback() {
        SockRef::from(&stream).set_send_buffer_size(LOCAL_SEND_BYTES)?;
    }
    match &broker.security.tls {
        None => converse(broker, stream, peer, Principal::anonymous(), limits).await,
        Some(tls) => {
            let (stream, certified) = tls.accept(stream).await?;
            converse(broker, stream, peer, certified.unwrap_or_else(Principal::anonymous), limits).await
        }
    }
}

/// Has the client log in, if it has to, and answers its requests from then on.
async fn converse<S: Transport>(
    broker: &Arc<Broker>,
    mut stream: S,
    peer: SocketAddr,
    mut principal: Principal,
    limits: &Limits,
) -> Result<(), Ended> {
    let mut buffer = BytesMut::with_capacity(ROOM_BYTES);
    if broker.security.mechanisms.is_empty() {
        return answer_all(broker, stream, buffer, peer, principal, limits).await;
    }
    let Some(user) = log_in(broker, &mut stream, &mut buffer, peer).await? else { return Ok(()) };
    principal = user;
    let name = principal.name().to_owned();
    tokio::select! {
        ended = answer_all(broker, stream, buffer, peer, principal, limits) => ended,
        () = broker.security.users.gone(&name) => Err(Ended::UserRemoved),
    }
}

/// Answers the requests of a client that may ask anything.
async fn answer_all<S: Transport>(
    broker: &Arc<Broker>,
    mut stream: S,
    mut buffer: BytesMut,
    peer: SocketAddr,
    principal: Principal,
    limits: &Limits,
) -> Result<(), Ended> {
    let BrokerOptions { idle_time_max, stall_time_max, .. } = broker.options;
    let mute_ms = Arc::new(AtomicU32::new(0));
    loop {
        let length = frame_length(&mut stream, &mut buffer, limits.request_bytes_max);
        let length = timeout(idle_time_max, length).await.map_err(|_| Ended::Idle)??;
        let Some(length) = length else { return Ok(()) };
        let permits = permits(length).min(limits.permits);
        let Ok(permit) = limits.inflight.acquire_many(permits).await else { return Ok(()) };
        let mut reader = Reader::new(frame_body(&mut stream, &mut buffer, length, stall_time_max).await?);
        let header = RequestHeader::read(&mut reader).map_err(Ended::Header)?;
        let room = Arc::default();
        let (principal, mute_ms) = (principal.clone(), mute_ms.clone());
        let call = Call { header, peer, principal, mute_ms: mute_ms.clone(), room: Arc::clone(&room) };
        if let Some(chunks) = answer(broker, call, reader).await? {
            send(&mut stream, chunks, stall_time_max).await?;
        }
        // Whoever holds this holds the room that the answer took.
        drop(room);
        match mute_ms.swap(0, Ordering::Relaxed) {
            0 => {}
            ms => {
                // What it holds of the bytes under way is not another's to wait for.
                drop(permit);
                tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
            }
        }
    }
}

/// The next frame of at most `bytes_max` bytes, without its length; nothing if the client has gone.
pub(crate) async fn read_frame<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    bytes_max: usize,
    stall_time_max: Duration,
) -> Result<Option<Bytes>, Ended> {
    match frame_length(stream, buffer, bytes_max).await? {
        Some(length) => Ok(Some(frame_body(stream, buffer, length, stall_time_max).await?)),
        None => Ok(None),
    }
}

/// Takes the length of the next frame off the front of `buffer`, reading as need be; nothing if the client has gone.
async fn frame_length<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    bytes_max: usize,
) -> Result<Option<usize>, Ended> {
    while buffer.len() < 4 {
        buffer.reserve(ROOM_BYTES);
        if stream.read_buf(buffer).await? == 0 {
            let is_between = buffer.is_empty();
            return if is_between { Ok(None) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) };
        }
    }
    let bytes = buffer.get_i32();
    let length = usize::try_from(bytes).ok().filter(|length| *length <= bytes_max);
    Ok(Some(length.ok_or(Ended::FrameSize { bytes, bytes_max })?))
}

/// Takes the next `length` bytes off the front of `buffer`, reading as need be.
async fn frame_body<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    length: usize,
    stall_time_max: Duration,
) -> Result<Bytes, Ended> {
    while buffer.len() < length {
        // Whoever has sent so much is given room for all of it at once, so that nothing has to be moved: its bytes are counted.
        let room = if buffer.len() < ROOM_BYTES { ROOM_BYTES } else { length };
        buffer.reserve((length - buffer.len()).min(room));
        if timeout(stall_time_max, stream.read_buf(buffer)).await.map_err(|_| Ended::Stalled)?? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(buffer.split_to(length).freeze())
}
