//! What a partition of clients needs to know beside its records, over a restart.
//!
//! The producers, as of some offset; the aborted transactions whose markers are before it are on the disk when it is. What
//! came after it is found out from the headers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::{Producers, epochs};
use crate::partition::{Appending, Partition, each_header};
use crate::{Disk, LogError, document};

const FILE: &str = "producers";

/// Who had sent what before the offset `end`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    end: i64,
    producers: Producers,
    /// How many aborted transactions are kept beside which segments.
    #[serde(default)]
    aborted: BTreeMap<i64, usize>,
}

fn path(partition: &Partition) -> PathBuf {
    partition.dir().join(FILE)
}

/// Keeps the producers of everything before `end`. It shortens the next start and no more: failing is not an error.
pub(crate) fn save(disk: &dyn Disk, partition: &Partition, appending: &mut Appending, end: i64, now_ms: i64) {
    appending.producers.forget_idle(now_ms);
    let path = path(partition);
    // Where nobody counts the next start reads a segment or two to know it, and must not have to read all of them.
    if appending.producers.is_empty() && !path.exists() && partition.is_one_segment() {
        return;
    }
    let saved = partition.save_aborted(disk).and_then(|aborted| {
        let snapshot = Snapshot { end, producers: appending.producers.clone(), aborted };
        document::write(disk, &path, &snapshot)
    });
    if let Err(error) = saved {
        tracing::warn!(partition = %partition.name, %error, "producers not kept, the next start reads more");
    }
}

/// Finds out who has sent what, and what was aborted: what was kept, and the headers of all frames since. Who is found in
/// them counts as heard of now: a record's timestamp may be of any time. Without a disk nothing is changed.
pub(crate) fn load(disk: Option<&dyn Disk>, partition: &Partition, now_ms: i64) -> Result<(), LogError> {
    if partition.check_online().is_err() {
        return Ok(());
    }
    let end = partition.next();
    let kept = document::read::<Snapshot>(&path(partition)).and_then(|kept| {
        // One of a longer log tells of records that are gone. Others will take their offsets, and then it must not be believed.
        let is_of_longer = kept.as_ref().is_some_and(|kept| kept.end > end);
        if is_of_longer && let Some(disk) = disk {
            document::remove(disk, &path(partition))?;
        }
        // Between one that could not be replaced and the first record that is left, markers may be missing.
        let is_too_old = |kept: &Snapshot| kept.end < partition.first_base();
        let kept = kept.filter(|kept| !is_of_longer && !is_too_old(kept)).unwrap_or_default();
        partition.load_aborted(kept.end, &kept.aborted)?;
        Ok(kept)
    });
    let Snapshot { end: from, mut producers, .. } = match kept {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(partition = %partition.name, %error, "producers are found out from the records");
            partition.load_aborted(0, &BTreeMap::new())?;
            Snapshot::default()
        }
    };
    let mut aborted = Vec::new();
    if from < end {
        // What was taken away from the front of a segment was sent all the same.
        each_header(partition.dir(), from..end, |header, marker| match marker {
            Some(marker) => aborted.extend(producers.end(header, marker, now_ms)),
            None => producers.note(header, now_ms),
        })?;
    }
    aborted.into_iter().try_for_each(|aborted| partition.note_aborted(aborted))?;
    partition.set_unstable(producers.first_unstable(end));
    let mut appending = partition.appending.lock().unwrap_or_else(PoisonError::into_inner);
    appending.producers = producers;
    appending.segment_first_ms = partition.active_first_ms()?;
    appending.epochs = epochs::read(partition)?;
    Ok(())
}
