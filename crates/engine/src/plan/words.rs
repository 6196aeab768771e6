//! What the planner behind us says, said in the words of `docs/sql.md`.

use std::sync::OnceLock;

use regex::{Captures, Regex, RegexSet};

use super::complaint::{Complaint, Spot};
use super::sentences::{SENTENCES, Sentence};
use super::type_names::in_plain_types;

/// A sentence of the planner in our words, if it is one that we know. The layers around it are gone already.
pub(super) fn translate(said: &str) -> Option<Complaint> {
    static ALL: OnceLock<RegexSet> = OnceLock::new();
    static EACH: [OnceLock<Regex>; SENTENCES.len()] = [const { OnceLock::new() }; SENTENCES.len()];
    let right = "the patterns of the sentences are right";
    let all = ALL.get_or_init(|| RegexSet::new(SENTENCES.iter().map(|sentence| sentence.pattern)).expect(right));
    // Some sentences name types as the planner's own texts do.
    let said = in_plain_types(said).replace("received String", "received STRING");
    let first = all.matches(&said).iter().next()?;
    let sentence = &SENTENCES[first];
    let pattern = EACH[first].get_or_init(|| Regex::new(sentence.pattern).expect(right));
    Some(complaint(sentence, &pattern.captures(&said)?))
}

fn complaint(sentence: &Sentence, found: &Captures<'_>) -> Complaint {
    let mut message = String::new();
    found.expand(sentence.message, &mut message);
    let message = message.replace("takes 1 arguments", "takes 1 argument");
    let cure = match found.name("signature") {
        Some(signature) => what_it_takes(signature.as_str()),
        None => {
            let mut cure = String::new();
            found.expand(sentence.cure, &mut cure);
            Some(cure).filter(|cure| !cure.is_empty())
        }
    };
    Complaint { message: lower_functions(message), cure, spot: spot(sentence, found) }
}

/// Functions that the planner names in capitals.
fn lower_functions(message: String) -> String {
    match message.split_once("` does not take (") {
        Some((function, types)) => format!("{}` does not take ({types}", function.to_lowercase()),
        None => message,
    }
}

fn spot(sentence: &Sentence, found: &Captures<'_>) -> Spot {
    let named = |name: &str| found.name(name).map(|part| part.as_str().to_owned());
    if let Some(name) = named("call").or_else(|| named("call2")) {
        let of_types = found.name("types").map(|types| top_level(types.as_str()).len());
        let arguments = named("count").and_then(|count| count.parse().ok()).or(of_types);
        return Spot::Call { name: name.to_lowercase(), arguments };
    }
    match (named("literal"), named("word"), sentence.word) {
        (Some(literal), ..) => Spot::Literal(literal),
        (None, Some(word), _) => Spot::Word(word),
        (None, None, "") => Spot::Nowhere,
        (None, None, word) => Spot::Word(word.to_owned()),
    }
}

/// `OneOf(Exact(STRING, BIGINT), …)` as `it takes (STRING, BIGINT) or …`.
fn what_it_takes(signature: &str) -> Option<String> {
    let inner = signature.strip_prefix("OneOf(").and_then(|rest| rest.strip_suffix(')'));
    let mut ways: Vec<String> = Vec::new();
    for way in inner.map_or_else(|| vec![signature], top_level) {
        let way = match way.trim().strip_suffix(')').and_then(|way| way.split_once('(')) {
            Some(("Exact", types)) => format!("({types})"),
            Some(("Uniform", rest)) => {
                let (count, types) = rest.split_once(", [")?;
                let first = top_level(types.strip_suffix(']')?).first().map(|first| first.trim().to_owned())?;
                format!("({})", vec![first; count.parse().ok()?].join(", "))
            }
            _ => return None,
        };
        // Nothing here has a type of its own for times without days.
        if !ways.contains(&way) && !way.contains("TIME,") && !way.contains("INTERVAL") {
            ways.push(way);
        }
    }
    (!ways.is_empty()).then(|| format!("it takes {}", ways.join(" or ")))
}

/// The parts between the commas that are in no parentheses.
fn top_level(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (index, c) in list.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&list[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::super::sentences::AS_ONE_TYPE;
    use super::*;

    #[track_caller]
    fn says(said: &str, message: &str, cure: &str, spot: Spot) {
        let found = translate(said).expect("a sentence that is known");
        assert_eq!((found.message.as_str(), found.cure.as_deref().unwrap_or(""), found.spot), (message, cure, spot));
    }

    #[test]
    fn calls_are_told_with_what_they_take() {
        let call = |name: &str, arguments| Spot::Call { name: name.to_owned(), arguments };
        says(
            "Function 'upper' expects 1 arguments but received 2",
            "`upper` takes 1 argument, not 2",
            "",
            call("upper", Some(2)),
        );
        says(
            "Failed to coerce arguments to satisfy a call to 'lpad' function: coercion from Utf8 to the signature \
             OneOf(Exact(Utf8View, Int64), Exact(Utf8, Int64), Exact(Utf8, Int64, Utf8)) failed",
            "`lpad` does not take (STRING)",
            "it takes (STRING, BIGINT) or (STRING, BIGINT, STRING)",
            call("lpad", Some(1)),
        );
        says(
            "Failed to coerce arguments to satisfy a call to 'sqrt' function: coercion from Decimal128(3, 1), Utf8 to the \
             signature Uniform(1, [Float64, Float32]) failed",
            "`sqrt` does not take (DECIMAL(3,1), STRING)",
            "it takes (DOUBLE)",
            call("sqrt", Some(2)),
        );
        says(
            "[return_type] SUM not supported for Null",
            "`sum` does not take (NULL)",
            "name a column or an expression of a type that it takes",
            call("sum", Some(1)),
        );
    }

    #[test]
    fn operators_and_values_are_told_in_plain_types() {
        let word = |word: &str| Spot::Word(word.to_owned());
        let cure = "make a number of the text with CAST(… AS INT), or join texts with `||`";
        says(
            "Cannot coerce arithmetic expression Utf8 + Int64 to valid types",
            "`+` does not take STRING and BIGINT",
            cure,
            Spot::Nowhere,
        );
        says(
            "Cannot infer common argument type for comparison operation Boolean = Int64",
            "`=` does not compare BOOLEAN with BIGINT",
            AS_ONE_TYPE,
            word("="),
        );
        says(
            "Cast error: Cannot cast string 'abc' to value of Int64 type",
            "'abc' is no number that fits",
            "write a number, or use TRY_CAST, which gives NULL",
            Spot::Literal("abc".to_owned()),
        );
        says(
            "Compute error: Regular expression did not compile: Syntax(\n~~\nregex parse error:\n    [\n    ^\nerror: unclosed \
             character class\n~~\n)",
            "`[` is no regular expression: unclosed character class",
            "put a backslash before a character that stands for itself, as in '\\\\['",
            Spot::Literal("[".to_owned()),
        );
        says(
            "Unsupported date_trunc granularity: 'age'. Supported values are: day, week",
            "'age' is no unit of time",
            "the units are day, week",
            Spot::Literal("age".to_owned()),
        );
        assert_eq!(translate("something else"), None);
    }
}
