//! Entry point: reads the arguments and does what they say.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use incident_operator::cli::{Arguments, Command};
use incident_operator::permissions::PolicyScope;
use incident_operator::{api, export, import, permissions, plan, release, run};

/// Passes make many small values that live shortly, on several threads: `make bench` shows what this saves.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let result: Result<(), Box<dyn Error>> = match Arguments::parse().command {
        Command::Run(arguments) => run::start(*arguments).map_err(Into::into),
        Command::Import(arguments) => {
            // 3 = the report names what is not in the manifests, 1 = nothing was imported.
            return wait_for(import::import(&arguments), 3);
        }
        Command::Export(arguments) => return wait_for(export::export(&arguments), 3),
        // 2 = there is something to do.
        Command::Plan(arguments) => return wait_for(plan::plan(&arguments), 2),
        Command::Release(arguments) => return wait_for(release::release(&arguments), 1),
        Command::Completion { shell } => {
            let name = env!("CARGO_PKG_NAME");
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                name,
                &mut std::io::stdout(),
            );
            Ok(())
        }
        Command::Crds { out } => print_crds(out.as_deref()),
        Command::Examples { out } => print_examples(out.as_deref()),
        Command::Rbac { rules: true } => print_yaml(&permissions::rules()),
        Command::Rbac { rules: false } => print_yaml(&permissions::cluster_role()),
        Command::IamPolicy { kinds, read_only } => {
            permissions::iam_policy(&PolicyScope { kinds, read_only })
                .map(|policy| println!("{policy:#}"))
                .map_err(Into::into)
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

/// Exit code 0 = all is well, `partly` = not everything could be done, 1 = nothing was done.
fn wait_for<E: std::fmt::Display>(
    command: impl Future<Output = Result<bool, E>>,
    partly: u8,
) -> ExitCode {
    let fail = |error: &dyn std::fmt::Display| {
        eprintln!("incident-operator: {error}");
        ExitCode::FAILURE
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    // One provider for everybody; a second call only says that it is set.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match runtime.block_on(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(partly),
        Err(error) => fail(&error),
    }
}

fn print_yaml(value: &impl serde::Serialize) -> Result<(), Box<dyn Error>> {
    print!("{}", serde_saphyr::to_string(value)?);
    Ok(())
}

fn print_examples(out: Option<&Path>) -> Result<(), Box<dyn Error>> {
    for (kinds, text) in api::examples::complete()? {
        print_or_write(out, &kinds, &text)?;
    }
    Ok(())
}

fn print_crds(out: Option<&Path>) -> Result<(), Box<dyn Error>> {
    for crd in api::crds() {
        let text = serde_saphyr::to_string(&crd)?;
        print_or_write(out, &crd.spec.names.plural, &text)?;
    }
    Ok(())
}

/// One document of many, or one file of the directory `out`.
fn print_or_write(out: Option<&Path>, name: &str, text: &str) -> std::io::Result<()> {
    let Some(directory) = out else {
        print!("---\n{text}");
        return Ok(());
    };
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join(format!("{name}.yaml")), text)
}
