//! What can be set for a topic that clients append to: Kafka's own keys, with Kafka's own defaults.

use std::collections::BTreeMap;

use crate::LogError;
use crate::compaction::CompactionRules;
use crate::record_batch::{Compression, Levels};

/// Most that a segment may take: positions in an index are 32 bits.
const SEGMENT_BYTES_MAX: i64 = 1 << 30;

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigType {
    /// A whole number between two others.
    Number(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, with commas between.
    Words(&'static [&'static str]),
    /// A number between 0 and 1.
    Share,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigKey {
    /// Kafka's name.
    pub name: &'static str,
    /// Kafka's default.
    pub default: &'static str,
    /// What a value must look like.
    pub kind: ConfigType,
    /// What it is for; units are in the name.
    pub doc: &'static str,
    /// Whether it changes anything here, or is kept and answered only.
    pub has_effect: bool,
}

const fn key(
    name: &'static str,
    default: &'static str,
    kind: ConfigType,
    has_effect: bool,
    doc: &'static str,
) -> ConfigKey {
    ConfigKey { name, default, kind, doc, has_effect }
}

use ConfigType::{Number, Share, Word, Words};

/// All keys, by name.
#[rustfmt::skip]
pub const TOPIC_CONFIGS: &[ConfigKey] = &[
    key("cleanup.policy", "delete", Words(&["delete", "compact"]), true, "what becomes of old records: they go by age and size, the newest of each key stays, or both"),
    key("compression.gzip.level", "-1", Number(-1, 9), true, "how hard gzip packs, from 1 to 9; -1 for its own default"),
    key("compression.lz4.level", "9", Number(1, 17), true, "how hard LZ4 packs, from 1 to 17; 9 is its fast way"),
    key("compression.type", "producer", Word(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]), true, "what batches are packed with; `producer` leaves them as they came"),
    key("compression.zstd.level", "3", Number(-131_072, 22), true, "how hard Zstandard packs"),
    key("delete.retention.ms", "86400000", Number(0, i64::MAX), true, "how long a compacted topic keeps the records that delete a key"),
    key("file.delete.delay.ms", "60000", Number(0, i64::MAX), false, "kept and answered: whoever reads a file reads it to its end, so it goes at once"),
    key("flush.messages", "9223372036854775807", Number(1, i64::MAX), false, "kept and answered: when records reach the disk is set for the whole log"),
    key("flush.ms", "9223372036854775807", Number(0, i64::MAX), false, "kept and answered: when records reach the disk is set for the whole log"),
    key("index.interval.bytes", "4096", Number(0, i32::MAX as i64), false, "kept and answered: an entry every 64 KiB takes less memory, and finds a record within microseconds"),
    key("max.compaction.lag.ms", "9223372036854775807", Number(1, i64::MAX), true, "how long a record may wait for compaction"),
    key("max.message.bytes", "1048588", Number(0, i32::MAX as i64), true, "largest batch that is taken"),
    key("message.timestamp.after.max.ms", "3600000", Number(0, i64::MAX), true, "how far ahead of the clock a record's timestamp may be"),
    key("message.timestamp.before.max.ms", "9223372036854775807", Number(0, i64::MAX), true, "how far behind the clock a record's timestamp may be"),
    key("message.timestamp.type", "CreateTime", Word(&["CreateTime", "LogAppendTime"]), true, "whose clock a record's timestamp is from: the producer's, or ours at the append"),
    key("min.cleanable.dirty.ratio", "0.5", Share, true, "share of a log that has to be new before it is compacted again"),
    key("min.compaction.lag.ms", "0", Number(0, i64::MAX), true, "how long a record is safe from compaction"),
    key("min.insync.replicas", "1", Number(1, i32::MAX as i64), false, "kept and answered: there is one replica"),
    key("preallocate", "false", Word(&["true", "false"]), false, "kept and answered"),
    key("retention.bytes", "-1", Number(-1, i64::MAX), true, "most that a partition may take, oldest segments go first; -1 for no limit"),
    key("retention.ms", "604800000", Number(-1, i64::MAX), true, "how long a segment stays after its newest record; -1 for ever"),
    key("segment.bytes", "268435456", Number(14, SEGMENT_BYTES_MAX), true, "a segment is closed when it would exceed this"),
    key("segment.index.bytes", "10485760", Number(4, i32::MAX as i64), false, "kept and answered"),
    key("segment.jitter.ms", "0", Number(0, i64::MAX), false, "kept and answered"),
    key("segment.ms", "604800000", Number(1, i64::MAX), true, "a segment is closed when it was begun this long ago"),
    key("unclean.leader.election.enable", "false", Word(&["true", "false"]), false, "kept and answered: there is one replica"),
];

/// The key of that name.
pub fn config_key(name: &str) -> Option<&'static ConfigKey> {
    TOPIC_CONFIGS.iter().find(|key| key.name == name)
}

impl ConfigKey {
    /// Refuses a value that the key cannot have.
    ///
    /// # Errors
    /// Names the key, the value and what is allowed.
    pub fn check(&self, value: &str) -> Result<(), LogError> {
        let is_in = |words: &[&str], word: &str| words.contains(&word);
        let allowed = match self.kind {
            Number(least, most) => match value.parse::<i64>() {
                Ok(number) if (least..=most).contains(&number) => return Ok(()),
                _ => format!("a whole number from {least} to {most}"),
            },
            Share => match value.parse::<f64>() {
                Ok(share) if (0.0..=1.0).contains(&share) => return Ok(()),
                _ => "a number from 0 to 1".to_owned(),
            },
            Word(words) if is_in(words, value) => return Ok(()),
            Words(words) if value.split(',').all(|word| is_in(words, word.trim())) => return Ok(()),
            Word(words) => format!("one of {}", words.join(", ")),
            Words(words) => format!("one or more of {}, with commas between", words.join(", ")),
        };
        Err(LogError::TopicConfig { key: self.name.to_owned(), value: value.to_owned(), allowed })
    }
}

