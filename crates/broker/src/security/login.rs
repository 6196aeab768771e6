//! What a client says before it is somebody.
//!
//! ```text
//! client   ApiVersions (if it likes)   SaslHandshake 0        token            token
//! server   …                           the mechanisms         token            token, and all requests from here on
//!
//! client   ApiVersions (if it likes)   SaslHandshake 1        SaslAuthenticate  SaslAuthenticate
//! server   …                           the mechanisms         …                 …, and all requests from here on
//! ```
//!
//! After the oldest handshake tokens go without a header, each behind its length, and a wrong one is answered by the end of
//! the connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use super::sasl::{Denied, Exchange, Step};
use super::users::random;
use super::{Mechanism, Principal};
use crate::Broker;
use crate::answers::{Call, answer, not_served, read, write};
use crate::connection::{Ended, read_frame};
use crate::outgoing::{Transport, send};
use crate::wire::api::ApiKey;
use crate::wire::messages::sasl::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use crate::wire::{ErrorCode, Reader, RequestHeader, Version};

/// Largest request of somebody who has not logged in.
const FRAME_BYTES_MAX: usize = 64 << 10;
/// What a wrong password waits for its answer, so that trying many takes long.
const DENIAL_DELAY: Duration = Duration::from_millis(100);
/// What a client that was refused is given to hang up by itself: one that finds the end of the connection together with the
/// answer may not look at the answer.
const HANG_UP_TIME: Duration = Duration::from_millis(500);
/// Random bytes of a nonce.
const NONCE_BYTES: usize = 24;

/// A client on its way to being somebody.
struct Login<'a, S> {
    broker: &'a Broker,
    stream: &'a mut S,
    peer: SocketAddr,
    /// What was agreed on, and whether tokens go without a header.
    exchange: Option<(Exchange, bool)>,
}

/// Answers a client until it has logged in; nobody if it goes before.
pub(crate) async fn log_in<S: Transport>(
    broker: &Broker,
    stream: &mut S,
    buffer: &mut BytesMut,
    peer: SocketAddr,
) -> Result<Option<Principal>, Ended> {
    let talk = async {
        let mut login = Login { broker, stream, peer, exchange: None };
        loop {
            let Some(frame) = read_frame(login.stream, buffer, FRAME_BYTES_MAX, login.time_max()).await? else {
                return Ok(None);
            };
            if let Some(principal) = login.take(frame).await? {
                return Ok(Some(principal));
            }
        }
    };
    match tokio::time::timeout(broker.options.security.login_time_max, talk).await {
        Ok(ended) => ended,
        Err(_) => Err(Ended::LoginTime),
    }
}

