//! Groups of consumers as the API tells them, and where they are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use millrace_broker::groups::GroupOverview;
use millrace_broker::{Broker, BrokerError, GroupChange, StoredGroups};
use millrace_flow::{Offset, TopicPartition};
use millrace_log::EmbeddedLog;

use crate::messages::parse_time;
use crate::model::{Group, GroupLine, GroupMember, GroupMove, GroupMoves, GroupPartition, GroupSeek};
use crate::{Result, StationError, nearest};

/// Where groups are kept.
pub(crate) enum Keeper {
    /// With a broker that runs.
    Broker(Arc<Broker>),
    /// In the folder of a log that does not run.
    Folder(PathBuf),
}

/// Groups over the log that they read.
pub(crate) struct Groups<'a> {
    pub(crate) keeper: Keeper,
    pub(crate) log: &'a EmbeddedLog,
}

/// Where to go on in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Start,
    End,
    Offset(i64),
    By(i64),
    TimeMs(i64),
}

impl To {
    fn parse(text: &str) -> Result<Self> {
        match text {
            "start" => return Ok(Self::Start),
            "end" => return Ok(Self::End),
            _ => {}
        }
        if let Ok(number) = text.parse::<i64>() {
            let is_relative = text.starts_with(['+', '-']);
            return Ok(if is_relative { Self::By(number) } else { Self::Offset(number) });
        }
        parse_time(text).map(Self::TimeMs).map_err(|_| {
            let forms = "`start`, `end`, an offset, `+N`, `-N`, or a time in UTC as in `2011-01-01T00:00:00`";
            StationError::Question(format!("`{text}` is no place to go on from; write {forms}"))
        })
    }
}

