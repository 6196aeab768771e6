//! Configs of what is no topic: the broker and groups; and what has configs at all.

use std::collections::BTreeMap;

use super::configs::{Refusal, edit_list};
use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::groups::{GroupConfig, Timing};
use crate::options::NODE_ID;
use crate::settings::{NotChanged, Settings, Values};
use crate::wire::ErrorCode;
use crate::wire::messages::configs::{
    ConfigResource, DescribedConfig, IncrementalAlterConfig, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

/// Kinds of things that have configs.
pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const BROKER_LOGGER: i8 = 8;
pub(super) const CLIENT_METRICS: i8 = 16;
pub(super) const GROUP: i8 = 32;
/// Where a value is from.
const OF_THIS_BROKER: i8 = 2;
const OF_ALL_BROKERS: i8 = 3;
const OF_START: i8 = 4;
const DEFAULT: i8 = 5;
const OF_GROUP: i8 = 8;
/// Numbers of types.
const TEXT: i8 = 2;
const WHOLE_NUMBER: i8 = 3;

/// What of the broker's configs is a list that words are added to; Kafka's own names.
const LISTS: [&str; 4] = ["log.cleanup.policy", "metric.reporters", "sasl.enabled.mechanisms", "ssl.cipher.suites"];

/// How names of the broker's configs end whose values are secrets; Kafka's own names.
const SECRETS: [&str; 4] = [".password", ".secret", "sasl.jaas.config", "ssl.keystore.key"];

/// What can be set for a group: name, range, what it says.
const GROUP_CONFIGS: [(&str, std::ops::RangeInclusive<i32>, &str); 2] = [
    (
        "consumer.session.timeout.ms",
        45_000..=60_000,
        "How long a member of a group of the newer protocol may be silent.",
    ),
    (
        "consumer.heartbeat.interval.ms",
        5_000..=15_000,
        "How often a member of a group of the newer protocol is asked to send heartbeats.",
    ),
];

fn invalid<T>(text: String) -> Result<T, Refusal> {
    Err((ErrorCode::InvalidConfig, Some(text)))
}

fn check_broker_name(name: &str) -> Result<(), Refusal> {
    if name == NODE_ID.to_string() {
        return Ok(());
    }
    Err((ErrorCode::InvalidRequest, Some(format!("there is broker {NODE_ID} and no other"))))
}

/// What is set for one thing.
fn values_of<'a>(settings: &'a mut Settings, kind: i8, name: &str) -> &'a mut Values {
    match (kind, name) {
        (GROUP, name) => settings.groups.entry(name.to_owned()).or_default(),
        (_, "") => &mut settings.all_brokers,
        _ => &mut settings.broker,
    }
}

/// How the members of a group of the newer protocol are to be timed.
pub(crate) fn timing_of(values: &Values) -> Timing {
    let usual = GroupConfig::default().consumer_timing;
    let number = |name: &str, usual| values.get(name).and_then(|value| value.parse().ok()).unwrap_or(usual);
    Timing {
        session_timeout_ms: number(GROUP_CONFIGS[0].0, usual.session_timeout_ms),
        heartbeat_interval_ms: number(GROUP_CONFIGS[1].0, usual.heartbeat_interval_ms),
    }
}

impl Broker {
    /// Configs of what is no topic.
    pub(super) fn configs_of_other(
        &self,
        kind: i8,
        name: &str,
        with_docs: bool,
    ) -> Result<Vec<DescribedConfig>, Refusal> {
        match kind {
            BROKER if name.is_empty() => {
                let settings = self.settings.all();
                Ok(settings.all_brokers.iter().map(|(name, value)| dynamic(name, value, OF_ALL_BROKERS)).collect())
            }
            BROKER => check_broker_name(name).map(|()| self.broker_configs()),
            // Log levels are set by the environment, and metrics are pulled, not pushed.
            BROKER_LOGGER => check_broker_name(name).map(|()| Vec::new()),
            CLIENT_METRICS if !name.is_empty() => Ok(Vec::new()),
            GROUP if !name.is_empty() => Ok(self.group_configs(name, with_docs)),
            _ => Err((ErrorCode::InvalidRequest, Some("there is no such thing that has configs".to_owned()))),
        }
    }

