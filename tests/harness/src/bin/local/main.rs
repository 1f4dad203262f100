//! The same environment that the tests use, for people: `make up`, `make down` and `make demo`.

mod account;
mod background;
mod demo;
mod environment;
mod incident;
mod network;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use harness::{reference, rights, setup};

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
    /// Writes the field reference of every kind, from the CRDs that the operator prints.
    Reference {
        /// Directory for the pages.
        #[arg(long)]
        out: PathBuf,
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
        Command::Reference { out } => write_reference(&out).await,
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

async fn write_reference(directory: &Path) -> Result<()> {
    let mut crds = vec![];
    for crd in setup::crds().await? {
        crds.push(serde_json::from_value(crd)?);
    }
    std::fs::create_dir_all(directory)?;
    for (name, page) in reference::pages(&crds) {
        let path = directory.join(name);
        std::fs::write(&path, page).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
