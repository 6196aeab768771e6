//! The server as its clients see it: requests to the whole router over a small project that has run to its end.

use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures::StreamExt;
use millrace_flow::Stop;
use millrace_station::{Overrides, Project, Station};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{ServeOptions, router, serve};

const SQL: &str = "
CREATE SOURCE orders (
  order_no STRING, ordered_at TIMESTAMP, country STRING, note STRING, amount DECIMAL(10,2),
  WATERMARK FOR ordered_at AS ordered_at - INTERVAL '1 minute'
) WITH (connector = 'csv', path = 'orders.csv', key = 'country', partitions = 2, follow = false);

CREATE VIEW large AS SELECT * FROM orders WHERE amount > 100;

CREATE MATERIALIZED VIEW by_country AS
SELECT country, count(*) AS orders, sum(amount) AS revenue FROM orders GROUP BY country;

CREATE MATERIALIZED VIEW notes AS SELECT order_no, note, amount FROM orders WHERE note IS NOT NULL;
";

const CSV: &str = "order_no,ordered_at,country,note,amount
1,2024-05-01T10:00:00,France,,10.00
2,2024-05-01T10:01:00,Germany,=1+1,20.50
3,2024-05-01T10:02:00,France,\"a \"\"b\"\", c\",-3.25
4,2024-05-01T10:03:00,Spain,-x,7.00
five,2024-05-01T10:04:00,Spain,,not a number
";

/// No answer takes this long, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Shop {
    station: Arc<Station>,
    router: Router,
    stop: Stop,
    _folder: TempDir,
}

impl Shop {
    /// A shop whose orders have all been read.
    fn open() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("orders.sql"), SQL).expect("written");
        fs::write(folder.path().join("orders.csv"), CSV).expect("written");
        let project = Project::open(folder.path(), &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        let station = Station::start(project).expect("the project starts");
        station.wait_done();
        let mut options = ServeOptions::new("127.0.0.1:8000".parse().expect("an address"));
        change(&mut options);
        let stop = Stop::default();
        let router = router(station.clone(), options, stop.clone());
        Self { station, router, stop, _folder: folder }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router answers everything");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body comes whole");
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).expect("UTF-8") }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(get(path, &[])).await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.json()
    }

    async fn ask(&self, question: &Value) -> Answer {
        self.send(post("/api/v1/sql", &question.to_string())).await
    }

    /// The first events of a feed.
    async fn events(&self, path: &str, last: Option<&str>, count: usize) -> Vec<Event> {
        let headers: Vec<(&str, &str)> = last.iter().map(|id| ("last-event-id", *id)).collect();
        let response = self.router.clone().oneshot(get(path, &headers)).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut stream = response.into_body().into_data_stream();
        let mut text = String::new();
        let mut events = Vec::new();
        while events.len() < count {
            let piece = tokio::time::timeout(PATIENCE, stream.next()).await.expect("an event comes in time");
            text.push_str(std::str::from_utf8(&piece.expect("the feed goes on").expect("no error")).expect("UTF-8"));
            while let Some((event, rest)) = text.split_once("\n\n") {
                events.push(Event::read(event));
                text = rest.to_owned();
            }
        }
        events
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.stop();
        self.station.stop().expect("the log closes");
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The problem document, after a look at what every one has.
    fn problem(&self, status: u16, instance: &str) -> Value {
        let problem = self.json();
        assert_eq!(self.status.as_u16(), status, "{problem}");
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!((&problem["status"], &problem["instance"]), (&json!(status), &json!(instance)));
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {problem}");
        }
        problem
    }
}

#[derive(Debug, Default)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Event {
    fn read(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("data is JSON"),
                _ => {}
            }
        }
        event
    }
}

fn get(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path).header(header::HOST, "localhost:8000");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

fn post(path: &str, body: &str) -> Request<Body> {
    let request = Request::post(path).header(header::HOST, "localhost:8000");
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_owned())).expect("a request")
}

