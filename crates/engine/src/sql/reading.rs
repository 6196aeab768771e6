//! A SELECT, read: rewritten for the planner, with everything that is needed to tell people what is wrong and where.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Spanned, TableAlias, TableFactor, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::{Location, Span as TokenSpan, Token, TokenWithSpan};
use millrace_flow::Span;

use super::nearest::did_you_mean;
use super::spark::{self, arguments_of, name_of};
use super::statement::Name;
use super::text::{Problem, span_of};
use super::token::Tokens;
use super::walk::look;
use super::windows::{self, SESSION_WINDOW};
use crate::plan::catalog::Catalog;
use crate::plan::complaint::Spot;
use crate::plan::functions::Functions;

/// A SELECT that is ready to be planned.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) query: Query,
    /// Sources and views in FROM, each once.
    pub(crate) relations: Vec<Name>,
    /// Where windows are called.
    pub(crate) windows: Vec<Span>,
    /// Every function call.
    pub(crate) calls: Vec<Call>,
    /// Names that one SELECT gives to two columns, in lower case, and where the second stands.
    pub(crate) doubles: HashMap<String, Span>,
    /// Columns of the outermost SELECT as they are spelled, by their name in lower case.
    pub(crate) outputs: HashMap<String, Name>,
    pub(crate) tokens: Tokens,
    /// Unknown functions, and windows that cannot be.
    pub(crate) problems: Vec<Problem>,
    /// Whether FROM holds something that stands for no rows, so that nothing can be said of columns.
    pub(crate) is_without_rows: bool,
    columns: Vec<Vec<Ident>>,
    named: HashSet<String>,
}

/// The call of a function, by the name that the planner knows it by.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: Name,
    /// What stands in its parentheses; `None` with DISTINCT and the like.
    arguments: Option<usize>,
}

/// Reads a SELECT.
pub(crate) fn read(query: &Query, tokens: &Tokens) -> Reading {
    let mut query = query.clone();
    let mut problems = Vec::new();
    windows::rewrite_tables(&mut query, &mut problems);
    let is_without_rows = !problems.is_empty();
    let windows = windows::rewrite(&mut query, &mut problems);
    spark::rewrite(&mut query, &mut problems);
    let mut names = Names::default();
    look(&query, &mut names);
    problems.extend(names.calls.iter().filter_map(unknown_function));
    let ctes = names.ctes;
    let mut seen = HashSet::new();
    let is_relation = |name: &Name| !ctes.contains(&*name.text) && seen.insert(name.text.clone());
    let relations = names.relations.into_iter().filter(is_relation).collect();
    let outputs = outputs(&query, tokens);
    Reading {
        query,
        relations,
        windows,
        calls: names.calls,
        doubles: names.doubles,
        outputs,
        tokens: tokens.clone(),
        problems,
        is_without_rows,
        columns: names.columns,
        named: names.named,
    }
}

impl Reading {
    /// Where the SELECT begins.
    pub(crate) fn select_span(&self) -> Span {
        self.tokens.first_span()
    }

    /// Where the first source or view is named.
    pub(crate) fn relation_span(&self) -> Span {
        self.relations.first().map_or_else(|| self.select_span(), |name| name.span)
    }

    /// Where a column of the result is named; the SELECT for one that comes with `*`.
    pub(crate) fn output_span(&self, column: &str) -> Span {
        self.outputs.get(&column.to_lowercase()).map_or_else(|| self.select_span(), |output| output.span)
    }

    /// Whether somebody wrote this name for a column of the result, rather than the expression alone.
    pub(crate) fn is_named(&self, column: &str) -> bool {
        let Some(output) = self.outputs.get(&column.to_lowercase()) else { return false };
        let token = self.tokens.0.iter().find(|token| span_of(token.span) == output.span);
        token.and_then(spelled).is_some_and(|spelled| spelled.to_lowercase() == column.to_lowercase())
    }

    /// Where something stands that the planner complains of.
    pub(crate) fn span_of_spot(&self, spot: &Spot) -> Option<Span> {
        let token = |is_it: &dyn Fn(&Token) -> bool| {
            self.tokens.0.iter().find(|token| is_it(&token.token)).map(|token| span_of(token.span))
        };
        match spot {
            Spot::Nowhere => None,
            Spot::At(span) => Some(*span),
            Spot::Call { name, arguments } => {
                let mut calls: Vec<&Call> = self.calls.iter().filter(|call| is_called(&call.name.text, name)).collect();
                calls.sort_by_key(|call| arguments.is_some() && call.arguments != *arguments);
                calls.first().map(|call| call.name.span).or_else(|| self.span_before_parenthesis(name))
            }
            Spot::Literal(text) => token(&|token| match token {
                Token::SingleQuotedString(found) | Token::DoubleQuotedString(found) => found == text,
                _ => false,
            }),
            Spot::Word(word) => token(&|token| !is_quoted(token) && token.to_string().eq_ignore_ascii_case(word)),
            Spot::Compared(name) => self.compared_span(name),
            Spot::Division => self.division_span(),
            Spot::Twice(name) => self.doubles.get(name).copied(),
        }
    }

