//! Records that somebody in this process appends to a topic of clients.

use millrace_flow::{Offset, TopicPartition};

use super::Refused;
use crate::EmbeddedLog;
use crate::record_batch::{Compression, NewRecord, NotTaken, compose, repack};

/// Bytes of the records of a frame: as many as Kafka's producers mostly put into one, and little to hold twice.
const FRAME_BYTES: usize = 256 << 10;

impl EmbeddedLog {
    /// Says whether a topic of clients would take each of these records.
    ///
    /// # Errors
    /// When there is no such topic of clients; or with the place of the first record that it would not take, and why.
    pub fn check_records(&self, topic: &str, records: &[NewRecord]) -> Result<(), (usize, Refused)> {
        let rules = self.find(&topic.into()).and_then(|topic| self.rules_for_clients(&topic));
        let rules = rules.map_err(|error| (0, error.into()))?;
        for (at, record) in records.iter().enumerate() {
            if rules.compaction.is_some() && record.key.is_none() {
                return Err((at, Refused::WithoutKey(vec![0])));
            }
            let (bytes, bytes_max) = (record.frame_bytes(), rules.frame_bytes_max);
            if bytes > bytes_max {
                return Err((at, Refused::TooLarge { bytes, bytes_max }));
            }
        }
        Ok(())
    }

    /// Appends records to a partition of clients, packed as the name says that `compression.type` of a topic may have, and with
    /// the time of now; they are as safe as the flush mode promises when this returns. Answers the offsets of the first, and
    /// after the last.
    ///
    /// # Errors
    /// As [`EmbeddedLog::append_frame`]; records before the frame that was refused are there then.
    pub fn append_records(
        &self,
        partition: &TopicPartition,
        records: &[&NewRecord],
        compression: Option<&str>,
    ) -> Result<(Offset, Offset), Refused> {
        let rules = self.find(&partition.topic).and_then(|topic| self.rules_for_clients(&topic))?;
        let compression = compression.and_then(Compression::named);
        let now_ms = self.shared.machine.clock.now_ms();
        let mut offsets: Option<(Offset, Offset)> = None;
        let mut rest = records;
        while !rest.is_empty() {
            let (frame, count) = compose(rest, now_ms, rules.frame_bytes_max.min(FRAME_BYTES));
            let frame = match compression {
                Some(compression) => repack(&frame, compression, rules.levels).map_err(NotTaken::Corrupt)?,
                None => frame,
            };
            let appended = self.append_frame(partition, &frame)?;
            offsets = Some((offsets.map_or(appended.base, |(first, _)| first), appended.end));
            rest = &rest[count..];
        }
        match offsets {
            Some((first, end)) => {
                self.settle(partition, end)?;
                Ok((first, end))
            }
            None => Ok(self.offsets(partition).map(|(_, end)| (end, end))?),
        }
    }
}
