//! Entry point: reads the arguments and does what they say.

use std::process::ExitCode;

use clap::Parser;
use incident_operator::cli::{Arguments, Command};
use incident_operator::{api, import, permissions, run};

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::start(*arguments),
        Command::Import(arguments) => return import(&arguments),
        Command::Crds { out } => print_crds(out.as_deref()),
        Command::Rbac => print_yaml(&permissions::cluster_role()),
        Command::IamPolicy => {
            println!("{:#}", permissions::iam_policy());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("incident-operator: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Exit code 0 = everything is in the manifests, 3 = the report names what is not, 1 = nothing was imported.
fn import(arguments: &import::ImportArguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("incident-operator: {error}");
            return ExitCode::FAILURE;
        }
    };
    // One provider for everybody; a second call only says that it is set.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match runtime.block_on(import::import(arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            eprintln!("incident-operator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_yaml(value: &impl serde::Serialize) -> Result<(), run::Failure> {
    print!("{}", serde_saphyr::to_string(value)?);
    Ok(())
}

fn print_crds(out: Option<&std::path::Path>) -> Result<(), run::Failure> {
    for crd in api::crds() {
        let text = serde_saphyr::to_string(&crd)?;
        match out {
            Some(directory) => {
                std::fs::create_dir_all(directory)?;
                std::fs::write(
                    directory.join(format!("{}.yaml", crd.spec.names.plural)),
                    text,
                )?;
            }
            None => print!("---\n{text}"),
        }
    }
    Ok(())
}
