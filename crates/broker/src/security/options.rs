//! How encryption, login and rules are set up.

use std::path::PathBuf;
use std::time::Duration;

use super::Mechanism;

/// Encryption, login and rules; without any unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityOptions {
    /// Speaks TLS, and nothing else.
    pub tls: Option<TlsFiles>,
    /// How clients log in; without any they do not.
    pub sasl: Vec<Mechanism>,
    /// Whether rules decide what clients may do.
    pub acl: bool,
    /// Whether everybody may do everything with what no rule is about.
    pub everyone_if_no_acl: bool,
    /// Those who may do everything, each as in `User:admin`.
    pub super_users: Vec<String>,
    /// Time to shake hands: who needs longer keeps a place from somebody else.
    pub handshake_time_max: Duration,
    /// Time to log in.
    pub login_time_max: Duration,
    /// How often the files of TLS are looked at: certificates are renewed long before they end.
    pub certificate_check_interval: Duration,
}

impl Default for SecurityOptions {
    fn default() -> Self {
        Self {
            tls: None,
            sasl: Vec::new(),
            acl: false,
            everyone_if_no_acl: false,
            super_users: Vec::new(),
            handshake_time_max: Duration::from_secs(10),
            login_time_max: Duration::from_secs(30),
            certificate_check_interval: Duration::from_secs(10),
        }
    }
}

/// Files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of this server, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certificates that vouch for clients: then every client needs one, and is who it names, unless it logs in.
    pub client_ca: Option<PathBuf>,
}
