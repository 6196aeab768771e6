//! Search: the records of a topic with a key, with a field of the value, of a time, newest first and without reading all of it.
//!
//! Each segment is gone through in blocks from its end. A block that its filter excludes is passed over; any other is read and
//! every record compared. What is read and has no filter yet gets one on the way (see `filter`): so the first search for
//! anything reads everything, and those after it what is new, and what they look for.
//!
//! A search is pulled: a step reads one block at most, and between two steps nothing is held but a place. Partitions are gone
//! through side by side, the one first whose next block is newest, so that what is found comes about in the order of time.
//!
//! Only committed records count, as for every other reader: those of transactions once it is certain that they were committed.
//! What is appended after the search began is not looked at.

mod blocks;
mod compare;
mod walk;

use std::sync::Arc;

use millrace_flow::{PartitionId, Result as FlowResult};
use millrace_schema::fields::{FIELDS_VERSION, FieldReader, Scalar};

use crate::read::Record;
use crate::shared::Shared;
use crate::{EmbeddedLog, LogError};
use compare::Comparison;
use walk::{Tools, Walk};

/// Blocks that a step passes over at most: some milliseconds.
const PASSED_MAX: usize = 1_000;

/// What the log asks of whoever knows what values are.
pub trait Fields: Send {
    /// Moves whenever a value would have other fields than before.
    fn version(&self) -> u32;

    /// Calls `visit` with the place in `values`, the name and the content of each field, or of each that is called `only`;
    /// answers whether that is all for certain.
    fn read(&mut self, values: &[&[u8]], only: Option<&str>, visit: &mut dyn FnMut(usize, &str, Scalar<'_>)) -> bool;
}

impl Fields for FieldReader {
    fn version(&self) -> u32 {
        FIELDS_VERSION
    }

    fn read(&mut self, values: &[&[u8]], only: Option<&str>, visit: &mut dyn FnMut(usize, &str, Scalar<'_>)) -> bool {
        Self::read(self, values, only, visit)
    }
}

/// What is looked for: records that are all of this.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// They have this key.
    pub key: Option<Vec<u8>>,
    /// A field of their value, by its name, is this text or this number.
    pub field: Option<(String, String)>,
    /// Their timestamp is this one or a later one.
    pub from_ms: Option<i64>,
    /// Their timestamp is before this one.
    pub before_ms: Option<i64>,
    /// They are in this partition.
    pub partition: Option<PartitionId>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// Where it is.
    pub partition: PartitionId,
    /// What it is.
    pub record: Record,
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchProgress {
    /// Bytes of the log that there were to be searched at the beginning.
    pub bytes_total: u64,
    /// Bytes of the log that were read.
    pub bytes_read: u64,
    /// Bytes of the log that were passed over.
    pub bytes_skipped: u64,
    /// Bytes of filters that were read for it.
    pub filter_bytes: u64,
    /// Blocks that were read.
    pub blocks_read: u64,
    /// Blocks that were passed over.
    pub blocks_skipped: u64,
    /// Records that were compared.
    pub records: u64,
    /// Blocks that could not be read as a whole, since they are damaged.
    pub blocks_damaged: u64,
}

/// A search that goes on. Dropping it ends it.
pub struct Search {
    shared: Arc<Shared>,
    comparison: Comparison,
    fields: Box<dyn Fields>,
    walks: Vec<Walk>,
    progress: SearchProgress,
}

impl EmbeddedLog {
    /// Begins a search through the topic `name`. Without anything wanted every record is found.
    ///
    /// # Errors
    /// When there is no such topic or partition, or one that cannot be used.
    pub fn search(&self, name: &str, wanted: &Wanted, fields: Box<dyn Fields>) -> FlowResult<Search> {
        let topic = self.find(&Arc::from(name))?;
        let partitions = match wanted.partition {
            Some(partition) => {
                topic.partition(partition)?;
                &topic.partitions[partition.index()..=partition.index()]
            }
            None => &topic.partitions[..],
        };
        let (mut walks, mut progress) = (Vec::new(), SearchProgress::default());
        for partition in partitions {
            partition.check_online()?;
            let (start, end) = self.bounds(partition);
            let walk = Walk::new(partition.clone(), start..partition.stable().min(end), topic.settings.is_some());
            progress.bytes_total += walk.bytes_left();
            walks.push(walk);
        }
        Ok(Search { shared: self.shared.clone(), comparison: Comparison::new(wanted), fields, walks, progress })
    }
}

impl Search {
    /// Goes on for a moment: reads one block, or passes over many. Answers what was found, newest first, mostly nothing; `None`
    /// at the end.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn step(&mut self) -> FlowResult<Option<Vec<FoundRecord>>> {
        Ok(self.try_step()?)
    }

    fn try_step(&mut self) -> Result<Option<Vec<FoundRecord>>, LogError> {
        let fields = self.fields.as_mut();
        let mut tools =
            Tools { shared: &self.shared, comparison: &self.comparison, fields, progress: &mut self.progress };
        for walk in &mut self.walks {
            walk.get_ready(&mut tools)?;
        }
        for _ in 0..PASSED_MAX {
            // Of two that are equally new, the first.
            let newest = self.walks.iter_mut().rev().max_by_key(|walk| walk.next_time_ms());
            let Some(walk) = newest.filter(|walk| walk.next_time_ms().is_some()) else { return Ok(None) };
            let found = walk.advance(&mut tools)?;
            walk.get_ready(&mut tools)?;
            if let Some(found) = found {
                return Ok(Some(found));
            }
        }
        Ok(Some(Vec::new()))
    }

    /// How far it has come.
    pub fn progress(&self) -> SearchProgress {
        self.progress
    }

    /// Ends it before its end, and keeps what it has learned on the way.
    pub fn finish(mut self) -> SearchProgress {
        let fields = self.fields.as_mut();
        let mut tools =
            Tools { shared: &self.shared, comparison: &self.comparison, fields, progress: &mut self.progress };
        self.walks.iter_mut().for_each(|walk| walk.leave(&mut tools));
        self.progress
    }
}
