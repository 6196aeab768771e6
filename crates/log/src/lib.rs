//! The embedded log: partitioned topics on the local disk, with commits that are atomic over topics.
//!
//! ```text
//! <dir>/
//!   LOCK               held while a process uses the folder; contains its pid
//!   meta.properties    version of the layout
//!   topics.json        what topics there are
//!   commits.log        one framed record a commit: who, cookie, end of every partition of the writer
//!   checkpoint         what of commits.log and of every partition is known to be on the disk
//!   clean-shutdown     there after a clean stop only
//!   topics/<name>-<p>/<base20>.log .index .timeindex .txnindex .filter
//! ```
//!
//! Glossary: a **segment** is one `.log` file, named after the offset of its first record; the **active** one is appended
//! to. A **frame** is one Kafka RecordBatch v2 in a segment. The **committed end** of a partition is the offset after the
//! last record that readers may see; the **recovery point** is the committed end known to have reached the disk. The
//! **durable position** is the same for `commits.log`.
//!
//! Invariants:
//! - readers never see past the committed end, and the ends of one commit move together;
//! - a commit record is written after the data that it names, and is durable only after that data is;
//! - what is damaged below the committed end is reported and never cut; what is above it is always cut;
//! - no length read from a file is believed before it is compared with the bytes that are left.
//!
//! Topics that clients append to have no writer and no commits: see `clients`. They may be compacted: see `compaction`.
//!
//! Not here: replication, the Kafka protocol.

mod append;
mod cache_charge;
mod catalog;
mod checkpoint;
mod clients;
mod columns;
mod commits;
mod compaction;
mod config;
mod disk;
mod document;
mod embedded;
mod error;
mod filter;
mod flusher;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod journal;
mod lock;
mod open;
mod partition;
mod piece;
mod read;
mod readers;
mod record_batch;
mod retention;
mod search;
mod segment;
mod shared;
mod stopped;
mod tail_cache;
mod topic;
mod writer;

pub use catalog::validate_name as check_topic_name;
pub use clients::{
    ActiveProducer, Appended, Beginning, CLIENTS, ClientTopic, ConfigKey, ConfigType, End, Isolation,
    OngoingTransaction, RawFetched, Refused, TOPIC_CONFIGS, TopicId, config_key, known_config,
};
pub use config::{FlushMode, LogConfig};
pub use disk::{Disk, LocalDisk, Machine};
pub use embedded::{EmbeddedLog, LogStats};
pub use error::LogError;
pub use journal::Journal;
pub use piece::{FileRange, Piece};
pub use read::Record;
pub use record_batch::{NewRecord, transaction_of};
pub use search::{Fields, FoundRecord, Search, SearchProgress, Wanted};
pub use stopped::{StoppedJournal, read_journal};
