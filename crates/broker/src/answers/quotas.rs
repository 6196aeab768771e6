//! Quotas of clients: kept, told and looked through.

use std::collections::BTreeSet;

use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::settings::{NotChanged, Quota, QuotaEntity, Settings};
use crate::throttle::{CLIENT_ID, USER};
use crate::wire::ErrorCode;
use crate::wire::messages::quotas::*;

/// Quotas also go by addresses, apart from everything else.
const IP: &str = "ip";
/// Limits of users and clients, and of addresses.
const LIMITS: [&str; 4] =
    ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"];
const IP_LIMITS: [&str; 1] = ["connection_creation_rate"];
/// Limits that are whole numbers.
const WHOLE: [&str; 3] = ["producer_byte_rate", "consumer_byte_rate", "connection_creation_rate"];
/// How a part of a filter is meant: this name, the default, any of them.
const EXACT: i8 = 0;
const OF_ALL: i8 = 1;
const ANY: i8 = 2;

type Refusal = (ErrorCode, String);

fn invalid<T>(text: String) -> Result<T, Refusal> {
    Err((ErrorCode::InvalidRequest, text))
}

impl Broker {
    pub(super) async fn describe_client_quotas(
        &self,
        request: DescribeClientQuotasRequest,
        _call: &Call,
    ) -> DescribeClientQuotasResponse {
        if let Err((code, text)) = check_filter(&request.components) {
            let (error_code, error_message) = (code.number(), Some(text));
            return DescribeClientQuotasResponse { error_code, error_message, ..Default::default() };
        }
        let settings = self.settings.all();
        let found = settings.quotas.iter().filter(|quota| matches(&request, &quota.entity));
        let described = found.map(|quota| DescribedQuota {
            entity: parts(&quota.entity, |entity_type, entity_name| DescribedQuotaEntity { entity_type, entity_name }),
            values: quota
                .limits
                .iter()
                .map(|(key, value)| DescribedQuotaValue { key: key.clone(), value: *value })
                .collect(),
        });
        DescribeClientQuotasResponse { entries: Some(described.collect()), ..Default::default() }
    }

    pub(super) async fn alter_client_quotas(
        &self,
        request: AlterClientQuotasRequest,
        _call: &Call,
    ) -> AlterClientQuotasResponse {
        let validate_only = request.validate_only;
        let altered = request.entries.into_iter().map(|asked| {
            let outcome = on_disk(|| self.alter_quota(&asked, validate_only));
            let (code, error_message) = match outcome {
                Ok(()) => (ErrorCode::None, None),
                Err((code, text)) => (code, Some(text)),
            };
            let entity = asked.entity.into_iter();
            let entity =
                entity.map(|part| AlteredQuotaEntity { entity_type: part.entity_type, entity_name: part.entity_name });
            AlteredQuota { error_code: code.number(), error_message, entity: entity.collect() }
        });
        AlterClientQuotasResponse { entries: altered.collect(), ..AlterClientQuotasResponse::default() }
    }

    fn alter_quota(&self, asked: &AlterQuota, validate_only: bool) -> Result<(), Refusal> {
        let entity = entity_of(asked)?;
        asked.ops.iter().try_for_each(|change| check_change(&entity, change))?;
        if validate_only {
            return Ok(());
        }
        let changed = self.settings.change(|settings| {
            apply(settings, &entity, &asked.ops);
            Ok::<(), Refusal>(())
        });
        match changed {
            Ok(_) => Ok(()),
            Err(NotChanged::Refused(refusal)) => Err(refusal),
            Err(NotChanged::TooMany) => Err((ErrorCode::PolicyViolation, "there are too many settings".to_owned())),
            Err(NotChanged::Log(error)) => Err((code_of(&error), error.to_string())),
        }
    }
}

fn parts<T>(entity: &QuotaEntity, part: impl Fn(String, Option<String>) -> T) -> Vec<T> {
    entity.iter().map(|(kind, name)| part(kind.clone(), name.clone())).collect()
}

/// Whether names of these kinds can go together.
fn check_kinds<'a>(kinds: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for kind in kinds {
        if ![USER, CLIENT_ID, IP].contains(&kind) {
            return invalid(format!("a quota goes by `{USER}`, `{CLIENT_ID}` or `{IP}`, not by `{kind}`"));
        }
        if !seen.insert(kind) {
            return invalid(format!("`{kind}` is there twice"));
        }
    }
    if seen.contains(IP) && seen.len() > 1 {
        return invalid(format!("`{IP}` goes with nothing else"));
    }
    Ok(())
}

fn check_filter(components: &[QuotaFilter]) -> Result<(), Refusal> {
    check_kinds(components.iter().map(|part| part.entity_type.as_str()))?;
    for part in components {
        let fits = match part.match_type {
            EXACT => part.match_name.is_some(),
            OF_ALL | ANY => part.match_name.is_none(),
            _ => false,
        };
        if !fits {
            return invalid(format!("what `{}` is to match does not fit how", part.entity_type));
        }
    }
    Ok(())
}

