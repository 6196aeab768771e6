//! Takes the records of a topic into an open file and commits it when it is full or due.

use std::fs;

use arrow::datatypes::SchemaRef;
use millrace_flow::{Batch, Offset, PartitionId, Result, Sink, SinkInput};

use super::commit::{Change, Lake, Purpose};
use super::compact;
use super::config::DeltaSinkConfig;
use super::file::{self, OpenFile, failed};
use crate::SinkError;

/// Writes one Delta table.
pub struct DeltaSink {
    config: DeltaSinkConfig,
    /// The sink's name as it stands in file names.
    label: String,
    schema: SchemaRef,
    lake: Lake,
    open: Option<OpenFile>,
    /// Next offsets that the table has, by partition.
    stored: Vec<Offset>,
    /// Next offsets that the table will have once the open file is committed.
    taken: Vec<Offset>,
    cuts: i64,
}

impl std::fmt::Debug for DeltaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaSink").field("config", &self.config).field("stored", &self.stored).finish_non_exhaustive()
    }
}

impl DeltaSink {
    /// Opens the table, or makes it, and removes what a crash has left uncommitted.
    ///
    /// # Errors
    /// When the folder cannot be written or holds a table with other columns.
    pub fn open(config: DeltaSinkConfig) -> Result<Self, SinkError> {
        let schema = file::lake_schema(&config.schema)?;
        let lake = Lake::open(&config.path, &config.name, config.partitions, &schema)?;
        let label = file_label(&config.name);
        let mut sink = Self { config, label, schema, lake, open: None, stored: vec![], taken: vec![], cuts: 0 };
        sink.recall()?;
        sink.remove_orphans()?;
        Ok(sink)
    }

    /// The settings.
    pub fn config(&self) -> &DeltaSinkConfig {
        &self.config
    }

    /// Forgets what is not committed and goes back to what the log says.
    fn recall(&mut self) -> Result<(), SinkError> {
        self.open = None;
        self.lake.refresh()?;
        self.stored = self.lake.progress()?;
        self.cuts = self.lake.cuts()?;
        self.taken.clone_from(&self.stored);
        Ok(())
    }

    /// Deletes own files that were finished and never committed: those that begin where the log has not come yet.
    fn remove_orphans(&self) -> Result<(), SinkError> {
        let folder = self.lake.folder();
        let active: Vec<String> = self.lake.files()?.iter().map(|view| view.path().into_owned()).collect();
        let entries = fs::read_dir(folder).map_err(|source| failed("list", folder, source))?;
        for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
            if !active.contains(&name) && self.is_orphan(&name) {
                let path = folder.join(&name);
                tracing::info!(sink = self.config.name, file = name, "removing a file that was never committed");
                fs::remove_file(&path).map_err(|source| failed("remove", &path, source))?;
            }
        }
        Ok(())
    }

    fn is_orphan(&self, name: &str) -> bool {
        let numbers = |kind: &str| -> Option<Vec<i64>> {
            let rest =
                name.strip_prefix(&self.label)?.strip_prefix('.')?.strip_prefix(kind)?.strip_suffix(".parquet")?;
            rest.split('-').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
        };
        let version = i64::try_from(self.lake.version()).unwrap_or(i64::MAX);
        let part = numbers("part").is_some_and(|n| n.len() == 3 && n[0] == self.cuts && n[1] >= total(&self.stored));
        let rewritten = |kind| numbers(kind).is_some_and(|n| n.first().is_some_and(|at| *at >= version));
        part || rewritten("compact") || rewritten("cut")
    }

    /// Takes the records of a batch that are new; says whether that made a commit.
    fn take(&mut self, partition: PartitionId, base: Offset, batch: &Batch) -> Result<bool, SinkError> {
        let known = self.taken.get(partition.index()).copied().ok_or_else(|| SinkError::Columns {
            sink: self.config.name.clone(),
            reason: format!("partition {partition} is not one of {}", self.config.partitions),
        })?;
        if batch.values.num_columns() + 3 != self.schema.fields().len() {
            let reason = format!("{} instead of {}", batch.values.num_columns(), self.config.schema.fields().len());
            return Err(SinkError::Columns { sink: self.config.name.clone(), reason });
        }
        let mut at = usize::try_from(known.0 - base.0).unwrap_or(0);
        let mut committed = false;
        while at < batch.num_rows() {
            let open = match &mut self.open {
                Some(open) => open,
                none => none.insert(OpenFile::create(self.lake.folder(), &self.label, &self.schema)?),
            };
            let length = (batch.num_rows() - at).min(self.config.roll_rows.saturating_sub(open.rows()).max(1));
            let piece = batch.slice(at, length);
            open.write(&file::lake_rows(&self.schema, partition, base.advance(at), &piece)?)?;
            at += length;
            let full = open.rows() >= self.config.roll_rows || open.bytes() >= self.config.roll_bytes;
            self.taken[partition.index()] = base.advance(at);
            if full {
                self.commit()?;
                committed = true;
            }
        }
        Ok(committed)
    }

    /// Ends the open file and commits it with the offsets that it comes to.
    fn commit(&mut self) -> Result<(), SinkError> {
        let mut change = Change { next: Some(self.taken.clone()), ..Change::default() };
        if let Some(open) = self.open.take() {
            let (from, to) = (total(&self.stored), total(&self.taken));
            let name = format!("{}.part-{}-{from:020}-{to:020}.parquet", self.label, self.cuts);
            change.added.push(open.finish(self.lake.folder(), name)?);
        }
        self.lake.commit(&change, Purpose::Write)?;
        self.stored.clone_from(&self.taken);
        if let Err(error) = compact::compact_if_many(&mut self.lake, &self.label, &self.schema, &self.config) {
            // The rows are in the table; that there are many files harms nobody who reads them.
            tracing::warn!(sink = self.config.name, %error, "small files could not be made into one");
        }
        Ok(())
    }

    fn store_taken(&mut self) -> Result<Option<Vec<Offset>>, SinkError> {
        if self.taken == self.stored {
            return Ok(None);
        }
        self.commit()?;
        Ok(Some(self.stored.clone()))
    }

    fn cut_back(&mut self, ends: &[Offset]) -> Result<(), SinkError> {
        self.recall()?;
        let next: Vec<Offset> = self.stored.iter().zip(ends).map(|(stored, end)| *stored.min(end)).collect();
        if next != self.stored {
            compact::cut(&mut self.lake, &self.label, &self.schema, &next, self.cuts + 1)?;
        }
        self.recall()
    }
}

impl Sink for DeltaSink {
    fn progress(&mut self) -> Result<Vec<Offset>> {
        self.recall()?;
        Ok(self.stored.clone())
    }

    fn write(&mut self, input: Vec<SinkInput>) -> Result<Option<Vec<Offset>>> {
        let mut committed = false;
        for input in input {
            for fetched in &input.records {
                committed |= self.take(input.partition, fetched.base, &fetched.batch)?;
            }
            let taken = &mut self.taken[input.partition.index()];
            *taken = (*taken).max(input.offsets.end);
        }
        Ok(committed.then(|| self.stored.clone()))
    }

    fn flush(&mut self) -> Result<Option<Vec<Offset>>> {
        Ok(self.store_taken()?)
    }

    fn cut(&mut self, ends: &[Offset]) -> Result<()> {
        Ok(self.cut_back(ends)?)
    }
}

/// Offsets added up: rises with every commit, so it tells files apart.
fn total(offsets: &[Offset]) -> i64 {
    offsets.iter().map(|offset| offset.0).sum()
}

/// A name that every file system takes.
fn file_label(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}
