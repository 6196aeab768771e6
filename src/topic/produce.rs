//! `millrace topic produce`: writes lines into a topic of clients, a record each.
//!
//! What can be read at once is written together, so that a file goes in large pieces, and what somebody types or a program says
//! at once. A line that cannot be a record ends it; those before it are written.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use millrace_station::StationError;
use millrace_station::model::{MessageCompression, NewMessage, NewMessages};

use super::keeper::Keeper;
use super::lines::{Line, Lines};
use super::{find, named, topics};
use crate::client::Refusal;
use crate::output::{self, size, thousands};
use crate::project::ProjectArguments;

/// Records written together at most.
const RECORDS_MAX: usize = 10_000;

/// Bytes of lines after which they are written, however many more can be read at once.
const BYTES_MAX: usize = 128 << 10;

/// Partitions that are told one by one at the end.
const TOLD_MAX: usize = 12;

/// Arguments of `topic produce`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// The file whose lines become records; stdin unless given, or if it is `-`
    file: Option<PathBuf>,
    /// What stands between key and value in each line; `\t` is a tab. Without it records have no key
    #[arg(long, short = 'K', value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    key_separator: Option<String>,
    /// A value of this text is none: it says that what had the key is gone
    #[arg(long, value_name = "TEXT")]
    null_marker: Option<String>,
    /// A header of every record; again for more
    #[arg(long = "header", short = 'H', value_name = "NAME=VALUE", value_parser = named)]
    headers: Vec<(String, String)>,
    /// All to this partition; otherwise by the key, and those without a key to the shortest one
    #[arg(long, short)]
    partition: Option<u32>,
    /// What the records are packed with
    #[arg(long, short = 'z', value_enum, default_value_t = Compression::None)]
    compression: Compression,
    #[command(flatten)]
    project: ProjectArguments,
}

/// What records are packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl From<Compression> for MessageCompression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Snappy => Self::Snappy,
            Compression::Lz4 => Self::Lz4,
            Compression::Zstd => Self::Zstd,
        }
    }
}

impl Arguments {
    /// The record that a line is.
    fn record(&self, line: &Line) -> anyhow::Result<NewMessage> {
        let (key, value) = match &self.key_separator {
            None => (None, line.text.as_str()),
            Some(separator) => {
                let separator = if separator == "\\t" { "\t" } else { separator };
                let (key, value) = line.text.split_once(separator).ok_or_else(|| {
                    anyhow!("line {}: there is no {separator:?} between a key and a value in it", line.number)
                })?;
                (Some(key.to_owned()), value)
            }
        };
        let value = Some(value.to_owned()).filter(|value| Some(value) != self.null_marker.as_ref());
        Ok(NewMessage { key, value, headers: self.headers.iter().cloned().collect() })
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // Before anything is read: nobody types in vain.
    find(&topics(&arguments.project)?, &arguments.name)?;
    let file = arguments.file.as_deref().filter(|file| *file != Path::new("-"));
    let mut lines = Lines::open(file)?;
    let mut writer = Writer::new(arguments)?;
    let is_typed = file.is_none() && io::stdin().is_terminal();
    if is_typed {
        eprintln!("note: each line is a record; Ctrl-D ends");
    } else if io::stderr().is_terminal() {
        let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        writer.bar = ProgressBar::new_spinner().with_style(style);
    }
    let ended = writer.take_all(&mut lines);
    writer.bar.finish_and_clear();
    let (count, told) = (writer.count(), writer.told());
    writer.keeper.close()?;
    ended.map_err(|error| match count {
        // Wrong words stay what they are.
        0 if error.is::<StationError>() || error.is::<Refusal>() => error,
        0 => anyhow!("{error:#}; nothing was written"),
        1 => anyhow!("{error:#}; the record before it is written"),
        count => anyhow!("{error:#}; the {} records before it are written", thousands(count)),
    })?;
    Ok(output::line(&told)?)
}

/// Writes records, and knows which lines they were.
struct Writer<'a> {
    arguments: &'a Arguments,
    keeper: Keeper,
    /// What is not written yet, and the number of the first line of it.
    records: Vec<NewMessage>,
    first_line: u64,
    waiting_bytes: usize,
    /// Records that are written, by partition.
    written: BTreeMap<u32, u64>,
    bytes: u64,
    bar: ProgressBar,
}

impl<'a> Writer<'a> {
    fn new(arguments: &'a Arguments) -> anyhow::Result<Self> {
        let keeper = Keeper::of(&arguments.project)?;
        let (records, written, bar) = (Vec::new(), BTreeMap::new(), ProgressBar::hidden());
        Ok(Self { arguments, keeper, records, first_line: 1, waiting_bytes: 0, written, bytes: 0, bar })
    }

    fn take_all(&mut self, lines: &mut Lines) -> anyhow::Result<()> {
        loop {
            let line = match lines.read() {
                Ok(Some(line)) => line,
                Ok(None) => return self.write(),
                Err(error) => return self.write().and(Err(error)),
            };
            match self.arguments.record(&line) {
                Ok(record) => self.records.push(record),
                Err(error) => return self.write().and(Err(error)),
            }
            self.bytes += line.text.len() as u64 + 1;
            self.waiting_bytes += line.text.len();
            let is_much = self.records.len() == RECORDS_MAX || self.waiting_bytes >= BYTES_MAX;
            if is_much || lines.must_wait() {
                self.write()?;
                self.bar.set_message(format!("{} records, {}", thousands(self.count()), size(self.bytes)));
                self.bar.tick();
            }
        }
    }

    /// Writes what is there; of records of which one is not taken, those before it.
    fn write(&mut self) -> anyhow::Result<()> {
        let records = std::mem::take(&mut self.records);
        self.waiting_bytes = 0;
        let (first_line, count) = (self.first_line, records.len());
        self.first_line += count as u64;
        let Arguments { partition, compression, .. } = self.arguments;
        let mut new = NewMessages { records, partition: *partition, compression: (*compression).into() };
        let Err(error) = self.send(&new) else { return Ok(()) };
        let Some((at, reason)) = blamed(&error) else { return Err(error) };
        new.records.truncate(at - 1);
        self.send(&new)?;
        Err(anyhow!("line {}: {reason}", first_line + at as u64 - 1))
    }

    fn send(&mut self, new: &NewMessages) -> anyhow::Result<()> {
        if new.records.is_empty() {
            return Ok(());
        }
        for partition in self.keeper.write(&self.arguments.name, new)?.partitions {
            *self.written.entry(partition.partition).or_default() += partition.records;
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        self.written.values().sum()
    }

    /// How many were written, and where.
    fn told(&self) -> String {
        let records = if self.count() == 1 { "record is" } else { "records are" };
        let what = format!("{} {records} written to `{}`", thousands(self.count()), self.arguments.name);
        let places = self.written.iter().map(|(partition, count)| format!("{} to {partition}", thousands(*count)));
        let places: Vec<String> = places.collect();
        match places.len() {
            0 => what,
            1..=TOLD_MAX => format!("{what}; by partition {}", places.join(", ")),
            many => format!("{what}, in {many} partitions"),
        }
    }
}

/// Which record is not taken, from 1, and why, if that is the error.
fn blamed(error: &anyhow::Error) -> Option<(usize, String)> {
    if let Some(StationError::Record { at, reason }) = error.downcast_ref() {
        return Some((*at, reason.clone()));
    }
    let refusal = error.downcast_ref::<Refusal>()?;
    let at = refusal.record?;
    let text = refusal.to_string();
    Some((at, text.strip_prefix(&format!("record {at}: ")).unwrap_or(&text).to_owned()))
}
