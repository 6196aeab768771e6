//! Which leader wrote what: after an unclean stop a new epoch begins, so that a reader who saw records that the stop took
//! away is told where its log and ours part.
//!
//! The file has Kafka's own form: a version, the number of lines to come, and in each an epoch and its first offset.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;

use crate::partition::Partition;
use crate::{Disk, LogError, document};

const FILE: &str = "leader-epoch-checkpoint";

/// Lets `epoch` begin at `next`, unless it has begun.
pub(super) fn begin(
    disk: &dyn Disk,
    partition: &Partition,
    epochs: &mut Vec<(i32, i64)>,
    epoch: i32,
    next: i64,
) -> Result<(), LogError> {
    if epochs.last().is_some_and(|(last, _)| *last >= epoch) {
        return Ok(());
    }
    // One that began where this one begins has no record.
    let mut all: Vec<_> = epochs.iter().copied().filter(|(_, first)| *first < next).collect();
    all.push((epoch, next));
    let mut text = format!("0\n{}\n", all.len());
    for (epoch, first) in &all {
        let _ = writeln!(text, "{epoch} {first}");
    }
    document::replace(disk, &partition.dir().join(FILE), text.as_bytes())?;
    *epochs = all;
    Ok(())
}

/// The epochs of a partition that has records.
pub(super) fn read(partition: &Partition) -> Result<Vec<(i32, i64)>, LogError> {
    let path = partition.dir().join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LogError::io("read", &path)(error)),
    };
    let end = partition.next();
    let line = |line: &str| {
        let (epoch, first) = line.split_once(' ')?;
        Some((epoch.parse().ok()?, first.trim().parse().ok()?))
    };
    let lines = text.lines().skip(2).map(line).collect::<Option<Vec<(i32, i64)>>>();
    let mut epochs = lines.ok_or_else(|| LogError::corrupt(&path, 0, "a line is not an epoch and an offset"))?;
    epochs.retain(|(_, first)| *first < end);
    Ok(epochs)
}

/// The last epoch up to `asked`, and the offset at which the one behind it begins, or the `end`.
pub(super) fn end_of(epochs: &[(i32, i64)], asked: i32, end: i64) -> Option<(i32, i64)> {
    let behind = epochs.partition_point(|(epoch, _)| *epoch <= asked);
    let (epoch, _) = epochs.get(behind.checked_sub(1)?)?;
    Some((*epoch, epochs.get(behind).map_or(end, |(_, first)| *first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let epochs = [(0, 0), (3, 100), (5, 250)];
        assert_eq!(end_of(&epochs, 0, 300), Some((0, 100)));
        assert_eq!(end_of(&epochs, 2, 300), Some((0, 100)));
        assert_eq!(end_of(&epochs, 3, 300), Some((3, 250)));
        assert_eq!(end_of(&epochs, 9, 300), Some((5, 300)));
        assert_eq!(end_of(&epochs[1..], 2, 300), None);
    }
}
