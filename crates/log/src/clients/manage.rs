//! Makes, changes and takes away topics of clients.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use millrace_flow::{Offset, TopicInfo, TopicKind, TopicPartition, TopicSpec};

use super::{CLIENTS, Settings, check_configs};
use crate::checkpoint::PartitionPoint;
use crate::columns::{Codec, bytes_schema};
use crate::partition::{Believed, RecoveryRules, remove_segments};
use crate::topic::{Seal, Topic, partition_dir};
use crate::{EmbeddedLog, LogError, catalog, document, open, segment};

/// What names a topic for ever: another topic of the same name has another id.
pub type TopicId = [u8; 16];

/// A topic as clients know it.
#[derive(Debug, Clone)]
pub struct ClientTopic {
    /// What every topic has.
    pub info: TopicInfo,
    /// Its id.
    pub id: TopicId,
    /// Whether clients may append.
    pub is_of_clients: bool,
    /// Replicas that were asked for; there is one whatever it says.
    pub replicas: i16,
    /// What was set for it by name.
    pub configs: Arc<BTreeMap<String, String>>,
}

impl EmbeddedLog {
    /// Makes a topic that clients may append to.
    ///
    /// # Errors
    /// When there is one of that name, the name, the number of partitions or a config is not allowed, or the disk does not
    /// answer.
    pub fn create_client_topic(
        &self,
        name: &str,
        partitions: u32,
        replicas: i16,
        configs: BTreeMap<String, String>,
    ) -> Result<ClientTopic, LogError> {
        let _open = self.shared.enter()?;
        let _creating = self.creating();
        let spec = client_spec(name, partitions, &configs)?;
        if self.shared.find(&spec.name).is_some() {
            return Err(LogError::TopicExists(spec.name));
        }
        let topic = Arc::new(self.make(spec, Settings::new(replicas, configs))?);
        self.write_catalog(Some(&topic))?;
        self.put(topic.clone());
        Ok(self.client_view(&topic))
    }

    /// Says whether such a topic could be made, and makes nothing.
    ///
    /// # Errors
    /// Those of [`EmbeddedLog::create_client_topic`].
    pub fn check_client_topic(
        &self,
        name: &str,
        partitions: u32,
        configs: &BTreeMap<String, String>,
    ) -> Result<(), LogError> {
        let spec = client_spec(name, partitions, configs)?;
        if self.shared.find(&spec.name).is_some() { Err(LogError::TopicExists(spec.name)) } else { Ok(()) }
    }

