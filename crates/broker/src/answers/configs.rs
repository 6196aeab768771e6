//! What is set for topics; `resources` has the rest.

use std::collections::BTreeMap;

use millrace_log::{ClientTopic, ConfigKey, ConfigType, TOPIC_CONFIGS, config_key};

use super::resources::{self, TOPIC};
use super::{Call, on_disk};
use crate::Broker;
use crate::failure::code_of;
use crate::wire::ErrorCode;
use crate::wire::messages::configs::{
    AlterConfigsRequest, AlterConfigsResponse, AlteredConfigs, DescribeConfigsRequest, DescribeConfigsResource,
    DescribeConfigsResponse, DescribedConfig, DescribedConfigs, IncrementalAlterConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, IncrementalAlteredConfigs,
};

/// Where a value is from: set for the topic, or the default.
const OF_TOPIC: i8 = 1;
const DEFAULT: i8 = 5;
/// What an incremental change does.
pub(super) const SET: i8 = 0;
pub(super) const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(super) type Refusal = (ErrorCode, Option<String>);

/// One config of a topic.
pub(super) struct Setting {
    pub(super) key: &'static ConfigKey,
    pub(super) value: String,
    is_set: bool,
}

impl Setting {
    /// Where its value is from.
    pub(super) fn source(&self) -> i8 {
        if self.is_set { OF_TOPIC } else { DEFAULT }
    }

    /// Number of its type: word, whole number, list, number with a point.
    fn kind(&self) -> i8 {
        match self.key.kind {
            ConfigType::Word(words) if words.contains(&"true") => 1,
            ConfigType::Word(_) => 2,
            ConfigType::Number(_, most) if most <= i64::from(i32::MAX) => 3,
            ConfigType::Number(..) => 5,
            ConfigType::Share => 6,
            ConfigType::Words(_) => 7,
        }
    }
}

/// All configs of a topic, set or not.
pub(super) fn settings_of(topic: &ClientTopic) -> impl Iterator<Item = Setting> {
    TOPIC_CONFIGS.iter().map(|key| {
        let set = topic.configs.get(key.name);
        Setting { key, value: set.cloned().unwrap_or_else(|| key.default.to_owned()), is_set: set.is_some() }
    })
}

impl Broker {
    pub(super) async fn describe_configs(
        &self,
        request: DescribeConfigsRequest,
        _call: &Call,
    ) -> DescribeConfigsResponse {
        let described = request.resources.iter().map(|resource| {
            let found = self.configs_of(resource, request.include_documentation);
            let (configs, (code, error_message)) = match found {
                Ok(configs) => (configs, (ErrorCode::None, None)),
                Err(refusal) => (Vec::new(), refusal),
            };
            DescribedConfigs {
                error_code: code.number(),
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
                configs,
            }
        });
        DescribeConfigsResponse { results: described.collect(), ..DescribeConfigsResponse::default() }
    }

