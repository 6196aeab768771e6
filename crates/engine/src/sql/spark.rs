//! Spark's functions, types and operators in DataFusion's words.
//!
//! Where a call only has another name or can be said with other calls, it is said so here, in the syntax tree, before
//! planning. What has to compute something is a function of its own (`plan::functions`).

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, DuplicateTreatment, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, Spanned,
    TimezoneInfo, TypedString, Value, VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Span as TokenSpan;

use super::dialect::SparkDialect;
use super::parts::{check_truncation, name_of_field, unit_name, words_for};
use super::patterns::strftime;
use super::text::{Problem, span_of};
use super::walk::change;
use crate::plan::functions::DISTINCT_KEY;

/// Functions that only have another name: `(Spark's, DataFusion's)`.
const RENAMED: [(&str, &str); 25] = [
    ("median", "percentile_cont"),
    ("approx_count_distinct", "approx_distinct"),
    ("approx_percentile", "approx_percentile_cont"),
    ("percentile_approx", "approx_percentile_cont"),
    ("percentile", "percentile_cont"),
    ("first", "first_value"),
    ("last", "last_value"),
    ("some", "bool_or"),
    ("any", "bool_or"),
    ("every", "bool_and"),
    ("std", "stddev"),
    ("variance", "var_samp"),
    ("collect_list", "array_agg"),
    ("collect_set", "array_agg"),
    ("ucase", "upper"),
    ("lcase", "lower"),
    ("len", "length"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("instr", "strpos"),
    ("ceiling", "ceil"),
    ("sign", "signum"),
    ("rand", "random"),
    // DataFusion's own make doubles of decimals.
    ("nvl", "coalesce"),
    ("ifnull", "coalesce"),
];

/// Functions that are said with other calls: name, number of arguments, and the words, with `_0` for the first argument.
const REWORDED: [(&str, usize, &str); 46] = [
    ("nvl2", 3, "CASE WHEN _0 IS NOT NULL THEN _1 ELSE _2 END"),
    ("if", 3, "CASE WHEN _0 THEN _1 ELSE _2 END"),
    ("iff", 3, "CASE WHEN _0 THEN _1 ELSE _2 END"),
    ("isnull", 1, "_0 IS NULL"),
    ("isnotnull", 1, "_0 IS NOT NULL"),
    ("year", 1, "date_part('year', _0)"),
    ("quarter", 1, "date_part('quarter', _0)"),
    ("month", 1, "date_part('month', _0)"),
    ("day", 1, "date_part('day', _0)"),
    ("dayofmonth", 1, "date_part('day', _0)"),
    ("dayofyear", 1, "date_part('doy', _0)"),
    ("dayofweek", 1, "CAST(date_part('dow', _0) + 1 AS INT)"),
    ("weekday", 1, "CAST((date_part('dow', _0) + 6) % 7 AS INT)"),
    ("weekofyear", 1, "date_part('week', _0)"),
    ("hour", 1, "date_part('hour', _0)"),
    ("minute", 1, "date_part('minute', _0)"),
    ("second", 1, "date_part('second', _0)"),
    ("unix_timestamp", 1, "CAST(date_part('epoch', _0) AS BIGINT)"),
    ("to_date", 1, "CAST(_0 AS DATE)"),
    ("date", 1, "CAST(_0 AS DATE)"),
    ("to_timestamp", 1, "CAST(_0 AS TIMESTAMP(6))"),
    ("timestamp", 1, "CAST(_0 AS TIMESTAMP(6))"),
    ("string", 1, "CAST(_0 AS STRING)"),
    ("int", 1, "CAST(_0 AS INT)"),
    ("bigint", 1, "CAST(_0 AS BIGINT)"),
    ("double", 1, "CAST(_0 AS DOUBLE)"),
    ("float", 1, "CAST(_0 AS FLOAT)"),
    ("boolean", 1, "CAST(_0 AS BOOLEAN)"),
    ("locate", 2, "strpos(_1, _0)"),
    ("rlike", 2, "_0 RLIKE _1"),
    ("regexp_like", 2, "_0 RLIKE _1"),
    ("regexp", 2, "_0 RLIKE _1"),
    ("regexp_extract", 2, "regexp_extract(_0, _1, 1)"),
    ("try_divide", 2, "_0 / nullif(_1, 0)"),
    ("window_time", 1, "get_field(_0, 'end') - INTERVAL '1 microsecond'"),
    ("nullifzero", 1, "nullif(_0, 0)"),
    ("zeroifnull", 1, "coalesce(_0, 0)"),
    ("position", 2, "strpos(_1, _0)"),
    ("mod", 2, "_0 % _1"),
    // Days of a TIMESTAMP are counted by its date.
    ("last_day", 1, "last_day(CAST(_0 AS DATE))"),
    ("datediff", 2, "datediff(CAST(_0 AS DATE), CAST(_1 AS DATE))"),
    ("date_diff", 2, "datediff(CAST(_0 AS DATE), CAST(_1 AS DATE))"),
    ("date_add", 2, "date_add(CAST(_0 AS DATE), _1)"),
    ("dateadd", 2, "date_add(CAST(_0 AS DATE), _1)"),
    ("date_sub", 2, "date_sub(CAST(_0 AS DATE), _1)"),
    ("add_months", 2, "add_months(CAST(_0 AS DATE), _1)"),
];

/// Functions that are rewritten one by one, and how many arguments each takes.
const OWN: [(&str, usize); 3] = [("date_format", 2), ("trunc", 2), ("count_if", 1)];

/// Rewrites every expression of a query.
pub(crate) fn rewrite(query: &mut Query, problems: &mut Vec<Problem>) {
    change(query, &mut Spark { problems });
}

/// All names that a call may have besides those of the functions there are.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let own = ["window", "date_format", "to_varchar", "trunc", "count_if", "tumble", "hop"];
    RENAMED.iter().map(|(name, _)| *name).chain(REWORDED.iter().map(|(name, _, _)| *name)).chain(own)
}

