//! SCRAM, with who has the password, who has not, and who sends anything.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Input;
use crate::security::credential::{Credential, Hash, ITERATIONS_MIN};
use crate::security::scram::{Challenge, ClientFirst};

const SERVER_NONCE: &str = "3rfcNHYJY1ZVvWVs7j";
const SALT: &[u8] = b"a salt of nobody";
const PASSWORD: &[u8] = b"pencil";
const HASHES: [Hash; 2] = [Hash::Sha256, Hash::Sha512];

/// What takes long is made once: a user of each hash, and the salted password.
static KNOWN: LazyLock<[(Credential, Vec<u8>); 2]> = LazyLock::new(|| {
    HASHES.map(|hash| {
        let credential = Credential::of_password(hash, PASSWORD, SALT.to_vec(), ITERATIONS_MIN);
        (credential, hash.salted(PASSWORD, SALT, ITERATIONS_MIN))
    })
});

/// A login of two messages. Only the proof of who has the password is let in; theirs is, whatever they have called themselves; and
/// nobody is let in who is not known.
pub fn scram(bytes: &[u8]) {
    let mut input = Input(bytes);
    let which = input.below(HASHES.len());
    let (flipped, has_plain_front) = (input.below(256), input.flag());
    let (hash, (credential, salted)) = (HASHES[which], &KNOWN[which]);
    let mut first = if has_plain_front { b"n,,n=".to_vec() } else { Vec::new() };
    first.extend_from_slice(input.chunk());
    if has_plain_front {
        first.extend_from_slice(b",r=fyko");
    }
    let Ok(read) = ClientFirst::read(&first) else { return };
    let challenge = |is_known| Challenge::new(read.clone(), credential.clone(), is_known, SERVER_NONCE);
    let known = challenge(true);
    let text = std::str::from_utf8(&first).expect("it was read as text");
    let bare = text.splitn(3, ',').nth(2).expect("it was read");
    let server_first = known.message();
    let nonce = server_first.split(',').next().and_then(|part| part.strip_prefix("r=")).expect("it begins with it");
    assert!(nonce.ends_with(SERVER_NONCE) && nonce.len() > SERVER_NONCE.len());

    // What who has the password says.
    let unproven = format!("c={},r={nonce}", BASE64.encode(&text[..text.len() - bare.len()]));
    let client_key = hash.hmac(salted, b"Client Key");
    let signature = hash.hmac(&hash.digest(&client_key), format!("{bare},{server_first},{unproven}").as_bytes());
    let mut proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
    let said = |proof: &[u8]| format!("{unproven},p={}", BASE64.encode(proof)).into_bytes();
    let right = said(&proof);
    assert!(matches!(known.check(&right), Ok(Some(last)) if last.starts_with("v=")));
    assert_eq!(challenge(false).check(&right), Ok(None), "nobody is let in who is not known");
    let bit = flipped % (8 * proof.len());
    proof[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(known.check(&said(&proof)), Ok(None), "one bit is wrong");

    // What anybody else says, alone and behind the right front.
    let other = input.chunk();
    for last in [other.to_vec(), [unproven.as_bytes(), b",p=", other].concat()] {
        if last != right {
            assert!(!matches!(known.check(&last), Ok(Some(_))), "{}", String::from_utf8_lossy(&last));
        }
    }
}
