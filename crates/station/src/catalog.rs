//! Who writes and who reads what: the stages of a program and the topics between them.

use std::collections::BTreeSet;

use millrace_engine::sql::{Program, ViewDef};
use millrace_flow::{StageKind, TopicKind};

/// A stage and its place among the topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) kind: StageKind,
    /// Unique within its kind.
    pub(crate) name: String,
    /// The topics it reads.
    pub(crate) inputs: Vec<String>,
    /// The topic it writes.
    pub(crate) output: Option<String>,
    /// Where rows go that come too late.
    pub(crate) late: Option<String>,
    /// Where rows go that cannot be used.
    pub(crate) dead_letter: Option<String>,
}

impl Stage {
    /// `query:revenue_5m`
    pub(crate) fn id(&self) -> String {
        id(self.kind, &self.name)
    }

    /// All topics it writes.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &String> {
        self.output.iter().chain(&self.late).chain(&self.dead_letter)
    }
}

/// The name of a stage that is unique among all.
pub(crate) fn id(kind: StageKind, name: &str) -> String {
    let kind = match kind {
        StageKind::Source => "source",
        StageKind::Query => "query",
        StageKind::Sink => "sink",
    };
    format!("{kind}:{name}")
}

/// The stages of a program: sources, then queries, each after those it reads, then sinks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Catalog {
    pub(crate) stages: Vec<Stage>,
}

impl Catalog {
    pub(crate) fn new(program: &Program) -> Self {
        let sources = program.sources.iter().map(|source| Stage {
            kind: StageKind::Source,
            name: source.name.to_string(),
            inputs: Vec::new(),
            output: Some(source.name.to_string()),
            late: None,
            dead_letter: Some(format!("{}.dlq", source.name)),
        });
        let queries = program.queries.iter().map(|query| {
            let inputs: BTreeSet<String> = query.inputs.iter().map(|input| input.topic.to_string()).collect();
            Stage {
                kind: StageKind::Query,
                name: query.name.to_string(),
                inputs: inputs.into_iter().collect(),
                output: Some(query.name.to_string()),
                late: Some(format!("{}.late", query.name)),
                dead_letter: Some(format!("{}.dlq", query.name)),
            }
        });
        let tables = program.views.iter().filter(|view| view.materialized).map(|view| sink(&view.name, &view.name));
        let lakes = program.sinks.iter().map(|def| sink(&def.name, &def.from));
        Self { stages: sources.chain(queries).chain(tables).chain(lakes).collect() }
    }

    /// The stage that writes a topic.
    pub(crate) fn writer(&self, topic: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.outputs().any(|output| output == topic))
    }

    /// The stages that wait for one of `failed`, directly or not, and those themselves, by [`Stage::id`].
    pub(crate) fn downstream(&self, failed: &[String]) -> BTreeSet<String> {
        let mut found: BTreeSet<String> = failed.iter().cloned().collect();
        loop {
            let waits = |stage: &&Stage| {
                let writers = stage.inputs.iter().filter_map(|topic| self.writer(topic));
                !found.contains(&stage.id()) && writers.into_iter().any(|writer| found.contains(&writer.id()))
            };
            let more: Vec<String> = self.stages.iter().filter(waits).map(Stage::id).collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }
}

fn sink(name: &str, topic: &str) -> Stage {
    Stage {
        kind: StageKind::Sink,
        name: name.to_owned(),
        inputs: vec![topic.to_owned()],
        output: None,
        late: None,
        dead_letter: None,
    }
}

/// The topic that a view's rows are in, if they are in one.
pub(crate) fn topic_of(view: &ViewDef, program: &Program) -> Option<String> {
    let has_query = program.queries.iter().any(|query| query.name == view.name);
    has_query.then(|| view.name.to_string())
}

/// What the topic of a view that a query writes holds.
pub(crate) fn kind_of(view: &ViewDef, program: &Program) -> Option<TopicKind> {
    let query = program.queries.iter().find(|query| query.name == view.name);
    query.map(|query| query.output.kind).or(view.kind)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millrace_engine::sql::{Script, compile};

    use super::*;

    const SQL: &str = "
        CREATE SOURCE lines (item STRING, amount DECIMAL(12,3), at TIMESTAMP,
          WATERMARK FOR at AS at - INTERVAL '1 minute') WITH (connector = 'csv', path = 'data/*.csv');
        CREATE VIEW sales AS SELECT * FROM lines WHERE amount > 0;
        CREATE MATERIALIZED VIEW revenue AS
          SELECT window.start AS window_start, sum(amount) AS revenue FROM sales GROUP BY window(at, '5 minutes');
        CREATE SINK raw FROM lines WITH (connector = 'delta', path = 'lake/raw');";

    fn catalog() -> Catalog {
        let script = Script { file: Arc::from("a.sql"), text: Arc::from(SQL) };
        Catalog::new(&compile(&[script]).expect("the statements are right"))
    }

    #[test]
    fn stages_meet_at_topics() {
        let catalog = catalog();
        let ids: Vec<String> = catalog.stages.iter().map(Stage::id).collect();
        assert_eq!(ids, ["source:lines", "query:revenue", "sink:revenue", "sink:raw"]);
        assert_eq!(catalog.stages[1].inputs, ["lines"], "a plain view is no stage");
        assert_eq!(catalog.stages[1].late.as_deref(), Some("revenue.late"));
        assert_eq!(catalog.writer("lines.dlq").map(Stage::id).as_deref(), Some("source:lines"));
        assert_eq!(catalog.stages[3].inputs, ["lines"]);
    }

    #[test]
    fn what_waits_for_a_failed_stage_is_found() {
        let catalog = catalog();
        let waiting: Vec<String> = catalog.downstream(&["query:revenue".to_owned()]).into_iter().collect();
        assert_eq!(waiting, ["query:revenue", "sink:revenue"]);
        assert_eq!(catalog.downstream(&["source:lines".to_owned()]).len(), 4);
        assert!(catalog.downstream(&[]).is_empty());
    }
}