    /// Where a function is called that the parser knows as a construct of its own, such as `floor`.
    fn span_before_parenthesis(&self, name: &str) -> Option<Span> {
        let is_call = |next: &&[TokenWithSpan]| {
            next[1].token == Token::LParen
                && spelled(&next[0]).is_some_and(|spelled| spelled.eq_ignore_ascii_case(name))
        };
        self.tokens.0.windows(2).find(is_call).map(|next| span_of(next[0].span))
    }

    /// Where a name stands beside an operator that compares.
    fn compared_span(&self, name: &str) -> Option<Span> {
        let compares = |token: &Token| match token {
            Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::LtEq | Token::GtEq => true,
            Token::Word(word) => ["between", "in", "not", "is"].contains(&word.value.to_lowercase().as_str()),
            _ => false,
        };
        let tokens = &self.tokens.0;
        let beside = |index: usize| tokens.get(index).is_some_and(|token| compares(&token.token));
        let is_it = |index: &usize| {
            let is_name = spelled(&tokens[*index]).is_some_and(|spelled| spelled.to_lowercase() == name);
            is_name && (beside(*index + 1) || index.checked_sub(1).is_some_and(beside))
        };
        (0..tokens.len()).find(is_it).map(|index| span_of(tokens[index].span))
    }

    /// Where something is divided by a zero, or else the only division.
    fn division_span(&self) -> Option<Span> {
        let is_division = |token: &Token| match token {
            Token::Div | Token::Mod => true,
            Token::Word(word) => ["div", "mod"].contains(&word.value.to_lowercase().as_str()),
            _ => false,
        };
        let is_zero = |token: &Token| matches!(token, Token::Number(text, _) if text.parse() == Ok(0.0));
        let at = |index: &usize| is_division(&self.tokens.0[*index].token);
        let all: Vec<usize> = (0..self.tokens.0.len()).filter(at).collect();
        let by_zero = |index: &&usize| self.tokens.0.get(*index + 1).is_some_and(|next| is_zero(&next.token));
        let found = all.iter().find(by_zero).or_else(|| all.first().filter(|_| all.len() == 1));
        found.map(|index| span_of(self.tokens.0[*index].span))
    }

    /// The name of the function that is called at `span` as it was written.
    pub(crate) fn spelled_call(&self, span: Span) -> Option<String> {
        let token = self.tokens.0.iter().find(|token| span_of(token.span) == span)?;
        spelled(token).map(|name| name.to_lowercase())
    }

    /// Where a word stands that is not in quotes.
    pub(crate) fn word_span(&self, word: &str) -> Span {
        let is_it = |token: &&TokenWithSpan| matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word));
        self.tokens.0.iter().find(is_it).map_or_else(|| self.select_span(), |token| span_of(token.span))
    }

    /// Names that can be no column of anything in FROM. Scopes are left to the planner; what is found here is found all at
    /// once.
    pub(crate) fn unknown_columns(&self, catalog: &Catalog) -> Vec<Problem> {
        let relations = || self.relations.iter().map(|name| &*name.text);
        let known = catalog.columns_of(relations());
        let mut problems = Vec::new();
        let exists = |name: &str| known.contains_key(name) || self.named.contains(name);
        for parts in &self.columns {
            let Some(last) = parts.last().filter(|ident| ident.span.start.line > 0) else { continue };
            if parts.iter().any(|part| exists(&part.value)) && (parts.len() == 1 || exists(&last.value)) {
                continue;
            }
            // `column.field` of a struct: the planner knows whether there is such a field. A session window is refused by
            // its own words.
            if parts.len() > 1 && (known.contains_key(&parts[0].value) || parts[0].value == SESSION_WINDOW) {
                continue;
            }
            let candidates = known.values().map(String::as_str).chain(self.named.iter().map(String::as_str));
            let from = self.relations.iter().map(|name| format!("`{}`", name.text)).collect::<Vec<_>>().join(", ");
            let otherwise = || listed_columns(&catalog.declared_columns(relations()));
            let cure = did_you_mean(&last.value, candidates, otherwise);
            let spelled = spelled_at(&self.tokens, last.span.start).unwrap_or_else(|| last.value.clone());
            let place = if from.is_empty() { String::new() } else { format!(" in {from}") };
            let problem = Problem::new(span_of(last.span), format!("column `{spelled}` does not exist{place}"));
            problems.push(problem.maybe_cure(cure));
        }
        problems.dedup_by_key(|problem| problem.span);
        problems
    }
}

