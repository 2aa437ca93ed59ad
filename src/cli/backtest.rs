//! `advisor backtest`: what the suggestion would have done to later activity.
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::{Context, Exit, Output, WrongUse, backtest_text, words::instant};
use crate::{
    clock,
    events::Timestamp,
    pipeline::backtest::{Experiment, Start, picture, run as try_out},
};

/// Most cuts of one experiment.
const MAX_CUTS: usize = 20;

/// `advisor backtest`.
#[derive(Debug, Args)]
#[command(after_help = "\
The window is cut where a share of its events has passed. The first part is analyzed as `advisor
suggest` would, all of it is accepted, and the role that comes of it decides the rest. Nothing is
stored. Printed are what would have passed, waited and been stopped (and by which rule), what
becomes of the guards' own examples of attacks, and how the stated confidence of the changes
compares with what came: an added allow is right where a later event needs it, every other change
where it stops none.

Examples:
  advisor backtest --role platform
  advisor backtest --role platform --cut 0.3,0.5,0.7,0.85 --svg backtest.svg
  advisor backtest --role platform --role web --scratch --output csv
  advisor backtest --role platform --output json | jq '.runs[].stops[:10]'")]
pub(super) struct Backtest {
    /// The role; repeat it for more
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// First instant of the window, RFC 3339 [default: `retention_days` before its end]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Last instant of the window, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Shares of the events to learn from, each above 0 and below 1
    #[arg(long = "cut", value_name = "SHARE", value_delimiter = ',', default_value = "0.7", value_parser = share)]
    cuts: Vec<f64>,
    /// Begin with the rules of a revision
    #[arg(long, value_name = "N", conflicts_with = "scratch")]
    revision: Option<u64>,
    /// Begin without rules
    #[arg(long)]
    scratch: bool,
    /// Draw coverage and calibration into a file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

pub(super) async fn run(args: Backtest, context: &Context) -> anyhow::Result<Exit> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        return Err(WrongUse(format!("the window ends ({to}) before it begins ({from})")).into());
    }
    if args.cuts.len() > MAX_CUTS {
        return Err(WrongUse(format!("{} cuts are more than {MAX_CUTS}", args.cuts.len())).into());
    }
    let store = context.store().await?;
    let lake = context.lake()?;
    let start = match args.revision {
        Some(revision) => Start::Revision(revision),
        None if args.scratch => Start::Scratch,
        None => Start::Current,
    };
    let experiment = Experiment {
        roles: args.roles,
        from: args.from,
        to: args.to,
        now: clock::now(),
        cuts: args.cuts,
        start,
    };
    let report = try_out(store, &lake, &experiment).await?;
    let printer = &context.printer;
    if let Some(path) = &args.svg {
        write(path, &picture(&report))?;
    }
    match printer.output {
        Output::Csv | Output::Ndjson => {
            printer.list(&report.runs, || backtest_text::rows(&report))?;
        }
        Output::Table | Output::Json => {
            printer.document(&report, || backtest_text::page(&report))?;
        }
    }
    for run in &report.runs {
        if let Some(silence) = &run.silence {
            printer.note(&format!(
                "no suggestion for role `{}` at {:.0}%: {silence}",
                run.role,
                run.cut * 100.0
            ));
        }
    }
    if let Some(path) = &args.svg {
        printer.note(&format!("the picture is in {}", path.display()));
    }
    Ok(Exit::Done)
}

#[expect(clippy::disallowed_methods, reason = "the picture goes where the user said")]
fn write(path: &std::path::Path, picture: &str) -> anyhow::Result<()> {
    std::fs::write(path, picture)
        .with_context(|| format!("cannot write the picture to `{}`", path.display()))
}

/// A share of a flag.
fn share(text: &str) -> Result<f64, String> {
    let share = text.trim().parse::<f64>().ok().filter(|it| *it > 0.0 && *it < 1.0);
    share.ok_or_else(|| format!("`{text}` is not a share above 0 and below 1, such as 0.7"))
}
