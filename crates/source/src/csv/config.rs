//! What a CSV source is told: the options of `CREATE SOURCE … WITH (connector = 'csv', …)`, understood and checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono_tz::Tz;
use millrace_flow::{TopicKind, TopicSpec, nearest};
use millrace_schema::csv::{CsvOptions, Encoding, TimeFormat};

use crate::options::{OptionError, parse_bool, parse_character, parse_duration, parse_number, parse_size};

/// All options, in the order in which they are documented.
const KEYS: [&str; 19] = [
    "connector",
    "path",
    "header",
    "delimiter",
    "quote",
    "decimal",
    "encoding",
    "timestamp_format",
    "date_format",
    "null_values",
    "key",
    "partitions",
    "follow",
    "last_line_after",
    "pace",
    "rebase",
    "batch_rows",
    "retention",
    "retention_bytes",
];

/// Partitions of one topic at most: each costs open files and a thread's attention.
const PARTITIONS_MAX: u32 = 1024;

/// Rows of one batch at most: beyond that nothing gets faster.
const BATCH_ROWS_MAX: u32 = 65_536;

/// How long a file stays as it is before its last line counts without a line end. A program that writes a row in two pieces
/// writes the second at once, unless something is wrong with it.
const LAST_LINE_AFTER: Duration = Duration::from_secs(10);

/// Fastest replay that is told apart from `fast`.
const SPEED_MAX: f64 = 1e9;

/// Three quarters of the tail cache as it is by default: what is not read yet stays columns in memory.
const BACKLOG_BYTES_MAX: u64 = 96 << 20;

/// Rows of a commit while more are there: enough that commits cost nothing, few enough to be fresh.
const COMMIT_ROWS: u64 = 64 * 1024;

/// How fast rows are released.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as the rest of the program takes them.
    Fast,
    /// At the speed of their event times, times this.
    EventTime(f64),
}

/// What a CSV source is told.
#[derive(Debug, Clone)]
pub struct CsvSourceConfig {
    /// Its name, which is that of its topic.
    pub name: String,
    /// Path or glob pattern of its files, relative to the project.
    pub path: String,
    /// Folder of the project.
    pub project_dir: PathBuf,
    /// The declared columns, in the order of the file.
    pub schema: SchemaRef,
    /// Index of the column with the event time, and by how much the watermark stays behind it, in microseconds.
    pub watermark: Option<(usize, i64)>,
    /// How the text is read.
    pub csv: CsvOptions,
    /// Whether somebody said whether there is a header.
    pub is_header_told: bool,
    /// Column whose text is the key of the records.
    pub key: Option<String>,
    /// Partitions of the topic.
    pub partitions: u32,
    /// Whether to wait for more when the files have ended.
    pub follow: bool,
    /// How long a followed file stays as it is before its last line counts without a line end.
    pub last_line_after: Duration,
    /// How fast rows are released.
    pub pace: Pace,
    /// Whether event times are moved so that the first row is at the moment of its first reading.
    pub rebase: bool,
    /// The shop's time zone, for the moment of the first reading; that of the machine without one.
    pub zone: Option<Tz>,
    /// Oldest segments of the topic go when a partition exceeds this.
    pub retention_bytes: Option<u64>,
    /// Segments of the topic go when they are older than this.
    pub retention: Option<Duration>,
    /// Bytes that the slowest reader of the topic may be behind before the source waits for it.
    pub backlog_bytes_max: u64,
    /// Rows after which a commit follows even if more are there.
    pub(super) commit_rows: u64,
}

