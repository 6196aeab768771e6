//! Asks the crates that read and write whether the options of sources and sinks make sense, and shows where they do not.

use std::path::Path;

use millrace_engine::sql::{OptionDef, Program, SinkDef, SourceDef, StatementText};
use millrace_flow::{Diagnostic, Span, TopicKind};
use millrace_sink::delta::DeltaSinkConfig;
use millrace_source::CsvSourceConfig;

use crate::nearest;

/// Connectors of a source.
const SOURCE_CONNECTORS: [&str; 1] = ["csv"];

/// Connectors of a sink.
const SINK_CONNECTORS: [&str; 1] = ["delta"];

/// The sources and sinks of a program, with their options understood.
#[derive(Debug, Default)]
pub(crate) struct Connectors {
    pub(crate) sources: Vec<CsvSourceConfig>,
    pub(crate) sinks: Vec<DeltaSinkConfig>,
}

/// Reads the options of all sources and sinks; everything that is wrong goes to `diagnostics`.
pub(crate) fn read_connectors(dir: &Path, program: &Program, diagnostics: &mut Vec<Diagnostic>) -> Connectors {
    let mut connectors = Connectors::default();
    let is_whole = diagnostics.is_empty();
    for source in &program.sources {
        match read_source(dir, source) {
            Ok(config) => connectors.sources.push(config),
            Err(wrong) => diagnostics.extend(wrong),
        }
    }
    // A sink of a source with wrong options would only be told the same again.
    if connectors.sources.len() < program.sources.len() {
        return connectors;
    }
    for sink in &program.sinks {
        // What it reads may be one of the statements that are wrong.
        if !is_whole && input_of(program, &connectors, &sink.from).is_none() {
            continue;
        }
        match read_sink(dir, program, &connectors, sink) {
            Ok(config) => connectors.sinks.push(config),
            Err(wrong) => diagnostics.extend(wrong),
        }
    }
    connectors
}

/// The sources whose path matches nothing although they do not wait for files.
pub(crate) fn sources_without_files(program: &Program, connectors: &Connectors) -> Vec<Diagnostic> {
    let sources = program.sources.iter().zip(&connectors.sources);
    let without = sources.filter(|(_, config)| !config.follow && config.finds_nothing());
    let shown = without.map(|(source, config)| {
        let message = format!("no file matches `{}` yet", config.path);
        let cure = "put one there before `millrace up`, or set follow = true to wait for it".to_owned();
        refuse(&source.statement, &source.options, "path", message, Some(cure))
    });
    shown.collect()
}

fn read_source(dir: &Path, source: &SourceDef) -> Result<CsvSourceConfig, Vec<Diagnostic>> {
    let statement = &source.statement;
    let unnamed = check_connector(statement, &source.options, "source", &source.name, &SOURCE_CONNECTORS)?;
    let watermark = source.watermark.map(|watermark| (watermark.column, watermark.delay_us));
    let pairs = pairs(&source.options);
    let config = CsvSourceConfig::from_options(&source.name, dir, source.schema.clone(), watermark, &pairs);
    let config = config.map_err(|wrong| {
        let shown = |error: millrace_source::OptionError| {
            refuse(statement, &source.options, &error.key, error.message, error.cure)
        };
        wrong.into_iter().map(shown).collect()
    });
    and_unnamed(config, unnamed)
}

fn read_sink(
    dir: &Path,
    program: &Program,
    connectors: &Connectors,
    sink: &SinkDef,
) -> Result<DeltaSinkConfig, Vec<Diagnostic>> {
    let statement = &sink.statement;
    let unnamed = check_connector(statement, &sink.options, "sink", &sink.name, &SINK_CONNECTORS)?;
    let Some((schema, kind, partitions)) = input_of(program, connectors, &sink.from) else {
        let message = format!("sink `{}` reads `{}`, which has no topic", sink.name, sink.from);
        return Err(vec![refuse(statement, &sink.options, "", message, Some("read a source or a view".to_owned()))]);
    };
    let options = pairs(&sink.options);
    let config = DeltaSinkConfig::from_options(&sink.name, dir, schema, kind, &sink.from, partitions, &options);
    let config = config.map_err(|wrong| {
        let shown =
            |error: millrace_sink::OptionError| refuse(statement, &sink.options, &error.key, error.message, error.cure);
        wrong.into_iter().map(shown).collect::<Vec<_>>()
    });
    let config = and_unnamed(config, unnamed)?;
    if let Some(other) = connectors.sinks.iter().find(|other| other.path == config.path) {
        let message = format!("sink `{}` already writes to this path", other.name);
        let cure = Some("give every sink a folder of its own".to_owned());
        return Err(vec![refuse(statement, &sink.options, "path", message, cure)]);
    }
    Ok(config)
}

