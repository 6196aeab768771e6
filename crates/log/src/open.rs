//! Opens the log's folder: what is in it is read, checked and cut to the last commits before anybody is served.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use millrace_flow::{TopicPartition, TopicSpec};
use millrace_schema::Registry;

use crate::checkpoint::{self, Checkpoint};
use crate::clients;
use crate::columns::Codec;
use crate::commits::{self, CommitLog, CommitPosition, Header, Replay, replay};
use crate::lock::FolderLock;
use crate::partition::{Believed, Partition, RecoveryRules};
use crate::shared::{FlushState, Opened, Shared};
use crate::tail_cache::TailCache;
use crate::topic::{Seal, Topic, partition_dir};
use crate::{Disk, FlushMode, LogConfig, LogError, Machine, catalog, document};

/// What the folder says of the time before this process.
#[derive(Default)]
struct Past {
    checkpoint: Checkpoint,
    generation: u64,
    durable_bytes: u64,
    replay: Replay,
    /// The machine has not started anew since.
    same_boot: bool,
}

/// Opens the log in `dir` for writing; makes it when there is none.
pub(crate) fn open(
    dir: &Path,
    config: LogConfig,
    registry: Arc<Registry>,
    machine: Machine,
) -> Result<Arc<Shared>, LogError> {
    config.validate()?;
    fs::create_dir_all(dir.join("topics")).map_err(LogError::io("create", dir))?;
    let lock = FolderLock::take(dir)?;
    let disk = machine.disk.clone();
    let used = checkpoint::check_format(dir)?;
    if !used {
        initialise(disk.as_ref(), dir, &machine.boot_id)?;
    }
    let clean = !used || checkpoint::has_clean_mark(dir);
    let mut past = read_past(dir, &machine.boot_id)?;
    report(&past, clean);
    let is_named = !past.checkpoint.log_id.is_empty();
    if !is_named {
        past.checkpoint.log_id = uuid::Uuid::new_v4().simple().to_string();
    }
    // Before anything is appended: what a reader may have seen of the old epoch may be gone.
    past.checkpoint.leader_epoch += i32::from(!clean);
    if !clean || !is_named {
        checkpoint::write(disk.as_ref(), dir, &past.checkpoint)?;
    }
    let commits = CommitLog::resume(disk.clone(), dir, past.generation, past.replay.bytes)?;
    let cache = TailCache::new(config.tail_cache_bytes);
    let rules = RecoveryRules { trust_indexes: clean || past.same_boot, read_only: false };
    let topics = open_topics(&machine, dir, &past, &cache, rules)?;

    let position = commits.position();
    let flushed = CommitPosition { bytes: past.durable_bytes, ..position };
    let sync_filesystem = past.same_boot && !clean;
    // After a start of the machine the old boot id must go before anything new is written. With commits that are durable
    // one by one, those of the killed process have to be so before any new one follows them.
    let flush_now = !past.same_boot || (sync_filesystem && config.flush == FlushMode::Commit);
    let flushing = FlushState { flushed, checkpoint: past.checkpoint, sync_filesystem };
    let opened = Opened { commits: Some(commits), topics, last: past.replay.last, cache, flushing };
    let shared = Shared::new(dir, config, machine, Some(registry), opened, Some(lock));
    if flush_now {
        shared.flush_everything()?;
    }
    checkpoint::remove_clean_mark(disk.as_ref(), dir)?;
    Ok(shared)
}

/// Opens the log in `dir` for reading what is committed at this moment, whether or not another process writes to it. A
/// folder without a log is a log without topics.
pub(crate) fn open_read_only(dir: &Path, machine: Machine) -> Result<Arc<Shared>, LogError> {
    let config = LogConfig { tail_cache_bytes: 0, ..LogConfig::default() };
    let cache = TailCache::new(0);
    let mut past = Past::default();
    let mut topics = BTreeMap::new();
    if checkpoint::check_format(dir)? {
        past = read_past(dir, &machine.boot_id)?;
        let rules = RecoveryRules { trust_indexes: true, read_only: true };
        topics = open_topics(&machine, dir, &past, &cache, rules)?;
    }
    let (flushed, checkpoint) = (CommitPosition::default(), past.checkpoint);
    let flushing = FlushState { flushed, checkpoint, sync_filesystem: false };
    let opened = Opened { commits: None, topics, last: past.replay.last, cache, flushing };
    Ok(Shared::new(dir, config, machine, None, opened, None))
}

