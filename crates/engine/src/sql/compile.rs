//! From scripts to a [`Program`], or to everything that is wrong with them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use millrace_flow::{Diagnostic, TopicKind};

use super::continuous::refusals;
use super::ddl;
use super::graph;
use super::nearest::did_you_mean;
use super::planning::{plan_reading, planner_problem, problem_of};
use super::program::{Program, Script, SinkDef, SourceDef, StatementText, ViewDef};
use super::reading::{Reading, listed_columns, read};
use super::select::with_deep_stack;
use super::statement::{Name, SinkFrom, SinkStatement, SourceStatement, Statement, ViewStatement};
use super::text::{Problem, Text};
use super::token::{Tokens, split};
use crate::plan::catalog::{Catalog, Relation, StreamSource, ViewSource};
use crate::plan::logical::optimize;
use crate::plan::{Emit, Place, Query, Request, Watermark, lower, time_axis};

/// Compiles the scripts of a project; files count in the order of their names, statements may refer to later ones.
///
/// # Errors
/// Everything that is wrong, each with its place and, where there is one, its cure.
pub fn compile(scripts: &[Script]) -> Result<Program, Vec<Diagnostic>> {
    let (program, wrong) = compile_what_is_right(scripts);
    if wrong.is_empty() { Ok(program) } else { Err(wrong) }
}

/// Compiles the scripts of a project as [`compile`] does; what is right comes with everything that is wrong, so that others
/// can look for mistakes in it, too.
pub fn compile_what_is_right(scripts: &[Script]) -> (Program, Vec<Diagnostic>) {
    with_deep_stack(|| Compiler::default().run(scripts))
}

/// A statement with its place.
struct Entry {
    statement: Statement,
    text: StatementText,
    reading: Option<Reading>,
}

/// A view that was planned.
struct Planned {
    logical: datafusion::logical_expr::LogicalPlan,
    columns: Vec<String>,
    query: Option<Arc<Query>>,
}

#[derive(Default)]
struct Compiler {
    entries: Vec<Entry>,
    /// Sources and views by name, in lower case.
    things: HashMap<String, usize>,
    diagnostics: Vec<Diagnostic>,
    broken: HashSet<usize>,
    planned: HashMap<usize, Planned>,
    unread: Unread,
    program: Program,
}

/// What statements would have declared that could not be read.
#[derive(Default)]
struct Unread {
    /// Names in lower case.
    names: HashSet<String>,
    /// Whether there are files of which not even the names of their statements are known.
    files: bool,
}

impl Compiler {
    fn run(mut self, scripts: &[Script]) -> (Program, Vec<Diagnostic>) {
        let mut scripts: Vec<&Script> = scripts.iter().collect();
        scripts.sort_by(|a, b| a.file.cmp(&b.file));
        for script in scripts {
            self.parse(script);
        }
        self.check_names();
        self.read_selects();
        let order = self.order();
        let mut catalog = Catalog::new();
        for index in 0..self.entries.len() {
            if let Statement::Source(_) = self.entries[index].statement {
                self.declare_source(index, &mut catalog);
            }
        }
        for index in order {
            self.plan_select(index, &mut catalog);
        }
        for index in 0..self.entries.len() {
            if let Statement::Sink(_) = self.entries[index].statement {
                self.declare_sink(index);
            }
        }
        let place = |diagnostic: &Diagnostic| (diagnostic.file.clone(), diagnostic.span);
        self.diagnostics.sort_by_key(place);
        self.diagnostics.dedup();
        (self.program, self.diagnostics)
    }

