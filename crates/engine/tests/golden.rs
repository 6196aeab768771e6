//! Scripts and what becomes of them: `tests/sql/<name>.sql` beside `<name>.out`, either the plan of every query or every
//! error; `example.out` is of the example project. After reading the differences, `MILLRACE_BLESS=1 cargo test -p millrace-engine --test golden` takes them over.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use millrace_engine::sql::{Program, Script, compile};

fn describe(program: &Program) -> String {
    let mut text = String::new();
    for source in &program.sources {
        let _ = writeln!(
            text,
            "source {}: {} columns, watermark {:?}",
            source.name,
            source.schema.fields().len(),
            source.watermark
        );
        for option in &source.options {
            let _ = writeln!(text, "  {} = {}", option.key, option.value);
        }
    }
    for view in &program.views {
        let kind = if view.materialized { "materialized view" } else { "view" };
        let _ = writeln!(
            text,
            "\n{kind} {} key {:?} time {:?} window {:?}",
            view.name, view.key, view.time_column, view.window_ms
        );
        for field in view.schema.fields() {
            let _ = writeln!(text, "  {} {}", field.name(), field.data_type());
        }
    }
    for query in &program.queries {
        let _ = writeln!(text, "\nquery {}, event time {:?}", query.name, query.output.event_time);
        for line in query.explain().lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    for sink in &program.sinks {
        let _ = writeln!(text, "\nsink {} from {} with {} options", sink.name, sink.from, sink.options.len());
    }
    text
}

fn result_of(scripts: &[PathBuf]) -> String {
    let script = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("the script can be read");
        let file = path.file_name().expect("a script has a name").to_string_lossy().into_owned();
        Script { file: file.into(), text: text.into() }
    };
    match compile(&scripts.iter().map(script).collect::<Vec<_>>()) {
        Ok(program) => describe(&program),
        Err(errors) => errors.iter().map(|error| format!("{error}\n\n")).collect(),
    }
}

fn scripts_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut scripts: Vec<_> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    scripts.sort();
    assert!(!scripts.is_empty(), "no scripts in {}", folder.display());
    scripts
}

#[test]
fn scripts_come_to_what_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let bless = std::env::var_os("MILLRACE_BLESS").is_some();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/online-retail");
    let alone = scripts_in(&folder).into_iter().map(|script| (script.with_extension("out"), vec![script]));
    let cases = alone.chain([(folder.join("example.out"), scripts_in(&example))]);
    let mut wrong = Vec::new();
    for (golden, scripts) in cases {
        let result = result_of(&scripts);
        if bless {
            fs::write(&golden, &result).expect("the result can be written");
        } else if fs::read_to_string(&golden).unwrap_or_default() != result {
            wrong.push(format!("{}:\n{result}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "these came to something else:\n{}", wrong.join("\n"));
}

/// What the statements of a file declare that cannot even be cut into statements is not known, and so it is not missed.
#[test]
fn a_file_that_cannot_be_read_is_told_once() {
    let script = |file: &str, text: &str| Script { file: file.into(), text: text.into() };
    let torn = script("a.sql", "CREATE SOURCE s (a STRING) WITH (connector = 'csv);");
    let reader = script("b.sql", "CREATE VIEW v AS SELECT a FROM s; CREATE SINK k FROM s WITH (connector = 'delta');");
    let errors = compile(&[torn, reader]).expect_err("a quote is not closed");
    assert_eq!(errors.iter().map(|error| &*error.file).collect::<Vec<_>>(), ["a.sql"], "{errors:?}");
}
