//! Stands in front of the answers: what the client may not do is taken out of its request, and told it.
//!
//! ```text
//! request ── admit ──▶ what is allowed ── answers ──▶ response ── what was refused is added, what may not be seen taken away
//!               └──▶ refused whole ──▶ response
//! ```
//!
//! So answers know nothing of rules. What a request needs stands in [`table`], a row each; what is not in the row of a request
//! is not allowed to it, and a kind of request without a row does not compile. Source of the rows and of what refusals look like: the
//! authorization of each API in the documentation of Apache Kafka, "Operations and Resources on Protocols".

mod cluster;
mod groups;
mod table;
#[cfg(test)]
mod tests;
mod topics;
mod transactions;

use std::sync::Arc;

use crate::Broker;
use crate::answers::Call;
use crate::groups::Sight;
use crate::security::acl::{CLUSTER, Kind, Operation};
use crate::security::rules::Rules;
use crate::wire::ErrorCode;
use crate::wire::api::Request;
pub(crate) use table::{Right, row};

/// A request that is looked over before it is answered.
pub(crate) trait Guarded: Request {
    /// Takes out what the client may not do.
    fn admit(&mut self, gate: &Gate<'_>) -> Admission<Self::Response>;
}

/// What is done to the answer afterwards: what was refused is added to it, and taken away what the client may not see.
pub(crate) type Addition<R> = Box<dyn FnOnce(&mut R, &Gate<'_>) + Send>;

/// What becomes of a request.
pub(crate) enum Admission<R> {
    /// What is left of it is answered.
    Granted(Option<Addition<R>>),
    /// The answer is that nothing of it is.
    Refused(R),
}

impl<R> Admission<R> {
    /// All of it is answered.
    const ALL: Self = Self::Granted(None);

    /// What is left of it is answered, and the answer changed.
    fn and(addition: impl FnOnce(&mut R, &Gate<'_>) + Send + 'static) -> Self {
        Self::Granted(Some(Box::new(addition)))
    }
}

/// Who asks, and by which rules.
pub(crate) struct Gate<'a> {
    pub(super) broker: &'a Broker,
    call: &'a Call,
    host: String,
    /// Nothing where everybody may do everything.
    rules: Option<Arc<Rules>>,
    row: &'static [Right],
}

impl<'a> Gate<'a> {
    /// For one request.
    pub(crate) fn new(broker: &'a Broker, call: &'a Call) -> Self {
        let rules = broker.security.acls.as_ref().map(|acls| acls.rules());
        let host = if rules.is_some() { host_of(call) } else { String::new() };
        let row = call.header.api().map_or(&[][..], |api| row(api.key));
        Self { broker, call, host, rules, row }
    }

    /// Whether rules are asked at all.
    fn is_closed(&self) -> bool {
        self.rules.is_some()
    }

    /// Version of the request.
    fn version(&self) -> i16 {
        self.call.header.api_version
    }

    /// Whether the client may do that, and that is what the row of its request is about.
    fn allows(&self, operation: Operation, kind: Kind, name: &str) -> bool {
        let is_listed = self.row.contains(&(operation, kind));
        is_listed && self.authorize(operation, kind, name)
    }

    /// Whether the client may do that to the cluster.
    fn allows_cluster(&self, operation: Operation) -> bool {
        self.allows(operation, Kind::Cluster, CLUSTER)
    }

    /// Whether there can be anything of that kind to which the client may do that.
    fn allows_any(&self, operation: Operation, kind: Kind) -> bool {
        let Some(rules) = &self.rules else { return true };
        self.row.contains(&(operation, kind))
            && rules.authorize_any(self.call.principal.as_str(), &self.host, operation, kind)
    }

    fn authorize(&self, operation: Operation, kind: Kind, name: &str) -> bool {
        let Some(rules) = &self.rules else { return true };
        rules.authorize(self.call.principal.as_str(), &self.host, operation, kind, name)
    }

    /// Takes out of `asked` what names something to which the client may not do `operation`.
    fn refuse<T>(&self, asked: &mut Vec<T>, operation: Operation, kind: Kind, name: impl Fn(&T) -> &str) -> Vec<T> {
        if !self.is_closed() {
            return Vec::new();
        }
        asked.extract_if(.., |asked| !self.allows(operation, kind, name(asked))).collect()
    }

    /// What the client may do with something, as bits that have the numbers of the operations.
    fn operations(&self, kind: Kind, name: &str) -> i32 {
        let allowed = Operation::of_kind(kind).iter().filter(|operation| self.authorize(**operation, kind, name));
        allowed.fold(0, |bits, operation| bits | 1 << operation.number())
    }

    /// The same of the cluster, for those who may look at it.
    fn cluster_operations(&self) -> i32 {
        let may_look = self.authorize(Operation::Describe, Kind::Cluster, CLUSTER);
        if may_look { self.operations(Kind::Cluster, CLUSTER) } else { 0 }
    }
}

/// Which topics a client may see, by the rules of the moment at which that is asked: what a regular expression matches is
/// known only where it is looked up.
pub(crate) fn sight_of(broker: &Broker, call: &Call) -> Sight {
    let Some(acls) = broker.security.acls.clone() else { return Sight::of_all() };
    let (principal, host) = (call.principal.clone(), host_of(call));
    Sight::of(move |topic| acls.rules().authorize(principal.as_str(), &host, Operation::Describe, Kind::Topic, topic))
}

fn host_of(call: &Call) -> String {
    call.peer.ip().to_canonical().to_string()
}

/// What a refusal says.
fn refusal(kind: Kind) -> i16 {
    let code = match kind {
        Kind::Topic => ErrorCode::TopicAuthorizationFailed,
        Kind::Group => ErrorCode::GroupAuthorizationFailed,
        Kind::Cluster => ErrorCode::ClusterAuthorizationFailed,
        Kind::TransactionalId => ErrorCode::TransactionalIdAuthorizationFailed,
    };
    code.number()
}

/// Requests that are answered or refused whole: the operation, on what, and the refusal, to which its code is given.
macro_rules! whole {
    ($($request:ident: $operation:ident Cluster => $refused:expr;)*) => {$(
        impl $crate::access::Guarded for $request {
            fn admit(&mut self, gate: &$crate::access::Gate<'_>) -> $crate::access::Admission<Self::Response> {
                use $crate::security::acl::{Kind, Operation};
                if gate.allows_cluster(Operation::$operation) {
                    return $crate::access::Admission::ALL;
                }
                let refused: fn(Self, i16) -> Self::Response = $refused;
                let code = $crate::access::refusal(Kind::Cluster);
                $crate::access::Admission::Refused(refused(std::mem::take(self), code))
            }
        }
    )*};
    ($($request:ident: $operation:ident $kind:ident of $name:ident => $refused:expr;)*) => {$(
        impl $crate::access::Guarded for $request {
            fn admit(&mut self, gate: &$crate::access::Gate<'_>) -> $crate::access::Admission<Self::Response> {
                use $crate::security::acl::{Kind, Operation};
                if gate.allows(Operation::$operation, Kind::$kind, &self.$name) {
                    return $crate::access::Admission::ALL;
                }
                let refused: fn(Self, i16) -> Self::Response = $refused;
                let code = $crate::access::refusal(Kind::$kind);
                $crate::access::Admission::Refused(refused(std::mem::take(self), code))
            }
        }
    )*};
}

/// Requests about a list of things, each of which is answered or refused: the operation, the list, the field that names the
/// thing, where the answer has its list, and the refusal of one thing, to which its code is given.
macro_rules! each {
    ($($request:ident: $operation:ident $kind:ident of $list:ident.$name:ident => $results:ident, $refused:expr;)*) => {$(
        impl $crate::access::Guarded for $request {
            fn admit(&mut self, gate: &$crate::access::Gate<'_>) -> $crate::access::Admission<Self::Response> {
                use $crate::security::acl::{Kind, Operation};
                let list = &mut self.$list;
                let refused = gate.refuse(list, Operation::$operation, Kind::$kind, |asked| &asked.$name);
                if refused.is_empty() {
                    return $crate::access::Admission::ALL;
                }
                let code = $crate::access::refusal(Kind::$kind);
                $crate::access::Admission::and(move |response: &mut Self::Response, _| {
                    response.$results.extend(refused.into_iter().map(|asked| $refused(asked, code)));
                })
            }
        }
    )*};
}

use {each, whole};
