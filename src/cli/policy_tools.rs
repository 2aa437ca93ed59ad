//! policy.yaml at work: what it says of tools, of recent activity, and what of a card it covers.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{Context, Exit, Output, Rows, role_text::grouped};
use crate::{
    events::{Action, Tally, Timestamp, visible},
    formats::{
        BadRoleFile, Invalid, PolicyFormat, load_text,
        policy_yaml::{
            Card, Evaluated, Known, PolicyFile, Verdict, coverage, evaluate, is_policy_json,
            read_card, read_file,
        },
    },
    pipeline::{
        dry_run::Grade,
        tools::{Tested, overall, test, tool_uses},
    },
};

/// `advisor policy coverage`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit 1 where less is covered than --at-least says.

Examples:
  advisor policy coverage --policy policy.yaml --card card.json
  advisor policy coverage --policy policy.yaml --card card.json --at-least 90 --output json")]
pub(super) struct Cover {
    /// A policy.yaml
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The agent's card, JSON or YAML, with its bounded actions
    #[arg(long, value_name = "FILE")]
    card: PathBuf,
    /// Least coverage, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    at_least: f64,
}

/// What of a test is shown, and what fails it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Only these; all where there is none.
    pub(super) grades: &'a [Grade],
    /// Whether a warning fails it.
    pub(super) deny_warnings: bool,
}

impl Wanted<'_> {
    fn shows(&self, verdict: Verdict) -> bool {
        let grade = match verdict {
            Verdict::Pass => Grade::Pass,
            Verdict::Warn => Grade::Warn,
            Verdict::Fail => Grade::Fail,
        };
        self.grades.is_empty() || self.grades.contains(&grade)
    }
}

/// A number of percent.
fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|it| (0.0..=100.0).contains(it));
    percent.ok_or_else(|| format!("`{text}` is no number from 0 to 100"))
}

/// What is said of some tools.
#[derive(Debug, Serialize)]
struct Said<'a> {
    policy: &'a str,
    verdict: Verdict,
    tools: &'a [Evaluated],
    /// What of the policy was not asked.
    warnings: Vec<String>,
}

/// What a policy made of activity.
#[derive(Debug, Serialize)]
struct Report<'a> {
    policy: &'a str,
    verdict: Verdict,
    unmapped: Vec<&'a str>,
    tools: &'a [Tested],
    /// What of the policy was not asked.
    warnings: Vec<String>,
}

/// The format of a file that is a policy.yaml, by its name, or the same as JSON, by what it holds.
pub(super) fn policy_yaml_format(path: &Path) -> Option<&'static PolicyFormat> {
    if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
        return PolicyFormat::parse("policy-yaml");
    }
    // What comes by a pipe can be read once, and what cannot be read is told by who needs it.
    let is_json = path != Path::new("-")
        && path.is_file()
        && load_text(path).is_ok_and(|text| is_policy_json(&text));
    if is_json { PolicyFormat::parse("policy-json") } else { None }
}

/// Whether a file is a policy.yaml, or the same as JSON.
pub(super) fn is_policy_yaml(path: &Path) -> bool {
    policy_yaml_format(path).is_some()
}

/// Tells of triggers that nobody understands, and of rules that a milder one takes calls from.
fn warn(path: &Path, policy: &PolicyFile, context: &Context) {
    for it in policy.warnings() {
        let it = visible(&it).into_owned();
        context.printer.error(&format!("warning: `{}` {it}", path.display()));
    }
}

/// Reads a policy.yaml.
///
/// # Errors
/// Where it cannot be read or is not valid.
pub(super) fn load(path: &Path) -> Result<PolicyFile, BadRoleFile> {
    parsed(path, read_file)
}

/// Reads a card.
///
/// # Errors
/// Where it cannot be read or has no actions.
pub(super) fn load_card(path: Option<&Path>) -> Result<Option<Card>, BadRoleFile> {
    path.map(|path| parsed(path, read_card)).transpose()
}

fn parsed<T>(path: &Path, read: fn(&str) -> Result<T, Vec<Invalid>>) -> Result<T, BadRoleFile> {
    let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
    read(&load_text(path)?).map_err(invalid)
}

/// Tells what a policy says of tools by name.
pub(super) fn evaluate_tools(
    path: &Path,
    tools: &[String],
    card: Option<&Path>,
    context: &Context,
) -> anyhow::Result<Exit> {
    let (policy, card) = (load(path)?, load_card(card)?);
    let known = Known { card: card.as_ref(), age_hours: None };
    let said: Vec<Evaluated> = tools.iter().map(|it| evaluate(&policy, it, &known)).collect();
    let verdict = overall(said.iter().map(|it| it.verdict));
    let printer = &context.printer;
    match printer.output {
        Output::Json => {
            let warnings = policy.warnings();
            let said = Said { policy: &policy.meta.name, verdict, tools: &said, warnings };
            printer.document(&said, String::new)?;
        }
        _ => printer.list(&said, || Rows {
            columns: vec!["verdict", "tool", "capability", "reasons"],
            cells: said.iter().map(cells).collect(),
        })?,
    }
    warn(path, &policy, context);
    Ok(if verdict == Verdict::Fail { Exit::Failed } else { Exit::Done })
}

