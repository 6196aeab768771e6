//! What a partition of clients needs to know beside its records, over a restart.

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
}

fn path(partition: &Partition) -> PathBuf {
    partition.dir().join(FILE)
}

/// Keeps the producers of everything before `end`. It shortens the next start and no more: failing is not an error.
pub(crate) fn save(disk: &dyn Disk, partition: &Partition, appending: &mut Appending, end: i64, now_ms: i64) {
    appending.producers.forget_idle(now_ms);
    let path = path(partition);
    // Where nobody counts the next start reads one segment to know it, and must not have to read all of them.
    if appending.producers.is_empty() && !path.exists() && partition.is_one_segment() {
        return;
    }
    let snapshot = Snapshot { end, producers: appending.producers.clone() };
    if let Err(error) = document::write(disk, &path, &snapshot) {
        tracing::warn!(partition = %partition.name, %error, "producers not kept, the next start reads more");
    }
}

/// Finds out who has sent what: what was kept, and the headers of all frames since. Who is found in them counts as heard of
/// now: a record's timestamp may be of any time. Where the last process `left_clean` and kept nothing, there was nobody.
pub(crate) fn load(partition: &Partition, left_clean: bool, now_ms: i64) -> Result<(), LogError> {
    if partition.check_online().is_err() {
        return Ok(());
    }
    let end = partition.next();
    let kept = match document::read::<Snapshot>(&path(partition)) {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(partition = %partition.name, %error, "producers are found out from the records");
            None
        }
    };
    // One of a longer log tells of records that are gone.
    let Snapshot { end: from, mut producers } = kept.filter(|kept| kept.end <= end).unwrap_or_default();
    let nobody_counted = left_clean && !path(partition).exists();
    if from < end && !nobody_counted {
        each_header(partition.dir(), from.max(partition.start()), |header| producers.note(header, now_ms))?;
    }
    let mut appending = partition.appending.lock().unwrap_or_else(PoisonError::into_inner);
    appending.producers = producers;
    appending.segment_first_ms = partition.active_first_ms()?;
    appending.epochs = epochs::read(partition)?;
    Ok(())
}
