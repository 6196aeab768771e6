//! `millrace topic create`, `produce`, `alter` and `delete`: topics of clients without a tool of Kafka, with the program running
//! and not.

use std::fs;

use serde_json::{Value, json};

use super::support::http::{get, send};
use super::support::{Outcome, Project, Running};

/// A command about topics, with what it reads from stdin.
#[track_caller]
fn topic(project: &Project, arguments: &[&str], input: &str) -> Outcome {
    project.run_with(&[&["topic"][..], arguments, &["--project", project.arg()]].concat(), input)
}

#[track_caller]
fn done(project: &Project, arguments: &[&str], input: &str) -> String {
    let outcome = topic(project, arguments, input);
    outcome.succeeded();
    outcome.stdout.trim().to_owned()
}

/// What a topic has, by partition and offset: partition, key, value.
#[track_caller]
fn messages(project: &Project, name: &str) -> Vec<(u64, Value, Value)> {
    let lines = done(project, &["consume", name, "--from-beginning", "--limit", "1000", "--output", "json"], "");
    let read = |line: &str| {
        let message: Value = serde_json::from_str(line).expect("JSON");
        let number = |name: &str| message[name].as_u64().expect("a number");
        ((number("partition"), number("offset")), message)
    };
    let mut all: Vec<((u64, u64), Value)> = lines.lines().map(read).collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|((partition, _), one)| (partition, one["key"].clone(), one["value"].clone())).collect()
}

#[track_caller]
fn described(project: &Project, name: &str) -> Value {
    serde_json::from_str(&done(project, &["describe", name, "--output", "json"], "")).expect("JSON")
}

/// The way of a newcomer, with or without the program running.
fn from_nothing_to_nothing(project: &Project) {
    let made = done(project, &["create", "orders", "--partitions", "3", "--config", "retention.ms=86400000"], "");
    assert_eq!(made, "topic `orders` is created, with 3 partitions, retention.ms=86400000");
    let again = topic(project, &["create", "orders"], "");
    again.refused(1, &["topic `orders` exists already"]);

    let input = "a:1\r\nb:2\na:3:4\nc:\n";
    let told = done(project, &["produce", "orders", "--key-separator", ":", "-H", "by=hand", "-z", "zstd"], input);
    assert!(told.starts_with("4 records are written to `orders`; by partition "), "{told}");
    let all = messages(project, "orders");
    let of = |key: &str| all.iter().filter(|(_, has, _)| has == key).map(|one| one.2.clone()).collect::<Vec<_>>();
    assert_eq!((of("a"), of("b"), of("c")), (vec![json!(1), json!("3:4")], vec![json!(2)], vec![json!("")]));
    // Where Kafka's own clients would send them.
    let places = |key: &str| all.iter().find(|(_, has, _)| has == key).map(|one| one.0);
    assert_eq!((places("a"), places("b"), places("c")), (Some(1), Some(2), Some(1)), "{all:?}");

    // Without a key they stay together and in order, where the fewest are.
    project.write("lines.txt", "first\n\nlast, without an end");
    let told = done(project, &["produce", "orders", "lines.txt"], "");
    assert_eq!(told, "3 records are written to `orders`; by partition 3 to 0");
    let bare: Vec<(u64, Value)> =
        messages(project, "orders").into_iter().filter(|one| one.1.is_null()).map(|one| (one.0, one.2)).collect();
    assert_eq!(bare, [(0, json!("first")), (0, json!("")), (0, json!("last, without an end"))]);
    let told = done(project, &["produce", "orders", "-", "-p", "2"], "one\n");
    assert_eq!(told, "1 record is written to `orders`; by partition 1 to 2");

    // A line that is none ends it, and is named; what is before it is there.
    let wrong = topic(project, &["produce", "orders", "-K", "\\t"], "k\tv\nl\tw\nm v\nn\tx\n");
    wrong.refused(1, &["line 3: there is no \"\\t\"", "the 2 records before it are written"]);
    let changed = done(project, &["alter", "orders", "--config", "cleanup.policy=compact"], "");
    assert_eq!(
        changed,
        "topic `orders` is changed, and has 3 partitions, cleanup.policy=compact, retention.ms=86400000"
    );
    let words = done(project, &["describe", "orders"], "");
    assert!(words.contains("retention   the newest record of each key is kept\n"), "{words}");
    let wrong = topic(project, &["produce", "orders"], "a\nb\n");
    wrong.refused(1, &["line 1: it has no key", "nothing was written"]);
    let told = done(project, &["produce", "orders", "-K", ":", "--null-marker", "NULL"], "gone:NULL\n");
    assert!(told.starts_with("1 record is written"), "{told}");
    let all = messages(project, "orders");
    assert!(all.iter().any(|(_, key, value)| key == "gone" && value.is_null()), "{all:?}");
    assert_eq!(all.len(), 4 + 3 + 1 + 2 + 1);

    let changed = [
        "alter",
        "orders",
        "--partitions",
        "4",
        "--delete-config",
        "retention.ms",
        "--delete-config",
        "cleanup.policy",
    ];
    assert_eq!(done(project, &changed, ""), "topic `orders` is changed, and has 4 partitions");
    topic(project, &["alter", "orders", "--partitions", "4"], "").refused(2, &["4 partitions already"]);
    assert_eq!(described(project, "orders")["configs"], json!({}));
    done(project, &["create", "compacted", "--config", "cleanup.policy=compact,delete"], "");
    let long = format!("k:{}", "x".repeat(1_100_000));
    let wrong = topic(project, &["produce", "compacted", "-K", ":"], &format!("a:1\n{long}\nb:2\n"));
    wrong.refused(1, &["line 2: it takes ", "`max.message.bytes`", "the record before it is written"]);
    assert_eq!(messages(project, "compacted").len(), 1);

    project.run(&["group", "seek", "readers", "--topic", "orders", "--to", "end", "--yes", "--project", project.arg()]);
    let unsure = topic(project, &["delete", "orders"], "");
    unsure.succeeded();
    assert!(unsure.stderr.contains("nothing was changed"), "{}", unsure.stderr);
    assert_eq!(done(project, &["delete", "orders", "--yes"], ""), "topic `orders` is deleted");
    topic(project, &["produce", "orders"], "x\n").refused(1, &["topic `orders` not found"]);
    // Another one of that name is nobody's past.
    done(project, &["create", "orders"], "");
    assert_eq!(described(project, "orders")["records"], 0);
    let readers = project.run(&["group", "describe", "readers", "--output", "json", "--project", project.arg()]);
    let offsets = serde_json::from_str::<Value>(&readers.stdout).map(|group| group["partitions"].clone());
    assert!(readers.code != Some(0) || offsets.is_ok_and(|offsets| offsets == json!([])), "{}", readers.stdout);
    done(project, &["delete", "orders", "--yes"], "");
}

