//! Windows as people write them, turned into one form before planning.
//!
//! - `window(ts, '5 minutes'[, slide[, start]])` gets its lengths as microseconds.
//! - `window`, `window.start` and `window.end` in a SELECT that groups by a window become `get_field(window(…), 'start')`:
//!   the planner would look for a table of that name.
//! - `TUMBLE(t, ts, size)` and `HOP(t, ts, slide, size)` in FROM become a subquery with `window_start` and `window_end`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, GroupByExpr, Ident, Interval, ObjectName, Query, Select, SelectItem, Spanned,
    TableAlias, TableFactor, Value, VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;
use millrace_flow::Span;

use super::dialect::SparkDialect;
use super::interval::parse_micros;
use super::spark::{arguments_of, call, name_of, number, string};
use super::text::{Problem, span_of};
use super::walk::change;
use crate::plan::functions::WINDOW;

/// The function of session windows, which are refused.
pub(super) const SESSION_WINDOW: &str = "session_window";

/// Rewrites the functions that give a table in FROM.
pub(crate) fn rewrite_tables(query: &mut Query, problems: &mut Vec<Problem>) {
    change(query, &mut TableFunctions { problems });
}

/// Rewrites all other windows of a query; answers where they are called.
pub(crate) fn rewrite(query: &mut Query, problems: &mut Vec<Problem>) -> Vec<Span> {
    let mut calls = Calls { problems, spans: Vec::new() };
    change(query, &mut calls);
    let spans = calls.spans;
    change(query, &mut References);
    spans
}

/// `TUMBLE` and `HOP` in FROM.
struct TableFunctions<'a> {
    problems: &'a mut Vec<Problem>,
}

impl VisitorMut for TableFunctions<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args: Some(arguments), alias, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let function = Function { name: name.clone(), ..template_function() };
        let plain: Option<Vec<Expr>> = super::spark::plain_arguments(&arguments.args);
        let span = span_of(name.span());
        match subquery(&name_of(&function), plain.unwrap_or_default(), span) {
            Ok((query, table)) => {
                let named = || TableAlias { explicit: true, name: table, columns: Vec::new(), at: None };
                let alias = Some(alias.take().unwrap_or_else(named));
                *factor = TableFactor::Derived { lateral: false, subquery: query, alias, sample: None };
            }
            Err(problem) => self.problems.push(problem),
        }
        ControlFlow::Continue(())
    }
}

fn template_function() -> Function {
    match call("f", Vec::new()) {
        Expr::Function(function) => function,
        _ => unreachable!("a call is a function"),
    }
}

fn subquery(function: &str, arguments: Vec<Expr>, span: Span) -> Result<(Box<Query>, Ident), Problem> {
    let wrong = |cure: &str| Problem::new(span, format!("`{function}` cannot be read like this")).cure(cure);
    let window = match (function, arguments.as_slice()) {
        ("tumble", [_, time, size]) => format!("window({time}, {size})"),
        ("tumble", [_, time, size, start]) => format!("window({time}, {size}, {size}, {start})"),
        ("tumble", _) => return Err(wrong("write TUMBLE(table, time, INTERVAL '5 minutes')")),
        ("hop", [_, time, slide, size]) => format!("window({time}, {size}, {slide})"),
        ("hop", [_, time, slide, size, start]) => format!("window({time}, {size}, {slide}, {start})"),
        ("hop", _) => {
            return Err(wrong("write HOP(table, time, INTERVAL '5 minutes', INTERVAL '15 minutes'): slide, then size"));
        }
        ("session" | "cumulate", _) => {
            let problem =
                Problem::new(span, format!("this version does not run {} windows yet", function.to_uppercase()));
            return Err(problem.cure("use a tumbling or hopping window: `GROUP BY window(ts, '30 minutes')`"));
        }
        _ => {
            let problem = Problem::new(span, format!("`{function}` is no function that gives a table"));
            return Err(problem.cure("FROM takes sources, views, subqueries, TUMBLE and HOP"));
        }
    };
    let table = match &arguments[0] {
        Expr::Identifier(name) => name.clone(),
        Expr::CompoundIdentifier(names) => names.last().expect("a name has parts").clone(),
        _ => return Err(wrong("its first argument is the name of a source or view")),
    };
    let sql = format!("SELECT *, {window}.start AS window_start, {window}.end AS window_end FROM {}", arguments[0]);
    let parsed = Parser::new(&SparkDialect).try_with_sql(&sql).and_then(|mut parser| parser.parse_query());
    let mut query = parsed.map_err(|_| wrong("its arguments are a name, a column and lengths of time"))?;
    change(&mut *query, &mut Place { ident: &table });
    Ok((query, table))
}

/// Puts what was generated where the call stands, so that errors point there.
struct Place<'a> {
    ident: &'a Ident,
}

impl VisitorMut for Place<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        *relation = ObjectName::from(vec![self.ident.clone()]);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            let ident = Ident { span: self.ident.span, ..Ident::new(name_of(function)) };
            function.name = ObjectName::from(vec![ident]);
        }
        ControlFlow::Continue(())
    }
}

/// Lengths of `window(…)` as numbers; session windows refused.
struct Calls<'a> {
    problems: &'a mut Vec<Problem>,
    spans: Vec<Span>,
}

