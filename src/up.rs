//! `millrace up`: runs a project until it is asked to stop, or until bounded sources are read.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use millrace_broker::{Mechanism, SecurityOptions, TlsFiles};
use millrace_flow::Stop;
use millrace_station::config::KafkaConfig;
use millrace_station::{Outcome, Overrides, Project, Serving, Station};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::ending;
use crate::failure::WrongUse;
use crate::memory;
use crate::output;
use crate::progress::Progress;

/// Threads that answer HTTP. Work that blocks has threads of its own.
const HTTP_THREADS: usize = 2;

/// Exit code of a program that was told twice to stop.
const FORCED: i32 = 130;

/// Time between two looks whether so little happens that memory can be given back.
const QUIET_LOOK: Duration = Duration::from_secs(5);

/// Arguments of `up`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder of the project
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Read bounded sources to their end, commit everything, and exit
    #[arg(long)]
    until_done: bool,
    /// Address and port of pages and API, in the place of `[http] listen`
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The data folder, in the place of `[data] dir`
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Serve neither pages nor API
    #[arg(long)]
    no_http: bool,
}

impl Arguments {
    /// What another command needs to find the same project.
    fn flags(&self) -> String {
        ending::flags(&self.dir, self.data_dir.as_deref())
    }
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let overrides = Overrides { listen: arguments.listen.clone(), data_dir: arguments.data_dir.clone() };
    let project = Project::open(&arguments.dir, &overrides)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(HTTP_THREADS).enable_all().build()?;
    let ended = runtime.block_on(run_until_ended(&arguments, project));
    // Whatever still answers somebody is cut: everything is committed by now.
    runtime.shutdown_background();
    ended
}

async fn run_until_ended(arguments: &Arguments, project: Project) -> anyhow::Result<ExitCode> {
    let mut asked = Asked::new()?;
    let started = Instant::now();
    let data_dir = project.config.data_dir.clone();
    let listen = project.config.listen;
    let config_kafka = project.config.kafka.clone();
    let listener = if arguments.no_http { None } else { Some(bind(listen, &data_dir)?) };
    let station = tokio::task::spawn_blocking(move || Station::start(project)).await??;
    let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    tracing::info!(elapsed_ms = started.elapsed().as_millis(), ?address, "started");
    let kafka_stop = Stop::default();
    let kafka = match config_kafka {
        Some(config) => serve_kafka(&station, &config, &kafka_stop)?,
        None => None,
    };
    let announcement = Serving::announce(&data_dir, address.map(|address| reachable(address).to_string()))?;
    let http_stop = Stop::default();
    let server = listener.map(|listener| serve(&station, listener, &http_stop)).transpose()?;
    match address {
        Some(address) => {
            output::line(&format!("Millrace is running: {}   (Ctrl-C stops it)", shown(address)))?;
            if !address.ip().is_loopback() {
                let cure = "there is no login yet, so put a proxy with one in front, or listen on 127.0.0.1";
                tracing::warn!(%address, "everybody who reaches this machine can read all data here, and ask anything; {cure}");
            }
        }
        None => output::line("Millrace is running, without HTTP   (Ctrl-C stops it)")?,
    }
    if let Some((address, _)) = &kafka {
        output::line(&format!("Clients of Kafka: {address}"))?;
    }
    memory::give_back_code();
    let outcome = run_through(&mut asked, &station, arguments, started).await?;
    http_stop.stop();
    kafka_stop.stop();
    let stopping = station.clone();
    let stopped = async {
        if let Some((_, kafka)) = kafka {
            kafka.await??;
        }
        tokio::task::spawn_blocking(move || stopping.stop()).await??;
        drop(announcement);
        match server {
            Some(server) => Ok(server.await??),
            None => anyhow::Ok(()),
        }
    };
    tokio::select! {
        biased;
        () = asked.next() => std::process::exit(FORCED),
        stopped = stopped => stopped?,
    }
    ending::conclude(&station, &outcome, started, &arguments.flags())
}

/// Lets the project run until it is asked to stop, or until all is done where that is the end. Where it is not, that all is
/// done is said.
async fn run_through(
    asked: &mut Asked,
    station: &Arc<Station>,
    arguments: &Arguments,
    started: Instant,
) -> anyhow::Result<Outcome> {
    let mut progress = Some(Progress::start(station));
    let has_work = !station.stages().is_empty();
    let done = wait_done(station.clone());
    tokio::pin!(done);
    let mut is_told = !has_work && !arguments.until_done;
    loop {
        let outcome = tokio::select! {
            biased;
            () = asked.next() => return Ok(Outcome::Stopped),
            outcome = &mut done, if !is_told => outcome?,
            () = tokio::time::sleep(QUIET_LOOK) => {
                let station = station.clone();
                tokio::task::spawn_blocking(move || station.release_memory_if_quiet().then(memory::give_back)).await?;
                continue;
            }
        };
        drop(progress.take());
        if arguments.until_done {
            return Ok(outcome);
        }
        is_told = true;
        if outcome == Outcome::Done {
            ending::say_done(station, started, &arguments.flags())?;
            output::line("It goes on serving until it is stopped")?;
        }
    }
}

