//! All stages and topics as one picture: what flows, how fast, and where it stands still.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use millrace_flow::{Log, Phase, StageKind, StageStatus, TopicInfo, TopicKind};

use crate::catalog::{Catalog, Stage};
use crate::model::{Edge, Node, NodeKind, Pipeline, Reader};
use crate::sampler::{LONG, Rates, SHORT};
use crate::standing::{Standings, passed_by_all};

/// What the picture is drawn from.
pub(crate) struct Facts<'a> {
    pub(crate) catalog: &'a Catalog,
    /// One a stage, in the catalog's order.
    pub(crate) statuses: &'a [Arc<StageStatus>],
    pub(crate) topics: BTreeMap<String, TopicInfo>,
    /// Records before each reader, by topic and reader.
    pub(crate) lags: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) rates: &'a Rates,
    pub(crate) standings: &'a Standings,
}

impl<'a> Facts<'a> {
    pub(crate) fn gather(
        catalog: &'a Catalog,
        statuses: &'a [Arc<StageStatus>],
        log: &dyn Log,
        rates: &'a Rates,
        standings: &'a Standings,
    ) -> Self {
        let topics: BTreeMap<_, _> = log.topics().into_iter().map(|info| (info.spec.name.to_string(), info)).collect();
        let lags = topics.keys().map(|name| (name.clone(), log.lags(name).into_iter().collect())).collect();
        Self { catalog, statuses, topics, lags, rates, standings }
    }

    /// Records that a stage has before it, over all its inputs.
    pub(crate) fn behind(&self, stage: &Stage) -> u64 {
        let (id, phase) = (stage.id(), self.status(stage).map(StageStatus::phase));
        stage.inputs.iter().map(|topic| self.lag(topic, &id, phase)).sum()
    }

    /// How far the newest event that a query has taken in is behind the newest that the sources before it have read.
    ///
    /// This is not how far it is behind the clock of a paced replay: at night that clock goes on and nothing happens.
    pub(crate) fn lag_ms(&self, query: &Stage) -> Option<i64> {
        let mut waits = self.behind(query) > 0;
        let mut newest_ms = None;
        let mut before: Vec<&Stage> = self.writers(query).collect();
        while let Some(stage) = before.pop() {
            match stage.kind {
                StageKind::Source => newest_ms = newest_ms.max(self.status(stage)?.newest_event_ms()),
                _ => waits |= self.behind(stage) > 0,
            }
            before.extend(self.writers(stage));
        }
        let newest_ms = newest_ms?;
        if !waits {
            return Some(0);
        }
        let own_ms = self.status(query)?.newest_event_ms()?;
        Some((newest_ms - own_ms).max(0))
    }

    fn writers<'b>(&'b self, stage: &'b Stage) -> impl Iterator<Item = &'b Stage> {
        stage.inputs.iter().filter_map(|topic| self.catalog.writer(topic))
    }

    /// Who reads a topic, in the order of the catalog: those too that are through, or have failed.
    pub(crate) fn readers(&self, topic: &TopicInfo) -> Vec<Reader> {
        let stages = self.catalog.stages.iter().zip(self.statuses);
        let readers = stages.filter(|(stage, _)| stage.inputs.iter().any(|input| **input == *topic.spec.name));
        let reader = |(stage, status): (&Stage, &Arc<StageStatus>)| {
            let (name, phase) = (stage.id(), status.phase());
            let position = self.position(topic, &name, phase);
            Reader { behind: self.lag(&topic.spec.name, &name, Some(phase)), name, phase, position }
        };
        readers.map(reader).collect()
    }

    /// Offsets of a topic that a reader has passed: those before what it has before it or, where the log knows of it no more,
    /// all of them when it is through, and what it had passed when it was last seen when it is not.
    fn position(&self, topic: &TopicInfo, reader: &str, phase: Phase) -> Option<u64> {
        let name = &*topic.spec.name;
        match self.lags.get(name).and_then(|readers| readers.get(reader)) {
            Some(behind) => Some(passed_by_all(topic).saturating_sub(*behind)),
            None if phase == Phase::Done => Some(passed_by_all(topic)),
            None => self.standings.position(name, reader),
        }
    }

    /// Records of a topic before a reader. Of one that has failed before it said where it stands, nothing is known: all there are.
    fn lag(&self, topic: &str, reader: &str, phase: Option<Phase>) -> u64 {
        if let Some(behind) = self.lags.get(topic).and_then(|readers| readers.get(reader)) {
            return *behind;
        }
        let failed = phase == Some(Phase::Failed);
        let Some(info) = self.topics.get(topic).filter(|_| failed) else { return 0 };
        match self.standings.position(topic, reader) {
            Some(position) => passed_by_all(info).saturating_sub(position),
            None => info.records(),
        }
    }

    fn status(&self, stage: &Stage) -> Option<&StageStatus> {
        let at = self.catalog.stages.iter().position(|known| known == stage)?;
        self.statuses.get(at).map(Arc::as_ref)
    }

    /// Rows in a second, whole: figures that flicker behind the point say nothing.
    fn rate(&self, counter: &str) -> f64 {
        self.rates.per_second(counter, SHORT).unwrap_or(0.0).max(0.0).round()
    }
}

/// The picture.
pub(crate) fn draw(facts: &Facts<'_>) -> Pipeline {
    let stages = facts.catalog.stages.iter().zip(facts.statuses);
    let mut nodes: Vec<Node> = stages.map(|(stage, status)| stage_node(facts, stage, status)).collect();
    nodes.extend(facts.topics.values().filter(|info| is_shown(info)).map(|info| topic_node(facts, info)));
    let edges = facts.catalog.stages.iter().flat_map(|stage| edges_of(facts, stage));
    Pipeline { edges: edges.collect(), nodes }
}