fn cells(it: &Evaluated) -> Vec<String> {
    let reasons: Vec<String> = it
        .findings
        .iter()
        .map(|found| match found.severity {
            Some(severity) => format!("{} ({}, {severity})", found.reason, found.kind),
            None => format!("{} ({})", found.reason, found.kind),
        })
        .collect();
    let capability = it.capability.clone().unwrap_or_default();
    vec![it.verdict.to_string(), it.tool.clone(), capability, reasons.join("; ")]
}

/// Tries a policy on activity.
pub(super) fn test_on(
    path: &Path,
    card: Option<&Path>,
    tallies: &[Tally],
    limit: Option<u64>,
    now: Timestamp,
    wanted: Wanted<'_>,
    context: &Context,
) -> anyhow::Result<Exit> {
    let (policy, card) = (load(path)?, load_card(card)?);
    let uses = tool_uses(tallies, limit);
    let all = test(&policy, card.as_ref(), &uses, now);
    let verdict = overall(all.iter().map(|it| it.said.verdict));
    let shown = |it: &&Tested| wanted.shows(it.said.verdict);
    let tested: Vec<Tested> = all.iter().filter(shown).cloned().collect();
    let unmapped: Vec<&str> = all
        .iter()
        .filter(|it| it.said.capability.is_none())
        .map(|it| it.said.tool.as_str())
        .collect();
    let printer = &context.printer;
    match printer.output {
        Output::Json => {
            let warnings = policy.warnings();
            let (policy, unmapped) = (&policy.meta.name, unmapped.clone());
            let report = Report { policy, verdict, unmapped, tools: &tested, warnings };
            printer.document(&report, String::new)?;
        }
        _ => printer.list(&tested, || {
            let cells = tested.iter().map(|it| {
                let mut cells = cells(&it.said);
                cells.splice(2..2, [grouped(it.calls), it.sessions.to_string()]);
                cells
            });
            let columns = vec!["verdict", "tool", "calls", "sessions", "capability", "reasons"];
            Rows { columns, cells: cells.collect() }
        })?,
    }
    warn(path, &policy, context);
    let count = |verdict| all.iter().filter(|it| it.said.verdict == verdict).count();
    printer.note(&format!(
        "{} tools pass, {} warn, {} fail",
        count(Verdict::Pass),
        count(Verdict::Warn),
        count(Verdict::Fail)
    ));
    if !unmapped.is_empty() {
        let names: Vec<String> = unmapped.iter().map(|it| visible(it).into_owned()).collect();
        printer.note(&format!("no capability names {}", names.join(", ")));
    }
    let is_command = |it: &&Tally| matches!(it.action.as_ref(), Action::Command { .. });
    let n_commands: u64 = tallies.iter().filter(is_command).map(|it| it.n_events).sum();
    if n_commands > 0 {
        printer.note(&format!("{} commands are no tools of a policy.yaml", grouped(n_commands)));
    }
    let is_failed = verdict == Verdict::Fail || wanted.deny_warnings && verdict == Verdict::Warn;
    Ok(if is_failed { Exit::Failed } else { Exit::Done })
}

/// Tells what of a card a policy covers.
pub(super) fn cover(args: &Cover, context: &Context) -> anyhow::Result<Exit> {
    let policy = load(&args.policy)?;
    let card = load_card(Some(&args.card))?.context("there is no card")?;
    let found = coverage(&policy, &card);
    let printer = &context.printer;
    match printer.output {
        Output::Json | Output::Ndjson => printer.document(&found, String::new)?,
        _ => {
            let mapped = found.mapped_card_actions.iter().map(|it| (it, "yes"));
            let all = mapped.chain(found.unmapped_card_actions.iter().map(|it| (it, "no")));
            let cells = all.map(|(action, is)| vec![action.clone(), is.to_owned()]).collect();
            printer.list(&[(); 0], || Rows { columns: vec!["card_action", "covered"], cells })?;
        }
    }
    printer.note(&format!(
        "{:.0}% of {} card actions are covered",
        found.coverage_pct, found.total_card_actions
    ));
    for it in &found.unknown_actions {
        printer.note(&format!("`{}` is mapped and no action of the card", visible(it)));
    }
    let is_enough = found.coverage_pct >= args.at_least;
    Ok(if is_enough { Exit::Done } else { Exit::Failed })
}
