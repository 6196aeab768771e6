//! Who clients are, and what they may do.
//!
//! ```text
//! connection ── tls ──▶ login (sasl: PLAIN, SCRAM) ──▶ a principal ──▶ access: rules ──▶ answers
//! ```
//!
//! Glossary: a **principal** is somebody as rules name him, `User:alice`. A **credential** is what is kept of a password. A
//! **mechanism** is a way to prove that one has it. An **ACL** is one rule: who, from where, may or may not do what with which
//! things. A **super user** may do everything.
//!
//! Invariants:
//! - before login a client is answered three kinds of requests, and only small ones;
//! - no password is kept, and nothing that is kept logs anybody in;
//! - nobody learns by trying to log in which users there are, as far as their credentials were made here;
//! - a rule that denies beats every rule that allows.
//!
//! Not here: delegation tokens, Kerberos, OAuth, the end of a session before that of its connection.

pub(crate) mod acl;
pub(crate) mod acl_store;
pub(crate) mod credential;
pub(crate) mod login;
mod options;
pub(crate) mod rules;
mod sasl;
pub(crate) mod scram;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
pub(crate) mod users;

use std::sync::Arc;

use millrace_log::EmbeddedLog;
use tokio::sync::Semaphore;

use crate::BrokerError;
use acl_store::AclStore;
pub use options::{SecurityOptions, TlsFiles};
pub use sasl::Mechanism;
use tls::Tls;
use users::Users;

/// Passwords that are checked at the same time, each of which keeps a processor busy for milliseconds.
const CHECKS_MAX: usize = 2;

/// Somebody, as rules name him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal(Arc<str>);

impl Principal {
    /// Whoever has not said who he is.
    pub(crate) fn anonymous() -> Self {
        Self::user("ANONYMOUS")
    }

    /// The user of that name.
    pub(crate) fn user(name: &str) -> Self {
        Self(format!("User:{name}").into())
    }

    /// His name alone.
    pub(crate) fn name(&self) -> &str {
        self.0.strip_prefix("User:").unwrap_or(&self.0)
    }

    /// `User:NAME`
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the broker needs to know of clients and rules.
pub(crate) struct Security {
    pub(crate) tls: Option<Tls>,
    /// How clients log in; they do not have to where there is none.
    pub(crate) mechanisms: Vec<Mechanism>,
    pub(crate) users: Users,
    /// The rules, where they are asked.
    pub(crate) acls: Option<Arc<AclStore>>,
    checks: Semaphore,
}

impl Security {
    /// Reads certificates, and takes up users and rules.
    pub(crate) fn open(log: &EmbeddedLog, options: &SecurityOptions) -> Result<Self, BrokerError> {
        let tls = options.tls.as_ref().map(|files| Tls::load(files, options.handshake_time_max)).transpose()?;
        let users = Users::open(log)?;
        let acls = options.acl.then(|| AclStore::open(log, &options.super_users, options.everyone_if_no_acl));
        let (mechanisms, acls) = (options.sasl.clone(), acls.transpose()?.map(Arc::new));
        Ok(Self { tls, mechanisms, users, acls, checks: Semaphore::new(CHECKS_MAX) })
    }

    /// Another one whenever the rules are others.
    pub(crate) fn rules_version(&self) -> u64 {
        self.acls.as_ref().map_or(0, |acls| acls.version())
    }
}
