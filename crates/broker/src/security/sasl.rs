//! A login: what the client says, step by step, and what it is told.

use super::scram::{Challenge, ClientFirst};
use super::users::Users;
use crate::security::credential::Hash;

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// The password itself: only over TLS, or where everybody is trusted.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// The one of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }
}

/// Why a login ends without one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// The same whether there is no such user or the password is wrong.
    #[error("there is no such user with such a password")]
    Wrong,
    #[error("{0}")]
    Malformed(String),
}

/// What a step of a login comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client is told this, and has to answer.
    Goes(Vec<u8>),
    /// The client is who it says, and is told this.
    Ends { name: String, message: Vec<u8> },
}

/// A login on its way.
#[derive(Debug)]
pub(crate) struct Exchange {
    mechanism: Mechanism,
    /// What a client of SCRAM was asked, and who it says it is.
    asked: Option<(Challenge, String)>,
}

impl Exchange {
    /// A login in which nothing was said yet.
    pub(crate) fn new(mechanism: Mechanism) -> Self {
        Self { mechanism, asked: None }
    }

    /// The way that was agreed on.
    pub(crate) fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Answers one message of the client. `server_nonce` is random, and used once.
    pub(crate) fn step(&mut self, users: &Users, server_nonce: &str, message: &[u8]) -> Result<Step, Denied> {
        let hash = match self.mechanism {
            Mechanism::Plain => return plain(users, message),
            Mechanism::ScramSha256 => Hash::Sha256,
            Mechanism::ScramSha512 => Hash::Sha512,
        };
        let malformed = |error: super::scram::Malformed| Denied::Malformed(error.to_string());
        let Some((challenge, name)) = self.asked.take() else {
            let first = ClientFirst::read(message).map_err(malformed)?;
            let name = first.name.clone();
            let (credential, is_known) = users.credential(&name, hash);
            let challenge = Challenge::new(first, credential, is_known, server_nonce);
            let message = challenge.message().as_bytes().to_vec();
            self.asked = Some((challenge, name));
            return Ok(Step::Goes(message));
        };
        match challenge.check(message).map_err(malformed)? {
            Some(last) => Ok(Step::Ends { name, message: last.into_bytes() }),
            None => Err(Denied::Wrong),
        }
    }
}

/// PLAIN: whom to act for, a zero, who one is, a zero, the password. Source: RFC 4616.
fn plain(users: &Users, message: &[u8]) -> Result<Step, Denied> {
    let malformed = |text: &str| Denied::Malformed(text.to_owned());
    let text = std::str::from_utf8(message).map_err(|_| malformed("the message is no text"))?;
    let parts: Vec<&str> = text.split('\0').collect();
    let [other, name, password] = parts[..] else {
        return Err(malformed("the message does not have three parts"));
    };
    if name.is_empty() || password.is_empty() {
        return Err(malformed("the user or the password is empty"));
    }
    if !other.is_empty() && other != name {
        return Err(malformed("nobody acts for somebody else"));
    }
    let (credential, is_known) = users.credential(name, Hash::Sha256);
    let is_right = credential.is_of(password.as_bytes()) & is_known;
    if is_right { Ok(Step::Ends { name: name.to_owned(), message: Vec::new() }) } else { Err(Denied::Wrong) }
}
