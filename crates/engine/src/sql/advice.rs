//! What people who come from other databases, or forgot something, may have meant by a text that is no SQL.
//!
//! The parser stops where it cannot go on, which is often behind the mistake. Here the tokens are looked at once more.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use millrace_flow::Span;

use super::text::{Problem, span_of};
use super::token::Tokens;

/// Quotes that word processors make of `'` and `"`.
const TYPOGRAPHIC: [char; 8] = ['‘', '’', '‚', '“', '”', '„', '«', '»'];

/// What is told of a quote that is none.
pub(super) const STRAIGHT_QUOTES: &str = "write straight quotes, as in 'text': word processors make others of them";

/// What to do where a comma is missing.
pub(super) const BETWEEN_COLUMNS: &str = "put a comma between two columns";

/// Words that no column, number or text ends with.
const GOES_ON: [&str; 24] = [
    "select", "distinct", "all", "from", "where", "group", "order", "by", "having", "and", "or", "not", "as", "when",
    "then", "else", "case", "on", "in", "like", "rlike", "between", "is", "interval",
];

/// Whether a token is such a quote.
pub(super) fn is_typographic_quote(token: &Token) -> bool {
    matches!(token, Token::Char(c) if TYPOGRAPHIC.contains(c))
}

/// A better word on what is wrong than that the parser stopped at `stuck`.
pub(super) fn advise(tokens: &Tokens, stuck: Span) -> Option<Problem> {
    let tokens = &tokens.0;
    let index = tokens.iter().position(|token| span_of(token.span) == stuck)?;
    foreign_sign(tokens)
        .or_else(|| half_clause(tokens))
        .or_else(|| plain_minus(tokens, index))
        .or_else(|| open_case(tokens))
        .or_else(|| missing_comma(tokens, index))
}

fn problem(token: &TokenWithSpan, message: impl Into<String>, cure: &str) -> Problem {
    Problem::new(span_of(token.span), message).cure(cure)
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

fn foreign_sign(tokens: &[TokenWithSpan]) -> Option<Problem> {
    tokens.iter().find_map(|token| match &token.token {
        Token::Overlap => Some(problem(token, "`&&` joins no conditions", "write AND")),
        quote if is_typographic_quote(quote) => {
            Some(problem(token, format!("`{quote}` is no quote of SQL"), STRAIGHT_QUOTES))
        }
        _ => None,
    })
}

/// `SELECT TOP 10`, which the parser takes and nothing behind it.
pub(super) fn select_top(tokens: &Tokens) -> Option<Problem> {
    let found = tokens.0.windows(3).find(|next| {
        let is_number = matches!(next[2].token, Token::Number(..));
        (is_word(&next[0], "select") || is_word(&next[0], "distinct")) && is_word(&next[1], "top") && is_number
    })?;
    Some(problem(&found[1], "Spark has no TOP", "leave it out; a question may end with LIMIT 10"))
}

/// `, FROM` and `FILTER (condition)`: the parser goes on for a while behind them.
fn half_clause(tokens: &[TokenWithSpan]) -> Option<Problem> {
    tokens.windows(3).find_map(|next| {
        if next[0].token == Token::Comma && is_word(&next[1], "from") {
            return Some(problem(&next[0], "a comma before FROM", "remove it, or name one more column"));
        }
        let opens = is_word(&next[0], "filter") && next[1].token == Token::LParen;
        (opens && !is_word(&next[2], "where"))
            .then(|| problem(&next[2], "FILTER begins with WHERE", "write FILTER (WHERE …)"))
    })
}

/// `FROM my-shop`, where the parser stops at the minus.
fn plain_minus(tokens: &[TokenWithSpan], index: usize) -> Option<Problem> {
    let (from, last) = (tokens.get(index.checked_sub(2)?)?, tokens.get(index.checked_sub(1)?)?);
    let is_from = is_word(from, "from") || is_word(from, "join");
    match (&tokens[index].token, &last.token, tokens.get(index + 1).map(|next| &next.token)) {
        (Token::Minus, Token::Word(left), Some(Token::Word(right))) if is_from => {
            let name = format!("{}-{}", left.value, right.value);
            Some(problem(last, format!("the name `{name}` needs backticks"), &format!("write `{name}`")))
        }
        _ => None,
    }
}

/// The last CASE, if there are more of them than of END.
fn open_case(tokens: &[TokenWithSpan]) -> Option<Problem> {
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        // `window.end` ends no CASE.
        let is_field = index.checked_sub(1).is_some_and(|before| tokens[before].token == Token::Period);
        if is_word(token, "case") {
            open.push(token);
        } else if is_word(token, "end") && !is_field {
            open.pop();
        }
    }
    open.last().map(|case| problem(case, "this CASE has no END", "close it: CASE WHEN … THEN … ELSE … END"))
}

/// Two columns of a SELECT with no comma between them: the second was taken for the name of the first.
fn missing_comma(tokens: &[TokenWithSpan], index: usize) -> Option<Problem> {
    if !is_in_select_list(tokens, index) {
        return None;
    }
    let (second, first) = (index.checked_sub(1)?, index.checked_sub(2)?);
    let missing =
        |token: &TokenWithSpan| problem(token, format!("a comma is missing before `{}`", token.token), BETWEEN_COLUMNS);
    match &tokens[index].token {
        Token::LParen if is_name(&tokens[second]) && ends_column(&tokens[first]) => Some(missing(&tokens[second])),
        Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_)
            if ends_column(&tokens[second]) && !is_reserved(&tokens[index]) =>
        {
            Some(missing(&tokens[index]))
        }
        _ => None,
    }
}

/// Whether SELECT, and no FROM, stands before a token outside of parentheses.
fn is_in_select_list(tokens: &[TokenWithSpan], index: usize) -> bool {
    let mut depth = 0_usize;
    for token in tokens[..index].iter().rev() {
        match token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return false,
            Token::LParen => depth -= 1,
            _ if depth == 0 && is_word(token, "select") => return true,
            _ if depth == 0 && is_word(token, "from") => return false,
            _ => {}
        }
    }
    false
}

fn is_name(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word) if !GOES_ON.contains(&word.value.to_lowercase().as_str()))
}

/// Words that follow the columns of a SELECT without a FROM.
const ENDS_COLUMNS: [&str; 4] = ["end", "union", "limit", "with"];

fn is_reserved(token: &TokenWithSpan) -> bool {
    let Token::Word(word) = &token.token else { return false };
    let word_lower = word.value.to_lowercase();
    word.quote_style.is_none() && (GOES_ON.contains(&&*word_lower) || ENDS_COLUMNS.contains(&&*word_lower))
}

/// Whether a column, a number or a text may end with a token.
pub(super) fn ends_column(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::RParen
        | Token::Mul => true,
        Token::Word(_) => is_name(token),
        _ => false,
    }
}
