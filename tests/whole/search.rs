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
}
