//! What users prove themselves with, as clients see and change it; and logins that come too late.

use std::collections::BTreeMap;

use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::security::credential::{Credential, Hash, ITERATIONS_MAX, ITERATIONS_MIN};
use crate::security::users::{Change, NotChanged, check_name};
use crate::wire::ErrorCode;
use crate::wire::messages::sasl::*;
use crate::wire::messages::scram::*;

/// Longest salt.
const SALT_BYTES_MAX: usize = 256;

type Refusal = (ErrorCode, String);

fn number_of(hash: Hash) -> i8 {
    match hash {
        Hash::Sha256 => 1,
        Hash::Sha512 => 2,
    }
}

fn hash_of(number: i8) -> Result<Hash, Refusal> {
    let known = Hash::ALL.into_iter().find(|hash| number_of(*hash) == number);
    known.ok_or((ErrorCode::UnsupportedSaslMechanism, "credentials are of SCRAM-SHA-256 or SCRAM-SHA-512".to_owned()))
}

impl Broker {
    /// Where nobody logs in, or has done so already.
    pub(super) async fn sasl_handshake(&self, _request: SaslHandshakeRequest, _call: &Call) -> SaslHandshakeResponse {
        let mechanisms = self.security.mechanisms.iter().map(|mechanism| mechanism.name().to_owned()).collect();
        SaslHandshakeResponse { error_code: ErrorCode::IllegalSaslState.number(), mechanisms }
    }

    pub(super) async fn sasl_authenticate(
        &self,
        _request: SaslAuthenticateRequest,
        _call: &Call,
    ) -> SaslAuthenticateResponse {
        SaslAuthenticateResponse {
            error_code: ErrorCode::IllegalSaslState.number(),
            error_message: Some("nobody logs in here, or the client has done so already".to_owned()),
            ..SaslAuthenticateResponse::default()
        }
    }

    pub(super) async fn describe_user_scram_credentials(
        &self,
        request: DescribeUserScramCredentialsRequest,
        _call: &Call,
    ) -> DescribeUserScramCredentialsResponse {
        let known = self.security.users.list();
        let asked = request.users.unwrap_or_default().into_iter().map(|user| user.name);
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        asked.for_each(|name| *times.entry(name).or_default() += 1);
        if times.is_empty() {
            times = known.keys().map(|name| (name.clone(), 1)).collect();
        }
        let results = times.into_iter().map(|(user, times)| {
            let failed = |code: ErrorCode, text: &str| DescribedScramUser {
                error_code: code.number(),
                error_message: Some(text.to_owned()),
                user: user.clone(),
                ..DescribedScramUser::default()
            };
            match known.get(&user) {
                _ if times > 1 => failed(ErrorCode::DuplicateResource, "the user is asked for twice"),
                None => failed(ErrorCode::ResourceNotFound, "there is no such user"),
                Some(credentials) => {
                    let credential = |(hash, iterations): &(Hash, u32)| DescribedScramCredential {
                        mechanism: number_of(*hash),
                        iterations: i32::try_from(*iterations).unwrap_or(i32::MAX),
                    };
                    let credential_infos = credentials.iter().map(credential).collect();
                    DescribedScramUser { user, credential_infos, ..DescribedScramUser::default() }
                }
            }
        });
        let results = results.collect();
        DescribeUserScramCredentialsResponse { results, ..DescribeUserScramCredentialsResponse::default() }
    }

    pub(super) async fn alter_user_scram_credentials(
        &self,
        request: AlterUserScramCredentialsRequest,
        call: &Call,
    ) -> AlterUserScramCredentialsResponse {
        let mut changes: BTreeMap<String, Result<Vec<Change>, Refusal>> = BTreeMap::new();
        let removed = request.deletions.into_iter().map(|asked| (asked.name.clone(), self.deletion(asked)));
        let set = request.upsertions.into_iter().map(|asked| (asked.name.clone(), upsertion(asked)));
        for (user, change) in removed.chain(set) {
            add(changes.entry(user).or_insert_with(|| Ok(Vec::new())), change);
        }
        let results = changes.into_iter().map(|(user, changes)| {
            let changed = changes.and_then(|changes| {
                let changed = on_disk(|| self.security.users.change(changes));
                changed.map_err(|error| match &error {
                    NotChanged::TooMany => (ErrorCode::PolicyViolation, error.to_string()),
                    NotChanged::Log(log) => (code_of(log), error.to_string()),
                })
            });
            let (error_code, error_message) = match changed {
                Ok(()) => {
                    tracing::info!(by = call.principal.as_str(), user, "credentials of a user changed");
                    (0, None)
                }
                Err((code, text)) => (code.number(), Some(text)),
            };
            AlteredScramUser { user, error_code, error_message }
        });
        let results = results.collect();
        AlterUserScramCredentialsResponse { results, ..AlterUserScramCredentialsResponse::default() }
    }

    fn deletion(&self, asked: ScramDeletion) -> Result<Change, Refusal> {
        let hash = hash_of(asked.mechanism)?;
        let listed = self.security.users.list();
        let is_there = listed.get(&asked.name).is_some_and(|known| known.iter().any(|(known, _)| *known == hash));
        let missing = || (ErrorCode::ResourceNotFound, "there is no such credential of that user".to_owned());
        if is_there { Ok((asked.name, hash, None)) } else { Err(missing()) }
    }
}

/// One more change of a user: one wrong change keeps the others back, and so do two of the same credential.
fn add(all: &mut Result<Vec<Change>, Refusal>, new: Result<Change, Refusal>) {
    let Ok(changes) = all else { return };
    match new {
        Err(refusal) => *all = Err(refusal),
        Ok((_, hash, _)) if changes.iter().any(|(_, other, _)| *other == hash) => {
            *all = Err((ErrorCode::DuplicateResource, "a credential is changed twice".to_owned()));
        }
        Ok(change) => changes.push(change),
    }
}

fn upsertion(asked: ScramUpsertion) -> Result<Change, Refusal> {
    let unacceptable = |text: &str| (ErrorCode::UnacceptableCredential, text.to_owned());
    let hash = hash_of(asked.mechanism)?;
    check_name(&asked.name).map_err(unacceptable)?;
    let iterations = u32::try_from(asked.iterations).unwrap_or(0);
    if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations) {
        let text = format!("iterations are {ITERATIONS_MIN} to {ITERATIONS_MAX}");
        return Err((ErrorCode::UnacceptableCredential, text));
    }
    if asked.salt.is_empty() || asked.salt.len() > SALT_BYTES_MAX {
        return Err(unacceptable("a salt has 1 to 256 bytes"));
    }
    if asked.salted_password.bytes().len() != hash.bytes() {
        return Err(unacceptable("the salted password is not as long as the hash"));
    }
    let credential = Credential::of_salted(hash, asked.salted_password.bytes(), asked.salt.to_vec(), iterations);
    Ok((asked.name, hash, Some(credential)))
}