impl Groups<'_> {
    fn overviews(&self) -> Result<Vec<GroupOverview>> {
        match &self.keeper {
            Keeper::Broker(broker) => Ok(broker.groups()),
            Keeper::Folder(dir) => Ok(StoredGroups::read(dir)?.groups(self.log)),
        }
    }

    fn overview(&self, name: &str) -> Result<Option<GroupOverview>> {
        match &self.keeper {
            Keeper::Broker(broker) => Ok(broker.group(name)),
            Keeper::Folder(dir) => Ok(StoredGroups::read(dir)?.group(name, self.log)),
        }
    }

    /// All groups by name.
    pub(crate) fn list(&self) -> Result<Vec<GroupLine>> {
        let lines = self.overviews()?.into_iter().map(|overview| {
            let group = self.told(overview);
            let topics: BTreeSet<String> = group.partitions.into_iter().map(|partition| partition.topic).collect();
            let (name, protocol, state, lag) = (group.name, group.protocol, group.state, group.lag);
            let (members, topics) = (group.members.len(), topics.into_iter().collect());
            GroupLine { name, protocol, state, members, topics, lag, uncommitted: group.uncommitted }
        });
        Ok(lines.collect())
    }

    /// One group.
    pub(crate) fn describe(&self, name: &str) -> Result<Group> {
        match self.overview(name)? {
            Some(overview) => Ok(self.told(overview)),
            None => Err(self.unknown(name)?),
        }
    }

    fn unknown(&self, name: &str) -> Result<StationError> {
        let groups = self.overviews()?;
        let cure = nearest::cure(name, groups.iter().map(|group| group.group.as_str()), "groups");
        Ok(StationError::NoGroup { name: name.to_owned(), cure })
    }

    /// Says where a group would go on, and has it go on there if that is asked for.
    pub(crate) fn seek(&self, name: &str, seek: &GroupSeek) -> Result<GroupMoves> {
        let to = To::parse(&seek.to)?;
        let found = self.overview(name)?;
        // A group that is not there is made, if it is said for what.
        if found.is_none() && seek.topics.is_empty() {
            return Err(self.unknown(name)?);
        }
        self.refuse_members(found.as_ref())?;
        if name.is_empty() {
            return Err(StationError::Question("a group needs a name".to_owned()));
        }
        let moves = self.moves(found.as_ref(), seek, to)?;
        if moves.is_empty() {
            let text = format!("group `{name}` has no offsets to move; name a topic");
            return Err(StationError::Question(text));
        }
        if seek.apply {
            let number = |partition: u32| i32::try_from(partition).unwrap_or(i32::MAX);
            let offsets = moves.iter().map(|found| (found.topic.clone(), number(found.partition), found.to));
            self.change(name, &GroupChange::Seek(offsets.collect()))?;
        }
        Ok(GroupMoves { group: name.to_owned(), applied: seek.apply, moves })
    }

    /// Forgets a group with all its offsets.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        let Some(found) = self.overview(name)? else { return Err(self.unknown(name)?) };
        self.refuse_members(Some(&found))?;
        self.change(name, &GroupChange::Delete)
    }

    fn change(&self, name: &str, change: &GroupChange) -> Result<()> {
        match &self.keeper {
            Keeper::Broker(broker) => broker.change_group(name, change)?,
            Keeper::Folder(dir) => StoredGroups::change(dir, name, change)?,
        }
        Ok(())
    }

    /// Members go on from where they are and would write over whatever is set.
    fn refuse_members(&self, group: Option<&GroupOverview>) -> Result<()> {
        let Some(group) = group.filter(|group| !group.members.is_empty()) else { return Ok(()) };
        let clients: BTreeSet<&str> = group.members.iter().map(|member| member.client_id.as_str()).collect();
        let clients: Vec<&str> = clients.into_iter().collect();
        let cure = match self.keeper {
            Keeper::Broker(_) => "stop them first",
            Keeper::Folder(_) => {
                "they may be waiting for it to start again; start it, and they are gone when their sessions end"
            }
        };
        Err(StationError::GroupInUse { name: group.group.clone(), clients: clients.join("`, `"), cure })
    }

    /// Where the group would go on in each partition that is meant.
    fn moves(&self, group: Option<&GroupOverview>, seek: &GroupSeek, to: To) -> Result<Vec<GroupMove>> {
        let mut from: BTreeMap<(String, u32), Option<i64>> = BTreeMap::new();
        for (topic, partition, committed) in group.map(|group| group.offsets.as_slice()).unwrap_or_default() {
            if let Ok(partition) = u32::try_from(*partition) {
                from.insert((topic.clone(), partition), Some(committed.offset));
            }
        }
        for topic in &seek.topics {
            let partitions = self.partitions_of(topic)?;
            if let Some(wanted) = seek.partition.filter(|wanted| *wanted >= partitions) {
                return Err(StationError::no_partition(topic, wanted, partitions));
            }
            for number in 0..partitions {
                from.entry((topic.clone(), number)).or_insert(None);
            }
        }
        from.retain(|(topic, partition), _| {
            (seek.topics.is_empty() || seek.topics.contains(topic))
                && seek.partition.is_none_or(|wanted| wanted == *partition)
        });
        let mut moves = Vec::with_capacity(from.len());
        for ((topic, partition), from) in from {
            // Offsets of partitions that are gone go nowhere.
            let place = TopicPartition::new(&*topic, partition);
            let Ok((start, end)) = self.log.offsets(&place) else { continue };
            let to = self.place(&place, to, from, start, end)?;
            moves.push(GroupMove { topic, partition, from, to, start: start.0, end: end.0 });
        }
        Ok(moves)
    }

    fn place(&self, partition: &TopicPartition, to: To, from: Option<i64>, start: Offset, end: Offset) -> Result<i64> {
        let wanted = match to {
            To::Start => start.0,
            To::End => end.0,
            To::Offset(offset) => offset,
            // Who stands nowhere is counted from the start.
            To::By(count) => from.unwrap_or(start.0).saturating_add(count),
            To::TimeMs(time_ms) => self.log.record_at_time(partition, time_ms)?.map_or(end.0, |(offset, _)| offset.0),
        };
        Ok(wanted.clamp(start.0, end.0))
    }

    fn partitions_of(&self, topic: &str) -> Result<u32> {
        if let Some(found) = self.log.client_topic(topic) {
            return Ok(found.info.spec.partitions);
        }
        let topics = self.log.client_topics();
        let cure = nearest::cure(topic, topics.iter().map(|topic| &*topic.info.spec.name), "topics");
        Err(StationError::NoTopic { name: topic.to_owned(), cure })
    }

    fn told(&self, overview: GroupOverview) -> Group {
        let mut partitions: BTreeMap<(String, i32), (Option<i64>, Option<String>)> = BTreeMap::new();
        for (topic, partition, committed) in overview.offsets {
            partitions.insert((topic, partition), (Some(committed.offset), None));
        }
        let members = overview.members.into_iter().map(|member| {
            let count = member.partitions.len();
            for place in member.partitions {
                partitions.entry(place).or_default().1 = Some(member.id.clone());
            }
            GroupMember {
                id: member.id,
                instance: member.instance_id,
                client: member.client_id,
                host: member.client_host.trim_start_matches('/').to_owned(),
                partitions: count,
            }
        });
        let members = members.collect();
        let mut uncommitted = 0;
        let partitions = partitions.into_iter().filter_map(|((topic, partition), (committed, member))| {
            let partition = u32::try_from(partition).ok()?;
            let bounds = self.log.offsets(&TopicPartition::new(&*topic, partition)).ok();
            let end = bounds.map(|(_, end)| end.0);
            let lag = committed.zip(end).map(|(committed, end)| u64::try_from(end - committed).unwrap_or(0));
            if let (None, Some((start, end))) = (committed, bounds) {
                uncommitted += u64::try_from(end.0 - start.0).unwrap_or(0);
            }
            Some(GroupPartition { topic, partition, committed, end, lag, member })
        });
        let partitions: Vec<GroupPartition> = partitions.collect();
        Group {
            name: overview.group,
            protocol: overview.protocol.to_owned(),
            state: overview.state.to_owned(),
            members,
            lag: sum(partitions.iter().filter_map(|partition| partition.lag)),
            uncommitted,
            partitions,
        }
    }
}

