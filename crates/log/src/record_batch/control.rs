//! Control batches: how a transaction ended, told in the partition itself.
//!
//! ```text
//! key    version i16 = 0 │ type i16: 0 aborted, 1 committed
//! value  version i16 = 0 │ epoch of the coordinator i32
//! ```
//!
//! One record, in a frame of the producer whose transaction it is, with the bits for a transaction and for control. Source:
//! "Control Batches" in the documentation of Apache Kafka. Other types are passed over, as Kafka's clients do.

use super::encode::{put_crc, seal};
use super::{Damage, FrameView, HEADER_BYTES};

/// Attributes of a marker: part of a transaction, and control.
const ATTRIBUTES: i16 = (1 << 4) | (1 << 5);
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// The end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Whether its records count.
    pub(crate) is_commit: bool,
    /// Which life of the coordinator says so.
    pub(crate) coordinator_epoch: i32,
}

impl Marker {
    /// The frame that says so of a producer: its id and its epoch.
    pub(crate) fn frame(self, (producer_id, producer_epoch): (i64, i16), time_ms: i64) -> Vec<u8> {
        let mut frame = vec![0; HEADER_BYTES];
        // Length 16, attributes, time and offset; a key of 4 bytes. All numbers are below 64 and take one byte.
        frame.extend_from_slice(&[16 << 1, 0, 0, 0, 4 << 1, 0, 0]);
        frame.extend_from_slice(&(if self.is_commit { COMMIT } else { ABORT }).to_be_bytes());
        frame.extend_from_slice(&[6 << 1, 0, 0]);
        frame.extend_from_slice(&self.coordinator_epoch.to_be_bytes());
        frame.push(0);
        seal(&mut frame, 0, 1, time_ms, time_ms);
        frame[21..23].copy_from_slice(&ATTRIBUTES.to_be_bytes());
        frame[43..51].copy_from_slice(&producer_id.to_be_bytes());
        frame[51..53].copy_from_slice(&producer_epoch.to_be_bytes());
        put_crc(&mut frame);
        frame
    }

    /// What a frame says of a transaction's end; nothing if it has records, or is a control batch of another kind.
    pub(crate) fn of(frame: &FrameView<'_>) -> Result<Option<Self>, Damage> {
        if !frame.header.is_control() || !frame.header.is_plain() {
            return Ok(None);
        }
        let Some(record) = frame.records().next().transpose()? else { return Ok(None) };
        let kind = record.key.and_then(|key| key.get(2..4)).map(|kind| i16::from_be_bytes([kind[0], kind[1]]));
        let epoch = record.value.and_then(|value| value.get(2..6));
        let coordinator_epoch = epoch.map_or(0, |epoch| i32::from_be_bytes([epoch[0], epoch[1], epoch[2], epoch[3]]));
        Ok(match kind {
            Some(ABORT) => Some(Self { is_commit: false, coordinator_epoch }),
            Some(COMMIT) => Some(Self { is_commit: true, coordinator_epoch }),
            _ => None,
        })
    }
}
