//! Real servers that the tests and benches start: one file a server. Each installs itself by name into a cache folder outside
//! the clone, listens on a free port of this machine with a data folder of its own, is waited for until it answers, and is
//! stopped by its process id.

pub(crate) mod kafka;

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Longest that a server may take until it answers.
const START_MAX: Duration = Duration::from_secs(120);

/// The folder that a script of `.ci` prints, which makes it on first use.
#[track_caller]
pub(crate) fn kept(script: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join(".ci").join(script)).output().expect("a script of .ci runs");
    assert!(made.status.success(), ".ci/{script}: {}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim())
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// Waits until somebody accepts connections at `address`.
#[track_caller]
fn wait_for(address: &str, child: &mut Child, said: impl Fn() -> String) {
    let deadline = Instant::now() + START_MAX;
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            panic!("it ended with {status} instead of serving {address}:\n{}", said());
        }
        assert!(Instant::now() < deadline, "nobody answers at {address}:\n{}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
}
