//! Messages of a topic: the newest or the oldest, from an offset or a time, with a key, from a line of a file, with a text.
//!
//! A question looks at a bounded number of records; when that is not enough it says so, and its `next` goes on where it stopped.
//! Each partition is walked in one direction from its own position; what comes out is merged by time, never against the order
//! of offsets within a partition, so that a position is all that has to be remembered.

mod filter;
mod plain;
mod render;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use millrace_flow::{TopicInfo, TopicPartition};
use serde_json::Value;

use crate::model::{MessagesPage, MessagesQuery, Order};
use crate::stores::Stores;
use crate::{Result, StationError};
use filter::Filter;
pub(crate) use render::Renderer;
use walk::{Found, Span, Walk};

/// Records that one question looks at: a fraction of a second, whatever is in them.
const SCANNED_MAX: usize = 100_000;

/// Messages of one answer.
const LIMIT_MAX: usize = 10_000;

/// Answers a question about the messages of a topic.
pub(crate) fn find(stores: &Stores, topic: &str, query: &MessagesQuery) -> Result<MessagesPage> {
    let info = stores.topic(topic)?;
    let spans = spans(stores, &info, query)?;
    let mut renderer = Renderer::new(stores, &info);
    let filter = Filter::new(query, &renderer)?;
    let limit = query.limit.clamp(1, LIMIT_MAX);
    let budget = if filter.is_open() { usize::MAX } else { SCANNED_MAX / spans.len().max(1) };
    let mut walks = Vec::with_capacity(spans.len());
    for span in spans {
        walks.push(Walk::through(stores, span, query.order, &filter, &mut renderer, limit, budget)?);
    }
    let scanned = walks.iter().map(|walk| walk.scanned).sum();
    let found = merge(&mut walks, query.order, limit);
    let messages = found.into_iter().map(|found| renderer.message(found.partition, &found.record)).collect();
    let complete = walks.iter().all(Walk::is_complete);
    let next = (!complete).then(|| next(query, &info, &walks));
    // An answer that is merely full is whole; one that ran out of records it may look at is not.
    let complete = walks.iter().all(|walk| walk.is_complete() || !walk.is_exhausted());
    Ok(MessagesPage { messages, next, scanned, complete })
}

/// How many of the newest records of a topic were looked at, at most `limit`, and the members or columns that their values have.
pub(crate) fn members(
    stores: &Stores,
    topic: &str,
    partition: Option<u32>,
    limit: usize,
) -> Result<(usize, BTreeSet<String>)> {
    let page = find(stores, topic, &MessagesQuery { partition, limit, ..MessagesQuery::default() })?;
    let mut members = BTreeSet::new();
    for value in page.messages.iter().filter_map(|message| message.value.as_ref()) {
        if let Value::Object(object) = value.to_value() {
            members.extend(object.into_iter().map(|(name, _)| name));
        }
    }
    Ok((page.messages.len(), members))
}

/// Takes the messages of all partitions by time, each partition's in its own order.
fn merge(walks: &mut [Walk], order: Order, limit: usize) -> Vec<Found> {
    let mut merged = Vec::new();
    while merged.len() < limit {
        let heads =
            walks.iter().enumerate().filter_map(|(index, walk)| Some((walk.found.front()?.record.time_ms, index)));
        let first = match order {
            Order::Newest => heads.max_by_key(|(time_ms, index)| (*time_ms, std::cmp::Reverse(*index))),
            Order::Oldest => heads.min(),
        };
        let Some((_, index)) = first else { break };
        merged.extend(walks[index].found.pop_front());
    }
    merged
}

/// What is to be walked: all of the partitions asked for, between where the question begins and where they end.
fn spans(stores: &Stores, info: &TopicInfo, query: &MessagesQuery) -> Result<Vec<Span>> {
    let time_ms = query.time.as_deref().map(parse_time).transpose()?;
    let cursor = query.cursor.as_deref().map(|cursor| parse_cursor(cursor, info.ends.len())).transpose()?;
    let mut spans = Vec::new();
    for (index, partition) in info.partitions().enumerate() {
        if query.partition.is_some_and(|wanted| wanted != partition.partition.0) {
            continue;
        }
        let mut span = Span { low: info.starts[index].0, high: info.ends[index].0, partition };
        begin(stores, &mut span, query, time_ms)?;
        if let Some(cursor) = &cursor {
            span.begin_at(query.order, cursor[index]);
        }
        spans.push(span);
    }
    match query.partition {
        Some(partition) if spans.is_empty() => {
            Err(StationError::no_partition(&info.spec.name, partition, info.spec.partitions))
        }
        _ => Ok(spans),
    }
}

/// Moves the beginning of a span to the offset or the time that is asked for.
fn begin(stores: &Stores, span: &mut Span, query: &MessagesQuery, time_ms: Option<i64>) -> Result<()> {
    if let Some(offset) = query.offset {
        let include = i64::from(query.order == Order::Newest);
        span.begin_at(query.order, offset.saturating_add(include));
    }
    if let Some(time_ms) = time_ms {
        let include = i64::from(query.order == Order::Newest);
        let offset = stores.log.offset_for_time(&span.partition, time_ms.saturating_add(include))?;
        span.begin_at(query.order, offset.0);
    }
    Ok(())
}

/// The question that goes on where this one stopped.
fn next(query: &MessagesQuery, info: &TopicInfo, walks: &[Walk]) -> BTreeMap<String, Value> {
    let order = if query.order == Order::Newest { "newest" } else { "oldest" };
    let position = |partition: TopicPartition| {
        let walk = walks.iter().find(|walk| walk.partition() == &partition);
        walk.map_or(0, |walk| walk.position()).to_string()
    };
    let cursor: Vec<String> = info.partitions().map(position).collect();
    let mut next = BTreeMap::new();
    let mut put = |name: &str, value: Option<Value>| next.extend(value.map(|value| (name.to_owned(), value)));
    put("order", Some(order.into()));
    put("limit", Some(query.limit.into()));
    put("cursor", Some(cursor.join(",").into()));
    put("partition", query.partition.map(Value::from));
    put("key", query.key.clone().map(Value::from));
    put("origin", query.origin.clone().map(Value::from));
    put("search", query.search.clone().map(Value::from));
    next
}

fn parse_cursor(text: &str, partitions: usize) -> Result<Vec<i64>> {
    let offsets: Option<Vec<i64>> = text.split(',').map(|offset| offset.parse().ok()).collect();
    offsets.filter(|offsets| offsets.len() == partitions).ok_or_else(|| {
        StationError::Question(format!(
            "`cursor={text}` is none of this topic; take it from `next` of an earlier answer"
        ))
    })
}

/// Milliseconds of `2011-01-01T00:00:00`, which is local time of the shop, as event times are.
pub(crate) fn parse_time(text: &str) -> Result<i64> {
    let nanos = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text.trim());
    nanos
        .map(|nanos| nanos.div_euclid(1_000_000))
        .map_err(|_| StationError::Question(format!("`{text}` is no time; write it as 2011-01-01T00:00:00")))
}

#[cfg(test)]
mod tests;
