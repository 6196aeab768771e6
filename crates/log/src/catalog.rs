//! The list of topics, in `topics.json`, and what a topic may be called.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use millrace_flow::{TopicKind, TopicSpec};
use millrace_schema::avro;
use millrace_schema::types::type_name;
use serde::{Deserialize, Serialize};

use crate::clients::{Settings, TopicId};
use crate::columns::bytes_schema;
use crate::record_batch::crc32c;
use crate::{Disk, LogError, document};

const FILE: &str = "topics.json";
const NAME_CHARS_MAX: usize = 249;
/// Writers are named in 16-bit lengths, and by people.
const WRITER_BYTES_MAX: usize = 1_000;
/// As many as a reader can keep positions of without thinking; Kafka's clusters rarely have more in a topic.
const PARTITIONS_MAX: u32 = 10_000;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    topics: Vec<Entry>,
}

/// One topic as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    name: Arc<str>,
    partitions: u32,
    kind: TopicKind,
    writer: Arc<str>,
    key: Option<String>,
    event_time: Option<String>,
    retention_bytes: Option<u64>,
    retention_ms: Option<i64>,
    /// In front of every value.
    pub(crate) schema_id: u32,
    /// The schema of the values, as Avro's JSON; empty where clients append.
    pub(crate) avro: Arc<str>,
    /// Names the topic for ever, in hex; made from the name in a folder from before there were ids.
    #[serde(default)]
    id: Option<String>,
    /// There where clients append.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clients: Option<ClientEntry>,
}

/// What is kept of a topic that clients append to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    replicas: i16,
    configs: BTreeMap<String, String>,
}

impl Entry {
    /// The topic `spec`, whose values are written with this schema.
    pub(crate) fn new(
        spec: &TopicSpec,
        id: TopicId,
        settings: Option<&Settings>,
        schema_id: u32,
        avro: Arc<str>,
    ) -> Self {
        let TopicSpec { name, partitions, kind, writer, key, event_time, retention_bytes, retention_ms, .. } =
            spec.clone();
        let clients = settings
            .map(|settings| ClientEntry { replicas: settings.replicas, configs: (*settings.configs()).clone() });
        let id = Some(format!("{:032x}", u128::from_be_bytes(id)));
        Self {
            name,
            partitions,
            kind,
            writer,
            key,
            event_time,
            retention_bytes,
            retention_ms,
            schema_id,
            avro,
            id,
            clients,
        }
    }

    /// Whether clients append to it.
    pub(crate) fn is_of_clients(&self) -> bool {
        self.clients.is_some()
    }

    /// What clients have set for it.
    pub(crate) fn settings(&self) -> Option<Settings> {
        self.clients.as_ref().map(|clients| Settings::new(clients.replicas, clients.configs.clone()))
    }

    /// What names the topic for ever.
    pub(crate) fn id(&self) -> TopicId {
        let kept = self.id.as_ref().and_then(|id| u128::from_str_radix(id, 16).ok());
        kept.map_or_else(|| id_of(&self.name), u128::to_be_bytes)
    }

    /// What the topic was created with.
    pub(crate) fn spec(&self) -> Result<TopicSpec, LogError> {
        let schema = if self.is_of_clients() { bytes_schema() } else { columns_of(&self.name, &self.avro)? };
        let Self { name, partitions, kind, writer, key, event_time, retention_bytes, retention_ms, .. } = self.clone();
        Ok(TopicSpec { name, partitions, schema, kind, writer, key, event_time, retention_bytes, retention_ms })
    }
}

/// The id of a topic that this program writes itself: the same for the same name, version 8 of RFC 9562.
pub(crate) fn id_of(name: &str) -> TopicId {
    let mut id: TopicId = [0; 16];
    for (part, salt) in id.chunks_exact_mut(4).zip(["topic:", "id:", "of:", "name:"]) {
        part.copy_from_slice(&crc32c(format!("{salt}{name}").as_bytes()).to_be_bytes());
    }
    id[6] = 0x80 | (id[6] & 0x0f);
    id[8] = 0x80 | (id[8] & 0x3f);
    id
}

