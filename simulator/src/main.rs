//! The simulated AWS as a program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use incident_operator_simulator::knobs::{self, Overrides};
use incident_operator_simulator::quota::QuotaSettings;
use incident_operator_simulator::server::Server;
use incident_operator_simulator::world::{Options, World};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Clone, Copy, ValueEnum)]
enum QuotaMode {
    /// No budgets.
    None,
    /// Those of the service quotas page.
    Published,
}

/// A simulated AWS for developing and testing incident-operator.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep state in this file.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Accounts start with a replication set in these Regions, or in the one they first call.
    #[arg(long, value_delimiter = ',', num_args = 0..=1, value_name = "REGION,REGION")]
    onboarded: Option<Vec<String>>,
    /// Latency of every call in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Budgets to enforce.
    #[arg(long, value_enum, default_value = "none")]
    quotas: QuotaMode,
    /// What published budgets are multiplied with.
    #[arg(long, default_value_t = 1.0)]
    quota_multiplier: f64,
    /// Calls a rested budget holds; one second's worth if absent.
    #[arg(long)]
    burst: Option<u32>,
    /// Sets a knob.
    #[arg(long = "knob", value_parser = knob, value_name = "NAME=VALUE")]
    knobs: Vec<(String, String)>,
    /// Stop when standard input ends.
    #[arg(long)]
    exit_with_stdin: bool,
}

fn knob(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| "a knob is set by NAME=VALUE".to_owned())?;
    knobs::parse_setting(name, &Value::from(value))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the simulator stopped");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> std::io::Result<()> {
    if !(arguments.quota_multiplier.is_finite() && arguments.quota_multiplier > 0.0) {
        return Err(std::io::Error::other("the multiplier must be above zero"));
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let world = World::new(Options {
        onboarded: arguments.onboarded,
        latency_ms: arguments.latency_ms,
        quotas: QuotaSettings {
            enforced: matches!(arguments.quotas, QuotaMode::Published),
            multiplier: arguments.quota_multiplier,
            burst: arguments.burst.filter(|burst| *burst > 0),
        },
        knobs: arguments.knobs.into_iter().collect::<Overrides>(),
        state_file: arguments.state,
    });
    let server = Server::start(arguments.listen, world).await?;
    println!("listening http://{}", server.address);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = end_of_input(), if arguments.exit_with_stdin => {}
    }
    server.stop().await;
    // Reading standard input blocks a thread that the runtime would wait for.
    std::process::exit(0);
}

async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut buffer = [0; 256];
    while let Ok(read) = input.read(&mut buffer).await {
        if read == 0 {
            return;
        }
    }
}
