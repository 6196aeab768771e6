//! A broker in a process of its own: this program again, or the one that `MILLRACE_TEST_PROGRAM` names.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use millrace_broker::{Broker, BrokerOptions, serve};
use millrace_flow::Stop;
use millrace_log::{EmbeddedLog, LogConfig};
use millrace_schema::Registry;
use tokio::net::TcpListener;

/// Says to this program what to serve.
const SERVED: &str = "MILLRACE_TEST_SERVED";
/// What stands in front of the address in what a process says.
const SAYS: &str = "Clients of Kafka: ";

/// A process that serves; it ends when this is dropped, as killed as ever.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Kept open, so that what it says goes somewhere.
    _said: BufReader<ChildStdout>,
}

impl Process {
    /// Serves the folder `dir`.
    pub(crate) fn start(dir: &Path) -> Self {
        let mut command = match std::env::var_os("MILLRACE_TEST_PROGRAM") {
            Some(program) => {
                let mut command = Command::new(program);
                command.arg("up").arg(dir).arg("--no-http").env("MILLRACE_KAFKA_LISTEN", "127.0.0.1:0");
                command
            }
            None => {
                let mut command = Command::new(std::env::current_exe().expect("this program has a file"));
                command.args(["process::serves_until_it_is_killed", "--exact", "--nocapture"]).env(SERVED, dir);
                command
            }
        };
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("it starts");
        let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            let bytes = said.read_line(&mut line).expect("it is read");
            assert!(bytes > 0, "it ended: {:?}", child.wait());
            if let Some((_, address)) = line.split_once(SAYS) {
                break address.trim().parse().expect("an address");
            }
        };
        Self { child, address, _said: said }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended if it was killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nothing, unless it was started to serve.
#[test]
fn serves_until_it_is_killed() {
    let Some(dir) = std::env::var_os(SERVED) else { return };
    let registry = Arc::new(Registry::in_memory());
    let log = EmbeddedLog::open(Path::new(&dir), LogConfig::default(), registry).expect("it opens");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let serving = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let broker = Broker::open(log, BrokerOptions::new(address)).expect("it opens");
        let mut out = std::io::stdout();
        writeln!(out, "{SAYS}{address}").and_then(|()| out.flush()).expect("somebody listens");
        serve(broker, listener, Stop::default()).await
    };
    runtime.expect("threads start").block_on(serving).expect("it serves to the end");
}