/// The columns that the Avro schema of a topic describes, without the metadata that they may have come with.
pub(crate) fn columns_of(topic: &Arc<str>, avro_json: &str) -> Result<SchemaRef, LogError> {
    let schema = avro::arrow_schema(avro_json);
    schema.map(Arc::new).map_err(|error| LogError::TopicSpec { topic: topic.clone(), reason: error.to_string() })
}

/// The topics kept in `dir`.
pub(crate) fn read(dir: &Path) -> Result<Vec<Entry>, LogError> {
    Ok(document::read::<Document>(&dir.join(FILE))?.unwrap_or_default().topics)
}

/// Keeps `topics` in `dir`; they are on the disk when this returns.
pub(crate) fn write(disk: &dyn Disk, dir: &Path, topics: Vec<Entry>) -> Result<(), LogError> {
    document::write(disk, &dir.join(FILE), &Document { topics })
}

/// Refuses what no topic can be.
pub(crate) fn validate(spec: &TopicSpec) -> Result<(), LogError> {
    validate_name(&spec.name)?;
    let refuse = |reason: &str| Err(LogError::TopicSpec { topic: spec.name.clone(), reason: reason.to_owned() });
    if spec.partitions == 0 || spec.partitions > PARTITIONS_MAX {
        return refuse("it must have between 1 and 10,000 partitions");
    }
    if spec.writer.is_empty() || spec.writer.len() > WRITER_BYTES_MAX {
        return refuse("its writer must have a name of 1 to 1,000 bytes");
    }
    if spec.schema.fields().is_empty() {
        return refuse("its values have no column");
    }
    Ok(())
}

/// Refuses a name that no topic can have.
///
/// # Errors
/// Says what is wrong with it.
pub fn validate_name(name: &str) -> Result<(), LogError> {
    let refuse = |reason| Err(LogError::TopicName { name: name.to_owned(), reason });
    match name {
        "" => refuse("it is empty"),
        "." | ".." => refuse("it is the name of a folder"),
        _ if name.len() > NAME_CHARS_MAX => refuse("it is too long"),
        _ if !name.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c)) => {
            refuse("it has other characters")
        }
        _ => Ok(()),
    }
}

/// Refuses when a topic that exists as `found` was asked for as `wanted`, and they are not the same thing. Retention may
/// differ: it is not what the topic is, but what is done with it.
pub(crate) fn compare(found: &TopicSpec, wanted: &TopicSpec) -> Result<(), LogError> {
    let properties = |spec: &TopicSpec| {
        [
            ("partitions", spec.partitions.to_string()),
            ("the columns", columns_text(&spec.schema)),
            ("writer", format!("`{}`", spec.writer)),
            ("kind", format!("{:?}", spec.kind)),
            ("key", spec.key.clone().unwrap_or_else(|| "none".to_owned())),
            ("event time", spec.event_time.clone().unwrap_or_else(|| "none".to_owned())),
        ]
    };
    for ((what, found_as), (_, wanted_as)) in properties(found).into_iter().zip(properties(wanted)) {
        if found_as != wanted_as {
            let topic = found.name.clone();
            return Err(LogError::TopicDiffers { topic, what, found: found_as, wanted: wanted_as });
        }
    }
    Ok(())
}

fn columns_text(schema: &SchemaRef) -> String {
    let column = |field: &Arc<Field>| {
        let not_null = if field.is_nullable() { "" } else { " NOT NULL" };
        format!("{} {}{not_null}", field.name(), type_name(field.data_type()))
    };
    let columns: Vec<_> = schema.fields().iter().map(column).collect();
    format!("({})", columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kafka_allows() {
        for name in ["a", "order_lines.dlq", "A-1", &"x".repeat(249)] {
            assert!(validate_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "é", &"x".repeat(250)] {
            assert!(validate_name(name).is_err(), "{name}");
        }
    }
}
