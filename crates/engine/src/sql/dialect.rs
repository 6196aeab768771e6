//! The SQL we read: Spark's, as Spark 4 understands it.
//!
//! `INTERVAL '5 minutes'` needs no unit behind it, a backslash in a string escapes what follows, identifiers are quoted with
//! backticks and strings with either kind of quotes.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};
use datafusion::sql::sqlparser::dialect::{Dialect, Precedence, SparkSqlDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// Spark SQL.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SparkDialect;

const SPARK: SparkSqlDialect = SparkSqlDialect;

/// Binds as tightly as `*` and `/`.
const DIV_PRECEDENCE: u8 = 40;

/// The operators `IS DISTINCT FROM` and `IS NOT DISTINCT FROM`.
const DISTINCT: [Keyword; 3] = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
const NOT_DISTINCT: [Keyword; 4] = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];

impl Dialect for SparkDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<SparkSqlDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        SPARK.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch == '_' || ch.is_alphabetic()
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch == '_' || ch.is_alphanumeric()
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn ignores_wildcard_escapes(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_group_by_with_modifier(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_long_type_as_bigint(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    /// A part of a time that there is not is told of with those there are.
    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn supports_cte_without_as(&self) -> bool {
        true
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        let next = &parser.peek_token_ref().token;
        let is_div = matches!(next, Token::Word(word) if word.keyword == Keyword::DIV);
        is_div.then_some(Ok(DIV_PRECEDENCE))
    }

    fn parse_infix(&self, parser: &mut Parser, left: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        // Left to itself the parser takes all that follows for the right side, `AND` and `OR` included.
        for (words, differs) in [(&DISTINCT[..], true), (&NOT_DISTINCT, false)] {
            if parser.parse_keywords(words) {
                let right = parser.parse_subexpr(self.prec_value(Precedence::Is)).map(Box::new);
                let left = Box::new(left.clone());
                return Some(right.map(|right| match differs {
                    true => Expr::IsDistinctFrom(left, right),
                    false => Expr::IsNotDistinctFrom(left, right),
                }));
            }
        }
        if !parser.parse_keyword(Keyword::DIV) {
            return None;
        }
        let right = parser.parse_subexpr(DIV_PRECEDENCE);
        let whole = |right| Expr::BinaryOp {
            left: Box::new(left.clone()),
            op: BinaryOperator::MyIntegerDivide,
            right: Box::new(right),
        };
        Some(right.map(whole))
    }
}
