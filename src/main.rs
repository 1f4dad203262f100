//! Entry point: reads the arguments and does what they say.

use std::process::ExitCode;

use clap::Parser;
use incident_operator::cli::{Arguments, Command};
use incident_operator::{api, permissions, run};

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::start(*arguments),
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
