//! Questions about one table: which rows, in which order, which columns; and sums by group.
//!
//! Values are bound, names are looked up among the table's columns and quoted: nothing a person typed becomes SQL.

use std::fmt::Write as _;
use std::str::FromStr;

use arrow::datatypes::{DataType, Field, Schema};
use rusqlite::types::Value;

use super::decimal::{self, COLLATION, DIGITS_MAX, SUM};
use super::schema::{self, ColumnType, KEY, ViewTable, quote};
use crate::{SinkError, time};

/// How a column is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterOp {
    /// Equal.
    Eq,
    /// Not equal; as in SQL never true of NULL.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Like a pattern with `%` and `_`, whatever the case of ASCII letters.
    Like,
    /// NULL.
    IsNull,
    /// Not NULL.
    NotNull,
}

impl FromStr for FilterOp {
    type Err = SinkError;

    fn from_str(text: &str) -> Result<Self, SinkError> {
        Ok(match text {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "like" => Self::Like,
            "isnull" => Self::IsNull,
            "notnull" => Self::NotNull,
            _ => {
                return Err(SinkError::Question {
                    message: format!("`{text}` is no comparison"),
                    cure: "use eq, ne, lt, lte, gt, gte, like, isnull or notnull".to_owned(),
                });
            }
        })
    }
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The column.
    pub column: String,
    /// The comparison.
    pub op: FilterOp,
    /// What it is compared with, as text; empty for [`FilterOp::IsNull`] and [`FilterOp::NotNull`].
    pub value: String,
}

impl FromStr for Filter {
    type Err = SinkError;

    /// `column:op:value`; the value may have colons, `column:isnull` has none.
    fn from_str(text: &str) -> Result<Self, SinkError> {
        let mut parts = text.splitn(3, ':');
        let (Some(column), Some(op)) = (parts.next(), parts.next()) else {
            return Err(SinkError::Question {
                message: format!("`{text}` is no condition"),
                cure: "write column:op:value, such as country:eq:France".to_owned(),
            });
        };
        let op: FilterOp = op.parse()?;
        let value = parts.next();
        if value.is_none() && !matches!(op, FilterOp::IsNull | FilterOp::NotNull) {
            return Err(SinkError::Question {
                message: format!("the condition `{text}` has no value"),
                cure: "write column:op:value, such as country:eq:France".to_owned(),
            });
        }
        Ok(Self { column: column.to_owned(), op, value: value.unwrap_or_default().to_owned() })
    }
}

/// A column to order by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// The column.
    pub column: String,
    /// Greatest first, NULL last; otherwise least first, NULL first.
    pub descending: bool,
}

impl OrderBy {
    /// `-revenue,country`: a minus in front means descending.
    pub fn parse_list(text: &str) -> Vec<Self> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names
            .map(|name| match name.strip_prefix('-') {
                Some(column) => Self { column: column.to_owned(), descending: true },
                None => Self { column: name.to_owned(), descending: false },
            })
            .collect()
    }
}

/// Which rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsQuery {
    /// Conditions that all hold.
    pub filters: Vec<Filter>,
    /// The order; by the rows' key where this leaves it open.
    pub order: Vec<OrderBy>,
    /// The columns, all of the view's if `None`. `_key` is the row's key.
    pub columns: Option<Vec<String>>,
    /// Rows at most.
    pub limit: Option<usize>,
    /// Rows left out before the first.
    pub offset: usize,
}

/// Sums over a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SummaryQuery {
    /// Conditions that all hold.
    pub filters: Vec<Filter>,
    /// Columns to add up.
    pub sum: Vec<String>,
    /// Columns to group by; one row over all if empty.
    pub group: Vec<String>,
    /// The order, by columns of the answer.
    pub order: Vec<OrderBy>,
    /// Rows at most.
    pub limit: Option<usize>,
}

/// SQL with what is bound to it, and the types of what it gives.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
    pub(super) schema: Schema,
    pub(super) types: Vec<ColumnType>,
}

