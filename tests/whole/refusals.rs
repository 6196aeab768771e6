//! What the program refuses, and that it says why. Exit code 2 is wrong use, 1 is failure.

use std::net::TcpListener;
use std::time::Duration;

use super::support::{Project, Running};

#[test]
fn an_empty_folder_is_a_project() {
    let project = Project::empty();
    let running = Running::start(&project);
    let about = running.json("/api/v1/project");
    assert_eq!(about["empty"], true, "{about:#}");
    assert_eq!(running.json("/api/v1/views"), serde_json::json!([]));
    assert_eq!(running.json("/api/v1/health")["ready"], true);
    running.signal("TERM").succeeded();
}

#[test]
fn a_second_program_on_the_same_data_is_refused_by_name() {
    let project = Project::empty();
    let running = Running::start(&project);
    let second = project.run(&["up", project.arg(), "--listen", "127.0.0.1:0"]);
    second.refused(1, &[".millrace", &running.id().to_string()]);
    running.signal("TERM").succeeded();
    // The lock goes with its holder.
    Running::start(&project).signal("TERM").succeeded();
}

#[test]
fn a_lock_left_by_a_killed_program_does_not_bar_the_way() {
    let project = Project::empty();
    Running::start(&project).kill();
    Running::start(&project).signal("TERM").succeeded();
}

#[test]
fn a_taken_port_is_named() {
    let project = Project::empty();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound address").to_string();
    let started = Running::launch(&project, &["up", project.arg(), "--listen", &address]);
    started.outcome_within(Duration::from_secs(20)).refused(2, &[&address, "--listen"]);
}

#[test]
fn unknown_settings_are_refused_with_their_place() {
    let project = Project::empty();
    project.write("millrace.toml", "[http]\nlisten = \"127.0.0.1:0\"\nlissen = 1\n\n[enginee]\nthreads = 2\n");
    for command in ["check", "up"] {
        let said = project.run(&[command, project.arg()]);
        said.refused(2, &["millrace.toml:3:1", "lissen", "did you mean `listen`", "millrace.toml:5:2", "enginee"]);
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let project = Project::empty();
    project.run(&["up", "no/such/folder"]).refused(2, &["no/such/folder"]);
    project.write("orders/shop.sql", "").write("file", "");
    let said = project.run(&["check", "odrers"]);
    said.refused(2, &["`odrers`", "did you mean `orders`?"]);
    assert_eq!(said.stderr.matches("No such file").count(), 1, "{said:?}");
    project.run(&["check", "file"]).refused(2, &["`file`"]);
}

#[test]
fn an_unknown_command_is_wrong_use() {
    let project = Project::empty();
    project.run(&["upp"]).refused(2, &["upp"]);
    project.run(&["--help"]).succeeded();
    project.run(&["--version"]).succeeded();
}

#[test]
fn a_question_that_would_change_something_is_refused() {
    let project = Project::example();
    project.load();
    for sql in [
        "DROP TABLE revenue_5m",
        "INSERT INTO revenue_5m VALUES (1)",
        "COPY revenue_5m TO '/tmp/x.csv'",
        "SELECT * FROM nowhere",
    ] {
        let said = project.run(&["sql", "--project", project.arg(), sql]);
        assert!(matches!(said.code, Some(1 | 2)), "`{sql}`: {said:?}");
        assert!(!said.stderr.is_empty(), "`{sql}` was refused without a word");
    }
    assert_eq!(project.ask("SELECT count(*) FROM revenue_5m"), [["15921"]]);
}

/// A path that matches nothing is no mistake, since the file may come, and yet it is worth a word.
#[test]
fn a_source_without_files_is_told_before_it_fails() {
    let project = Project::empty();
    project.write("a.sql", "CREATE SOURCE a (x INT)\nWITH (connector = 'csv', path = 'data/**');");
    let said = project.run(&["check", project.arg()]);
    said.refused(0, &["warning: no file matches `data/**` yet", "a.sql:2:", "follow = true", "ok: 1 source"]);
    project.run(&["doctor", project.arg()]).refused(0, &["warn  sources", "no file matches `data/**`"]);
    project.write("data/north/a.csv", "x\n1\n");
    let said = project.run(&["check", project.arg()]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert_eq!(project.load().ask("SELECT x FROM a"), [["1"]]);
}

/// A connector that was misspelt hides nothing else that is wrong with the options.
#[test]
fn misspelt_options_are_told_together_with_the_connector() {
    let project = Project::empty();
    project.write("a.sql", "CREATE SOURCE a (x INT)\nWITH (conector = 'csv', path = 'a.csv', delimeter = ';');");
    let said = project.run(&["check", project.arg()]);
    let both = [
        "unknown option `conector`",
        "did you mean `connector`?",
        "unknown option `delimeter`",
        "did you mean `delimiter`?",
    ];
    said.refused(2, &both);
    project.write("a.sql", "CREATE SOURCE a (x INT)\nWITH (path = 'a.csv', delimeter = ';');");
    let said = project.run(&["check", project.arg()]);
    said.refused(2, &["source `a` names no connector", "unknown option `delimeter`", "did you mean `delimiter`?"]);
}

#[test]
fn a_file_in_the_place_of_the_data_folder_is_refused() {
    let project = Project::empty();
    project.write("millrace.toml", "[data]\ndir = \"taken/below\"\n").write("taken", "");
    for command in ["check", "up"] {
        project.run(&[command, project.arg()]).refused(2, &["millrace.toml:2:7", "taken` is a file", "name a folder"]);
    }
}

/// A first line that is a row is told at once, and by whoever looks later.
#[test]
fn a_header_that_may_be_a_row_is_told() {
    let project = Project::empty();
    project.write("a.sql", "CREATE SOURCE a (x INT, y STRING) WITH (connector = 'csv', path = 'a.csv');");
    project.write("a.csv", "1,north\n2,south\n");
    let said = project.run(&["up", project.arg(), "--until-done", "--listen", "127.0.0.1:0"]);
    said.refused(0, &["the first line of `a.csv` was taken for a header", "header = false", "1 row read"]);
    // Nothing has failed, so neither does who looks after it.
    project.run(&["doctor", project.arg()]).refused(0, &["warn  stages", "at the last run, source:a: the first line"]);
    let running = Running::start(&project);
    running.wait_until_done();
    let health = running.json("/api/v1/health");
    assert_eq!(
        (&health["status"], &health["problems"][0]["stage"]),
        (&"degraded".into(), &"source:a".into()),
        "{health:#}"
    );
    running.signal("TERM").succeeded();
}