/// Columns that are listed: of more nobody reads the end.
const LISTED_MAX: usize = 30;

/// All columns in the order in which they are declared.
pub(crate) fn listed_columns(columns: &[&str]) -> Option<String> {
    (1..=LISTED_MAX).contains(&columns.len()).then(|| format!("the columns are {}", columns.join(", ")))
}

/// Whether the function that is written as `written` is the one that the planner calls `name`.
fn is_called(written: &str, name: &str) -> bool {
    let functions = Functions::all();
    written == name
        || functions.scalar.get(written).is_some_and(|function| function.name() == name)
        || functions.aggregate.get(written).is_some_and(|function| function.name() == name)
}

fn is_quoted(token: &Token) -> bool {
    matches!(token, Token::SingleQuotedString(_) | Token::DoubleQuotedString(_))
}

fn unknown_function(Call { name: call, arguments }: &Call) -> Option<Problem> {
    let functions = Functions::all();
    // A session window is refused by its own words.
    if functions.contains(&call.text) || &*call.text == SESSION_WINDOW {
        return None;
    }
    let takes = spark::takes(&call.text);
    if !takes.is_empty() {
        let counts = takes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let given = arguments.map_or_else(String::new, |given| format!(", not {given}"));
        let noun = if counts == "1" { "argument" } else { "arguments" };
        return Some(Problem::new(call.span, format!("`{}` takes {counts} {noun}{given}", call.text)));
    }
    let known = functions.names().chain(spark::names());
    let otherwise = || Some("`docs/sql.md` lists the functions there are".to_owned());
    let cure = did_you_mean(&call.text, known, otherwise);
    Some(Problem::new(call.span, format!("function `{}` does not exist", call.text)).maybe_cure(cure))
}

/// The name at a place as it was written.
fn spelled_at(tokens: &Tokens, place: Location) -> Option<String> {
    spelled(tokens.0.iter().find(|token| token.span.start == place)?)
}

fn spelled(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Word(word) => Some(word.value.clone()),
        Token::DoubleQuotedString(name) => Some(name.clone()),
        _ => None,
    }
}

/// How the columns of the outermost SELECT are spelled.
fn outputs(query: &Query, tokens: &Tokens) -> HashMap<String, Name> {
    let mut body = query.body.as_ref();
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(query) => body = &query.body,
            _ => break,
        }
    }
    let SetExpr::Select(select) = body else { return HashMap::new() };
    let named = select.projection.iter().filter_map(|item| {
        let name = output_name(item)?;
        let spelled = spelled_at(tokens, name.span.start).filter(|spelled| spelled.to_lowercase() == name.value);
        let text = spelled.unwrap_or_else(|| name.value.clone());
        Some((name.value.to_lowercase(), Name { text: text.into(), span: span_of(name.span) }))
    });
    named.collect()
}

/// The name that a column of a SELECT has in its text.
fn output_name(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(ident),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last(),
        _ => None,
    }
}

/// Every name in a query.
#[derive(Default)]
struct Names {
    relations: Vec<Name>,
    ctes: HashSet<String>,
    calls: Vec<Call>,
    doubles: HashMap<String, Span>,
    columns: Vec<Vec<Ident>>,
    named: HashSet<String>,
}

impl Names {
    fn alias(&mut self, alias: Option<&TableAlias>) {
        if let Some(alias) = alias {
            self.named.insert(alias.name.value.clone());
            self.named.extend(alias.columns.iter().map(|column| column.name.value.clone()));
        }
    }
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.insert(cte.alias.name.value.clone());
            self.alias(Some(&cte.alias));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let mut seen = HashSet::new();
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.named.insert(alias.value.clone());
            }
            if let Some(name) = output_name(item)
                && !seen.insert(name.value.as_str())
            {
                self.doubles.entry(name.value.clone()).or_insert_with(|| span_of(name.span));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let text = relation_name(name);
                self.named.extend(text.rsplit('.').next().map(str::to_owned));
                self.relations.push(Name { text: text.into(), span: span_of(name.span()) });
                self.alias(alias.as_ref());
            }
            TableFactor::Derived { alias, .. } => self.alias(alias.as_ref()),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.columns.push(vec![ident.clone()]),
            Expr::CompoundIdentifier(parts) => self.columns.push(parts.clone()),
            Expr::Function(function) => {
                let span = function.name.span();
                if span != TokenSpan::empty() {
                    let name = Name { text: name_of(function).into(), span: span_of(span) };
                    self.calls.push(Call { name, arguments: arguments_of(function).map(|arguments| arguments.len()) });
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The parts of a relation's name with dots between them.
fn relation_name(name: &ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    parts.map(|ident| ident.value.to_lowercase()).collect::<Vec<_>>().join(".")
}
