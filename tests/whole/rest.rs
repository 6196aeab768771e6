//! What is served over HTTP: the same figures, paged, filtered and summed; and errors that say what to do.

use serde_json::{Value, json};

use super::support::figures::{check, check_text, expected};
use super::support::http::{Feed, get, post};
use super::support::{Project, Running, rows_of, thousandths};

#[test]
fn the_api_serves_the_figures() {
    let project = Project::example();
    let running = Running::start(&project);
    running.wait_until_done();
    let address = running.address.as_str();
    let expected = expected();

    // Questions by POST give what `millrace sql` gives.
    check(&|sql| {
        let answer = post(address, "/api/v1/sql", &json!({ "sql": sql, "limit": 100_000 }));
        assert_eq!(answer.status, 200, "{sql}: {}", answer.body);
        let text = |cell: &Value| match cell {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let rows = answer.json()["rows"].as_array().expect("rows").clone();
        rows.iter().map(|row| row.as_array().expect("a row is a list").iter().map(text).collect()).collect()
    });

    // A view as CSV, whole.
    let columns = "window_start,country,lines,revenue";
    let path =
        format!("/api/v1/views/revenue_5m_by_country/rows?format=csv&columns={columns}&order=window_start,country");
    let csv = get(address, &path);
    assert!(csv.header("content-type").starts_with("text/csv"), "{}", csv.header("content-type"));
    assert!(csv.body.starts_with(columns));
    let rows = rows_of(&csv.body).into_iter().map(|mut row| {
        row[3] = thousandths(&row[3]).to_string();
        row
    });
    check_text(&expected, "tumbling_5min_by_country", &rows.collect::<Vec<_>>());

    // Filtered, ordered, paged.
    let page = running.json("/api/v1/views/by_country/rows?where=revenue:gte:100000&order=-revenue&limit=2&offset=1");
    assert_eq!(page["total"], 6, "{page:#}");
    let countries: Vec<&str> =
        page["rows"].as_array().expect("rows").iter().filter_map(|row| row["country"].as_str()).collect();
    assert_eq!(countries, ["Netherlands", "EIRE"]);

    // Summed, exactly.
    let sums = running.json("/api/v1/views/revenue_5m/summary?sum=revenue,lines");
    assert_eq!(sums["rows"], json!([{ "revenue": "9747747.934", "lines": 541_909 }]));
    let range = "where=window_start:gte:2011-11-01T00:00:00&where=window_start:lt:2011-12-01T00:00:00";
    let november = running.json(&format!(
        "/api/v1/views/revenue_5m_by_country/summary?sum=revenue&group=country&order=-revenue&limit=1&{range}"
    ));
    assert_eq!(november["rows"][0]["country"], "United Kingdom", "{november:#}");

    running.signal("TERM").succeeded();
}

#[test]
fn a_record_is_found_by_its_line_in_the_file() {
    let project = Project::example();
    let running = Running::start(&project);
    running.wait_until_done();
    let found = running.json("/api/v1/topics/order_lines/messages?search=581483&limit=10");
    let message = &found["messages"][0];
    assert_eq!(message["value"]["quantity"], 80_995, "{found:#}");
    assert_eq!(message["value"]["unit_price"], "2.080");
    assert_eq!(message["key"], "16446.0");
    let line = message["origin"]["line"].as_u64().expect("a line");
    let file = message["origin"]["file"].as_str().expect("a file");
    let again = running.json(&format!("/api/v1/topics/order_lines/messages?origin={file}:{line}"));
    assert_eq!(again["messages"][0]["offset"], message["offset"]);
    running.signal("TERM").succeeded();
}

#[test]
fn pages_metrics_and_health_are_served_and_errors_say_what_to_do() {
    let project = Project::example();
    let running = Running::start(&project);
    running.wait_until_done();
    let address = running.address.as_str();

    let page = get(address, "/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    assert_eq!(get(address, "/views/revenue_5m").status, 200, "a page's address is served too");
    assert_eq!((get(address, "/healthz").status, get(address, "/readyz").status), (200, 200));
    assert!(running.json("/api/v1/openapi.json")["paths"].is_object());
    assert!(get(address, "/metrics").body.contains("# TYPE millrace_"));

    let missing = get(address, "/api/v1/views/revenue_5min/rows");
    assert_eq!(missing.status, 404);
    assert!(missing.header("content-type").starts_with("application/problem+json"));
    let problem = missing.json();
    assert_eq!(problem["status"], 404);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("revenue_5min")), "{problem:#}");
    assert_eq!(get(address, "/api/v1/views/revenue_5m/rows?where=lines:near:3").status, 400);
    assert_eq!(post(address, "/api/v1/sql", &json!({ "sql": "SELECT * FROM" })).status, 400);

    let mut feed = Feed::open(address, "/api/v1/pipeline/live");
    let event = feed.next(std::time::Duration::from_secs(20)).expect("the present state comes at once");
    assert_eq!(event.name, "pipeline");
    running.signal("TERM").succeeded();
}
