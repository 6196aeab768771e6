//! Patterns for dates: Java's, as Spark takes them, in the letters that the functions behind take.

/// `yyyy-MM-dd` as `%Y-%m-%d`, or what is wrong with it.
pub(crate) fn strftime(pattern: &str) -> Result<String, String> {
    let mut format = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (quoted, after) =
                rest[1..].split_once('\'').ok_or_else(|| format!("a quote in `{pattern}` is not closed"))?;
            format.push_str(if quoted.is_empty() { "'" } else { quoted });
            rest = after;
            continue;
        }
        let length = rest.find(|c| c != first).unwrap_or(rest.len());
        match first {
            'a'..='z' | 'A'..='Z' => {
                format.push_str(letters(&rest[..length]).ok_or_else(|| unknown(pattern, &rest[..length]))?)
            }
            '%' => format.push_str(&"%%".repeat(length)),
            _ => format.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    Ok(format)
}

fn letters(run: &str) -> Option<&'static str> {
    Some(match run {
        "yyyy" | "y" | "uuuu" => "%Y",
        "yy" => "%y",
        "MMMM" => "%B",
        "MMM" => "%b",
        "MM" => "%m",
        "M" => "%-m",
        "dd" => "%d",
        "d" => "%-d",
        "D" | "DDD" => "%j",
        "EEEE" => "%A",
        "E" | "EE" | "EEE" => "%a",
        "HH" => "%H",
        "H" => "%-H",
        "hh" => "%I",
        "h" => "%-I",
        "mm" => "%M",
        "m" => "%-M",
        "ss" => "%S",
        "s" => "%-S",
        "SSS" => "%3f",
        "SSSSSS" => "%6f",
        "a" => "%p",
        _ => return None,
    })
}

fn unknown(pattern: &str, run: &str) -> String {
    format!(
        "`{run}` in the pattern `{pattern}` is not understood; use yyyy, MM, dd, HH, mm, ss, MMM, EEE and text in single quotes"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_translated() {
        assert_eq!(strftime("yyyy-MM-dd'T'HH:mm:ss").as_deref(), Ok("%Y-%m-%dT%H:%M:%S"));
        assert_eq!(strftime("EEE, d MMM yy").as_deref(), Ok("%a, %-d %b %y"));
        assert!(strftime("yyyy QQ").is_err_and(|error| error.contains("`QQ`")));
    }
}
