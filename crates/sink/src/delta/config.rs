//! What `CREATE SINK … WITH (connector = 'delta', …)` says, checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use millrace_flow::TopicKind;

use super::file;
use crate::{OptionError, SinkOptions, parse_duration, parse_size};

/// The options there are.
const KEYS: [&str; 6] = ["connector", "path", "roll_rows", "roll_bytes", "roll_interval", "compact_files"];

/// A sink that writes a Delta table.
#[derive(Debug, Clone)]
pub struct DeltaSinkConfig {
    /// Name of the sink.
    pub name: String,
    /// Folder of the table.
    pub path: PathBuf,
    /// Columns of the topic.
    pub schema: SchemaRef,
    /// The topic.
    pub topic: String,
    /// Its partitions.
    pub partitions: u32,
    /// Rows of a file, at most.
    pub roll_rows: usize,
    /// A file is closed when it has about this many bytes.
    pub roll_bytes: usize,
    /// Rows are in the table after this time, at the latest.
    pub roll_interval: Duration,
    /// More small files than this are made into one.
    pub compact_files: usize,
}

impl DeltaSinkConfig {
    /// Reads the options; a relative path is below `project_dir`.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn from_options<K: AsRef<str>, V: AsRef<str>>(
        name: &str,
        project_dir: &Path,
        schema: SchemaRef,
        kind: TopicKind,
        topic: &str,
        partitions: u32,
        options: &[(K, V)],
    ) -> Result<Self, Vec<OptionError>> {
        let mut errors = Vec::new();
        let mut config = Self {
            name: name.to_owned(),
            path: PathBuf::new(),
            schema,
            topic: topic.to_owned(),
            partitions,
            roll_rows: 1_000_000,
            roll_bytes: 64 << 20,
            roll_interval: Duration::from_secs(60),
            compact_files: 32,
        };
        for (key, value) in options {
            if let Err(error) = config.set(project_dir, key.as_ref(), value.as_ref()) {
                errors.push(error);
            }
        }
        if !options.iter().any(|(key, _)| key.as_ref() == "path") {
            errors.push(OptionError::new("path", "a Delta sink needs a folder", "add path = 'lake/orders'"));
        }
        errors.extend(config.check(kind).err());
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    fn set(&mut self, project_dir: &Path, key: &str, value: &str) -> Result<(), OptionError> {
        match key {
            "connector" if value == "delta" => {}
            "connector" => return Err(OptionError::new(key, format!("`{value}` is not `delta`"), "write 'delta'")),
            "path" => self.path = resolve_path(project_dir, value)?,
            "roll_rows" => self.roll_rows = parse_count(key, value, 1)?,
            "roll_bytes" => {
                let bytes =
                    parse_size(value).ok().and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
                let wrong =
                    || OptionError::new(key, format!("`{value}` is not a size"), "write a size such as '64MiB'");
                self.roll_bytes = bytes.ok_or_else(wrong)?;
            }
            "roll_interval" => {
                let wrong = |message| OptionError::new(key, message, "write a duration such as '60s'");
                self.roll_interval = parse_duration(value).map_err(wrong)?;
            }
            "compact_files" => self.compact_files = parse_count(key, value, 2)?,
            _ => return Err(OptionError::unknown(key, &KEYS)),
        }
        Ok(())
    }

    fn check(&self, kind: TopicKind) -> Result<(), OptionError> {
        if kind == TopicKind::Upserts {
            return Err(OptionError::new(
                "connector",
                format!("the rows of `{}` change, and a Delta sink needs rows that only grow", self.topic),
                "sink the view's inputs, or make the view with EMIT ON WINDOW CLOSE",
            ));
        }
        file::lake_schema(&self.schema).map(drop).map_err(|error| {
            OptionError::new(
                "connector",
                error.to_string(),
                "change the column in the statement that the sink reads from",
            )
        })
    }

    /// How the sink wants to be fed.
    pub fn sink_options(&self) -> SinkOptions {
        SinkOptions { flush_interval: self.roll_interval, ..SinkOptions::default() }
    }
}

fn resolve_path(project_dir: &Path, value: &str) -> Result<PathBuf, OptionError> {
    if value.is_empty() {
        return Err(OptionError::new("path", "the path is empty", "write a folder such as 'lake/orders'"));
    }
    match value.split_once("://") {
        None => Ok(project_dir.join(value)),
        Some(("file", rest)) => Ok(PathBuf::from(rest)),
        Some((scheme, _)) => Err(OptionError::new(
            "path",
            format!("`{scheme}://` is not supported: a Delta sink writes folders of this machine"),
            "write a folder, relative to the project, such as 'lake/orders'",
        )),
    }
}

fn parse_count(key: &str, value: &str, least: usize) -> Result<usize, OptionError> {
    let count = value.trim().replace('_', "").parse().ok().filter(|count| *count >= least);
    count.ok_or_else(|| {
        OptionError::new(key, format!("`{value}` is not a number"), format!("write a number from {least}"))
    })
}