/// A table's columns, by name.
pub(super) struct Columns<'a> {
    view: &'a ViewTable,
    types: Vec<ColumnType>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(view: &'a ViewTable) -> Result<Self, SinkError> {
        Ok(Self { view, types: schema::column_types(view)? })
    }

    fn find(&self, name: &str) -> Result<(Field, ColumnType), SinkError> {
        if name == KEY {
            return Ok((Field::new(KEY, DataType::Utf8, false), ColumnType::Text));
        }
        let at = self.view.schema.index_of(name).map_err(|_| {
            let known: Vec<&str> = self.view.schema.fields().iter().map(|field| field.name().as_str()).collect();
            SinkError::NoColumn { view: self.view.name.clone(), column: name.to_owned(), known: known.join(", ") }
        })?;
        Ok((self.view.schema.field(at).clone(), self.types[at]))
    }

    /// The rows that `query` wants.
    pub(super) fn rows(&self, query: &RowsQuery) -> Result<Prepared, SinkError> {
        let wanted: Vec<(Field, ColumnType)> = match &query.columns {
            Some(names) => names.iter().map(|name| self.find(name)).collect::<Result<_, _>>()?,
            None => self.view.schema.fields().iter().map(|field| self.find(field.name())).collect::<Result<_, _>>()?,
        };
        let names: Vec<String> = wanted.iter().map(|(field, _)| quote(field.name())).collect();
        // SQLite wants at least one column, even of somebody who only counts rows.
        let names = if names.is_empty() { "1".to_owned() } else { names.join(", ") };
        let (condition, mut values) = self.condition(&query.filters)?;
        let mut sql = format!("SELECT {names} FROM {}{condition}", quote(&self.view.name));
        if !query.order.is_empty() {
            for (i, by) in query.order.iter().enumerate() {
                let (field, kind) = self.find(&by.column)?;
                let lead = if i == 0 { " ORDER BY " } else { ", " };
                push_order(&mut sql, lead, &quote(field.name()), kind, by.descending);
            }
            sql.push_str(", ");
            sql.push_str(&quote(KEY));
        }
        push_limit(&mut sql, &mut values, query.limit, query.offset);
        let (fields, types): (Vec<Field>, Vec<ColumnType>) = wanted.into_iter().unzip();
        Ok(Prepared { sql, values, schema: Schema::new(fields), types })
    }

    /// How many rows fulfil the conditions.
    pub(super) fn count(&self, filters: &[Filter]) -> Result<Prepared, SinkError> {
        let (condition, values) = self.condition(filters)?;
        let sql = format!("SELECT count(*) FROM {}{condition}", quote(&self.view.name));
        Ok(Prepared { sql, values, schema: Schema::empty(), types: Vec::new() })
    }

    /// The sums that `query` wants, ordered outside so that its order names columns of the answer.
    pub(super) fn summary(&self, query: &SummaryQuery) -> Result<Prepared, SinkError> {
        let mut answer: Vec<(Field, ColumnType)> = Vec::new();
        let mut terms = Vec::new();
        for name in &query.group {
            let (field, kind) = self.find(name)?;
            terms.push(format!("{} AS c{}", quote(field.name()), answer.len()));
            answer.push((field, kind));
        }
        for name in &query.sum {
            let (field, kind) = self.find(name)?;
            let (term, data_type) = sum_term(&field, kind)?;
            terms.push(format!("{term} AS c{}", answer.len()));
            let field = Field::new(field.name(), data_type, true);
            let kind = ColumnType::of(&field)?;
            answer.push((field, kind));
        }
        if terms.is_empty() {
            return Err(SinkError::Question {
                message: "a summary needs something to add up or to group by".to_owned(),
                cure: "name columns with sum= or group=".to_owned(),
            });
        }
        let (condition, mut values) = self.condition(&query.filters)?;
        let mut sql = format!("SELECT * FROM (SELECT {} FROM {}{condition}", terms.join(", "), quote(&self.view.name));
        if !query.group.is_empty() {
            let groups: Vec<String> = query.group.iter().map(|name| quote(name)).collect();
            sql.push_str(" GROUP BY ");
            sql.push_str(&groups.join(", "));
        }
        sql.push(')');
        self.push_summary_order(&mut sql, query, &answer)?;
        push_limit(&mut sql, &mut values, query.limit, 0);
        let (fields, types): (Vec<Field>, Vec<ColumnType>) = answer.into_iter().unzip();
        Ok(Prepared { sql, values, schema: Schema::new(fields), types })
    }

    fn push_summary_order(
        &self,
        sql: &mut String,
        query: &SummaryQuery,
        answer: &[(Field, ColumnType)],
    ) -> Result<(), SinkError> {
        // Groups break ties, so that the answer is the same every time.
        let ties = (0..query.group.len()).map(|at| (at, false));
        let mut wanted = Vec::new();
        for by in &query.order {
            let at = answer.iter().rposition(|(field, _)| *field.name() == by.column);
            let at = at.ok_or_else(|| SinkError::NoColumn {
                view: format!("the summary of {}", self.view.name),
                column: by.column.clone(),
                known: answer.iter().map(|(field, _)| field.name().as_str()).collect::<Vec<_>>().join(", "),
            })?;
            wanted.push((at, by.descending));
        }
        for (i, (at, descending)) in wanted.into_iter().chain(ties).enumerate() {
            push_order(sql, if i == 0 { " ORDER BY " } else { ", " }, &format!("c{at}"), answer[at].1, descending);
        }
        Ok(())
    }

    /// ` WHERE …` and the values bound to it.
    fn condition(&self, filters: &[Filter]) -> Result<(String, Vec<Value>), SinkError> {
        let mut sql = String::new();
        let mut values = Vec::new();
        for filter in filters {
            let (field, kind) = self.find(&filter.column)?;
            let column = quote(field.name());
            sql.push_str(if sql.is_empty() { " WHERE " } else { " AND " });
            let operator = match filter.op {
                FilterOp::IsNull => {
                    push(&mut sql, format_args!("{column} IS NULL"));
                    continue;
                }
                FilterOp::NotNull => {
                    push(&mut sql, format_args!("{column} IS NOT NULL"));
                    continue;
                }
                FilterOp::Like => {
                    values.push(Value::Text(filter.value.clone()));
                    push(&mut sql, format_args!("CAST({column} AS TEXT) LIKE ?{}", values.len()));
                    continue;
                }
                FilterOp::Eq => "=",
                FilterOp::Ne => "<>",
                FilterOp::Lt => "<",
                FilterOp::Lte => "<=",
                FilterOp::Gt => ">",
                FilterOp::Gte => ">=",
            };
            values.push(typed(filter, kind)?);
            push(&mut sql, format_args!("{column} {operator} ?{}{}", values.len(), collation(kind)));
        }
        Ok((sql, values))
    }
}

