//! A record is found among all of a topic, by the API and the command line, and little is read for it once somebody has looked.

use serde_json::{Value, json};

use super::support::http::{Feed, PATIENCE, get};
use super::support::{Project, Running};

/// All events of a search.
fn search(address: &str, query: &str) -> Vec<(String, Value)> {
    let mut feed = Feed::open(address, &format!("/api/v1/topics/order_lines/search?{query}"));
    std::iter::from_fn(|| feed.next(PATIENCE)).map(|event| (event.name.clone(), event.json())).collect()
}

fn matches(events: &[(String, Value)]) -> Vec<&Value> {
    events.iter().filter(|(name, _)| name == "match").map(|(_, message)| message).collect()
}

#[test]
fn the_largest_order_is_found_and_little_is_read_for_it() {
    let project = Project::example();
    project.load();
    let largest = ["topic", "search", "order_lines", "--field", "quantity=80995", "--output", "json", "--project"];
    let by_hand = |project: &Project| {
        let outcome = project.run(&[&largest[..], &[project.arg()]].concat());
        outcome.succeeded();
        let found: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(found.len(), 1, "{}", outcome.stdout);
        assert_eq!(
            (&found[0]["value"]["invoice_no"], &found[0]["origin"]["line"]),
            (&json!("581483"), &json!(540_423))
        );
        assert!(outcome.stderr.contains("1 found; read "), "{}", outcome.stderr);
    };
    by_hand(&project);

    let running = Running::start(&project);
    let address = running.address.as_str();
    let first = search(address, "field=invoice_no&value=581483");
    let (name, end) = first.last().expect("there is an end");
    assert_eq!((name.as_str(), &end["state"], &end["bytes_read"]), ("done", &json!("complete"), &end["bytes_total"]));
    assert!(first.iter().any(|(name, _)| name == "progress"));
    assert_eq!(matches(&first).len(), 1);

    let bytes = |end: &Value, name: &str| end[name].as_u64().expect("a number of bytes");
    for (query, found) in [
        ("field=invoice_no&value=581483", 1),
        ("field=quantity&value=80995.0&key=16446.0", 1),
        ("key=16446.0", 4),
        ("key=16446.0&to=2011-12-09T00:00:00", 2),
        ("field=invoice_no&value=nowhere", 0),
    ] {
        let events = search(address, query);
        assert_eq!(matches(&events).len(), found, "{query}");
        let (name, end) = events.last().expect("there is an end");
        assert_eq!((name.as_str(), &end["state"], &end["matches"]), ("done", &json!("complete"), &json!(found)));
        let (read, skipped, total) = (bytes(end, "bytes_read"), bytes(end, "bytes_skipped"), bytes(end, "bytes_total"));
        assert!(read + skipped == total && read * 3 < total, "{query}: {end}");
    }
    by_hand(&project);

    let problem = get(address, "/api/v1/topics/order_lines/search?field=invoice_no");
    assert_eq!((problem.status, &problem.json()["cure"]), (400, &json!("give both or none")));
    running.signal("TERM").succeeded();
    by_hand(&project);
}

#[test]
fn a_question_that_cannot_be_is_wrong_use() {
    let project = Project::empty();
    project.write("empty.sql", "");
    let search =
        |more: &[&str]| project.run(&[&["topic", "search", "orders", "--project", project.arg()], more].concat());
    search(&[]).refused(2, &["nothing is looked for", "--key"]);
    search(&["--field", "country"]).refused(2, &["NAME=VALUE"]);
    search(&["--key", "a", "--limit", "0"]).refused(2, &["--limit"]);
    search(&["--key", "a", "--limit", "10001"]).refused(2, &["--limit", "10000"]);
}

/// With nobody running the project, and then with the program.
fn either_way(project: &Project, look: impl Fn()) {
    look();
    let running = Running::start(project);
    look();
    running.signal("TERM").succeeded();
}

#[test]
fn a_column_is_found_in_any_notation_and_what_is_none_is_refused() {
    let project = Project::empty();
    project.write(
        "sales.csv",
        "sale_no,Shop,amount,sold_at\n1,north,2.50,2024-05-01 10:00:00\n2,south,1.00,2024-05-02 10:00:00\n",
    );
    project.write(
        "shop.sql",
        "CREATE SOURCE sales (sale_no BIGINT, Shop STRING, amount DECIMAL(10,2), sold_at TIMESTAMP)
         WITH (connector = 'csv', path = 'sales.csv', follow = false);",
    );
    project.load();
    let search = |field: &str| project.run(&["topic", "search", "sales", "--field", field, "--project", project.arg()]);
    either_way(&project, || {
        for field in
            ["shop=north", "SHOP=north", "amount=2.5", "Sold_At=2024-05-01 10:00:00", "sold_at=2024-05-01T10:00:00"]
        {
            let found = search(field);
            found.succeeded();
            assert!(found.stdout.starts_with("0:0 "), "{field}: {}{}", found.stdout, found.stderr);
        }
        search("amuont=2.5").refused(2, &["topic `sales` has no column `amuont`; did you mean `amount`?"]);
        search("colour=red").refused(2, &["has no column `colour`; its columns are `sale_no`"]);
        search("amount=2,50")
            .refused(2, &["column `amount` is a DECIMAL(10,2), and `2,50` is none; write it as 1234.50"]);
        let wrong = |arguments: &[&str], words: &[&str]| {
            project.run(&[&["topic"][..], arguments, &["--project", project.arg()]].concat()).refused(2, words);
        };
        wrong(&["search", "sales", "--from", "noon"], &["`noon` is no time"]);
        wrong(&["search", "sales", "--key", "a", "--partition", "4"], &["no partition 4; there is 0 only"]);
        wrong(&["consume", "sales", "--partition", "4"], &["no partition 4"]);
        wrong(&["consume", "sales", "--limit", "0"], &["--limit"]);
        let unknown = project.run(&["topic", "search", "sale", "--key", "a", "--project", project.arg()]);
        unknown.refused(1, &["topic `sale` not found", "did you mean `sales`?"]);
        assert!(!unknown.stderr.contains("/api/"), "{}", unknown.stderr);
    });
}

/// What clients write has no columns: only what is there can say that a name is a slip of the finger.
#[test]
fn a_member_that_no_record_has_is_told() {
    let project = Project::empty();
    project.run(&["topic", "create", "orders", "--project", project.arg()]).succeeded();
    let lines = "{\"Country\": \"Spain\", \"note\": \"\", \"lines\": [1]}\n{\"Country\": \"France\", \"note\": \"x\", \"gone\": null}\nno object\n";
    project.run_with(&["topic", "produce", "orders", "--project", project.arg()], lines).succeeded();
    let search = |field: &str| {
        let outcome = project.run(&["topic", "search", "orders", "--field", field, "--project", project.arg()]);
        outcome.succeeded();
        (outcome.stdout.lines().count(), outcome.stderr)
    };
    either_way(&project, || {
        // Again when filters say that nothing has to be read.
        for _ in 0..2 {
            let (found, said) = search("country=Spain");
            assert!(found == 0 && said.contains("member `country` (3 looked at); did you mean `Country`?"), "{said}");
        }
        let (found, said) = search("colour=red");
        assert!(found == 0 && said.contains("members there are `Country`, `gone`, `lines`, `note`"), "{said}");
        for (field, wanted) in [("Country=Spain", 1), ("note=", 1), ("note=y", 0), ("lines=1", 0), ("gone=", 0)] {
            let (found, said) = search(field);
            assert!(found == wanted && !said.contains("looked at"), "{field}: {found}, {said}");
        }
    });
}
