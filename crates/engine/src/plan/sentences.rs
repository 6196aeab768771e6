//! What the planner behind us says, sentence by sentence, beside what is said instead.
//!
//! A sentence of the planner is found by a pattern. What the pattern names `call`, `literal` or `word` is the part of the text
//! that the sentence is about, `count` the number of arguments of the call, `signature` what the function would take.

/// A sentence of the planner, and ours.
pub(super) struct Sentence {
    /// The planner's, without the layers around it.
    pub(super) pattern: &'static str,
    /// Ours; it may name parts of the pattern.
    pub(super) message: &'static str,
    /// What to do; empty where the signature says it, or where there is nothing.
    pub(super) cure: &'static str,
    /// A word to show, where the pattern names no part.
    pub(super) word: &'static str,
}

const fn sentence(pattern: &'static str, message: &'static str, cure: &'static str, word: &'static str) -> Sentence {
    Sentence { pattern, message, cure, word }
}

const AS_TEXT: &str = "make text of it with CAST(… AS STRING)";
const AS_NUMBER: &str = "make a number of it with CAST(… AS INT)";
const AS_CONDITION: &str = "compare it with something, as in `amount > 0`";
const LINEAR: &str = "two conditions may do instead, such as one RLIKE and one NOT RLIKE";
const AS_LARGER: &str = "CAST the numbers to DECIMAL(38,0) or DOUBLE first";
pub(super) const AS_ONE_TYPE: &str = "CAST one of the two to the type of the other";

