//! Puts flags, environment and file together.
//!
//! Every key is read by itself, so that one mistake does not hide the next. The names of the keys are known from the sections
//! themselves: what their types refuse is unknown.

use std::path::Path;

use millrace_flow::Diagnostic;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::place::Place;
use super::{Config, Places, Sections};
use crate::nearest;

/// The sections there are.
const SECTIONS: [&str; 8] = ["project", "data", "http", "kafka", "log", "engine", "warehouse", "dashboard"];

/// What variables that are no settings go on with after [`PREFIX`].
const NO_SETTINGS: [&str; 6] = ["bench", "bless", "install", "log", "symbols", "test"];

/// What every variable of ours begins with.
const PREFIX: &str = "MILLRACE_";

/// Settings given on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<String>,
}

/// Settings, and where each was written.
#[derive(Debug)]
pub struct Loaded {
    /// The settings; the defaults in place of what is wrong.
    pub config: Config,
    /// Where each was written.
    pub places: Places,
    /// All that is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Puts the settings of the project in `dir` together: the text of its `millrace.toml`, the environment and the flags.
pub fn load<'a>(dir: &Path, text: &'a str, environment: &'a [(String, String)], overrides: &'a Overrides) -> Loaded {
    let mut loader: Loader<'a> = Loader { entries: Vec::new(), places: Places::new(text), diagnostics: Vec::new() };
    loader.take_file(text);
    loader.take_environment(environment);
    loader.take_flags(overrides);
    let sections = Sections {
        project: loader.section("project"),
        data: loader.section("data"),
        http: loader.section("http"),
        kafka: loader.section("kafka"),
        log: loader.section("log"),
        engine: loader.section("engine"),
        warehouse: loader.section("warehouse"),
        dashboard: loader.section("dashboard"),
    };
    let Loader { places, mut diagnostics, .. } = loader;
    let (mut config, refusals) = sections.validate(dir);
    if let Some(kafka) = config.kafka.as_mut().filter(|_| places.is_set("kafka.listen")) {
        kafka.is_default = false;
    }
    diagnostics
        .extend(refusals.into_iter().map(|refusal| places.diagnostic(&refusal.path, refusal.message, refusal.cure)));
    Loaded { config, places, diagnostics }
}

/// One setting as it was written.
struct Entry<'a> {
    section: &'static str,
    key: String,
    /// Where the key stands, for a word about the key itself.
    key_place: Place,
    value: Spanned<DeValue<'a>>,
    place: Place,
    /// The text of an environment variable.
    variable: Option<&'a str>,
}

