//! Whom the clients talk to.

use super::servers::kafka::Kafka;
use super::support::{Project, Running};

/// A broker of its own; gone when dropped.
pub(crate) struct Broker {
    /// `host:port` for clients.
    pub(crate) address: String,
    _serving: Serving,
}

#[expect(dead_code, reason = "held until the broker is dropped")]
enum Serving {
    Millrace(Running, Project),
    Kafka(Kafka),
}

impl Broker {
    /// Starts the program on an empty project, or the one that it is compared with.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::with_partitions(1)
    }

    /// The same with this many partitions for a topic that does not say how many.
    #[track_caller]
    pub(crate) fn with_partitions(partitions: u32) -> Self {
        if std::env::var("MILLRACE_TEST_PEER").is_ok_and(|peer| peer == "kafka") {
            let kafka = Kafka::start(partitions);
            return Self { address: kafka.address.clone(), _serving: Serving::Kafka(kafka) };
        }
        let project = Project::empty();
        // Rules are in force, and there are none yet: some clients make and take away some.
        let settings = format!("[kafka]\npartitions = {partitions}\nacl = true\nallow_everyone_if_no_acl = true\n");
        project.write("millrace.toml", settings);
        let (running, address) = Running::start_for_clients(&project);
        Self { address, _serving: Serving::Millrace(running, project) }
    }
}
