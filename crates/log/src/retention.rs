//! Lets old records go: whole closed segments, oldest first, by size or by time.
//!
//! Never what a registered reader has not used, never what is not on the disk yet: after a power cut a partition must not end
//! before it begins. The new start is on the disk before a file goes. The active segment goes only where clients append and
//! all of it is too old: it is closed then, and a new one begun.

use std::fs;
use std::path::Path;
use std::sync::PoisonError;
use std::time::UNIX_EPOCH;

use millrace_flow::TopicSpec;

use crate::partition::{Partition, remove_segments};
use crate::segment::Index;
use crate::shared::Shared;
use crate::topic::Topic;
use crate::{FlushMode, LogError, clients};

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
                self.close_if_old(topic, number, now_ms)?;
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
        retired.iter().try_for_each(|(partition, bases)| remove_segments(self.disk(), partition.dir(), bases))
    }
}

impl Shared {
    /// Closes the active segment of a partition that clients append to when all of it is old enough to go.
    fn close_if_old(&self, topic: &Topic, number: usize, now_ms: i64) -> Result<(), LogError> {
        let age_ms_max = topic.settings.as_ref().and_then(|settings| settings.rules().retention_ms);
        let (Some(age_ms_max), partition) = (age_ms_max, &topic.partitions[number]) else { return Ok(()) };
        if partition.check_online().is_err() {
            return Ok(());
        }
        let mut appending = partition.appending.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |path: &Path, index: &Index| now_ms.saturating_sub(newest_ms(path, index)) > age_ms_max;
        if partition.active_may_go(bound(topic, number), is_old) {
            // Before there is another segment, as wherever one is closed.
            clients::save(self.disk(), partition, &mut appending, partition.next(), now_ms);
            partition.prepare_frame(self.disk(), true)?;
            (appending.segment_begun_ms, appending.segment_first_ms) = (None, None);
        }
        Ok(())
    }
}

/// What is before this offset may go: it is on the disk, and every registered reader has used it.
fn bound(topic: &Topic, number: usize) -> i64 {
    topic.readers.slowest(number).unwrap_or(i64::MAX).min(topic.partitions[number].recovery())
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
    partition.retire(bound(topic, number), |segment, index, bytes| {
        let too_much = bytes.saturating_sub(segment.bytes()) >= bytes_max;
        too_much || now_ms.saturating_sub(newest_ms(&segment.path(), index)) > age_ms_max
    })
}

/// Time of a segment's newest record. A timestamp from the future does not keep a segment for ever: no record is newer
/// than the file that it is in.
pub(crate) fn newest_ms(path: &Path, index: &Index) -> i64 {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written_ms = written.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(i64::MAX);
    index.max_time_ms().min(written_ms)
}
