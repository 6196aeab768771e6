//! Topics of clients, as people make and change them, and records that people write into them: by the API while the project
//! runs, by the command line while it does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_broker::{Broker, StoredGroups};
use millrace_flow::{TopicPartition, partition_for_key};
use millrace_log::{ClientTopic, LogError, NewRecord, Refused, known_config};

use crate::model::{
    MessageCompression, NewMessage, NewMessages, NewTopic, Topic, TopicChange, Written, WrittenPartition,
};
use crate::stores::Stores;
use crate::{Project, Result, StationError, nearest, topics};

/// The topics of a log, for whoever may change them.
pub(crate) struct ClientTopics<'a> {
    pub(crate) stores: &'a Stores,
    /// There where clients of Kafka are served.
    pub(crate) broker: Option<&'a Broker>,
}

impl ClientTopics<'_> {
    /// Makes a topic.
    pub(crate) fn create(&self, new: &NewTopic) -> Result<Topic> {
        let kafka = self.stores.project.config.kafka.as_ref();
        let partitions = new.partitions.or(kafka.map(|kafka| kafka.partitions)).unwrap_or(1);
        // What a statement will make at the next start is no name for another topic.
        if let Some(stage) = self.stores.project.catalog.writer(&new.name) {
            return Err(StationError::NotOfClients { topic: new.name.clone(), owner: owner(&stage.id()) });
        }
        self.stores.embedded.create_client_topic(&new.name, partitions, 1, new.configs.clone())?;
        self.told(&new.name)
    }

    /// Gives a topic other settings, more partitions, or both; if one of them cannot be, nothing is changed.
    pub(crate) fn alter(&self, name: &str, change: &TopicChange) -> Result<Topic> {
        let found = self.find(name)?;
        if change.partitions.is_none() && change.configs.is_empty() {
            return Err(StationError::Question("nothing is to be changed; give configs or partitions".to_owned()));
        }
        let count = found.info.spec.partitions;
        if change.partitions.is_some_and(|partitions| partitions <= count) {
            let text =
                format!("topic `{name}` has {count} partitions already, and none can be taken away; ask for more");
            return Err(StationError::Question(text));
        }
        let mut configs = (*found.configs).clone();
        for (key, value) in &change.configs {
            let known = known_config(key)?;
            match value {
                Some(value) => {
                    known.check(value)?;
                    configs.insert(key.clone(), value.clone());
                }
                None => drop(configs.remove(key)),
            }
        }
        // Partitions first: they are refused where the others are not.
        if let Some(partitions) = change.partitions {
            self.stores.embedded.add_partitions(name, partitions)?;
        }
        if !change.configs.is_empty() {
            self.stores.embedded.set_configs(name, configs)?;
        }
        self.told(name)
    }

    /// Takes a topic away, with everything in it and the offsets that groups have of it.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        self.find(name)?;
        self.stores.embedded.delete_client_topic(name)?;
        match self.broker {
            Some(broker) => broker.forget_topic(name),
            None => StoredGroups::forget_topic(&self.stores.embedded, name)?,
        }
        Ok(())
    }

    /// Writes records, all of them or, unless the disk fails, none.
    pub(crate) fn write(&self, name: &str, new: &NewMessages) -> Result<Written> {
        let found = self.find(name)?;
        let count = found.info.spec.partitions;
        if let Some(partition) = new.partition.filter(|partition| *partition >= count) {
            return Err(StationError::no_partition(name, partition, count));
        }
        let records: Vec<NewRecord> = new.records.iter().map(record).collect();
        self.stores.embedded.check_records(name, &records).map_err(|(at, refused)| refused_record(at, refused))?;
        let mut by_partition: BTreeMap<u32, Vec<&NewRecord>> = BTreeMap::new();
        let shortest = shortest(&found);
        for record in &records {
            let by_key = || record.key.as_ref().map(|key| partition_for_key(key, count).0);
            by_partition.entry(new.partition.or_else(by_key).unwrap_or(shortest)).or_default().push(record);
        }
        let compression = packed_with(new.compression);
        let mut partitions = Vec::with_capacity(by_partition.len());
        for (partition, records) in by_partition {
            let to = TopicPartition::new(name, partition);
            let appended = self.stores.embedded.append_records(&to, &records, compression).map_err(refused)?;
            let (first, last) = (appended.0.0, appended.1.0 - 1);
            partitions.push(WrittenPartition { partition, records: records.len() as u64, first, last });
        }
        Ok(Written { records: records.len() as u64, partitions })
    }

    /// A topic that clients may change.
    fn find(&self, name: &str) -> Result<ClientTopic> {
        let Some(found) = self.stores.embedded.client_topic(name) else {
            let topics = self.stores.embedded.client_topics();
            let known = topics.iter().filter(|topic| topic.is_of_clients).map(|topic| &*topic.info.spec.name);
            let cure = nearest::cure(name, known, "topics of clients");
            return Err(StationError::NoTopic { name: name.to_owned(), cure });
        };
        if found.is_of_clients {
            return Ok(found);
        }
        Err(StationError::NotOfClients { topic: name.to_owned(), owner: owner(&found.info.spec.writer) })
    }

    fn told(&self, name: &str) -> Result<Topic> {
        let info = self.stores.topic(name)?;
        Ok(topics::topic(self.stores, &info, Vec::new(), &[]))
    }
}

