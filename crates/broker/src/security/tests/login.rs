//! Users, and logins over what is kept of them.

use std::path::Path;
use std::sync::Arc;

use millrace_log::{EmbeddedLog, LogConfig};
use millrace_schema::Registry;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::security::credential::{Credential, Hash, ITERATIONS_MIN};
use crate::security::sasl::{Denied, Exchange, Step};
use crate::security::users::Users;
use crate::{Mechanism, Secret, StoppedUsers};

fn log(dir: &Path) -> Arc<EmbeddedLog> {
    let registry = Registry::open(&dir.join("schemas.json")).expect("an empty registry");
    EmbeddedLog::open(&dir.join("log"), LogConfig::default(), Arc::new(registry)).expect("an empty log")
}

/// Users of a folder in which `alice` has the password `secret`.
fn users(dir: &Path) -> Users {
    let stopped = StoppedUsers::open(&dir.join("log")).expect("nobody uses it");
    stopped.set("alice", &Secret::from("secret".to_owned())).expect("there is room");
    drop(stopped);
    Users::open(&log(dir)).expect("what was written is read")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

fn plain(users: &Users, message: &str) -> Result<Step, Denied> {
    Exchange::new(Mechanism::Plain).step(users, "nonce", message.as_bytes())
}

#[test]
fn plain_is_checked_against_what_is_kept() {
    let folder = folder();
    let users = users(folder.path());
    let name = "alice".to_owned();
    for message in ["\0alice\0secret", "alice\0alice\0secret"] {
        assert_eq!(plain(&users, message), Ok(Step::Ends { name: name.clone(), message: Vec::new() }), "{message:?}");
    }
    for message in ["\0alice\0wrong", "\0bob\0secret", "\0alice\0secre", "\0ALICE\0secret"] {
        assert_eq!(plain(&users, message), Err(Denied::Wrong), "{message:?}");
    }
    for message in ["", "\0alice", "\0alice\0", "\0\0secret", "bob\0alice\0secret", "\0alice\0secret\0"] {
        assert!(matches!(plain(&users, message), Err(Denied::Malformed(_))), "{message:?}");
    }
}

#[test]
fn whom_nobody_knows_is_asked_the_same_each_time() {
    let folder = folder();
    let first = |users: &Users, name: &str, mechanism| {
        let message = format!("n,,n={name},r=client");
        match Exchange::new(mechanism).step(users, "server", message.as_bytes()) {
            Ok(Step::Goes(message)) => String::from_utf8(message).expect("it is a text"),
            other => panic!("{other:?}"),
        }
    };
    let asked = {
        let users = users(folder.path());
        let asked = first(&users, "bob", Mechanism::ScramSha256);
        let known = first(&users, "alice", Mechanism::ScramSha256);
        assert_eq!(asked, first(&users, "bob", Mechanism::ScramSha256));
        assert_ne!(asked, first(&users, "eve", Mechanism::ScramSha256));
        assert_ne!(asked, first(&users, "bob", Mechanism::ScramSha512));
        assert_eq!((asked.len(), asked.ends_with(",i=4096")), (known.len(), known.ends_with(",i=4096")));
        asked
    };
    // A restart must not tell either.
    let users = Users::open(&log(folder.path())).expect("what was written is read");
    assert_eq!(asked, first(&users, "bob", Mechanism::ScramSha256));
}

#[test]
fn users_come_and_go_and_outlive_the_process() {
    let folder = folder();
    let dir = folder.path().join("log");
    assert!(StoppedUsers::names(&dir).expect("nothing is there").is_empty());
    let stopped = StoppedUsers::open(&dir).expect("nobody uses it");
    let set = |name: &str, password: &str| stopped.set(name, &Secret::from(password.to_owned()));
    assert!(!set("alice", "one").expect("there is room"));
    assert!(set("alice", "two").expect("there is room"), "she was there before");
    assert!(!set("bob", "three").expect("there is room"));
    for (name, password) in [("", "x"), ("a\nb", "x"), ("carol", ""), ("carol", "a\0b")] {
        assert!(set(name, password).is_err(), "{name:?}");
    }
    assert!(stopped.remove("bob").expect("there is room"));
    assert!(!stopped.remove("bob").expect("there is room"));
    assert!(StoppedUsers::open(&dir).is_err(), "one at a time");
    drop(stopped);
    assert_eq!(StoppedUsers::names(&dir).expect("they are read"), ["alice"]);
    let users = Users::open(&log(folder.path())).expect("what was written is read");
    assert!(matches!(plain(&users, "\0alice\0two"), Ok(Step::Ends { .. })));
    assert_eq!(plain(&users, "\0alice\0one"), Err(Denied::Wrong));
    let credential = Credential::of_password(Hash::Sha256, b"four", b"salt".to_vec(), ITERATIONS_MIN);
    users.change(vec![("bob".to_owned(), Hash::Sha256, Some(credential))]).expect("there is room");
    assert_eq!(users.list()["bob"], [(Hash::Sha256, 4_096)]);
    assert_eq!(users.list()["alice"].len(), 2);
}

#[test]
fn no_password_is_in_what_is_kept_or_printed() {
    const CANARY: &str = "canary-that-must-not-sing";
    let folder = folder();
    let dir = folder.path().join("log");
    let secret = Secret::from(CANARY.to_owned());
    let stopped = StoppedUsers::open(&dir).expect("nobody uses it");
    stopped.set("alice", &secret).expect("there is room");
    let kept = std::fs::read(dir.join("coordinator/users.log")).expect("it is there");
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("alice") && !kept.contains(CANARY), "{kept}");
    let credential = Credential::of_password(Hash::Sha256, CANARY.as_bytes(), b"salty".to_vec(), ITERATIONS_MIN);
    let printed = format!("{secret:?} {credential:?}");
    assert_eq!(printed, "Secret Credential(Sha256, 4096 iterations)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_login_is_too_much(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..4),
        mechanism in prop::sample::select(Mechanism::ALL.to_vec()),
    ) {
        thread_local! {
            static USERS: (TempDir, Users) = {
                let folder = folder();
                let users = users(folder.path());
                (folder, users)
            };
        }
        USERS.with(|(_, users)| {
            let mut exchange = Exchange::new(mechanism);
            for message in &messages {
                assert!(!matches!(exchange.step(users, "nonce", message), Ok(Step::Ends { .. })));
            }
        });
    }
}