/// The sum; nothing of nothing.
fn sum(numbers: impl Iterator<Item = u64>) -> Option<u64> {
    numbers.reduce(|sum, number| sum + number)
}

impl From<BrokerError> for StationError {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Log(error) => Self::Log(error),
            error => Self::Broker(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_broker::groups::{Committed, MemberOverview};

    use super::*;

    #[test]
    fn places_are_understood() {
        assert_eq!(To::parse("start").ok(), Some(To::Start));
        assert_eq!(To::parse("end").ok(), Some(To::End));
        assert_eq!(To::parse("15").ok(), Some(To::Offset(15)));
        assert_eq!((To::parse("+15").ok(), To::parse("-15").ok()), (Some(To::By(15)), Some(To::By(-15))));
        assert_eq!(To::parse("1970-01-01T00:00:02").ok(), Some(To::TimeMs(2_000)));
        assert!(To::parse("yesterday").is_err_and(|error| error.to_string().contains("`yesterday`")));
    }

    /// A member that reads two partitions with three and five records, and where it has committed.
    fn told(committed_offsets: &[(i32, i64)]) -> Group {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Arc::new(millrace_schema::Registry::in_memory());
        let log = EmbeddedLog::open(folder.path(), millrace_log::LogConfig::default(), registry).expect("a log");
        log.create_client_topic("t", 2, 1, BTreeMap::new()).expect("a topic");
        for (partition, count) in [(0, 3), (1, 5)] {
            let record = millrace_log::NewRecord::default();
            log.append_records(&TopicPartition::new("t", partition), &vec![&record; count], None).expect("room");
        }
        let committed = |(partition, offset): &(i32, i64)| {
            let committed = Committed {
                offset: *offset,
                leader_epoch: None,
                metadata: String::new(),
                commit_time_ms: 0,
                expire_time_ms: None,
                sequence: 0,
            };
            ("t".to_owned(), *partition, committed)
        };
        let member = MemberOverview {
            id: "m".to_owned(),
            instance_id: None,
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            partitions: vec![("t".to_owned(), 0), ("t".to_owned(), 1)],
        };
        let offsets = committed_offsets.iter().map(committed).collect();
        let (protocol, state, members) = ("classic", "Stable", vec![member]);
        let overview = GroupOverview { group: "g".to_owned(), protocol, state, members, offsets };
        Groups { keeper: Keeper::Folder(folder.path().to_owned()), log: &log }.told(overview)
    }

    #[test]
    fn who_has_committed_nothing_is_not_told_to_be_through() {
        let lag = |committed: &[(i32, i64)]| {
            let group = told(committed);
            (group.lag, group.uncommitted)
        };
        assert_eq!(lag(&[]), (None, 8));
        assert_eq!(lag(&[(0, 3)]), (Some(0), 5));
        assert_eq!(lag(&[(0, 1), (1, 5)]), (Some(2), 0));
    }
}