#[tokio::test]
async fn every_document_has_the_fields_of_the_contract() {
    let shop = Shop::open();
    let has = |document: &Value, fields: &[&str]| {
        for field in fields {
            assert!(document.get(field).is_some(), "`{field}` in {document}");
        }
    };
    has(
        &shop.json("/api/v1/project").await,
        &["name", "version", "started_at_ms", "empty", "data_dir", "replay", "counts"],
    );
    has(&shop.json("/api/v1/dashboard").await, &["currency", "tiles", "timeline", "bars", "feeds"]);
    let view = shop.json("/api/v1/views/by_country").await;
    has(&view, &["columns", "key", "time_column", "window_ms", "sql", "source_file", "source_line", "query"]);
    assert_eq!((&view["kind"], &view["rows"], &view["topic"]), (&json!("upserts"), &json!(3), &json!("by_country")));
    assert_eq!(shop.json("/api/v1/views").await.as_array().map(Vec::len), Some(3));
    let topic = shop.json("/api/v1/topics/orders").await;
    has(&topic, &["partitions", "bytes", "sealed", "schema", "columns", "key", "readers", "writer"]);
    assert_eq!((&topic["kind"], &topic["records"]), (&json!("source"), &json!(4)));
    let query = shop.json("/api/v1/queries/by_country").await;
    has(&query, &["explain", "inputs", "late_topic", "phase", "ledger", "rate_per_s", "epoch", "behind", "stages"]);
    let pipeline = shop.json("/api/v1/pipeline").await;
    has(&pipeline["nodes"][0], &["id", "kind", "name", "phase", "rate_per_s", "total", "behind", "progress", "detail"]);
    has(&pipeline["edges"][0], &["from", "to", "stalled"]);
    let health = shop.json("/api/v1/health").await;
    assert_eq!((&health["status"], &health["ready"]), (&json!("ok"), &json!(true)), "{health}");
}

#[tokio::test]
async fn what_is_read_to_its_end_is_final_and_its_readers_stay_listed() {
    let shop = Shop::open();
    // The last order is of 10:03, the allowed delay a minute.
    let last_ms = 1_714_557_780_000_i64;
    let query = shop.json("/api/v1/queries/by_country").await;
    assert_eq!((&query["phase"], &query["emit"]), (&json!("done"), &json!("changes")));
    assert_eq!((&query["event_time_ms"], &query["watermark_ms"]), (&json!(last_ms), &json!(last_ms)), "{query}");
    assert_eq!((&query["watermark_lag_ms"], &query["lag_ms"]), (&json!(0), &json!(0)), "{query}");
    let committed = shop.json("/api/v1/views/by_country/rows").await["committed"].clone();
    assert_eq!((&committed["watermark_ms"], &committed["complete"]), (&json!(last_ms), &json!(true)));
    let topic = shop.json("/api/v1/topics/orders").await;
    let reader = |name: &str| json!({"name": name, "phase": "done", "position": 4, "behind": 0});
    assert_eq!(topic["readers"], json!([reader("query:by_country"), reader("query:notes")]));
    assert_eq!(topic["partitions"][0]["idle"], json!(false), "nothing more will come: {topic}");
    let stored = shop.json("/api/v1/topics/by_country").await;
    assert_eq!(stored["readers"][0]["name"], "sink:by_country");
}

#[test]
fn a_paced_replay_keeps_its_speed_and_is_not_late_between_two_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let sql = SQL.replace("follow = false", "follow = false, pace = '60x'");
    fs::write(folder.path().join("orders.sql"), sql).expect("written");
    // The second order is due a minute after the first; nobody waits for it here.
    let csv = "order_no,ordered_at,country,note,amount\n1,2024-05-01T10:00:00,France,,10.00\n2,2024-05-01T11:00:00,France,,1.00\n";
    fs::write(folder.path().join("orders.csv"), csv).expect("written");
    let project = Project::open(folder.path(), &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    let station = Station::start(project).expect("the project starts");
    let deadline = Instant::now() + PATIENCE;
    let query = loop {
        let seen = station.log().signal().version();
        let query = station.queries().remove(0);
        if query.event_time_ms.is_some() && query.lag_ms.is_some() && query.behind == 0 {
            break query;
        }
        assert!(Instant::now() < deadline, "the first order was not read: {query:?}");
        station.log().signal().wait_until(seen, Instant::now() + Duration::from_millis(100));
    };
    let replay = station.project_info().replay;
    station.stop().expect("the log closes");
    assert_eq!((replay.active, replay.speed), (true, Some(60.0)));
    assert_eq!(query.lag_ms, Some(0), "{query:?}");
}