#[test]
fn a_topic_is_made_written_changed_and_deleted_while_nothing_runs() {
    let project = Project::empty();
    from_nothing_to_nothing(&project);
    // Whoever starts it then finds what is left.
    let (running, _) = Running::start_for_clients(&project);
    assert_eq!(running.json("/api/v1/topics/compacted")["records"], 1);
    running.signal("TERM").succeeded();
}

#[test]
fn a_topic_is_made_written_changed_and_deleted_while_the_program_runs() {
    let project = Project::empty();
    let (running, _) = Running::start_for_clients(&project);
    from_nothing_to_nothing(&project);
    running.signal("TERM").succeeded();
    assert_eq!(messages(&project, "compacted").len(), 1);
}

#[test]
fn many_lines_go_in_pieces_and_keep_their_order() {
    let project = Project::empty();
    done(&project, &["create", "many"], "");
    let input: String = (0..30_000).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let told = done(&project, &["produce", "many"], &input);
    assert_eq!(told, "30,000 records are written to `many`; by partition 30,000 to 0");
    let (running, _) = Running::start_for_clients(&project);
    let told = done(&project, &["produce", "many", "-z", "lz4"], &input);
    assert_eq!(told, "30,000 records are written to `many`; by partition 30,000 to 0");
    let rows = project
        .ask("SELECT offset, CAST(value AS STRING) AS v FROM topic.many WHERE offset % 10000 = 9999 ORDER BY offset");
    let wanted = |n: u64| vec![n.to_string(), format!("{{\"n\": {}}}", n % 30_000)];
    assert_eq!(rows, (1..=6).map(|n| wanted(n * 10_000 - 1)).collect::<Vec<_>>());
    running.signal("TERM").succeeded();
}

#[test]
fn what_sources_and_views_own_is_not_for_people_to_change() {
    let project = Project::empty();
    project.write("sales.csv", "shop,amount\nnorth,2.50\n");
    project.write(
        "shop.sql",
        "CREATE SOURCE sales (shop STRING, amount DECIMAL(10,2)) WITH (connector = 'csv', path = 'sales.csv', follow = false);
         CREATE MATERIALIZED VIEW by_shop AS SELECT shop, sum(amount) AS amount FROM sales GROUP BY shop;",
    );
    // What a start would make is taken before it is made.
    topic(&project, &["create", "sales"], "").refused(1, &["topic `sales` belongs to source `sales`"]);
    topic(&project, &["create", "by_shop.late"], "").refused(1, &["belongs to view `by_shop`"]);
    project.load();
    let refused = |project: &Project| {
        for (arguments, owner) in [
            (&["create", "sales"][..], "source `sales`"),
            (&["produce", "sales"], "source `sales`"),
            (&["alter", "by_shop", "--config", "retention.ms=1"], "view `by_shop`"),
            (&["delete", "sales.dlq", "--yes"], "source `sales`"),
        ] {
            topic(project, arguments, "x\n").refused(1, &["belongs to", owner]);
        }
    };
    refused(&project);
    let running = Running::start(&project);
    refused(&project);
    assert_eq!(running.json("/api/v1/topics/sales")["records"], 1);
    running.signal("TERM").succeeded();
}

