//! Rules about who may do what, as clients make, see and remove them.

use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::security::acl::{Acl, AclFilter, FilterParts, NoRule, Parts};
use crate::security::acl_store::{AclStore, NotAdded};
use crate::wire::ErrorCode;
use crate::wire::messages::acls::*;

/// What is said of a request that cannot be met: a code, and why.
type Refusal = (ErrorCode, Option<String>);

fn invalid(error: NoRule) -> Refusal {
    (ErrorCode::InvalidRequest, Some(error.0))
}

impl Broker {
    fn acls(&self) -> Result<&AclStore, Refusal> {
        let off = || (ErrorCode::SecurityDisabled, Some("rules are switched off: [kafka] acl = false".to_owned()));
        self.security.acls.as_deref().ok_or_else(off)
    }

    pub(super) async fn describe_acls(&self, request: DescribeAclsRequest, _call: &Call) -> DescribeAclsResponse {
        let filter = AclFilter::of(FilterParts {
            kind: request.resource_type_filter,
            name: request.resource_name_filter.as_deref(),
            pattern: request.pattern_type_filter,
            principal: request.principal_filter.as_deref(),
            host: request.host_filter.as_deref(),
            operation: request.operation,
            permission: request.permission_type,
        });
        let found = self.acls().and_then(|acls| Ok(acls.list(&filter.map_err(invalid)?)));
        match found {
            Ok(found) => DescribeAclsResponse { resources: by_resource(found), ..DescribeAclsResponse::default() },
            Err((code, error_message)) => {
                DescribeAclsResponse { error_code: code.number(), error_message, ..DescribeAclsResponse::default() }
            }
        }
    }

    pub(super) async fn create_acls(&self, request: CreateAclsRequest, call: &Call) -> CreateAclsResponse {
        let acls = request.creations.iter().map(|asked| {
            let parts = Parts {
                kind: asked.resource_type,
                name: &asked.resource_name,
                pattern: asked.resource_pattern_type,
                principal: &asked.principal,
                host: &asked.host,
                operation: asked.operation,
                permission: asked.permission_type,
            };
            Acl::of(parts).map_err(invalid)
        });
        let acls: Vec<Result<Acl, Refusal>> = acls.collect();
        let right: Vec<Acl> = acls.iter().flatten().cloned().collect();
        let count = right.len();
        let added = self.acls().and_then(|store| {
            on_disk(|| store.add(right)).map_err(|error| match &error {
                NotAdded::TooMany => (ErrorCode::PolicyViolation, Some(error.to_string())),
                NotAdded::Log(log) => (code_of(log), Some(error.to_string())),
            })
        });
        if added.is_ok() && count > 0 {
            tracing::info!(by = call.principal.as_str(), rules = count, "rules added");
        }
        let results = acls.into_iter().map(|acl| {
            let (code, error_message) = added.clone().and(acl).err().unwrap_or((ErrorCode::None, None));
            CreatedAcl { error_code: code.number(), error_message }
        });
        CreateAclsResponse { results: results.collect(), ..CreateAclsResponse::default() }
    }

    pub(super) async fn delete_acls(&self, request: DeleteAclsRequest, call: &Call) -> DeleteAclsResponse {
        let results = request.filters.iter().map(|asked| {
            let gone = self.remove_acls(asked);
            if let Ok(gone) = &gone {
                tracing::info!(by = call.principal.as_str(), rules = gone.len(), "rules removed");
            }
            match gone {
                Ok(gone) => {
                    DeletedAcls { matching_acls: gone.into_iter().map(deleted).collect(), ..DeletedAcls::default() }
                }
                Err((code, error_message)) => {
                    DeletedAcls { error_code: code.number(), error_message, ..DeletedAcls::default() }
                }
            }
        });
        DeleteAclsResponse { filter_results: results.collect(), ..DeleteAclsResponse::default() }
    }

    fn remove_acls(&self, asked: &DeleteAclsFilter) -> Result<Vec<Acl>, Refusal> {
        let acls = self.acls()?;
        let filter = AclFilter::of(FilterParts {
            kind: asked.resource_type_filter,
            name: asked.resource_name_filter.as_deref(),
            pattern: asked.pattern_type_filter,
            principal: asked.principal_filter.as_deref(),
            host: asked.host_filter.as_deref(),
            operation: asked.operation,
            permission: asked.permission_type,
        });
        let filter = filter.map_err(invalid)?;
        on_disk(|| acls.remove(&filter)).map_err(|error| (code_of(&error), Some(error.to_string())))
    }
}

/// Rules, which come sorted by what they are about, under what they are about.
fn by_resource(acls: Vec<Acl>) -> Vec<DescribedAclsResource> {
    let mut resources: Vec<DescribedAclsResource> = Vec::new();
    for acl in acls {
        let Acl { kind, name, pattern, principal, host, operation, permission } = acl;
        let (resource_type, pattern_type) = (kind.number(), pattern.number());
        let is_same = |last: &&mut DescribedAclsResource| {
            (last.resource_type, &last.resource_name, last.pattern_type) == (resource_type, &name, pattern_type)
        };
        let (operation, permission_type) = (operation.number(), permission.number());
        let described = DescribedAcl { principal, host, operation, permission_type };
        match resources.last_mut().filter(is_same) {
            Some(last) => last.acls.push(described),
            None => resources.push(DescribedAclsResource {
                resource_type,
                resource_name: name,
                pattern_type,
                acls: vec![described],
            }),
        }
    }
    resources
}

fn deleted(acl: Acl) -> DeletedAcl {
    let Acl { kind, name, pattern, principal, host, operation, permission } = acl;
    DeletedAcl {
        error_code: 0,
        error_message: None,
        resource_type: kind.number(),
        resource_name: name,
        pattern_type: pattern.number(),
        principal,
        host,
        operation: operation.number(),
        permission_type: permission.number(),
    }
}
