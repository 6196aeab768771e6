//! From the tokens of a statement to its form.
//!
//! ```text
//! CREATE SOURCE name ( column TYPE, …, WATERMARK FOR column AS column - INTERVAL '…' ) WITH ( key = value, … )
//! CREATE [OR REPLACE] VIEW name AS select
//! CREATE [OR REPLACE] MATERIALIZED VIEW name AS select [EMIT CHANGES | EMIT ON WINDOW CLOSE] [ALLOWED LATENESS INTERVAL '…']
//! CREATE SINK name FROM thing WITH ( key = value, … )
//! CREATE SINK name AS select WITH ( key = value, … )
//! ```

use datafusion::sql::sqlparser::tokenizer::Token;
use millrace_flow::{Span, nearest};

use super::cursor::Cursor;
use super::program::OptionDef;
use super::select::{missing_commas_after, parse_query};
use super::statement::{
    Column, Name, SelectText, SinkFrom, SinkStatement, SourceStatement, Statement, ViewStatement, WatermarkClause,
};
use super::text::{Problem, Text, span_of};
use super::token::Tokens;
use crate::plan::Emit;

/// Things that have a place in the language but that this version does not run.
const NOT_YET: [&str; 4] = ["TABLE", "ALERT", "JOB", "MODEL"];

const KINDS: [&str; 4] = ["SOURCE", "VIEW", "MATERIALIZED", "SINK"];

/// Parses one statement; what is wrong with it goes to `problems`, and then there may be no statement.
pub(crate) fn parse(tokens: &Tokens, text: &Text, problems: &mut Vec<Problem>) -> Option<Statement> {
    let found = Parser { cursor: Cursor::new(tokens), tokens, text, problems }.statement();
    found.map_err(|problem| problems.push(problem)).ok()
}

/// The names, in lower case, of all that a statement declares, or that several declare with no `;` between them.
pub(crate) fn names_declared(tokens: &Tokens) -> Vec<String> {
    let mut cursor = Cursor::new(tokens);
    let mut names = Vec::new();
    while !cursor.is_at_end() {
        if !cursor.take_words(&["CREATE"]) {
            cursor.advance();
            continue;
        }
        cursor.take_words(&["OR", "REPLACE"]);
        // The kind may be misspelt.
        cursor.advance();
        cursor.take_words(&["VIEW"]);
        cursor.take_words(&["IF", "NOT", "EXISTS"]);
        names.extend(cursor.thing_name("a name").ok().map(|name| name.folded()));
    }
    names
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    tokens: &'a Tokens,
    text: &'a Text,
    problems: &'a mut Vec<Problem>,
}

