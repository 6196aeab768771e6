//! A broker on a port of its own, and a client that says exactly what it is told to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace_broker::wire::api::Request;
use millrace_broker::wire::messages::produce::{ProducePartition, ProduceRequest, ProduceTopic};
use millrace_broker::wire::{Reader, RequestHeader, ResponseHeader, Value, Writer};
use millrace_broker::{Broker, BrokerOptions, serve};
use millrace_flow::Stop;
use millrace_log::{EmbeddedLog, LogConfig};
use millrace_schema::Registry;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::batch::batch;

/// No answer takes this long, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker that runs.
pub(crate) struct Served {
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) broker: Arc<Broker>,
    address: SocketAddr,
    stop: Stop,
    _runtime: Runtime,
    folder: Option<TempDir>,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// The same, set up in another way.
    pub(crate) fn with(configure: impl FnOnce(&mut BrokerOptions)) -> Self {
        Self::over(tempfile::tempdir().expect("there is room for a folder"), configure)
    }

    fn over(folder: TempDir, configure: impl FnOnce(&mut BrokerOptions)) -> Self {
        let registry = Arc::new(Registry::open(&folder.path().join("schemas")).expect("it opens"));
        let log = EmbeddedLog::open(&folder.path().join("log"), LogConfig::default(), registry).expect("it opens");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads start");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let mut options = BrokerOptions::new(address);
        configure(&mut options);
        let broker = Broker::open(log.clone(), options).expect("it opens");
        let stop = Stop::default();
        runtime.spawn(serve(broker.clone(), listener, stop.clone()));
        Self { log, broker, address, stop, _runtime: runtime, folder: Some(folder) }
    }

    /// Stops, and starts again over the same folder.
    pub(crate) fn restart(mut self) -> Self {
        let folder = self.folder.take().expect("it is dropped once");
        drop(self);
        Self::over(folder, |_| {})
    }

    pub(crate) fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time is set");
        stream.set_nodelay(true).expect("it can be set");
        Client { stream, client_id: "till".to_owned(), asked: 0 }
    }

    pub(crate) fn make_topic(&self, name: &str, partitions: u32) {
        self.log.create_client_topic(name, partitions, 1, Default::default()).expect("it is made");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.stop();
        self.log.close().expect("the log closes");
    }
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) client_id: String,
    asked: i32,
}

impl Client {
    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is sent");
    }

    /// Sends a request of version `number`, and waits for the answer.
    pub(crate) fn ask<T: Request>(&mut self, number: i16, request: &T) -> T::Response {
        self.send(number, request);
        let api = T::KEY.api();
        let version = api.version(number).expect("a version that can be read");
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).expect("it is answered");
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).expect("it is answered whole");
        let mut reader = Reader::new(Bytes::from(frame));
        let header = ResponseHeader::read(&mut reader, api, number).expect("a header");
        assert_eq!(header.correlation_id, self.asked);
        let response = T::Response::read(&mut reader, version).expect("an answer");
        reader.finish().expect("and nothing behind it");
        response
    }

    /// Sends a request of version `number`.
    pub(crate) fn send<T: Request>(&mut self, number: i16, request: &T) {
        let version = T::KEY.api().version(number).expect("a version that can be read");
        self.asked += 1;
        let mut writer = Writer::new();
        let client_id = Some(self.client_id.clone());
        let header =
            RequestHeader { api_key: T::KEY.number(), api_version: number, correlation_id: self.asked, client_id };
        header.write(&mut writer);
        request.write(&mut writer, version);
        for chunk in writer.finish() {
            self.write(&chunk.read().expect("it is in memory"));
        }
    }

    /// Appends a batch with one record of `bytes` to a partition; answers for how long it is to wait.
    pub(crate) fn produce(&mut self, topic: &str, index: i32, bytes: usize) -> i32 {
        let partition_data = vec![ProducePartition { index, records: Some(batch(bytes)) }];
        let topic_data = vec![ProduceTopic { name: topic.to_owned(), partition_data }];
        let response = self.ask(9, &ProduceRequest { acks: 1, timeout_ms: 1_000, topic_data, ..Default::default() });
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
        response.throttle_time_ms
    }
}