    /// What the program was started with; it stands in its settings and cannot be changed here.
    fn fixed_configs(&self) -> [(&'static str, String); 6] {
        let security = &self.options.security;
        let protocol = match (security.tls.is_some(), security.sasl.is_empty()) {
            (false, true) => "PLAINTEXT",
            (true, true) => "SSL",
            (false, false) => "SASL_PLAINTEXT",
            (true, false) => "SASL_SSL",
        };
        let (_, host, port) = self.node();
        [
            ("advertised.listeners", format!("{protocol}://{host}:{port}")),
            ("auto.create.topics.enable", self.options.auto_create_topics.to_string()),
            ("num.partitions", self.options.partitions.to_string()),
            ("default.replication.factor", "1".to_owned()),
            ("broker.id", NODE_ID.to_string()),
            ("socket.request.max.bytes", self.options.request_bytes_max.to_string()),
        ]
    }

    fn broker_configs(&self) -> Vec<DescribedConfig> {
        let fixed = self.fixed_configs().into_iter().map(|(name, value)| DescribedConfig {
            config_type: if value.parse::<i64>().is_ok() { WHOLE_NUMBER } else { TEXT },
            name: name.to_owned(),
            value: Some(value),
            read_only: true,
            config_source: OF_START,
            ..DescribedConfig::default()
        });
        let settings = self.settings.all();
        let own = settings.broker.iter().map(|(name, value)| dynamic(name, value, OF_THIS_BROKER));
        let shared = settings.all_brokers.iter().filter(|(name, _)| !settings.broker.contains_key(*name));
        let shared = shared.map(|(name, value)| dynamic(name, value, OF_ALL_BROKERS));
        fixed.chain(own).chain(shared).collect()
    }

    fn group_configs(&self, group: &str, with_docs: bool) -> Vec<DescribedConfig> {
        let settings = self.settings.all();
        let set = settings.groups.get(group);
        let Timing { session_timeout_ms, heartbeat_interval_ms } = timing_of(&Values::new());
        let described = GROUP_CONFIGS.iter().zip([session_timeout_ms, heartbeat_interval_ms]);
        let described = described.map(|((name, _, doc), usual)| {
            let value = set.and_then(|set| set.get(*name)).cloned();
            DescribedConfig {
                name: (*name).to_owned(),
                config_source: if value.is_some() { OF_GROUP } else { DEFAULT },
                value: Some(value.unwrap_or_else(|| usual.to_string())),
                config_type: WHOLE_NUMBER,
                documentation: with_docs.then(|| (*doc).to_owned()),
                ..DescribedConfig::default()
            }
        });
        described.collect()
    }

    /// Changes what is set for something that is no topic.
    pub(super) async fn alter_other(
        &self,
        kind: i8,
        name: &str,
        validate_only: bool,
        change: impl FnOnce(&mut Values) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        match kind {
            BROKER if name.is_empty() => {}
            BROKER => check_broker_name(name)?,
            GROUP if !name.is_empty() => {}
            _ => return Err((ErrorCode::InvalidRequest, Some("there is nothing to set for it".to_owned()))),
        }
        let checked = |settings: &mut Settings| {
            let values = values_of(settings, kind, name);
            let before = values.clone();
            change(values)?;
            let mut changed = values.iter().filter(|(name, value)| before.get(*name) != Some(value));
            changed.try_for_each(|(name, value)| self.check_other(kind, name, value))?;
            settings.groups.retain(|_, values| !values.is_empty());
            Ok(())
        };
        if validate_only {
            return checked(&mut (*self.settings.all()).clone());
        }
        let settings = on_disk(|| self.settings.change(checked)).map_err(|error| match error {
            NotChanged::Refused(refusal) => refusal,
            NotChanged::TooMany => (ErrorCode::PolicyViolation, Some("there are too many settings".to_owned())),
            NotChanged::Log(error) => (code_of(&error), Some(error.to_string())),
        })?;
        if kind == GROUP {
            self.groups.set_timings(timings_of(&settings));
        }
        Ok(())
    }

    fn check_other(&self, kind: i8, name: &str, value: &str) -> Result<(), Refusal> {
        if kind == BROKER {
            if SECRETS.iter().any(|end| name.ends_with(end)) {
                return invalid(format!(
                    "`{name}` is a secret: it would have no effect, and be kept and told as it is"
                ));
            }
            return match self.fixed_configs().iter().any(|(fixed, _)| *fixed == name) {
                true => invalid(format!("`{name}` stands in `millrace.toml` and cannot be changed while it runs")),
                false => Ok(()),
            };
        }
        let Some((_, range, _)) = GROUP_CONFIGS.iter().find(|(known, ..)| *known == name) else {
            return invalid(format!("a group has no `{name}`"));
        };
        match value.parse().is_ok_and(|value| range.contains(&value)) {
            true => Ok(()),
            false => invalid(format!("`{name}` is a number from {} to {}", range.start(), range.end())),
        }
    }

    pub(super) async fn list_config_resources(
        &self,
        request: ListConfigResourcesRequest,
        call: &Call,
    ) -> ListConfigResourcesResponse {
        // The first version knew of nothing but the metrics of clients, of which there are none.
        let all: &[i8] = if call.header.api_version == 0 { &[] } else { &[TOPIC, BROKER, BROKER_LOGGER, GROUP] };
        let asked = if request.resource_types.is_empty() { all } else { &request.resource_types };
        let mut config_resources = Vec::new();
        for kind in asked {
            let names: Vec<String> = match *kind {
                TOPIC => self.log.client_topics().iter().map(|topic| topic.info.spec.name.to_string()).collect(),
                BROKER | BROKER_LOGGER => vec![NODE_ID.to_string()],
                GROUP => self.settings.all().groups.keys().cloned().collect(),
                CLIENT_METRICS => Vec::new(),
                _ => {
                    let error_code = ErrorCode::UnsupportedVersion.number();
                    return ListConfigResourcesResponse { error_code, ..ListConfigResourcesResponse::default() };
                }
            };
            let resource = |resource_name| ConfigResource { resource_name, resource_type: *kind };
            config_resources.extend(names.into_iter().map(resource));
        }
        ListConfigResourcesResponse { config_resources, ..ListConfigResourcesResponse::default() }
    }
}

/// How each group that something is set for is timed.
pub(crate) fn timings_of(settings: &Settings) -> BTreeMap<String, Timing> {
    settings.groups.iter().map(|(group, values)| (group.clone(), timing_of(values))).collect()
}

fn dynamic(name: &str, value: &str, config_source: i8) -> DescribedConfig {
    let (name, value) = (name.to_owned(), Some(value.to_owned()));
    DescribedConfig { name, value, config_source, ..DescribedConfig::default() }
}

/// Makes one change to what is set for something that is no topic.
pub(super) fn apply(change: &IncrementalAlterConfig, values: &mut Values) -> Result<(), Refusal> {
    let IncrementalAlterConfig { name, config_operation, value } = change;
    match (*config_operation, value) {
        (super::configs::SET, Some(value)) => {
            values.insert(name.clone(), value.clone());
            Ok(())
        }
        (super::configs::DELETE, _) => {
            values.remove(name);
            Ok(())
        }
        (super::configs::SET, None) => invalid(format!("`{name}` needs a value")),
        (operation, Some(value)) if LISTS.contains(&name.as_str()) => {
            let present = values.get(name).map(String::as_str).unwrap_or_default();
            match edit_list(present, operation, value).filter(|words| !words.is_empty()) {
                Some(words) => values.insert(name.clone(), words),
                None => values.remove(name),
            };
            Ok(())
        }
        _ => invalid(format!("`{name}` is no list")),
    }
}
