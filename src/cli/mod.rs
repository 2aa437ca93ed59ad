//! The command line: one file a subcommand; `printer` is the only writer to stdout and stderr.
mod activity;
mod alerts;
mod audit;
mod backtest;
mod backtest_text;
mod backup;
mod batch_text;
mod context;
mod demo;
mod doctor;
mod exchange;
mod hosts;
mod ingest;
mod init;
mod lake;
mod policy;
mod policy_convert;
mod policy_proofs;
mod policy_explain;
mod policy_interven;
mod policy_lint;
mod policy_init;
mod policy_merge;
mod policy_source;
mod policy_test;
mod policy_tools;
mod policy_validate;
mod printer;
mod readiness_text;
mod review;
mod role_edit;
mod role_text;
mod roles;
mod run;
mod run_metrics;
mod settings;
mod shapes;
mod simulate;
mod suggest;
mod suggestions;
mod suggestions_export;
mod told;
mod trail;
mod variables;
mod words;

use std::{ffi::OsString, io, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{Config, ConfigError, Flags, asks_for_json_log},
    events::visible,
    pipeline::causes::Causes,
    telemetry,
};

pub use context::Context;
pub use printer::{Color, Output, Printer, Rows};

/// How a run of the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed; a sentence on stderr says what, where and what to do.
    Failed,
    /// The command line was wrong.
    Usage,
    /// Done, and a batch with changes was written (`--detailed-exitcode`).
    Changes,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Changes => 3,
        })
    }
}

/// Least-privilege policy roles for AI agents, written from what they were seen to do.
#[derive(Debug, Parser)]
#[command(name = "advisor", version, max_term_width = 100, propagate_version = true)]
struct Cli {
    #[command(flatten, next_help_heading = "Global options")]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every subcommand takes.
#[derive(Clone, Debug, Args)]
pub struct Globals {
    /// Where the store and the lake live [default: the XDG data directory]
    #[arg(long, global = true, value_name = "DIR", env = "ADVISOR_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL store instead of `advisor.db`, without a password: a URL with one is taken from the
    /// environment [env: `ADVISOR_DATABASE_URL`, or `ADVISOR_DATABASE_URL_FILE` for a file that holds it]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// The lake in a bucket, `s3://BUCKET/PREFIX`, instead of `lake` in the data directory
    #[arg(long, global = true, value_name = "URL", env = "ADVISOR_LAKE", hide_env_values = true)]
    pub lake: Option<String>,
    /// Configuration file [default: `advisor.toml` in the data directory]
    #[arg(long, global = true, value_name = "FILE", env = "ADVISOR_CONFIG")]
    pub config: Option<PathBuf>,
    /// Only look: commands that write to store or lake refuse
    #[arg(long, global = true, env = "ADVISOR_READ_ONLY", value_parser = clap::builder::FalseyValueParser::new())]
    pub read_only: bool,
    /// How data is printed
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table, env = "ADVISOR_OUTPUT")]
    pub output: Output,
    /// Only data and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more (repeat for more)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole loop on a bundled fleet: ingest, suggest, show the diff
    Demo(demo::Demo),
    /// Make configuration, store and the organization's default role
    Init(init::Init),
    /// Read files and directories into the lake, every event exactly once
    Ingest(ingest::Ingest),
    /// Analyze a role's activity and write a batch of changes to its rules
    Suggest(suggest::Suggest),
    /// Suggested batches: list, show, diff
    Suggestions(suggestions::Suggestions),
    /// Decide on the changes of a batch: accept, reject, modify, apply, dismiss
    Review(review::Review),
    /// What the suggestion would have done to later activity: coverage, stops, calibration
    Backtest(backtest::Backtest),
    /// The life of a role: make, edit, assign, history, import, export
    Roles(roles::Roles),
    /// Which host has which role
    Hosts(hosts::Hosts),
    /// Environment patterns: values of hosts that rules refer to
    Variables(variables::Variables),
    /// What the advisor goes by: schedule, window, confidence, retention
    Settings(settings::SettingsArgs),
    /// What cron calls: ingest what is new, analyze every role that is due
    Run(run::Run),
    /// The same again and again, for those without cron; ends well on SIGTERM
    Daemon(run::Daemon),
    /// Is everything in place: store, schema, lake, lag, clock, disk, directories, last success
    #[command(after_help = doctor::HELP)]
    Doctor,
    /// Who did what, with before and after
    Trail(trail::Trail),
    /// Check roles, decide by them, explain, test and merge them
    Policy(policy::Policy),
    /// Show how commands are read: subcommands, shapes, wrappers, effects
    Shapes(shapes::Shapes),
    /// The audit log: what agents did, newest first, by any field
    Audit(Box<audit::Audit>),
    /// What a person should look at: list, acknowledge, escalate, resolve; approve or block new servers
    Alerts(alerts::Alerts),
    /// Look at what the lake holds: its parts, and the lines in quarantine; erase a host or session
    Lake(lake::Lake),
    /// Copy store and lake as they are at one moment
    Backup(backup::Backup),
    /// Make up the activity of a fleet, the same for the same seed, with the truth beside it
    Simulate(simulate::Simulate),
}

