//! The page about `millrace.toml`, made from the sections themselves: their comments, their keys and their defaults.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::{FILE, Sections, Size};

/// Where the sections of this crate are written.
const SECTIONS_SOURCE: &str = include_str!("sections.rs");

/// Where the section `[log]` is written.
const LOG_SOURCE: &str = include_str!("../../../log/src/config.rs");

/// The reference of all settings, in Markdown.
pub fn reference() -> String {
    let sections = Sections::default();
    let mut page = format!(
        "# Settings\n\nEverything in `{FILE}` has a default, and the file may be missing. A flag of the command line beats an \
         environment variable,\nwhich beats the file. The variable of `listen` in `[http]` is `MILLRACE_HTTP_LISTEN`, and so on. \
         Durations are written\n`\"250ms\"`, `\"5s\"`, `\"10m\"`; sizes `\"64MiB\"`, `\"2GB\"`. What is not known here is refused.\n"
    );
    write_section(&mut page, "project", "ProjectSection", SECTIONS_SOURCE, &sections.project);
    write_section(&mut page, "data", "DataSection", SECTIONS_SOURCE, &sections.data);
    write_section(&mut page, "http", "HttpSection", SECTIONS_SOURCE, &sections.http);
    write_section(&mut page, "kafka", "KafkaSection", SECTIONS_SOURCE, &sections.kafka);
    write_section(&mut page, "log", "LogConfig", LOG_SOURCE, &sections.log);
    write_section(&mut page, "engine", "EngineSection", SECTIONS_SOURCE, &sections.engine);
    write_section(&mut page, "warehouse", "WarehouseSection", SECTIONS_SOURCE, &sections.warehouse);
    write_section(&mut page, "dashboard", "DashboardSection", SECTIONS_SOURCE, &sections.dashboard);
    page
}

fn write_section(page: &mut String, section: &str, type_name: &str, source: &str, defaults: &impl Serialize) {
    let (about, keys) = read_struct(source, type_name);
    let defaults = serde_json::to_value(defaults).unwrap_or_default();
    let _ = write!(page, "\n## `[{section}]`\n\n{about}\n\n| key | default | what |\n|---|---|---|\n");
    for (key, about) in keys {
        let default = default_text(&key, &defaults[&key]);
        let _ = writeln!(page, "| `{key}` | {default} | {about} |");
    }
}

fn default_text(key: &str, value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Number(bytes) if key.contains("bytes") => {
            format!("`\"{}\"`", Size(bytes.as_u64().unwrap_or_default()))
        }
        Value::String(text) => format!("`\"{}\"`", in_words(text)),
        other => format!("`{other}`"),
    }
}

/// A duration in whole seconds is shown as such, however it was written out.
fn in_words(text: &str) -> String {
    let seconds = text.strip_suffix("ms").and_then(|ms| ms.parse::<u64>().ok()).filter(|ms| *ms > 0 && ms % 1_000 == 0);
    seconds.map_or_else(|| text.to_owned(), |ms| format!("{}s", ms / 1_000))
}

/// The comment of a struct, and its fields with theirs, out of its source.
fn read_struct(source: &str, type_name: &str) -> (String, Vec<(String, String)>) {
    let head = format!("pub struct {type_name} {{");
    let before: Vec<&str> = source.lines().take_while(|line| *line != head).collect();
    let comment = |lines: &[&str]| {
        let lines = lines.iter().filter_map(|line| line.trim().strip_prefix("///"));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let about_from = before.iter().rposition(|line| line.is_empty()).map_or(0, |at| at + 1);
    let about = comment(&before[about_from..]);
    let mut fields = Vec::new();
    let mut pending = Vec::new();
    for line in source.lines().skip(before.len() + 1).take_while(|line| *line != "}") {
        match line.trim().strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            Some((name, _)) => {
                fields.push((name.to_owned(), comment(&pending)));
                pending.clear();
            }
            None => pending.push(line),
        }
    }
    (about, fields)
}
