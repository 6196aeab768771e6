//! Clients of Kafka that nobody here wrote, against the program: their own tests where they have some, else what people do
//! with them all day.
//!
//! With `MILLRACE_TEST_PEER=kafka` the same tests run against Apache Kafka: what they expect here is what they find there.

mod aiokafka;
mod apache;
mod apache_rights;
mod broker;
mod expected;
mod kafka_python;
mod kafkajs;
mod kcat;
mod librdkafka;
mod rdkafka;
#[expect(dead_code, reason = "the benches use the rest")]
#[path = "../servers/mod.rs"]
mod servers;
mod spark;
#[expect(dead_code, unused_imports, reason = "the tests of the whole program use the rest")]
#[path = "../whole/support/mod.rs"]
mod support;

pub(crate) use broker::Broker;