/// The sentences, in the order in which they are tried. Types have their plain names already then.
pub(super) const SENTENCES: [Sentence; 54] = [
    sentence(
        r"^'(?<call>\w+)' does not support zero arguments|^[Ff]unction '(?<call2>\w+)' has signature .* does not support zero arguments",
        "`$call$call2` needs an argument",
        "",
        "",
    ),
    sentence(
        r"^(?:The )?[Ff]unction '(?<call>\w+)' expected at least one argument",
        "`$call` needs an argument",
        "",
        "",
    ),
    sentence(
        r"^(?:The )?[Ff]unction '(?<call>\w+)' (?:expects|expected) (?<want>\d+) arguments? but received (?<count>\d+)",
        "`$call` takes $want arguments, not $count",
        "",
        "",
    ),
    sentence(
        r"^(?:The )?[Ff]unction '(?<call>\w+)' expected zero argument but received (?<count>\d+)",
        "`$call` takes no arguments",
        "",
        "",
    ),
    sentence(
        r"^Failed to coerce arguments to satisfy a call to '(?<call>\w+)' function: coercion from (?<types>.*) to the signature (?<signature>.*) failed",
        "`$call` does not take ($types)",
        "",
        "",
    ),
    sentence(
        r"^Function '(?<call>\w+)' failed to match any signature.*?requires (?:TIMESTAMP|DATE|Date)\b.*?DataType: (?<types>\w+(?:\([^)]*\))?)\)",
        "`$call` does not take ($types)",
        "it takes a DATE or a TIMESTAMP",
        "",
    ),
    sentence(
        r"^Function '(?<call>\w+)' failed to match any signature.*?DataType: (?<types>\w+(?:\([^)]*\))?)\)",
        "`$call` does not take ($types)",
        "it takes numbers: CAST what stands in the parentheses to INT, DECIMAL or DOUBLE",
        "",
    ),
    sentence(
        r"^Function '(?<call>\w+)' failed to match any signature",
        "`$call` does not take what is in its parentheses",
        "look at the number, the order and the types of what it takes",
        "",
    ),
    sentence(
        r"^Function '(?<call>\w+)' requires .*?DataType: (?<types>\w+(?:\([^)]*\))?)\)",
        "`$call` does not take ($types)",
        "CAST it to another type",
        "",
    ),
    sentence(
        r"^Function '(?<call>\w+)' expects Numeric but received (?<types>.*)",
        "`$call` does not take ($types)",
        "it takes numbers: CAST what stands in the parentheses to INT, DECIMAL or DOUBLE",
        "",
    ),
    sentence(
        r"^Function '(?<call>\w+)' expects String but received (?<types>.*)",
        "`$call` does not take ($types)",
        AS_TEXT,
        "",
    ),
    sentence(
        r"^[Ff]or function '(?<call>\w+)' (?<a>.*) and (?<b>.*) (?:is|are) not co\w+",
        "`$call` does not take $a together with $b",
        AS_ONE_TYPE,
        "",
    ),
    sentence(
        r"^\[return_type\] (?<call>\w+) not supported for (?<types>.*)",
        "`$call` does not take ($types)",
        "name a column or an expression of a type that it takes",
        "",
    ),
    sentence(
        r"^(?<call>coalesce|greatest|least|concat\w*) (?:must have|was called with|requires|expects).* argument",
        "`$call` needs an argument",
        "",
        "",
    ),
    sentence(
        r"^Substring without for/from",
        "`substring` needs a position",
        "write substring(text, 1, 3): the position, and how many characters",
        "substring",
    ),
    sentence(
        r"^Cannot coerce arithmetic expression (?<a>STRING) (?<op>\S+) (?<b>INT|BIGINT|DOUBLE|FLOAT|DECIMAL\S*|STRING) to valid types",
        "`$op` does not take $a and $b",
        "make a number of the text with CAST(… AS INT), or join texts with `||`",
        "",
    ),
    sentence(
        r"^Cannot coerce arithmetic expression (?<a>INT|BIGINT|DOUBLE|FLOAT|DECIMAL\S*) (?<op>\S+) (?<b>STRING) to valid types",
        "`$op` does not take $a and $b",
        "make a number of the text with CAST(… AS INT), or join texts with `||`",
        "",
    ),
    sentence(
        r"^Cannot coerce arithmetic expression (?<a>DATE|TIMESTAMP) (?<op>[+-]) (?<b>\S+) to valid types",
        "`$op` does not take $a and $b",
        "say how long: INTERVAL '1 day'",
        "",
    ),
    sentence(
        r"^Cannot (?:coerce arithmetic expression|get result type for \w+ operation) (?<a>.+?) (?<op>[^\s\w(),]+) (?<b>[^:]+?)(?: to valid types|:.*)?$",
        "`$op` does not take $a and $b",
        AS_ONE_TYPE,
        "",
    ),
    sentence(
        r"^Cannot infer common argument type for comparison operation (?<a>.+) (?<word>\S+) (?<b>.+)",
        "`$word` does not compare $a with $b",
        AS_ONE_TYPE,
        "",
    ),
    sentence(
        r"^Cannot infer common argument type for logical boolean operation (?<a>.+) (?<word>AND|OR) (?<b>.+)",
        "`$word` stands between conditions, not between $a and $b",
        AS_CONDITION,
        "",
    ),
    sentence(
        r"^Cannot infer common argument type for regex operation (?<a>.+) \S+ (?<b>.+)",
        "RLIKE takes two texts, not $a and $b",
        AS_TEXT,
        "rlike",
    ),
    sentence(
        r"^Cannot infer common string type for string concat operation (?<a>.+) (?<word>\S+) (?<b>.+)",
        "`$word` joins texts, not $a and $b",
        AS_TEXT,
        "",
    ),
    sentence(
        r"^Cannot infer common (?:argument )?type for (?:\w+ )?operation (?<a>.+) (?<word>\S+) (?<b>.+)",
        "`$word` does not take $a and $b",
        AS_ONE_TYPE,
        "",
    ),
    sentence(
        r"^Cannot create filter with non-boolean predicate '.*' returning (?<a>.+)",
        "a condition is true or false, and this one is $a",
        AS_CONDITION,
        "where",
    ),
    sentence(
        r"^[Uu]nary operator '(?<word>-)' only supports|^Negation only supports",
        "`-` stands before numbers only",
        AS_NUMBER,
        "",
    ),
    sentence(
        r"^[Uu]nary operator 'NOT' requires a boolean expression, got (?<a>.+)",
        "NOT stands before conditions, and this is $a",
        AS_CONDITION,
        "",
    ),
    sentence(
        r"^There isn't a common type to coerce (?<a>.+) and (?<b>.+) in (?<word>\w+) expression",
        "$word takes two texts, not $a and $b",
        AS_TEXT,
        "",
    ),
    sentence(
        r"^(?:Cast error: )?Cannot cast (?:string|value) '(?<literal>.*)' to value of (?:TINYINT|SMALLINT|INT|BIGINT|DOUBLE|FLOAT) type",
        "'$literal' is no number that fits",
        "write a number, or use TRY_CAST, which gives NULL",
        "",
    ),
    sentence(
        r"^(?:Cast error: )?Cannot cast (?:string|value) '(?<literal>.*)' to value of DECIMAL.* type",
        "'$literal' is no number that fits",
        "write a number, or use TRY_CAST, which gives NULL",
        "",
    ),
    sentence(
        r"^(?:Cast error: )?Cannot cast (?:string|value) '(?<literal>.*)' to value of DATE type",
        "'$literal' is no DATE",
        "write it as '2010-12-31'",
        "",
    ),
    sentence(
        r"^(?:Cast error: )?Cannot cast (?:string|value) '(?<literal>.*)' to value of (?<a>\S+) type",
        "'$literal' is no $a",
        "write a value of that type",
        "",
    ),
    sentence(
        r"^(?:Cast error: )?Can't cast value (?<value>\S+) to type (?<a>\S+)$",
        "$value does not fit $a",
        "CAST it to a larger type, or use TRY_CAST, which gives NULL",
        "cast",
    ),
    sentence(
        r#"Invalid input syntax for type interval: "(?<literal>.*)"$"#,
        "'$literal' is no length of time",
        "write a number and a unit, as in INTERVAL '1 day'",
        "interval",
    ),
    sentence(
        r"^(?<call>CEIL|FLOOR) with scale is not supported",
        "`floor` and `ceil` take one number and give a whole one",
        "write round(x, 1), or floor(x * 10) / 10",
        "",
    ),
    sentence(
        r"^Unsupported SQL type (?:\([^)]*\) )?(?<word>\w+)",
        "there is no type `$word`",
        "the types are STRING, INT, BIGINT, DECIMAL(p, s), DOUBLE, FLOAT, BOOLEAN, DATE and TIMESTAMP",
        "",
    ),
    sentence(
        r"^Cannot find column with position (?<position>-?\d+) in SELECT clause\. Valid columns: 1 to (?<a>\d+)",
        "the SELECT has no column $position",
        "a number by which rows are grouped or sorted is that of a column: 1 to $a",
        "by",
    ),
    sentence(
        r"^(?:Parser error: )?Error parsing timestamp from '(?<literal>.*)': ",
        "'$literal' is no TIMESTAMP",
        "write it as '2010-12-31 23:59:59'",
        "",
    ),
    sentence(
        r"^UNION queries have different number of columns|^Union schemas have different number of fields",
        "the parts of a UNION have different numbers of columns",
        "select as many in each",
        "union",
    ),
    sentence(
        r"^Incompatible inputs for Union: Previous inputs were of type (?<a>.+), but got incompatible type (?<b>.+) on column '(?<column>.*)'",
        "column `$column` is $a in one part of a UNION and $b in another",
        "CAST one of them",
        "union",
    ),
    sentence(
        r"^(?:Cast error: )?Unsupported CAST from (?<a>.+) to (?<b>.+)",
        "CAST makes no $b of $a",
        "make text of it first, or compare it with something",
        "cast",
    ),
    sentence(
        r"^HAVING clause references: .* must appear in the GROUP BY clause",
        "HAVING speaks of a column that is neither a group nor aggregated",
        "say it of each row with WHERE, or group by it",
        "having",
    ),
    sentence(
        r"^Aggregate functions are not allowed in the WHERE clause",
        "WHERE looks at single rows, before anything is aggregated",
        "say it with HAVING",
        "where",
    ),
    sentence(
        r"^Failed to coerce (?:case|then) \((?<a>.*)\) and (?:when|else) \((?<b>.*)\) to common types in CASE",
        "CASE has values of types that do not go together: $a and $b",
        "CAST them to one type",
        "case",
    ),
    sentence(
        r"^Can not find compatible types to compare (?<a>.+) with \[(?<b>.*)\]",
        "IN does not compare $a with $b",
        "CAST one to the type of the others",
        "in",
    ),
    sentence(
        r"(?s)regex parse error:\n    (?<literal>[^\n]*)\n.*?\nerror: (?<a>look-around|backreferences)[^\n]*",
        "`$literal` has $a, which no regular expression here can have",
        LINEAR,
        "",
    ),
    sentence(
        r"^`(?<literal>.*)` is no regular expression: (?<a>look-around|backreferences)",
        "`$literal` has $a, which no regular expression here can have",
        LINEAR,
        "",
    ),
    sentence(
        r"^`(?<literal>.*)` has no group (?<group>-?\d+)$",
        "`$literal` has no group $group",
        "put what to extract in parentheses, or give 0 as the third argument for all that matches",
        "",
    ),
    sentence(
        r"(?s)regex parse error:\n    (?<literal>[^\n]*)\n.*?\nerror: (?<a>[^\n]*)",
        "`$literal` is no regular expression: $a",
        "put a backslash before a character that stands for itself, as in '\\\\['",
        "",
    ),
    sentence(
        r"^Unsupported date_trunc granularity: '(?<literal>[^']*)'\. Supported values are: (?<a>.*)$",
        "'$literal' is no unit of time",
        "the units are $a",
        "",
    ),
    sentence(
        r"^(?:Arithmetic overflow: )?Overflow happened on: (?<a>.*)$",
        "a whole number that does not fit its type: $a",
        AS_LARGER,
        "",
    ),
    sentence(
        r"^(?:Compute error: )?\w+ overflow on (?<call>abs)\((?<value>\S+)\)",
        "a whole number that does not fit its type: abs($value)",
        AS_LARGER,
        "",
    ),
    sentence(
        r"^min/max was called with (?<given>\d+) arguments",
        "`min` and `max` take 1 argument, not $given",
        "use least(…) or greatest(…) for the values of one row",
        "",
    ),
    sentence(
        r"^`(?<literal>.*)` is no regular expression: (?<a>.*)$",
        "`$literal` is no regular expression: $a",
        "put a backslash before a character that stands for itself, as in '\\\\['",
        "",
    ),
];
