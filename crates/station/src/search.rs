//! A search through a topic, in moments: between two of them nothing runs, so that whoever asked decides whether it goes on.

use std::time::{Duration, Instant};

use millrace_flow::{PartitionId, TopicInfo, TopicKind};
use millrace_log::{FoundRecord, Search, Wanted};
use millrace_schema::fields::FieldReader;

use crate::messages::{Renderer, members, parse_time};
use crate::model::{Message, MissingField, SearchProgress, SearchQuery, SearchState};
use crate::sought::resolve_field;
use crate::stores::Stores;
use crate::{Result, StationError, nearest};

/// Time that a moment takes at most, and a block more: as often as a page likes to be told how far it is.
const MOMENT: Duration = Duration::from_millis(50);

/// Newest records that are looked at for whether they have a field, once nothing was found.
const LOOKED_AT_MAX: usize = 1_000;

/// A search that goes on. Dropping it ends it, and writes down what it has learned: that may wait for the disk.
pub struct TopicSearch {
    info: TopicInfo,
    /// There as long as it goes on.
    search: Option<Search>,
    /// The field that is looked for, where nothing says which fields there are.
    open_field: Option<String>,
    partition: Option<u32>,
    limit: usize,
    progress: SearchProgress,
}

impl TopicSearch {
    /// Begins a search.
    pub(crate) fn begin(stores: &Stores, topic: &str, query: &SearchQuery) -> Result<Self> {
        let info = stores.topic(topic)?;
        let wanted = wanted(&info, query)?;
        let fields = Box::new(FieldReader::new(stores.registry.clone()));
        let search = stores.embedded.search(topic, &wanted, fields)?;
        let progress = progress_of(&search, SearchState::Running, 0);
        let open_field = wanted.field.map(|(name, _)| name).filter(|_| info.spec.kind == TopicKind::Clients);
        let (partition, limit) = (query.partition, query.limit);
        Ok(Self { info, search: Some(search), open_field, partition, limit, progress })
    }

    /// How far it has come.
    pub fn progress(&self) -> &SearchProgress {
        &self.progress
    }

    /// Goes on for a moment, or until something is found: answers that.
    pub(crate) fn go_on(&mut self, stores: &Stores) -> Result<Vec<Message>> {
        let Some(mut search) = self.search.take() else { return Ok(Vec::new()) };
        let began = Instant::now();
        let mut state = SearchState::Running;
        let mut found: Vec<FoundRecord> = Vec::new();
        while found.is_empty() && state == SearchState::Running && began.elapsed() < MOMENT {
            match search.step()? {
                Some(more) => found = more,
                None => state = SearchState::Complete,
            }
        }
        let left = self.limit - self.progress.matches;
        if found.len() >= left {
            found.truncate(left);
            state = SearchState::Full;
        }
        self.progress = progress_of(&search, state, self.progress.matches + found.len());
        if state == SearchState::Running {
            self.search = Some(search);
        } else {
            search.finish();
            self.progress.missing_field = self.missing_field(stores)?;
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut renderer = Renderer::new(stores, &self.info);
        Ok(found.iter().map(|FoundRecord { partition, record }| renderer.message(partition.0, record)).collect())
    }
}

impl Drop for TopicSearch {
    fn drop(&mut self) {
        if let Some(search) = self.search.take() {
            search.finish();
        }
    }
}

impl TopicSearch {
    /// Whether the newest records have the field at all, once nothing was found: a slip of the finger must not look like an answer.
    fn missing_field(&self, stores: &Stores) -> Result<Option<MissingField>> {
        let Some(name) = self.open_field.as_ref().filter(|_| self.progress.matches == 0) else { return Ok(None) };
        let (records, members) = members(stores, &self.info.spec.name, self.partition, LOOKED_AT_MAX)?;
        if records == 0 || members.contains(name) {
            return Ok(None);
        }
        let cure = nearest::cure(name, members.iter().map(String::as_str), "members there");
        Ok(Some(MissingField { name: name.clone(), records, cure }))
    }
}

fn progress_of(search: &Search, state: SearchState, matches: usize) -> SearchProgress {
    let told = search.progress();
    SearchProgress {
        state,
        matches,
        records: told.records,
        bytes_total: told.bytes_total,
        bytes_read: told.bytes_read,
        bytes_skipped: told.bytes_skipped,
        filter_bytes: told.filter_bytes,
        blocks_read: told.blocks_read,
        blocks_skipped: told.blocks_skipped,
        blocks_damaged: told.blocks_damaged,
        missing_field: None,
    }
}

fn wanted(info: &TopicInfo, query: &SearchQuery) -> Result<Wanted> {
    let time_ms = |text: &Option<String>| text.as_deref().map(parse_time).transpose();
    let (from_ms, before_ms) = (time_ms(&query.from)?, time_ms(&query.to)?);
    if let (Some(from), Some(to)) = (&query.from, &query.to)
        && from_ms >= before_ms
    {
        let text = format!("no time is from `{from}` on and before `{to}`; give the earlier one as `from`");
        return Err(StationError::Question(text));
    }
    if let Some(partition) = query.partition.filter(|partition| *partition >= info.spec.partitions) {
        return Err(StationError::no_partition(&info.spec.name, partition, info.spec.partitions));
    }
    Ok(Wanted {
        key: query.key.clone().map(String::into_bytes),
        field: query.field.as_ref().map(|field| resolve_field(info, field)).transpose()?,
        from_ms,
        before_ms,
        partition: query.partition.map(PartitionId),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Project;
    use crate::client_topics::ClientTopics;
    use crate::config::Overrides;
    use crate::model::{NewMessage, NewMessages, NewTopic};

    fn open(folder: &tempfile::TempDir) -> Stores {
        let project = Project::open_with(folder.path(), &Overrides::default(), &[]).expect("a project");
        Stores::open_log(Arc::new(project)).expect("nobody else uses it")
    }

    fn begin(stores: &Stores, key: &str) -> TopicSearch {
        let query = SearchQuery { key: Some(key.to_owned()), limit: 10, ..SearchQuery::default() };
        TopicSearch::begin(stores, "orders", &query).expect("it begins")
    }

    #[test]
    fn a_search_that_is_given_up_keeps_what_it_has_learned() {
        let folder = tempfile::tempdir().expect("a folder");
        let stores = open(&folder);
        let topics = ClientTopics { stores: &stores, broker: None };
        topics.create(&NewTopic { name: "orders".to_owned(), ..NewTopic::default() }).expect("it is made");
        let long = "x".repeat(30_000);
        let record =
            |n| NewMessage { key: Some(format!("key {n}")), value: Some(long.clone()), ..NewMessage::default() };
        let new = NewMessages { records: (0..40).map(record).collect(), ..NewMessages::default() };
        topics.write("orders", &new).expect("they are written");
        stores.embedded.close().expect("it is on the disk");
        drop(stores);

        let stores = open(&folder);
        // In the newest block but one: the newest is not kept, since more may be appended to it.
        let mut search = begin(&stores, "key 20");
        while search.progress().matches == 0 {
            search.go_on(&stores).expect("it is read");
        }
        assert_eq!((search.progress().blocks_read, search.progress().state), (2, SearchState::Running));
        drop(search);
        let mut search = begin(&stores, "nobody's");
        while search.progress().state == SearchState::Running {
            search.go_on(&stores).expect("it is read");
        }
        assert_eq!(search.progress().blocks_skipped, 1, "{:?}", search.progress());
        assert!(search.progress().blocks_read > 1, "{:?}", search.progress());
    }
}