impl CsvSourceConfig {
    /// A source of `path` with every option at its default.
    pub fn new(name: &str, project_dir: &Path, path: &str, schema: SchemaRef) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            project_dir: project_dir.to_owned(),
            schema,
            watermark: None,
            csv: CsvOptions::default(),
            is_header_told: false,
            key: None,
            partitions: 1,
            follow: false,
            last_line_after: LAST_LINE_AFTER,
            pace: Pace::Fast,
            rebase: false,
            zone: None,
            retention_bytes: None,
            retention: None,
            backlog_bytes_max: BACKLOG_BYTES_MAX,
            commit_rows: COMMIT_ROWS,
        }
    }

    /// What `options` say. `watermark` is the index of the event time's column and the watermark's delay in microseconds.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn from_options<K: AsRef<str>, V: AsRef<str>>(
        name: &str,
        project_dir: &Path,
        schema: SchemaRef,
        watermark: Option<(usize, i64)>,
        options: &[(K, V)],
    ) -> Result<Self, Vec<OptionError>> {
        let mut config = Self { watermark, ..Self::new(name, project_dir, "", schema) };
        let mut errors = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in options {
            let (key, value) = (key.as_ref(), value.as_ref());
            if seen.contains(&key) {
                errors.push(OptionError::new(key, format!("`{key}` is given twice"), "keep one of the two"));
            }
            seen.push(key);
            errors.extend(config.set(key, value).err());
        }
        errors.extend(config.validate(&seen));
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), OptionError> {
        match key {
            "connector" => {}
            "path" => self.path = value.to_owned(),
            "header" => (self.csv.header, self.is_header_told) = (parse_bool(key, value)?, true),
            "delimiter" => self.csv.delimiter = parse_character(key, value, r"';' or '\t'")?,
            "quote" if value.is_empty() => self.csv.quote = None,
            "quote" => self.csv.quote = Some(parse_character(key, value, r#"'"', or '' for files without quotes"#)?),
            "decimal" => self.csv.decimal = parse_decimal(value)?,
            "encoding" => self.csv.encoding = parse_encoding(value)?,
            "timestamp_format" => self.csv.timestamp_format = parse_format(key, value)?,
            "date_format" => self.csv.date_format = parse_format(key, value)?,
            "null_values" => self.csv.null_values = parse_list(value),
            "key" => self.key = Some(value.to_owned()),
            "partitions" => self.partitions = parse_number(key, value, 1, PARTITIONS_MAX, 1)?,
            "follow" => self.follow = parse_bool(key, value)?,
            "last_line_after" => self.last_line_after = parse_duration(key, value)?,
            "pace" => self.pace = parse_pace(value)?,
            "rebase" => self.rebase = parse_rebase(value)?,
            "batch_rows" => {
                let default = u32::try_from(CsvOptions::default().batch_rows).unwrap_or(BATCH_ROWS_MAX);
                self.csv.batch_rows = parse_number(key, value, 1, BATCH_ROWS_MAX, default)? as usize;
            }
            "retention" => self.retention = Some(parse_duration(key, value)?),
            "retention_bytes" => self.retention_bytes = Some(parse_size(key, value)?),
            _ => return Err(OptionError::unknown(key, &KEYS)),
        }
        Ok(())
    }

    /// What is wrong with the options together.
    fn validate(&self, given: &[&str]) -> Vec<OptionError> {
        let mut errors = Vec::new();
        if self.path.trim().is_empty() {
            errors.push(OptionError::new("path", "the source has no path", "add path = 'data/*.csv' to WITH (…)"));
        } else if let Err(error) = glob::Pattern::new(&self.path) {
            let cure = "an example is 'data/*.csv'";
            errors.push(OptionError::new("path", format!("`{}` is no pattern: {}", self.path, error.msg), cure));
        }
        if self.csv.quote == Some(self.csv.delimiter) {
            let message = "delimiter and quote are the same character";
            errors.push(OptionError::new(
                if given.contains(&"quote") { "quote" } else { "delimiter" },
                message,
                "change one",
            ));
        }
        if given.contains(&"decimal") && self.csv.decimal == self.csv.delimiter {
            let sign = char::from(self.csv.decimal);
            let message = format!("`{sign}` stands between the fields, so that it cannot stand within a number");
            let cure = "name what stands between the fields, as in delimiter = ';', or leave `decimal` out";
            errors.push(OptionError::new("decimal", message, cure));
        }
        if let Some(key) = &self.key
            && self.key_column().is_none()
        {
            errors.push(OptionError::new("key", format!("the source has no column `{key}`"), self.column_cure(key)));
        }
        for (option, is_set) in [("pace", self.pace != Pace::Fast), ("rebase", self.rebase)] {
            if is_set && self.watermark.is_none() {
                let cure = "add WATERMARK FOR <column> AS <column> - INTERVAL '1 minute' to the columns";
                errors.push(OptionError::new(option, format!("`{option}` needs an event time"), cure));
            }
        }
        errors
    }

    fn column_cure(&self, name: &str) -> String {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        match nearest(name, columns.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the columns are {}", columns.join(", ")),
        }
    }

    /// Whether its path matches no file now. What cannot be looked at is told when it is read.
    pub fn finds_nothing(&self) -> bool {
        super::files::list(self).is_ok_and(|paths| paths.is_empty())
    }

    /// Whether there is a header, if somebody said so.
    pub(super) fn told_header(&self) -> Option<bool> {
        self.is_header_told.then_some(self.csv.header)
    }

    /// Index of the key's column.
    pub(super) fn key_column(&self) -> Option<usize> {
        let key = self.key.as_ref()?;
        self.schema.fields().iter().position(|field| field.name() == key)
    }

    /// Name of the dead-letter topic.
    pub(super) fn dead_letter_topic(&self) -> String {
        format!("{}.dlq", self.name)
    }

    /// The writer that owns the topics.
    pub(super) fn writer(&self) -> String {
        format!("source:{}", self.name)
    }

    /// The topics to be made before the source runs: its own and that of its rejects.
    pub fn topics(&self) -> Vec<TopicSpec> {
        let writer: Arc<str> = self.writer().into();
        let retention_ms = self.retention.map(|keep| i64::try_from(keep.as_millis()).unwrap_or(i64::MAX));
        let rows = TopicSpec {
            name: self.name.as_str().into(),
            partitions: self.partitions,
            schema: self.schema.clone(),
            kind: TopicKind::Source,
            writer: writer.clone(),
            key: self.key.clone(),
            event_time: self.watermark.map(|(column, _)| self.schema.field(column).name().clone()),
            retention_bytes: self.retention_bytes,
            retention_ms,
        };
        let rejects = TopicSpec {
            name: self.dead_letter_topic().into(),
            partitions: 1,
            schema: dead_letter_schema(),
            kind: TopicKind::DeadLetter,
            writer,
            key: None,
            event_time: None,
            retention_bytes: None,
            retention_ms: None,
        };
        vec![rows, rejects]
    }
}

/// Columns of a dead-letter topic.
pub fn dead_letter_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("stage"),
        text("file"),
        Field::new("line", DataType::Int64, true),
        text("column"),
        text("reason"),
        text("row"),
        Field::new("failed_at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ]))
}

fn parse_decimal(value: &str) -> Result<u8, OptionError> {
    match value {
        "." => Ok(b'.'),
        "," => Ok(b','),
        _ => Err(OptionError::new("decimal", format!("`{value}` stands before no fraction"), "write '.' or ','")),
    }
}

fn parse_encoding(value: &str) -> Result<Encoding, OptionError> {
    match value.to_ascii_lowercase().as_str() {
        "utf8" | "utf-8" => Ok(Encoding::Utf8),
        "latin1" | "latin-1" | "iso-8859-1" | "windows-1252" | "cp1252" => Ok(Encoding::Latin1),
        _ => Err(OptionError::new("encoding", format!("unknown encoding `{value}`"), "write 'utf8' or 'latin1'")),
    }
}

fn parse_format(key: &str, value: &str) -> Result<Option<String>, OptionError> {
    match TimeFormat::strftime(value) {
        Ok(_) => Ok(Some(value.to_owned())),
        Err(error) => Err(OptionError::new(key, error.to_string(), "formats are strftime's: %Y-%m-%d %H:%M:%S")),
    }
}

/// Spellings between commas; one that is empty would mean nothing, since an empty field is NULL anyway.
fn parse_list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|spelling| !spelling.is_empty()).map(str::to_owned).collect()
}

