//! Decides who may do what: facts in, decision out.
//!
//! 1. A super user may do everything.
//! 2. Whom a rule denies it may not, whatever other rules say.
//! 3. Whom a rule allows it, or something that includes it, may.
//! 4. Where no rule is about the thing at all, it depends on the settings; anybody else may not.
//!
//! A rule is about a thing if its name is the thing's, or `*`, or, where it is prefixed, the beginning of the thing's name.

use std::collections::{BTreeSet, HashMap};

use super::acl::{ANY, ANYBODY, Acl, Kind, Operation, Pattern, Permission};

/// What a rule says of those that it is about.
#[derive(Debug, Clone)]
struct Rule {
    principal: String,
    host: String,
    operation: Operation,
    permission: Permission,
}

impl Rule {
    fn is_about(&self, principal: &str, host: &str) -> bool {
        (self.principal == principal || self.principal == ANYBODY) && (self.host == host || self.host == ANY)
    }

    fn denies(&self, operation: Operation) -> bool {
        self.permission == Permission::Deny && (self.operation == operation || self.operation == Operation::All)
    }

    fn allows(&self, operation: Operation) -> bool {
        self.permission == Permission::Allow && self.operation.implies(operation)
    }
}

/// The rules about things of one kind.
#[derive(Debug, Clone, Default)]
struct OfKind {
    literal: HashMap<String, Vec<Rule>>,
    prefixed: HashMap<String, Vec<Rule>>,
    /// Bytes of the longest prefix.
    prefix_bytes_max: usize,
}

impl OfKind {
    /// The rules about one thing.
    fn about<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Rule> {
        let literal = [Some(name), (name != ANY).then_some(ANY)].into_iter().flatten();
        let literal = literal.filter_map(|name| self.literal.get(name));
        let ends = (1..=self.prefix_bytes_max.min(name.len())).filter(|end| name.is_char_boundary(*end));
        let prefixed = ends.filter_map(|end| self.prefixed.get(&name[..end]));
        literal.chain(prefixed).flatten()
    }
}

/// All rules at one moment, and what holds besides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    kinds: HashMap<Kind, OfKind>,
    super_users: BTreeSet<String>,
    /// Whether everybody may do everything with a thing that no rule is about.
    everyone_if_no_acl: bool,
}

impl Rules {
    /// Of these.
    pub(crate) fn new<'a>(
        acls: impl IntoIterator<Item = &'a Acl>,
        super_users: &[String],
        everyone_if_no_acl: bool,
    ) -> Self {
        let mut kinds: HashMap<Kind, OfKind> = HashMap::new();
        for acl in acls {
            let Acl { kind, name, pattern, principal, host, operation, permission } = acl.clone();
            let kind = kinds.entry(kind).or_default();
            let by_name = match pattern {
                Pattern::Literal => &mut kind.literal,
                Pattern::Prefixed => {
                    kind.prefix_bytes_max = kind.prefix_bytes_max.max(name.len());
                    &mut kind.prefixed
                }
            };
            by_name.entry(name).or_default().push(Rule { principal, host, operation, permission });
        }
        Self { kinds, super_users: super_users.iter().cloned().collect(), everyone_if_no_acl }
    }

    /// Whether `principal` may, from the address `host`, do `operation` with the thing `name` of that kind.
    pub(crate) fn authorize(&self, principal: &str, host: &str, operation: Operation, kind: Kind, name: &str) -> bool {
        if self.super_users.contains(principal) {
            return true;
        }
        let (mut has_any, mut is_allowed) = (false, false);
        for rule in self.kinds.get(&kind).into_iter().flat_map(|kind| kind.about(name)) {
            has_any = true;
            if rule.is_about(principal, host) {
                if rule.denies(operation) {
                    return false;
                }
                is_allowed |= rule.allows(operation);
            }
        }
        is_allowed || (!has_any && self.everyone_if_no_acl)
    }

    /// Whether there can be a thing of that kind with which `principal` may do `operation`.
    pub(crate) fn authorize_any(&self, principal: &str, host: &str, operation: Operation, kind: Kind) -> bool {
        if self.super_users.contains(principal) {
            return true;
        }
        let empty = OfKind::default();
        let kind = self.kinds.get(&kind).unwrap_or(&empty);
        let about = |rules: &[Rule], says: &dyn Fn(&Rule) -> bool| {
            rules.iter().any(|rule| rule.is_about(principal, host) && says(rule))
        };
        let denies =
            |rules: Option<&Vec<Rule>>| rules.is_some_and(|rules| about(rules, &|rule| rule.denies(operation)));
        if denies(kind.literal.get(ANY)) {
            return false;
        }
        let is_under_denied = |name: &str| {
            let mut ends = (1..=name.len()).filter(|end| name.is_char_boundary(*end));
            ends.any(|end| denies(kind.prefixed.get(&name[..end])))
        };
        let allows = |rules: &Vec<Rule>| about(rules, &|rule| rule.allows(operation));
        let literal = kind.literal.iter().filter(|(_, rules)| allows(rules));
        let mut literal =
            literal.filter(|(name, _)| *name == ANY || !(denies(kind.literal.get(*name)) || is_under_denied(name)));
        let mut prefixed = kind.prefixed.iter().filter(|(name, rules)| allows(rules) && !is_under_denied(name));
        literal.next().is_some() || prefixed.next().is_some() || self.everyone_if_no_acl
    }
}
