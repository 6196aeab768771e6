//! What is good SQL and does not do what it says: found in the text before the planner makes nothing of it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Spanned, Value, Visitor};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::advice::ends_column;
use super::reading::Reading;
use super::text::{Problem, span_of};
use super::token::is_before_name;
use super::walk::look;
use crate::plan::catalog::Catalog;

/// Functions that take the name of a part or a unit of time as a text.
const TAKES_UNITS: [&str; 5] = ["date_trunc", "trunc", "date_part", "datepart", "extract"];

/// Functions that take a pattern as a text, behind their first argument.
const TAKES_PATTERNS: [&str; 5] = ["date_format", "to_char", "to_varchar", "to_date", "to_timestamp"];

/// Texts in double quotes that are the name of a column: to Spark they are texts, to other databases columns.
pub(crate) fn quoted_columns(reading: &Reading, catalog: &Catalog) -> Vec<Problem> {
    let known = catalog.columns_of(reading.relations.iter().map(|name| &*name.text));
    let tokens = &reading.tokens.0;
    let mut problems = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Token::DoubleQuotedString(text) = &token.token else { continue };
        let Some(column) = known.get(&text.to_lowercase()) else { continue };
        let is_name = index.checked_sub(1).is_some_and(|before| is_before_name(&tokens[before].token));
        if is_name || is_alias(tokens, index) || is_unit_or_pattern(tokens, index) {
            continue;
        }
        let message = format!("\"{text}\" is a text, and there is a column of that name");
        let cure = format!("write `{column}` in backticks, or plain, for the column, and '{text}' for the text");
        problems.push(Problem::new(span_of(token.span), message).cure(cure));
    }
    problems
}

/// `SELECT id "b"`, without AS.
fn is_alias(tokens: &[TokenWithSpan], index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| &tokens[before]);
    before.is_some_and(|before| before.token != Token::Mul && ends_column(before))
}

fn is_unit_or_pattern(tokens: &[TokenWithSpan], index: usize) -> bool {
    let (mut depth, mut is_first) = (0_usize, true);
    let open = tokens[..index].iter().rposition(|token| {
        match token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return true,
            Token::LParen => depth -= 1,
            Token::Comma if depth == 0 => is_first = false,
            _ => {}
        }
        false
    });
    let Some(Token::Word(word)) = open.and_then(|open| open.checked_sub(1)).map(|before| &tokens[before].token) else {
        return false;
    };
    let function = &*word.value.to_lowercase();
    TAKES_UNITS.contains(&function) || !is_first && TAKES_PATTERNS.contains(&function)
}

/// Comparisons with NULL, which are never true.
pub(crate) fn null_comparisons(reading: &Reading) -> Vec<Problem> {
    let mut search = Search { problems: Vec::new() };
    look(&reading.query, &mut search);
    search.problems
}

struct Search {
    problems: Vec<Problem>,
}

impl Visitor for Search {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        let Expr::BinaryOp { left, op, right } = expr else { return ControlFlow::Continue(()) };
        let is_null = |expr: &Expr| matches!(expr, Expr::Value(value) if value.value == Value::Null);
        if matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq) && (is_null(left) || is_null(right)) {
            let (null, other) = if is_null(left) { (left, right) } else { (right, left) };
            let is = if *op == NotEq { "IS NOT NULL" } else { "IS NULL" };
            let problem =
                Problem::new(span_of(null.span()), format!("`{op} NULL` is never true, whatever the value is"));
            self.problems.push(problem.cure(format!("write {other} {is}")));
        }
        ControlFlow::Continue(())
    }
}
