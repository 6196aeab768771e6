//! Configs of what is no topic.

use millrace_broker::wire::messages::configs::*;

use super::rig::{Client, Served};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const GROUP: i8 = 32;

fn alter(client: &mut Client, kind: i8, name: &str, config: &str, value: Option<&str>) -> i16 {
    let operation = if value.is_some() { 0 } else { 1 };
    let value = value.map(str::to_owned);
    let change = IncrementalAlterConfig { name: config.to_owned(), config_operation: operation, value };
    let resource =
        IncrementalAlterConfigsResource { resource_type: kind, resource_name: name.to_owned(), configs: vec![change] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    client.ask(1, &request).responses[0].error_code
}

/// Value and source of a config.
fn described(client: &mut Client, kind: i8, name: &str, config: &str) -> Option<(String, i8)> {
    let resource = DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configuration_keys: Some(vec![config.to_owned()]),
    };
    let found = client.ask(4, &DescribeConfigsRequest { resources: vec![resource], ..Default::default() });
    let config = found.results[0].configs.first()?;
    Some((config.value.clone().unwrap_or_default(), config.config_source))
}

#[test]
fn groups_have_configs_that_outlive_a_restart() {
    let served = Served::start();
    let mut client = served.client();
    let (session, interval) = ("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms");
    assert_eq!(described(&mut client, GROUP, "g", session), Some(("45000".to_owned(), 5)));
    assert_eq!(alter(&mut client, GROUP, "g", session, Some("50000")), 0);
    assert_eq!(alter(&mut client, GROUP, "g", interval, Some("1")), 40, "it is outside the range");
    assert_eq!(alter(&mut client, GROUP, "g", "retention.ms", Some("1")), 40, "it is a topic's");
    assert_eq!(alter(&mut client, GROUP, "", session, Some("50000")), 42);
    let served = served.restart();
    let mut client = served.client();
    assert_eq!(described(&mut client, GROUP, "g", session), Some(("50000".to_owned(), 8)));
    let listed = client.ask(1, &ListConfigResourcesRequest { resource_types: vec![GROUP] });
    assert_eq!(listed.config_resources, [ConfigResource { resource_name: "g".to_owned(), resource_type: GROUP }]);
    assert_eq!(alter(&mut client, GROUP, "g", session, None), 0);
    assert_eq!(described(&mut client, GROUP, "g", session), Some(("45000".to_owned(), 5)));
}

#[test]
fn the_broker_keeps_what_is_set_and_not_what_it_was_started_with() {
    let served = Served::start();
    let mut client = served.client();
    let name = "log.cleaner.threads";
    assert_eq!(alter(&mut client, BROKER, "1", "num.partitions", Some("7")), 40);
    assert_eq!(alter(&mut client, BROKER, "2", name, Some("7")), 42, "there is no such broker");
    for secret in ["ssl.key.password", "listener.name.sasl_ssl.plain.sasl.jaas.config"] {
        assert_eq!(alter(&mut client, BROKER, "1", secret, Some("x")), 40, "`{secret}` would be told");
        assert_eq!(described(&mut client, BROKER, "1", secret), None);
    }
    assert_eq!(alter(&mut client, BROKER, "", name, Some("2")), 0);
    assert_eq!(described(&mut client, BROKER, "1", name), Some(("2".to_owned(), 3)), "from all brokers");
    assert_eq!(alter(&mut client, BROKER, "1", name, Some("4")), 0);
    assert_eq!(described(&mut client, BROKER, "1", name), Some(("4".to_owned(), 2)), "its own counts more");
    assert_eq!(described(&mut client, BROKER, "", name), Some(("2".to_owned(), 3)));
    let all = AlterConfigsResource { resource_type: BROKER, resource_name: "1".to_owned(), configs: Vec::new() };
    let replaced = client.ask(2, &AlterConfigsRequest { resources: vec![all], validate_only: false });
    assert_eq!(replaced.responses[0].error_code, 0);
    assert_eq!(described(&mut client, BROKER, "1", name), Some(("2".to_owned(), 3)));
}

#[test]
fn everything_that_has_configs_is_listed() {
    let served = Served::start();
    served.make_topic("a", 1);
    let mut client = served.client();
    assert_eq!(client.ask(0, &ListConfigResourcesRequest::default()).config_resources, []);
    let listed = client.ask(1, &ListConfigResourcesRequest::default());
    let kinds: Vec<(i8, &str)> =
        listed.config_resources.iter().map(|found| (found.resource_type, found.resource_name.as_str())).collect();
    assert_eq!(kinds, [(TOPIC, "a"), (BROKER, "1"), (8, "1")]);
    assert_eq!(client.ask(1, &ListConfigResourcesRequest { resource_types: vec![99] }).error_code, 35);
}