    fn parse(&mut self, script: &Script) {
        let text = Text::new(script.file.clone(), script.text.clone());
        let statements = match split(&text) {
            Ok(statements) => statements,
            Err(problem) => {
                self.unread.files = true;
                return self.diagnostics.push(text.diagnostic(problem));
            }
        };
        for tokens in statements {
            let mut problems = Vec::new();
            let statement = ddl::parse(&tokens, &text, &mut problems);
            if let Some(statement) = statement {
                let place = statement_text(&text, &tokens);
                if !problems.is_empty() {
                    self.broken.insert(self.entries.len());
                }
                self.entries.push(Entry { statement, text: place, reading: None });
            } else {
                self.unread.names.extend(ddl::names_declared(&tokens));
            }
            self.diagnostics.extend(problems.into_iter().map(|problem| text.diagnostic(problem)));
        }
    }

    fn report(&mut self, index: usize, problems: impl IntoIterator<Item = Problem>) {
        let text = &self.entries[index].text.text;
        let before = self.diagnostics.len();
        self.diagnostics.extend(problems.into_iter().map(|problem| text.diagnostic(problem)));
        if self.diagnostics.len() > before {
            self.broken.insert(index);
        }
    }

    fn check_names(&mut self) {
        let mut sinks: HashMap<String, usize> = HashMap::new();
        for index in 0..self.entries.len() {
            let statement = &self.entries[index].statement;
            let name = statement.name().clone();
            let is_thing = !matches!(statement, Statement::Sink(SinkStatement { from: SinkFrom::Thing(_), .. }));
            let is_sink = matches!(statement, Statement::Sink(_));
            let problem = if is_thing { reserved(&name) } else { None };
            let mut earlier = if is_thing { self.things.get(&name.folded()).copied() } else { None };
            if is_sink {
                earlier = earlier.or_else(|| sinks.get(&name.folded()).copied());
                sinks.entry(name.folded()).or_insert(index);
            }
            if is_thing {
                self.things.entry(name.folded()).or_insert(index);
            }
            let problem = problem.or_else(|| earlier.map(|earlier| self.taken(&name, earlier)));
            self.report(index, problem);
        }
    }

    fn taken(&self, name: &Name, earlier: usize) -> Problem {
        let earlier = &self.entries[earlier];
        let place = format!("{}:{}", earlier.text.file, earlier.statement.name().span.line);
        Problem::new(name.span, format!("`{}` exists already", earlier.statement.name().text))
            .cure(format!("the first stands in {place}; give this one another name"))
    }

    fn read_selects(&mut self) {
        for index in 0..self.entries.len() {
            let Some(select) = self.entries[index].statement.select() else { continue };
            self.entries[index].reading = Some(read(&select.query, &select.tokens));
        }
    }

    /// Views in an order in which each comes after those it reads; those on a circle are reported and left out.
    fn order(&mut self) -> Vec<usize> {
        loop {
            let edges: Vec<Vec<usize>> = (0..self.entries.len()).map(|index| self.reads(index)).collect();
            match graph::order(&edges) {
                Ok(order) => {
                    return order
                        .into_iter()
                        .filter(|index| self.entries[*index].statement.select().is_some())
                        .collect();
                }
                Err(circle) => {
                    let name = |index: &usize| format!("`{}`", self.entries[*index].statement.name().text);
                    let mut names: Vec<String> = circle.iter().map(name).collect();
                    names.push(names[0].clone());
                    let message = match circle.len() {
                        1 => format!("{} reads itself", names[0]),
                        _ => format!("these views read one another: {}", names.join(" reads ")),
                    };
                    let span = self.entries[circle[0]].statement.name().span;
                    let problem = Problem::new(span, message).cure("let one of them read a source instead");
                    self.report(circle[0], [problem]);
                    for index in circle {
                        self.broken.insert(index);
                        self.entries[index].reading = None;
                    }
                }
            }
        }
    }

    /// The statements that statement `index` reads.
    fn reads(&self, index: usize) -> Vec<usize> {
        let relations = self.entries[index].reading.iter().flat_map(|reading| &reading.relations);
        relations.filter_map(|relation| self.things.get(&*relation.text).copied()).collect()
    }

