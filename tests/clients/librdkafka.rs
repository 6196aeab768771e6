//! librdkafka's own test suite: those of its tests that talk to a broker, with every answer checked by the people who wrote it.
//!
//! What must pass is what passes on Apache Kafka 4.3: `tests/expected/librdkafka_on_kafka_4.3.tsv`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::Broker;
use super::expected::must_pass;
use super::servers::{kafka, kept};

/// Tests that get a process of their own: those that close sockets beneath their clients, and would close those of other
/// tests; and the longest ones, which all the others are done beside.
const APART: [&str; 9] = [
    "0033_regex_subscribe",
    "0049_consume_conn_close",
    "0068_produce_timeout",
    "0075_retry",
    "0076_produce_retry",
    "0081_admin",
    "0088_produce_metadata_timeout",
    "0091_max_poll_interval_timeout",
    "0094_idempotence_msg_timeout",
];
/// Tests that run side by side in the process of the others: nearly all of their time is waiting.
const SIDE_BY_SIDE: &str = "-p4";
/// Partitions of topics that are made by asking for them: many of the tests produce to the second.
const PARTITIONS: u32 = 4;
/// How the suite has its programs of Java compiled: of its own rules this one alone.
const JAVA: &str = ".PHONY: java\njava:\n\t$(MAKE) -C java\n";
/// What a test says that failed because a call in the client itself took long: a few of them allow a tenth of a second for what
/// takes none, but all processors are busy here.
const TOO_SLOW: &str = "expected duration";
/// Lines of a failed test's output that are shown.
const TAIL_LINES: usize = 25;

#[test]
fn its_own_tests_pass_as_on_kafka() {
    let broker = Broker::with_partitions(PARTITIONS);
    let suite = Suite { folder: kept("librdkafka"), kafka: kafka::distribution(), address: broker.address.clone() };
    let wanted = must_pass("librdkafka");
    let together: Vec<&str> = wanted.iter().map(String::as_str).filter(|name| !APART.contains(name)).collect();
    let apart = APART.iter().filter(|name| wanted.iter().any(|wanted| wanted == **name));
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let mut running = vec![scope.spawn(|| suite.run(&together))];
        running.extend(apart.map(|name| scope.spawn(|| suite.run(&[*name]))));
        running.into_iter().map(|outcome| outcome.join().expect("a run of the suite is read")).collect()
    });
    let mut failed: BTreeMap<String, String> = outcomes.into_iter().flat_map(|outcome| outcome.failed).collect();
    let too_slow: Vec<String> =
        failed.iter().filter(|(_, said)| said.contains(TOO_SLOW)).map(|(name, _)| name.clone()).collect();
    for name in too_slow {
        eprintln!("{name} was too slow beside the others and is run by itself");
        let alone = suite.run(&[&name]);
        failed.remove(&name);
        failed.extend(alone.failed);
    }
    let (names, tails): (Vec<String>, Vec<String>) = failed.into_iter().unzip();
    assert!(names.is_empty(), "these pass on Apache Kafka and not here: {names:?}\n{}", tails.concat());
}

/// What some tests came to: those that did not pass, each with the end of its output.
struct Outcome {
    failed: BTreeMap<String, String>,
}

struct Suite {
    /// librdkafka, with its tests built.
    folder: PathBuf,
    /// Apache's command line tools, which some of the tests call.
    kafka: PathBuf,
    address: String,
}

impl Suite {
    /// Runs tests in one process.
    fn run(&self, names: &[&str]) -> Outcome {
        let scratch = tempfile::Builder::new().prefix("librdkafka-").tempdir().expect("a temporary folder");
        let here = scratch.path().join("tests");
        fs::create_dir(&here).expect("a folder in a temporary folder");
        // Tests look for files beside their own folder, and leave their own in it.
        symlink(self.folder.join("src"), scratch.path().join("src")).expect("a link is made");
        self.give_java(&here);
        fs::write(here.join("test.conf"), format!("bootstrap.servers={}\n", self.address))
            .expect("settings are written");
        let said = fs::File::create(here.join("said.txt")).expect("a file in a temporary folder");
        let errors = said.try_clone().expect("a second handle");
        let mut command = Command::new(self.folder.join("tests/test-runner"));
        // Without the tests that need no broker; in the short form that its authors run at every change.
        command.args(["-L", "-Q", SIDE_BY_SIDE]).current_dir(&here);
        command.env("LD_LIBRARY_PATH", format!("{0}/src:{0}/src-cpp", self.folder.display()));
        command.env("TEST_KAFKA_VERSION", "4.3.0").env("TEST_REPORT", here.join("report.json"));
        command.env("BROKERS", &self.address).env("KAFKA_PATH", &self.kafka).env_remove("CI");
        command.env("TESTS", names.iter().map(|name| number(name)).collect::<Vec<_>>().join(","));
        // Its exit code says no more than the report does.
        command.stdin(Stdio::null()).stdout(said).stderr(errors).status().expect("the suite runs");

        let states = states(&here.join("report.json"));
        let said = fs::read(here.join("said.txt")).expect("its output is there");
        let said = String::from_utf8_lossy(&said);
        let failed = names.iter().filter(|name| states.get(**name).is_none_or(|state| state != "PASSED"));
        Outcome { failed: failed.map(|name| ((*name).to_owned(), tail(&said, name))).collect() }
    }
}

impl Suite {
    /// One test has programs of Java compiled and run, which stand beside it.
    fn give_java(&self, here: &Path) {
        let java = here.join("java");
        fs::create_dir(&java).expect("a folder in a temporary folder");
        for file in fs::read_dir(self.folder.join("tests/java")).expect("the suite has programs of Java") {
            let file = file.expect("a folder can be listed");
            fs::copy(file.path(), java.join(file.file_name())).expect("a file is copied");
        }
        fs::write(here.join("Makefile"), JAVA).expect("a rule is written");
    }
}

/// By what the runner takes a test: `0012` of `0012_produce_consume`.
fn number(name: &str) -> &str {
    name.split('_').next().unwrap_or_default()
}

/// What each test came to; nothing if the run broke off.
fn states(report: &Path) -> BTreeMap<String, String> {
    let Ok(report) = fs::read_to_string(report) else { return BTreeMap::new() };
    let report: Value = serde_json::from_str(&report).expect("the report is JSON");
    let tests = report["tests"].as_object().expect("the report names tests");
    tests.iter().map(|(name, test)| (name.clone(), test["state"].as_str().unwrap_or_default().to_owned())).collect()
}

/// The end of what a test has said.
fn tail(said: &str, name: &str) -> String {
    // Long names are cut in front of lines; what does not begin with a name belongs to the line before.
    let mark = format!("[{name:.28}");
    let mut is_of_test = false;
    let of_test = said.lines().filter(|line| {
        if line.contains('[') && line.contains("s] ") {
            is_of_test = line.contains(&mark);
        }
        is_of_test
    });
    let lines: Vec<&str> = of_test.collect();
    let shown = if lines.is_empty() { said.lines().collect() } else { lines };
    format!("\n--- {name}\n{}\n", shown[shown.len().saturating_sub(TAIL_LINES)..].join("\n"))
}
