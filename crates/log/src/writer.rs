//! The one writer of a set of topics.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use millrace_flow::{Batch, Commit, Epoch, LogWriter, Offset, PartitionId, Result as FlowResult, TopicPartition};

use crate::LogError;
use crate::append::{Buffers, append};
use crate::commits::{COOKIE_BYTES_MAX, CommitRecord};
use crate::shared::{Shared, WriterSlot};
use crate::topic::{Seal, Topic};

/// An open writer.
pub(crate) struct EmbeddedWriter {
    shared: Arc<Shared>,
    id: Arc<str>,
    slot: Arc<WriterSlot>,
    last: Option<Commit>,
    /// Its topics, as of `topics_version`.
    topics: Vec<Arc<Topic>>,
    topics_version: Option<u64>,
    /// Partitions appended to since the last commit.
    touched: Vec<(Arc<Topic>, PartitionId)>,
    buffers: Buffers,
}

impl EmbeddedWriter {
    /// Opens the writer `id`.
    pub(crate) fn open(shared: Arc<Shared>, id: &str) -> Result<Self, LogError> {
        drop(shared.enter()?);
        let slot = shared.writer_slot(id);
        let id: Arc<str> = Arc::from(id);
        if slot.open.swap(true, Ordering::AcqRel) {
            return Err(LogError::WriterOpen(id));
        }
        let last = slot.last();
        let (topics, touched, buffers) = (Vec::new(), Vec::new(), Buffers::default());
        Ok(Self { shared, id, slot, last, topics, topics_version: None, touched, buffers })
    }

    fn refresh_topics(&mut self) {
        let version = self.shared.topics_version.load(Ordering::Acquire);
        if self.topics_version != Some(version) {
            self.topics = self.shared.all_topics();
            self.topics.retain(|topic| topic.writer == self.id);
            self.topics_version = Some(version);
        }
    }

    fn own_topic(&mut self, name: &Arc<str>) -> Result<Arc<Topic>, LogError> {
        self.refresh_topics();
        if let Some(topic) = self.topics.iter().find(|topic| topic.name == *name) {
            return Ok(topic.clone());
        }
        match self.shared.find(name) {
            None => Err(LogError::UnknownTopic(name.clone())),
            Some(topic) => {
                let (owner, writer) = (topic.writer.clone(), self.id.clone());
                Err(LogError::NotOwner { topic: name.clone(), owner, writer })
            }
        }
    }

    fn append_batch(&mut self, to: &TopicPartition, batch: Batch) -> Result<Range<Offset>, LogError> {
        let topic = self.own_topic(&to.topic)?;
        let shared = self.shared.clone();
        let _open = shared.enter()?;
        let partition = topic.partition(to.partition)?;
        if batch.num_rows() == 0 {
            let next = Offset(partition.next());
            return Ok(next..next);
        }
        let offsets = append(&shared, &topic, partition, batch, &mut self.buffers)?;
        if !self.touched.iter().any(|(known, id)| *id == to.partition && Arc::ptr_eq(known, &topic)) {
            self.touched.push((topic, to.partition));
        }
        Ok(offsets)
    }

    fn commit_all(&mut self, cookie: Bytes, sealed: bool) -> Result<Epoch, LogError> {
        self.refresh_topics();
        let shared = self.shared.clone();
        let _open = shared.enter()?;
        if cookie.len() > COOKIE_BYTES_MAX {
            let (writer, bytes) = (self.id.clone(), cookie.len());
            return Err(LogError::CookieTooLarge { writer, bytes, bytes_max: COOKIE_BYTES_MAX });
        }
        let durable = shared.commits_are_durable();
        if durable {
            self.sync_data().map_err(|error| shared.fail(error))?;
        }
        let epoch = self.last.as_ref().map_or(Epoch(1), |last| last.epoch.next());
        let ends = self
            .topics
            .iter()
            .map(|topic| (topic.name.clone(), topic.partitions.iter().map(|partition| partition.next()).collect()));
        let (writer, ends) = (self.id.clone(), ends.collect());
        let record = CommitRecord { writer, epoch: epoch.0, cookie: cookie.clone(), sealed, durable, ends };
        let position = shared.commits()?.append(&record)?;
        if durable {
            shared.commits()?.sync_to(position).map_err(|error| shared.fail(error))?;
        }
        self.publish(Commit { epoch, cookie, sealed });
        Ok(epoch)
    }

    /// Brings everything that the next commit will name to the disk.
    fn sync_data(&self) -> Result<(), LogError> {
        for (topic, id) in &self.touched {
            topic.partition(*id)?.take_unsynced().sync(self.shared.disk())?;
        }
        let synced = self.slot.sync_attached(self.shared.disk());
        synced.map_err(LogError::io("sync a file attached to a writer in", Path::new(&*self.shared.dir)))
    }

    /// Lets everybody see what the commit names, at once.
    fn publish(&mut self, commit: Commit) {
        let visible = self.shared.visible.write().unwrap_or_else(PoisonError::into_inner);
        for (topic, id) in self.touched.drain(..) {
            topic.partitions[id.index()].publish();
        }
        for topic in &self.topics {
            topic.set_seal(if commit.sealed { Seal::Sealed } else { Seal::Open });
        }
        *self.slot.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(commit.clone());
        drop(visible);
        self.last = Some(commit);
        self.shared.signal.notify();
    }

    fn rollback_all(&mut self) -> Result<(), LogError> {
        while let Some((topic, id)) = self.touched.last() {
            let partition = topic.partition(*id)?;
            partition.rollback(self.shared.disk()).map_err(|error| self.shared.fail(error))?;
            self.shared.cache.truncate(partition.slot, partition.committed());
            self.touched.pop();
        }
        Ok(())
    }
}

impl LogWriter for EmbeddedWriter {
    fn last_commit(&self) -> Option<&Commit> {
        self.last.as_ref()
    }

    fn append(&mut self, partition: &TopicPartition, batch: Batch) -> FlowResult<Range<Offset>> {
        Ok(self.append_batch(partition, batch)?)
    }

    fn commit(&mut self, cookie: Bytes, sealed: bool) -> FlowResult<Epoch> {
        Ok(self.commit_all(cookie, sealed)?)
    }

    fn reseal(&mut self) {
        if self.last.as_ref().is_some_and(|last| last.sealed) {
            self.refresh_topics();
            self.topics.iter().for_each(|topic| topic.set_seal(Seal::Sealed));
            self.shared.signal.notify();
        }
    }

    fn rollback(&mut self) -> FlowResult<()> {
        let shared = self.shared.clone();
        let _open = shared.enter()?;
        Ok(self.rollback_all()?)
    }

    fn attach(&mut self, file: Arc<File>) {
        self.slot.attach(file);
    }

    fn discard(&mut self, files: Vec<PathBuf>) {
        self.shared.discard(files);
    }
}

impl Drop for EmbeddedWriter {
    fn drop(&mut self) {
        // In a log that is closed or out of service nobody reads the tail any more, and the next start cuts it.
        let shared = self.shared.clone();
        if let Ok(_open) = shared.enter()
            && let Err(error) = self.rollback_all()
        {
            tracing::warn!(writer = %self.id, %error, "uncommitted records not cut");
        }
        self.slot.open.store(false, Ordering::Release);
    }
}