    fn declare_source(&mut self, index: usize, catalog: &mut Catalog) {
        let Entry { statement: Statement::Source(source), text, .. } = &self.entries[index] else { return };
        let (watermark, problem) = watermark_of(source);
        let field = |column: &super::statement::Column| Field::new(&*column.name.text, column.data_type.clone(), true);
        let schema = Arc::new(Schema::new(source.columns.iter().map(field).collect::<Vec<_>>()));
        let name = source.name.text.clone();
        let empty = source.columns.is_empty() && !self.broken.contains(&index);
        let empty = empty.then(|| {
            Problem::new(source.name.span, format!("source `{name}` has no columns"))
                .cure("write `name TYPE` for each column")
        });
        let mut stream = StreamSource::new(name.clone(), schema.clone(), TopicKind::Source);
        stream.watermark = watermark;
        stream.time = watermark.map(|watermark| watermark.column);
        // A source with a wrong watermark still has its columns: what reads it can be checked.
        catalog.add(source.name.folded(), stream.into_relation());
        let definition =
            SourceDef { name, schema, watermark, options: source.options.clone(), statement: text.clone() };
        self.program.sources.push(definition);
        self.report(index, problem.into_iter().chain(empty));
    }

    fn plan_select(&mut self, index: usize, catalog: &mut Catalog) {
        if self.broken.contains(&index) || self.depends_on_broken(index) {
            self.broken.insert(index);
            return;
        }
        let entry = &self.entries[index];
        let Some(reading) = &entry.reading else { return };
        let is_plain = matches!(&entry.statement, Statement::View(view) if !view.materialized);
        match plan_reading(reading, catalog, !is_plain) {
            Ok((logical, columns)) => self.add_view(index, Planned { logical, columns, query: None }, catalog),
            Err(problems) => self.report(index, problems),
        }
    }

    /// Whether `index` reads something that is wrong. A source with a wrong option or watermark still has its columns, so what
    /// reads it can be checked.
    fn depends_on_broken(&self, index: usize) -> bool {
        let is_broken = |read: &usize| match &self.entries[*read].statement {
            Statement::Source(source) => !source.is_whole,
            Statement::View(_) | Statement::Sink(_) => self.broken.contains(read),
        };
        let mut relations = self.entries[index].reading.iter().flat_map(|reading| &reading.relations);
        self.reads(index).iter().any(is_broken) || relations.any(|relation| self.may_be_unread(&relation.text))
    }

    /// Whether a statement that could not be read may have declared `name`: what is wrong with that is told there.
    fn may_be_unread(&self, name: &str) -> bool {
        !self.things.contains_key(name) && (self.unread.files || self.unread.names.contains(name))
    }

    fn add_view(&mut self, index: usize, mut planned: Planned, catalog: &mut Catalog) {
        let is_plain = matches!(&self.entries[index].statement, Statement::View(view) if !view.materialized);
        if !is_plain {
            match self.lower(index, &planned) {
                Ok(query) => planned.query = Some(Arc::new(query)),
                Err(problem) => return self.report(index, [problem]),
            }
        }
        let name = self.entries[index].statement.name().folded();
        catalog.add(name, relation_of(&planned));
        self.program.queries.extend(planned.query.clone());
        if let Statement::View(view) = &self.entries[index].statement {
            let Entry { text, reading, .. } = &self.entries[index];
            let reading = reading.as_ref().expect("only what was read is planned");
            self.program.views.push(view_def(view, &planned, text, reading));
        }
        self.planned.insert(index, planned);
    }

