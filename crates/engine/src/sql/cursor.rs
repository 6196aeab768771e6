//! Walks over the tokens of one statement.

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use millrace_flow::Span;

use super::advice::{STRAIGHT_QUOTES, is_typographic_quote};
use super::interval::{micros_of_unit, parse_micros};
use super::nearest::did_you_mean;
use super::statement::Name;
use super::text::{Problem, span_of};
use super::token::Tokens;

/// Names that a column may have: what every store and Avro takes.
const COLUMN_NAME_RULE: &str = "use the letters a-z and A-Z, digits and `_`, and do not begin with a digit";

/// A position in the tokens of a statement.
pub(crate) struct Cursor<'a> {
    tokens: &'a [TokenWithSpan],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(tokens: &'a Tokens) -> Self {
        Self { tokens: &tokens.0, at: 0 }
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    /// Place of the next token, or, at the end, of the last.
    pub(crate) fn span(&self) -> Span {
        let token = self.tokens.get(self.at).or_else(|| self.tokens.last());
        token.map_or_else(Span::default, |token| span_of(token.span))
    }

    pub(crate) fn location(&self) -> Location {
        let token = self.tokens.get(self.at).or_else(|| self.tokens.last());
        token.map_or(Location::new(1, 1), |token| token.span.start)
    }

    pub(crate) fn advance(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    fn is_word_at(&self, index: usize, word: &str) -> bool {
        matches!(self.tokens.get(index).map(|token| &token.token),
            Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
    }

    /// Whether these words come next.
    pub(crate) fn at_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(index, word)| self.is_word_at(self.at + index, word))
    }

    /// Takes these words if they come next.
    pub(crate) fn take_words(&mut self, words: &[&str]) -> bool {
        let found = self.at_words(words);
        self.at += if found { words.len() } else { 0 };
        found
    }

    /// Takes this token if it comes next.
    pub(crate) fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    /// What was expected here, and what stands here instead.
    pub(crate) fn expected(&self, what: &str) -> Problem {
        let found = match self.peek() {
            Some(token) => format!("found `{token}`"),
            None => "the statement ends".to_owned(),
        };
        let problem = Problem::new(self.span(), format!("expected {what}, but {found}"));
        if self.peek().is_some_and(is_typographic_quote) { problem.cure(STRAIGHT_QUOTES) } else { problem }
    }

    pub(crate) fn expect(&mut self, token: &Token) -> Result<(), Problem> {
        if self.take(token) { Ok(()) } else { Err(self.expected(&format!("`{token}`"))) }
    }

    /// The `)` behind a list of `what`.
    pub(crate) fn expect_end_of_list(&mut self, what: &str) -> Result<(), Problem> {
        match self.peek() {
            Some(Token::Word(_) | Token::SingleQuotedString(_)) => Err(self.missing_comma(what)),
            _ => self.expect(&Token::RParen),
        }
    }

    /// What is said where a comma between two of `what` is missing.
    pub(crate) fn missing_comma(&self, what: &str) -> Problem {
        self.expected("`,` or `)`").cure(format!("put a comma between two {what}"))
    }

    /// Whether this can be read here; nothing is taken.
    pub(crate) fn would_read<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Problem>) -> bool {
        let at = self.at;
        let is_readable = read(self).is_ok();
        self.at = at;
        is_readable
    }

    pub(crate) fn expect_words(&mut self, words: &[&str]) -> Result<(), Problem> {
        if self.take_words(words) { Ok(()) } else { Err(self.expected(&format!("`{}`", words.join(" ")))) }
    }

    /// A name as it is written, in backticks or not.
    pub(crate) fn name(&mut self, what: &str) -> Result<Name, Problem> {
        let span = self.span();
        match self.peek() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(Name { text: word.value.as_str().into(), span })
            }
            Some(Token::DoubleQuotedString(_)) => {
                Err(self.expected(what).cure("names are quoted with backticks, as in `my name`"))
            }
            _ => Err(self.expected(what)),
        }
    }

    /// The name of a thing: a source, a view, a sink.
    pub(crate) fn thing_name(&mut self, what: &str) -> Result<Name, Problem> {
        let mut name = self.name(what)?;
        // `shop.orders` without backticks is one name with a dot in it.
        while self.take(&Token::Period) {
            let next = self.name(what)?;
            name.span.length = (next.span.column + next.span.length).saturating_sub(name.span.column);
            name.text = format!("{}.{}", name.text, next.text).into();
        }
        if let (Some(Token::Minus), Some(Token::Word(word))) =
            (self.peek(), self.tokens.get(self.at + 1).map(|token| &token.token))
        {
            let whole = format!("{}-{}", name.text, word.value);
            let problem = Problem::new(name.span, format!("the name `{whole}` needs backticks"));
            return Err(problem.cure(format!("write `{whole}`")));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !name.text.chars().all(allowed) || name.text.is_empty() {
            let problem = Problem::new(name.span, format!("`{}` cannot be a name", name.text));
            return Err(problem.cure("use the letters a-z and A-Z, digits, `.`, `_` and `-`"));
        }
        Ok(name)
    }

    pub(crate) fn column_name(&mut self) -> Result<Name, Problem> {
        let name = self.name("the name of a column")?;
        if !is_column_name(&name.text) {
            return Err(wrong_column_name(&name.text, name.span));
        }
        if name.folded() == "window" {
            let problem =
                Problem::new(name.span, "a column cannot be called `window`: that is the window of a GROUP BY");
            return Err(problem.cure("give it another name, as in `time_window`; csv columns are matched by position"));
        }
        Ok(name)
    }

    /// The type of a column.
    pub(crate) fn column_type(&mut self) -> Result<DataType, Problem> {
        let span = self.span();
        let Some(Token::Word(word)) = self.advance() else {
            self.at = self.at.saturating_sub(1);
            return Err(self.expected("the type of a column"));
        };
        let arguments = self.type_arguments()?;
        type_named(&word.value, &arguments, span)
    }

    fn type_arguments(&mut self) -> Result<Vec<u64>, Problem> {
        let mut arguments = Vec::new();
        if !self.take(&Token::LParen) {
            return Ok(arguments);
        }
        loop {
            match self.peek() {
                Some(Token::Number(text, _)) => {
                    arguments.push(text.parse().map_err(|_| self.expected("a whole number"))?);
                    self.at += 1;
                }
                _ => return Err(self.expected("a whole number")),
            }
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::RParen)?;
        Ok(arguments)
    }

    /// `INTERVAL '10 minutes'`, `INTERVAL '10' MINUTES`, `INTERVAL 10 MINUTES`, or just `'10 minutes'`; in microseconds.
    pub(crate) fn interval(&mut self) -> Result<i64, Problem> {
        self.take_words(&["INTERVAL"]);
        let span = self.span();
        let text = match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) | Token::Number(text, _)) => text,
            _ => return Err(self.expected("a length of time").cure("write it as INTERVAL '10 minutes'")),
        };
        self.at += 1;
        let unit = match self.peek() {
            Some(Token::Word(word)) if micros_of_unit(&word.value).is_some() && word.value.len() > 1 => &word.value,
            _ => "",
        };
        self.at += usize::from(!unit.is_empty());
        parse_micros(&format!("{text} {unit}")).map_err(|message| Problem::new(span, message))
    }
}

