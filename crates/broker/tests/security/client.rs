//! A client that says exactly what a test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use millrace_broker::wire::api::{Api, Request};
use millrace_broker::wire::messages::sasl::*;
use millrace_broker::wire::{Reader, RequestHeader, ResponseHeader, Secret, Value, Writer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sha2::{Digest, Sha256};

use crate::rig::Certificates;

/// Longest that a test waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes to and from somewhere.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the broker listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket has timeouts");
    stream
}

impl Client {
    /// Over plain text.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { stream: Box::new(connect(address)) }
    }

    /// Over TLS, with a certificate and its key or without.
    pub(crate) fn tls(
        address: SocketAddr,
        certificates: &Certificates,
        own: Option<&(std::path::PathBuf, std::path::PathBuf)>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&certificates.authority).expect("PEM")).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().expect("TLS").with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_file(certificate).expect("PEM")];
                let key = PrivateKeyDer::from_pem_file(key).expect("PEM");
                builder.with_client_auth_cert(chain, key).expect("they belong together")
            }
        };
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
        Self { stream: Box::new(StreamOwned::new(connection, connect(address))) }
    }

    /// Sends a request of version `number`; its answer, or nothing if the connection ends instead.
    pub(crate) fn ask<R: Request>(&mut self, number: i16, request: &R) -> Option<R::Response> {
        self.send(number, request);
        self.answer::<R>(number)
    }

    /// The answer to a request of version `number` that was sent; nothing if the connection ends instead.
    pub(crate) fn answer<R: Request>(&mut self, number: i16) -> Option<R::Response> {
        let mut reader = Reader::new(self.frame()?);
        let api = R::KEY.api();
        let header = ResponseHeader::read(&mut reader, api, number).expect("a header");
        assert_eq!(header.correlation_id, 7);
        let version = api.version(number).expect("a version that there is");
        Some(R::Response::read(&mut reader, version).expect("an answer"))
    }

    /// Sends a request of version `number`.
    pub(crate) fn send<R: Request>(&mut self, number: i16, request: &R) {
        let api: &Api = R::KEY.api();
        let mut writer = Writer::new();
        let header = RequestHeader {
            api_key: R::KEY.number(),
            api_version: number,
            correlation_id: 7,
            client_id: Some("test".to_owned()),
        };
        header.write(&mut writer);
        request.write(&mut writer, api.version(number).expect("a version that there is"));
        for chunk in writer.finish() {
            self.write(&chunk.read().expect("it is in memory"));
        }
    }

    /// Writes bytes as they are. Whether anybody reads them is seen by what comes back.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
        let _ = self.stream.flush();
    }

    /// The next frame without its length; nothing at the end of the connection.
    pub(crate) fn frame(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("neither an answer nor the end")
            }
            Err(_) => return None,
        }
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).expect("the rest of the frame");
        Some(frame.into())
    }

    /// Whatever comes next, without a meaning; nothing at the end of the connection.
    pub(crate) fn frame_or_alert(&mut self) -> Option<Vec<u8>> {
        let mut bytes = [0; 64];
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        (count > 0).then(|| bytes[..count].to_vec())
    }

    /// Sends a token without a header and takes the one that answers it.
    pub(crate) fn token(&mut self, token: &[u8]) -> Option<Bytes> {
        let length = u32::try_from(token.len()).expect("it is short");
        self.write(&[&length.to_be_bytes(), token].concat());
        self.frame()
    }

    pub(crate) fn handshake(&mut self, number: i16, mechanism: &str) -> SaslHandshakeResponse {
        let request = SaslHandshakeRequest { mechanism: mechanism.to_owned() };
        self.ask(number, &request).expect("an answer")
    }

    pub(crate) fn authenticate(&mut self, number: i16, token: &[u8]) -> Option<SaslAuthenticateResponse> {
        self.ask(number, &SaslAuthenticateRequest { auth_bytes: Secret::from(token.to_vec()) })
    }

    /// Logs in by PLAIN.
    pub(crate) fn logged_in(mut self, name: &str, password: &str) -> Self {
        assert_eq!(self.handshake(1, "PLAIN").error_code, 0);
        let answer = self.authenticate(2, format!("\0{name}\0{password}").as_bytes()).expect("an answer");
        assert_eq!((answer.error_code, answer.error_message), (0, None));
        self
    }
}

/// What a client of SCRAM-SHA-256 answers the server's first message with, and the last message it expects.
pub(crate) fn proof(first_bare: &str, server_first: &str, password: &str) -> (String, String) {
    let field = |at: usize| &server_first.split(',').nth(at).expect("three fields")[2..];
    let (nonce, salt) = (field(0), BASE64.decode(field(1)).expect("base64"));
    let iterations = field(2).parse().expect("a number");
    let mut salted = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, iterations, &mut salted);
    let hmac = |key: &[u8], text: &[u8]| {
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
        mac.chain_update(text).finalize().into_bytes().to_vec()
    };
    let client_key = hmac(&salted, b"Client Key");
    let unproven = format!("c=biws,r={nonce}");
    let signed = format!("{first_bare},{server_first},{unproven}");
    let signature = hmac(&Sha256::digest(&client_key), signed.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
    let verifier = hmac(&hmac(&salted, b"Server Key"), signed.as_bytes());
    (format!("{unproven},p={}", BASE64.encode(proof)), format!("v={}", BASE64.encode(verifier)))
}