    fn lower(&self, index: usize, planned: &Planned) -> Result<Query, Problem> {
        let Entry { statement, text, reading } = &self.entries[index];
        let reading = reading.as_ref().expect("only what was read is planned");
        let (emit, lateness) = match statement {
            Statement::View(view) => (view.emit, view.lateness),
            Statement::Source(_) | Statement::Sink(_) => (None, None),
        };
        let logical = optimize(planned.logical.clone());
        let request = Request {
            name: statement.name().text.clone(),
            sql: text.sql.as_str().into(),
            plan: logical.map_err(|error| planner_problem(&error, reading))?,
            columns: planned.columns.clone(),
            emit: emit.map_or(Emit::Changes, |(emit, _)| emit),
            allowed_lateness_us: lateness.map(|(lateness, _)| lateness),
        };
        lower(request).map_err(|refusal| {
            let clause = match refusal.place {
                Place::Emit => emit.map(|(_, span)| span),
                Place::Lateness => lateness.map(|(_, span)| span),
                _ => None,
            };
            problem_of(refusal, reading, clause)
        })
    }

    fn declare_sink(&mut self, index: usize) {
        let Entry { statement: Statement::Sink(sink), text, .. } = &self.entries[index] else { return };
        let definition = |from: Arc<str>| SinkDef {
            name: sink.name.text.clone(),
            from,
            options: sink.options.clone(),
            statement: text.clone(),
        };
        let SinkFrom::Thing(from) = &sink.from else {
            let definition = definition(sink.name.text.clone());
            return self.program.sinks.push(definition);
        };
        if self.may_be_unread(&from.folded()) {
            return;
        }
        let Some(read) = self.things.get(&from.folded()).copied() else {
            let names = self.things.values().map(|thing| &*self.entries[*thing].statement.name().text);
            let otherwise =
                || Some("declare it with CREATE SOURCE, CREATE VIEW or CREATE MATERIALIZED VIEW".to_owned());
            let cure = did_you_mean(&from.text, names, otherwise);
            let problem = Problem::new(from.span, format!("`{}` does not exist", from.text)).maybe_cure(cure);
            return self.report(index, [problem]);
        };
        let definition = definition(self.entries[read].statement.name().text.clone());
        if self.broken.contains(&read) {
            return;
        }
        if let Err(problem) = self.run_for_sink(read) {
            return self.report(read, [problem]);
        }
        self.program.sinks.push(definition);
    }

    /// A plain view that a sink reads becomes a query, once.
    fn run_for_sink(&mut self, read: usize) -> Result<(), Problem> {
        let Some(planned) = self.planned.get(&read).filter(|planned| planned.query.is_none()) else { return Ok(()) };
        let refused = self.entries[read].reading.as_ref().map(refusals).unwrap_or_default();
        if let Some(problem) = refused.into_iter().next() {
            return Err(problem);
        }
        let query = Arc::new(self.lower(read, planned)?);
        self.program.queries.push(query.clone());
        if let Some(planned) = self.planned.get_mut(&read) {
            planned.query = Some(query);
        }
        Ok(())
    }
}

fn statement_text(text: &Text, tokens: &Tokens) -> StatementText {
    let sql = text.between(tokens.start(), tokens.end()).to_owned();
    StatementText { file: text.file().clone(), line: tokens.first_span().line, sql, text: text.clone() }
}

/// Names that are spoken for: topics beside a stage's own, and what questions call by these names.
fn reserved(name: &Name) -> Option<Problem> {
    let folded = name.folded();
    let suffix = [".dlq", ".late"].into_iter().find(|suffix| folded.ends_with(suffix));
    let prefix = ["topic.", "lake.", "_"].into_iter().find(|prefix| folded.starts_with(prefix));
    if let Some(suffix) = suffix {
        let what = if suffix == ".dlq" { "rejected" } else { "late" };
        let message = format!("names that end in `{suffix}` are kept for {what} rows");
        return Some(Problem::new(name.span, message).cure("give it another name"));
    }
    if let Some(prefix) = prefix {
        let message = format!("names that begin with `{prefix}` are kept for the program");
        return Some(Problem::new(name.span, message).cure("give it another name"));
    }
    let words = ["window", "tumble", "hop", "topic", "lake"];
    (words.contains(&folded.as_str()) || name.text.len() > NAME_LENGTH_MAX).then(|| {
        match words.contains(&folded.as_str()) {
            true => Problem::new(name.span, format!("`{}` is a word of the language", name.text))
                .cure("give it another name"),
            false => Problem::new(name.span, "the name is too long")
                .cure(format!("use at most {NAME_LENGTH_MAX} characters")),
        }
    })
}