fn matches(request: &DescribeClientQuotasRequest, entity: &QuotaEntity) -> bool {
    let fits = request.components.iter().all(|part| match entity.get(&part.entity_type) {
        None => false,
        Some(name) => match part.match_type {
            EXACT => *name == part.match_name,
            OF_ALL => name.is_none(),
            _ => true,
        },
    });
    fits && (!request.strict || entity.len() == request.components.len())
}

fn entity_of(asked: &AlterQuota) -> Result<QuotaEntity, Refusal> {
    if asked.entity.is_empty() {
        return invalid("a quota needs somebody that it is for".to_owned());
    }
    check_kinds(asked.entity.iter().map(|part| part.entity_type.as_str()))?;
    if let Some(part) = asked.entity.iter().find(|part| part.entity_name.as_deref() == Some("")) {
        return invalid(format!("a `{}` has a name", part.entity_type));
    }
    if let Some(text) =
        asked.entity.iter().find(|part| part.entity_type == IP).and_then(|part| part.entity_name.as_ref())
        && text.parse::<std::net::IpAddr>().is_err()
    {
        return invalid(format!("`{text}` is no address"));
    }
    Ok(asked.entity.iter().map(|part| (part.entity_type.clone(), part.entity_name.clone())).collect())
}

fn check_change(entity: &QuotaEntity, change: &AlterQuotaOp) -> Result<(), Refusal> {
    let AlterQuotaOp { key, value, remove } = change;
    let known: &[&str] = if entity.contains_key(IP) { &IP_LIMITS } else { &LIMITS };
    if !known.contains(&key.as_str()) {
        return invalid(format!("there is no limit `{key}` for these; there are {}", known.join(", ")));
    }
    if *remove {
        return Ok(());
    }
    if !value.is_finite() || *value <= 0.0 {
        return invalid(format!("`{key}` must be greater than 0"));
    }
    if WHOLE.contains(&key.as_str()) && value.fract() != 0.0 {
        return invalid(format!("`{key}` is a whole number"));
    }
    Ok(())
}

fn apply(settings: &mut Settings, entity: &QuotaEntity, changes: &[AlterQuotaOp]) {
    let mut quota = match settings.quotas.iter().position(|quota| quota.entity == *entity) {
        Some(at) => settings.quotas.remove(at),
        None => Quota { entity: entity.clone(), limits: Default::default() },
    };
    for change in changes {
        match change.remove {
            true => quota.limits.remove(&change.key),
            false => quota.limits.insert(change.key.clone(), change.value),
        };
    }
    if !quota.limits.is_empty() {
        settings.quotas.push(quota);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str, value: f64, remove: bool) -> AlterQuotaOp {
        AlterQuotaOp { key: key.to_owned(), value, remove }
    }

    fn of_user(name: Option<&str>) -> QuotaEntity {
        QuotaEntity::from([(USER.to_owned(), name.map(str::to_owned))])
    }

    #[test]
    fn a_quota_without_limits_is_gone() {
        let mut settings = Settings::default();
        apply(&mut settings, &of_user(None), &[change("producer_byte_rate", 1e6, false)]);
        apply(&mut settings, &of_user(Some("ada")), &[change("request_percentage", 0.5, false)]);
        apply(&mut settings, &of_user(None), &[change("consumer_byte_rate", 2e6, false)]);
        assert_eq!(settings.quotas.len(), 2);
        let removals = ["producer_byte_rate", "consumer_byte_rate"].map(|key| change(key, 0.0, true));
        apply(&mut settings, &of_user(None), &removals);
        assert_eq!(settings.quotas.iter().map(|quota| &quota.entity).collect::<Vec<_>>(), [&of_user(Some("ada"))]);
    }

    #[test]
    fn filters_take_one_the_default_or_any() {
        let asks = |match_type, name: Option<&str>, strict| DescribeClientQuotasRequest {
            components: vec![QuotaFilter {
                entity_type: USER.to_owned(),
                match_type,
                match_name: name.map(str::to_owned),
            }],
            strict,
        };
        let (default, ada) = (of_user(None), of_user(Some("ada")));
        let mut both = ada.clone();
        both.insert(CLIENT_ID.to_owned(), None);
        let found = |request| [&default, &ada, &both].map(|entity| matches(&request, entity));
        assert_eq!(found(asks(EXACT, Some("ada"), false)), [false, true, true]);
        assert_eq!(found(asks(EXACT, Some("ada"), true)), [false, true, false]);
        assert_eq!(found(asks(OF_ALL, None, false)), [true, false, false]);
        assert_eq!(found(asks(ANY, None, true)), [true, true, false]);
        assert!(check_filter(&asks(EXACT, None, true).components).is_err());
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        let user = of_user(None);
        assert!(check_change(&user, &change("producer_byte_rate", 1024.0, false)).is_ok());
        assert!(check_change(&user, &change("producer_byte_rate", 1024.5, false)).is_err());
        assert!(check_change(&user, &change("producer_byte_rate", 0.0, false)).is_err());
        assert!(check_change(&user, &change("request_percentage", f64::NAN, false)).is_err());
        assert!(check_change(&user, &change("connection_creation_rate", 5.0, false)).is_err());
        assert!(check_kinds([IP, USER].into_iter()).is_err());
        assert!(check_kinds([USER, USER].into_iter()).is_err());
        assert!(check_kinds([USER, CLIENT_ID].into_iter()).is_ok());
    }
}