/// A topic for what went wrong is shown once something did.
fn is_shown(info: &TopicInfo) -> bool {
    !matches!(info.spec.kind, TopicKind::DeadLetter | TopicKind::Late) || info.ends.iter().any(|end| end.0 > 0)
}

fn stage_node(facts: &Facts<'_>, stage: &Stage, status: &StageStatus) -> Node {
    let ledger = status.ledger();
    let (read, total) = (status.bytes_read.load(Ordering::Relaxed), status.bytes_total.load(Ordering::Relaxed));
    let kind = match stage.kind {
        StageKind::Source => NodeKind::Source,
        StageKind::Query => NodeKind::Query,
        StageKind::Sink => NodeKind::Sink,
    };
    Node {
        id: stage.id(),
        kind,
        name: stage.name.clone(),
        phase: status.phase(),
        error: status.error(),
        note: status.note(),
        rate_per_s: facts.rate(&stage.id()),
        total: ledger.read,
        behind: facts.behind(stage),
        watermark_ms: status.complete_to_ms(),
        progress: (total > 0).then(|| (read as f64 / total as f64).min(1.0)),
        detail: detail(stage, status),
    }
}

/// Figures of a stage that only its kind has.
fn detail(stage: &Stage, status: &StageStatus) -> Vec<[String; 2]> {
    let ledger = status.ledger();
    let figure = |label: &str, value: u64| [label.to_owned(), value.to_string()];
    let mut detail = vec![figure("Rows written", status.rows_out.load(Ordering::Relaxed))];
    match stage.kind {
        StageKind::Source => {
            detail.push(figure("Rows rejected", ledger.rejected));
            detail.push(figure("Bytes read", status.bytes_read.load(Ordering::Relaxed)));
        }
        StageKind::Query => {
            detail.push(figure("Rows late", ledger.late));
            detail.push(figure("Rows rejected", ledger.rejected));
            detail.push(figure("Groups held", status.state_rows.load(Ordering::Relaxed)));
            detail.push(figure("Bytes of state", status.state_bytes.load(Ordering::Relaxed)));
        }
        StageKind::Sink => {}
    }
    detail.push(figure("Commits", status.epoch.load(Ordering::Relaxed)));
    detail
}

fn topic_node(facts: &Facts<'_>, info: &TopicInfo) -> Node {
    let name = info.spec.name.to_string();
    let writer = facts.catalog.writer(&name).and_then(|stage| facts.status(stage));
    let id = topic_id(&name);
    let records = info.records();
    let idle = facts.standings.idle(info);
    Node {
        rate_per_s: facts.rate(&id),
        id,
        kind: NodeKind::Topic,
        phase: if info.sealed { Phase::Done } else { writer.map_or(Phase::Idle, StageStatus::phase) },
        error: None,
        note: idle_note(&idle),
        total: passed_by_all(info),
        behind: facts.readers(info).iter().map(|reader| reader.behind).max().unwrap_or(0),
        watermark_ms: None,
        progress: None,
        detail: vec![
            ["Partitions".to_owned(), info.spec.partitions.to_string()],
            ["Records".to_owned(), records.to_string()],
            ["Bytes".to_owned(), info.bytes.to_string()],
        ],
        name,
    }
}

/// Names the partitions that are silent while others are not: a topic in which nothing happens at all says so by its rate.
fn idle_note(idle: &[bool]) -> Option<String> {
    let silent: Vec<String> = idle.iter().enumerate().filter(|(_, idle)| **idle).map(|(p, _)| p.to_string()).collect();
    match silent.as_slice() {
        [] => None,
        _ if silent.len() == idle.len() => None,
        [one] => Some(format!("partition {one} is idle")),
        _ => Some(format!("partitions {} are idle", silent.join(", "))),
    }
}

fn edges_of<'a>(facts: &'a Facts<'_>, stage: &'a Stage) -> impl Iterator<Item = Edge> + 'a {
    let there = |topic: &&String| facts.topics.get(*topic).is_some_and(is_shown);
    let inputs = stage.inputs.iter().filter(there).map(|topic| Edge {
        from: topic_id(topic),
        to: stage.id(),
        stalled: facts.status(stage).is_some_and(|status| is_stuck(facts, stage, status, topic)),
    });
    let outputs = stage.outputs().filter(there).map(|topic| Edge {
        from: stage.id(),
        to: topic_id(topic),
        stalled: facts.status(stage).is_some_and(|status| status.phase() == Phase::Failed),
    });
    inputs.chain(outputs)
}

/// Whether a stage takes nothing from a topic although there is something: it has failed, or has not moved for long.
fn is_stuck(facts: &Facts<'_>, stage: &Stage, status: &StageStatus, topic: &str) -> bool {
    let waits = facts.lag(topic, &stage.id(), Some(status.phase())) > 0;
    // Rows that a Delta sink has taken and not committed yet count as being before it; it is not stuck for that.
    let moves = stage.kind == StageKind::Sink && status.phase() == Phase::Idle;
    status.phase() == Phase::Failed || (waits && !moves && facts.rates.stood_still(&stage.id(), LONG))
}

/// The id of a topic's node, and the name of its counter.
pub(crate) fn topic_id(topic: &str) -> String {
    format!("topic:{topic}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_that_are_silent_alone_are_named() {
        assert_eq!(idle_note(&[false, false]), None);
        assert_eq!(idle_note(&[true, true]), None);
        assert_eq!(idle_note(&[false, true]).as_deref(), Some("partition 1 is idle"));
        assert_eq!(idle_note(&[true, false, true]).as_deref(), Some("partitions 0, 2 are idle"));
    }
}
