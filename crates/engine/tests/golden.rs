//! Scripts and what becomes of them: `tests/sql/<name>.sql` beside `<name>.out`, either the plan of every query or every
//! error. After reading the differences, `MILLRACE_BLESS=1 cargo test -p millrace-engine --test golden` takes them over.

use std::fmt::Write;
use std::fs;
use std::path::Path;

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

fn result_of(script: &Path) -> String {
    let text = fs::read_to_string(script).expect("the script can be read");
    let file = script.file_name().expect("a script has a name").to_string_lossy().into_owned();
    match compile(&[Script { file: file.into(), text: text.into() }]) {
        Ok(program) => describe(&program),
        Err(errors) => errors.iter().map(|error| format!("{error}\n\n")).collect(),
    }
}

#[test]
fn scripts_come_to_what_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let bless = std::env::var_os("MILLRACE_BLESS").is_some();
    let entries = fs::read_dir(&folder).expect("the folder can be read");
    let mut scripts: Vec<_> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    scripts.sort();
    assert!(!scripts.is_empty(), "no scripts in {}", folder.display());
    let mut wrong = Vec::new();
    for script in scripts {
        let golden = script.with_extension("out");
        let result = result_of(&script);
        if bless {
            fs::write(&golden, &result).expect("the result can be written");
        } else if fs::read_to_string(&golden).unwrap_or_default() != result {
            wrong.push(format!("{}:\n{result}", script.display()));
        }
    }
    assert!(wrong.is_empty(), "these came to something else:\n{}", wrong.join("\n"));
}