fn push(sql: &mut String, text: std::fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("a String takes all");
}

fn push_order(sql: &mut String, lead: &str, term: &str, kind: ColumnType, descending: bool) {
    let direction = if descending { " DESC" } else { "" };
    push(sql, format_args!("{lead}{term}{}{direction}", collation(kind)));
}

fn push_limit(sql: &mut String, values: &mut Vec<Value>, limit: Option<usize>, offset: usize) {
    if limit.is_some() || offset > 0 {
        // A negative limit is none.
        values.push(Value::Integer(limit.map_or(-1, as_integer)));
        values.push(Value::Integer(as_integer(offset)));
        push(sql, format_args!(" LIMIT ?{} OFFSET ?{}", values.len() - 1, values.len()));
    }
}

fn as_integer(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn collation(kind: ColumnType) -> String {
    match kind {
        ColumnType::Decimal { .. } => format!(" COLLATE {COLLATION}"),
        _ => String::new(),
    }
}

fn sum_term(field: &Field, kind: ColumnType) -> Result<(String, DataType), SinkError> {
    let column = quote(field.name());
    match kind {
        ColumnType::Int | ColumnType::BigInt => Ok((format!("sum({column})"), DataType::Int64)),
        ColumnType::Float | ColumnType::Double => Ok((format!("sum({column})"), DataType::Float64)),
        ColumnType::Decimal { scale, .. } => {
            let digits = i8::try_from(scale).expect("a scale is at most 38");
            Ok((format!("{SUM}({column}, {scale})"), DataType::Decimal128(DIGITS_MAX, digits)))
        }
        _ => Err(SinkError::Question {
            message: format!("`{}` is {} and cannot be added up", field.name(), kind.name()),
            cure: "add up a column of numbers".to_owned(),
        }),
    }
}

/// The filter's value as the column's type keeps it.
fn typed(filter: &Filter, kind: ColumnType) -> Result<Value, SinkError> {
    let text = filter.value.trim();
    let written = |write: &dyn Fn(&mut String)| {
        let mut out = String::new();
        write(&mut out);
        Value::Text(out)
    };
    let value = match kind {
        ColumnType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(Value::Integer(1)),
            "false" | "0" => Some(Value::Integer(0)),
            _ => None,
        },
        ColumnType::Int | ColumnType::BigInt => text.parse().ok().map(Value::Integer),
        ColumnType::Float | ColumnType::Double => match text.parse::<f64>() {
            Ok(number) if number.is_nan() => Some(Value::Text("NaN".to_owned())),
            Ok(number) => Some(Value::Real(number)),
            Err(_) => None,
        },
        ColumnType::Text => Some(Value::Text(filter.value.clone())),
        ColumnType::Date => time::parse_date(text)
            .map(i64::from)
            .or_else(|| day_beside(text, filter.op))
            .map(|day| written(&|out| time::write_date(day, out))),
        ColumnType::Timestamp => time::parse_timestamp(text).map(|us| written(&|out| time::write_timestamp(us, out))),
        ColumnType::Decimal { .. } => decimal::is_decimal(text).then(|| Value::Text(text.to_owned())),
    };
    value.ok_or_else(|| SinkError::Question {
        message: format!("`{}` cannot be compared with `{}`, which is {}", filter.value, filter.column, kind.name()),
        cure: format!("give a value such as {}", example(kind)),
    })
}

/// The day that a column of days is compared with in the place of a time: a day is before, or from, a time if it is so of
/// its midnight. No day is equal to any other time than a midnight.
fn day_beside(time: &str, op: FilterOp) -> Option<i64> {
    const DAY_US: i64 = 86_400_000_000;
    let us = time::parse_timestamp(time)?;
    let (day, is_midnight) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US) == 0);
    match op {
        _ if is_midnight => Some(day),
        FilterOp::Lt | FilterOp::Gte => Some(day + 1),
        FilterOp::Lte | FilterOp::Gt => Some(day),
        _ => None,
    }
}

fn example(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Boolean => "true",
        ColumnType::Int | ColumnType::BigInt => "42",
        ColumnType::Float | ColumnType::Double => "1.5",
        ColumnType::Text => "France",
        ColumnType::Date => "2010-12-01",
        ColumnType::Timestamp => "2010-12-01T08:26:00",
        ColumnType::Decimal { .. } => "15.30",
    }
}