#[test]
fn the_document_says_what_values_are() {
    let document: Value = serde_json::from_str(&crate::openapi()).expect("JSON");
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Cell"]["type"], json!(["string", "number", "boolean", "null"]));
    let cell = json!({"$ref": "#/components/schemas/Cell"});
    assert_eq!(schemas["Row"]["additionalProperties"], cell);
    assert_eq!(schemas["Answer"]["properties"]["rows"]["items"]["items"], cell);
    assert_eq!(schemas["Phase"]["enum"], json!(["starting", "running", "idle", "held", "done", "failed"]));
    assert_eq!(schemas["TopicKind"]["enum"], json!(["source", "rows", "upserts", "dead_letter", "late", "clients"]));
    assert_eq!(schemas["Emit"]["enum"], json!(["changes", "on_window_close"]));
    assert_eq!(schemas["Query"]["properties"]["ledger"]["$ref"], "#/components/schemas/Ledger");
    // What an answer always has is required, `null` or not; what it may leave out is never `null`.
    for (name, left_out) in [
        ("Query", vec![]),
        ("Node", vec![]),
        ("Topic", vec![]),
        ("Project", vec![]),
        ("RowsPage", vec!["data", "rows"]),
        ("Tile", vec!["over"]),
        ("Problem", vec!["column", "cure", "line", "record"]),
    ] {
        let required = schemas[name]["required"].as_array().expect("some are");
        let fields = schemas[name]["properties"].as_object().expect("it has fields");
        let mut others: Vec<&str> =
            fields.keys().filter(|field| !required.contains(&json!(field))).map(String::as_str).collect();
        others.sort_unstable();
        assert_eq!(others, left_out, "{name}");
        for field in others {
            let kind = &fields[field]["type"];
            assert!(kind.is_string(), "{name}.{field} is {kind}");
        }
    }
}

#[tokio::test]
async fn the_ledger_balances_and_leads_to_the_rejected_row() {
    let shop = Shop::open();
    let ledger = shop.json("/api/v1/ledger").await;
    let source = &ledger[0];
    assert_eq!(
        (&source["stage"], &source["read"], &source["rejected"]),
        (&json!("source:orders"), &json!(5), &json!(1))
    );
    assert_eq!(source["balances"], true);
    let topic = source["topics"]["rejected"].as_str().expect("a topic").to_owned();
    let page = shop.json(&format!("/api/v1/topics/{topic}/messages")).await;
    let row = page["messages"][0]["value"]["row"].as_str().expect("the row whole");
    assert!(row.starts_with("five,"), "{row}");
}

#[tokio::test]
async fn rows_are_filtered_ordered_and_cut() {
    let shop = Shop::open();
    let page = shop.json("/api/v1/views/by_country/rows?order=-revenue&limit=2&offset=1").await;
    assert_eq!(
        page["rows"],
        json!([
            {"country": "Spain", "orders": 1, "revenue": "7.00"},
            {"country": "France", "orders": 2, "revenue": "6.75"},
        ])
    );
    assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(3), &json!(2), &json!(1)));
    assert!(page["committed"]["epoch"].as_u64().is_some_and(|epoch| epoch > 0), "{page}");
    let path = "/api/v1/views/by_country/rows?where=country:eq:France&columns=revenue,country&shape=columns";
    let page = shop.json(path).await;
    assert_eq!(page["data"], json!({"revenue": ["6.75"], "country": ["France"]}));
    assert!(page.get("rows").is_none());
    let sums = shop.json("/api/v1/views/by_country/summary?sum=revenue,orders").await;
    assert_eq!(sums["rows"], json!([{"revenue": "34.25", "orders": 4}]));
}

