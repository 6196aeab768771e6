//! Apache Kafka 4.3 from Maven: one node that is broker and controller.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{free_port, kept, wait_for};

/// A node that serves; killed when dropped.
pub(crate) struct Kafka {
    child: Child,
    /// `host:port` for clients.
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

/// The folder with `libs` and `bin`, as in Kafka's own distribution.
pub(crate) fn distribution() -> PathBuf {
    kept("kafka")
}

impl Kafka {
    /// Starts a node with an empty data folder and Kafka's own settings for the Java machine. Topics that do not say how many
    /// partitions they want get `partitions`.
    #[track_caller]
    pub(crate) fn start(partitions: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("kafka-").tempdir().expect("a temporary folder");
        let (clients, controller) = (free_port(), free_port());
        let settings = folder.path().join("server.properties");
        fs::write(&settings, properties(folder.path(), clients, controller, partitions))
            .expect("the settings are written");
        let mut format = java();
        format.args(["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c"]).arg(&settings);
        let formatted = format.output().expect("Java runs");
        assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));

        let said = folder.path().join("said.txt");
        let output = fs::File::create(&said).expect("a file in a temporary folder");
        let errors = output.try_clone().expect("a second handle");
        let mut command = java();
        command.arg("kafka.Kafka").arg(&settings).stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut child = command.spawn().expect("Java runs");
        let address = format!("127.0.0.1:{clients}");
        wait_for(&address, &mut child, || fs::read_to_string(&said).unwrap_or_default());
        Self { child, address, _folder: folder }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Java with the options that Kafka's own start script gives it.
fn java() -> Command {
    let mut command = Command::new("java");
    command.args(["-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]);
    command.args(["-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-cp"]);
    command.arg(distribution().join("libs/*"));
    command
}

/// Kafka's defaults, with one replica of what it keeps for itself.
fn properties(folder: &Path, clients: u16, controller: u16, partitions: u32) -> String {
    let data = folder.join("data");
    let data = data.display();
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{clients}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={data}\n\
         num.partitions={partitions}\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n"
    )
}