/// How many arguments a function may have that is said with other calls.
pub(crate) fn takes(name: &str) -> Vec<usize> {
    let own = OWN.iter().map(|(known, count)| (*known, *count));
    let all = REWORDED.iter().map(|(known, count, _)| (*known, *count)).chain(own);
    all.filter(|(known, _)| *known == name).map(|(_, count)| count).collect()
}

struct Spark<'a> {
    problems: &'a mut Vec<Problem>,
}

impl VisitorMut for Spark<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let rewritten = match expr {
            Expr::Function(function) => {
                function.name = lowered(&function.name);
                let span = function.name.span();
                rewrite_call(function).map(|rewritten| rewritten.map(|rewritten| placed(rewritten, span)))
            }
            Expr::RLike { negated, expr, pattern, .. } => Ok(Some(Expr::BinaryOp {
                left: expr.clone(),
                op: if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch },
                right: pattern.clone(),
            })),
            Expr::BinaryOp { left, op: BinaryOperator::MyIntegerDivide, right } => {
                Ok(Some(call("integer_divide", vec![left.as_ref().clone(), right.as_ref().clone()])))
            }
            Expr::Cast { kind, expr, data_type, .. } => {
                plain_type(data_type);
                Ok(cast_call(kind, expr, data_type))
            }
            Expr::Extract { field, expr, .. } => {
                // The place of a name in quotes is not known.
                let place = match field {
                    DateTimeField::Custom(name) if name.span != TokenSpan::empty() => name.span,
                    _ => expr.span(),
                };
                words_for(&name_of_field(field), span_of(place)).map(|words| Some(reword(words, &[*expr.clone()])))
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                Ok(substring(expr, from, substring_for.as_deref()))
            }
            Expr::Value(value) => Ok(double(&value.value)),
            Expr::TypedString(TypedString { data_type, .. }) => {
                plain_type(data_type);
                Ok(None)
            }
            _ => Ok(None),
        };
        match rewritten {
            Ok(Some(rewritten)) => *expr = rewritten,
            Ok(None) => {}
            Err(problem) => self.problems.push(problem),
        }
        ControlFlow::Continue(())
    }
}