async fn wait_done(station: Arc<Station>) -> anyhow::Result<Outcome> {
    Ok(tokio::task::spawn_blocking(move || station.wait_done()).await?)
}

/// The address that clients of Kafka are served at, and the task that does it.
type KafkaServer = (SocketAddr, tokio::task::JoinHandle<Result<(), millrace_broker::BrokerError>>);

/// Serves clients of Kafka on tasks of their own. Another program that has the port by which everybody knows Kafka keeps
/// nothing else from running, unless it is this very port that was asked for.
fn serve_kafka(station: &Station, config: &KafkaConfig, stop: &Stop) -> anyhow::Result<Option<KafkaServer>> {
    let listener = match TcpListener::bind(config.listen) {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && config.is_default => {
            tracing::warn!(address = %config.listen, "another program serves clients of Kafka here, so this one does not");
            return Ok(None);
        }
        Err(error) => {
            let cure = "set another [kafka] listen, or an empty one to serve no clients of Kafka";
            return Err(WrongUse(format!("cannot listen on {}: {error}; {cure}", config.listen)).into());
        }
    };
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let mut options = millrace_broker::BrokerOptions::new(address);
    if let Some((host, port)) = &config.advertised {
        (options.advertised_host, options.advertised_port) = (host.clone(), *port);
    }
    options.auto_create_topics = config.auto_create_topics;
    options.partitions = config.partitions;
    options.security = security_of(config);
    if !address.ip().is_loopback() && options.security.sasl.is_empty() && config.security.client_ca.is_none() {
        tracing::warn!(%address, "everybody who reaches this address reads and writes topics: nobody logs in");
    }
    let broker = millrace_broker::Broker::open(station.embedded_log().clone(), options)?;
    station.serve_clients_by(broker.clone());
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(Some((address, tokio::spawn(millrace_broker::serve(broker, listener, stop.clone())))))
}

/// Encryption, login and rules, as the broker knows them.
fn security_of(config: &KafkaConfig) -> SecurityOptions {
    let security = config.security.clone();
    let files = |(certificate, key)| TlsFiles { certificate, key, client_ca: security.client_ca };
    SecurityOptions {
        tls: security.tls.map(files),
        sasl: security.sasl.iter().filter_map(|name| Mechanism::of(name)).collect(),
        acl: security.acl,
        everyone_if_no_acl: security.everyone_if_no_acl,
        super_users: security.super_users,
        ..SecurityOptions::default()
    }
}

/// Serves pages and API on a task of its own.
fn serve(
    station: &Arc<Station>,
    listener: TcpListener,
    stop: &Stop,
) -> anyhow::Result<tokio::task::JoinHandle<Result<(), millrace_serve::ServeError>>> {
    let config = &station.project().config;
    let mut options = millrace_serve::ServeOptions::new(listener.local_addr()?);
    options.allowed_hosts.clone_from(&config.allowed_hosts);
    options.clients_need_rights =
        config.kafka.as_ref().is_some_and(|kafka| kafka.security.acl || !kafka.security.sasl.is_empty());
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(tokio::spawn(millrace_serve::serve_with(station.clone(), listener, options, stop.clone())))
}

/// Takes the port, or says who has it and what to do.
fn bind(listen: SocketAddr, data_dir: &Path) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).map_err(|error| {
        if let Some(serving) = Serving::find(data_dir) {
            let at = serving.address.map(|address| format!(" at http://{address}")).unwrap_or_default();
            let folder = data_dir.display();
            return anyhow::anyhow!(
                "this project already runs: process {}{at} uses `{folder}`; stop it first",
                serving.pid
            );
        }
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => "another program uses it".to_owned(),
            _ => error.to_string(),
        };
        WrongUse(format!("cannot listen on {listen}: {why}; choose another with --listen 127.0.0.1:PORT")).into()
    })
}

/// The address at which a program of this machine reaches `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    reachable
}

/// The address as it is typed into a browser.
fn shown(address: SocketAddr) -> String {
    let reachable = reachable(address);
    if reachable.ip().is_loopback() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// Requests to stop, from a person or from the system.
struct Asked {
    interrupt: Signal,
    terminate: Signal,
}

impl Asked {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