/// Makes an empty log. What says that there is one comes last.
fn initialise(disk: &dyn Disk, dir: &Path, boot_id: &str) -> Result<(), LogError> {
    if !catalog::read(dir)?.is_empty() {
        return Err(LogError::corrupt(dir, 0, "it has topics and no `meta.properties`"));
    }
    CommitLog::create(disk, dir)?;
    let bytes = fs::metadata(dir.join(commits::FILE)).map_err(LogError::io("look at", dir))?.len();
    let boot_id = boot_id.to_owned();
    let checkpoint = Checkpoint { boot_id, commits_generation: 1, commits_bytes: bytes, ..Checkpoint::default() };
    checkpoint::write(disk, dir, &checkpoint)?;
    document::sync_dir(disk, dir)?;
    checkpoint::write_format(disk, dir)
}

/// Reads what was before. The checkpoint comes first: what it says was durable stays so while another process writes on.
fn read_past(dir: &Path, boot_id: &str) -> Result<Past, LogError> {
    let missing = || LogError::corrupt(&dir.join("checkpoint"), 0, "it is missing");
    let checkpoint = checkpoint::read(dir)?.ok_or_else(missing)?;
    let path = dir.join(commits::FILE);
    let bytes = fs::read(&path).map_err(LogError::io("read", &path))?;
    let header = Header::read(&path, &bytes)?;
    let durable_bytes = checkpoint.durable_bytes(header.generation).unwrap_or(header.durable_bytes);
    let same_boot = !boot_id.is_empty() && checkpoint.boot_id == boot_id;
    let replay = replay(&path, &bytes, durable_bytes, same_boot)?;
    Ok(Past { checkpoint, generation: header.generation, durable_bytes, replay, same_boot })
}

fn report(past: &Past, clean: bool) {
    if let Some(reason) = past.replay.dropped {
        tracing::warn!(reason, from_byte = past.replay.bytes, "commits dropped");
    } else if !clean && !past.replay.last.is_empty() {
        tracing::info!(machine_ran_on = past.same_boot, "recovering after an unclean stop");
    }
}

fn open_topics(
    machine: &Machine,
    dir: &Path,
    past: &Past,
    cache: &TailCache,
    rules: RecoveryRules,
) -> Result<BTreeMap<Arc<str>, Arc<Topic>>, LogError> {
    let (disk, now_ms) = (machine.disk.as_ref(), machine.clock.now_ms());
    let mut topics = BTreeMap::new();
    for entry in catalog::read(dir)? {
        let spec = entry.spec()?;
        let commit = past.replay.last.get(&spec.writer);
        let believed = |partition: &TopicPartition| Believed {
            point: past.checkpoint.partitions.get(&partition.to_string()).copied().unwrap_or_default(),
            committed: (!entry.is_of_clients())
                .then(|| commit.map_or(0, |commit| commit.end(&partition.topic, partition.partition.index()))),
        };
        // What another process says at this moment holds; what one has said before its end may have changed since.
        let seal = match commit.is_some_and(|commit| commit.sealed) {
            true if rules.read_only => Seal::Sealed,
            true => Seal::Earlier,
            false => Seal::Open,
        };
        let codec = match entry.is_of_clients() {
            true => Codec::of_bytes(spec.name.clone()),
            false => Codec::new(spec.name.clone(), spec.schema.clone(), entry.schema_id, entry.avro.clone())?,
        };
        let numbers = 0..spec.partitions;
        let partitions = open_partitions(disk, dir, &spec, numbers, cache, believed, rules)?;
        let settings = entry.settings();
        let topic = Topic::new(spec, settings, entry.id(), entry.schema_id, codec, partitions, seal);
        if entry.is_of_clients() {
            let disk = (!rules.read_only).then_some(disk);
            topic.partitions.iter().try_for_each(|partition| clients::load(disk, partition, now_ms))?;
        }
        topics.insert(topic.name.clone(), Arc::new(topic));
    }
    Ok(topics)
}

/// Opens partitions of a topic.
pub(crate) fn open_partitions(
    disk: &dyn Disk,
    dir: &Path,
    spec: &TopicSpec,
    numbers: Range<u32>,
    cache: &TailCache,
    believed: impl Fn(&TopicPartition) -> Believed,
    rules: RecoveryRules,
) -> Result<Vec<Arc<Partition>>, LogError> {
    let open = |number| {
        let name = TopicPartition::new(spec.name.clone(), number);
        let (dir, believed) = (partition_dir(dir, &name), believed(&name));
        Partition::open(disk, name, cache.add_partition(), &dir, believed, rules).map(Arc::new)
    };
    numbers.map(open).collect()
}
