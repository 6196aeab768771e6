//! What a table looks like: the types of columns, the SQL that makes it, and the catalog that gives the exact types back.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use millrace_flow::TopicKind;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::SinkError;

/// The record's key: the first column of every table.
pub(super) const KEY: &str = "_key";

/// A view as the warehouse keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewTable {
    /// Name of the view and of the table.
    pub name: String,
    /// The view's columns.
    pub schema: SchemaRef,
    /// Whether its rows change or only grow.
    pub kind: TopicKind,
    /// The columns that make the key.
    pub key: Vec<String>,
    /// The topic it is read from.
    pub topic: String,
    /// Partitions of that topic.
    pub partitions: u32,
}

/// The types a column can have here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Boolean,
    Int,
    BigInt,
    Float,
    Double,
    Text,
    Date,
    Timestamp,
    Decimal { precision: u8, scale: u32 },
}

impl ColumnType {
    pub(super) fn of(field: &Field) -> Result<Self, SinkError> {
        let refuse = || SinkError::Type { column: field.name().clone(), found: field.data_type().clone() };
        Ok(match field.data_type() {
            DataType::Boolean => Self::Boolean,
            DataType::Int32 => Self::Int,
            DataType::Int64 => Self::BigInt,
            DataType::Float32 => Self::Float,
            DataType::Float64 => Self::Double,
            DataType::Utf8 => Self::Text,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Timestamp,
            DataType::Decimal128(precision, scale) => {
                let scale = u32::try_from(*scale).map_err(|_| refuse())?;
                Self::Decimal { precision: *precision, scale }
            }
            _ => return Err(refuse()),
        })
    }

    /// How SQLite keeps it.
    fn storage(self) -> &'static str {
        match self {
            Self::Boolean | Self::Int | Self::BigInt => "INTEGER",
            Self::Float | Self::Double => "REAL",
            Self::Text | Self::Date | Self::Timestamp | Self::Decimal { .. } => "TEXT",
        }
    }

    /// Its name in SQL.
    pub(super) fn name(self) -> String {
        match self {
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::Int => "INT".to_owned(),
            Self::BigInt => "BIGINT".to_owned(),
            Self::Float => "FLOAT".to_owned(),
            Self::Double => "DOUBLE".to_owned(),
            Self::Text => "STRING".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Timestamp => "TIMESTAMP".to_owned(),
            Self::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        }
    }

    fn parse(name: &str) -> Option<DataType> {
        Some(match name {
            "BOOLEAN" => DataType::Boolean,
            "INT" => DataType::Int32,
            "BIGINT" => DataType::Int64,
            "FLOAT" => DataType::Float32,
            "DOUBLE" => DataType::Float64,
            "STRING" => DataType::Utf8,
            "DATE" => DataType::Date32,
            "TIMESTAMP" => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => {
                let (precision, scale) = name.strip_prefix("DECIMAL(")?.strip_suffix(')')?.split_once(',')?;
                DataType::Decimal128(precision.parse().ok()?, scale.parse().ok()?)
            }
        })
    }
}

/// A name as SQL takes it, whatever it is made of.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name that the warehouse cannot give to a table or a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedName {
    /// The column; `None` for the name of the view.
    pub column: Option<usize>,
    /// Why not; lowercase, no full stop.
    pub reason: &'static str,
}

/// All names of a view with these columns that its table cannot have, so that they can be refused before anything runs.
pub fn refused_names(view: &str, columns: &Schema) -> Vec<RefusedName> {
    const EMPTY: &str = "it is empty or has a zero byte";
    let is_empty = |name: &str| name.is_empty() || name.contains('\0');
    let is_kept = view.starts_with('_') || view.to_ascii_lowercase().starts_with("sqlite_");
    let of_table = match () {
        () if is_empty(view) => Some(EMPTY),
        () if is_kept => Some("names that begin with `_` or `sqlite_` are kept for the warehouse and for SQLite"),
        () => None,
    };
    let mut refused: Vec<RefusedName> =
        of_table.map(|reason| RefusedName { column: None, reason }).into_iter().collect();
    let mut seen = Vec::with_capacity(columns.fields().len());
    for (index, field) in columns.fields().iter().enumerate() {
        let lower = field.name().to_ascii_lowercase();
        let reason = match () {
            () if is_empty(field.name()) => Some(EMPTY),
            () if lower == KEY => Some("the warehouse keeps the key of every row in a column of that name"),
            () if seen.contains(&lower) => Some("there is another one that differs in no more than case"),
            () => None,
        };
        refused.extend(reason.map(|reason| RefusedName { column: Some(index), reason }));
        seen.push(lower);
    }
    refused
}