impl<S: Transport> Login<'_, S> {
    /// The time for all of it is time enough for each part.
    fn time_max(&self) -> Duration {
        self.broker.options.security.login_time_max
    }

    /// Answers one frame; who the client is, once it has shown that.
    async fn take(&mut self, frame: Bytes) -> Result<Option<Principal>, Ended> {
        if let Some((_, true)) = self.exchange {
            return self.take_token(&frame).await;
        }
        let mut reader = Reader::new(frame);
        let header = RequestHeader::read(&mut reader).map_err(Ended::Header)?;
        let (peer, principal) = (self.peer, Principal::anonymous());
        let call = Call { header, peer, principal, mute_ms: Arc::default(), room: Arc::default() };
        let api = call
            .header
            .api()
            .filter(|api| matches!(api.key, ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate));
        let api = api.ok_or_else(|| not_served(&call))?;
        if api.key == ApiKey::ApiVersions {
            // The next request may ask for something else.
            if let Some(chunks) = answer(self.broker, call, reader).await? {
                send(self.stream, chunks, self.time_max()).await?;
            }
            return Ok(None);
        }
        let version = api.version(call.header.api_version).ok_or_else(|| not_served(&call))?;
        match api.key {
            ApiKey::SaslHandshake => {
                let request = read(&call, version, &mut reader)?;
                self.agree(&call, version, request).await.map(|()| None)
            }
            _ => {
                let request = read(&call, version, &mut reader)?;
                self.authenticate(&call, version, request).await
            }
        }
    }

    /// Agrees on a mechanism, or tells which there are and ends.
    async fn agree(&mut self, call: &Call, version: Version, request: SaslHandshakeRequest) -> Result<(), Ended> {
        let known = &self.broker.security.mechanisms;
        let asked = Mechanism::of(&request.mechanism).filter(|asked| known.contains(asked));
        let code = match (asked, &self.exchange) {
            (_, Some(_)) => ErrorCode::IllegalSaslState,
            (None, _) => ErrorCode::UnsupportedSaslMechanism,
            _ => ErrorCode::None,
        };
        let mechanisms = known.iter().map(|mechanism| mechanism.name().to_owned()).collect();
        let response = SaslHandshakeResponse { error_code: code.number(), mechanisms };
        send(self.stream, write(call, version, &response), self.time_max()).await?;
        match asked {
            Some(asked) if code == ErrorCode::None => {
                self.exchange = Some((Exchange::new(asked), version.number == 0));
                Ok(())
            }
            _ => Err(self.refused(code).await),
        }
    }

    /// Waits a moment for a client that was told why it is refused.
    async fn refused(&mut self, code: ErrorCode) -> Ended {
        let hang_up = async { while matches!(self.stream.read(&mut [0; 512]).await, Ok(1..)) {} };
        // Whether it hangs up or not, the connection ends.
        let _ = tokio::time::timeout(HANG_UP_TIME, hang_up).await;
        Ended::NotLoggedIn(code)
    }

    async fn take_token(&mut self, token: &[u8]) -> Result<Option<Principal>, Ended> {
        match self.step(token).await {
            Ok((principal, message)) => {
                let length =
                    u32::try_from(message.len()).expect("a token is as short as the frames that it is made of");
                let token = vec![Bytes::copy_from_slice(&length.to_be_bytes()).into(), Bytes::from(message).into()];
                send(self.stream, token, self.time_max()).await?;
                Ok(principal)
            }
            Err(_) => Err(Ended::NotLoggedIn(ErrorCode::SaslAuthenticationFailed)),
        }
    }

    async fn authenticate(
        &mut self,
        call: &Call,
        version: Version,
        request: SaslAuthenticateRequest,
    ) -> Result<Option<Principal>, Ended> {
        let refusal = |code: ErrorCode, text: String| SaslAuthenticateResponse {
            error_code: code.number(),
            error_message: Some(text),
            ..SaslAuthenticateResponse::default()
        };
        let (code, response, principal) = if self.exchange.is_none() {
            let code = ErrorCode::IllegalSaslState;
            (code, refusal(code, "a handshake comes first".to_owned()), None)
        } else {
            match self.step(request.auth_bytes.bytes()).await {
                Ok((principal, message)) => {
                    let response = SaslAuthenticateResponse { auth_bytes: message.into(), ..Default::default() };
                    (ErrorCode::None, response, principal)
                }
                Err(denied) => {
                    let code = ErrorCode::SaslAuthenticationFailed;
                    (code, refusal(code, format!("login refused: {denied}")), None)
                }
            }
        };
        send(self.stream, write(call, version, &response), self.time_max()).await?;
        if code == ErrorCode::None { Ok(principal) } else { Err(self.refused(code).await) }
    }

    /// One step of the login: who the client is, if that was the last one, and what it is told.
    async fn step(&mut self, message: &[u8]) -> Result<(Option<Principal>, Vec<u8>), Denied> {
        let security = &self.broker.security;
        let (exchange, _) = self.exchange.as_mut().expect("a mechanism was agreed on");
        let mechanism = exchange.mechanism();
        let stepped = {
            // Checking a password takes a processor for a while; there are always some left for those who have logged in.
            let _one_of_few = match mechanism {
                Mechanism::Plain => security.checks.acquire().await.ok(),
                Mechanism::ScramSha256 | Mechanism::ScramSha512 => None,
            };
            let nonce = BASE64.encode(random(NONCE_BYTES));
            tokio::task::block_in_place(|| exchange.step(&security.users, &nonce, message))
        };
        match stepped {
            Ok(Step::Goes(message)) => Ok((None, message)),
            Ok(Step::Ends { name, message }) => {
                tracing::debug!(peer = %self.peer, user = name, mechanism = mechanism.name(), "logged in");
                Ok((Some(Principal::user(&name)), message))
            }
            Err(denied) => {
                // Not who it said it is: people type passwords into the wrong field.
                tracing::info!(peer = %self.peer, mechanism = mechanism.name(), %denied, "login refused");
                tokio::time::sleep(DENIAL_DELAY).await;
                Err(denied)
            }
        }
    }
}
