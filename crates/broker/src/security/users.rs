//! Who may log in: names, and what is kept of passwords, in the broker's journal.
//!
//! ```text
//! {"decoy_key": …}                                 once, when the journal is new
//! {"set": {user, hash, iterations, salt, …}}       takes the place of the earlier one of that user and hash
//! {"removed": {user, hash}}
//! ```
//!
//! Every record is JSON. A name that nobody has is asked for a proof as well, with a salt that is the same each time, so that
//! nobody learns by asking who there is; it comes out of the decoy key, which nobody knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use millrace_log::{EmbeddedLog, Journal, LogError, StoppedJournal, read_journal};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::watch;

use super::credential::{Credential, Hash, ITERATIONS_MIN, SALT_BYTES};
use crate::BrokerError;
use crate::wire::Secret;

/// Name of the journal.
const JOURNAL: &str = "users";
/// Longest name of a user.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// Users by name and hash.
type Known = BTreeMap<(String, Hash), Credential>;

/// One line of the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    DecoyKey(Base64),
    Set(Kept),
    Removed { user: String, hash: HashName },
}

/// A credential as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    user: String,
    hash: HashName,
    iterations: u32,
    salt: Base64,
    stored_key: Base64,
    server_key: Base64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum HashName {
    #[serde(rename = "sha-256")]
    Sha256,
    #[serde(rename = "sha-512")]
    Sha512,
}

impl From<Hash> for HashName {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

impl From<HashName> for Hash {
    fn from(name: HashName) -> Self {
        match name {
            HashName::Sha256 => Self::Sha256,
            HashName::Sha512 => Self::Sha512,
        }
    }
}

/// Bytes as text.
struct Base64(Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // What is wrong with it is not told: it is a secret, or was meant to be one.
        BASE64.decode(text).map(Self).map_err(|_| serde::de::Error::custom("a key is not base64"))
    }
}

impl Record {
    fn set(user: &str, credential: &Credential) -> Self {
        let Credential { hash, iterations, salt, stored_key, server_key } = credential.clone();
        let [salt, stored_key, server_key] = [salt, stored_key, server_key].map(Base64);
        Self::Set(Kept { user: user.to_owned(), hash: hash.into(), iterations, salt, stored_key, server_key })
    }

    fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("texts and numbers become JSON").into()
    }
}

/// A change of one credential: set, or removed.
pub(crate) type Change = (String, Hash, Option<Credential>);

/// Most users: the names of all are looked through whenever one is added.
const USERS_MAX: usize = 20_000;

/// Why users are not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotChanged {
    #[error("there are {USERS_MAX} users, and no more are kept")]
    TooMany,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The users of the broker.
pub(crate) struct Users {
    state: Mutex<State>,
    /// Their names, for those who want to know when one is gone.
    names: watch::Sender<BTreeSet<String>>,
}

struct State {
    known: Known,
    decoy_key: Vec<u8>,
    journal: Keeper,
}

/// What users are kept in, while their log runs or does not.
enum Keeper {
    Running(Journal),
    Stopped(StoppedJournal),
}

impl Keeper {
    fn journal(&mut self) -> &mut Journal {
        match self {
            Self::Running(journal) => journal,
            Self::Stopped(stopped) => &mut stopped.journal,
        }
    }
}

impl Users {
    /// Takes up the users that there are.
    pub(crate) fn open(log: &EmbeddedLog) -> Result<Self, BrokerError> {
        let (journal, records) = log.durable_journal(JOURNAL)?;
        Self::replay(Keeper::Running(journal), &records)
    }

    fn replay(mut journal: Keeper, records: &[Bytes]) -> Result<Self, BrokerError> {
        let (known, decoy_key) = read(records)?;
        let decoy_key = match decoy_key {
            Some(key) => key,
            None => {
                let key = random(32);
                journal.journal().append(&[Record::DecoyKey(Base64(key.clone())).encode()])?;
                key
            }
        };
        let names = watch::Sender::new(names_of(&known));
        Ok(Self { state: Mutex::new(State { known, decoy_key, journal }), names })
    }