impl VisitorMut for Calls<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let span = span_of(function.name.span());
        match name_of(function).as_str() {
            SESSION_WINDOW => {
                let problem = Problem::new(span, "this version does not run session windows yet");
                self.problems.push(problem.cure("use a tumbling or hopping window: `window(ts, '30 minutes')`"));
            }
            WINDOW => {
                self.spans.push(span);
                match with_numbers(function, span) {
                    Ok(numbered) => *expr = numbered,
                    Err(problem) => self.problems.push(problem),
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn with_numbers(function: &Function, span: Span) -> Result<Expr, Problem> {
    let arguments = arguments_of(function).unwrap_or_default();
    let (time, size, slide, start) = match arguments.as_slice() {
        [time, size] => (time, size, None, None),
        [time, size, slide] => (time, size, Some(slide), None),
        [time, size, slide, start] => (time, size, Some(slide), Some(start)),
        _ => {
            let problem = Problem::new(span, "`window` takes a time and a size, and perhaps a slide and a start");
            return Err(problem.cure("write window(ts, '5 minutes') or window(ts, '15 minutes', '5 minutes')"));
        }
    };
    let size_us = micros(size)?;
    let slide_us = slide.map_or(Ok(size_us), micros)?;
    let start_us = start.map_or(Ok(0), micros)?;
    for (length, us) in [(size, size_us), (slide.unwrap_or(size), slide_us)] {
        let message = match us {
            ..0 => "a window cannot have a negative length",
            0 => "a window cannot be empty",
            _ => continue,
        };
        return Err(Problem::new(span_of(length.span()), message).cure("use a length above 0"));
    }
    if slide_us > size_us {
        let problem =
            Problem::new(span, "the slide of a window is longer than the window: rows between would be in none");
        return Err(problem.cure("write the size first, then the slide"));
    }
    let numbers = [size_us, slide_us, start_us.rem_euclid(slide_us)].map(number);
    let mut whole = call(WINDOW, std::iter::once(time.clone()).chain(numbers).collect());
    if let Expr::Function(new) = &mut whole {
        new.name = function.name.clone();
    }
    Ok(whole)
}

fn micros(length: &Expr) -> Result<i64, Problem> {
    let span = span_of(length.span());
    let text = match length {
        Expr::Value(value) => value.value.clone().into_string(),
        Expr::Interval(Interval { value, leading_field, .. }) => match value.as_ref() {
            Expr::Value(value) => {
                let number = match &value.value {
                    Value::Number(number, _) => Some(number.clone()),
                    other => other.clone().into_string(),
                };
                let unit = leading_field.as_ref().map_or_else(String::new, ToString::to_string);
                number.map(|number| format!("{number} {unit}"))
            }
            _ => None,
        },
        _ => None,
    };
    let problem = || Problem::new(span, "the length of a window must be a constant").cure("write it as '5 minutes'");
    parse_micros(&text.ok_or_else(problem)?).map_err(|message| Problem::new(span, message))
}

/// `window` and its fields, SELECT by SELECT; and names for what has none.
struct References;

impl VisitorMut for References {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let window = window_of(select);
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item {
                let Some(name) = name_for(expr, window.is_some()) else { continue };
                let alias = Ident { quote_style: Some('`'), span: expr.span(), value: name };
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        let mut fields = Fields { window };
        change(&mut select.projection, &mut fields);
        change(&mut select.selection, &mut fields);
        change(&mut select.having, &mut fields);
        change(&mut select.qualify, &mut fields);
        change(&mut select.group_by, &mut fields);
        ControlFlow::Continue(())
    }
}

/// The window that a SELECT groups by, or else the one it selects.
fn window_of(select: &mut Select) -> Option<Expr> {
    struct Find(Option<Expr>);
    impl VisitorMut for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if name_of(function) == WINDOW => {
                    self.0 = Some(expr.clone());
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut find = Find(None);
    if let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
        change(groups, &mut find);
    }
    if find.0.is_none() {
        change(&mut select.projection, &mut find);
    }
    find.0
}

/// The name that Spark gives to an expression without one; `None` where the planner gives the same.
fn name_for(expr: &Expr, has_window: bool) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => (has_window && ident.value == WINDOW).then(|| WINDOW.to_owned()),
        Expr::CompoundIdentifier(parts) => {
            let is_field = has_window && parts[0].value == WINDOW;
            is_field.then(|| parts.last().expect("a name has parts").value.clone())
        }
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last() {
            Some(AccessExpr::Dot(Expr::Identifier(field))) => Some(field.value.clone()),
            _ => Some(expr.to_string()),
        },
        Expr::Function(function) if name_of(function) == WINDOW => Some(WINDOW.to_owned()),
        expr => Some(expr.to_string()),
    }
}

struct Fields {
    window: Option<Expr>,
}

impl VisitorMut for Fields {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let field_of = |whole: Expr, field: &str| call("get_field", vec![whole, string(field)]);
        let replacement = match (&*expr, &self.window) {
            (Expr::Identifier(ident), Some(window)) if ident.value == WINDOW => Some(window.clone()),
            (Expr::CompoundIdentifier(parts), Some(window)) => match parts.as_slice() {
                [name, field] if name.value == WINDOW => Some(field_of(window.clone(), &field.value)),
                _ => None,
            },
            (Expr::CompoundFieldAccess { root, access_chain }, _) => match access_chain.as_slice() {
                [AccessExpr::Dot(Expr::Identifier(field))] => Some(field_of(root.as_ref().clone(), &field.value)),
                _ => None,
            },
            _ => None,
        };
        if let Some(replacement) = replacement {
            *expr = replacement;
        }
        ControlFlow::Continue(())
    }
}