/// What was set for one topic, in the form that appending needs it in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    pub(crate) frame_bytes_max: usize,
    pub(crate) append_time: bool,
    pub(crate) behind_ms_max: i64,
    pub(crate) ahead_ms_max: i64,
    /// Nothing where the topic is not compacted.
    pub(crate) compaction: Option<CompactionRules>,
    /// What frames are packed with, where it is not what they came with.
    pub(crate) compression: Option<Compression>,
    pub(crate) levels: Levels,
    pub(crate) segment_bytes_max: u64,
    pub(crate) segment_ms_max: i64,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) retention_ms: Option<i64>,
}

impl Rules {
    /// What `configs` say, which have been checked.
    pub(crate) fn new(configs: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| {
            let default = config_key(name).map_or("", |key| key.default);
            configs.get(name).map_or(default, String::as_str)
        };
        let number = |name: &str| text(name).parse::<i64>().unwrap_or(i64::MAX);
        let has_policy = |policy: &str| text("cleanup.policy").split(',').any(|word| word.trim() == policy);
        let deletes = has_policy("delete");
        let compaction = has_policy("compact").then(|| CompactionRules {
            dirty_share_min: text("min.cleanable.dirty.ratio").parse().unwrap_or(1.0),
            lag_ms_min: number("min.compaction.lag.ms"),
            lag_ms_max: number("max.compaction.lag.ms"),
            tombstones_ms: number("delete.retention.ms"),
        });
        let segment_ms = number("segment.ms");
        Self {
            frame_bytes_max: usize::try_from(number("max.message.bytes")).unwrap_or(usize::MAX),
            append_time: text("message.timestamp.type") == "LogAppendTime",
            behind_ms_max: number("message.timestamp.before.max.ms"),
            ahead_ms_max: number("message.timestamp.after.max.ms"),
            compaction,
            compression: Compression::named(text("compression.type")),
            levels: levels(["gzip", "lz4", "zstd"].map(|codec| number(&format!("compression.{codec}.level")))),
            segment_bytes_max: number("segment.bytes").unsigned_abs(),
            // What waits for compaction must not wait in the active segment.
            segment_ms_max: compaction.map_or(segment_ms, |rules| segment_ms.min(rules.lag_ms_max)),
            retention_bytes: u64::try_from(number("retention.bytes")).ok().filter(|_| deletes),
            retention_ms: Some(number("retention.ms")).filter(|ms| deletes && *ms >= 0),
        }
    }
}

/// What Kafka packs with LZ4's fast way at, though its number is one of the slow ones.
const LZ4_FAST: i64 = 9;

fn levels([gzip, lz4, zstd]: [i64; 3]) -> Levels {
    let own = Levels::default();
    // 0 would not pack at all: Kafka does not allow it.
    let gzip = u32::try_from(gzip).ok().filter(|level| *level > 0).unwrap_or(own.gzip);
    let lz4 = u32::try_from(lz4).ok().filter(|level| i64::from(*level) != LZ4_FAST).unwrap_or(own.lz4);
    Levels { gzip, lz4, zstd: i32::try_from(zstd).unwrap_or(own.zstd) }
}

/// Refuses configs that do not exist or cannot have their value.
pub(crate) fn check_configs(configs: &BTreeMap<String, String>) -> Result<(), LogError> {
    for (name, value) in configs {
        known_config(name)?.check(value)?;
    }
    Ok(())
}

/// The key of that name.
///
/// # Errors
/// When there is none, with the near one.
pub fn known_config(name: &str) -> Result<&'static ConfigKey, LogError> {
    config_key(name).ok_or_else(|| {
        let near = millrace_flow::nearest(name, TOPIC_CONFIGS.iter().map(|key| key.name));
        let cure = near.map_or_else(
            || "they are Kafka's, such as `retention.ms` and `cleanup.policy`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        LogError::UnknownConfig { key: name.to_owned(), cure }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed() {
        for key in TOPIC_CONFIGS {
            assert!(key.check(key.default).is_ok(), "{}", key.name);
        }
        assert!(TOPIC_CONFIGS.is_sorted_by_key(|key| key.name));
    }

    #[test]
    fn nonsense_is_refused_with_what_is_allowed() {
        let set = |name: &str, value: &str| check_configs(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        assert!(set("cleanup.policy", "compact, delete").is_ok());
        for (name, value, says) in [
            ("retention.ms", "a week", "a whole number from -1"),
            ("cleanup.policy", "keep", "delete, compact"),
            ("retention.msec", "1", "`retention.ms`"),
            ("min.cleanable.dirty.ratio", "1.5", "from 0 to 1"),
        ] {
            let error = set(name, value).expect_err("it is nonsense").to_string();
            assert!(error.contains(name) && error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_topic_that_is_only_compacted_loses_nothing_by_age() {
        let configs = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
        let rules = Rules::new(&configs);
        assert_eq!((rules.compaction.is_some(), rules.retention_ms, rules.retention_bytes), (true, None, None));
        assert_eq!(Rules::new(&BTreeMap::new()).retention_ms, Some(7 * 86_400_000));
    }
}
