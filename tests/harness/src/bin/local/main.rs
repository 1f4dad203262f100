//! The same environment that the tests use, for people: `make up`, `make down` and `make demo`.

mod account;
mod background;
mod demo;
mod environment;
mod incident;
mod network;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use harness::rights;

/// Runs a control plane, a simulated AWS and the operator on this machine.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything in the background.
    Up {
        /// Where data, logs and the file to source go.
        #[arg(long, default_value = ".local")]
        dir: PathBuf,
    },
    /// Stops what `up` started.
    Down {
        /// The directory given to `up`.
        #[arg(long, default_value = ".local")]
        dir: PathBuf,
    },
    /// Starts everything in the foreground, applies the examples and shows what came of them.
    Demo {
        /// Where data, logs and the file to source go; emptied first.
        #[arg(long, default_value = ".local/demo")]
        dir: PathBuf,
        /// Manifests to apply.
        #[arg(long, default_value = "examples")]
        examples: PathBuf,
        /// Ends when everything was shown, with exit code 0 when everything became Ready.
        #[arg(long)]
        once: bool,
    },
    /// Says which actions in AWS the operator has used over the tests of a run: fails when its policy allows more.
    Rights {
        /// Forgets what was used, before a run.
        #[arg(long)]
        forget: bool,
    },
    /// Owns the processes that `up` wants in the background.
    #[command(hide = true)]
    Supervise {
        /// The directory given to `up`.
        #[arg(long)]
        dir: PathBuf,
    },
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up { dir } => background::up(&dir).await,
        Command::Down { dir } => background::down(&dir),
        Command::Demo {
            dir,
            examples,
            once,
        } => demo::run(&dir, &examples, once).await,
        Command::Rights { forget: true } => rights::forget(),
        Command::Rights { forget: false } => rights::report().map(|text| println!("{text}")),
        Command::Supervise { dir } => background::supervise(&dir).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
