//! What a person can set about the log.

use std::time::Duration;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::LogError;

/// Smallest segment that may be asked for: below this a log is more files than records.
const SEGMENT_BYTES_FLOOR: u64 = 4 << 10;
/// Largest segment that may be asked for: positions in an index are 32 bits, and an epoch may still go on top.
const SEGMENT_BYTES_CEILING: u64 = 1 << 30;

/// When what was committed is brought to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlushMode {
    /// When the operating system likes, and at a clean stop. A killed process loses nothing; a power cut may cost all that
    /// was committed since the last clean stop.
    None,
    /// Every `flush_interval`. A killed process loses nothing; a power cut may cost the commits of the last interval.
    #[default]
    Interval,
    /// Before a commit returns. A power cut costs nothing that was committed.
    Commit,
}

/// Settings of the embedded log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// When what was committed is brought to the disk: `none`, `interval` or `commit`.
    pub flush: FlushMode,
    /// How often, with `flush = "interval"`; what a power cut can cost at most.
    #[serde(with = "duration")]
    pub flush_interval: Duration,
    /// A partition begins a new segment file when the active one would exceed this.
    #[serde(with = "bytes")]
    pub segment_bytes_max: u64,
    /// Memory for the newest records of all topics as columns. Readers that keep up are served from it without decoding.
    #[serde(with = "bytes_usize")]
    pub tail_cache_bytes: usize,
    /// How often segments are looked over for the retention of their topics, and a quarter of it for compaction.
    #[serde(with = "duration")]
    pub retention_check_interval: Duration,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            flush: FlushMode::Interval,
            flush_interval: Duration::from_millis(100),
            segment_bytes_max: 256 << 20,
            tail_cache_bytes: 128 << 20,
            retention_check_interval: Duration::from_secs(60),
        }
    }
}

impl LogConfig {
    /// Refuses values that no log can run with.
    ///
    /// # Errors
    /// Names the key, what is wrong with it and what is allowed.
    pub fn validate(&self) -> Result<(), LogError> {
        let refuse = |key: &'static str, reason: String| Err(LogError::Config { key, reason });
        if self.flush_interval < Duration::from_millis(1) {
            return refuse("flush_interval", "is below 1ms; set 1ms or more".into());
        }
        if self.retention_check_interval < Duration::from_millis(1) {
            return refuse("retention_check_interval", "is below 1ms; set 1ms or more".into());
        }
        if !(SEGMENT_BYTES_FLOOR..=SEGMENT_BYTES_CEILING).contains(&self.segment_bytes_max) {
            return refuse("segment_bytes_max", format!("is {}; set 4KiB to 1GiB", self.segment_bytes_max));
        }
        Ok(())
    }
}

/// The number and the unit of `text`: `"64MiB"` is 64 and `MiB`.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
}

fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" | "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3_600)?)),
        _ => None,
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a size such as \"64MiB\", or a number of bytes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u64, E> {
        parse_bytes(text).ok_or_else(|| E::custom(format!("`{text}` is no size; write it as \"64MiB\"")))
    }

    fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<u64, E> {
        Ok(bytes)
    }

    fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<u64, E> {
        u64::try_from(bytes).map_err(|_| E::custom("a size cannot be negative"))
    }
}

mod bytes {
    use super::*;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        from.deserialize_any(BytesVisitor)
    }

    pub(super) fn serialize<S: Serializer>(bytes: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(*bytes)
    }
}

mod bytes_usize {
    use super::*;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
        usize::try_from(from.deserialize_any(BytesVisitor)?).map_err(D::Error::custom)
    }

    pub(super) fn serialize<S: Serializer>(bytes: &usize, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(*bytes as u64)
    }
}

mod duration {
    use super::*;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        parse_duration(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no duration; write it as \"5s\"")))
    }

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{}ms", duration.as_millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_read_with_their_units() {
        let text = r#"{"flush":"commit","flush_interval":"250ms","segment_bytes_max":"64MiB","tail_cache_bytes":1024}"#;
        let config: LogConfig = serde_json::from_str(text).expect("it is well formed");
        assert_eq!(config.flush, FlushMode::Commit);
        assert_eq!(config.flush_interval, Duration::from_millis(250));
        assert_eq!(config.segment_bytes_max, 64 << 20);
        assert_eq!(config.tail_cache_bytes, 1024);
        let again = serde_json::to_string(&config).expect("it serializes");
        assert_eq!(serde_json::from_str::<LogConfig>(&again).expect("and reads back"), config);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            [r#"{"flush_intervall":"1s"}"#, r#"{"flush_interval":"1 fortnight"}"#, r#"{"tail_cache_bytes":"x"}"#]
        {
            assert!(serde_json::from_str::<LogConfig>(text).is_err(), "{text}");
        }
        let small = LogConfig { segment_bytes_max: 10, ..LogConfig::default() };
        assert!(small.validate().expect_err("10 bytes are too few").to_string().contains("segment_bytes_max"));
        assert!(LogConfig::default().validate().is_ok());
    }
}
