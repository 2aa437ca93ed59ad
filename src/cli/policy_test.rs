//! `advisor policy test`: what a role would make of recent activity.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;

use super::{
    Context, Exit, Output, WrongUse, activity,
    policy_source::{Given, Source},
    policy_tools::{self, Wanted, is_policy_yaml},
    printer::Rows,
    role_text::grouped,
    words::{instant, one_of},
};
use crate::{
    clock,
    events::{Action, Event, EventType, Tally, Timestamp, Unit, visible},
    inputs::Format,
    lake::Window,
    pipeline::{
        dry_run::{Count, DryRun, Grade, Tested, dry_run},
        evaluate::Judge,
    },
    policy::{Input, Rule},
};

/// `advisor policy test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Every distinct command of the activity gets a grade, by what became of it when it was seen:

  seen                   allow   alert, redact   require approval   deny, terminate
  allowed                pass    warn            warn               fail
  blocked, would block   warn    warn            pass               pass

Exit 1 where something fails; with --deny-warnings, where something warns, too.

A policy.yaml is tried on the tools that were used: what it says of each, and which ones no capability
names. A tool that was first seen less than the grace period ago only warns.

Examples:
  advisor policy test --role platform
  advisor policy test --policy new.json --activity platform --from 2026-01-01T00:00:00Z
  advisor policy test --policy policy.yaml --activity support --limit 500
  advisor policy test --policy builtin:coding-agents --input events.ndjson.gz --grade fail
  advisor policy test --role platform --output json | jq .summary")]
pub(super) struct Test {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    given: Given,
    /// The role whose activity is looked at [default: the role that is tested]
    #[arg(long, value_name = "ROLE")]
    activity: Option<String>,
    /// First instant of the window, RFC 3339 [default: `retention_days` before its end]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Last instant of the window, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Events of a file or directory in the place of the lake's
    #[arg(long, value_name = "EVENTS", conflicts_with_all = ["activity", "from", "to"])]
    input: Option<PathBuf>,
    /// Only so many of the newest calls, for a policy.yaml
    #[arg(long, value_name = "N", requires = "policy")]
    limit: Option<u64>,
    /// The agent's card, for a policy.yaml
    #[arg(long, value_name = "FILE", requires = "policy")]
    card: Option<PathBuf>,
    /// Only rows of this grade (repeat for more) [default: fail and warn in tables, all elsewhere and
    /// for a policy.yaml]
    #[arg(long, value_name = "GRADE", value_parser = one_of(Grade::ALL, Grade::as_str))]
    grade: Vec<Grade>,
    /// Exit 1 where something warns
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) async fn run(args: Test, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let given = args.given.inputs()?;
    let yaml = args.source.policy.clone().map(PathBuf::from).filter(|it| is_policy_yaml(it));
    if let Some(path) = yaml {
        return test_policy_yaml(&path, &args, context).await;
    }
    if args.limit.is_some() || args.card.is_some() {
        let why = "`--limit` and `--card` are for a policy.yaml";
        return Err(WrongUse(why.to_owned()).into());
    }
    let (role, variables) = args.source.load(context).await?;
    let tallies = match &args.input {
        Some(path) => {
            let events = activity::events(path, Format::default_format(), context)?;
            let mut tallies: Vec<Tally> = events.into_iter().filter_map(tally).collect();
            tallies.sort();
            tallies
        }
        None => of_window(&args, &role.name, context).await?,
    };
    if tallies.is_empty() {
        printer.note("there is no activity to test it on");
    }
    let mut judge = Judge::given(&role, given);
    let mut result = tokio::task::block_in_place(|| {
        dry_run(&mut judge, &tallies, |hostname| variables.of(hostname))
    });
    let default: &[Grade] = match printer.output {
        Output::Table => &[Grade::Fail, Grade::Warn],
        Output::Json | Output::Ndjson | Output::Csv => Grade::ALL,
    };
    let wanted = if args.grade.is_empty() { default } else { args.grade.as_slice() };
    result.commands.retain(|it| wanted.contains(&it.grade));
    match printer.output {
        Output::Json => printer.document(&result, String::new)?,
        Output::Table if result.commands.is_empty() => (),
        _ => printer.list(&result.commands, || rows(&result.commands))?,
    }
    if let Some(rule) = role.mcp_rules.iter().find(|it| asks_for_arguments(it)) {
        printer.error(&format!(
            "warning: `{}` and rules like it ask what is in the arguments of a call, and of activity only their \
             names are kept: they hold for no call here\n\
             hint: `advisor policy evaluate --input EVENTS` decides on calls with their arguments",
            visible(&rule.rule_id)
        ));
    }
    let summary = result.summary;
    printer.note(&sentence(&result));
    let is_failed = summary.fail.commands > 0 || args.deny_warnings && summary.warn.commands > 0;
    Ok(if is_failed { Exit::Failed } else { Exit::Done })
}

