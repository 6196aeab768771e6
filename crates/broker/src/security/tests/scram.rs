//! SCRAM held to the example of its RFC, to another implementation's figures, and to bytes that mean no good.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;

use crate::security::credential::{Credential, Hash, ITERATIONS_MIN};
use crate::security::scram::{Challenge, ClientFirst};

const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
/// RFC 7677, section 3.
const PROOF_256: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SIGNATURE_256: &str = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
/// The same with SHA-512, computed with Python's hashlib and hmac.
const PROOF_512: &str = "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";
const SIGNATURE_512: &str = "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";

fn credential(hash: Hash) -> Credential {
    let salt = BASE64.decode(SALT).expect("it is base64");
    Credential::of_password(hash, b"pencil", salt, ITERATIONS_MIN)
}

fn challenge(hash: Hash, is_known: bool) -> Challenge {
    let first = ClientFirst::read(FIRST.as_bytes()).expect("it is the RFC's");
    Challenge::new(first, credential(hash), is_known, SERVER_NONCE)
}

fn last(proof: &str) -> String {
    format!("c=biws,r={NONCE},p={proof}")
}

#[test]
fn the_examples_come_out_as_they_stand() {
    for (hash, proof, signature) in [(Hash::Sha256, PROOF_256, SIGNATURE_256), (Hash::Sha512, PROOF_512, SIGNATURE_512)]
    {
        let challenge = challenge(hash, true);
        assert_eq!(challenge.message(), format!("r={NONCE},s={SALT},i=4096"));
        let ended = challenge.check(last(proof).as_bytes()).expect("it is well formed");
        assert_eq!(ended.as_deref(), Some(&*format!("v={signature}")), "{hash:?}");
    }
}

#[test]
fn a_wrong_proof_and_an_unknown_user_get_nothing() {
    let other = BASE64.encode([7; 32]);
    let known = challenge(Hash::Sha256, true);
    assert_eq!(known.check(last(&other).as_bytes()), Ok(None));
    // Even the right proof of a user that there is not.
    assert_eq!(challenge(Hash::Sha256, false).check(last(PROOF_256).as_bytes()), Ok(None));
}

#[test]
fn names_may_hold_what_separates() {
    let name = |written: &str| ClientFirst::read(format!("n,,n={written},r=x").as_bytes()).map(|first| first.name);
    assert_eq!(name("a=2Cb=3Dc").as_deref(), Ok("a,b=c"));
    assert_eq!(name("grüße").as_deref(), Ok("grüße"));
    for wrong in ["", "a=", "a=2", "a=41", "=ü"] {
        assert!(name(wrong).is_err(), "{wrong}");
    }
    assert!(ClientFirst::read(b"n,a=user,n=user,r=x").is_ok(), "acting for oneself");
}

#[test]
fn what_is_not_served_is_refused() {
    for wrong in [
        "p=tls-unique,,n=user,r=x",
        "x,,n=user,r=x",
        "n,a=admin,n=user,r=x",
        "n,,m=ext,n=user,r=x",
        "n,,n=user",
        "n,,n=user,r=",
        "n,,n=user,r=x y",
        "n,,n=user,r=x,tokenauth=true",
        "n,",
        "",
    ] {
        assert!(ClientFirst::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let challenge = challenge(Hash::Sha256, true);
    for wrong in [
        format!("c=eSws,r={NONCE},p={PROOF_256}"),
        format!("c=biws,r=other,p={PROOF_256}"),
        format!("c=biws,r={NONCE},x=1,p={PROOF_256}"),
        format!("c=biws,r={NONCE},p=short"),
        format!("c=biws,r={NONCE},p=AAAA"),
        format!("c=biws,r={NONCE}"),
        String::new(),
    ] {
        assert!(challenge.check(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

/// Texts that are nearly right go deeper than random bytes.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "n", "y", "p", ",", "=", "n=", "r=", "a=", "c=", "c=biws", "s=", "p=", "m=", "=2C", "=3D", "=2", NONCE, "user",
        PROOF_256, "v=", "\0", "ü",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn no_first_message_is_too_much(message in nearly()) {
        let _ = ClientFirst::read(&message);
    }

    #[test]
    fn no_last_message_is_too_much_or_lets_in(message in nearly()) {
        let text = String::from_utf8_lossy(&message).into_owned();
        prop_assume!(!text.contains(PROOF_256));
        let ended = challenge(Hash::Sha256, true).check(&message);
        prop_assert!(!matches!(ended, Ok(Some(_))), "{text}");
    }
}
