//! Entry point: run, then turn the outcome into an exit code.
use std::process::ExitCode;

fn main() -> ExitCode {
    policy_advisor::cli::main().into()
}
