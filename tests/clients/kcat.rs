//! kcat, as it comes with Debian: an old librdkafka that looks for exact versions of requests.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Broker;

#[track_caller]
fn kcat(broker: &Broker, line: &str, input: &str) -> String {
    let mut command = Command::new("kcat");
    command.args(["-b", &broker.address]).args(line.split(' '));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kcat is installed: apt-get install kcat");
    child.stdin.take().expect("stdin is piped").write_all(input.as_bytes()).expect("kcat reads its input");
    let output = child.wait_with_output().expect("kcat ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kcat {line}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_codec_comes_back_as_it_went() {
    let broker = Broker::start();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let lines: String = (0..10_000).map(|n| format!("key {n}:order {n} of a shop in the north\n")).collect();
        kcat(&broker, &format!("-P -t {codec} -z {codec} -K : -H shop=north"), &lines);
        let back = kcat(&broker, &format!("-C -t {codec} -e -q -K :"), "");
        assert!(back == lines, "{codec}: {} of {} bytes came back", back.len(), lines.len());
    }
    let back = kcat(&broker, "-C -t zstd -e -q -c 1 -J", "");
    let first: Value = serde_json::from_str(&back).expect("a line of JSON");
    assert_eq!(first["headers"], serde_json::json!(["shop", "north"]), "{first}");
}

#[test]
fn topics_are_listed_and_offsets_found_by_time() {
    let broker = Broker::start();
    kcat(&broker, "-P -t orders -K :", "a:1\nb:\nc:3\n");
    let listed: Value = serde_json::from_str(&kcat(&broker, "-L -J", "")).expect("JSON");
    assert_eq!(listed["topics"][0]["topic"], "orders", "{listed}");
    assert_eq!(listed["topics"][0]["partitions"][0]["leader"], 1, "{listed}");
    assert_eq!(kcat(&broker, "-Q -t orders:0:1", "").trim(), "orders [0] offset 0");
    assert_eq!(kcat(&broker, "-Q -t orders:0:-1", "").trim(), "orders [0] offset 3");
    assert_eq!(kcat(&broker, "-C -t orders -o -1 -e -q", ""), "3\n");
    // An empty value after the delimiter is a null where it is asked for.
    kcat(&broker, "-P -t orders -Z -K :", "d:\n");
    let last: Value = serde_json::from_str(&kcat(&broker, "-C -t orders -o -1 -e -q -J", "")).expect("JSON");
    assert_eq!((&last["key"], &last["payload"]), (&"d".into(), &Value::Null), "{last}");
}

#[test]
fn a_balanced_consumer_reads_and_goes_on_where_it_stood() {
    let broker = Broker::start();
    let lines = |from: u32| (from..from + 100).map(|n| format!("{n}\n")).collect::<String>();
    kcat(&broker, "-P -t orders", &lines(0));
    let read =
        |count: &str| kcat(&broker, &format!("-q -c {count} -X auto.offset.reset=earliest -G readers orders"), "");
    assert_eq!(read("100"), lines(0));
    kcat(&broker, "-P -t orders", &lines(100));
    assert_eq!(read("100"), lines(100));
}