/// Whether a rule over calls holds by what their arguments say.
fn asks_for_arguments(rule: &Rule) -> bool {
    let inputs = [Input::DataClass, Input::RiskSignal, Input::ResourcePath];
    inputs.iter().any(|it| rule.when.contains_key(it.as_str()))
}

/// A policy.yaml on the tools that were used.
async fn test_policy_yaml(path: &Path, args: &Test, context: &Context) -> anyhow::Result<Exit> {
    let (tallies, now) = match (&args.input, &args.activity) {
        (Some(input), _) => {
            let events = activity::events(input, Format::default_format(), context)?;
            let now = events.iter().map(|it| it.timestamp).max();
            (events.into_iter().filter_map(tally).collect(), now)
        }
        (None, Some(role)) => (of_window(args, role, context).await?, args.to),
        (None, None) => {
            let why =
                "a policy.yaml is tested on the activity of a role (`--activity`) or on events";
            return Err(WrongUse(why.to_owned()).into());
        }
    };
    let now = now.unwrap_or_else(clock::now);
    let wanted = Wanted { grades: &args.grade, deny_warnings: args.deny_warnings };
    policy_tools::test_on(path, args.card.as_deref(), &tallies, args.limit, now, wanted, context)
}

/// The activity of the window that is asked for.
async fn of_window(args: &Test, role: &str, context: &Context) -> anyhow::Result<Vec<Tally>> {
    let to = args.to.unwrap_or_else(clock::now);
    if args.from.is_some_and(|from| from > to) {
        return Err(WrongUse(format!("the window ends ({to}) before it begins")).into());
    }
    let name = args.activity.as_deref().unwrap_or(role);
    let settings = context.store().await?.settings(Some(name)).await?;
    let kept_hours = f64::from(settings.retention_days) * 24.0;
    let from = args.from.unwrap_or_else(|| to.plus_hours(-kept_hours));
    // The end of a window is its last instant; the lake's is the first one after it.
    of_lake(name, Window { from, to: Timestamp(to.0.saturating_add(1)) }, context).await
}

/// The activity of a role in the lake.
///
/// # Errors
/// Where there is no such role, or the lake cannot be read.
pub(super) async fn of_lake(
    name: &str,
    window: Window,
    context: &Context,
) -> anyhow::Result<Vec<Tally>> {
    let store = context.store().await?;
    store.role(name).await.context("whose activity?")?;
    let manifest = store.manifest().await?;
    let lake = context.config.lake_to_read()?;
    tokio::task::block_in_place(|| lake.tallies(&manifest.parts, name, window))
        .with_context(|| format!("reading the activity of role `{name}`"))
}

/// One event as a tally; `None` where it is no action.
pub(super) fn tally(event: Event) -> Option<Tally> {
    let action = match event.event_type {
        EventType::CommandExecution => Action::Command { argv: event.argv, cwd: event.cwd },
        EventType::McpToolCall => {
            let arguments = event.mcp_arguments.unwrap_or_default();
            let parsed: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&arguments).unwrap_or_default();
            let mut argument_names: Vec<String> =
                parsed.into_iter().map(|(name, _)| name).collect();
            argument_names.sort();
            Action::McpCall { server: event.mcp_server?, tool: event.mcp_tool?, argument_names }
        }
        EventType::ConfigChange | EventType::PolicyIntegrity => return None,
    };
    Some(Tally {
        action: Arc::new(action),
        unit: Unit {
            hostname: event.hostname.into(),
            session_id: event.session_id.unwrap_or_default().into(),
            day: event.timestamp.day(),
        },
        outcome: event.decision,
        n_events: 1,
        first: event.timestamp,
        last: event.timestamp,
        event_id: event.event_id.into(),
    })
}

/// The summary for people.
fn sentence(result: &DryRun) -> String {
    let part = |count: Count, word: &str| {
        format!("{} {word} ({} events)", grouped(count.commands), grouped(count.events))
    };
    let summary = result.summary;
    format!(
        "{}, {}, {}",
        part(summary.pass, "pass"),
        part(summary.warn, "warn"),
        part(summary.fail, "fail")
    )
}

fn rows(commands: &[Tested]) -> Rows {
    Rows {
        columns: vec![
            "grade", "decision", "seen", "events", "sessions", "hosts", "rule", "command",
        ],
        cells: commands
            .iter()
            .map(|it| {
                vec![
                    it.grade.to_string(),
                    it.decision.to_string(),
                    it.seen.to_string(),
                    it.events.to_string(),
                    it.sessions.to_string(),
                    it.hosts.to_string(),
                    it.rule.clone().unwrap_or_default(),
                    it.line.chars().take(120).collect(),
                ]
            })
            .collect(),
    }
}
