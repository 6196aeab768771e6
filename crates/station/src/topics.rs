//! The topics as the API tells them.

use millrace_flow::{TopicInfo, TopicKind};
use serde_json::Value;

use crate::model::{Partition, Reader, Topic};
use crate::stores::Stores;
use crate::{topic_table, views};

/// One topic; `readers` are those of a running project, and `idle` tells which of its partitions are silent.
pub(crate) fn topic(stores: &Stores, info: &TopicInfo, readers: Vec<Reader>, idle: &[bool]) -> Topic {
    let spec = &info.spec;
    let avro = stores.registry.schema_json(info.schema_id);
    let configs = stores.embedded.client_topic(&spec.name).map(|topic| (*topic.configs).clone()).unwrap_or_default();
    let partition = |(id, (start, end)): (u32, (&millrace_flow::Offset, &millrace_flow::Offset))| Partition {
        id,
        start: start.0,
        end: end.0,
        records: u64::try_from(end.0 - start.0).unwrap_or(0),
        idle: idle.get(id as usize).copied().unwrap_or(false),
    };
    let record_schema = topic_table::record_schema();
    Topic {
        name: spec.name.to_string(),
        kind: spec.kind,
        partitions: (0..).zip(info.starts.iter().zip(&info.ends)).map(partition).collect(),
        records: info.records(),
        bytes: info.bytes,
        sealed: info.sealed,
        schema_id: info.schema_id,
        schema: avro.and_then(|avro| serde_json::from_str(&avro).ok()).unwrap_or(Value::Null),
        columns: views::columns(match spec.kind {
            TopicKind::Clients => &record_schema,
            _ => &spec.schema,
        }),
        key: key(stores, info),
        event_time: spec.event_time.clone(),
        retention_ms: spec.retention_ms,
        retention_bytes: spec.retention_bytes,
        configs,
        readers,
        writer: spec.writer.to_string(),
    }
}

fn key(stores: &Stores, info: &TopicInfo) -> Option<Vec<String>> {
    match info.spec.kind {
        TopicKind::Upserts => views::key_of(&stores.project, &info.spec.name),
        _ => info.spec.key.clone().map(|key| vec![key]),
    }
}
