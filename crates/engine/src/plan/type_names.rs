//! The names of types as people write them, in texts that speak of Arrow's.

/// `text` with the types of `docs/sql.md` in the place of the planner's: `Utf8` as STRING, `Int64(1)` as 1.
pub(crate) fn in_plain_types(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !first.is_ascii_alphabetic() && first != '_' {
            plain.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let inside = in_parentheses(after);
        match plain_type(word, inside) {
            Some((name, with_inside)) => {
                plain.push_str(&name);
                let taken = inside.filter(|_| with_inside).map_or(0, |inside| inside.len() + 2);
                rest = &after[taken..];
            }
            None => {
                plain.push_str(word);
                rest = after;
            }
        }
    }
    plain
}

/// What stands in the parentheses that `text` begins with.
fn in_parentheses(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return text.get(1..index).filter(|_| c == ')');
        }
    }
    None
}

/// The name of a type or the value of a literal, and whether what is in the parentheses belongs to it.
fn plain_type(word: &str, inside: Option<&str>) -> Option<(String, bool)> {
    let name = match word {
        "Utf8" | "LargeUtf8" | "Utf8View" => "STRING",
        "Int8" => "TINYINT",
        "Int16" => "SMALLINT",
        "Int32" | "UInt8" | "UInt16" => "INT",
        "Int64" | "UInt32" | "UInt64" => "BIGINT",
        "Float64" => "DOUBLE",
        "Float16" | "Float32" => "FLOAT",
        "Boolean" => "BOOLEAN",
        "Date32" | "Date64" => "DATE",
        "Null" => "NULL",
        "Binary" | "LargeBinary" | "BinaryView" => "BINARY",
        "Timestamp" => return Some(("TIMESTAMP".to_owned(), true)),
        "Time32" | "Time64" => return Some(("TIME".to_owned(), true)),
        "Duration" | "Interval" => return inside.map(|_| ("INTERVAL".to_owned(), true)),
        "List" | "LargeList" | "FixedSizeList" => return inside.map(|_| ("list".to_owned(), true)),
        "Struct" => return inside.map(|_| ("struct".to_owned(), true)),
        "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256" => {
            let (literal, digits) = match inside {
                Some(inside) if inside.starts_with("Some(") => (Some(decimal_value(inside)?), None),
                inside => (None, inside),
            };
            let digits = digits.map(|digits| format!("({})", digits.replace(' ', "")));
            return Some((literal.unwrap_or_else(|| format!("DECIMAL{}", digits.unwrap_or_default())), true));
        }
        _ => return None,
    };
    // `Int64(1)` and `Utf8("a")` are values.
    Some(inside.map_or_else(|| (name.to_owned(), false), |value| (value.replace('"', "'"), true)))
}

/// `Some(150),3,2` as 1.50.
fn decimal_value(inside: &str) -> Option<String> {
    let (digits, rest) = inside.strip_prefix("Some(")?.split_once(')')?;
    let scale: usize = rest.rsplit(',').next()?.trim().parse().ok()?;
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    Some(if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_values_are_written_as_people_do() {
        for (text, plain) in [
            ("Utf8 + Int64", "STRING + BIGINT"),
            ("Timestamp(µs), Timestamp(ns, \"UTC\")", "TIMESTAMP, TIMESTAMP"),
            ("Decimal128(38, 10) type", "DECIMAL(38,10) type"),
            ("s.a > Int64(1) AND b = Utf8(\"x\")", "s.a > 1 AND b = 'x'"),
            ("p < Decimal128(Some(-5),3,2)", "p < -0.05"),
            ("OneOf(Exact(Utf8, Int64))", "OneOf(Exact(STRING, BIGINT))"),
            ("List(Int64) Duration(ns) date32", "list INTERVAL date32"),
            ("unclosed Int64(", "unclosed BIGINT("),
        ] {
            assert_eq!(in_plain_types(text), plain);
        }
    }
}
