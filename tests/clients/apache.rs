//! Apache's own client and command line tools: topics, configs, console, groups with every kind of reset, verifiable clients.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::Broker;
use super::servers::kafka;

/// The tools of Kafka's distribution, for one broker.
struct Tools {
    bin: PathBuf,
    broker: Broker,
}

impl Tools {
    #[track_caller]
    fn start() -> Self {
        Self { bin: kafka::distribution().join("bin"), broker: Broker::start() }
    }

    /// What a tool prints when it has done what it was asked.
    #[track_caller]
    fn run(&self, line: &str) -> String {
        self.run_with(line, "")
    }

    /// The same, with something on its standard input.
    #[track_caller]
    fn run_with(&self, line: &str, input: &str) -> String {
        let output = run_tool(&self.bin, &["--bootstrap-server", &self.broker.address], line, input);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}\n{said}\n{errors}", output.status);
        said
    }
}

/// Runs a tool of those in `bin`, with these arguments before those of the line.
pub(crate) fn run_tool(bin: &Path, first: &[&str], line: &str, input: &str) -> Output {
    let mut words = line.split(' ');
    let tool = words.next().expect("a line begins with a tool");
    let mut command = Command::new(bin.join(format!("{tool}.sh")));
    command.args(first).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a tool starts");
    // A tool that is refused may not read its input.
    let _ = child.stdin.take().expect("stdin is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("a tool ends")
}

/// The cells of each line that begins with `first`.
fn rows(said: &str, first: &str) -> Vec<Vec<String>> {
    let lines = said.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|cells| cells.first().is_some_and(|cell| cell == first)).collect()
}

/// Some of the cells of each row, joined: what a test compares.
fn cells(said: &str, first: &str, columns: &[usize]) -> Vec<String> {
    let pick = |row: Vec<String>| columns.iter().map(|at| row[*at].as_str()).collect::<Vec<_>>().join(" ");
    let mut picked: Vec<String> = rows(said, first).into_iter().map(pick).collect();
    picked.sort();
    picked
}

#[test]
fn topics_are_made_changed_and_taken_away() {
    let tools = Tools::start();
    let made =
        "kafka-topics --create --topic orders --partitions 2 --replication-factor 1 --config retention.ms=100000";
    assert!(tools.run(made).contains("Created topic orders."));
    tools.run("kafka-topics --alter --topic orders --partitions 3");
    assert_eq!(tools.run("kafka-topics --list").trim(), "orders");

    let change = "kafka-configs --alter --entity-type topics --entity-name orders --add-config max.message.bytes=2000000 \
                  --delete-config retention.ms";
    tools.run(&change.split_whitespace().collect::<Vec<_>>().join(" "));
    let described = tools.run("kafka-configs --describe --entity-type topics --entity-name orders");
    assert!(described.contains("max.message.bytes=2000000") && !described.contains("retention.ms"), "{described}");
    let described = tools.run("kafka-topics --describe --topic orders");
    assert!(described.contains("PartitionCount: 3") && described.contains("max.message.bytes=2000000"), "{described}");
    assert_eq!(described.matches("Leader: 1").count(), 3, "{described}");

    tools.run_with("kafka-console-producer --topic orders", "1\n2\n3\n4\n");
    let offsets = tools.run("kafka-get-offsets --topic orders");
    let ends: u64 = offsets.lines().filter_map(|line| line.rsplit(':').next()?.parse::<u64>().ok()).sum();
    assert_eq!(ends, 4, "{offsets}");
    let filled = offsets.lines().find(|line| !line.ends_with(":0")).expect("a partition has records");
    let partition = filled.split(':').nth(1).expect("topic, partition and offset");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = folder.path().join("before.json");
    let before = format!(r#"{{"partitions":[{{"topic":"orders","partition":{partition},"offset":1}}],"version":1}}"#);
    std::fs::write(&list, before).expect("the list is written");
    let deleted = tools.run(&format!("kafka-delete-records --offset-json-file {}", list.display()));
    assert!(deleted.contains("low_watermark: 1"), "{deleted}");
    let starts = tools.run("kafka-get-offsets --topic orders --time earliest");
    assert!(starts.contains(&format!("orders:{partition}:1")), "{starts}");

    tools.run("kafka-topics --delete --topic orders");
    assert_eq!(tools.run("kafka-topics --list").trim(), "");
}

#[test]
fn what_is_typed_into_one_console_comes_out_of_another() {
    let tools = Tools::start();
    tools.run("kafka-topics --create --topic orders --partitions 1");
    let keys = "--reader-property parse.key=true --reader-property parse.headers=true";
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let line = format!("kafka-console-producer --topic orders --compression-codec {codec} {keys}");
        tools.run_with(&line, &format!("shop:north\tkey of {codec}\tvalue of {codec}\n"));
    }
    let shown = "--formatter-property print.key=true --formatter-property print.headers=true --formatter-property print.offset=true";
    let line = format!("kafka-console-consumer --topic orders --from-beginning --max-messages 5 {shown}");
    let said = tools.run(&line);
    for (offset, codec) in ["none", "gzip", "snappy", "lz4", "zstd"].into_iter().enumerate() {
        let line = format!("Offset:{offset}\tshop:north\tkey of {codec}\tvalue of {codec}");
        assert!(said.contains(&line), "`{line}` is missing in\n{said}");
    }
}

