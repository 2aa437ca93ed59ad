//! `advisor run`: what cron calls.
use std::io::IsTerminal as _;

use clap::Args;

use super::{Context, Exit, Output, Rows, printer::table};
use crate::{
    events::visible,
    lake::Lake,
    schedule::{RunReport, Selection, run as run_once},
    store::RunOutcome,
};

/// `advisor run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads what is new in the directories of advisor.toml, then analyzes every role whose schedule has
fired since it was last analyzed, one after the other. Safe to call at any time, twice at once, and
again: a second run says that one is under way and ends well. Every run leaves a row for every role
in `advisor_runs`, with its reason.")]
pub(super) struct Run {
    /// Only this role
    #[arg(long)]
    role: Option<String>,
    /// Analyze whether or not it is time
    #[arg(long)]
    force: bool,
    /// Exit with 3 where a batch with changes was written
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) async fn run(args: Run, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let store = context.store().await?;
    let lake = Lake::open(&context.config.data_dir)?;
    let selection = Selection { role: args.role, force: args.force };
    let shows_steps = std::io::stderr().is_terminal();
    let step = |text: &str| {
        if shows_steps {
            printer.note(&visible(text));
        }
    };
    let Some(report) = run_once(store, &lake, &context.config, &selection, &step).await? else {
        printer.note("another run is under way, it does the work");
        return Ok(Exit::Done);
    };
    if printer.output == Output::Csv {
        printer.list(&report.roles, || rows(&report))?;
    } else {
        printer.document(&report, || page(&report))?;
    }
    if report.outcome == RunOutcome::Failed {
        printer.error(&format!("error: {}", visible(&report.reason)));
        return Ok(Exit::Failed);
    }
    let has_changes = args.detailed_exitcode && report.has_batches();
    Ok(if has_changes { Exit::Changes } else { Exit::Done })
}

fn page(report: &RunReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    for it in &report.directories {
        lines.push(format!(
            "{}: read {} = accepted {} + duplicates {} + rejected {}",
            visible(&it.path),
            it.read,
            it.accepted,
            it.duplicates,
            it.rejected
        ));
    }
    if report.directories.is_empty() {
        lines.push("no directories in advisor.toml, nothing was read".to_owned());
    }
    lines.push(table(&rows(report)).trim_end().to_owned());
    lines.join("\n")
}

fn rows(report: &RunReport) -> Rows {
    let cells = report.roles.iter().map(|it| {
        vec![it.role.clone().unwrap_or_default(), it.outcome.to_string(), it.reason.clone()]
    });
    Rows { columns: vec!["role", "outcome", "reason"], cells: cells.collect() }
}