#[test]
fn wrong_words_are_wrong_use_and_bring_a_cure() {
    let project = Project::empty();
    let wrong = |arguments: &[&str], words: &[&str]| topic(&project, arguments, "").refused(2, words);
    wrong(&["create", ""], &["it is empty"]);
    wrong(&["create", "two words"], &["`two words`", "A-Z a-z 0-9 . _ -"]);
    wrong(&["create", "t", "--partitions", "0"], &["--partitions"]);
    wrong(&["create", "t", "--config", "retention.ms"], &["NAME=VALUE"]);
    wrong(&["create", "t", "--config", "retention.msec=1"], &["did you mean `retention.ms`?"]);
    wrong(&["create", "t", "--config", "retention.ms=soon"], &["`retention.ms` cannot be `soon`", "a whole number"]);
    assert!(!project.path(".millrace").exists(), "nothing that is wrong leaves anything behind");
    wrong(&["produce", ""], &["a value is required"]);
    topic(&project, &["produce", "t"], "x\n").refused(1, &["holds no data yet"]);
    done(&project, &["create", "t"], "");
    let both = |words: &dyn Fn()| {
        words();
        let running = Running::start(&project);
        words();
        running.signal("TERM").succeeded();
    };
    both(&|| {
        wrong(&["alter", "t"], &["nothing is to be changed"]);
        wrong(&["alter", "t", "--delete-config", "retention.msec"], &["did you mean `retention.ms`?"]);
        topic(&project, &["produce", "t", "-p", "7"], "x\n").refused(2, &["no partition 7; there is 0 only"]);
        topic(&project, &["produce", "tt"], "x\n").refused(1, &["topic `tt` not found"]);
        topic(&project, &["delete", "tt", "--yes"], "").refused(1, &["topic `tt` not found"]);
    });
}

#[test]
fn a_damaged_partition_is_named_by_health_and_the_rest_goes_on() {
    let project = Project::empty();
    for name in ["damaged", "whole"] {
        done(&project, &["create", name], "");
        done(&project, &["produce", name], "one\ntwo\n");
    }
    let segment = project.path(".millrace/log/topics/damaged-0/00000000000000000000.log");
    let file = fs::OpenOptions::new().write(true).open(segment).expect("it is there");
    file.set_len(file.metadata().expect("it is a file").len() - 3).expect("it can be cut");
    let running = Running::start(&project);
    let health = running.json("/api/v1/health");
    assert_eq!((&health["status"], &health["ready"]), (&json!("degraded"), &json!(true)), "{health:#}");
    let problems = health["problems"].as_array().expect("a list");
    let message = problems[0]["message"].as_str().expect("a text");
    assert!(message.starts_with("partition `damaged-0` is offline"), "{health:#}");
    assert_eq!((problems.len(), &problems[0]["stage"]), (1, &json!("log")));
    assert_eq!(messages(&project, "whole").len(), 2);
    let metrics = get(&running.address, "/metrics").body;
    for (topic, flag) in [("damaged", 1), ("whole", 0)] {
        let line = format!("millrace_topic_partition_offline{{topic=\"{topic}\",partition=\"0\"}} {flag}");
        assert!(metrics.contains(&line), "{line} is missing");
    }
    done(&project, &["delete", "damaged", "--yes"], "");
    assert_eq!(running.json("/api/v1/health")["status"], "ok");
}

#[test]
fn the_api_makes_and_writes_topics_too() {
    let project = Project::empty();
    let running = Running::start(&project);
    let address = running.address.as_str();
    let made = send(address, "POST", "/api/v1/topics", &json!({"name": "t", "partitions": 2}));
    assert_eq!((made.status, &made.json()["kind"]), (201, &json!("clients")), "{}", made.body);
    let again = send(address, "POST", "/api/v1/topics", &json!({"name": "t"}));
    assert_eq!(again.status, 409, "{}", again.body);
    let records = json!([{"key": "k", "value": "1", "headers": {"by": "hand"}}, {"key": "k", "value": null}]);
    let written = send(address, "POST", "/api/v1/topics/t/messages", &json!({"records": records, "partition": 1}));
    let wanted = json!({"records": 2, "partitions": [{"partition": 1, "records": 2, "first": 0, "last": 1}]});
    assert_eq!((written.status, written.json()), (200, wanted));
    let page = running.json("/api/v1/topics/t/messages?order=oldest");
    assert_eq!(page["messages"][0]["headers"], json!({"by": "hand"}), "{page:#}");
    let changed = send(address, "PATCH", "/api/v1/topics/t", &json!({"configs": {"cleanup.policy": "compact"}}));
    assert_eq!(changed.json()["configs"], json!({"cleanup.policy": "compact"}), "{}", changed.body);
    let records = json!([{"key": "k", "value": "1"}, {"value": "2"}]);
    let refused = send(address, "POST", "/api/v1/topics/t/messages", &json!({ "records": records }));
    assert_eq!((refused.status, &refused.json()["record"]), (400, &json!(2)), "{}", refused.body);
    assert_eq!(running.json("/api/v1/topics/t")["records"], 2, "all or none");
    assert_eq!(send(address, "DELETE", "/api/v1/topics/t", &Value::Null).status, 204);
    assert_eq!(get(address, "/api/v1/topics/t").status, 404);
}