/// Every command with its flags, for whoever lists them.
pub fn command_line() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the program on the process's own arguments.
pub fn main() -> Exit {
    run(std::env::args_os())
}

/// Runs the program on `args`, the program's name included.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(err) => {
            let exit = if err.use_stderr() { Exit::Usage } else { Exit::Done };
            let text = err.render().to_string();
            if err.use_stderr() && asks_for_json_log() {
                let printer = Printer::new(Output::Table, false, true).with_json_log(true);
                printer.error(text.trim_end());
            } else if text.lines().any(|line| visible(line) != line) {
                Printer::new(Output::Table, false, true).error(text.trim_end());
            } else {
                let _ = err.print();
            }
            return exit;
        }
    };
    let Globals { output, quiet, .. } = cli.globals;
    let mut printer = Printer::new(output, quiet, true).with_json_log(asks_for_json_log());
    let ended = start(cli, &mut printer);
    ended.unwrap_or_else(|err| {
        if is_closed_pipe(&err) {
            return Exit::Done;
        }
        printer.error(&sentence(&err));
        if is_wrong_use(&err) { Exit::Usage } else { Exit::Failed }
    })
}

/// Whether it is the command line that has to change.
fn is_wrong_use(err: &anyhow::Error) -> bool {
    let shown = err.downcast_ref::<ConfigError>();
    err.is::<WrongUse>() || matches!(shown, Some(ConfigError::PasswordShown))
}

/// Whether whoever reads our output has seen enough of it, as `head` does.
fn is_closed_pipe(err: &anyhow::Error) -> bool {
    let kind = match (err.downcast_ref::<io::Error>(), err.downcast_ref::<serde_json::Error>()) {
        (Some(err), _) => Some(err.kind()),
        (None, Some(err)) => err.io_error_kind(),
        (None, None) => None,
    };
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// Sets up configuration, logging and the runtime, and runs the subcommand to its end. `printer` is
/// set up from the configuration, for whatever is said after this, too.
fn start(cli: Cli, printer: &mut Printer) -> anyhow::Result<Exit> {
    let Globals { data_dir, database_url, lake, config, read_only, output, quiet, verbose } =
        cli.globals;
    let loaded = Config::load(&Flags { data_dir, database_url, lake, config, read_only });
    let config = match (loaded, &cli.command) {
        (Ok(config), _) => config,
        (
            Err(err),
            Command::Run(run::Run { metrics, .. }) | Command::Daemon(run::Daemon { metrics, .. }),
        ) => {
            run::tell_of_no_run(metrics, *printer);
            return Err(err.into());
        }
        (Err(err), _) => return Err(err.into()),
    };
    *printer = Printer::new(output, quiet, config.no_color).with_json_log(config.log_json);
    let complaint = telemetry::start(config.log.as_deref(), verbose, config.log_json);
    if let Some(complaint) = complaint {
        printer.error(&format!("warning: {complaint}"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let context = Context::new(*printer, config);
        let ended = dispatch(cli.command, &context).await;
        context.close().await;
        ended
    })
}

async fn dispatch(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Init(args) => init::run(args, context).await,
        Command::Roles(args) => roles::run(args, context).await,
        Command::Hosts(args) => hosts::run(args, context).await,
        Command::Variables(args) => variables::run(args, context).await,
        Command::Settings(args) => settings::run(args, context).await,
        Command::Suggestions(args) => suggestions::run(args, context).await,
        Command::Review(args) => review::run(args, context).await,
        Command::Shapes(args) => shapes::run(&args, context),
        Command::Simulate(args) => simulate::run(&args, context),
        Command::Ingest(args) => ingest::run(args, context).await,
        Command::Audit(args) => audit::run(*args, context).await,
        Command::Alerts(args) => alerts::run(args, context).await,
        Command::Lake(args) => lake::run(args, context).await,
        Command::Backup(args) => backup::run(args, context).await,
        Command::Backtest(args) => backtest::run(args, context).await,
        Command::Suggest(args) => suggest::run(args, context).await,
        Command::Run(args) => run::run(args, context).await,
        Command::Daemon(args) => run::daemon(args, context).await,
        Command::Doctor => doctor::run(context).await,
        Command::Trail(args) => trail::run(args, context).await,
        Command::Policy(args) => policy::run(args, context).await,
    }
}

/// A mistake on the command line that clap cannot see; ends the program with [`Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}\nhint: `advisor help` shows how it is called")]
pub struct WrongUse(pub String);

/// One sentence for a chain of causes, then the hints of the chain, each on its own line.
fn sentence(err: &anyhow::Error) -> String {
    let Causes { sentence, hints } = Causes::of(err);
    let lines: Vec<String> = std::iter::once(format!("error: {sentence}"))
        .chain(hints.iter().map(|it| format!("hint: {it}")))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_make_one_sentence_and_hints_their_own_lines() {
        let err =
            anyhow::anyhow!("no role `x`\nhint: `advisor roles list`").context("cannot suggest");
        assert_eq!(
            sentence(&err),
            "error: cannot suggest: no role `x`\nhint: `advisor roles list`"
        );
        let twice = anyhow::anyhow!("disk full").context("cannot write: disk full");
        assert_eq!(sentence(&twice), "error: cannot write: disk full");
    }

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }
}
