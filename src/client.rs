//! Asks the running program by HTTP. HTTP/1.0, so that an answer ends where its connection does.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use millrace_station::{Overrides, Serving};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Time to reach a program of this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time to an answer: longer than any question may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The program that runs a project.
#[derive(Debug)]
pub(crate) struct Client {
    address: String,
}

impl Client {
    /// The program that runs the project in `dir`, if one does and serves HTTP.
    pub(crate) fn find(dir: &Path, overrides: &Overrides) -> anyhow::Result<Option<Self>> {
        let serving = Serving::find_for_project(dir, overrides)?;
        Ok(serving.and_then(|serving| serving.address).map(|address| Self { address }))
    }

    /// GET of a path below `/api/v1`, with parameters.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, String)]) -> anyhow::Result<T> {
        understood(&self.send(&self.request_for(path, parameters))?)
    }

    /// POST of JSON to a path below `/api/v1`.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        self.send_json("POST", path, body)
    }

    /// PATCH of a path below `/api/v1`, with JSON.
    pub(crate) fn patch<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        self.send_json("PATCH", path, body)
    }

    fn send_json<T: DeserializeOwned>(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<T> {
        let body = body.to_string();
        let (host, length) = (&self.address, body.len());
        let head = format!("{method} /api/v1{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n");
        understood(&self.send(&format!("{head}Content-Length: {length}\r\n\r\n{body}"))?)
    }

    /// DELETE of a path below `/api/v1`.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send(&format!("DELETE /api/v1{path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)).map(drop)
    }

    /// The body of an answer that is no refusal.
    fn send(&self, request: &str) -> anyhow::Result<String> {
        let (status, body) = self.exchange(request).with_context(|| self.is_away())?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        Err(Refusal::new(status, &body).into())
    }

    /// GET of events below `/api/v1`, with parameters: calls `take` with the name and the data of each as it comes, until that
    /// says that it was the last one.
    pub(crate) fn events(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        mut take: impl FnMut(&str, &str) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut stream = self.connect().with_context(|| self.is_away())?;
        stream.write_all(self.request_for(path, parameters).as_bytes())?;
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().context("the running program does not answer")??;
        lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer has no status")?;
        if status != 200 {
            let body: String = lines.map_while(Result::ok).collect();
            return Err(Refusal::new(status, &body).into());
        }
        let mut name = String::new();
        for line in lines {
            let line = line.with_context(|| self.is_away())?;
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ")
                && take(&name, data)?
            {
                return Ok(());
            }
        }
        bail!("the running program ended its answer before the end; is it stopping?")
    }

    fn request_for(&self, path: &str, parameters: &[(&str, String)]) -> String {
        let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        format!("GET /api/v1{path}{query} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)
    }

    fn is_away(&self) -> String {
        format!("cannot ask the running program at http://{}; is it stopping?", self.address)
    }

    fn connect(&self) -> anyhow::Result<TcpStream> {
        let address: SocketAddr = self.address.to_socket_addrs()?.next().context("its address leads nowhere")?;
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(stream)
    }

    fn exchange(&self, request: &str) -> anyhow::Result<(u16, String)> {
        let mut stream = self.connect()?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8(answer)?;
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("the answer has no end of its head") };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer has no status")?;
        Ok((status, body.to_owned()))
    }
}

fn understood<T: DeserializeOwned>(body: &str) -> anyhow::Result<T> {
    serde_json::from_str(body).context("the running program's answer is not understood; is it another version?")
}

/// What the running program did not do.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    /// Which of the records that were sent is to blame, from 1.
    pub(crate) record: Option<usize>,
    text: String,
}

impl Refusal {
    fn new(status: u16, body: &str) -> Self {
        let problem: Value = serde_json::from_str(body).unwrap_or_default();
        let text = explain(&problem).unwrap_or_else(|| format!("the running program answered with status {status}"));
        let record = problem["record"].as_u64().and_then(|at| usize::try_from(at).ok());
        Self { status, record, text }
    }

    /// Whether the words were wrong that somebody used, and not the things that they are about.
    pub(crate) fn is_wrong_use(&self) -> bool {
        self.status == 400 && self.record.is_none()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

/// What problem+json says, in one text.
fn explain(problem: &Value) -> Option<String> {
    let said = problem["detail"].as_str().or_else(|| problem["title"].as_str())?;
    let place = match (problem["line"].as_u64(), problem["column"].as_u64()) {
        (Some(line), Some(column)) => format!(" (line {line}, column {column})"),
        _ => String::new(),
    };
    let cure = problem["cure"].as_str().map(|cure| format!("\n  help: {cure}")).unwrap_or_default();
    Some(format!("{said}{place}{cure}"))
}

/// A text as part of an address.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_fits_an_address() {
        assert_eq!(encoded("17850.0"), "17850.0");
        assert_eq!(encoded("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }

    #[test]
    fn a_problem_is_told_with_its_place_and_cure() {
        let problem = serde_json::json!({"title": "bad", "detail": "no column `x`", "line": 1, "column": 8, "cure": "did you mean `y`?"});
        let text = explain(&problem).expect("it says something");
        assert_eq!(text, "no column `x` (line 1, column 8)\n  help: did you mean `y`?");
    }
}
