//! TLS in front of the protocol, and who a client is by its certificate. Files that change are read again while it runs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use std::{fs, io};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::credential::Hash;
use super::{Principal, TlsFiles};
use crate::BrokerError;

/// What speaks TLS with clients.
pub(crate) struct Tls {
    files: TlsFiles,
    /// By what hands are shaken now.
    config: RwLock<Arc<ServerConfig>>,
    /// What was in the files when they were looked at last; nothing if they could not be read.
    seen: Mutex<Option<Vec<u8>>>,
    time_max: Duration,
}

impl Tls {
    /// Reads certificate and key, and the certificates of those who vouch for clients.
    pub(crate) fn load(files: &TlsFiles, time_max: Duration) -> Result<Self, BrokerError> {
        // Before reading: what changes meanwhile is seen the next time.
        let seen = Mutex::new(fingerprint(files));
        let config = RwLock::new(Arc::new(read(files)?));
        Ok(Self { files: files.clone(), config, seen, time_max })
    }

    /// Reads the files again if they are others than the last time; says whether others are used from now on. If they cannot be
    /// used, hands are shaken as before.
    pub(crate) fn look(&self) -> Result<bool, BrokerError> {
        let found = fingerprint(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == found {
            return Ok(false);
        }
        *seen = found;
        let config = read(&self.files)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        Ok(true)
    }

    /// By what hands are shaken at this moment.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shakes hands; answers whom the certificate of the client names, if it was asked for one.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Option<Principal>)> {
        let shaken = tokio::time::timeout(self.time_max, TlsAcceptor::from(self.config()).accept(stream)).await;
        let stream = shaken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let principal = match stream.get_ref().1.peer_certificates().and_then(<[_]>::first) {
            Some(certificate) => Some(subject_of(certificate)?),
            None => None,
        };
        Ok((stream, principal))
    }
}

/// By what hands are shaken with these files.
fn read(files: &TlsFiles) -> Result<ServerConfig, BrokerError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key);
    let key = key.map_err(|error| refuse(&files.key, format!("no private key in PEM can be read: {error}")))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(&files.certificate, error.to_string()))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
    };
    let config = builder.with_single_cert(chain, key);
    config.map_err(|error| refuse(&files.certificate, format!("{error}, with the key given")))
}

/// What tells one state of the files from another; nothing if one of them cannot be read.
fn fingerprint(files: &TlsFiles) -> Option<Vec<u8>> {
    let paths = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    let digests = paths.into_iter().flatten().map(|path| Some(Hash::Sha256.digest(&fs::read(path).ok()?)));
    digests.collect::<Option<Vec<_>>>().map(|digests| digests.concat())
}

fn refuse(file: &Path, why: String) -> BrokerError {
    BrokerError::Tls { file: file.to_owned(), why }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BrokerError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| refuse(path, format!("no certificate in PEM can be read: {error}")))?;
    if read.is_empty() { Err(refuse(path, "there is no certificate in PEM in it".to_owned())) } else { Ok(read) }
}

/// What asks clients for certificates that one of those in the file has signed.
fn verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, BrokerError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| refuse(path, error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| refuse(path, error.to_string()))
}

/// The subject of a certificate as RFC 4514 writes it, `CN=orders,O=Shop`: what rules call the client by.
fn subject_of(certificate: &CertificateDer<'_>) -> io::Result<Principal> {
    let parsed = Certificate::from_der(certificate).map_err(io::Error::other)?;
    Ok(Principal::user(&parsed.tbs_certificate.subject.to_string()))
}