    /// Takes a topic of clients away, with everything in it.
    ///
    /// # Errors
    /// When there is none of that name, it belongs to this program, or the disk does not answer.
    pub fn delete_client_topic(&self, name: &str) -> Result<(), LogError> {
        let _open = self.shared.enter()?;
        let _creating = self.creating();
        let topic = self.find_of_clients(name)?;
        // What the disk refuses has not happened.
        let left = self.shared.all_topics().into_iter().filter(|other| other.name != topic.name);
        catalog::write(self.shared.disk(), &self.shared.dir, left.map(|other| other.entry()).collect())?;
        self.shared.topics.write().unwrap_or_else(PoisonError::into_inner).remove(&topic.name);
        // A later topic of that name must not be taken for this one.
        let mut flushing = self.shared.flushing();
        for partition in &topic.partitions {
            partition.abandon();
            flushing.checkpoint.partitions.remove(&partition.name.to_string());
        }
        self.shared.write_checkpoint(&mut flushing, None)?;
        drop(flushing);
        for partition in &topic.partitions {
            match fs::remove_dir_all(partition.dir()) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(LogError::io("remove", partition.dir())(error));
                }
                _ => {}
            }
        }
        document::sync_dir(self.shared.disk(), &self.shared.dir.join("topics"))?;
        self.shared.topics_version.fetch_add(1, Ordering::AcqRel);
        self.shared.clients_signal.notify();
        Ok(())
    }

    /// Gives a topic of clients more partitions.
    ///
    /// # Errors
    /// When there is none of that name, it has as many already, or the disk does not answer.
    pub fn add_partitions(&self, name: &str, partitions: u32) -> Result<(), LogError> {
        let _open = self.shared.enter()?;
        let _creating = self.creating();
        let topic = self.find_of_clients(name)?;
        let settings = topic.settings.as_ref().expect("it is one of clients");
        let mut spec = topic.spec();
        if partitions <= spec.partitions {
            let reason = format!("it has {} partitions already; ask for more of them", spec.partitions);
            return Err(LogError::TopicSpec { topic: spec.name, reason });
        }
        spec.partitions = partitions;
        catalog::validate(&spec)?;
        let settings = Settings::new(settings.replicas, (*settings.configs()).clone());
        let more = Arc::new(self.with_partitions(spec, settings, topic.id, topic.partitions.clone())?);
        self.write_catalog(Some(&more))?;
        self.put(more);
        Ok(())
    }

    /// Takes the records of a partition of clients before `before` away; answers the offset that it begins at then.
    ///
    /// # Errors
    /// When there is no such partition, it ends before that, or the disk does not answer.
    pub fn delete_records(&self, partition: &TopicPartition, before: Offset) -> Result<Offset, LogError> {
        let _open = self.shared.enter()?;
        let topic = self.find_of_clients(&partition.topic)?;
        let held = topic.partition(partition.partition)?;
        held.check_online()?;
        let (_, end) = self.bounds(held);
        if before.0 > end {
            return Err(LogError::OffsetPastEnd { partition: partition.clone(), from: before, end: Offset(end) });
        }
        // Nobody else is bringing the partition to the disk, or has failed to.
        let mut flushing = self.shared.flushing();
        self.shared.check_in_service()?;
        // After a power cut a partition must not end before it begins.
        held.settle(self.shared.disk(), before.0).map_err(|error| self.shared.fail(error))?;
        held.begin_at(before.0);
        let retired = held.retire(held.start(), |_, _, _| true)?;
        self.shared.write_checkpoint(&mut flushing, None)?;
        if let Some((_, bases)) = retired {
            remove_segments(self.shared.disk(), held.dir(), &bases)?;
        }
        Ok(Offset(held.start()))
    }

    /// Sets other configs for a topic of clients.
    ///
    /// # Errors
    /// When there is none of that name, a config is not allowed, or the disk does not answer.
    pub fn set_configs(&self, name: &str, configs: BTreeMap<String, String>) -> Result<(), LogError> {
        let _open = self.shared.enter()?;
        let _creating = self.creating();
        let topic = self.find_of_clients(name)?;
        check_configs(&configs)?;
        let settings = topic.settings.as_ref().expect("it is one of clients");
        let set = |configs| {
            settings.replace(configs);
            let rules = settings.rules();
            topic.set_retention(rules.retention_bytes, rules.retention_ms);
        };
        let before = settings.configs();
        set(configs);
        self.write_catalog(None).inspect_err(|_| set((*before).clone()))
    }

    /// All topics as clients know them, by name.
    pub fn client_topics(&self) -> Vec<ClientTopic> {
        self.shared.all_topics().iter().map(|topic| self.client_view(topic)).collect()
    }

    /// The names of those of the topics with these ids that there are.
    pub fn topic_names(&self, ids: &HashSet<TopicId>) -> HashMap<TopicId, Arc<str>> {
        let topics = self.shared.topics.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = topics.values().filter(|topic| ids.contains(&topic.id));
        wanted.map(|topic| (topic.id, topic.name.clone())).collect()
    }

    /// Whether clients append to a topic; nothing if there is no such topic.
    pub fn is_of_clients(&self, name: &str) -> Option<bool> {
        self.shared.find(name).map(|topic| topic.settings.is_some())
    }

    /// One topic as clients know it.
    pub fn client_topic(&self, name: &str) -> Option<ClientTopic> {
        self.shared.find(name).map(|topic| self.client_view(&topic))
    }

    fn client_view(&self, topic: &Topic) -> ClientTopic {
        let settings = topic.settings.as_ref();
        ClientTopic {
            info: self.info(topic),
            id: topic.id,
            is_of_clients: settings.is_some(),
            replicas: settings.map_or(1, |settings| settings.replicas),
            configs: settings.map(super::Settings::configs).unwrap_or_default(),
        }
    }

    fn find_of_clients(&self, name: &str) -> Result<Arc<Topic>, LogError> {
        let topic = self.find(&Arc::from(name))?;
        if topic.settings.is_some() {
            return Ok(topic);
        }
        let (topic, owner) = (topic.name.clone(), topic.writer.clone());
        Err(LogError::NotOwner { topic, owner, writer: CLIENTS.into() })
    }

    fn creating(&self) -> MutexGuard<'_, ()> {
        self.shared.creating.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, topic: Arc<Topic>) {
        let mut topics = self.shared.topics.write().unwrap_or_else(PoisonError::into_inner);
        topics.insert(topic.name.clone(), topic);
        drop(topics);
        self.shared.topics_version.fetch_add(1, Ordering::AcqRel);
        self.shared.clients_signal.notify();
    }

    fn make(&self, spec: TopicSpec, settings: Settings) -> Result<Topic, LogError> {
        self.with_partitions(spec, settings, new_id(), Vec::new())
    }

    /// The topic with the partitions that it has, and those that it has not yet.
    fn with_partitions(
        &self,
        spec: TopicSpec,
        settings: Settings,
        id: TopicId,
        mut partitions: Vec<Arc<crate::partition::Partition>>,
    ) -> Result<Topic, LogError> {
        let have = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
        let names = (have..spec.partitions).map(|number| TopicPartition::new(spec.name.clone(), number));
        let dirs: Vec<_> = names.map(|name| partition_dir(&self.shared.dir, &name)).collect();
        for dir in dirs.iter().filter(|dir| dir.exists()) {
            // What lies there is of a topic that was taken away while the machine went down.
            fs::remove_dir_all(dir).map_err(LogError::io("remove", dir))?;
        }
        segment::create_dirs(self.shared.disk(), &dirs)?;
        let empty = Believed { point: PartitionPoint::default(), committed: Some(0) };
        let rules = RecoveryRules { trust_indexes: false, read_only: false };
        let (disk, dir, cache) = (self.shared.disk(), &self.shared.dir, &self.shared.cache);
        let numbers = have..spec.partitions;
        partitions.extend(open::open_partitions(disk, dir, &spec, numbers, cache, |_| empty, rules)?);
        let codec = Codec::of_bytes(spec.name.clone());
        Ok(Topic::new(spec, Some(settings), id, 0, codec, partitions, Seal::Open))
    }
}

fn client_spec(name: &str, partitions: u32, configs: &BTreeMap<String, String>) -> Result<TopicSpec, LogError> {
    check_configs(configs)?;
    let rules = super::Rules::new(configs);
    let spec = TopicSpec {
        name: Arc::from(name),
        partitions,
        schema: bytes_schema(),
        kind: TopicKind::Clients,
        writer: CLIENTS.into(),
        key: None,
        event_time: None,
        retention_bytes: rules.retention_bytes,
        retention_ms: rules.retention_ms,
    };
    catalog::validate(&spec)?;
    Ok(spec)
}

/// A random id: version 4 of RFC 9562.
fn new_id() -> TopicId {
    *uuid::Uuid::new_v4().as_bytes()
}