    /// Waits until there is no user of that name.
    pub(crate) async fn gone(&self, name: &str) {
        // Whoever could tell of it lives as long as this does.
        let _ = self.names.subscribe().wait_for(|names| !names.contains(name)).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a proof of `name` is checked with, and whether there is such a user at all.
    pub(crate) fn credential(&self, name: &str, hash: Hash) -> (Credential, bool) {
        let state = self.state();
        // Made for those that are known as well: it is work, and work takes time.
        let decoy = |what: &str| Hash::Sha512.hmac(&state.decoy_key, format!("{what} {hash:?} {name}").as_bytes());
        let [mut salt, mut stored_key, mut server_key] = ["salt", "stored", "server"].map(decoy);
        salt.truncate(SALT_BYTES);
        stored_key.truncate(hash.bytes());
        server_key.truncate(hash.bytes());
        let decoy = Credential { hash, iterations: ITERATIONS_MIN, salt, stored_key, server_key };
        match state.known.get(&(name.to_owned(), hash)) {
            Some(credential) => (credential.clone(), true),
            None => (decoy, false),
        }
    }

    /// The users, with the hash and iterations of each credential.
    pub(crate) fn list(&self) -> BTreeMap<String, Vec<(Hash, u32)>> {
        listed(&self.state().known)
    }

    /// Makes changes, all of them or none; they are on the disk when this returns.
    pub(crate) fn change(&self, changes: Vec<Change>) -> Result<(), NotChanged> {
        let mut state = self.state();
        let mut known = state.known.clone();
        let mut records = Vec::with_capacity(changes.len());
        for (user, hash, credential) in changes {
            match credential {
                Some(credential) => {
                    records.push(Record::set(&user, &credential).encode());
                    known.insert((user, hash), credential);
                }
                None => {
                    records.push(Record::Removed { user: user.clone(), hash: hash.into() }.encode());
                    known.remove(&(user, hash));
                }
            }
        }
        let names = names_of(&known);
        if names.len() > USERS_MAX && names.len() > names_of(&state.known).len() {
            return Err(NotChanged::TooMany);
        }
        let decoy = Record::DecoyKey(Base64(state.decoy_key.clone()));
        state.journal.journal().keep(&records, || {
            let all = known.iter().map(|((user, _), credential)| Record::set(user, credential).encode());
            std::iter::once(decoy.encode()).chain(all).collect()
        })?;
        state.known = known;
        self.names.send_replace(names);
        Ok(())
    }
}

/// The users in the data folder of a project that does not run.
pub struct StoppedUsers(Users);

impl StoppedUsers {
    /// Opens those of the log in `dir`, which nobody else can use meanwhile.
    ///
    /// # Errors
    /// When the log is in use or the disk does not answer.
    pub fn open(dir: &Path) -> Result<Self, BrokerError> {
        let (journal, records) = StoppedJournal::open(dir, JOURNAL)?;
        Users::replay(Keeper::Stopped(journal), &records).map(Self)
    }

    /// The names of the users of the log in `dir`, in use or not.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn names(dir: &Path) -> Result<Vec<String>, BrokerError> {
        let (known, _) = read(&read_journal(dir, JOURNAL)?)?;
        Ok(listed(&known).into_keys().collect())
    }

    /// Gives a user a password, for every mechanism; answers whether there was such a user before.
    ///
    /// # Errors
    /// When the name or the password is none, or the disk does not answer.
    pub fn set(&self, name: &str, password: &Secret) -> Result<bool, BrokerError> {
        check_name(name).map_err(|text| BrokerError::User(text.to_owned()))?;
        if password.bytes().is_empty() || password.bytes().contains(&0) {
            return Err(BrokerError::User("a password has at least one character, and no zero byte".to_owned()));
        }
        let was_there = self.0.list().contains_key(name);
        let change = |hash| {
            let credential = Credential::of_password(hash, password.bytes(), random(SALT_BYTES), ITERATIONS_MIN);
            (name.to_owned(), hash, Some(credential))
        };
        self.0.change(Hash::ALL.map(change).into()).map_err(refused)?;
        Ok(was_there)
    }

    /// Removes a user; answers whether there was one.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn remove(&self, name: &str) -> Result<bool, BrokerError> {
        let listed = self.0.list();
        let Some(credentials) = listed.get(name) else { return Ok(false) };
        let changes = credentials.iter().map(|(hash, _)| (name.to_owned(), *hash, None));
        self.0.change(changes.collect()).map_err(refused)?;
        Ok(true)
    }
}

fn refused(error: NotChanged) -> BrokerError {
    match error {
        NotChanged::TooMany => BrokerError::User(error.to_string()),
        NotChanged::Log(error) => error.into(),
    }
}

/// Whether somebody may be called that.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err("the name of a user has 1 to 256 bytes, and no control characters");
    }
    Ok(())
}

/// Bytes that nobody can guess.
pub(crate) fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

fn names_of(known: &Known) -> BTreeSet<String> {
    known.keys().map(|(user, _)| user.clone()).collect()
}

fn listed(known: &Known) -> BTreeMap<String, Vec<(Hash, u32)>> {
    let mut users: BTreeMap<String, Vec<(Hash, u32)>> = BTreeMap::new();
    for ((user, hash), credential) in known {
        users.entry(user.clone()).or_default().push((*hash, credential.iterations));
    }
    users
}

fn read(records: &[Bytes]) -> Result<(Known, Option<Vec<u8>>), BrokerError> {
    let (mut known, mut decoy_key) = (Known::new(), None);
    for record in records {
        let record = serde_json::from_slice(record);
        match record.map_err(|error| BrokerError::Remembered(format!("a user: {error}")))? {
            Record::DecoyKey(key) => decoy_key = Some(key.0),
            Record::Set(Kept { user, hash, iterations, salt, stored_key, server_key }) => {
                let hash = Hash::from(hash);
                let [salt, stored_key, server_key] = [salt, stored_key, server_key].map(|kept| kept.0);
                known.insert((user, hash), Credential { hash, iterations, salt, stored_key, server_key });
            }
            Record::Removed { user, hash } => {
                known.remove(&(user, hash.into()));
            }
        }
    }
    Ok((known, decoy_key))
}