impl Parser<'_> {
    fn statement(&mut self) -> Result<Statement, Problem> {
        if !self.cursor.take_words(&["CREATE"]) {
            return Err(self.no_create());
        }
        self.cursor.take_words(&["OR", "REPLACE"]);
        let statement = if self.cursor.take_words(&["SOURCE"]) {
            Statement::Source(self.source()?)
        } else if self.cursor.take_words(&["MATERIALIZED", "VIEW"]) {
            Statement::View(self.view(true)?)
        } else if self.cursor.take_words(&["VIEW"]) {
            Statement::View(self.view(false)?)
        } else if self.cursor.take_words(&["SINK"]) {
            Statement::Sink(self.sink()?)
        } else {
            return Err(self.unknown_kind());
        };
        if self.cursor.is_at_end() {
            return Ok(statement);
        }
        let problem = self.cursor.expected("the end of the statement");
        Err(if self.cursor.at_words(&["CREATE"]) { problem.cure("put a `;` before it") } else { problem })
    }

    fn no_create(&self) -> Problem {
        let word = match self.cursor.peek() {
            Some(Token::Word(word)) => word.value.to_ascii_uppercase(),
            _ => return self.cursor.expected("`CREATE`"),
        };
        let problem = Problem::new(self.cursor.span(), format!("a project's files cannot hold `{word}`"));
        match word.as_str() {
            "SELECT" | "WITH" | "EXPLAIN" => problem.cure("ask questions with `millrace sql \"SELECT …\"`"),
            _ => problem
                .cure("statements begin with CREATE SOURCE, CREATE VIEW, CREATE MATERIALIZED VIEW or CREATE SINK"),
        }
    }

    fn unknown_kind(&self) -> Problem {
        let Some(Token::Word(word)) = self.cursor.peek() else {
            return self.cursor.expected("SOURCE, VIEW, MATERIALIZED VIEW or SINK");
        };
        let kind = word.value.to_ascii_uppercase();
        if NOT_YET.contains(&kind.as_str()) {
            let message = format!("this version does not run CREATE {kind} yet");
            return Problem::new(self.cursor.span(), message).cure("remove the statement, or put it behind `--`");
        }
        let cure = match nearest(&kind, KINDS) {
            Some("MATERIALIZED") => "did you mean `MATERIALIZED VIEW`?".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => "CREATE takes SOURCE, VIEW, MATERIALIZED VIEW or SINK".to_owned(),
        };
        Problem::new(self.cursor.span(), format!("unknown kind of thing `{}`", word.value)).cure(cure)
    }

    fn source(&mut self) -> Result<SourceStatement, Problem> {
        self.cursor.take_words(&["IF", "NOT", "EXISTS"]);
        let name = self.cursor.thing_name("the name of the source")?;
        if !self.cursor.take(&Token::LParen) {
            return Err(self.cursor.expected("`(` and the columns").cure("write `name TYPE` for each column"));
        }
        let mut columns: Vec<Column> = Vec::new();
        let mut is_whole = true;
        let mut watermark = None;
        while self.cursor.peek() != Some(&Token::RParen) {
            if self.cursor.at_words(&["WATERMARK", "FOR"]) {
                let span = self.cursor.span();
                if watermark.replace(self.watermark()?).is_some() {
                    self.problems.push(Problem::new(span, "a source has one watermark").cure("remove one of them"));
                }
            } else {
                is_whole &= self.column(&mut columns)?;
            }
            if self.cursor.take(&Token::Comma) {
                continue;
            }
            let is_column = |cursor: &mut Cursor<'_>| cursor.column_name().and_then(|_| cursor.column_type());
            if !self.cursor.would_read(is_column) {
                break;
            }
            self.problems.push(self.cursor.missing_comma("columns"));
        }
        self.cursor.expect_end_of_list("columns")?;
        let options = self.options()?;
        Ok(SourceStatement { name, columns, is_whole, watermark, options })
    }

    /// One column, and whether all of it could be read. A wrong type or name does not keep the columns after it from being
    /// looked at.
    fn column(&mut self, columns: &mut Vec<Column>) -> Result<bool, Problem> {
        let mut is_whole = true;
        let name = match self.cursor.column_name() {
            Ok(name) => name,
            Err(problem) if matches!(self.cursor.peek(), Some(Token::Word(_))) => {
                let name = Name { text: format!("column_{}", columns.len()).into(), span: problem.span };
                self.problems.push(problem);
                is_whole = false;
                name
            }
            Err(problem) => return Err(problem),
        };
        let is_same = |column: &&Column| column.name.folded() == name.folded();
        if let Some(earlier) = columns.iter().find(is_same) {
            let message = format!("column `{}` is declared twice", name.text);
            let cure = format!("the first stands in line {}", earlier.name.span.line);
            self.problems.push(Problem::new(name.span, message).cure(cure));
        }
        match self.cursor.column_type() {
            Ok(data_type) => columns.push(Column { name, data_type }),
            Err(problem) => {
                self.problems.push(problem);
                is_whole = false;
            }
        }
        let span = self.cursor.span();
        if self.cursor.take_words(&["NOT", "NULL"]) {
            let message = "NOT NULL is not checked by a source";
            let cure = "leave it out, and say `WHERE column IS NOT NULL` in a view";
            self.problems.push(Problem::new(Span { length: 8, ..span }, message).cure(cure));
        }
        if self.cursor.take_words(&["COMMENT"]) {
            self.cursor.advance();
        }
        Ok(is_whole)
    }

    fn watermark(&mut self) -> Result<WatermarkClause, Problem> {
        self.cursor.expect_words(&["WATERMARK", "FOR"])?;
        let column = self.cursor.name("the column with the event time")?;
        self.cursor.expect_words(&["AS"])?;
        let again = self.cursor.name("the same column")?;
        if again.folded() != column.folded() {
            let message = format!("the watermark of `{}` cannot be computed from `{}`", column.text, again.text);
            return Err(Problem::new(again.span, message).cure(format!("write `AS {} - INTERVAL '…'`", column.text)));
        }
        let span = self.cursor.span();
        if self.cursor.peek() == Some(&Token::Plus) {
            let problem = Problem::new(span, "a watermark stays behind the event time, never before it");
            return Err(problem.cure(format!("write `AS {} - INTERVAL '…'`", column.text)));
        }
        let delay_us = if self.cursor.take(&Token::Minus) { self.cursor.interval()? } else { 0 };
        if delay_us < 0 {
            return Err(Problem::new(span, "a watermark cannot run ahead of the rows").cure("use a positive interval"));
        }
        Ok(WatermarkClause { column, delay_us })
    }

    fn view(&mut self, materialized: bool) -> Result<ViewStatement, Problem> {
        self.cursor.take_words(&["IF", "NOT", "EXISTS"]);
        let name = self.cursor.thing_name("the name of the view")?;
        for option in if self.cursor.at_words(&["WITH"]) { self.options()? } else { Vec::new() } {
            let message = format!("a view has no option `{}`", option.key);
            self.problems.push(Problem::new(option.key_span, message).cure("remove it"));
        }
        if !self.cursor.take_words(&["AS"]) {
            return Err(self.cursor.expected("`AS` and a SELECT"));
        }
        let select = self.select(|cursor| {
            cursor.at_words(&["EMIT", "CHANGES"])
                || cursor.at_words(&["EMIT", "ON"])
                || cursor.at_words(&["ALLOWED", "LATENESS"])
        })?;
        let (mut emit, mut lateness) = (None, None);
        while !self.cursor.is_at_end() {
            let span = self.cursor.span();
            if self.cursor.take_words(&["EMIT", "CHANGES"]) {
                emit = Some((Emit::Changes, span));
            } else if self.cursor.take_words(&["EMIT", "ON", "WINDOW", "CLOSE"]) {
                emit = Some((Emit::OnWindowClose, span));
            } else if self.cursor.take_words(&["ALLOWED", "LATENESS"]) {
                lateness = Some((self.cursor.interval()?, span));
            } else if self.cursor.at_words(&["EMIT"]) {
                let on = self.cursor.at_words(&["EMIT", "ON"]);
                let cure = if on { "write EMIT ON WINDOW CLOSE" } else { "write EMIT CHANGES or EMIT ON WINDOW CLOSE" };
                return Err(Problem::new(span, "there is no such EMIT").cure(cure));
            } else {
                return Err(self.cursor.expected("EMIT CHANGES, EMIT ON WINDOW CLOSE, ALLOWED LATENESS or the end"));
            }
        }
        for span in [emit.map(|(_, span)| span), lateness.map(|(_, span)| span)].into_iter().flatten() {
            if !materialized {
                let problem = Problem::new(span, "a plain view emits nothing: it is part of the views that read it");
                self.problems
                    .push(problem.cure("make it a MATERIALIZED VIEW, or move the clause to the view that reads it"));
            }
        }
        Ok(ViewStatement { name, materialized, select, emit, lateness })
    }

    fn sink(&mut self) -> Result<SinkStatement, Problem> {
        self.cursor.take_words(&["IF", "NOT", "EXISTS"]);
        let name = self.cursor.thing_name("the name of the sink")?;
        let from = if self.cursor.take_words(&["FROM"]) {
            SinkFrom::Thing(self.cursor.thing_name("the source or view that the sink reads")?)
        } else if self.cursor.take_words(&["AS"]) {
            SinkFrom::Select(self.select(|cursor| cursor.at_words(&["WITH"]))?)
        } else {
            return Err(self.cursor.expected("`FROM` and a view, or `AS` and a SELECT"));
        };
        let options = self.options()?;
        Ok(SinkStatement { name, from, options })
    }

    /// The tokens up to where `ends` says, outside of parentheses, as a SELECT.
    fn select(&mut self, ends: impl Fn(&Cursor<'_>) -> bool) -> Result<SelectText, Problem> {
        let first = self.cursor.position();
        let mut depth = 0_usize;
        while let Some(token) = self.cursor.peek() {
            // A WITH that begins the SELECT is its own.
            if depth == 0 && self.cursor.position() > first && ends(&self.cursor) {
                break;
            }
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.cursor.advance();
        }
        let tokens = Tokens(self.tokens.0[first..self.cursor.position()].to_vec());
        if tokens.0.is_empty() {
            return Err(self.cursor.expected("a SELECT"));
        }
        let sql = self.text.between(tokens.start(), tokens.end()).to_owned();
        let query =
            parse_query(&tokens).inspect_err(|problem| self.problems.extend(missing_commas_after(&tokens, problem)))?;
        Ok(SelectText { sql, tokens, query })
    }

    /// `WITH (key = value, …)`.
    fn options(&mut self) -> Result<Vec<OptionDef>, Problem> {
        if !self.cursor.take_words(&["WITH"]) {
            return Err(self
                .cursor
                .expected("`WITH (…)`")
                .cure("say what it is connected to: WITH (connector = '…', …)"));
        }
        self.cursor.expect(&Token::LParen)?;
        let mut options: Vec<OptionDef> = Vec::new();
        while self.cursor.peek() != Some(&Token::RParen) {
            let option = self.option()?;
            if options.iter().any(|earlier| earlier.key == option.key) {
                let message = format!("option `{}` is given twice", option.key);
                self.problems.push(Problem::new(option.key_span, message).cure("remove one of them"));
            }
            options.push(option);
            if self.cursor.take(&Token::Comma) {
                continue;
            }
            let is_option = |cursor: &mut Cursor<'_>| cursor.name("").and_then(|_| cursor.expect(&Token::Eq));
            if !self.cursor.would_read(is_option) {
                break;
            }
            self.problems.push(self.cursor.missing_comma("options"));
        }
        self.cursor.expect_end_of_list("options")?;
        Ok(options)
    }

    fn option(&mut self) -> Result<OptionDef, Problem> {
        let mut key = match self.cursor.peek() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => {
                let name = Name { text: text.as_str().into(), span: self.cursor.span() };
                self.cursor.advance();
                name
            }
            _ => self.cursor.name("the name of an option")?,
        };
        while self.cursor.take(&Token::Period) {
            let next = self.cursor.name("the name of an option")?;
            key.span.length = (next.span.column + next.span.length).saturating_sub(key.span.column);
            key.text = format!("{}.{}", key.text, next.text).into();
        }
        self.cursor.expect(&Token::Eq)?;
        let start = self.cursor.location();
        let sign = if self.cursor.take(&Token::Minus) { "-" } else { "" };
        let value = match self.cursor.peek() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) if sign.is_empty() => text.clone(),
            Some(Token::Number(text, _)) => format!("{sign}{text}"),
            Some(Token::Word(word)) if ["true", "false"].contains(&word.value.to_ascii_lowercase().as_str()) => {
                word.value.to_ascii_lowercase()
            }
            _ => {
                let problem = self.cursor.expected("the value of the option");
                let cure = "values are strings in single quotes, numbers, true or false";
                return Err(if problem.cure.is_some() { problem } else { problem.cure(cure) });
            }
        };
        self.cursor.advance();
        let last = &self.tokens.0[self.cursor.position() - 1];
        let value_span = span_of(datafusion::sql::sqlparser::tokenizer::Span::new(start, last.span.end));
        Ok(OptionDef { key: key.folded(), value, key_span: key.span, value_span })
    }
}
