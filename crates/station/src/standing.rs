//! Where readers and partitions stood when somebody last looked: what the log itself does not remember.
//!
//! The log knows a reader while it reads. One that has failed is gone from there, and so is one that has finished; where it
//! stood is kept here. And the log knows where a partition ends, not since when.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use millrace_flow::{IDLE_AFTER, Log, TopicInfo, TopicKind};

/// What was seen at the last look.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    topics: Mutex<BTreeMap<String, Seen>>,
}

/// A topic as it was.
#[derive(Debug, Default)]
struct Seen {
    at: Duration,
    /// End of each partition, and when it came to be there.
    partitions: Vec<(i64, Duration)>,
    /// Offsets each reader has passed, over all partitions.
    readers: BTreeMap<String, u64>,
}

impl Standings {
    /// Looks at one topic; `at` is the time since some fixed moment.
    pub(crate) fn look(&self, log: &dyn Log, topic: &TopicInfo, at: Duration) {
        let (end, lags) = (passed_by_all(topic), log.lags(&topic.spec.name));
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = topics.entry(topic.spec.name.to_string()).or_default();
        seen.at = at;
        seen.readers.extend(lags.into_iter().map(|(reader, behind)| (reader, end.saturating_sub(behind))));
        seen.partitions.resize(topic.ends.len(), (-1, at));
        for (partition, end) in seen.partitions.iter_mut().zip(&topic.ends) {
            if partition.0 != end.0 {
                *partition = (end.0, at);
            }
        }
    }

    /// Offsets of a topic that a reader had passed when it was last seen.
    pub(crate) fn position(&self, topic: &str, reader: &str) -> Option<u64> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic)?.readers.get(reader).copied()
    }

    /// Which partitions of a topic are idle: nothing came for [`IDLE_AFTER`], and something may still come. What a topic for
    /// mishaps holds comes when it comes.
    pub(crate) fn idle(&self, topic: &TopicInfo) -> Vec<bool> {
        let silent = topic.sealed || matches!(topic.spec.kind, TopicKind::DeadLetter | TopicKind::Late);
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = topics.get(&*topic.spec.name).filter(|_| !silent);
        let is_idle = |(index, end): (usize, &millrace_flow::Offset)| {
            let seen = seen.and_then(|seen| Some((seen.at, seen.partitions.get(index)?)));
            seen.is_some_and(|(at, (last, since))| *last == end.0 && at.saturating_sub(*since) >= IDLE_AFTER)
        };
        topic.ends.iter().enumerate().map(is_idle).collect()
    }
}

/// Offsets that somebody has passed who has read a topic to its end.
pub(crate) fn passed_by_all(topic: &TopicInfo) -> u64 {
    topic.ends.iter().map(|end| u64::try_from(end.0).unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Schema;
    use millrace_flow::{MemoryLog, Offset, TopicSpec};

    use super::*;

    fn topic(kind: TopicKind, ends: &[i64]) -> TopicInfo {
        let spec = TopicSpec {
            name: Arc::from("lines"),
            partitions: 2,
            schema: Arc::new(Schema::empty()),
            kind,
            writer: Arc::from("source:lines"),
            key: None,
            event_time: None,
            retention_bytes: None,
            retention_ms: None,
        };
        let ends: Vec<Offset> = ends.iter().map(|end| Offset(*end)).collect();
        let starts = vec![Offset(0); ends.len()];
        TopicInfo { spec, schema_id: 1, starts, ends, sealed: false, was_sealed: false, bytes: 0 }
    }

    #[test]
    fn a_partition_without_news_is_idle_until_something_comes() {
        let (standings, log) = (Standings::default(), MemoryLog::default());
        let look = |ends: &[i64], at: Duration| {
            let topic = topic(TopicKind::Source, ends);
            standings.look(&log, &topic, at);
            standings.idle(&topic)
        };
        let start = Duration::from_secs(1);
        assert_eq!(look(&[5, 7], start), [false, false], "nobody knows yet since when");
        assert_eq!(look(&[6, 7], start + IDLE_AFTER), [false, true]);
        assert_eq!(look(&[6, 8], start + IDLE_AFTER * 2), [true, false]);
        let mut over = topic(TopicKind::Source, &[6, 8]);
        over.sealed = true;
        assert_eq!(standings.idle(&over), [false, false], "nothing more will come");
        assert_eq!(standings.idle(&topic(TopicKind::Late, &[6, 8])), [false, false]);
    }
}