/// The column types of a view, after a look at its names.
pub(super) fn column_types(view: &ViewTable) -> Result<Vec<ColumnType>, SinkError> {
    if let Some(RefusedName { column, reason }) = refused_names(&view.name, &view.schema).into_iter().next() {
        let (name, what) = match column {
            None => (&view.name, "table of the warehouse"),
            Some(index) => (view.schema.field(index).name(), "column of the warehouse"),
        };
        return Err(SinkError::Name { name: name.clone(), what, reason });
    }
    view.schema.fields().iter().map(|field| ColumnType::of(field)).collect()
}

/// The statement that makes a view's table.
fn create_table_sql(view: &ViewTable, types: &[ColumnType]) -> String {
    let columns = view.schema.fields().iter().zip(types);
    let columns: String =
        columns.map(|(field, kind)| format!(", {} {}", quote(field.name()), kind.storage())).collect();
    format!("CREATE TABLE {} ({} TEXT NOT NULL PRIMARY KEY{columns}) WITHOUT ROWID", quote(&view.name), quote(KEY))
}

/// Makes the tables that are ours.
pub(super) fn create_catalog(connection: &Connection) -> Result<(), SinkError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS _progress (
           sink TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, epoch INTEGER NOT NULL,
           PRIMARY KEY (sink, partition)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS _views (
           name TEXT NOT NULL PRIMARY KEY, topic TEXT NOT NULL, kind TEXT NOT NULL, partitions INTEGER NOT NULL,
           key TEXT NOT NULL, columns TEXT NOT NULL) WITHOUT ROWID;",
    )?;
    Ok(())
}

/// A column as the catalog keeps it.
#[derive(Serialize, Deserialize)]
struct CatalogColumn {
    name: String,
    r#type: String,
    nullable: bool,
}

fn columns_json(view: &ViewTable, types: &[ColumnType]) -> String {
    let describe = |(field, kind): (&Arc<Field>, &ColumnType)| CatalogColumn {
        name: field.name().clone(),
        r#type: kind.name(),
        nullable: field.is_nullable(),
    };
    let columns: Vec<_> = view.schema.fields().iter().zip(types).map(describe).collect();
    serde_json::to_string(&columns).expect("names and types always become JSON")
}

/// Makes the table of `view`, in the place of what was there under its name.
pub(super) fn rebuild_table(connection: &Connection, view: &ViewTable, types: &[ColumnType]) -> Result<(), SinkError> {
    drop_table(connection, &view.name)?;
    connection.execute_batch(&create_table_sql(view, types))?;
    let kind = serde_json::to_string(&view.kind).expect("a topic's kind always becomes JSON");
    let key = serde_json::to_string(&view.key).expect("column names always become JSON");
    connection.execute(
        "INSERT INTO _views (name, topic, kind, partitions, key, columns) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![view.name, view.topic, kind, view.partitions, key, columns_json(view, types)],
    )?;
    Ok(())
}

/// Drops a table with its place in the catalog. Its progress stays at zero, under its epoch, so that an old writer is refused.
pub(super) fn drop_table(connection: &Connection, name: &str) -> Result<(), SinkError> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", quote(name)))?;
    connection.execute("DELETE FROM _views WHERE name = ?1", [name])?;
    connection.execute("UPDATE _progress SET next = 0, epoch = epoch + 1 WHERE sink = ?1", [name])?;
    Ok(())
}

/// The tables there are.
pub(super) fn read_catalog(connection: &Connection) -> Result<Vec<ViewTable>, SinkError> {
    let known: bool = connection.query_row(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_views'",
        [],
        |row| row.get(0),
    )?;
    if !known {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT name, topic, kind, partitions, key, columns FROM _views ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut tables = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let damaged = || SinkError::Damaged(format!("the catalog's entry of `{name}` cannot be read"));
        let kind = serde_json::from_str(&row.get::<_, String>(2)?).map_err(|_| damaged())?;
        let key = serde_json::from_str(&row.get::<_, String>(4)?).map_err(|_| damaged())?;
        let columns: Vec<CatalogColumn> = serde_json::from_str(&row.get::<_, String>(5)?).map_err(|_| damaged())?;
        let fields: Option<Vec<Field>> = columns
            .into_iter()
            .map(|column| Some(Field::new(column.name, ColumnType::parse(&column.r#type)?, column.nullable)))
            .collect();
        let schema = Arc::new(Schema::new(fields.ok_or_else(damaged)?));
        tables.push(ViewTable { schema, kind, key, topic: row.get(1)?, partitions: row.get(3)?, name });
    }
    Ok(tables)
}

/// Whether rows written for `known` are good for `view` too.
pub(super) fn same_table(known: &ViewTable, view: &ViewTable) -> bool {
    let same_fields = || {
        let pairs = known.schema.fields().iter().zip(view.schema.fields());
        pairs.into_iter().all(|(l, r)| l.name() == r.name() && l.data_type() == r.data_type())
    };
    (&known.topic, known.kind, known.partitions, &known.key) == (&view.topic, view.kind, view.partitions, &view.key)
        && known.schema.fields().len() == view.schema.fields().len()
        && same_fields()
}