/// `1e3`, which is a DOUBLE: without an exponent a number with a point is a DECIMAL.
fn double(value: &Value) -> Option<Expr> {
    let Value::Number(digits, _) = value else { return None };
    let is_double = digits.contains(['e', 'E']) && digits.parse::<f64>().is_ok();
    is_double.then(|| call("arrow_cast", vec![string(digits), string("Float64")]))
}

/// A substring that begins at 0, which is the same as 1, or so many characters before the end. One that begins at another
/// constant is what it says.
fn substring(text: &Expr, from: &Expr, count: Option<&Expr>) -> Option<Expr> {
    let begins = match from {
        Expr::Value(value) if matches!(&value.value, Value::Number(digits, _) if digits != "0") => return None,
        from => reword(
            "CASE WHEN _1 > 0 THEN _1 WHEN _1 < 0 THEN char_length(_0) + _1 + 1 ELSE 1 END",
            &[text.clone(), from.clone()],
        ),
    };
    let mut arguments = vec![text.clone(), begins];
    arguments.extend(count.cloned());
    Some(call("substr", arguments))
}

/// The calls that stand in the place of one that was written, at its place. A cast is no call of anybody's.
fn placed(mut expr: Expr, span: TokenSpan) -> Expr {
    struct Place(TokenSpan);
    impl VisitorMut for Place {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && function.name.span() == TokenSpan::empty()
                && !["arrow_cast", "arrow_try_cast", "get_field"].contains(&name_of(function).as_str())
            {
                let ident = Ident { span: self.0, ..Ident::new(name_of(function)) };
                function.name = ObjectName::from(vec![ident]);
            }
            ControlFlow::Continue(())
        }
    }
    change(&mut expr, &mut Place(span));
    expr
}

/// Keeps `_0 / nullif(…)` and the like together where they are put into a larger expression.
fn is_compound(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { .. } | Expr::IsNull(_) | Expr::IsNotNull(_))
}

/// TIMESTAMP has microseconds and no zone, DECIMAL alone is DECIMAL(10,0).
fn plain_type(data_type: &mut DataType) {
    match data_type {
        DataType::Timestamp(precision @ None, TimezoneInfo::None) => *precision = Some(6),
        DataType::Decimal(info @ ExactNumberInfo::None) | DataType::Numeric(info @ ExactNumberInfo::None) => {
            *info = ExactNumberInfo::PrecisionAndScale(10, 0);
        }
        _ => {}
    }
}

/// A cast as a call: the planner leaves casts out of the names of columns, so that `count(DISTINCT CAST(t AS DATE))` and
/// `count(DISTINCT t)` would be one. The call is taken back to a cast later.
fn cast_call(kind: &CastKind, expr: &Expr, data_type: &DataType) -> Option<Expr> {
    use arrow::datatypes::{DataType as Arrow, TimeUnit};
    let name = match kind {
        CastKind::Cast | CastKind::DoubleColon => "arrow_cast",
        CastKind::TryCast | CastKind::SafeCast => "arrow_try_cast",
    };
    let to = |arrow: Arrow, expr: Expr| call(name, vec![expr, string(&arrow.to_string())]);
    let arrow = match data_type {
        // Columns are of no narrower type than INT, but what does not fit does not pass.
        DataType::TinyInt(_) => return Some(to(Arrow::Int32, to(Arrow::Int8, expr.clone()))),
        DataType::SmallInt(_) => return Some(to(Arrow::Int32, to(Arrow::Int16, expr.clone()))),
        DataType::String(_) | DataType::Varchar(_) | DataType::Char(_) | DataType::Text => Arrow::Utf8,
        DataType::Int(_) | DataType::Integer(_) => Arrow::Int32,
        DataType::BigInt(_) => Arrow::Int64,
        DataType::Double(_) | DataType::DoublePrecision => Arrow::Float64,
        DataType::Float(_) | DataType::Real => Arrow::Float32,
        DataType::Boolean | DataType::Bool => Arrow::Boolean,
        DataType::Date => Arrow::Date32,
        DataType::Timestamp(Some(6), TimezoneInfo::None) => Arrow::Timestamp(TimeUnit::Microsecond, None),
        DataType::Decimal(info) | DataType::Numeric(info) => match info {
            ExactNumberInfo::Precision(p) => Arrow::Decimal128(u8::try_from(*p).ok()?, 0),
            ExactNumberInfo::PrecisionAndScale(p, s) => {
                Arrow::Decimal128(u8::try_from(*p).ok()?, i8::try_from(*s).ok()?)
            }
            ExactNumberInfo::None => return None,
        },
        _ => return None,
    };
    Some(to(arrow, expr.clone()))
}

