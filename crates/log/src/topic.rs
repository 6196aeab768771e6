//! One topic: what it is, its partitions, its readers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use millrace_flow::{Offset, PartitionId, TopicInfo, TopicPartition, TopicSpec};

use crate::LogError;
use crate::catalog::Entry;
use crate::clients::{Settings, TopicId};
use crate::columns::Codec;
use crate::partition::Partition;
use crate::readers::Readers;

/// Whether more may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Seal {
    /// More may come.
    Open,
    /// The writer has said that nothing more will come.
    Sealed,
    /// An earlier process has said so; whether that still holds is for the writer of this one to say.
    Earlier,
}

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) writer: Arc<str>,
    pub(crate) id: TopicId,
    /// There where clients append.
    pub(crate) settings: Option<Settings>,
    pub(crate) schema_id: u32,
    pub(crate) codec: Codec,
    pub(crate) partitions: Vec<Arc<Partition>>,
    pub(crate) readers: Readers,
    seal: AtomicU8,
    spec: RwLock<TopicSpec>,
}

impl Topic {
    /// The topic `spec`, with these partitions.
    pub(crate) fn new(
        spec: TopicSpec,
        settings: Option<Settings>,
        id: TopicId,
        schema_id: u32,
        codec: Codec,
        partitions: Vec<Arc<Partition>>,
        seal: Seal,
    ) -> Self {
        let (name, writer) = (spec.name.clone(), spec.writer.clone());
        let (readers, seal, spec) = (Readers::default(), AtomicU8::new(seal as u8), RwLock::new(spec));
        Self { name, writer, id, settings, schema_id, codec, partitions, readers, seal, spec }
    }

    /// What it was created with.
    pub(crate) fn spec(&self) -> TopicSpec {
        self.spec.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is(&self, seal: Seal) -> bool {
        self.seal.load(Ordering::Acquire) == seal as u8
    }

    /// Says whether more may come.
    pub(crate) fn set_seal(&self, seal: Seal) {
        self.seal.store(seal as u8, Ordering::Release);
    }

    /// Takes over what is asked to be done with its old records; says whether that is something new.
    pub(crate) fn set_retention(&self, bytes: Option<u64>, ms: Option<i64>) -> bool {
        let mut spec = self.spec.write().unwrap_or_else(PoisonError::into_inner);
        let changed = (spec.retention_bytes, spec.retention_ms) != (bytes, ms);
        (spec.retention_bytes, spec.retention_ms) = (bytes, ms);
        changed
    }

    /// The partition of that number.
    pub(crate) fn partition(&self, id: PartitionId) -> Result<&Partition, LogError> {
        let unknown = || LogError::UnknownPartition(TopicPartition::new(self.name.clone(), id.0));
        self.partitions.get(id.index()).map(Arc::as_ref).ok_or_else(unknown)
    }

    /// What it is at this moment.
    pub(crate) fn info(&self) -> TopicInfo {
        TopicInfo {
            spec: self.spec(),
            schema_id: self.schema_id,
            starts: self.partitions.iter().map(|partition| Offset(partition.start())).collect(),
            ends: self.partitions.iter().map(|partition| Offset(partition.committed())).collect(),
            sealed: self.is(Seal::Sealed),
            was_sealed: self.is(Seal::Earlier),
            bytes: self.partitions.iter().map(|partition| partition.bytes()).sum(),
        }
    }

    /// How it is kept in the catalog.
    pub(crate) fn entry(&self) -> Entry {
        Entry::new(&self.spec(), self.id, self.settings.as_ref(), self.schema_id, self.codec.avro().clone())
    }
}

/// Folder of a partition.
pub(crate) fn partition_dir(dir: &Path, partition: &TopicPartition) -> PathBuf {
    dir.join("topics").join(partition.to_string())
}
