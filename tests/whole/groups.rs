//! `millrace group`: groups are looked at and sent elsewhere, with the program running and not.

use serde_json::{Value, json};

use super::support::{Project, Running};

/// A project with five sales in one partition, all read.
fn shop() -> Project {
    let project = Project::empty();
    project.write("sales.csv", "sale_no,shop\n1,north\n2,south\n3,north\n4,east\n5,west\n");
    project.write(
        "shop.sql",
        "CREATE SOURCE sales (sale_no BIGINT, shop STRING) WITH (connector = 'csv', path = 'sales.csv', follow = false);",
    );
    project.run(&["up", project.arg(), "--until-done", "--no-http"]).succeeded();
    project
}

/// What a command about groups prints.
#[track_caller]
fn group(project: &Project, arguments: &[&str]) -> String {
    let said = project.run(&[&["group"][..], arguments, &["--project", project.arg()]].concat());
    said.succeeded();
    said.stdout
}

#[track_caller]
fn described(project: &Project, name: &str) -> Value {
    serde_json::from_str(&group(project, &["describe", name, "--output", "json"])).expect("JSON")
}

#[test]
fn a_group_is_sent_elsewhere_while_nothing_runs() {
    let project = shop();
    assert_eq!(group(&project, &["list", "--output", "csv"]).trim(), "group,protocol,state,members,lag,topics");
    let preview = group(&project, &["seek", "readers", "--topic", "sales", "--to", "+2"]);
    assert!(preview.contains("sales"), "{preview}");
    let refused = project.run(&["group", "describe", "readers", "--project", project.arg()]);
    refused.refused(1, &["readers", "not found"]);
    let csv = group(&project, &["seek", "readers", "--topic", "sales", "--to", "+2", "--yes", "--output", "csv"]);
    assert_eq!(csv.trim(), "topic,partition,from,to,lag\nsales,0,,2,3");
    let readers = described(&project, "readers");
    let partition = json!({"topic": "sales", "partition": 0, "committed": 2, "end": 5, "lag": 3, "member": null});
    assert_eq!((&readers["state"], &readers["partitions"]), (&json!("Empty"), &json!([partition])), "{readers}");
    for (place, committed) in [("end", 5), ("-1", 4), ("3", 3), ("2199-01-01T00:00:00", 5), ("start", 0), ("99", 5)] {
        group(&project, &["seek", "readers", "--to", place, "--yes"]);
        assert_eq!(described(&project, "readers")["partitions"][0]["committed"], committed, "{place}");
    }
    let listed = group(&project, &["list", "--output", "csv"]);
    assert_eq!(listed.lines().nth(1), Some("readers,classic,Empty,0,0,sales"));
    let wrong = |arguments: &[&str], words: &[&str]| {
        project.run(&[&["group"][..], arguments, &["--project", project.arg()]].concat()).refused(1, words);
    };
    wrong(&["describe", "reader"], &["did you mean `readers`?"]);
    let yesterday = project.run(&["group", "seek", "readers", "--to", "yesterday", "--project", project.arg()]);
    yesterday.refused(2, &["yesterday", "`start`"]);
    wrong(&["seek", "readers", "--topic", "sale", "--to", "start"], &["did you mean `sales`?"]);
    wrong(&["seek", "nobody", "--to", "start"], &["nobody", "not found"]);
}

#[test]
fn a_group_is_sent_elsewhere_while_the_program_runs() {
    let project = shop();
    group(&project, &["seek", "readers", "--topic", "sales", "--to", "end", "--yes"]);
    let (running, _) = Running::start_for_clients(&project);
    group(&project, &["seek", "readers", "--to", "-2", "--yes"]);
    let readers = running.json("/api/v1/groups/readers");
    assert_eq!((&readers["lag"], &readers["partitions"][0]["committed"]), (&json!(2), &json!(3)), "{readers}");
    assert_eq!(described(&project, "readers"), readers, "the command says what the API says");
    group(&project, &["delete", "readers"]);
    assert_eq!(running.json("/api/v1/groups")[0]["name"], "readers", "nobody said that it is meant");
    group(&project, &["delete", "readers", "--yes"]);
    assert_eq!(running.json("/api/v1/groups"), json!([]));
    running.signal("TERM").succeeded();
    assert_eq!(group(&project, &["list", "--output", "json"]).trim(), "[]");
}
