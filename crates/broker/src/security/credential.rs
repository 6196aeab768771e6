//! What the server keeps of a password: enough to check a proof of it, not enough to give one.
//!
//! ```text
//! salted     = PBKDF2(HMAC, password, salt, iterations)
//! stored key = H(HMAC(salted, "Client Key"))
//! server key = HMAC(salted, "Server Key")
//! ```
//!
//! Kept are salt, iterations, stored key and server key. Source: RFC 5802, section 3.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// Rounds of PBKDF2 that a credential has at least, and unless told otherwise.
pub(crate) const ITERATIONS_MIN: u32 = 4_096;
/// Rounds that a credential has at most: each login over PLAIN costs as many.
pub(crate) const ITERATIONS_MAX: u32 = 16_384;
/// Bytes of a salt that is made here.
pub(crate) const SALT_BYTES: usize = 24;

/// The hash function of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Bytes of what it gives.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The hash of `text`.
    pub(crate) fn digest(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha512 => Sha512::digest(text).to_vec(),
        }
    }

    /// HMAC of `text` under `key`.
    pub(crate) fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        fn mac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
            let mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.chain_update(text).finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha256 => mac::<Hmac<Sha256>>(key, text),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, text),
        }
    }

    /// A password after its rounds of PBKDF2.
    pub(crate) fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut salted = vec![0; self.bytes()];
        match self {
            Self::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted),
            Self::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut salted),
        }
        salted
    }
}

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) hash: Hash,
    pub(crate) iterations: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) stored_key: Vec<u8>,
    pub(crate) server_key: Vec<u8>,
}

impl Credential {
    /// Of a password.
    pub(crate) fn of_password(hash: Hash, password: &[u8], salt: Vec<u8>, iterations: u32) -> Self {
        let salted = hash.salted(password, &salt, iterations);
        Self::of_salted(hash, &salted, salt, iterations)
    }

    /// Of a password that has gone through its rounds elsewhere.
    pub(crate) fn of_salted(hash: Hash, salted: &[u8], salt: Vec<u8>, iterations: u32) -> Self {
        let stored_key = hash.digest(&hash.hmac(salted, b"Client Key"));
        let server_key = hash.hmac(salted, b"Server Key");
        Self { hash, iterations, salt, stored_key, server_key }
    }

    /// Whether it is this password's. Takes as long for a wrong one.
    pub(crate) fn is_of(&self, password: &[u8]) -> bool {
        let given = Self::of_password(self.hash, password, self.salt.clone(), self.iterations);
        given.stored_key.ct_eq(&self.stored_key).into()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({:?}, {} iterations)", self.hash, self.iterations)
    }
}