fn lowered(name: &ObjectName) -> ObjectName {
    let parts = name.0.iter().filter_map(|part| part.as_ident().cloned());
    ObjectName::from(parts.map(|ident| Ident { value: ident.value.to_lowercase(), ..ident }).collect::<Vec<_>>())
}

fn rewrite_call(function: &mut Function) -> Result<Option<Expr>, Problem> {
    let name = name_of(function);
    let arguments = arguments_of(function);
    if let Some(arguments) = &arguments {
        let reworded = REWORDED.iter().find(|(known, count, _)| *known == name && *count == arguments.len());
        if let Some((_, _, words)) = reworded {
            return Ok(Some(reword(words, arguments)));
        }
        let span = span_of(function.name.span());
        if let Some(problem) = check_truncation(&name, arguments, |argument| constant(argument).is_some(), span) {
            return Err(problem);
        }
        if let Some(rewritten) = rewrite_with_pattern(&name, arguments)? {
            return Ok(Some(rewritten));
        }
    }
    if name == "count_if" {
        return Ok(count_if(function));
    }
    if name == "count"
        && let FunctionArguments::List(list) = &mut function.args
        && list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
        && let Some(columns) = plain_arguments(&list.args).filter(|columns| columns.len() > 1)
    {
        // Rows count by all of the columns together, and not where one of them is NULL.
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(call(DISTINCT_KEY, columns)))];
    }
    if name == "median"
        && let FunctionArguments::List(list) = &mut function.args
        && list.args.len() == 1
    {
        // The engine's own has no more digits than the values: half of 1.00 and 1.01 would be cut.
        let half = Expr::value(Value::Number("0.5".to_owned(), false));
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(half)));
    }
    if name == "collect_set"
        && let FunctionArguments::List(list) = &mut function.args
    {
        list.duplicate_treatment = Some(DuplicateTreatment::Distinct);
    }
    if let Some((_, new)) = RENAMED.iter().find(|(known, _)| *known == name) {
        let span = function.name.0.first().and_then(|part| part.as_ident()).map(|ident| ident.span);
        let ident = Ident { span: span.unwrap_or_else(|| function.name.span()), ..Ident::new(*new) };
        function.name = ObjectName::from(vec![ident]);
    }
    Ok(None)
}

/// Calls whose words depend on a constant among their arguments.
fn rewrite_with_pattern(name: &str, arguments: &[Expr]) -> Result<Option<Expr>, Problem> {
    Ok(match (name, arguments) {
        ("date_part" | "datepart", [part, time]) => {
            let span = span_of(part.span());
            let wrong = || Problem::new(span, "the part must be a constant").cure("write it in quotes, as in 'month'");
            let words = words_for(&constant(part).ok_or_else(wrong)?, span)?;
            Some(reword(words, std::slice::from_ref(time)))
        }
        ("date_format" | "to_char" | "to_varchar", [time, pattern]) => {
            Some(reword("to_char(_0, _1)", &[time.clone(), format_of(pattern)?]))
        }
        ("to_date", [text, pattern]) => Some(reword("to_date(_0, _1)", &[text.clone(), format_of(pattern)?])),
        ("to_timestamp", [text, pattern]) => {
            Some(reword("CAST(to_timestamp(_0, _1) AS TIMESTAMP(6))", &[text.clone(), format_of(pattern)?]))
        }
        ("date_trunc", [unit, time]) => {
            constant(unit).map(|unit| call("date_trunc", vec![string(unit_name(&unit)), time.clone()]))
        }
        ("trunc", [time, unit]) => constant(unit)
            .map(|unit| reword("CAST(date_trunc(_0, _1) AS DATE)", &[string(unit_name(&unit)), time.clone()])),
        ("concat", [first, rest @ ..]) if !rest.is_empty() => {
            // Spark's concat of a NULL is NULL, which is what the operator does.
            Some(rest.iter().fold(first.clone(), |left, right| reword("_0 || _1", &[left, right.clone()])))
        }
        _ => None,
    })
}

