//! Rules about who may do what: their parts, with the numbers and names that the protocol has for them.

use serde::{Deserialize, Serialize};

macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $name:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $type { $($(#[$variant_doc])* $name = $number,)* }

        impl $type {
            /// All that there are.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its number in the protocol.
            pub(crate) fn number(self) -> i8 {
                self as i8
            }

            /// The one with that number.
            pub(crate) fn of(number: i8) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.number() == number)
            }
        }
    };
}

numbered! {
    /// What a rule is about.
    Kind {
        Topic = 2,
        Group = 3,
        Cluster = 4,
        TransactionalId = 5,
    }
}

numbered! {
    /// How the name of a rule is meant.
    Pattern {
        /// As it is; `*` stands for every name.
        Literal = 3,
        /// As the beginning of names.
        Prefixed = 4,
    }
}

numbered! {
    /// What is done.
    Operation {
        /// Each of the others.
        All = 2,
        Read = 3,
        Write = 4,
        Create = 5,
        Delete = 6,
        Alter = 7,
        Describe = 8,
        ClusterAction = 9,
        DescribeConfigs = 10,
        AlterConfigs = 11,
        IdempotentWrite = 12,
    }
}

numbered! {
    /// Whether a rule lets or keeps somebody from something.
    Permission {
        Deny = 2,
        Allow = 3,
    }
}

/// The one thing of the kind [`Kind::Cluster`].
pub(crate) const CLUSTER: &str = "kafka-cluster";
/// Every name, every host.
pub(crate) const ANY: &str = "*";
/// Everybody.
pub(crate) const ANYBODY: &str = "User:*";

/// Numbers of a filter that let everything through: any kind, any operation, any permission.
const ANY_NUMBER: i8 = 1;
/// Number of a filter for all patterns that a name falls under.
const MATCH: i8 = 2;

impl Operation {
    /// What can be done with a thing of that kind.
    pub(crate) fn of_kind(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Topic => &[
                Self::Read,
                Self::Write,
                Self::Create,
                Self::Delete,
                Self::Alter,
                Self::Describe,
                Self::DescribeConfigs,
                Self::AlterConfigs,
            ],
            Kind::Group => &[Self::Read, Self::Delete, Self::Describe, Self::DescribeConfigs, Self::AlterConfigs],
            Kind::Cluster => &[
                Self::Create,
                Self::Alter,
                Self::Describe,
                Self::ClusterAction,
                Self::DescribeConfigs,
                Self::AlterConfigs,
                Self::IdempotentWrite,
            ],
            Kind::TransactionalId => &[Self::Write, Self::Describe],
        }
    }

    /// Whether somebody who is let do `self` is thereby let do `other`.
    pub(crate) fn implies(self, other: Self) -> bool {
        self == other
            || self == Self::All
            || match other {
                Self::Describe => matches!(self, Self::Read | Self::Write | Self::Delete | Self::Alter),
                Self::DescribeConfigs => self == Self::AlterConfigs,
                _ => false,
            }
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acl {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) pattern: Pattern,
    /// `User:NAME`
    pub(crate) principal: String,
    pub(crate) host: String,
    pub(crate) operation: Operation,
    pub(crate) permission: Permission,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoRule(pub(crate) String);

/// The numbers and texts of a rule, as they come in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) kind: i8,
    pub(crate) name: &'a str,
    pub(crate) pattern: i8,
    pub(crate) principal: &'a str,
    pub(crate) host: &'a str,
    pub(crate) operation: i8,
    pub(crate) permission: i8,
}

