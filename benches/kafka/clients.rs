//! The clients that load a broker: Apache's own meters, and that of librdkafka. Each says how fast it was; the time that its
//! program takes to start is not in it.

use std::path::PathBuf;
use std::process::Command;

use super::meter::{self, Meter};
use super::peer::Peer;
use super::servers::{kafka, kept};

/// Records of the run that measures one record at a time.
const ONE_BY_ONE: u64 = 5_000;
/// Seconds that a paced producer runs, after as many in which Java compiles what it runs.
const PACED_S: u64 = 8;

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) record_bytes: u64,
    pub(crate) acks: &'static str,
    pub(crate) partitions: u32,
    pub(crate) codec: &'static str,
}

impl Shape {
    pub(crate) fn name(&self) -> String {
        format!("{}-{}-{}", self.record_bytes, self.partitions, self.codec)
    }

    /// Of the larger records a fifth as many are as good a measure.
    pub(crate) fn records(&self, small: u64) -> u64 {
        if self.record_bytes > 100 { small / 5 } else { small }
    }
}

/// What one client said and took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) records_per_s: f64,
    pub(crate) client_cpu_s: f64,
    pub(crate) server_cpu_s: f64,
    pub(crate) delays: Delays,
}

/// Milliseconds from a record's being sent until its sender or its reader has it back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delays {
    pub(crate) mean_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
}

impl Delays {
    /// Of all that were seen, in milliseconds.
    pub(crate) fn of(mut seen_ms: Vec<f64>) -> Self {
        seen_ms.sort_by(f64::total_cmp);
        let at = |share: f64| seen_ms[((seen_ms.len() - 1) as f64 * share) as usize];
        let mean_ms = seen_ms.iter().sum::<f64>() / seen_ms.len() as f64;
        Self { mean_ms, p99_ms: at(0.99), p999_ms: at(0.999) }
    }
}

/// What one round of one shape may have, in the order of [`Round`].
pub(crate) const CLIENTS: [&str; 4] = ["Java writes", "Java reads", "librdkafka writes", "librdkafka reads"];

/// One round of one shape. What is read does not depend on acknowledgements, so it is read for one kind of them only.
pub(crate) type Round = [Option<Taken>; 4];

/// The programs.
pub(crate) struct Clients {
    kafka: PathBuf,
    librdkafka: PathBuf,
}

impl Clients {
    pub(crate) fn find() -> Self {
        Self { kafka: kafka::distribution().join("bin"), librdkafka: kept("librdkafka") }
    }

    /// Writes and reads `records` with each client.
    pub(crate) fn round(&self, peer: &Peer, topic: &str, shape: &Shape, records: u64) -> Round {
        let java = self.topic(peer, &format!("{topic}-java"), shape.partitions);
        let c = self.topic(peer, &format!("{topic}-c"), shape.partitions);
        let reads = shape.acks == "all";
        let round = [
            Some(self.java_writes(peer, &java, shape, records)),
            reads.then(|| self.java_reads(peer, &java, records)),
            Some(self.c_writes(peer, &c, shape, records)),
            reads.then(|| self.c_reads(peer, &c, shape, records)),
        ];
        self.delete(peer, &format!("{topic}-(java|c)"));
        round
    }

    /// Deletes the topics whose names match.
    pub(crate) fn delete(&self, peer: &Peer, topics: &str) {
        self.run("kafka-topics", peer, &["--delete", "--topic", topics]);
    }

    pub(crate) fn topic(&self, peer: &Peer, topic: &str, partitions: u32) -> String {
        let partitions = partitions.to_string();
        let arguments = ["--create", "--topic", topic, "--partitions", &partitions, "--replication-factor", "1"];
        self.run("kafka-topics", peer, &arguments);
        topic.to_owned()
    }

    /// Runs one of Apache's tools; answers what it took and what it printed.
    fn run(&self, tool: &str, peer: &Peer, arguments: &[&str]) -> (Meter, String) {
        let mut command = Command::new(self.kafka.join(format!("{tool}.sh")));
        meter::run(command.args(["--bootstrap-server", &peer.address]).args(arguments))
    }

