//! From the tokens of a SELECT to its syntax tree, within bounds.
//!
//! The planner behind this works recursively, so depth is bounded here, before anything recursive runs: parentheses and
//! operators are counted on the flat tokens.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use millrace_flow::{Span, nearest};

use super::advice::{BETWEEN_COLUMNS, advise, select_top};
use super::dialect::SparkDialect;
use super::text::{Problem, span_of};
use super::token::Tokens;

/// No SELECT that people write comes near it; planning takes time in proportion.
const TOKENS_MAX: usize = 20_000;

/// A chain of operators is a tree as deep as it is long. Five hundred fit many times into the stack of [`with_deep_stack`].
const OPERATORS_MAX: usize = 500;

/// Parentheses, CASE and subqueries within one another.
const DEPTH_MAX: usize = 64;

/// Missing commas of one SELECT that are told beside the first.
const COMMAS_MAX: usize = 20;

/// Stack of the thread that plans. Only what is used of it is ever memory.
const STACK_BYTES: usize = 512 * 1024 * 1024;

/// Runs `work` where deep trees have room.
pub(crate) fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("planner".to_owned()).stack_size(STACK_BYTES);
        let handle = thread.spawn_scoped(scope, work).expect("address space for one more stack");
        handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Parses a SELECT, names in lower case.
pub(crate) fn parse_query(tokens: &Tokens) -> Result<Box<ast::Query>, Problem> {
    check_bounds(tokens)?;
    select_top(tokens).map_or(Ok(()), Err)?;
    let mut parser = parser(tokens);
    let query = parser.parse_query().map_err(|error| advised(problem_of(error, tokens), tokens))?;
    match parser.next_token() {
        TokenWithSpan { token: Token::EOF, .. } => Ok(query),
        extra => {
            // A next statement may have been taken for the alias of a table at first.
            let next = tokens.0.iter().find(|token| is_create(&token.token));
            match next {
                Some(next) => Err(unexpected(next, "the end of the SELECT").cure("put a `;` before it")),
                None => Err(not_the_end(tokens, &extra, "the end of the SELECT")),
            }
        }
    }
}

/// The commas that are missing behind the one that `first` says is missing: whoever forgets one forgets more.
pub(crate) fn missing_commas_after(tokens: &Tokens, first: &Problem) -> Vec<Problem> {
    let is_comma = |problem: &Problem| problem.cure.as_deref() == Some(BETWEEN_COLUMNS);
    let (mut tokens, mut last, mut more) = (tokens.clone(), first.clone(), Vec::new());
    while is_comma(&last) && more.len() < COMMAS_MAX {
        let Some(at) = tokens.0.iter().position(|token| span_of(token.span) == last.span) else { break };
        // It takes no place in the text, so that whatever comes behind keeps its own.
        let nowhere = datafusion::sql::sqlparser::tokenizer::Span::empty();
        tokens.0.insert(at, TokenWithSpan::new(Token::Comma, nowhere));
        let Err(problem) = parse_query(&tokens) else { break };
        if is_comma(&problem) {
            more.push(problem.clone());
        }
        last = problem;
    }
    more
}

fn is_create(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("create"))
}

/// Parses any statement, names in lower case.
pub(crate) fn parse_statement(tokens: &Tokens) -> Result<ast::Statement, Problem> {
    check_bounds(tokens)?;
    select_top(tokens).map_or(Ok(()), Err)?;
    let mut parser = parser(tokens);
    let statement = parser.parse_statement().map_err(|error| advised(problem_of(error, tokens), tokens))?;
    match parser.next_token() {
        TokenWithSpan { token: Token::EOF, .. } => Ok(statement),
        extra => Err(not_the_end(tokens, &extra, "the end")),
    }
}

/// What is wrong with a text in which `extra` follows where nothing can.
fn not_the_end(tokens: &Tokens, extra: &TokenWithSpan, wanted: &str) -> Problem {
    misspelt_word(tokens, extra).unwrap_or_else(|| advised(unexpected(extra, wanted), tokens))
}

/// What is known better than the parser does, or else what it says.
fn advised(problem: Problem, tokens: &Tokens) -> Problem {
    advise(tokens, problem.span).unwrap_or(problem)
}

fn unexpected(found: &TokenWithSpan, wanted: &str) -> Problem {
    Problem::new(span_of(found.span), format!("expected {wanted}, found `{}`", found.token))
}

/// Words that a SELECT goes on with. One that is misspelt is taken for the name of what stands before it.
const GOES_ON: [&str; 10] = ["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "JOIN", "LEFT", "INNER"];

/// The word before `extra`, where nothing can follow, if it was meant to be one of the language.
fn misspelt_word(tokens: &Tokens, extra: &TokenWithSpan) -> Option<Problem> {
    let index = tokens.0.iter().position(|token| token.span == extra.span)?;
    let before = &tokens.0[index.checked_sub(1)?];
    let Token::Word(word) = &before.token else { return None };
    let meant = nearest(&word.value, GOES_ON).filter(|meant| !meant.eq_ignore_ascii_case(&word.value))?;
    let message = format!("`{}` is read as a name, and `{}` cannot follow it", word.value, extra.token);
    Some(Problem::new(span_of(before.span), message).cure(format!("did you mean `{meant}`?")))
}

fn parser(tokens: &Tokens) -> Parser<'static> {
    let tokens = plain_table_functions(tokens.lowered());
    Parser::new(&SparkDialect).with_recursion_limit(DEPTH_MAX + 2).with_tokens_with_locations(tokens)
}

