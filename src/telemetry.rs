//! Logging.

use std::io::IsTerminal as _;

use tracing::Level;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::aws::observe::TARGETS_TO_KEEP_QUIET;
use crate::cli::LogFormat;

/// Sets up logging to standard error. `level` is a level or a filter.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(format: LogFormat, level: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let asked = level.parse::<EnvFilter>()?;
    // Libraries log requests, bodies and AWS's messages at debug and trace, and these hold addresses: never, whatever is asked for.
    let harmless = filter_fn(|metadata| {
        let library = metadata.target().split("::").next().unwrap_or_default();
        let most = if library == "kube_client" {
            // It warns with the whole object when one does not decode.
            Level::ERROR
        } else if TARGETS_TO_KEEP_QUIET.contains(&library) {
            Level::WARN
        } else {
            Level::TRACE
        };
        *metadata.level() <= most
    });
    let filter = asked.and(harmless);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true);
            tracing_subscriber::registry()
                .with(lines.with_filter(filter))
                .init();
        }
        LogFormat::Text => {
            // Colours are for people; a file keeps them as rubbish.
            let lines = lines
                .with_target(false)
                .with_ansi(std::io::stderr().is_terminal());
            tracing_subscriber::registry()
                .with(lines.with_filter(filter))
                .init();
        }
    }
    Ok(())
}
