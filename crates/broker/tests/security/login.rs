//! What clients can and cannot do before they have logged in, and how they do.

use std::time::Duration;

use millrace_broker::wire::api::ApiKey;
use millrace_broker::wire::messages::api_versions::ApiVersionsRequest;
use millrace_broker::wire::messages::metadata::MetadataRequest;
use millrace_broker::wire::messages::scram::*;
use millrace_broker::wire::{ErrorCode, Secret};

use crate::client::{Client, proof};
use crate::rig::{start, with_login};

#[test]
fn before_login_three_kinds_of_requests_are_answered() {
    let rig = start(|_, security| with_login(security));
    let mut client = Client::plain(rig.address);
    let versions = client.ask(3, &ApiVersionsRequest::default()).expect("an answer");
    assert!(versions.api_keys.iter().any(|api| api.api_key == ApiKey::SaslAuthenticate.number()));
    assert!(client.ask(1, &MetadataRequest::default()).is_none(), "and is cut");

    let mut client = Client::plain(rig.address);
    let answer = client.authenticate(2, b"\0alice\0alice-secret").expect("an answer");
    assert_eq!(answer.error_code, ErrorCode::IllegalSaslState.number(), "no handshake yet");
    assert!(client.frame().is_none());

    let mut client = Client::plain(rig.address);
    let answer = client.handshake(1, "GSSAPI");
    assert_eq!(answer.error_code, ErrorCode::UnsupportedSaslMechanism.number());
    assert_eq!(answer.mechanisms, ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
    assert!(client.frame().is_none());
}

#[test]
fn a_large_frame_is_not_waited_for_before_login() {
    let rig = start(|_, security| with_login(security));
    for length in [(64 << 10) + 1, i32::MAX, -1] {
        let mut client = Client::plain(rig.address);
        client.write(&length.to_be_bytes());
        assert!(client.frame().is_none(), "{length}");
    }
    let mut client = Client::plain(rig.address);
    assert_eq!(client.handshake(0, "PLAIN").error_code, 0);
    client.write(&((64_i32 << 10) + 1).to_be_bytes());
    assert!(client.frame().is_none(), "nor as a token");
    let mut client = Client::plain(rig.address).logged_in("alice", "alice-secret");
    let names = (0..4_000).map(|number| ScramUser { name: format!("somebody whom nobody knows {number}") });
    let request = DescribeUserScramCredentialsRequest { users: Some(names.collect()) };
    assert_eq!(client.ask(0, &request).expect("an answer").results.len(), 4_000, "afterwards it is");
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let rig = start(|_, security| {
        with_login(security);
        security.login_time_max = Duration::from_millis(50);
    });
    assert!(Client::plain(rig.address).frame().is_none());
}

#[test]
fn a_password_lets_in_by_every_version() {
    let rig = start(|_, security| with_login(security));
    for version in 0..=2 {
        let mut client = Client::plain(rig.address);
        assert_eq!(client.handshake(1, "PLAIN").error_code, 0);
        let answer = client.authenticate(version, b"\0alice\0alice-secret").expect("an answer");
        assert_eq!((answer.error_code, answer.auth_bytes.bytes(), answer.session_lifetime_ms), (0, &b""[..], 0));
        assert!(client.ask(1, &MetadataRequest::default()).is_some());
        assert_eq!(client.handshake(1, "PLAIN").error_code, ErrorCode::IllegalSaslState.number(), "once is enough");
    }
    let mut client = Client::plain(rig.address);
    assert_eq!(client.handshake(0, "PLAIN").error_code, 0);
    assert_eq!(client.token(b"\0alice\0alice-secret").as_deref(), Some(&b""[..]));
    assert!(client.ask(1, &MetadataRequest::default()).is_some());
}

#[test]
fn a_wrong_password_is_told_and_cut() {
    let rig = start(|_, security| with_login(security));
    let refused = |name: &str, password: &str| {
        let mut client = Client::plain(rig.address);
        assert_eq!(client.handshake(1, "PLAIN").error_code, 0);
        let answer = client.authenticate(2, format!("\0{name}\0{password}").as_bytes()).expect("an answer");
        assert_eq!(answer.error_code, ErrorCode::SaslAuthenticationFailed.number());
        assert!(client.frame().is_none());
        answer.error_message
    };
    assert_eq!(refused("alice", "wrong"), refused("nobody", "wrong"), "nobody learns who there is");
    let mut client = Client::plain(rig.address);
    assert_eq!(client.handshake(0, "PLAIN").error_code, 0);
    assert!(client.token(b"\0alice\0wrong").is_none(), "the oldest way has no place for an error");
}

#[test]
fn scram_proves_both_to_each_other() {
    let rig = start(|_, security| with_login(security));
    let first = "n=bob,r=a nonce".replace(' ', "-");
    let message = format!("n,,{first}");
    for raw in [false, true] {
        let mut client = Client::plain(rig.address);
        assert_eq!(client.handshake(i16::from(!raw), "SCRAM-SHA-256").error_code, 0);
        let mut say = |token: &str| {
            let answer = match raw {
                true => client.token(token.as_bytes()).expect("an answer").to_vec(),
                false => client.authenticate(1, token.as_bytes()).expect("an answer").auth_bytes.bytes().to_vec(),
            };
            String::from_utf8(answer).expect("it is a text")
        };
        let asked = say(&message);
        let (proof, verifier) = proof(&first, &asked, "bob,=secret");
        assert_eq!(say(&proof), verifier);
        assert!(client.ask(1, &MetadataRequest::default()).is_some());
    }
    let mut client = Client::plain(rig.address);
    assert_eq!(client.handshake(1, "SCRAM-SHA-256").error_code, 0);
    let asked = client.authenticate(1, message.as_bytes()).expect("an answer").auth_bytes;
    let asked = String::from_utf8(asked.bytes().to_vec()).expect("it is a text");
    let (proof, _) = proof(&first, &asked, "wrong");
    let answer = client.authenticate(1, proof.as_bytes()).expect("an answer");
    assert_eq!(answer.error_code, ErrorCode::SaslAuthenticationFailed.number());
    assert!(client.frame().is_none());
}

#[test]
fn users_are_changed_over_the_port() {
    let rig = start(|_, security| with_login(security));
    let mut admin = Client::plain(rig.address).logged_in("admin", "admin-secret");
    let upsertion = |name: &str, iterations: i32| ScramUpsertion {
        name: name.to_owned(),
        mechanism: 1,
        iterations,
        salt: b"salt".as_slice().into(),
        salted_password: {
            let mut salted = vec![0; 32];
            pbkdf2::pbkdf2_hmac::<sha2::Sha256>(b"carol-secret", b"salt", iterations.unsigned_abs(), &mut salted);
            Secret::from(salted)
        },
    };
    let deletion = |name: &str, mechanism: i8| ScramDeletion { name: name.to_owned(), mechanism };
    let mut alter = |deletions: Vec<ScramDeletion>, upsertions: Vec<ScramUpsertion>| {
        let request = AlterUserScramCredentialsRequest { deletions, upsertions };
        let answer = admin.ask(0, &request).expect("an answer");
        answer.results.into_iter().map(|user| (user.user, user.error_code)).collect::<Vec<_>>()
    };
    let code = |name: &str, code: ErrorCode| vec![(name.to_owned(), code.number())];
    assert_eq!(alter(vec![], vec![upsertion("carol", 8_192)]), code("carol", ErrorCode::None));
    assert_eq!(alter(vec![], vec![upsertion("carol", 4_095)]), code("carol", ErrorCode::UnacceptableCredential));
    assert_eq!(alter(vec![], vec![upsertion("carol", 16_385)]), code("carol", ErrorCode::UnacceptableCredential));
    assert_eq!(alter(vec![], vec![upsertion("", 8_192)]), code("", ErrorCode::UnacceptableCredential));
    let twice = vec![upsertion("carol", 8_192), upsertion("carol", 8_192)];
    assert_eq!(alter(vec![], twice), code("carol", ErrorCode::DuplicateResource));
    assert_eq!(alter(vec![deletion("carol", 2)], vec![]), code("carol", ErrorCode::ResourceNotFound));
    assert_eq!(alter(vec![deletion("carol", 3)], vec![]), code("carol", ErrorCode::UnsupportedSaslMechanism));
    drop(Client::plain(rig.address).logged_in("carol", "carol-secret"));
    assert_eq!(alter(vec![deletion("alice", 1), deletion("alice", 2)], vec![]), code("alice", ErrorCode::None));
    let users = Some(["carol", "alice"].map(|name| ScramUser { name: name.to_owned() }).into());
    let described = admin.ask(0, &DescribeUserScramCredentialsRequest { users }).expect("an answer");
    assert_eq!(described.results[0].error_code, ErrorCode::ResourceNotFound.number(), "alice is gone");
    let infos = &described.results[1].credential_infos;
    assert_eq!((infos.len(), infos[0].mechanism, infos[0].iterations), (1, 1, 8_192));
    let all = admin.ask(0, &DescribeUserScramCredentialsRequest::default()).expect("an answer");
    assert_eq!(all.results.iter().map(|user| &*user.user).collect::<Vec<_>>(), ["admin", "bob", "carol"]);
}

#[test]
fn a_user_that_is_removed_is_cut_off() {
    let rig = start(|_, security| with_login(security));
    let [mut admin, mut alice, mut bob] =
        [("admin", "admin-secret"), ("alice", "alice-secret"), ("bob", "bob,=secret")]
            .map(|(name, password)| Client::plain(rig.address).logged_in(name, password));
    let mut remove = |mechanism: i8| {
        let deletions = vec![ScramDeletion { name: "alice".to_owned(), mechanism }];
        let request = AlterUserScramCredentialsRequest { deletions, upsertions: Vec::new() };
        assert_eq!(admin.ask(0, &request).expect("an answer").results[0].error_code, 0);
    };
    remove(1);
    assert!(alice.ask(1, &MetadataRequest::default()).is_some(), "it can still log in by the other");
    remove(2);
    assert!(alice.frame().is_none(), "it is not waited for until it asks for something");
    assert!(bob.ask(1, &MetadataRequest::default()).is_some());
}