fn check_bounds(tokens: &Tokens) -> Result<(), Problem> {
    let too_much = |token: &TokenWithSpan, what: String| {
        Problem::new(span_of(token.span), what).cure("split it into several views")
    };
    let (mut depth, mut operators) = (0_usize, 0_usize);
    for (index, token) in tokens.0.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => operators += 1,
            Token::Word(word) if matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::UNION) => {
                operators += 1;
            }
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(too_much(token, format!("more than {DEPTH_MAX} parentheses within one another")));
        }
        if operators > OPERATORS_MAX {
            return Err(too_much(token, format!("more than {OPERATORS_MAX} operators in one SELECT")));
        }
        if index >= TOKENS_MAX {
            return Err(too_much(token, format!("more than {TOKENS_MAX} words in one SELECT")));
        }
    }
    Ok(())
}

/// `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), …))` as `TUMBLE(t, ts, …)`: the two ways to write it mean the same.
fn plain_table_functions(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let word = |index: usize| match tokens.get(index).map(|token| &token.token) {
        Some(Token::Word(word)) => Some(word.value.as_str()),
        _ => None,
    };
    let opens = |index: usize| tokens.get(index).is_some_and(|token| token.token == Token::LParen);
    let is_window =
        |name: Option<&str>| name.is_some_and(|name| ["tumble", "hop", "session", "cumulate"].contains(&name));
    let mut dropped = vec![false; tokens.len()];
    for index in 0..tokens.len() {
        if word(index) == Some("table") && opens(index + 1) && is_window(word(index + 2)) {
            dropped[index] = true;
            drop_parentheses(&tokens, index + 1, &mut dropped);
        } else if is_window(word(index)) && opens(index + 1) && word(index + 2) == Some("table") {
            dropped[index + 2] = true;
        } else if word(index) == Some("descriptor") && opens(index + 1) {
            dropped[index] = true;
            drop_parentheses(&tokens, index + 1, &mut dropped);
        }
    }
    tokens.into_iter().zip(dropped).filter(|(_, dropped)| !dropped).map(|(token, _)| token).collect()
}

fn drop_parentheses(tokens: &[TokenWithSpan], open: usize, dropped: &mut [bool]) {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            dropped[open] = true;
            dropped[index] = true;
            return;
        }
    }
}

fn problem_of(error: ParserError, tokens: &Tokens) -> Problem {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            let problem = Problem::new(tokens.first_span(), format!("more than {DEPTH_MAX} levels within one another"));
            return problem.cure("split it into several views");
        }
    };
    let (message, place) = cut_place(&message);
    let span = place.and_then(|place| span_at(tokens, place, message)).unwrap_or_else(|| tokens.last_span());
    Problem::new(span, plain_words(message))
}

/// `… at Line: 3, Column: 14` as the message and the place.
fn cut_place(message: &str) -> (&str, Option<(u64, u64)>) {
    let Some((before, after)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let place = after.split_once(", Column: ").and_then(|(line, column)| {
        let digits = |text: &str| text.trim().chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        Some((digits(line)?, digits(column)?))
    });
    (before, place)
}

fn span_at(tokens: &Tokens, (line, column): (u64, u64), message: &str) -> Option<Span> {
    let at = |token: &TokenWithSpan| token.span.start.line == line && token.span.start.column == column;
    let index = tokens.0.iter().position(at)?;
    // Some messages name a token and the place of the one behind it.
    let found = message.rsplit_once(", found: ").map(|(_, found)| found);
    let is_found =
        |index: usize| found.is_some_and(|found| tokens.0[index].token.to_string().eq_ignore_ascii_case(found));
    let before = index.checked_sub(1).filter(|before| !is_found(index) && is_found(*before));
    Some(span_of(tokens.0[before.unwrap_or(index)].span))
}

/// `Expected: an expression, found: FROM` as `expected an expression, but found `FROM``.
fn plain_words(message: &str) -> String {
    let message = message.trim_start_matches("sql parser error: ");
    let mut letters = message.chars();
    let lowered = letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect());
    let Some((expected, found)) = lowered.rsplit_once(", found: ") else { return lowered };
    let expected = expected.trim_start_matches("expected: ").trim_start_matches("expected ");
    match found {
        "EOF" => format!("expected {expected}, but the SELECT ends"),
        found => format!("expected {expected}, but found `{found}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Text;
    use super::super::token::split;
    use super::*;

    fn parse(sql: &str) -> Result<String, String> {
        let statements = split(&Text::new("t".into(), sql.into())).expect("it can be cut");
        parse_query(&statements[0]).map(|query| query.to_string()).map_err(|problem| problem.message)
    }

    #[test]
    fn bounds_hold() {
        let sum = |terms: usize| format!("SELECT {} FROM t", vec!["a"; terms].join(" + "));
        assert!(parse(&sum(400)).is_ok());
        assert!(parse(&sum(2_000)).is_err_and(|error| error.contains("operators")));
        let nested = |depth: usize| format!("SELECT {}a{} FROM t", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(20)).is_ok());
        assert!(parse(&nested(5_000)).is_err_and(|error| error.contains("parentheses")));
    }

    #[test]
    fn both_ways_to_write_a_window_function_are_one() {
        let flink = parse("SELECT * FROM TABLE(TUMBLE(TABLE Orders, DESCRIPTOR(at), INTERVAL '5' MINUTES))");
        assert_eq!(flink, parse("SELECT * FROM TUMBLE(orders, at, INTERVAL '5' MINUTES)"));
    }

    #[test]
    fn errors_say_what_and_names_are_folded() {
        assert_eq!(parse("SELECT a, FROM t"), parse("select A, from T"));
        assert!(parse("SELECT sum( FROM t").is_err_and(|error| error.starts_with("expected")));
    }
}
