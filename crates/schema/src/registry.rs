//! The registry: which schema an id stands for, and which schemas the values of a subject were written with.
//!
//! In the file it is one JSON document, replaced as a whole: written beside, synced, renamed, and the folder synced. Ids are
//! given once, in order from 1, and never change or go away, since they stand in front of every value on the disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::avro;
use crate::error::SchemaError;

/// Schemas in one registry: a hundred times what a large company has, and still a file of some tens of MiB.
const SCHEMAS_MAX: usize = 100_000;

/// Bytes of one schema: thousands of columns.
const SCHEMA_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of the file that are read at most, so that a wrong file cannot exhaust memory.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What every subject of a topic's values ends with.
const VALUE_SUFFIX: &str = "-value";

/// Ids, schemas and subjects, kept in a file or in memory.
#[derive(Debug)]
pub struct Registry {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    document: Document,
    ids: HashMap<Arc<str>, u32>,
    arrow: HashMap<u32, SchemaRef>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Version,
    /// The schema of id 1, of id 2 and so on.
    schemas: Vec<Arc<str>>,
    /// Ids by subject, oldest first.
    subjects: BTreeMap<String, Vec<u32>>,
}

/// Version of the file's layout.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
enum Version {
    #[default]
    #[serde(rename = "1")]
    One,
}

impl Registry {
    /// The subject of the values of a topic.
    pub fn subject(topic: &str) -> String {
        format!("{topic}{VALUE_SUFFIX}")
    }

    /// The registry in `file`; empty, and nothing is written yet, if there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read or is no registry.
    pub fn open(file: &Path) -> Result<Self, SchemaError> {
        let document = read_document(file)?.unwrap_or_default();
        let ids = document.schemas.iter().zip(1..).map(|(schema, id)| (schema.clone(), id)).collect();
        let state = State { document, ids, arrow: HashMap::new() };
        Ok(Self { file: Some(file.to_owned()), state: Mutex::new(state) })
    }

    /// A registry that is gone with the program.
    pub fn in_memory() -> Self {
        Self { file: None, state: Mutex::default() }
    }

    /// The id of the Avro schema of these columns, which becomes a version of `subject`. A schema gets its id once; when this
    /// returns it is on the disk.
    ///
    /// # Errors
    /// When a column cannot be in a topic, the registry is full, or the file cannot be written.
    pub fn id_for(&self, subject: &str, schema: &Schema) -> Result<u32, SchemaError> {
        let record = subject.strip_suffix(VALUE_SUFFIX).unwrap_or(subject);
        let json: Arc<str> = avro::avro_json(record, schema)?.into();
        if json.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::RegistryFull { what: "one schema's bytes", limit: SCHEMA_BYTES_MAX });
        }
        let mut state = self.state();
        let known = state.ids.get(&json).copied();
        if let Some(id) = known
            && state.document.subjects.get(subject).is_some_and(|ids| ids.contains(&id))
        {
            return Ok(id);
        }
        let mut document = state.document.clone();
        let id = match known {
            Some(id) => id,
            None => append_schema(&mut document, json.clone())?,
        };
        document.subjects.entry(subject.to_owned()).or_default().push(id);
        if let Some(file) = &self.file {
            write_document(file, &document)?;
        }
        state.document = document;
        state.ids.insert(json, id);
        Ok(id)
    }

    /// The Avro schema of an id, as JSON.
    pub fn schema_json(&self, id: u32) -> Option<Arc<str>> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.state().document.schemas.get(index).cloned()
    }

    /// The columns that the schema of an id describes.
    ///
    /// # Errors
    /// When the schema is no flat record.
    pub fn arrow_schema(&self, id: u32) -> Result<Option<SchemaRef>, SchemaError> {
        if let Some(schema) = self.state().arrow.get(&id) {
            return Ok(Some(schema.clone()));
        }
        let Some(json) = self.schema_json(id) else { return Ok(None) };
        let schema: SchemaRef = Arc::new(avro::arrow_schema(&json)?);
        self.state().arrow.insert(id, schema.clone());
        Ok(Some(schema))
    }

    /// The subjects, by name.
    pub fn subjects(&self) -> Vec<String> {
        self.state().document.subjects.keys().cloned().collect()
    }

    /// Ids of the schemas of a subject, oldest first.
    pub fn versions(&self, subject: &str) -> Vec<u32> {
        self.state().document.subjects.get(subject).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append_schema(document: &mut Document, json: Arc<str>) -> Result<u32, SchemaError> {
    if document.schemas.len() >= SCHEMAS_MAX {
        return Err(SchemaError::RegistryFull { what: "the number of schemas", limit: SCHEMAS_MAX });
    }
    document.schemas.push(json);
    Ok(u32::try_from(document.schemas.len()).expect("the number of schemas is bounded"))
}

fn read_document(path: &Path) -> Result<Option<Document>, SchemaError> {
    let failed = |source| SchemaError::RegistryFile { verb: "read", path: path.to_owned(), source };
    let corrupt = |reason: String| SchemaError::RegistryCorrupt { path: path.to_owned(), reason };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(corrupt(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let document: Document = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
    let known = |id: &u32| (1..=document.schemas.len()).contains(&(*id as usize));
    if !document.subjects.values().flatten().all(known) {
        return Err(corrupt("a subject names an id that has no schema".into()));
    }
    Ok(Some(document))
}

fn write_document(path: &Path, document: &Document) -> Result<(), SchemaError> {
    let failed = |source| SchemaError::RegistryFile { verb: "write", path: path.to_owned(), source };
    let json = serde_json::to_vec_pretty(document).map_err(|error| failed(error.into()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = path.with_extension("tmp");
    let mut file = File::create(&beside).map_err(failed)?;
    file.write_all(&json).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn schema(columns: &[&str]) -> Schema {
        Schema::new(columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>())
    }

    #[test]
    fn a_schema_keeps_its_id_over_restarts() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("registry.json");
        let registry = Registry::open(&file).expect("an empty registry");
        assert!(!file.exists(), "nothing is written before there is something");
        let first = registry.id_for("a-value", &schema(&["x"])).expect("an id");
        let second = registry.id_for("a-value", &schema(&["x", "y"])).expect("an id");
        assert_eq!((first, second), (1, 2));
        assert_eq!(registry.id_for("a-value", &schema(&["x"])).expect("an id"), first);

        let registry = Registry::open(&file).expect("the same registry");
        assert_eq!(registry.id_for("a-value", &schema(&["x", "y"])).expect("an id"), second);
        assert_eq!(registry.versions("a-value"), [1, 2]);
        assert_eq!(registry.subjects(), ["a-value"]);
        assert_eq!(registry.arrow_schema(second).expect("flat").expect("known").fields().len(), 2);
        assert!(registry.schema_json(3).is_none() && registry.schema_json(0).is_none());
    }

    #[test]
    fn what_is_no_registry_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("registry.json");
        for text in ["{", r#"{"version":"1","schemas":[],"subjects":{"a-value":[1]}}"#, r#"{"version":"9"}"#] {
            std::fs::write(&file, text).expect("a file");
            let error = Registry::open(&file).expect_err(text).to_string();
            assert!(error.contains("registry.json"), "{error}");
        }
    }

    #[test]
    fn a_failed_write_gives_no_id() {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::open(&folder.path().join("missing").join("registry.json")).expect("nothing to read");
        assert!(registry.id_for("a-value", &schema(&["x"])).is_err());
        assert!(registry.schema_json(1).is_none());
    }
}
