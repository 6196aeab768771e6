//! The members of one group, with the counts that every join needs.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::types::{JoinRequest, Protocol};
use super::{MemberImage, Token};

/// A member.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    pub(super) assignment: Bytes,
    /// A sync request that waits for the leader's.
    pub(super) sync: Option<Token>,
    /// It never had a join answered: it sends no heartbeats and can be lost while it waits.
    pub(super) is_new: bool,
    protocols: Vec<Protocol>,
    /// A join request that waits for the others.
    join: Option<Token>,
}

impl Member {
    /// A member that joins for the first time.
    pub(super) fn new(id: String, request: JoinRequest) -> Self {
        Self {
            id,
            instance_id: request.instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            assignment: Bytes::new(),
            sync: None,
            is_new: true,
            protocols: request.protocols,
            join: None,
        }
    }

    /// A member as it was written.
    pub(super) fn restored(image: &MemberImage) -> Self {
        Self {
            id: image.member_id.clone(),
            instance_id: image.instance_id.clone(),
            client_id: image.client_id.clone(),
            client_host: image.client_host.clone(),
            rebalance_timeout_ms: image.rebalance_timeout_ms,
            session_timeout_ms: image.session_timeout_ms,
            assignment: image.assignment.clone(),
            sync: None,
            is_new: false,
            protocols: image.protocols.clone(),
            join: None,
        }
    }

    /// The member as it is written.
    pub(super) fn image(&self) -> MemberImage {
        MemberImage {
            member_id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            protocols: self.protocols.clone(),
            assignment: self.assignment.clone(),
        }
    }

    pub(super) fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    pub(super) fn is_joining(&self) -> bool {
        self.join.is_some()
    }

    pub(super) fn join(&self) -> Option<Token> {
        self.join
    }

    pub(super) fn protocols(&self) -> &[Protocol] {
        &self.protocols
    }

    /// What it says under `protocol`; nothing if it does not support that.
    pub(super) fn metadata(&self, protocol: Option<&str>) -> Bytes {
        let found = self.protocols.iter().find(|candidate| Some(candidate.name.as_str()) == protocol);
        found.map(|protocol| protocol.metadata.clone()).unwrap_or_default()
    }
}

/// All members of a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    by_id: BTreeMap<String, Member>,
    ids_by_instance: BTreeMap<String, String>,
    /// How many members support a protocol.
    support: BTreeMap<String, usize>,
    joining: usize,
    /// Bytes of what members say under their protocols.
    bytes: usize,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Member> {
        self.by_id.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.by_id.get_mut(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.by_id.values_mut()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.by_id.keys().cloned().collect()
    }

    /// The member that bears the name of a static member.
    pub(super) fn id_of(&self, instance_id: &str) -> Option<&str> {
        self.ids_by_instance.get(instance_id).map(String::as_str)
    }

    /// How many wait to be answered their join.
    pub(super) fn joining(&self) -> usize {
        self.joining
    }

    /// Bytes of what members say under their protocols, if the one of that id says something else.
    pub(super) fn bytes_with(&self, id: &str, protocols: &[Protocol]) -> usize {
        let before = self.get(id).map_or(0, |member| bytes_of(&member.protocols));
        self.bytes - before + bytes_of(protocols)
    }

    /// Longest time that any member asks others to wait for it.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.iter().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    /// Takes a member in; one of that id must not be there.
    pub(super) fn insert(&mut self, member: Member) {
        debug_assert!(!self.contains(&member.id), "a member joins once");
        self.count(&member.protocols);
        self.joining += usize::from(member.is_joining());
        if let Some(instance) = &member.instance_id {
            self.ids_by_instance.insert(instance.clone(), member.id.clone());
        }
        self.by_id.insert(member.id.clone(), member);
    }

    /// Lets a member go.
    pub(super) fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.by_id.remove(id)?;
        self.discount(&member.protocols);
        self.joining -= usize::from(member.is_joining());
        if let Some(instance) = &member.instance_id
            && self.id_of(instance) == Some(id)
        {
            self.ids_by_instance.remove(instance);
        }
        Some(member)
    }

    /// Changes what a member supports.
    pub(super) fn set_protocols(&mut self, id: &str, protocols: Vec<Protocol>) {
        if let Some(member) = self.by_id.get_mut(id) {
            let before = std::mem::replace(&mut member.protocols, protocols.clone());
            self.discount(&before);
            self.count(&protocols);
        }
    }

    /// Makes the member wait under a token; answers the one it waited under before.
    pub(super) fn park_join(&mut self, id: &str, token: Token) -> Option<Token> {
        let member = self.by_id.get_mut(id)?;
        let before = member.join.replace(token);
        self.joining += usize::from(before.is_none());
        before
    }

    /// The member does not wait any longer.
    pub(super) fn take_join(&mut self, id: &str) -> Option<Token> {
        let token = self.by_id.get_mut(id)?.join.take();
        self.joining -= usize::from(token.is_some());
        token
    }

    /// Whether all members support one of these protocols.
    pub(super) fn support_any(&self, protocols: &[Protocol]) -> bool {
        protocols.iter().any(|protocol| self.support.get(&protocol.name).copied().unwrap_or(0) == self.len())
    }

    /// The protocol with the most votes: each member votes for the first of its own that all members support. Of equals the
    /// first by name wins.
    pub(super) fn elect_protocol(&self) -> Option<String> {
        let all = self.len();
        let common: BTreeSet<&str> =
            self.support.iter().filter(|(_, count)| **count == all).map(|(name, _)| name.as_str()).collect();
        let mut votes = BTreeMap::<&str, usize>::new();
        for member in self.iter() {
            let mut names = member.protocols.iter().map(|protocol| protocol.name.as_str());
            if let Some(name) = names.find(|name| common.contains(name)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name.to_owned())
    }

    fn count(&mut self, protocols: &[Protocol]) {
        self.bytes += bytes_of(protocols);
        for protocol in protocols {
            *self.support.entry(protocol.name.clone()).or_default() += 1;
        }
    }

    fn discount(&mut self, protocols: &[Protocol]) {
        self.bytes -= bytes_of(protocols);
        for protocol in protocols {
            if let Some(count) = self.support.get_mut(&protocol.name) {
                *count -= 1;
                if *count == 0 {
                    self.support.remove(&protocol.name);
                }
            }
        }
    }
}

fn bytes_of(protocols: &[Protocol]) -> usize {
    protocols.iter().map(|protocol| protocol.name.len() + protocol.metadata.len()).sum()
}