#[test]
fn groups_are_described_and_moved() {
    let tools = Tools::start();
    tools.run("kafka-topics --create --topic orders --partitions 2");
    let keyed = "kafka-console-producer --topic orders --reader-property parse.key=true";
    tools.run_with(keyed, "a\t1\nb\t2\nc\t3\nd\t4\ne\t5\nf\t6\n");
    let offsets = tools.run("kafka-get-offsets --topic orders");
    let end = |partition: usize| {
        let line = offsets.lines().nth(partition).unwrap_or_default();
        line.rsplit(':').next().and_then(|end| end.parse::<u64>().ok()).expect("an offset")
    };
    let ends = [end(0), end(1)];
    assert_eq!(ends.iter().sum::<u64>(), 6, "{offsets}");

    tools.run("kafka-console-consumer --topic orders --group readers --from-beginning --max-messages 6");
    assert_eq!(tools.run("kafka-consumer-groups --list").trim(), "readers");
    let described = tools.run("kafka-consumer-groups --describe --group readers");
    // Partition, current offset, end, lag.
    let wanted: Vec<String> = (0..2).map(|n| format!("{n} {0} {0} 0", ends[n])).collect();
    assert_eq!(cells(&described, "readers", &[2, 3, 4, 5]), wanted, "{described}");
    let state = tools.run("kafka-consumer-groups --describe --group readers --state");
    assert!(state.contains("Empty"), "{state}");

    let reset = |how: &str| {
        let said = tools.run(&format!("kafka-consumer-groups --group readers --reset-offsets {how}"));
        cells(&said, "readers", &[2, 3])
    };
    let at = |offsets: [u64; 2]| (0..2).map(|n| format!("{n} {}", offsets[n])).collect::<Vec<_>>();
    assert_eq!(reset("--to-earliest --topic orders --dry-run"), at([0, 0]));
    assert_eq!(reset("--shift-by -1 --topic orders --execute"), at([ends[0] - 1, ends[1] - 1]));
    assert_eq!(reset("--to-current --topic orders --dry-run"), at([ends[0] - 1, ends[1] - 1]));
    assert_eq!(reset("--to-datetime 2020-01-01T00:00:00.000 --all-topics --execute"), at([0, 0]));
    assert_eq!(reset("--to-datetime 2035-01-01T00:00:00.000 --all-topics --dry-run"), at(ends));
    assert_eq!(reset("--to-offset 1 --topic orders:1 --execute"), ["1 1"]);
    assert_eq!(reset("--to-latest --all-topics --execute"), at(ends));

    tools.run("kafka-consumer-groups --group readers --delete-offsets --topic orders:0");
    let described = tools.run("kafka-consumer-groups --describe --group readers");
    assert_eq!(cells(&described, "readers", &[2]), ["1"], "{described}");
    tools.run("kafka-consumer-groups --delete --group readers");
    assert_eq!(tools.run("kafka-consumer-groups --list").trim(), "");
}

#[test]
fn verifiable_clients_agree() {
    const RECORDS: u64 = 20_000;
    let tools = Tools::start();
    tools.run("kafka-topics --create --topic checked --partitions 4");
    let produced = tools.run(&format!("kafka-verifiable-producer --topic checked --max-messages {RECORDS} --acks -1"));
    let summary = events(&produced, "tool_data");
    assert_eq!(summary.len(), 1, "{produced}");
    assert_eq!((&summary[0]["sent"], &summary[0]["acked"]), (&RECORDS.into(), &RECORDS.into()));

    let line = format!("kafka-verifiable-consumer --topic checked --group-id checkers --max-messages {RECORDS}");
    let consumed = tools.run(&format!("{line} --reset-policy earliest --verbose"));
    let mut values: Vec<u64> = events(&consumed, "record_data").iter().map(value).collect();
    values.sort_unstable();
    assert!(values.iter().copied().eq(0..RECORDS), "{} records came back, some lost or doubled", values.len());
    let committed = events(&consumed, "offsets_committed");
    assert!(committed.iter().all(|event| event["success"] == true) && !committed.is_empty(), "{committed:?}");
}

/// The lines of JSON with this name.
fn events(said: &str, name: &str) -> Vec<Value> {
    let events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["name"] == name).collect()
}

fn value(event: &Value) -> u64 {
    event["value"].as_str().and_then(|text| text.parse().ok()).expect("the producer counts")
}

/// What Apache's producer finds when it transacts, each time in an epoch of its own.
const TRANSACTIONS: &str = "\
5 commits: CompleteCommit in epoch 5
an abort: CompleteAbort in epoch 6
an abort of nothing: CompleteAbort in epoch 6
offsets: 7
another producer: Empty in epoch 10
zombie: ProducerFencedException
its commit: CompleteCommit in epoch 11
too late: InvalidProducerEpochException
the next: CompleteCommit in epoch 2
committed: {committed=50, in time=1, of the second=1, with offsets=1}
";

#[test]
fn every_transaction_has_an_epoch_of_its_own() {
    let tools = Tools::start();
    let mut command = Command::new("java");
    command.arg("-cp").arg(kafka::distribution().join("libs/*"));
    command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/Transactions.java"), &tools.broker.address]);
    let output = command.output().expect("Java runs");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
    assert_eq!(said, TRANSACTIONS, "{errors}");

    let load = "kafka-producer-perf-test --topic load --num-records 20000 --record-size 100 --throughput -1 \
                --transactional-id load --transaction-duration-ms 20";
    let said = tools.run(&load.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(said.contains("20000 records sent"), "{said}");
}
