//! A search through a topic, in moments: between two of them nothing runs, so that whoever asked decides whether it goes on.

use std::time::{Duration, Instant};

use millrace_flow::{PartitionId, TopicInfo};
use millrace_log::{FoundRecord, Search, Wanted};
use millrace_schema::fields::FieldReader;

use crate::messages::{Renderer, parse_time};
use crate::model::{Message, SearchProgress, SearchQuery, SearchState};
use crate::stores::Stores;
use crate::{Result, StationError};

/// Time that a moment takes at most, and a block more: as often as a page likes to be told how far it is.
const MOMENT: Duration = Duration::from_millis(50);

/// A search that goes on. Dropping it ends it.
pub struct TopicSearch {
    info: TopicInfo,
    /// There as long as it goes on.
    search: Option<Search>,
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
        Ok(Self { info, search: Some(search), limit: query.limit, progress })
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
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut renderer = Renderer::new(stores, &self.info);
        Ok(found.iter().map(|FoundRecord { partition, record }| renderer.message(partition.0, record)).collect())
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
        field: query.field.clone(),
        from_ms,
        before_ms,
        partition: query.partition.map(PartitionId),
    })
}
