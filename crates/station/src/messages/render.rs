//! Records as people read them.

use std::collections::{BTreeMap, HashMap};

use arrow::array::RecordBatch;
use millrace_flow::TopicInfo;
use millrace_log::Record;
use millrace_schema::avro::{Decoder, schema_id};
use millrace_schema::json::{row_to_json, value_to_text};
use serde_json::Value;

use super::plain::plain_value;
use crate::model::{Message, MessageOrigin, RecordJson};
use crate::stores::Stores;

/// The header that says where a record was read: `<number of the file>:<line>`.
pub(super) const ORIGIN_HEADER: &str = "at";

/// Decodes records of a topic.
pub(crate) struct Renderer<'a> {
    stores: &'a Stores,
    /// By schema id; `None` for a schema that cannot be read.
    decoders: HashMap<u32, Option<Decoder>>,
    /// The source's files, by number; nothing where rows of several sources come together, whose numbers mean other files.
    files: Option<BTreeMap<u32, String>>,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(stores: &'a Stores, info: &TopicInfo) -> Self {
        Self { stores, decoders: HashMap::new(), files: files_behind(stores, info) }
    }

    /// The numbers of the files that `name` may mean.
    pub(super) fn file_numbers(&self, name: &str) -> Vec<u32> {
        let is_meant = |path: &str| path == name || path.strip_suffix(name).is_some_and(|head| head.ends_with('/'));
        let named = self.files.iter().flatten().filter(|(_, path)| is_meant(path)).map(|(number, _)| *number);
        named.chain(name.parse()).collect()
    }

    /// A record of this partition.
    pub(crate) fn message(&mut self, partition: u32, record: &Record) -> Message {
        let value = record.value.as_deref();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Message {
            partition,
            offset: record.offset.0,
            time_ms: record.time_ms,
            key: record.key.as_deref().map(text),
            value: value.map(|value| self.value(value)),
            headers: record.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            schema_id: value.and_then(|value| self.known_schema(value)),
            origin: self.origin(record),
            size_bytes: record.key.as_ref().map_or(0, |key| key.len()) + value.map_or(0, <[u8]>::len),
        }
    }

    /// The row that a value holds or, where it is none, what it is otherwise.
    fn value(&mut self, value: &[u8]) -> RecordJson {
        match self.decode(&[value]) {
            Some(row) => RecordJson::from(&Value::Object(row_to_json(&row, 0))),
            None => plain_value(value),
        }
    }

    /// The texts that each record is searched for: those of its columns, or its value where that is no row but a text.
    pub(super) fn texts(&mut self, records: &[&Record]) -> Vec<Vec<String>> {
        let mut texts = vec![Vec::new(); records.len()];
        let mut by_schema: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            let Some(value) = record.value.as_deref() else { continue };
            match self.known_schema(value) {
                Some(id) => by_schema.entry(id).or_default().push(index),
                None => texts[index] = plain_texts(value),
            }
        }
        for indexes in by_schema.into_values() {
            let values: Vec<&[u8]> = indexes.iter().filter_map(|index| records[*index].value.as_deref()).collect();
            if let Some(rows) = self.decode(&values) {
                for (row, index) in indexes.into_iter().enumerate() {
                    texts[index] = row_texts(&rows, row);
                }
                continue;
            }
            // One of them only looks like a row of this schema.
            for (value, index) in values.into_iter().zip(indexes) {
                texts[index] = self.decode(&[value]).map_or_else(|| plain_texts(value), |row| row_texts(&row, 0));
            }
        }
        texts
    }

    /// The schema that a value says it was written with, if there is such a one.
    fn known_schema(&self, value: &[u8]) -> Option<u32> {
        schema_id(value).filter(|id| self.stores.registry.schema_json(*id).is_some())
    }

    /// Decodes values of one schema.
    fn decode(&mut self, values: &[&[u8]]) -> Option<RecordBatch> {
        let id = schema_id(values.first()?)?;
        let registry = &self.stores.registry;
        let decoder = self.decoders.entry(id).or_insert_with(|| {
            let schema = registry.arrow_schema(id).ok().flatten()?;
            Decoder::new(id, &registry.schema_json(id)?, schema).ok()
        });
        decoder.as_mut()?.decode(values.iter().copied()).ok()
    }

    fn origin(&self, record: &Record) -> Option<MessageOrigin> {
        let files = self.files.as_ref()?;
        let (_, at) = record.headers.iter().find(|(name, _)| name == ORIGIN_HEADER)?;
        let (file, line) = std::str::from_utf8(at).ok()?.split_once(':')?;
        let name = file.parse().ok().and_then(|number| files.get(&number)).cloned();
        Some(MessageOrigin { file: name.unwrap_or_else(|| file.to_owned()), line: line.parse().ok()? })
    }
}

fn row_texts(rows: &RecordBatch, row: usize) -> Vec<String> {
    rows.columns().iter().filter_map(|column| value_to_text(column, row)).collect()
}

fn plain_texts(value: &[u8]) -> Vec<String> {
    std::str::from_utf8(value).map(str::to_owned).into_iter().collect()
}

/// The files of the source that the records of a topic come from: its writer, or the source that a query's late rows came from.
fn files_behind(stores: &Stores, info: &TopicInfo) -> Option<BTreeMap<u32, String>> {
    let catalog = &stores.project.catalog;
    let mut sources = Vec::new();
    let mut writers = vec![info.spec.writer.to_string()];
    while let Some(writer) = writers.pop() {
        if writer.starts_with("source:") {
            sources.push(writer);
        } else if let Some(stage) = catalog.stages.iter().find(|stage| stage.id() == writer) {
            writers.extend(stage.inputs.iter().filter_map(|topic| catalog.writer(topic)).map(|stage| stage.id()));
        }
    }
    sources.sort();
    sources.dedup();
    let source = match sources.as_slice() {
        [source] => source,
        [] => return Some(BTreeMap::new()),
        _ => return None,
    };
    let commit = stores.log.last_commit(source);
    Some(commit.map(|commit| millrace_source::file_names(&commit.cookie)).unwrap_or_default())
}
