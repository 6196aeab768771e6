//! Proving who one is.

use crate::wire::Secret;
use crate::wire::macros::message;

message! {
    /// Asks for a way to prove who one is.
    SaslHandshakeRequest {
        mechanism: String = 0..;
    }

    /// Answer to [`SaslHandshakeRequest`].
    SaslHandshakeResponse {
        error_code: i16 = 0..;
        mechanisms: Vec<String> = 0..;
    }

    /// Asks for a step of the proof.
    SaslAuthenticateRequest {
        auth_bytes: Secret = 0..;
    }

    /// Answer to [`SaslAuthenticateRequest`].
    SaslAuthenticateResponse {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        auth_bytes: Secret = 0..;
        session_lifetime_ms: i64 = 1..;
    }
}
