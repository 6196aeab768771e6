//! The column types: their SQL names and the Arrow types that hold them.
//!
//! | SQL | Arrow | Avro |
//! |---|---|---|
//! | `STRING` | `Utf8` | `string` |
//! | `INT` | `Int32` | `int` |
//! | `BIGINT` | `Int64` | `long` |
//! | `DOUBLE` | `Float64` | `double` |
//! | `FLOAT` | `Float32` | `float` |
//! | `BOOLEAN` | `Boolean` | `boolean` |
//! | `DATE` | `Date32` | `int`, logical type `date` |
//! | `TIMESTAMP` | `Timestamp(Microsecond, None)` | `long`, logical type `local-timestamp-micros` |
//! | `DECIMAL(p, s)` | `Decimal128(p, s)` | `bytes`, logical type `decimal` |
//!
//! `TIMESTAMP` is the shop's local time, without a zone.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, TimeUnit};

pub use crate::avro::{arrow_schema, avro_json};
use crate::error::SchemaError;

/// Precision and scale of a `DECIMAL` written without them, as in Spark.
const DECIMAL_DEFAULT: (u8, i8) = (10, 0);

/// The Arrow type of a SQL type name; other spellings of the same types are understood, `SMALLINT` and `TINYINT` widen to
/// `INT`.
///
/// # Errors
/// When the name is no column type, or the precision and scale of a decimal are out of range.
pub fn parse_type(name: &str) -> Result<DataType, SchemaError> {
    let unknown = || SchemaError::UnknownType { name: name.trim().to_owned() };
    let (word, arguments) = match name.trim().split_once('(') {
        None => (name.trim(), None),
        Some((word, rest)) => (word.trim(), Some(rest.trim_end().strip_suffix(')').ok_or_else(unknown)?)),
    };
    let word = word.to_ascii_uppercase();
    match (word.as_str(), arguments) {
        ("DECIMAL" | "NUMERIC" | "DEC", arguments) => parse_decimal(arguments).ok_or_else(unknown),
        ("VARCHAR" | "CHAR", Some(length)) if length.trim().parse::<u32>().is_ok() => Ok(DataType::Utf8),
        (_, Some(_)) => Err(unknown()),
        ("STRING" | "TEXT" | "VARCHAR" | "CHAR", None) => Ok(DataType::Utf8),
        ("INT" | "INTEGER" | "SMALLINT" | "TINYINT", None) => Ok(DataType::Int32),
        ("BIGINT" | "LONG", None) => Ok(DataType::Int64),
        ("DOUBLE" | "DOUBLE PRECISION", None) => Ok(DataType::Float64),
        ("FLOAT" | "REAL", None) => Ok(DataType::Float32),
        ("BOOLEAN" | "BOOL", None) => Ok(DataType::Boolean),
        ("DATE", None) => Ok(DataType::Date32),
        ("TIMESTAMP" | "TIMESTAMP_NTZ", None) => Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
        _ => Err(unknown()),
    }
}

fn parse_decimal(arguments: Option<&str>) -> Option<DataType> {
    let Some(arguments) = arguments else {
        return Some(DataType::Decimal128(DECIMAL_DEFAULT.0, DECIMAL_DEFAULT.1));
    };
    let (precision, scale) = match arguments.split_once(',') {
        Some((precision, scale)) => (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?),
        None => (arguments.trim().parse::<u8>().ok()?, 0),
    };
    is_decimal(precision, scale).then_some(DataType::Decimal128(precision, scale))
}

/// Whether a decimal of this precision and scale is a column type.
pub fn is_decimal(precision: u8, scale: i8) -> bool {
    (1..=DECIMAL128_MAX_PRECISION).contains(&precision) && u8::try_from(scale).is_ok_and(|scale| scale <= precision)
}

/// The SQL name of a type; a type that is no column type is named as Arrow names it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "STRING".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Float32 => "FLOAT".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Date32 => "DATE".into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP".into(),
        DataType::Binary => "BINARY".into(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision},{scale})"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_itself() {
        for name in [
            "STRING",
            "INT",
            "BIGINT",
            "DOUBLE",
            "FLOAT",
            "BOOLEAN",
            "DATE",
            "TIMESTAMP",
            "DECIMAL(12,3)",
            "DECIMAL(38,38)",
        ] {
            assert_eq!(type_name(&parse_type(name).expect("a column type")), name);
        }
    }

    #[test]
    fn other_spellings_are_understood() {
        assert_eq!(parse_type(" decimal( 12 , 3 ) ").expect("a decimal"), DataType::Decimal128(12, 3));
        assert_eq!(parse_type("decimal").expect("a decimal"), DataType::Decimal128(10, 0));
        assert_eq!(parse_type("varchar(20)").expect("text"), DataType::Utf8);
        assert_eq!(parse_type("smallint").expect("a number"), DataType::Int32);
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for name in
            ["", "MONEY", "DECIMAL(0,0)", "DECIMAL(39,1)", "DECIMAL(5,6)", "DECIMAL(5,-1)", "DECIMAL(5", "INT(3)"]
        {
            let error = parse_type(name).expect_err(name).to_string();
            assert!(error.contains("STRING, INT"), "{error}");
        }
    }
}
