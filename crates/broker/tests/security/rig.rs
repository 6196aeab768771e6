//! A broker in a folder of its own, with users, and the certificates for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_broker::{Broker, BrokerOptions, Mechanism, Secret, SecurityOptions, StoppedUsers, TlsFiles};
use millrace_flow::Stop;
use millrace_log::{EmbeddedLog, LogConfig};
use millrace_schema::Registry;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The users of every broker here, with their passwords.
pub(crate) const USERS: [(&str, &str); 3] =
    [("admin", "admin-secret"), ("alice", "alice-secret"), ("bob", "bob,=secret")];

/// A broker that runs until this is dropped.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) certificates: Certificates,
    stop: Stop,
    pub(crate) folder: TempDir,
    /// What the broker runs on, until this is dropped.
    _runtime: Runtime,
}

/// How the broker is set up, given the certificates there are.
pub(crate) fn start(configure: impl FnOnce(&Certificates, &mut SecurityOptions)) -> Rig {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let users = StoppedUsers::open(&folder.path().join("log")).expect("nobody uses it");
    for (name, password) in USERS {
        users.set(name, &Secret::from(password.to_owned())).expect("there is room");
    }
    drop(users);
    let registry = Registry::open(&folder.path().join("schemas.json")).expect("an empty registry");
    let log = EmbeddedLog::open(&folder.path().join("log"), LogConfig::default(), Arc::new(registry));
    let certificates = Certificates::make(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("some port is free");
    let address = listener.local_addr().expect("it is bound");
    let mut options = BrokerOptions::new(address);
    configure(&certificates, &mut options.security);
    // What certificates are made out to.
    options.advertised_host = "localhost".to_owned();
    let broker = Broker::open(log.expect("an empty log"), options).expect("it opens");
    let stop = Stop::default();
    runtime.spawn(millrace_broker::serve(broker, listener, stop.clone()));
    Rig { address, certificates, stop, folder, _runtime: runtime }
}

/// With all ways to log in, and nothing encrypted.
pub(crate) fn with_login(security: &mut SecurityOptions) {
    security.sasl = Mechanism::ALL.to_vec();
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// Files in PEM: an authority, and what it vouches for.
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) server: (PathBuf, PathBuf),
    /// Of `CN=orders,O=Shop`.
    pub(crate) client: (PathBuf, PathBuf),
    /// Of the same name, which nobody vouches for.
    pub(crate) stranger: (PathBuf, PathBuf),
}

impl Certificates {
    /// Makes all of them in a folder.
    pub(crate) fn make(dir: &Path) -> Self {
        let authority = authority("authority");
        let write = |name: &str, text: String| {
            let path = dir.join(name);
            std::fs::write(&path, text).expect("there is room");
            path
        };
        let signed = |name: &str, params: CertificateParams, by: &Issuer<'_, KeyPair>| {
            let key = KeyPair::generate().expect("randomness");
            let certificate = params.signed_by(&key, by).expect("it can be signed");
            (write(&format!("{name}.pem"), certificate.pem()), write(&format!("{name}.key"), key.serialize_pem()))
        };
        let server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        Self {
            authority: write("authority.pem", authority.0),
            server: signed("server", server, &authority.1),
            client: signed("client", client(), &authority.1),
            stranger: signed("stranger", client(), &self::authority("somebody else").1),
        }
    }

    /// What the broker speaks TLS with.
    pub(crate) fn of_server(&self) -> TlsFiles {
        TlsFiles { certificate: self.server.0.clone(), key: self.server.1.clone(), client_ca: None }
    }

    /// The same, for clients with certificates.
    pub(crate) fn mutual(&self) -> TlsFiles {
        TlsFiles { client_ca: Some(self.authority.clone()), ..self.of_server() }
    }
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("randomness");
    let certificate = params.self_signed(&key).expect("it can be signed");
    (certificate.pem(), Issuer::new(params, key))
}

fn client() -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Shop");
    params.distinguished_name.push(DnType::CommonName, "orders");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}
