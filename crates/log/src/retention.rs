//! Lets old records go: whole closed segments, oldest first, by size or by time.
//!
//! Never the active segment, never what a registered reader has not used, never what is not on the disk yet: after a power
//! cut a partition must not end before it begins. The new start is on the disk before a file goes.

use std::fs;
use std::time::UNIX_EPOCH;

use millrace_flow::TopicSpec;

use crate::partition::{Partition, remove_segments};
use crate::segment::{ClosedSegment, Index};
use crate::shared::Shared;
use crate::topic::Topic;
use crate::{FlushMode, LogError};

impl Shared {
    /// Goes over all topics once.
    pub(crate) fn retain(&self) -> Result<(), LogError> {
        let mut topics = self.all_topics();
        topics.retain(|topic| limits(&topic.spec()).is_some());
        if topics.is_empty() {
            return Ok(());
        }
        if self.config.flush == FlushMode::None {
            self.flush_everything()?;
        }
        let mut state = self.flushing();
        let now_ms = self.machine.clock.now_ms();
        let mut retired = Vec::new();
        for topic in &topics {
            let spec = topic.spec();
            for (number, partition) in topic.partitions.iter().enumerate() {
                if let Some((start, bases)) = retire(topic, number, &spec, now_ms)? {
                    tracing::info!(partition = %partition.name, start, segments = bases.len(), "old records go");
                    retired.push((partition, bases));
                }
            }
        }
        if retired.is_empty() {
            return Ok(());
        }
        self.write_checkpoint(&mut state, None)?;
        retired.iter().try_for_each(|(partition, bases)| remove_segments(partition.dir(), bases))
    }
}

/// Bytes and age that a topic may have, if there is a limit to either.
fn limits(spec: &TopicSpec) -> Option<(u64, i64)> {
    if spec.retention_bytes.is_none() && spec.retention_ms.is_none() {
        return None;
    }
    Some((spec.retention_bytes.unwrap_or(u64::MAX), spec.retention_ms.unwrap_or(i64::MAX)))
}

fn retire(topic: &Topic, number: usize, spec: &TopicSpec, now_ms: i64) -> Result<Option<(i64, Vec<i64>)>, LogError> {
    let Some((bytes_max, age_ms_max)) = limits(spec) else { return Ok(None) };
    let partition: &Partition = &topic.partitions[number];
    let bound = topic.readers.slowest(number).unwrap_or(i64::MAX).min(partition.recovery());
    partition.retire(bound, |segment, index, bytes| {
        let too_much = bytes.saturating_sub(segment.bytes()) >= bytes_max;
        too_much || now_ms.saturating_sub(newest_ms(segment, index)) > age_ms_max
    })
}

/// Time of a segment's newest record. A timestamp from the future does not keep a segment for ever: no record is newer
/// than the file that it is in.
fn newest_ms(segment: &ClosedSegment, index: &Index) -> i64 {
    let written = fs::metadata(segment.path()).and_then(|metadata| metadata.modified()).ok();
    let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written_ms = written.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(i64::MAX);
    index.max_time_ms().min(written_ms)
}