/// `source:sales` as people say it.
fn owner(writer: &str) -> String {
    match writer.split_once(':') {
        Some(("source", name)) => format!("source `{name}`"),
        Some((_, name)) => format!("view `{name}`"),
        None => format!("`{writer}`"),
    }
}

fn record(new: &NewMessage) -> NewRecord {
    let bytes = |text: &String| text.clone().into_bytes();
    let headers = new.headers.iter().map(|(name, value)| (name.clone(), bytes(value))).collect();
    NewRecord { key: new.key.as_ref().map(bytes), value: new.value.as_ref().map(bytes), headers }
}

/// Where records without a key go: together, so that they stay in order, and where the fewest are.
fn shortest(topic: &ClientTopic) -> u32 {
    let ends = (0_u32..).zip(&topic.info.ends);
    ends.min_by_key(|(_, end)| **end).map_or(0, |(number, _)| number)
}

/// The name that topics have for it.
fn packed_with(compression: MessageCompression) -> Option<&'static str> {
    match compression {
        MessageCompression::None => None,
        MessageCompression::Gzip => Some("gzip"),
        MessageCompression::Snappy => Some("snappy"),
        MessageCompression::Lz4 => Some("lz4"),
        MessageCompression::Zstd => Some("zstd"),
    }
}

fn refused(refused: Refused) -> StationError {
    match refused {
        Refused::Log(error) => StationError::Log(error),
        refused => StationError::NotTaken(refused.to_string()),
    }
}

fn refused_record(at: usize, refused: Refused) -> StationError {
    let reason = match refused {
        Refused::Log(error) => return StationError::Log(error),
        Refused::WithoutKey(_) => "it has no key, and every record of a compacted topic needs one".to_owned(),
        Refused::TooLarge { bytes, bytes_max } => {
            format!("it takes {bytes} bytes, more than the {bytes_max} of `max.message.bytes`")
        }
        refused => refused.to_string(),
    };
    StationError::Record { at: at + 1, reason }
}

/// The topics of a project that does not run. Nobody starts it while this is there.
pub struct StoppedTopics {
    stores: Stores,
}

impl StoppedTopics {
    /// Opens the data folder of a project that has run.
    ///
    /// # Errors
    /// When there is none, somebody runs the project, or the disk does not answer.
    pub fn open(project: Project) -> Result<Self> {
        if !project.config.data_dir.is_dir() {
            return Err(StationError::NoData(project.config.data_dir));
        }
        Self::open_or_make(project)
    }

    /// Opens the data folder of a project, and makes it where there is none.
    ///
    /// # Errors
    /// When somebody runs the project, or the disk does not answer.
    pub fn open_or_make(project: Project) -> Result<Self> {
        Ok(Self { stores: Stores::open_log(Arc::new(project))? })
    }

    fn topics(&self) -> ClientTopics<'_> {
        ClientTopics { stores: &self.stores, broker: None }
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// When the name is taken or none, or a setting cannot be.
    pub fn create(&self, new: &NewTopic) -> Result<Topic> {
        self.topics().create(new)
    }

    /// Changes a topic.
    ///
    /// # Errors
    /// When there is none that clients may change, or it cannot be so.
    pub fn alter(&self, name: &str, change: &TopicChange) -> Result<Topic> {
        self.topics().alter(name, change)
    }

    /// Takes a topic away.
    ///
    /// # Errors
    /// When there is none that clients may change, or the disk does not answer.
    pub fn delete(&self, name: &str) -> Result<()> {
        self.topics().delete(name)
    }

    /// Writes records.
    ///
    /// # Errors
    /// When the topic does not take them; nothing is written then, unless it is the disk that does not answer.
    pub fn write(&self, name: &str, new: &NewMessages) -> Result<Written> {
        self.topics().write(name, new)
    }

    /// Brings everything to the disk.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn close(self) -> Result<()> {
        Ok(self.stores.embedded.close()?)
    }
}

impl Drop for StoppedTopics {
    fn drop(&mut self) {
        // After an error as well: the next start finds a log that was left cleanly.
        if let Err(error) = self.stores.embedded.close() {
            tracing::warn!(%error, "the log was not closed");
        }
    }
}

impl StationError {
    /// There is no such partition.
    pub(crate) fn no_partition(topic: &str, partition: u32, partitions: u32) -> Self {
        let there_are = match partitions {
            0 | 1 => "there is 0 only".to_owned(),
            count => format!("there are 0 to {}", count - 1),
        };
        Self::Question(format!("topic `{topic}` has no partition {partition}; {there_are}"))
    }

    /// Whether what is asked for does not go with how things are at this moment.
    pub fn is_conflict(&self) -> bool {
        let is_conflict = matches!(self, Self::GroupInUse { .. } | Self::NoBroker | Self::NotOfClients { .. });
        is_conflict || matches!(self, Self::NotTaken(_) | Self::Log(LogError::TopicExists(_)))
    }

    /// Whether the words were wrong that somebody used, and not the things that they are about.
    pub fn is_wrong_use(&self) -> bool {
        match self {
            Self::Question(_) | Self::Project(_) | Self::Folder { .. } => true,
            Self::Log(error) => matches!(
                error,
                LogError::TopicName { .. }
                    | LogError::TopicConfig { .. }
                    | LogError::UnknownConfig { .. }
                    | LogError::TopicSpec { .. }
            ),
            _ => false,
        }
    }
}
