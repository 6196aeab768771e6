//! Certificates that change while they are used.

use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};

use crate::TlsFiles;
use crate::security::tls::Tls;

fn files(dir: &Path) -> TlsFiles {
    TlsFiles { certificate: dir.join("shop.pem"), key: dir.join("shop.key"), client_ca: None }
}

/// Writes another certificate with its key; answers the key.
fn renew(files: &TlsFiles) -> String {
    let key = KeyPair::generate().expect("randomness");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("it can be signed");
    std::fs::write(&files.certificate, certificate.pem()).expect("there is room");
    std::fs::write(&files.key, key.serialize_pem()).expect("there is room");
    key.serialize_pem()
}

#[test]
fn a_changed_certificate_is_used_if_it_can_be() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let files = files(folder.path());
    renew(&files);
    let tls = Tls::load(&files, Duration::from_secs(1)).expect("they belong together");
    let first = tls.config();
    assert!(!tls.look().expect("nothing has changed"));

    let key = renew(&files);
    assert!(tls.look().expect("they belong together"));
    let second = tls.config();
    assert!(!std::sync::Arc::ptr_eq(&first, &second));

    for (wrong, told) in
        [("", "no private key"), (&*KeyPair::generate().expect("randomness").serialize_pem(), "with the key given")]
    {
        std::fs::write(&files.key, wrong).expect("there is room");
        let error = tls.look().expect_err("they do not belong together").to_string();
        assert!(error.contains(told), "`{told}` is missing: {error}");
        assert!(!tls.look().expect("it is told once"));
    }
    std::fs::remove_file(&files.key).expect("it is there");
    assert!(tls.look().is_err());
    assert!(std::sync::Arc::ptr_eq(&second, &tls.config()), "the one before is still used");

    std::fs::write(&files.key, key).expect("there is room");
    assert!(tls.look().expect("they belong together again"));
}
