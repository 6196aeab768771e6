//! One topic that a query reads: positions, watermarks, and the fetching of what comes next.

use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{Field, Schema};
use millrace_flow::{Fetched, Log, Offset, PartitionId, ReaderPosition, TopicPartition};

use super::cookie::InputCookie;
use super::error::EngineError;
use super::watermark::{PartitionWatermark, Standing};
use crate::plan::Input;

/// Bytes asked of one partition at a time: small enough to go round all partitions often, large enough to be whole batches.
const FETCH_BYTES: usize = 2 * 1024 * 1024;

/// Where a query stands in one topic.
pub(super) struct InputState {
    partitions: Vec<Standpoint>,
    position: Box<dyn ReaderPosition>,
    sealed: bool,
    /// Whether it was sealed before the log was opened, and nobody has said since whether it still is.
    was_sealed: bool,
}

struct Standpoint {
    name: TopicPartition,
    next: Offset,
    end: Offset,
    watermark: PartitionWatermark,
}

/// Records that were fetched, and from where.
pub(super) struct Taken {
    /// Index of the input.
    pub(super) input: usize,
    /// The partition.
    pub(super) partition: PartitionId,
    /// The records.
    pub(super) fetched: Fetched,
}

impl InputState {
    /// Takes up where `cookie` says, or at the beginning.
    pub(super) fn open(
        query: &str,
        input: &Input,
        cookie: Option<&InputCookie>,
        log: &dyn Log,
    ) -> Result<Self, EngineError> {
        let missing = || EngineError::MissingTopic { query: query.to_owned(), topic: input.topic.to_string() };
        let topic = log.topic(&input.topic).ok_or_else(missing)?;
        let (found, wanted) = (columns_text(&topic.spec.schema), columns_text(&input.schema));
        if found != wanted {
            let (query, topic) = (query.to_owned(), input.topic.to_string());
            return Err(EngineError::OtherColumns { query, topic, found, wanted });
        }
        let now = Instant::now();
        let delay_us = input.watermark.map_or(0, |watermark| watermark.delay_us);
        let standpoint = |(index, name): (usize, TopicPartition)| {
            let next = cookie.and_then(|cookie| cookie.next.get(index)).copied();
            let greatest = cookie.and_then(|cookie| cookie.greatest_us.get(index)).copied();
            Standpoint {
                name,
                next: next.unwrap_or_default(),
                end: topic.ends[index],
                watermark: PartitionWatermark::new(greatest.unwrap_or(i64::MIN), delay_us, now),
            }
        };
        let partitions: Vec<Standpoint> = topic.partitions().enumerate().map(standpoint).collect();
        let position = log.track_reader(&format!("query:{query}"), &input.topic)?;
        for partition in &partitions {
            position.advance(partition.name.partition, partition.next);
        }
        Ok(Self { partitions, position, sealed: topic.sealed, was_sealed: topic.was_sealed })
    }

    /// Learns how far the topic goes now.
    pub(super) fn refresh(&mut self, log: &dyn Log) {
        let Some(topic) = self.partitions.first().and_then(|partition| log.topic(&partition.name.topic)) else {
            return;
        };
        // The ends were read with the seal: once sealed, nothing lies beyond them.
        (self.sealed, self.was_sealed) = (topic.sealed, topic.was_sealed);
        for (partition, end) in self.partitions.iter_mut().zip(topic.ends) {
            partition.end = end;
        }
    }

    /// The next records of each partition.
    pub(super) fn fetch(&mut self, input: usize, log: &dyn Log, into: &mut Vec<Taken>) -> Result<(), EngineError> {
        for partition in &mut self.partitions {
            if partition.next >= partition.end {
                continue;
            }
            for fetched in log.read(&partition.name, partition.next, FETCH_BYTES)? {
                partition.next = fetched.end();
                into.push(Taken { input, partition: partition.name.partition, fetched });
            }
        }
        Ok(())
    }

    /// The watermark of a partition.
    pub(super) fn watermark_mut(&mut self, partition: PartitionId) -> &mut PartitionWatermark {
        &mut self.partitions[partition.index()].watermark
    }

    /// All partitions, as the query's watermark sees them.
    pub(super) fn standings(&self) -> impl Iterator<Item = Standing<'_>> {
        self.partitions.iter().map(|partition| Standing {
            watermark: &partition.watermark,
            at_end: partition.next >= partition.end,
            sealed: self.sealed,
        })
    }

    /// Whether everything there will ever be was read.
    pub(super) fn is_finished(&self) -> bool {
        self.sealed && self.is_at_end()
    }

    /// Whether everything was read of a topic that is, or was when the log was opened, sealed.
    pub(super) fn seems_finished(&self) -> bool {
        (self.sealed || self.was_sealed) && self.is_at_end()
    }

    /// Whether everything there is now was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.partitions.iter().all(|partition| partition.next >= partition.end)
    }

    /// When the next of the partitions at their end will count as idle, if that is yet to come.
    pub(super) fn next_idle_at(&self, now: Instant) -> Option<Instant> {
        self.partitions.iter().map(|partition| partition.watermark.idle_at()).filter(|at| *at > now).min()
    }

    /// Greatest event time over all partitions.
    pub(super) fn greatest_us(&self) -> i64 {
        self.partitions.iter().map(|partition| partition.watermark.greatest_us()).max().unwrap_or(i64::MIN)
    }

    /// What has to be kept with the commit.
    pub(super) fn cookie(&self, topic: &str) -> InputCookie {
        InputCookie {
            topic: topic.to_owned(),
            next: self.partitions.iter().map(|partition| partition.next).collect(),
            greatest_us: self.partitions.iter().map(|partition| partition.watermark.greatest_us()).collect(),
        }
    }

    /// Tells the log how far this query has come, after the commit.
    pub(super) fn publish(&self) {
        for partition in &self.partitions {
            self.position.advance(partition.name.partition, partition.next);
        }
    }
}

fn columns_text(schema: &Schema) -> String {
    let column = |field: &Arc<Field>| format!("{} {}", field.name(), field.data_type());
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}