    fn configs_of(&self, asked: &DescribeConfigsResource, with_docs: bool) -> Result<Vec<DescribedConfig>, Refusal> {
        let is_asked =
            |name: &str| asked.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key == name));
        match asked.resource_type {
            TOPIC => {
                let unknown = || (ErrorCode::UnknownTopicOrPartition, None);
                let topic = self.log.client_topic(&asked.resource_name).ok_or_else(unknown)?;
                let settings = settings_of(&topic).filter(|setting| is_asked(setting.key.name));
                let described = settings.map(|setting| DescribedConfig {
                    name: setting.key.name.to_owned(),
                    read_only: !topic.is_of_clients,
                    config_source: setting.source(),
                    config_type: setting.kind(),
                    documentation: with_docs.then(|| setting.key.doc.to_owned()),
                    value: Some(setting.value),
                    ..DescribedConfig::default()
                });
                Ok(described.collect())
            }
            kind => {
                let configs = self.configs_of_other(kind, &asked.resource_name, with_docs)?;
                Ok(configs.into_iter().filter(|config| is_asked(&config.name)).collect())
            }
        }
    }

    pub(super) async fn incremental_alter_configs(
        &self,
        request: IncrementalAlterConfigsRequest,
        _call: &Call,
    ) -> IncrementalAlterConfigsResponse {
        let mut responses = Vec::with_capacity(request.resources.len());
        for resource in &request.resources {
            let (kind, name) = (resource.resource_type, &resource.resource_name);
            let outcome = if kind == TOPIC {
                self.alter(name, request.validate_only, |mut configs| {
                    resource.configs.iter().try_for_each(|change| apply(change, &mut configs)).map(|()| configs)
                })
            } else {
                let all =
                    |values: &mut _| resource.configs.iter().try_for_each(|change| resources::apply(change, values));
                self.alter_other(kind, name, request.validate_only, all).await
            };
            let (code, error_message) = outcome.err().unwrap_or((ErrorCode::None, None));
            let (error_code, resource_name) = (code.number(), name.clone());
            responses.push(IncrementalAlteredConfigs { error_code, error_message, resource_type: kind, resource_name });
        }
        IncrementalAlterConfigsResponse { responses, ..IncrementalAlterConfigsResponse::default() }
    }

    pub(super) async fn alter_configs(&self, request: AlterConfigsRequest, _call: &Call) -> AlterConfigsResponse {
        let mut responses = Vec::with_capacity(request.resources.len());
        for resource in &request.resources {
            let (kind, name) = (resource.resource_type, &resource.resource_name);
            let all = resource.configs.iter().filter_map(|set| Some((set.name.clone(), set.value.clone()?)));
            let all: BTreeMap<String, String> = all.collect();
            let outcome = if kind == TOPIC {
                self.alter(name, request.validate_only, |_| Ok(all))
            } else {
                let replace = |values: &mut _| {
                    *values = all;
                    Ok(())
                };
                self.alter_other(kind, name, request.validate_only, replace).await
            };
            let (code, error_message) = outcome.err().unwrap_or((ErrorCode::None, None));
            let (error_code, resource_name) = (code.number(), name.clone());
            responses.push(AlteredConfigs { error_code, error_message, resource_type: kind, resource_name });
        }
        AlterConfigsResponse { responses, ..AlterConfigsResponse::default() }
    }

    fn alter(
        &self,
        name: &str,
        validate_only: bool,
        change: impl FnOnce(BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal>,
    ) -> Result<(), Refusal> {
        let topic = self.log.client_topic(name).ok_or((ErrorCode::UnknownTopicOrPartition, None))?;
        let configs = change((*topic.configs).clone())?;
        let refused = |error: millrace_log::LogError| (code_of(&error), Some(error.to_string()));
        if validate_only {
            return configs.iter().try_for_each(|(name, value)| check(name, value));
        }
        on_disk(|| self.log.set_configs(name, configs)).map_err(refused)
    }
}

fn check(name: &str, value: &str) -> Result<(), Refusal> {
    let invalid = |text: String| (ErrorCode::InvalidConfig, Some(text));
    let key = config_key(name).ok_or_else(|| invalid(format!("a topic has no `{name}`")))?;
    key.check(value).map_err(|error| invalid(error.to_string()))
}

/// Makes one change to the configs of a topic.
fn apply(change: &IncrementalAlterConfig, configs: &mut BTreeMap<String, String>) -> Result<(), Refusal> {
    let IncrementalAlterConfig { name, config_operation, value } = change;
    let invalid = |text: &str| Err((ErrorCode::InvalidConfig, Some(format!("`{name}` {text}"))));
    if *config_operation == DELETE {
        // Tools also take back what they have never set, whether or not it is known.
        configs.remove(name);
        return Ok(());
    }
    let Some(key) = config_key(name) else { return invalid("is no config of a topic") };
    let Some(value) = value else { return invalid("needs a value") };
    if *config_operation == SET {
        configs.insert(name.clone(), value.clone());
        return Ok(());
    }
    if !matches!(key.kind, ConfigType::Words(_)) {
        return invalid("is no list");
    }
    let present = configs.get(name).map_or(key.default, String::as_str);
    let Some(words) = edit_list(present, *config_operation, value) else {
        return invalid("cannot be changed in that way");
    };
    configs.insert(name.clone(), words);
    Ok(())
}

/// The list `present` with the words of `value` added or taken away; nothing if that is not what is asked for.
pub(super) fn edit_list(present: &str, operation: i8, value: &str) -> Option<String> {
    let mut words: Vec<&str> = present.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let given: Vec<&str> = value.split(',').map(str::trim).collect();
    match operation {
        APPEND => words.extend(given.iter().filter(|word| !present.split(',').any(|known| known.trim() == **word))),
        SUBTRACT => words.retain(|word| !given.contains(word)),
        _ => return None,
    }
    Some(words.join(","))
}
