//! A broker over a folder and nothing else, to try clients on: `cargo run --example alone -- DIR ADDRESS`.
//!
//! Prints the address that it listens on, and serves until its stdin ends; then it closes its log.

use std::error::Error;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use millrace_broker::{Broker, BrokerOptions, serve};
use millrace_flow::Stop;
use millrace_log::{EmbeddedLog, LogConfig};
use millrace_schema::Registry;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("the first argument is a folder")?);
    let address = arguments.next().map_or_else(|| "127.0.0.1:0".into(), |text| text.to_string_lossy().into_owned());
    std::fs::create_dir_all(&dir)?;
    let registry = Arc::new(Registry::open(&dir.join("schemas"))?);
    let log = EmbeddedLog::open(&dir.join("log"), LogConfig::default(), registry)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let broker = Broker::open(log.clone(), BrokerOptions::new(address))?;
    println!("{address}");
    let stop = Stop::default();
    let asked = stop.clone();
    std::thread::spawn(move || {
        // An error is an end, too.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        asked.stop();
    });
    serve(broker, listener, stop).await?;
    Ok(log.close()?)
}