#[tokio::test]
async fn csv_keeps_spreadsheets_from_running_texts() {
    let shop = Shop::open();
    let answer = shop.get("/api/v1/views/notes/rows?format=csv&order=order_no").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let lines = "order_no,note,amount\r\n2,'=1+1,20.50\r\n3,\"a \"\"b\"\", c\",-3.25\r\n4,'-x,7.00\r\n";
    assert_eq!(answer.body, lines);
    let accepted = shop.send(get("/api/v1/views/notes/rows?order=order_no&limit=1", &[("accept", "text/csv")])).await;
    assert_eq!(accepted.body, "order_no,note,amount\r\n2,'=1+1,20.50\r\n");
}

#[tokio::test]
async fn csv_is_the_same_when_it_is_compressed() {
    let shop = Shop::open();
    let path = "/api/v1/views/notes/rows?format=csv&order=order_no";
    let plain = shop.get(path).await.body;
    let response = shop.router.clone().oneshot(get(path, &[("accept-encoding", "gzip")])).await.expect("it answers");
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("the body comes whole");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).expect("gzip of UTF-8");
    assert_eq!(text, plain);
}

#[tokio::test]
async fn unchanged_rows_are_not_sent_again() {
    let shop = Shop::open();
    let path = "/api/v1/views/by_country/rows";
    let etag = shop.get(path).await.headers[header::ETAG].to_str().expect("text").to_owned();
    let again = shop.send(get(path, &[("if-none-match", &etag)])).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let other = shop.send(get(path, &[("if-none-match", "W/\"other\"")])).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn every_refusal_is_a_problem_document() {
    let shop = Shop::open();
    let cases = [
        (404, "/api/v1/views/nothing"),
        (404, "/api/v1/views/nothing/rows"),
        (404, "/api/v1/views/nothing/live"),
        (404, "/api/v1/topics/nothing/messages"),
        (404, "/api/v1/topics/nothing/live"),
        (404, "/api/v1/queries/nothing"),
        (404, "/api/v1/nothing"),
        (404, "/favicon.gif"),
        (400, "/api/v1/views/by_country/rows?limt=1"),
        (400, "/api/v1/views/by_country/rows?limit=100001"),
        (400, "/api/v1/views/by_country/rows?where=orders:near:3"),
        (400, "/api/v1/views/by_country/rows?where=orders:eq:many"),
        (400, "/api/v1/views/by_country/rows?order=nothing"),
        (400, "/api/v1/views/by_country/summary?sum=country"),
        (400, "/api/v1/views/large/rows"),
        (400, "/api/v1/views/large/live"),
        (400, "/api/v1/topics/orders/messages?limit=many"),
        (400, "/api/v1/topics/orders/messages?limit=0"),
        (400, "/api/v1/topics/orders/messages?order=random"),
    ];
    for (status, path) in cases {
        let bare = path.split('?').next().expect("a path");
        let problem = shop.get(path).await.problem(status, bare);
        assert!(problem.get("cure").is_some() || status == 400, "{path}: {problem}");
    }
    shop.send(post("/api/v1/views", "{}")).await.problem(405, "/api/v1/views");
    shop.send(post("/topics", "{}")).await.problem(405, "/topics");
    shop.send(get("/api/v1/views/%FF", &[])).await.problem(400, "/api/v1/views/%FF");
}

#[tokio::test]
async fn a_question_is_answered_or_refused_with_its_place() {
    let shop = Shop::open();
    let answer = shop.ask(&json!({"sql": "SELECT country, revenue FROM by_country ORDER BY country"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(answer["rows"], json!([["France", "6.75"], ["Germany", "20.50"], ["Spain", "7.00"]]));
    assert_eq!((&answer["columns"][0]["type"], &answer["truncated"]), (&json!("STRING"), &json!(false)));
    let cut = shop.ask(&json!({"sql": "SELECT * FROM by_country", "limit": 2})).await.json();
    assert_eq!((cut["rows"].as_array().map(Vec::len), &cut["truncated"]), (Some(2), &json!(true)));

    let wrong = shop.ask(&json!({"sql": "SELECT\n  contry FROM by_country"})).await.problem(400, "/api/v1/sql");
    assert_eq!(wrong["line"], 2, "{wrong}");
    for sql in ["DELETE FROM by_country", "CREATE TABLE x (y INT)", "SELECT * FROM"] {
        shop.ask(&json!({ "sql": sql })).await.problem(400, "/api/v1/sql");
    }
    shop.ask(&json!({"sql": "SELECT 1", "limit": 1_000_000})).await.problem(400, "/api/v1/sql");
}

#[tokio::test]
async fn a_search_tells_what_it_finds_and_how_far_it_is() {
    let shop = Shop::open();
    let topic = "/api/v1/topics/orders/search";
    let events = shop.events(&format!("{topic}?field=amount&value=20.5"), None, 2).await;
    assert_eq!(events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["match", "progress"]);
    let (found, progress) = (&events[0].data, &events[1].data);
    assert_eq!((&found["value"]["order_no"], &found["key"]), (&json!("2"), &json!("Germany")), "{found}");
    assert_eq!((&progress["matches"], &progress["state"]), (&json!(1), &json!("running")), "{progress}");
    let all = |query: &str| format!("{topic}?{query}");
    for (query, numbers) in [
        ("key=France", vec!["3", "1"]),
        ("key=France&limit=1", vec!["3"]),
        ("key=France&field=note&value=x", vec![]),
        ("from=2024-05-01T10:01:00&to=2024-05-01T10:02:00", vec!["2"]),
        ("field=country&value=Spain&to=2024-05-01T10:03:00", vec![]),
        ("field=COUNTRY&value=Spain", vec!["4"]),
        ("key=France&value=", vec!["3", "1"]),
        ("field=note&value=", vec![]),
    ] {
        let answer = shop.get(&all(query)).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.body);
        let events: Vec<Event> = answer.body.trim().split("\n\n").map(Event::read).collect();
        let found = events.iter().filter(|event| event.name == "match");
        assert_eq!(found.map(|event| event.data["value"]["order_no"].clone()).collect::<Vec<_>>(), numbers, "{query}");
        let last = events.last().expect("there is an end");
        let is_full = query.contains("limit");
        let state = if is_full { "full" } else { "complete" };
        assert_eq!((last.name.as_str(), &last.data["state"]), ("done", &json!(state)), "{query}");
        let bytes = |name: &str| last.data[name].as_u64().unwrap_or_default();
        let looked_at = bytes("bytes_read") + bytes("bytes_skipped");
        assert!(is_full || (looked_at == bytes("bytes_total") && looked_at > 0), "{query}: {}", last.data);
    }
}

#[tokio::test]
async fn a_search_for_what_cannot_be_is_refused_with_a_cure() {
    let shop = Shop::open();
    let topic = "/api/v1/topics/orders/search";
    for query in
        ["", "field=note", "value=x", "key=", "limit=0&key=a", "partition=x&key=a", "keys=a", "field=cuontry&value=a"]
    {
        shop.get(&format!("{topic}?{query}")).await.problem(400, topic);
    }
    for query in ["from=noon", "from=2024-05-02T00:00:00&to=2024-05-01T00:00:00", "partition=2&key=a"] {
        let answer = shop.get(&format!("{topic}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.body);
    }
    shop.get("/api/v1/topics/order/search?key=a").await.problem(404, "/api/v1/topics/order/search");
}

/// Whoever goes away ends the search, and gives its place back.
#[tokio::test]
async fn a_search_ends_with_its_connection() {
    let shop = Shop::with(|options| options.live_feeds_max = 1);
    let path = "/api/v1/topics/orders/search?key=France";
    for _ in 0..3 {
        assert_eq!(shop.events(path, None, 1).await.len(), 1);
    }
    let open = shop.router.clone().oneshot(get(path, &[])).await.expect("an answer");
    shop.get(path).await.problem(503, "/api/v1/topics/orders/search");
    drop(open);
    assert_eq!(shop.get(path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_is_bounded_and_must_be_json() {
    let shop = Shop::open();
    let long = format!("{{\"sql\": \"{}\"}}", " ".repeat(crate::routes::BODY_BYTES_MAX));
    shop.send(post("/api/v1/sql", &long)).await.problem(413, "/api/v1/sql");
    shop.send(post("/api/v1/sql", "{\"sql\": ")).await.problem(400, "/api/v1/sql");
    shop.send(post("/api/v1/sql", "{\"sqll\": \"SELECT 1\"}")).await.problem(400, "/api/v1/sql");
    let plain =
        Request::post("/api/v1/sql").header(header::HOST, "localhost").header(header::CONTENT_TYPE, "text/plain");
    let plain = plain.body(Body::from("{\"sql\": \"SELECT 1\"}")).expect("a request");
    shop.send(plain).await.problem(415, "/api/v1/sql");
}

/// Where clients need rights, what has no login lets nobody past them, unless it is reached from this machine alone.
#[tokio::test]
async fn topics_are_changed_by_nobody_from_elsewhere_where_clients_need_rights() {
    let far: std::net::SocketAddr = "0.0.0.0:8000".parse().expect("an address");
    let request = |method: &str, path: &str, body: &str| {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_owned()));
        request.expect("a request")
    };
    let record = r#"{"records": [{"value": "1"}]}"#;
    let changes = [
        ("POST", "/api/v1/topics", r#"{"name": "t"}"#, 201),
        ("POST", "/api/v1/topics/t/messages", record, 200),
        ("PATCH", "/api/v1/topics/t", r#"{"configs": {"retention.ms": "1000"}}"#, 200),
        ("DELETE", "/api/v1/topics/t", "", 204),
    ];
    let shut = Shop::with(|options| (options.clients_need_rights, options.listen) = (true, far));
    for (method, path, body, _) in changes {
        shut.send(request(method, path, body)).await.problem(403, path);
    }
    let open = Shop::with(|options| options.clients_need_rights = true);
    for (method, path, body, status) in changes {
        let answer = open.send(request(method, path, body)).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn other_sites_are_kept_out() {
    let shop = Shop::open();
    let rebound = Request::get("/api/v1/views").header(header::HOST, "evil.example").body(Body::empty());
    shop.send(rebound.expect("a request")).await.problem(421, "/api/v1/views");
    let nameless = Request::get("/api/v1/views").body(Body::empty()).expect("a request");
    shop.send(nameless).await.problem(421, "/api/v1/views");
    let mut foreign = post("/api/v1/sql", "{\"sql\": \"SELECT 1\"}");
    foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().expect("a value"));
    shop.send(foreign).await.problem(403, "/api/v1/sql");
    let probe = Request::get("/healthz").header(header::HOST, "10.0.0.7").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(probe).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_come_with_their_policy() {
    let shop = Shop::open();
    for path in ["/", "/pipeline", "/topics/orders.dlq/messages", "/docs"] {
        let page = shop.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(page.headers[header::CONTENT_SECURITY_POLICY], crate::security::CONTENT_SECURITY_POLICY);
        assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let etag = page.headers[header::ETAG].to_str().expect("text");
        let again = shop.send(get(path, &[("if-none-match", etag)])).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn a_feed_resumes_where_it_stopped() {
    let shop = Shop::open();
    let path = "/api/v1/views/by_country/live";
    let opening = shop.events(path, None, 1).await.remove(0);
    assert_eq!((opening.name.as_str(), &opening.data["upserts"]), ("rows", &json!([])));

    let all = shop.events(path, Some("0"), 1).await.remove(0);
    assert_eq!((all.name.as_str(), all.id.as_str()), ("rows", opening.id.as_str()));
    let mut rows = all.data["upserts"].as_array().expect("rows").clone();
    rows.sort_by_key(|row| row["country"].to_string());
    let figures: Vec<_> = rows.iter().map(|row| (&row["country"], &row["revenue"])).collect();
    let expected = [("France", "6.75"), ("Germany", "20.50"), ("Spain", "7.00")].map(|(c, r)| (json!(c), json!(r)));
    assert_eq!(figures, expected.iter().map(|(c, r)| (c, r)).collect::<Vec<_>>());
    assert_eq!(rows[0]["_key"], json!("{\"country\":\"France\"}"));

    for stale in ["0,0", "999999", "-1", "nonsense"] {
        let reset = shop.events(path, Some(stale), 1).await.remove(0);
        assert_eq!((reset.name.as_str(), reset.id.as_str(), &reset.data), ("reset", opening.id.as_str(), &json!({})));
    }
    let page = shop.json("/api/v1/views/by_country/rows").await;
    assert_eq!(page["committed"]["live_id"], json!(opening.id));
}

#[tokio::test]
async fn a_tail_shows_messages_with_their_origin() {
    let shop = Shop::open();
    let path = "/api/v1/topics/orders/live";
    let events = shop.events(path, Some("0,0"), 2).await;
    assert_eq!(events[0].data, json!({"messages": [], "skipped": 0}));
    let messages = events[1].data["messages"].as_array().expect("messages");
    assert_eq!((events[1].name.as_str(), messages.len()), ("messages", 4));
    let first = messages.iter().find(|message| message["value"]["order_no"] == "1").expect("the first order");
    assert_eq!(first["origin"]["line"], 2, "{first}");
    assert_eq!((&first["key"], &first["value"]["amount"]), (&json!("France"), &json!("10.00")));
    let pipeline = shop.events("/api/v1/pipeline/live", None, 1).await.remove(0);
    assert_eq!(pipeline.name, "pipeline");
    assert!(pipeline.data["nodes"].is_array());
}

#[tokio::test]
async fn live_feeds_are_bounded_and_give_their_place_back() {
    let shop = Shop::with(|options| options.live_feeds_max = 1);
    let path = "/api/v1/views/by_country/live";
    let open = shop.router.clone().oneshot(get(path, &[])).await.expect("an answer");
    assert_eq!(open.status(), StatusCode::OK);
    let refused = shop.get(path).await;
    refused.problem(503, path);
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    drop(open);
    shop.events(path, None, 1).await;
}

#[tokio::test]
async fn metrics_tell_stages_topics_process_and_requests() {
    let shop = Shop::open();
    shop.json("/api/v1/views").await;
    let text = shop.get("/metrics").await.body;
    for line in [
        "millrace_stage_rows_read_total{stage=\"orders\",kind=\"source\"} 5",
        "millrace_stage_rows_rejected_total{stage=\"orders\",kind=\"source\"} 1",
        "millrace_stage_phase{stage=\"by_country\",kind=\"query\",phase=\"done\"} 1",
        "millrace_topic_records{topic=\"orders\"} 4",
        "millrace_http_requests_total{method=\"GET\",route=\"/api/v1/views\",status=\"200\"} 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "`{line}` in\n{text}");
    }
    for metric in crate::metrics::ALL {
        assert!(text.contains(&format!("# TYPE {} ", metric.name)), "{} is told", metric.name);
    }
}

#[tokio::test]
async fn a_real_connection_is_served_and_ends_when_told() {
    let shop = Shop::open();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let stop = Stop::default();
    let server = tokio::spawn(serve(shop.station.clone(), listener, stop.clone()));
    let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET /api/v1/views/by_country/live HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.writable().await.expect("open");
    assert_eq!(stream.try_write(request.as_bytes()).expect("sent"), request.len());
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("event: rows") {
        read_more(&stream, &mut answer).await;
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    stop.stop();
    tokio::time::timeout(PATIENCE, server).await.expect("in time").expect("no panic").expect("no error");
    while read_more(&stream, &mut answer).await > 0 {}
}

/// Reads what there is; 0 at the end.
async fn read_more(stream: &tokio::net::TcpStream, into: &mut Vec<u8>) -> usize {
    let mut piece = [0; 4096];
    loop {
        tokio::time::timeout(PATIENCE, stream.readable()).await.expect("in time").expect("open");
        match stream.try_read(&mut piece) {
            Ok(read) => {
                into.extend_from_slice(&piece[..read]);
                return read;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return 0,
        }
    }
}

/// Compares a generated page with the committed one; `MILLRACE_BLESS=1` writes it.
fn assert_fresh(name: &str, generated: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("MILLRACE_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, generated).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let cure = "run `MILLRACE_BLESS=1 cargo test --release -p millrace-serve fresh`";
    assert!(committed == generated, "docs/{name} is out of date; {cure}");
}

#[test]
fn the_documented_api_is_fresh() {
    let document = crate::openapi();
    let paths: Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(paths["openapi"], "3.1.0");
    assert_fresh("openapi.json", &document);
}

#[test]
fn the_documented_metrics_are_fresh() {
    assert_fresh("metrics.md", &crate::metrics_reference());
}