/// What the topic that a sink reads looks like.
fn input_of(
    program: &Program,
    connectors: &Connectors,
    topic: &str,
) -> Option<(arrow::datatypes::SchemaRef, TopicKind, u32)> {
    if let Some(query) = program.queries.iter().find(|query| &*query.name == topic) {
        return Some((query.output.schema.clone(), query.output.kind, query.output.partitions));
    }
    let config = connectors.sources.iter().find(|source| source.name == *topic)?;
    Some((config.schema.clone(), TopicKind::Source, config.partitions))
}

/// Whether the connector is one that there is. Answers what to say if none is named: as long as there is only one, the other
/// options can be looked at all the same.
fn check_connector(
    statement: &StatementText,
    options: &[OptionDef],
    what: &str,
    name: &str,
    known: &[&'static str],
) -> Result<Option<Diagnostic>, Vec<Diagnostic>> {
    let list = known.iter().map(|name| format!("connector = '{name}'")).collect::<Vec<_>>().join(" or ");
    match options.iter().find(|option| option.key == "connector") {
        None => Ok(Some(match misspelt_connector(options) {
            Some(option) => {
                let message = format!("unknown option `{}`", option.key);
                let cure = Some("did you mean `connector`?".to_owned());
                statement.diagnostic(option.key_span, message, cure)
            }
            None => {
                let message = format!("{what} `{name}` names no connector");
                refuse(statement, options, "", message, Some(format!("add {list} to WITH (…)")))
            }
        })),
        Some(option) if known.contains(&option.value.as_str()) => Ok(None),
        Some(option) => {
            let message = format!("unknown connector `{}` of {what} `{name}`", option.value);
            let cure = nearest::cure(&option.value, known.iter().copied(), &format!("connectors of a {what}"));
            Err(vec![statement.diagnostic(option.value_span, message, Some(cure))])
        }
    }
}

/// The option that was probably meant to be `connector`, where none is that.
fn misspelt_connector(options: &[OptionDef]) -> Option<&OptionDef> {
    if options.iter().any(|option| option.key == "connector") {
        return None;
    }
    options.iter().find(|option| millrace_flow::nearest(&option.key, ["connector"]).is_some())
}

/// What is wrong with the options, and before it that no connector is named.
fn and_unnamed<T>(config: Result<T, Vec<Diagnostic>>, unnamed: Option<Diagnostic>) -> Result<T, Vec<Diagnostic>> {
    match (config, unnamed) {
        (config, None) => config,
        (Ok(_), Some(unnamed)) => Err(vec![unnamed]),
        (Err(wrong), Some(unnamed)) => Err(std::iter::once(unnamed).chain(wrong).collect()),
    }
}

/// The options as pairs, without the one that is told as a misspelt `connector`.
fn pairs(options: &[OptionDef]) -> Vec<(String, String)> {
    let told = misspelt_connector(options).map(|option| option.key.as_str());
    let options = options.iter().filter(|option| Some(option.key.as_str()) != told);
    options.map(|option| (option.key.clone(), option.value.clone())).collect()
}

/// What is wrong with an option, shown at it; at the head of the statement if it is not there.
fn refuse(
    statement: &StatementText,
    options: &[OptionDef],
    key: &str,
    message: String,
    cure: Option<String>,
) -> Diagnostic {
    let head = Span { line: statement.line, column: 1, length: first_line_length(&statement.sql) };
    let span = options.iter().find(|option| option.key == key).map_or(head, |option| {
        let about_the_key = message.starts_with("unknown option");
        if about_the_key { option.key_span } else { option.value_span }
    });
    statement.diagnostic(span, message, cure)
}

fn first_line_length(sql: &str) -> usize {
    sql.lines().next().map_or(1, |line| line.trim_end().chars().count().max(1))
}