fn format_of(pattern: &Expr) -> Result<Expr, Problem> {
    let span = span_of(pattern.span());
    let wrong = || Problem::new(span, "the pattern must be a constant").cure("write it in quotes, as in 'yyyy-MM-dd'");
    let pattern = constant(pattern).ok_or_else(wrong)?;
    strftime(&pattern).map(|format| string(&format)).map_err(|message| Problem::new(span, message))
}

/// `count_if(c)` counts the rows for which `c` is true.
fn count_if(function: &Function) -> Option<Expr> {
    let condition = arguments_of(function)?.into_iter().next()?;
    let mut counted = call("count", Vec::new());
    if let Expr::Function(count) = &mut counted {
        if let FunctionArguments::List(list) = &mut count.args {
            list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)];
        }
        let both = match &function.filter {
            Some(filter) => reword("_0 AND _1", &[condition, filter.as_ref().clone()]),
            None => condition,
        };
        count.filter = Some(Box::new(both));
        count.over = function.over.clone();
    }
    Some(counted)
}

/// An expression from words, with `_0`, `_1` … replaced by `arguments`.
fn reword(words: &str, arguments: &[Expr]) -> Expr {
    let parsed = Parser::new(&SparkDialect).try_with_sql(words).and_then(|mut parser| parser.parse_expr());
    let mut expr = parsed.expect("the words above are an expression");
    change(&mut expr, &mut Fill(arguments));
    let mut nothing = Vec::new();
    // The words may use Spark's operators themselves. Only the outermost: the arguments were rewritten before.
    if let Expr::RLike { .. } | Expr::Cast { .. } = expr {
        let _ = Spark { problems: &mut nothing }.post_visit_expr(&mut expr);
    }
    if is_compound(&expr) { Expr::Nested(Box::new(expr)) } else { expr }
}

struct Fill<'a>(&'a [Expr]);

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            // These words stand in no text of anybody's.
            function.name = ObjectName::from(vec![Ident::new(name_of(function))]);
        }
        let Expr::Identifier(ident) = expr else { return ControlFlow::Continue(()) };
        let number = ident.value.strip_prefix('_').and_then(|digits| digits.parse::<usize>().ok());
        if let Some(argument) = number.and_then(|number| self.0.get(number)) {
            *expr = argument.clone();
        }
        ControlFlow::Continue(())
    }
}

/// The last part of a function's name.
pub(super) fn name_of(function: &Function) -> String {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    last.map_or_else(String::new, |ident| ident.value.to_lowercase())
}

/// The arguments of an ordinary call: no DISTINCT, FILTER, OVER, names or `*`.
pub(super) fn arguments_of(function: &Function) -> Option<Vec<Expr>> {
    match &function.args {
        FunctionArguments::List(list) if list.duplicate_treatment.is_none() && list.clauses.is_empty() => {
            plain_arguments(&list.args)
        }
        _ => None,
    }
}

/// Arguments that are all plain expressions.
pub(super) fn plain_arguments(arguments: &[FunctionArg]) -> Option<Vec<Expr>> {
    let plain = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    arguments.iter().map(plain).collect()
}

/// `name(arguments)`.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let plain = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    let list = FunctionArgumentList {
        duplicate_treatment: None,
        args: arguments.into_iter().map(plain).collect(),
        clauses: Vec::new(),
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A string as an expression.
pub(super) fn string(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_owned()))
}

/// A whole number as an expression.
pub(super) fn number(number: i64) -> Expr {
    Expr::value(Value::Number(number.to_string(), false))
}

fn constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => value.value.clone().into_string(),
        Expr::Cast { kind: CastKind::Cast, expr, .. } | Expr::Nested(expr) => constant(expr),
        _ => None,
    }
}
