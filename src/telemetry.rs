//! Log lines on stderr, gauges in a file and for a collector, for operators; what a command has to say goes through
//! `cli::printer`.
pub mod metrics;
pub mod otlp;

use std::io;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts logging. `filter` wins over `verbose`: 0 shows warnings of ours, 1 info, 2 debug, 3 all.
///
/// A filter that cannot be read is answered with a sentence; logging then follows `verbose`.
pub fn start(filter: Option<&str>, verbose: u8, json: bool) -> Option<String> {
    let by_flag = match verbose {
        0 => "error,policy_advisor=warn",
        1 => "warn,policy_advisor=info",
        2 => "info,policy_advisor=debug",
        _ => "trace",
    };
    let (chosen, complaint) = match filter.map(EnvFilter::try_new) {
        None => (EnvFilter::new(by_flag), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(err)) => (
            EnvFilter::new(by_flag),
            Some(format!("`ADVISOR_LOG` is not a log filter: {err}\nhint: such as `info`")),
        ),
    };
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false).with_target(verbose > 1);
    let registry = tracing_subscriber::registry().with(chosen);
    // A second start, as in tests that run the program in their own process, changes nothing.
    let _ =
        if json { registry.with(lines.json()).try_init() } else { registry.with(lines).try_init() };
    complaint
}
