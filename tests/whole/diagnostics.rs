//! What is said of a project with mistakes: every one of them, with its place and a cure.
//!
//! `tests/expected/wrong/NAME.txt` is what `millrace check` says of the project `tests/data/wrong/NAME`. It is edited only after
//! reading the difference; `MILLRACE_TEST_WRITE=1` writes it anew.

use std::fs;
use std::path::Path;

use super::support::Project;

#[track_caller]
fn says_what_is_expected(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::empty();
    for entry in fs::read_dir(root.join("tests/data/wrong").join(name)).expect("the project is there") {
        let path = entry.expect("it is readable").path();
        let file = path.file_name().and_then(|file| file.to_str()).expect("a plain name");
        project.write(file, fs::read_to_string(&path).expect("it is text"));
    }
    let outcome = project.run(&["check", project.arg()]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let golden = root.join(format!("tests/expected/wrong/{name}.txt"));
    if std::env::var_os("MILLRACE_TEST_WRITE").is_some() {
        fs::create_dir_all(golden.parent().expect("a file is in a folder")).expect("made");
        fs::write(&golden, &said).expect("written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert!(said == expected, "it says of {name}:\n{said}\nand not:\n{expected}");
    // What cannot be checked cannot be started either.
    assert_eq!(project.run(&["up", project.arg(), "--listen", "127.0.0.1:0"]).code, Some(2));
}

#[test]
fn of_sql() {
    says_what_is_expected("sql");
}

#[test]
fn of_options() {
    says_what_is_expected("options");
}

#[test]
fn of_sinks() {
    says_what_is_expected("sinks");
}

#[test]
fn of_the_dashboard() {
    says_what_is_expected("dashboard");
}

#[test]
fn the_example_has_nothing_wrong() {
    let project = Project::example();
    project.run(&["check", project.arg()]).succeeded();
}
