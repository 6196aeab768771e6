//! What holds for the whole tree and no compiler checks: which crate may use which, how long a file may be, what it may be called.
//!
//! Reads the working tree, so a rule is broken at the moment somebody breaks it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may use of ours. An arrow only ever points left: `flow ← schema ← log | source | engine | sink | decide ←
/// broker ← station ← serve ← main`.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("flow", &[]),
    ("schema", &["flow"]),
    ("log", &["flow", "schema"]),
    ("source", &["flow", "schema"]),
    ("engine", &["flow", "schema"]),
    ("sink", &["flow", "schema"]),
    ("decide", &["flow", "schema"]),
    ("broker", &["flow", "schema", "log"]),
    ("station", &["flow", "schema", "log", "source", "engine", "sink", "decide", "broker"]),
    ("serve", &["flow", "schema", "log", "source", "engine", "sink", "decide", "broker", "station"]),
    ("", &["flow", "schema", "log", "source", "engine", "sink", "decide", "broker", "station", "serve"]),
];

/// Lines a source file may have without its tests: more than that does not fit one head.
const FILE_LINES_MAX: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "misc", "prelude", "stuff"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `dir` with one of these extensions, without what is built or installed.
fn files(dir: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.expect("the working tree is readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !matches!(name, "target" | "node_modules" | "dist" | "lake") && !name.starts_with('.') {
                found.extend(files(&path, extensions));
            }
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<PathBuf> {
    ["src", "crates", "tests", "benches"].iter().flat_map(|dir| files(&root().join(dir), &["rs"])).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Whether a file is there for tests only.
fn is_test(path: &Path) -> bool {
    let path = shown(path);
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("/benches/")
}

#[track_caller]
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}

#[test]
fn crates_use_only_what_stands_left_of_them() {
    let rules: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut manifests = vec![(String::new(), root().join("Cargo.toml"))];
    for entry in fs::read_dir(root().join("crates")).expect("crates/ is there") {
        let path = entry.expect("crates/ is readable").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a crate's folder has a plain name").to_owned();
        manifests.push((name, path.join("Cargo.toml")));
    }
    assert!(manifests.len() > 5, "the crates were not found");
    let mut broken = Vec::new();
    for (name, manifest) in manifests {
        let Some(allowed) = rules.get(name.as_str()) else {
            broken.push(format!("crates/{name} has no place in the order of crates"));
            continue;
        };
        let document: toml::Table = read(&manifest).parse().expect("a manifest is TOML");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(toml::Value::Table(used)) = document.get(section) else { continue };
            for used in used.keys().filter_map(|key| key.strip_prefix("millrace-")) {
                if !allowed.contains(&used) {
                    broken.push(format!("{} uses millrace-{used} ({section})", shown(&manifest)));
                }
            }
        }
    }
    assert_none("an arrow between crates points the wrong way:", &broken);
}

#[test]
fn datafusion_stays_in_the_engine_and_anyhow_in_the_program() {
    let mut broken = Vec::new();
    for manifest in files(&root().join("crates"), &["toml"]) {
        let name = shown(&manifest);
        let text = read(&manifest);
        if text.contains("datafusion") && !name.starts_with("crates/engine/") {
            broken.push(format!("{name} uses datafusion"));
        }
        if text.contains("anyhow") {
            broken.push(format!("{name} uses anyhow"));
        }
    }
    assert_none("these stay where they are:", &broken);
}

#[test]
fn files_say_what_they_are_and_fit_one_head() {
    let mut broken = Vec::new();
    for path in rust_files() {
        let text = read(&path);
        if !text.starts_with("//! ") {
            broken.push(format!("{} does not open with //!", shown(&path)));
        }
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code.lines().count();
        if !is_test(&path) && lines > FILE_LINES_MAX {
            broken.push(format!("{} has {lines} lines, {FILE_LINES_MAX} are allowed", shown(&path)));
        }
    }
    assert_none("files:", &broken);
}

#[test]
fn names_say_what_is_inside() {
    let mut broken = Vec::new();
    for path in rust_files() {
        let named =
            if path.file_stem().is_some_and(|stem| stem == "mod") { path.parent() } else { Some(path.as_path()) };
        let stem = named.and_then(Path::file_stem).and_then(|stem| stem.to_str()).unwrap_or_default();
        let numbered = stem.rsplit_once("_v").is_some_and(|(_, rest)| rest.parse::<u32>().is_ok());
        if EMPTY_NAMES.contains(&stem) || numbered {
            broken.push(shown(&path));
        }
    }
    assert_none("a module is named after what it is about, not:", &broken);
}

#[test]
fn lints_are_answered_and_work_is_finished() {
    // Put together here, so that this file does not find itself.
    let marks = [["#[al", "low("].concat(), ["#![al", "low("].concat(), ["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    let macros = [["todo", "!("].concat(), ["unimplemented", "!("].concat(), ["#[ig", "nore"].concat()];
    let mut broken = Vec::new();
    for path in rust_files() {
        for (number, line) in read(&path).lines().enumerate() {
            if marks.iter().chain(&macros).any(|mark| line.contains(mark.as_str())) {
                broken.push(format!("{}:{} {}", shown(&path), number + 1, line.trim()));
            }
        }
    }
    assert_none("use #[expect(…, reason)] and finish what is begun:", &broken);
}

#[test]
fn the_papers_are_there() {
    let wanted =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "deny.toml", "docs/sql.md"];
    let missing: Vec<String> =
        wanted.iter().filter(|name| !root().join(name).is_file()).map(|name| (*name).to_owned()).collect();
    assert_none("missing:", &missing);
    let license = read(&root().join("LICENSE"));
    assert!(
        license.contains("Apache License") && license.contains("END OF TERMS AND CONDITIONS"),
        "LICENSE is not whole"
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = files(&root().join("docs"), &["md"]);
    documents.extend(files(&root().join("examples"), &["md"]));
    documents.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let mut broken = Vec::new();
    for document in documents {
        let text = read(&document);
        let here = document.parent().expect("a file is in a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !here.join(target).exists() {
                broken.push(format!("{} links to {link}", shown(&document)));
            }
        }
    }
    assert_none("dead links:", &broken);
}

#[test]
fn the_pages_lock_file_names_no_download_address() {
    let lock = read(&root().join("web/package-lock.json"));
    assert!(lock.contains("\"lockfileVersion\""), "web/package-lock.json is not a lock file");
    assert!(!lock.contains("\"resolved\""), "web/package-lock.json carries download addresses; see web/.npmrc");
}