    /// Half of the records are sent before anything is measured: until then Java compiles what it runs.
    fn java_writes(&self, peer: &Peer, topic: &str, shape: &Shape, records: u64) -> Taken {
        let warm = (records / 2).to_string();
        self.produce(peer, topic, shape, records, &["--throughput", "-1", "--warmup-records", &warm], "linger.ms=5")
    }

    fn produce(&self, peer: &Peer, topic: &str, shape: &Shape, records: u64, pace: &[&str], linger: &str) -> Taken {
        let [records, bytes] = [records.to_string(), shape.record_bytes.to_string()];
        let [acks, codec] = [format!("acks={}", shape.acks), format!("compression.type={}", shape.codec)];
        let what = ["--topic", topic, "--num-records", &records, "--record-size", &bytes];
        let how = ["--command-property", &acks, &codec, linger];
        let before = peer.cpu_s();
        let (meter, said) =
            self.run("kafka-producer-perf-test", peer, &[what.as_slice(), pace, how.as_slice()].concat());
        let line = said.lines().rfind(|line| line.contains("99.9th")).expect("a summary with percentiles");
        let number = |mark: &str| number_before(line, mark);
        Taken {
            records_per_s: number(" records/sec"),
            client_cpu_s: meter.cpu_s,
            server_cpu_s: peer.cpu_s() - before,
            delays: Delays {
                mean_ms: number(" ms avg latency"),
                p99_ms: number(" ms 99th"),
                p999_ms: number(" ms 99.9th"),
            },
        }
    }

    fn java_reads(&self, peer: &Peer, topic: &str, records: u64) -> Taken {
        let records = records.to_string();
        let arguments = ["--topic", topic, "--num-records", &records, "--hide-header", "--timeout", "60000"];
        let before = peer.cpu_s();
        let (meter, said) = self.run("kafka-consumer-perf-test", peer, &arguments);
        // Times of the start and the end, MB, MB/s, records, records/s, then the same without the time of the rebalance.
        let line = said.lines().rfind(|line| line.split(", ").count() == 10).expect("a line of ten figures");
        let records_per_s = line.rsplit(", ").next().and_then(|cell| cell.trim().parse().ok()).expect("records/s");
        let (client_cpu_s, server_cpu_s) = (meter.cpu_s, peer.cpu_s() - before);
        Taken { records_per_s, client_cpu_s, server_cpu_s, ..Taken::default() }
    }

    fn rdkafka(&self, peer: &Peer, topic: &str, records: u64, arguments: &[&str]) -> Taken {
        let mut command = Command::new(self.librdkafka.join("examples/rdkafka_performance"));
        command.env("LD_LIBRARY_PATH", self.librdkafka.join("src")).stderr(std::process::Stdio::null());
        command.args(["-q", "-b", &peer.address, "-t", topic, "-c", &records.to_string()]).args(arguments);
        let before = peer.cpu_s();
        let (meter, said) = meter::run(&mut command);
        let line = said.lines().rfind(|line| line.contains(" msgs/s")).expect("a line with msgs/s");
        let records_per_s = number_before(line, " msgs/s");
        Taken { records_per_s, client_cpu_s: meter.cpu_s, server_cpu_s: peer.cpu_s() - before, ..Taken::default() }
    }

    fn c_writes(&self, peer: &Peer, topic: &str, shape: &Shape, records: u64) -> Taken {
        let (bytes, acks) = (shape.record_bytes.to_string(), if shape.acks == "all" { "-1" } else { shape.acks });
        self.rdkafka(peer, topic, records, &["-P", "-s", &bytes, "-a", acks, "-z", shape.codec, "-X", "linger.ms=5"])
    }