struct Loader<'a> {
    entries: Vec<Entry<'a>>,
    places: Places,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Loader<'a> {
    fn take_file(&mut self, text: &'a str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What a broken file seems to say is not worth a word.
            for error in errors {
                let place = Place::File(error.span().unwrap_or(0..0));
                let cure = error.span().and_then(|span| bare_text(text, span.start));
                let cure = Some(cure.unwrap_or_else(|| "see https://toml.io for how TOML is written".to_owned()));
                self.diagnostics.push(self.places.at(&place, format!("not TOML: {}", error.message()), cure));
            }
            return;
        }
        for (name, value) in table.into_inner() {
            let place = Place::File(name.span());
            if !SECTIONS.contains(&&**name.get_ref()) && !matches!(value.get_ref(), DeValue::Table(_)) {
                let message = format!("the key `{}` stands in no section", name.get_ref());
                self.diagnostics.push(self.places.at(&place, message, Some(home_of(name.get_ref()))));
                continue;
            }
            let Some(section) = SECTIONS.into_iter().find(|section| *section == name.get_ref()) else {
                let message = format!("unknown section `[{}]`", name.get_ref());
                let cure = nearest::cure(name.get_ref(), SECTIONS, "sections");
                self.diagnostics.push(self.places.at(&place, message, Some(cure)));
                continue;
            };
            let DeValue::Table(table) = value.into_inner() else {
                let cure = format!("write `[{section}]` on a line of its own, and its keys below it");
                self.diagnostics.push(self.places.at(&place, format!("`{section}` is a section"), Some(cure)));
                continue;
            };
            for (key, value) in table {
                let (key_place, place) = (Place::File(key.span()), Place::File(value.span()));
                let key = key.into_inner().into_owned();
                self.take(Entry { section, key, key_place, value, place, variable: None });
            }
        }
    }

    /// `MILLRACE_HTTP_LISTEN`: what begins with no section's name, nor with one that is nearly that, is none of ours.
    fn take_environment(&mut self, environment: &'a [(String, String)]) {
        let mut variables: Vec<_> = environment.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        variables.sort();
        for (name, value) in variables {
            let rest = name[PREFIX.len()..].to_lowercase();
            let of =
                |section: &&'static str| Some((*section, rest.strip_prefix(*section)?.strip_prefix('_')?.to_owned()));
            let Some((section, key)) = SECTIONS.iter().find_map(of) else {
                let first = rest.split('_').next().unwrap_or_default();
                if let Some(near) = millrace_flow::nearest(first, SECTIONS).filter(|_| !NO_SETTINGS.contains(&first)) {
                    let place = Place::Variable { name: name.clone(), value: value.clone() };
                    let meant = format!("{PREFIX}{near}{}", &rest[first.len()..]).to_uppercase();
                    let cure = Some(format!("did you mean `{meant}`?"));
                    self.diagnostics.push(self.places.at(&place, format!("unknown section `{first}`"), cure));
                }
                continue;
            };
            let place = Place::Variable { name: name.clone(), value: value.clone() };
            let text = Spanned::new(0..0, DeValue::String(value.as_str().into()));
            self.take(Entry { section, key, key_place: place.clone(), value: text, place, variable: Some(value) });
        }
    }

    fn take_flags(&mut self, overrides: &'a Overrides) {
        let flags =
            [("http", "listen", "--listen", &overrides.listen), ("data", "dir", "--data-dir", &overrides.data_dir)];
        for (section, key, name, value) in flags {
            let Some(value) = value else { continue };
            let place = Place::Flag { name, value: value.clone() };
            let value = Spanned::new(0..0, DeValue::String(value.as_str().into()));
            let (key, key_place) = (key.to_owned(), place.clone());
            self.take(Entry { section, key, key_place, value, place, variable: None });
        }
    }

    /// Takes a setting in the place of an earlier one of that name.
    fn take(&mut self, new: Entry<'a>) {
        self.places.insert(&format!("{}.{}", new.section, new.key), &new.value, new.place.clone());
        self.entries.retain(|entry| (entry.section, &entry.key) != (new.section, &new.key));
        self.entries.push(new);
    }

    /// Reads a section: key by key to find what is wrong, then what is right as a whole.
    fn section<S: DeserializeOwned + Default + Serialize>(&mut self, name: &'static str) -> S {
        let mut table = DeTable::new();
        for entry in self.entries.iter().filter(|entry| entry.section == name) {
            match readings(entry).into_iter().find(|value| read::<S>(single(entry, value.clone())).is_ok()) {
                Some(value) => drop(table.insert(Spanned::new(0..0, entry.key.clone().into()), value)),
                None => {
                    if let Err(error) = read::<S>(single(entry, entry.value.clone())) {
                        self.diagnostics.push(explain::<S>(&self.places, entry, &error));
                    }
                }
            }
        }
        read(table).unwrap_or_default()
    }
}

/// What to write instead where the value on the line at `at` is a text without quotes.
fn bare_text(text: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let (key, value) = text.get(start..)?.lines().next()?.split_once('=')?;
    let value = value.split_once('#').map_or(value, |(value, _)| value).trim();
    let is_bare = !value.is_empty() && !value.contains(['"', '\'', '[', ']', '{', '}', '=']);
    is_bare.then(|| format!("text stands in quotes: {} = \"{value}\"", key.trim()))
}

/// What an entry may mean: a variable is text, and may be a number or a list as well.
fn readings<'a>(entry: &Entry<'a>) -> Vec<Spanned<DeValue<'a>>> {
    let parsed = entry.variable.and_then(|value| DeValue::parse(value).ok());
    std::iter::once(entry.value.clone()).chain(parsed).collect()
}

