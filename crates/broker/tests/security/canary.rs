//! Passwords that were typed in are looked for wherever the broker writes.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use millrace_broker::wire::Secret;
use millrace_broker::wire::messages::sasl::SaslAuthenticateRequest;
use millrace_broker::wire::messages::scram::{AlterUserScramCredentialsRequest, ScramUpsertion};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::client::Client;
use crate::rig::{USERS, start, with_login};

/// A wrong password.
const CANARY: &str = "canary-that-must-not-sing";
/// What a client has made of a password, which is as good as the password.
const SALTED: &[u8; 32] = b"salted-canary-salted-canary-salt";

/// Everything that is logged, at every level.
#[derive(Default)]
struct Heard(Mutex<String>);

struct Listener(&'static Heard);

impl Visit for Listener {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut text = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(text, "{field}={value:?}").expect("memory takes text");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Listener(self.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Listener(self.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Listener(self.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn files(dir: &Path, found: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() { files(&entry, found) } else { found.extend(std::fs::read(&entry).expect("a file")) }
    }
}

#[test]
fn no_secret_is_logged_or_kept() {
    static HEARD: OnceLock<Heard> = OnceLock::new();
    let heard = HEARD.get_or_init(Heard::default);
    tracing::subscriber::set_global_default(Listener(heard)).expect("no other test listens");
    let rig = start(|_, security| with_login(security));
    let mut told = String::new();
    for (mechanism, message) in [
        ("PLAIN", format!("\0alice\0{CANARY}")),
        ("PLAIN", format!("\0{CANARY}\0{CANARY}")),
        ("PLAIN", CANARY.to_owned()),
        ("SCRAM-SHA-256", format!("n,,n={CANARY}")),
        ("SCRAM-SHA-512", format!("n,a={CANARY},n=alice,r={CANARY}")),
    ] {
        let mut client = Client::plain(rig.address);
        client.handshake(1, mechanism);
        let answer = client.authenticate(2, message.as_bytes()).expect("an answer");
        told.push_str(&format!("{answer:?} {:?}", answer.error_message));
        let mut client = Client::plain(rig.address);
        client.handshake(0, mechanism);
        assert!(client.token(message.as_bytes()).is_none());
    }
    let mut admin = Client::plain(rig.address).logged_in("admin", "admin-secret");
    let salted_password = Secret::from(SALTED.to_vec());
    let upsertion = ScramUpsertion {
        name: "carol".to_owned(),
        mechanism: 1,
        iterations: 4_096,
        salt: "salt".into(),
        salted_password,
    };
    let request = AlterUserScramCredentialsRequest { deletions: Vec::new(), upsertions: vec![upsertion] };
    told.push_str(&format!("{request:?}"));
    assert_eq!(admin.ask(0, &request).expect("an answer").results[0].error_code, 0);
    let auth_bytes = Secret::from(CANARY.to_owned());
    let late = admin.ask(2, &SaslAuthenticateRequest { auth_bytes }).expect("an answer");
    told.push_str(&format!("{late:?} {:?}", late.error_message));
    // A request that ends in the middle of its secret.
    admin.write(&[&[0, 0, 0, 40, 0, 36, 0, 0, 0, 0, 0, 1, 255, 255, 0, 0, 1, 0][..], CANARY.as_bytes(), &[0]].concat());
    assert!(admin.frame().is_none());

    let logged = heard.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(logged.contains("login refused") && logged.contains("credentials of a user changed"), "{logged}");
    let mut kept = Vec::new();
    files(&rig.folder.path().join("log"), &mut kept);
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("carol"), "the journal of users is looked at");
    let salted = String::from_utf8_lossy(SALTED).into_owned();
    let secrets = USERS.iter().map(|(_, password)| (*password).to_owned()).chain([CANARY.to_owned(), salted]);
    for secret in secrets {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for shape in [BASE64.encode(&secret), hex, format!("{:?}", secret.as_bytes()), secret] {
            for (place, text) in [("log", &*logged), ("answers", &told), ("data folder", &kept)] {
                assert!(!text.contains(&shape), "{shape} is in the {place}");
            }
        }
    }
}
