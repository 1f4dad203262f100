//! Logging.

use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Sets up logging to standard error. `level` is a level or a filter.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(format: LogFormat, level: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    // Libraries log requests and bodies at debug and trace: never here, whatever is asked for, because they may hold addresses.
    let filter = level.parse::<EnvFilter>()?;
    let quiet = [
        "aws_smithy_runtime",
        "aws_smithy_http",
        "aws_runtime",
        "aws_config",
        "aws_sdk_ssmcontacts",
        "hyper",
        "h2",
        "kube_client",
        "tower",
    ];
    let filter = quiet.iter().try_fold(filter, |filter, library| {
        Ok::<_, tracing_subscriber::filter::ParseError>(
            filter.add_directive(format!("{library}=warn").parse()?),
        )
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_target(false).init(),
    }
    Ok(())
}
