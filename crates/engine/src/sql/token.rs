//! Scripts as tokens with their places: the one look at the text that everything after it works on.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};
use millrace_flow::Span;

use super::dialect::SparkDialect;
use super::text::{Problem, Text, span_of};

/// The tokens of one statement, without white space and comments, and never empty.
#[derive(Debug, Clone)]
pub(crate) struct Tokens(pub(crate) Vec<TokenWithSpan>);

impl Tokens {
    pub(crate) fn start(&self) -> Location {
        self.0.first().map_or(Location::new(1, 1), |token| token.span.start)
    }

    pub(crate) fn end(&self) -> Location {
        self.0.last().map_or(Location::new(1, 1), |token| token.span.end)
    }

    /// The first token's place.
    pub(crate) fn first_span(&self) -> Span {
        self.0.first().map_or_else(Span::default, |token| span_of(token.span))
    }

    /// The last token's place.
    pub(crate) fn last_span(&self) -> Span {
        self.0.last().map_or_else(Span::default, |token| span_of(token.span))
    }

    /// The same tokens with every name in lower case: Spark's names do not tell upper from lower case. Strings in double
    /// quotes become plain strings, except where only a name can stand, and words that our own syntax needs are no keywords.
    pub(crate) fn lowered(&self) -> Vec<TokenWithSpan> {
        let mut lowered: Vec<TokenWithSpan> = Vec::with_capacity(self.0.len());
        for token in &self.0 {
            let before = lowered.last().map(|token| &token.token);
            let token_lowered = match &token.token {
                Token::Word(word) => Token::Word(lower_word(word)),
                Token::DoubleQuotedString(name) if before.is_some_and(is_before_name) => Token::Word(Word {
                    value: name.to_lowercase(),
                    quote_style: Some('`'),
                    keyword: Keyword::NoKeyword,
                }),
                Token::DoubleQuotedString(text) => Token::SingleQuotedString(text.clone()),
                other => other.clone(),
            };
            lowered.push(TokenWithSpan::new(token_lowered, token.span));
        }
        lowered
    }
}

/// Whether nothing but a name can follow: `topic."orders.dlq"`, `FROM "orders"`, `AS "n"`.
pub(super) fn is_before_name(token: &Token) -> bool {
    match token {
        Token::Period => true,
        Token::Word(word) => matches!(word.keyword, Keyword::FROM | Keyword::JOIN | Keyword::AS),
        _ => false,
    }
}

fn lower_word(word: &Word) -> Word {
    let value = word.value.to_lowercase();
    // `window(…)` and `window.start` would otherwise be read as the start of a WINDOW clause.
    let is_ours = word.quote_style.is_none() && value == "window";
    let keyword = if is_ours { Keyword::NoKeyword } else { word.keyword };
    Word { value, quote_style: word.quote_style, keyword }
}

/// Cuts a script into statements.
pub(crate) fn split(text: &Text) -> Result<Vec<Tokens>, Problem> {
    let tokens = Tokenizer::new(&SparkDialect, text.as_str()).tokenize_with_location().map_err(|error| {
        let number = |n: u64| usize::try_from(n).unwrap_or(1).max(1);
        let span = Span { line: number(error.location.line), column: number(error.location.column), length: 1 };
        let message = error.message.to_lowercase();
        let cure = if message.contains("string") { "close the string with a quote" } else { "close it" };
        Problem::new(span, message).cure(cure)
    })?;
    let mut statements = Vec::new();
    let mut current = Vec::new();
    for token in tokens {
        match token.token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon => statements.push(Tokens(std::mem::take(&mut current))),
            _ => current.push(token),
        }
    }
    statements.push(Tokens(current));
    statements.retain(|statement| !statement.0.is_empty());
    Ok(statements)
}