/// A topic's name has at most 249 characters, and we add `.late` and the like.
const NAME_LENGTH_MAX: usize = 200;

fn watermark_of(source: &SourceStatement) -> (Option<Watermark>, Option<Problem>) {
    let Some(clause) = &source.watermark else { return (None, None) };
    let found = source.columns.iter().position(|column| column.name.folded() == clause.column.folded());
    let Some(column) = found else {
        let names = source.columns.iter().map(|column| &*column.name.text);
        let all = || listed_columns(&names.clone().collect::<Vec<_>>());
        let cure = did_you_mean(&clause.column.text, names.clone(), all);
        let message = format!("column `{}` does not exist in `{}`", clause.column.text, source.name.text);
        return (None, Some(Problem::new(clause.column.span, message).maybe_cure(cure)));
    };
    if source.columns[column].data_type != DataType::Timestamp(TimeUnit::Microsecond, None) {
        let problem =
            Problem::new(clause.column.span, format!("the event time `{}` is no TIMESTAMP", clause.column.text));
        return (
            None,
            Some(problem.cure("declare the column as TIMESTAMP; `timestamp_format` says how the file writes it")),
        );
    }
    (Some(Watermark { column, delay_us: clause.delay_us }), None)
}

/// What other views see of a view.
///
/// A view with groups is read from its topic. Any other view is read through, materialized or not: its readers do its steps
/// themselves, from its inputs. So they have the watermarks of all partitions of the source, which one topic of rows that
/// were put together from several could not give them.
fn relation_of(planned: &Planned) -> Relation {
    let Some(query) = planned.query.as_ref().filter(|query| query.aggregate.is_some()) else {
        return ViewSource::relation(planned.logical.clone(), planned.columns.clone());
    };
    let output = &query.output;
    let mut stream = StreamSource::new(query.name.clone(), output.schema.clone(), output.kind);
    stream.key = output.key_columns.clone();
    stream.time = output.event_time;
    // Rows that left when their window closed come in the order of their windows and never change: they are complete up to
    // the last one. Rows that are updated are never late, because an update replaces its row; so they need no watermark.
    let is_final = query.emit == Emit::OnWindowClose;
    stream.watermark = output.event_time.filter(|_| is_final).map(|column| Watermark { column, delay_us: 0 });
    stream.into_relation()
}

fn view_def(view: &ViewStatement, planned: &Planned, text: &StatementText, reading: &Reading) -> ViewDef {
    let query = planned.query.as_ref();
    let plain = |(field, name): (&Arc<Field>, &String)| Field::new(name, field.data_type().clone(), true);
    let fields = planned.logical.schema().fields().iter().zip(&planned.columns).map(plain);
    let schema = match query {
        Some(query) => query.output.schema.clone(),
        None => Arc::new(Schema::new(fields.collect::<Vec<_>>())),
    };
    let (time, window_ms) = query.map_or((None, None), |query| time_axis(query));
    let names = |columns: &[usize]| columns.iter().map(|column| schema.field(*column).name().clone()).collect();
    ViewDef {
        name: view.name.text.clone(),
        materialized: view.materialized,
        key: query.map_or_else(Vec::new, |query| names(&query.output.key_columns)),
        kind: query.map(|query| query.output.kind),
        time_column: time.map(|column| schema.field(column).name().clone()),
        window_ms,
        select: view.select.sql.clone(),
        statement: text.clone(),
        name_span: view.name.span,
        column_spans: planned.columns.iter().map(|column| reading.output_span(column)).collect(),
        schema,
    }
}
