//! SCRAM as the server sees it: messages in, messages out, without input or output.
//!
//! ```text
//! client first   n,,n=NAME,r=CLIENT
//! server first   r=CLIENT+SERVER,s=SALT,i=ITERATIONS
//! client final   c=biws,r=CLIENT+SERVER,p=PROOF
//! server final   v=SIGNATURE
//! ```
//!
//! The proof is the client key XOR HMAC(stored key, all messages but the proof), so it shows the key to nobody who does not
//! have it, and the signature shows the client that the server has it as well. No channel is bound: TLS is another layer's.
//! Sources: RFC 5802, and RFC 7677 for SHA-256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq;

use super::credential::Credential;

/// Longest name of a user, and longest nonce of a client: far beyond what anybody calls himself.
const TEXT_BYTES_MAX: usize = 1_024;

/// A message that is not one of SCRAM, or asks for what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(&'static str);

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientFirst {
    /// Who it says it is.
    pub(crate) name: String,
    nonce: String,
    /// What stands in front and has to be repeated.
    front: String,
    /// What follows and is signed.
    bare: String,
}

impl ClientFirst {
    /// Reads a message.
    pub(crate) fn read(message: &[u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(message).map_err(|_| Malformed("the first message is no text"))?;
        let mut parts = text.splitn(3, ',');
        let (Some(binding), Some(other), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Malformed("the first message is cut off"));
        };
        if !matches!(binding, "n" | "y") {
            return Err(Malformed("no channel can be bound"));
        }
        let mut attributes = bare.split(',');
        let name = attributes.next().and_then(|attribute| attribute.strip_prefix("n="));
        let name = plain_name(name.ok_or(Malformed("the first message names no user"))?)?;
        if !other.is_empty() && other.strip_prefix("a=").map(plain_name) != Some(Ok(name.clone())) {
            return Err(Malformed("nobody acts for somebody else"));
        }
        let nonce = attributes.next().and_then(|attribute| attribute.strip_prefix("r="));
        let nonce = nonce.filter(|nonce| is_nonce(nonce)).ok_or(Malformed("the first message has no nonce"))?;
        // What else stands there are extensions, and none of Kafka's is known here: they are for delegation tokens.
        if attributes.next().is_some() {
            return Err(Malformed("no extension of SCRAM is known"));
        }
        let front = text[..text.len() - bare.len()].to_owned();
        Ok(Self { name, nonce: nonce.to_owned(), front, bare: bare.to_owned() })
    }
}

/// The name of a user, in which `=2C` stands for a comma and `=3D` for an equals sign.
fn plain_name(written: &str) -> Result<String, Malformed> {
    let mut parts = written.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = match part.get(..2) {
            Some("2C" | "2c") => [",", &part[2..]],
            Some("3D" | "3d") => ["=", &part[2..]],
            _ => return Err(Malformed("a name has an equals sign that stands for nothing")),
        };
        name.extend(rest);
    }
    if name.is_empty() || name.len() > TEXT_BYTES_MAX {
        return Err(Malformed("the name of the user is empty or too long"));
    }
    Ok(name)
}

fn is_nonce(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.len() <= TEXT_BYTES_MAX && nonce.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What the client is asked, which waits for its proof.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    credential: Credential,
    /// Whether there is such a user: who there is not is asked all the same, and learns nothing by it.
    is_known: bool,
    front: String,
    nonce: String,
    client_first: String,
    server_first: String,
}

impl Challenge {
    /// Asks the client of `first` to prove that it has the password of `credential`.
    pub(crate) fn new(first: ClientFirst, credential: Credential, is_known: bool, server_nonce: &str) -> Self {
        let nonce = format!("{}{server_nonce}", first.nonce);
        let server_first = format!("r={nonce},s={},i={}", BASE64.encode(&credential.salt), credential.iterations);
        let (front, client_first) = (first.front, first.bare);
        Self { credential, is_known, front, nonce, client_first, server_first }
    }

    /// The message to send.
    pub(crate) fn message(&self) -> &str {
        &self.server_first
    }

    /// The message that ends it, if the proof is right; nothing if it is wrong.
    pub(crate) fn check(&self, message: &[u8]) -> Result<Option<String>, Malformed> {
        let text = std::str::from_utf8(message).map_err(|_| Malformed("the last message is no text"))?;
        let (unproven, proof) = text.rsplit_once(",p=").ok_or(Malformed("the last message has no proof"))?;
        let (binding, nonce) = unproven.split_once(',').ok_or(Malformed("the last message has no nonce"))?;
        let bound = binding.strip_prefix("c=").and_then(|bound| BASE64.decode(bound).ok());
        if bound.as_deref() != Some(self.front.as_bytes()) {
            return Err(Malformed("the last message repeats another front than the first one has"));
        }
        if nonce.strip_prefix("r=") != Some(&self.nonce) {
            return Err(Malformed("the last message has another nonce"));
        }
        let proof = BASE64.decode(proof).map_err(|_| Malformed("the proof is not base64"))?;
        let Credential { hash, stored_key, server_key, .. } = &self.credential;
        if proof.len() != hash.bytes() {
            return Err(Malformed("the proof is not as long as it has to be"));
        }
        let signed = format!("{},{},{unproven}", self.client_first, self.server_first);
        let signature = hash.hmac(stored_key, signed.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(proof, signature)| proof ^ signature).collect();
        let is_right = hash.digest(&client_key).ct_eq(stored_key) & u8::from(self.is_known).into();
        let verifier = hash.hmac(server_key, signed.as_bytes());
        Ok(bool::from(is_right).then(|| format!("v={}", BASE64.encode(verifier))))
    }
}
