//! A member: what it subscribes to, what it owns, what it shall own.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

use super::super::ConsumerMemberImage;
use super::super::assignors::{Assignor, Topics};
use super::super::types::{Assignment, ConsumerHeartbeat, Directory, Sight, TopicId};

/// Most bytes that a compiled regular expression takes: what anybody writes to name topics is far below.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// How far a member is on its way to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) enum MemberState {
    /// There is nothing to do.
    #[default]
    Stable,
    /// It was told to let go of something and has not said that it did.
    LettingGo,
    /// Others still hold something of its target.
    Waiting,
}

impl MemberState {
    /// Its number in a record.
    pub(in super::super) fn number(self) -> u8 {
        match self {
            Self::Stable => 0,
            Self::LettingGo => 1,
            Self::Waiting => 2,
        }
    }

    /// The one of that number.
    pub(in super::super) fn of(number: u8) -> Option<Self> {
        [Self::Stable, Self::LettingGo, Self::Waiting].into_iter().find(|state| state.number() == number)
    }
}

/// A regular expression that whole names of topics match.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles `text`; nothing if it is no regular expression, or too large a one.
    pub(super) fn new(text: &str) -> Option<Self> {
        let whole = format!("^(?:{text})$");
        let regex = RegexBuilder::new(&whole).size_limit(PATTERN_BYTES_MAX).build().ok()?;
        // `a)(b` would close the group that was opened for it.
        Regex::new(text).ok()?;
        Some(Self { text: text.to_owned(), regex })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }
}

/// A member.
#[derive(Debug, Clone)]
pub(in super::super) struct ConsumerMember {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) rack_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) topics: BTreeSet<String>,
    pub(super) pattern: Option<Pattern>,
    /// What it may see; nobody knows from a restart to its next heartbeat.
    pub(super) sight: Option<Sight>,
    /// The topics that its pattern matched last, of those that it may see.
    pub(super) matched: BTreeSet<TopicId>,
    pub(super) assignor: Option<Assignor>,
    pub(super) epoch: i32,
    pub(super) previous_epoch: i32,
    pub(super) state: MemberState,
    pub(super) assigned: Assignment,
    /// What it was told to let go of.
    pub(super) revoking: Assignment,
    pub(super) target: Assignment,
}

impl ConsumerMember {
    /// A member that joins.
    pub(super) fn new(id: String, request: &ConsumerHeartbeat) -> Self {
        Self {
            id,
            instance_id: request.instance_id.clone(),
            rack_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout_ms: 0,
            topics: BTreeSet::new(),
            pattern: None,
            sight: None,
            matched: BTreeSet::new(),
            assignor: None,
            epoch: 0,
            previous_epoch: 0,
            state: MemberState::Stable,
            assigned: Assignment::new(),
            revoking: Assignment::new(),
            target: Assignment::new(),
        }
    }

    /// A member as it was written. What cannot be understood any longer it says again when it joins again.
    pub(super) fn restored(image: &ConsumerMemberImage) -> Self {
        Self {
            id: image.member_id.clone(),
            instance_id: image.instance_id.clone(),
            rack_id: image.rack_id.clone(),
            client_id: image.client_id.clone(),
            client_host: image.client_host.clone(),
            rebalance_timeout_ms: image.rebalance_timeout_ms,
            topics: image.topics.iter().cloned().collect(),
            pattern: image.regex.as_deref().and_then(Pattern::new),
            sight: None,
            matched: BTreeSet::new(),
            assignor: image.assignor.as_deref().and_then(Assignor::of),
            epoch: image.epoch,
            previous_epoch: image.previous_epoch,
            state: MemberState::of(image.state).unwrap_or_default(),
            assigned: image.assigned.clone(),
            revoking: image.revoking.clone(),
            target: image.target.clone(),
        }
    }

    /// The member as it is written.
    pub(super) fn image(&self) -> ConsumerMemberImage {
        ConsumerMemberImage {
            member_id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            rack_id: self.rack_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            topics: self.topics.iter().cloned().collect(),
            regex: self.pattern.as_ref().map(|pattern| pattern.text().to_owned()),
            assignor: self.assignor.map(|assignor| assignor.name().to_owned()),
            epoch: self.epoch,
            previous_epoch: self.previous_epoch,
            state: self.state.number(),
            assigned: self.assigned.clone(),
            revoking: self.revoking.clone(),
            target: self.target.clone(),
        }
    }

    /// Whether it subscribes to the topic `name`.
    pub(super) fn subscribes_to(&self, name: &str) -> bool {
        self.topics.contains(name) || self.pattern.as_ref().is_some_and(|pattern| pattern.matches(name))
    }

    /// Topics that its pattern matches and that it may see. As long as nobody knows what that is, they are of those that its
    /// group reads.
    pub(super) fn matches(&self, directory: &Directory, read: &Topics) -> BTreeSet<TopicId> {
        let Some(pattern) = &self.pattern else { return BTreeSet::new() };
        let matched = directory.topics.iter().filter(|(name, (id, _))| {
            let is_seen = || self.sight.as_ref().map_or_else(|| read.contains_key(id), |sight| sight.sees(name));
            pattern.matches(name) && is_seen()
        });
        matched.map(|(_, (id, _))| *id).collect()
    }

    /// Everything that nobody else may own yet.
    pub(super) fn held(&self) -> Assignment {
        &self.assigned | &self.revoking
    }

    pub(super) fn enter_epoch(&mut self, epoch: i32) {
        if epoch != self.epoch {
            self.previous_epoch = self.epoch;
            self.epoch = epoch;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let pattern = Pattern::new("orders-.*|^sales").expect("it is one");
        assert!(pattern.matches("orders-1") && pattern.matches("sales"));
        assert!(!pattern.matches("old-orders-1") && !pattern.matches("sales-1"));
        for wrong in ["(", "a)(b", "a{1000}{1000}"] {
            assert!(Pattern::new(wrong).is_none(), "{wrong}");
        }
    }
}