fn single<'a>(entry: &Entry<'a>, value: Spanned<DeValue<'a>>) -> DeTable<'a> {
    let range = |place: &Place| if let Place::File(range) = place { range.clone() } else { 0..0 };
    let mut table = DeTable::new();
    table.insert(Spanned::new(range(&entry.key_place), entry.key.clone().into()), value);
    table
}

fn read<S: DeserializeOwned>(table: DeTable<'_>) -> Result<S, toml::de::Error> {
    S::deserialize(ValueDeserializer::from(Spanned::new(0..0, DeValue::Table(table))))
}

/// Says what is wrong with a setting, as near to it as can be told.
fn explain<S: Default + Serialize>(places: &Places, entry: &Entry<'_>, error: &toml::de::Error) -> Diagnostic {
    let (section, message) = (entry.section, error.message());
    let inner = match (&entry.place, error.span()) {
        (Place::File(_), Some(range)) if range.start != range.end => Place::File(range),
        (place, _) => place.clone(),
    };
    let Some((unknown, known)) = unknown_name(message, "unknown field ") else {
        let (message, cure) = plain_words(section, message.trim_end());
        return places.at(&inner, format!("`{section}.{}`: {message}", entry.key), cure);
    };
    let of_section = keys_of(&S::default());
    if !of_section.contains(&entry.key) {
        let cure = nearest::cure(&entry.key, of_section.iter().map(String::as_str), &format!("keys of [{section}]"));
        return places.at(&entry.key_place, format!("unknown key `{}` in [{section}]", entry.key), Some(cure));
    }
    let cure = nearest::cure(unknown, known.iter().copied(), "keys");
    places.at(&inner, format!("unknown key `{unknown}` in `{section}.{}`", entry.key), Some(cure))
}

/// Serde's words for a value that does not fit, as ours, and what to write.
fn plain_words(section: &str, message: &str) -> (String, Option<String>) {
    if let Some(missing) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return (format!("`{missing}` is missing"), Some(format!("add {missing} = \"…\" within the braces")));
    }
    if let Some((unknown, known)) = unknown_name(message, "unknown variant ") {
        return (format!("`{unknown}` is no value of it"), Some(nearest::cure(unknown, known, "values")));
    }
    let found = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match found.and_then(|found| found.split_once(", expected ")) {
        Some((found, expected)) => {
            (format!("{found} does not fit"), Some(format!("write {}", kind_of_value(section, expected))))
        }
        None => (message.to_owned(), None),
    }
}

/// What serde expected, for people who know no Rust.
fn kind_of_value<'a>(section: &str, expected: &'a str) -> &'a str {
    match expected {
        "a sequence" if section == "dashboard" => "a list of tables, as in [{ view = \"…\", column = \"…\" }]",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more, without quotes",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number, without quotes",
        "f32" | "f64" => "a number, without quotes",
        "a boolean" => "true or false, without quotes",
        "a sequence" => "a list, as in [\"a\", \"b\"]",
        other => other,
    }
}

/// Where a key that stands in no section belongs.
fn home_of(key: &str) -> String {
    let all = serde_json::to_value(Sections::default()).unwrap_or_default();
    let has = |section: &&&str| all[**section].get(key).is_some();
    match SECTIONS.iter().find(has) {
        Some(section) => format!("put it below a line `[{section}]`"),
        None => format!("put it below the line of its section; sections are `{}`", SECTIONS.join("`, `")),
    }
}

/// The unknown name and the known ones, out of serde's words for it.
fn unknown_name<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let rest = message.strip_prefix(prefix)?;
    let mut names = rest.split('`').skip(1).step_by(2);
    Some((names.next()?, names.collect()))
}

/// The keys of a section, as its own type names them.
pub(super) fn keys_of(section: &impl Serialize) -> Vec<String> {
    match serde_json::to_value(section) {
        Ok(serde_json::Value::Object(keys)) => keys.into_iter().map(|(key, _)| key).collect(),
        _ => Vec::new(),
    }
}