fn parse_pace(value: &str) -> Result<Pace, OptionError> {
    let wrong = || {
        let cure = "write 'fast', 'event_time', or a speed such as '600x'";
        OptionError::new("pace", format!("`{value}` is no pace"), cure)
    };
    match value {
        "fast" => Ok(Pace::Fast),
        "event_time" => Ok(Pace::EventTime(1.0)),
        _ => {
            let speed: f64 = value.strip_suffix('x').and_then(|speed| speed.trim().parse().ok()).ok_or_else(wrong)?;
            if speed > 0.0 && speed <= SPEED_MAX { Ok(Pace::EventTime(speed)) } else { Err(wrong()) }
        }
    }
}

fn parse_rebase(value: &str) -> Result<bool, OptionError> {
    match value {
        "now" => Ok(true),
        "none" | "false" => Ok(false),
        _ => Err(OptionError::new("rebase", format!("`{value}` is nothing to rebase to"), "write rebase = 'now'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[(&str, &str)]) -> Result<CsvSourceConfig, Vec<OptionError>> {
        let at = DataType::Timestamp(TimeUnit::Microsecond, None);
        let fields = vec![Field::new("customer", DataType::Utf8, true), Field::new("sold_at", at, true)];
        let schema = Arc::new(Schema::new(fields));
        CsvSourceConfig::from_options("orders", Path::new("/shop"), schema, Some((1, 0)), options)
    }

    #[test]
    fn options_are_understood() {
        let config = parse(&[
            ("connector", "csv"),
            ("path", "data/*.csv.gz"),
            ("header", "false"),
            ("delimiter", "\\t"),
            ("quote", ""),
            ("encoding", "Latin1"),
            ("timestamp_format", "%m/%d/%Y %H:%M"),
            ("null_values", "NULL, N/A"),
            ("key", "customer"),
            ("partitions", "4"),
            ("follow", "false"),
            ("pace", "600x"),
            ("rebase", "now"),
            ("batch_rows", "100"),
            ("retention", "7d"),
        ])
        .expect("good options");
        assert_eq!((config.csv.delimiter, config.csv.quote, config.csv.header), (b'\t', None, false));
        assert_eq!(config.csv.null_values, ["NULL", "N/A"]);
        assert_eq!((config.pace, config.rebase, config.follow), (Pace::EventTime(600.0), true, false));
        let topics = config.topics();
        assert_eq!((&*topics[0].name, topics[0].partitions, &*topics[0].writer), ("orders", 4, "source:orders"));
        assert_eq!(topics[0].event_time.as_deref(), Some("sold_at"));
        assert_eq!((&*topics[1].name, topics[1].kind), ("orders.dlq", TopicKind::DeadLetter));
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_a_cure() {
        let errors = parse(&[
            ("partition", "4"),
            ("header", "yes"),
            ("delimiter", "::"),
            ("timestamp_format", "yyyy"),
            ("key", "custommer"),
            ("partitions", "0"),
            ("pace", "quick"),
            ("zebra", "1"),
            ("header", "true"),
        ])
        .expect_err("nothing is right");
        let told: Vec<_> =
            errors.iter().map(|error| (error.key.as_str(), error.cure.as_deref().unwrap_or(""))).collect();
        assert_eq!(told[0], ("partition", "did you mean `partitions`?"));
        assert!(told.contains(&("key", "did you mean `customer`?")));
        assert!(told.iter().any(|(key, _)| *key == "path"));
        assert!(told.iter().any(|(key, cure)| *key == "zebra" && cure.starts_with("the options are connector, path")));
        assert_eq!(errors.len(), 10);
        assert!(errors[0].message.starts_with("unknown option"));
    }

    #[test]
    fn a_decimal_comma_needs_another_delimiter() {
        let decimal = |options: &[(&str, &str)]| {
            let options: Vec<_> = [("path", "a.csv")].iter().chain(options).copied().collect();
            parse(&options).map(|config| config.csv.decimal)
        };
        assert_eq!(decimal(&[]).expect("the default"), b'.');
        assert_eq!(decimal(&[("decimal", ","), ("delimiter", ";")]).expect("two signs"), b',');
        for options in [&[("decimal", ",")][..], &[("decimal", ","), ("delimiter", ",")], &[("decimal", "'")]] {
            let errors = decimal(options).expect_err("the comma has one meaning");
            assert_eq!(errors.iter().map(|error| error.key.as_str()).collect::<Vec<_>>(), ["decimal"]);
        }
    }

    #[test]
    fn pace_and_rebase_need_an_event_time() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        let options = [("path", "a.csv"), ("pace", "event_time"), ("rebase", "now")];
        let errors =
            CsvSourceConfig::from_options("a", Path::new("."), schema, None, &options).expect_err("no watermark");
        assert_eq!(errors.iter().map(|error| error.key.as_str()).collect::<Vec<_>>(), ["pace", "rebase"]);
    }
}