    /// Writes a few records, the first of which come in a batch of about so many bytes.
    pub(crate) fn c_batch(&self, peer: &Peer, topic: &str, shape: &Shape, batch_bytes: u64) {
        let [bytes, batch] = [shape.record_bytes.to_string(), format!("batch.size={batch_bytes}")];
        let records = 3 * batch_bytes / shape.record_bytes;
        let how = ["-P", "-s", &bytes, "-a", "1", "-z", shape.codec, "-X", "linger.ms=100", "-X", &batch];
        self.rdkafka(peer, topic, records, &how);
    }

    fn c_reads(&self, peer: &Peer, topic: &str, shape: &Shape, records: u64) -> Taken {
        let numbers: Vec<String> = (0..shape.partitions).map(|number| number.to_string()).collect();
        let partitions = numbers.iter().flat_map(|number| ["-p", number.as_str()]);
        let arguments: Vec<&str> = ["-C", "-o", "beginning"].into_iter().chain(partitions).collect();
        self.rdkafka(peer, topic, records, &arguments)
    }

    /// A producer that sends so many records a second, which neither peer is short of breath at, and each of them at once.
    pub(crate) fn paced(&self, peer: &Peer, topic: &str, record_bytes: u64, rate: u64) -> Delays {
        let shape = Shape { record_bytes, acks: "all", partitions: 4, codec: "none" };
        let topic = self.topic(peer, topic, shape.partitions);
        let measured = rate * PACED_S;
        let (rate, warm) = (rate.to_string(), measured.to_string());
        let pace = ["--throughput", &rate, "--warmup-records", &warm];
        self.produce(peer, &topic, &shape, 2 * measured, &pace, "linger.ms=0").delays
    }

    /// The same with librdkafka, which takes so little of the machine that what is left is the broker's own delay.
    pub(crate) fn c_paced(&self, peer: &Peer, topic: &str, record_bytes: u64, rate: u64) -> Delays {
        let topic = self.topic(peer, topic, 4);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let list = folder.path().join("microseconds.txt");
        let (bytes, rate_text) = (record_bytes.to_string(), rate.to_string());
        let how = ["-P", "-s", &bytes, "-a", "-1", "-r", &rate_text, "-X", "linger.ms=0", "-l", "-A"];
        let list_text = list.display().to_string();
        self.rdkafka(peer, &topic, rate * PACED_S, &[how.as_slice(), &[&list_text]].concat());
        let text = std::fs::read_to_string(&list).expect("a line for each record");
        let delays_ms: Vec<f64> = text.lines().filter_map(|line| Some(line.parse::<f64>().ok()? / 1e3)).collect();
        // It sends before it is connected: what waited for that is in the first of them.
        Delays::of(delays_ms[delays_ms.len() / 2..].to_vec())
    }

    /// One record after the other, each sent when the one before it has been read.
    pub(crate) fn end_to_end(&self, peer: &Peer, topic: &str) -> Delays {
        let topic = self.topic(peer, topic, 1);
        let mut command = Command::new(self.kafka.join("kafka-e2e-latency.sh"));
        command.args([&peer.address, &topic, &ONE_BY_ONE.to_string(), "all", "100"]);
        let (_, said) = meter::run(&mut command);
        let after = |mark: &str| {
            let (_, rest) = said.rsplit_once(mark).unwrap_or_else(|| panic!("`{mark}` is missing in:\n{said}"));
            let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            number.trim_end_matches('.').parse().unwrap_or_else(|error| panic!("`{mark}{number}`: {error}"))
        };
        Delays { mean_ms: after("Avg latency: "), p99_ms: after("99th = "), p999_ms: after("99.9th = ") }
    }
}

/// The number that stands before `mark` in a line.
fn number_before(line: &str, mark: &str) -> f64 {
    let (front, _) = line.split_once(mark).unwrap_or_else(|| panic!("`{mark}` is missing in: {line}"));
    let number = front.rsplit([' ', '(']).next().unwrap_or_default();
    number.parse().unwrap_or_else(|error| panic!("`{number}{mark}`: {error}"))
}