impl Acl {
    /// A rule of parts that make one.
    pub(crate) fn of(parts: Parts<'_>) -> Result<Self, NoRule> {
        let refuse = |text: &str| NoRule(text.to_owned());
        let Some(kind) = Kind::of(parts.kind) else {
            return Err(refuse("rules are about topics, groups, transactional ids or the cluster"));
        };
        let pattern = Pattern::of(parts.pattern).ok_or_else(|| refuse("a pattern is literal or prefixed"))?;
        let operation = Operation::of(parts.operation).ok_or_else(|| refuse("there is no such operation"))?;
        let permission = Permission::of(parts.permission).ok_or_else(|| refuse("a rule allows or denies"))?;
        if parts.name.is_empty() || parts.host.is_empty() {
            return Err(refuse("a rule names what it is about, and a host or `*`"));
        }
        if kind == Kind::Cluster && (parts.name != CLUSTER || pattern != Pattern::Literal) {
            return Err(refuse("the only name of the cluster is `kafka-cluster`"));
        }
        if !is_principal(parts.principal) {
            return Err(refuse("a principal is written as in `User:alice`"));
        }
        let [name, principal, host] = [parts.name, parts.principal, parts.host].map(str::to_owned);
        Ok(Self { kind, name, pattern, principal, host, operation, permission })
    }
}

/// Whether it is written as in `User:alice`.
pub(crate) fn is_principal(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, name)| !kind.is_empty() && !name.is_empty())
}

/// Which rules somebody asks for.
#[derive(Debug, Clone)]
pub(crate) struct AclFilter {
    kind: Option<Kind>,
    name: Option<String>,
    pattern: PatternFilter,
    principal: Option<String>,
    host: Option<String>,
    operation: Option<Operation>,
    permission: Option<Permission>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternFilter {
    Any,
    /// Patterns that the name falls under.
    Match,
    Is(Pattern),
}

/// The numbers and texts of a filter, as they come in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilterParts<'a> {
    pub(crate) kind: i8,
    pub(crate) name: Option<&'a str>,
    pub(crate) pattern: i8,
    pub(crate) principal: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) operation: i8,
    pub(crate) permission: i8,
}

impl AclFilter {
    /// A filter of parts that make one.
    pub(crate) fn of(parts: FilterParts<'_>) -> Result<Self, NoRule> {
        fn one_of<T>(number: i8, of: impl Fn(i8) -> Option<T>, what: &str) -> Result<Option<T>, NoRule> {
            match number {
                ANY_NUMBER => Ok(None),
                number => of(number).map(Some).ok_or_else(|| NoRule(format!("there is no such {what}"))),
            }
        }
        let pattern = match parts.pattern {
            ANY_NUMBER => PatternFilter::Any,
            MATCH => PatternFilter::Match,
            number => PatternFilter::Is(Pattern::of(number).ok_or(NoRule("there is no such pattern".to_owned()))?),
        };
        Ok(Self {
            kind: one_of(parts.kind, Kind::of, "kind of thing")?,
            name: parts.name.map(str::to_owned),
            pattern,
            principal: parts.principal.map(str::to_owned),
            host: parts.host.map(str::to_owned),
            operation: one_of(parts.operation, Operation::of, "operation")?,
            permission: one_of(parts.permission, Permission::of, "permission")?,
        })
    }

    /// Whether it lets a rule through.
    pub(crate) fn lets(&self, acl: &Acl) -> bool {
        fn is<T: PartialEq>(asked: Option<&T>, given: &T) -> bool {
            asked.is_none_or(|asked| asked == given)
        }
        let name = match (self.pattern, &self.name) {
            (PatternFilter::Is(pattern), _) if pattern != acl.pattern => false,
            (_, None) => true,
            (PatternFilter::Match, Some(name)) => match acl.pattern {
                Pattern::Literal => acl.name == *name || acl.name == ANY,
                Pattern::Prefixed => name.starts_with(&acl.name),
            },
            (_, Some(name)) => acl.name == *name,
        };
        name && is(self.kind.as_ref(), &acl.kind)
            && is(self.principal.as_ref(), &acl.principal)
            && is(self.host.as_ref(), &acl.host)
            && is(self.operation.as_ref(), &acl.operation)
            && is(self.permission.as_ref(), &acl.permission)
    }
}
