//! What is said of wrong SQL: every mistake at once, each with its place and a cure.
//!
//! `tests/expected/wrong_sql.txt` is what `millrace check` says of `tests/data/wrong_sql/`. It is edited only after reading the
//! difference; `MILLRACE_TEST_WRITE=1` writes it anew.

use std::fs;
use std::path::Path;

use super::support::Project;

#[test]
fn every_mistake_is_shown_with_its_place_and_its_cure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::empty();
    for entry in fs::read_dir(root.join("tests/data/wrong_sql")).expect("the wrong SQL is there") {
        let path = entry.expect("it is readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        project.write(name, fs::read_to_string(&path).expect("it is text"));
    }
    let outcome = project.run(&["check", project.arg()]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let said = format!("{}{}", outcome.stdout, outcome.stderr).replace(project.arg(), "PROJECT");
    let golden = root.join("tests/expected/wrong_sql.txt");
    if std::env::var_os("MILLRACE_TEST_WRITE").is_some() {
        fs::write(&golden, &said).expect("written");
    }
    assert_eq!(said, fs::read_to_string(&golden).expect("the expected words are there"));
}

#[test]
fn the_example_has_nothing_wrong() {
    let project = Project::example();
    project.run(&["check", project.arg()]).succeeded();
}