/// What is wrong with a name that no column can have.
pub(crate) fn wrong_column_name(name: &str, span: Span) -> Problem {
    let reason = match name.chars().find(|c| *c != '_' && !c.is_ascii_alphanumeric()) {
        Some(' ') => ": it has a space in it".to_owned(),
        Some(other) => format!(": it has `{other}` in it"),
        None if name.is_empty() => ": it is empty".to_owned(),
        None => ": it begins with a digit".to_owned(),
    };
    Problem::new(span, format!("`{name}` cannot be the name of a column{reason}")).cure(COLUMN_NAME_RULE)
}

pub(crate) fn is_column_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// The types that a column can have; other names of the same types are taken as well.
const TYPE_NAMES: [&str; 9] =
    ["STRING", "INT", "BIGINT", "DECIMAL(p, s)", "DOUBLE", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP"];

/// Names that may have been meant by one that is unknown.
const KNOWN_NAMES: [&str; 16] = [
    "STRING",
    "TEXT",
    "INT",
    "INTEGER",
    "BIGINT",
    "LONG",
    "DOUBLE",
    "FLOAT",
    "REAL",
    "BOOLEAN",
    "BOOL",
    "DATE",
    "TIMESTAMP",
    "DECIMAL",
    "NUMERIC",
    "DEC",
];

/// Types of Spark that promise a range or a length which nothing here would keep: its names, what to write, and what is lost.
const NARROW: [(&[&str], &str, &str); 3] = [
    (&["SMALLINT", "SHORT"], "INT", "the range of 16 bits"),
    (&["TINYINT", "BYTE"], "INT", "the range of 8 bits"),
    (&["VARCHAR", "CHAR", "CHARACTER", "NVARCHAR", "NCHAR"], "STRING", "the length of a text"),
];

fn type_named(name: &str, arguments: &[u64], span: Span) -> Result<DataType, Problem> {
    use arrow::datatypes::TimeUnit;
    let upper = name.to_ascii_uppercase();
    if let Some((_, instead, what)) = NARROW.iter().find(|(names, ..)| names.contains(&upper.as_str())) {
        let problem = Problem::new(span, format!("no column is a {upper}: {what} is not checked by a source"));
        return Err(problem.cure(format!("write {instead}")));
    }
    let data_type = match upper.as_str() {
        "STRING" | "TEXT" => DataType::Utf8,
        "INT" | "INTEGER" => DataType::Int32,
        "BIGINT" | "LONG" => DataType::Int64,
        "DOUBLE" => DataType::Float64,
        "FLOAT" | "REAL" => DataType::Float32,
        "BOOLEAN" | "BOOL" => DataType::Boolean,
        "DATE" => DataType::Date32,
        "TIMESTAMP" | "TIMESTAMP_NTZ" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "DECIMAL" | "NUMERIC" | "DEC" => return decimal(arguments, span),
        _ => {
            let all = || Some(format!("the types are {}", TYPE_NAMES.join(", ")));
            let cure = did_you_mean(&upper, KNOWN_NAMES, all);
            return Err(Problem::new(span, format!("unknown type `{name}`")).maybe_cure(cure));
        }
    };
    if arguments.is_empty() {
        return Ok(data_type);
    }
    Err(Problem::new(span, format!("{upper} takes no number in parentheses")).cure(format!("write {upper}")))
}

fn decimal(arguments: &[u64], span: Span) -> Result<DataType, Problem> {
    let (precision, scale) = match arguments {
        [] => (10, 0),
        [precision] => (*precision, 0),
        [precision, scale] => (*precision, *scale),
        _ => {
            let problem = Problem::new(span, "DECIMAL takes two numbers: all digits, and those behind the point");
            return Err(problem.cure("write it as in DECIMAL(12,3)"));
        }
    };
    let fits = (1..=38).contains(&precision) && scale <= precision;
    let wrong = || {
        Problem::new(span, format!("DECIMAL({precision},{scale}) does not exist"))
            .cure("the first number is all digits, at most 38; the second those behind the point")
    };
    match (fits, u8::try_from(precision), i8::try_from(scale)) {
        (true, Ok(precision), Ok(scale)) => Ok(DataType::Decimal128(precision, scale)),
        _ => Err(wrong()),
    }
}
