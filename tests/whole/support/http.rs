//! As much of an HTTP client as asking the program takes. HTTP/1.0, so that a body ends where the connection does.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a slow machine; what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

fn connect(address: &str, request: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("cannot reach {address}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.write_all(request.as_bytes()).expect("the request is sent");
    BufReader::new(stream)
}

fn read_head(stream: &mut BufReader<TcpStream>) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a status line");
    let status =
        line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status in {line:?}"));
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).expect("a header");
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => return (status, headers),
        }
    }
}

fn answer(mut stream: BufReader<TcpStream>) -> Answer {
    let (status, headers) = read_head(&mut stream);
    let mut body = Vec::new();
    stream.read_to_end(&mut body).expect("the body comes whole");
    Answer { status, headers, body: String::from_utf8(body).expect("bodies are UTF-8") }
}

/// GET.
pub(crate) fn get(address: &str, path: &str) -> Answer {
    let path = path.replace(' ', "%20");
    answer(connect(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")))
}

/// POST of JSON.
pub(crate) fn post(address: &str, path: &str, body: &Value) -> Answer {
    send(address, "POST", path, body)
}

/// Any method, with JSON.
pub(crate) fn send(address: &str, method: &str, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    answer(connect(address, &(head + &body)))
}

/// One server-sent event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    data: String,
}

impl Event {
    /// Its data.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error} in {}", self.data))
    }
}

/// A stream of server-sent events.
pub(crate) struct Feed {
    stream: BufReader<TcpStream>,
}

impl Feed {
    /// Opens a feed.
    #[track_caller]
    pub(crate) fn open(address: &str, path: &str) -> Self {
        Self::resume(address, path, None)
    }

    /// Opens a feed after the event `last`.
    #[track_caller]
    pub(crate) fn resume(address: &str, path: &str, last: Option<&str>) -> Self {
        let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let accept = "Accept: text/event-stream\r\n";
        let mut stream = connect(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{accept}{last}\r\n"));
        let (status, _) = read_head(&mut stream);
        assert_eq!(status, 200, "GET {path}");
        Self { stream }
    }

    /// The next event; `None` when none comes in time or the feed ends.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Event> {
        let deadline = Instant::now() + patience;
        let mut event = Event { name: String::new(), id: String::new(), data: String::new() };
        let mut line = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.stream.get_ref().set_read_timeout(Some(left)).expect("a timeout can be set");
            match self.stream.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(error) => panic!("the feed broke: {error}"),
            }
            match line.trim_end_matches(['\r', '\n']).split_once(':') {
                None if event.data.is_empty() => {}
                None => return Some(event),
                Some((field, value)) => event.take(field, value.strip_prefix(' ').unwrap_or(value)),
            }
            line.clear();
        }
    }
}

impl Event {
    fn take(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.name),
            "id" => value.clone_into(&mut self.id),
            "data" => self.data.push_str(value),
            // A comment keeps the connection alive and says nothing.
            _ => {}
        }
    }
}
