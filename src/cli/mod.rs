//! The command line: one file a subcommand; `printer` is the only writer to stdout and stderr.
mod printer;
mod shapes;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

pub use printer::{Output, Printer};

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
    #[command(flatten)]
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
    /// PostgreSQL store instead of `advisor.db`; better given in the environment
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ADVISOR_DATABASE_URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// Configuration file [default: `advisor.toml` in the data directory]
    #[arg(long, global = true, value_name = "FILE", env = "ADVISOR_CONFIG")]
    pub config: Option<PathBuf>,
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
    /// Show how commands are read: subcommands, shapes, wrappers, effects
    Shapes(shapes::ShapesArgs),
}

/// Runs the program on the process's own arguments.
pub fn main() -> Exit {
    run(std::env::args_os())
}

/// Runs the program on `args`, the program's name included.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    match Cli::try_parse_from(args) {
        Ok(cli) => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
            let printer = Printer::new(cli.globals.output, cli.globals.quiet, no_color);
            let done = match &cli.command {
                Command::Shapes(args) => shapes::run(args, printer),
            };
            done.unwrap_or_else(|error| {
                printer.error(&format!("error: {error:#}"));
                Exit::Failed
            })
        }
        Err(err) => {
            let exit = if err.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = err.print();
            exit
        }
    }
}
