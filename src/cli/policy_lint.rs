//! `advisor policy lint`: what is wrong with a role, with the activity its rules should match.
use std::{collections::BTreeSet, path::PathBuf};

use clap::Args;

use super::{
    Context, Exit, Rows, WrongUse, activity,
    policy_source::Source,
    policy_test::{of_lake, tally},
    role_text::grouped,
    words::instant,
};
use crate::{
    commands::canonical,
    events::{Action, Tally, Timestamp, visible},
    inputs::Format,
    lake::Window,
    policy::{Matching, Role, proof},
    risk::lint::{Finding, Seen, lint},
};

/// `advisor policy lint`.
#[derive(Debug, Args)]
#[command(after_help = "\
  PL001  never fires             PL004  stops what passes in another spelling
  PL002  redundant               PL005  said to only read, and does not
  PL003  too broad               PL006  matches nothing that was seen

What was seen of a role of the store is in the lake; for a role of a file name the role whose activity
it is, or events. On stderr stands how much that is, from when to when. Where nothing was seen, PL006 is
not looked for.

Examples:
  advisor policy lint --role platform
  advisor policy lint --role platform --from 2026-01-01T00:00:00Z
  advisor policy lint --policy role.json --activity platform --output json --deny-warnings")]
pub(super) struct Lint {
    #[command(flatten)]
    source: Source,
    /// The role whose activity is looked at [default: the role itself, where it is of the store]
    #[arg(long, value_name = "ROLE")]
    activity: Option<String>,
    /// First instant of activity, RFC 3339 [default: the first of the lake]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Last instant of activity, RFC 3339 [default: the last of the lake]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Events of a file or directory in the place of the lake's
    #[arg(long, value_name = "EVENTS", conflicts_with_all = ["activity", "from", "to"])]
    input: Option<PathBuf>,
    /// Exit with code 1 where there is any finding
    #[arg(long)]
    deny_warnings: bool,
    /// Most states of one proof
    #[arg(long, value_name = "N", default_value_t = proof::MAX_STATES)]
    max_states: usize,
}

/// Looks for what is wrong with a role.
pub(super) async fn run(args: Lint, context: &Context) -> anyhow::Result<Exit> {
    let (role, _) = args.source.load(context).await?;
    let seen = seen(&args, &role, context).await?;
    let findings = tokio::task::block_in_place(|| lint(&role, seen.as_ref(), args.max_states));
    context.printer.list(&findings, || rows(&findings))?;
    let n = findings.len();
    context.printer.note(&format!("{n} {}", if n == 1 { "finding" } else { "findings" }));
    Ok(if args.deny_warnings && n > 0 { Exit::Failed } else { Exit::Done })
}

/// What was seen; `None`, and a word about it, where nobody looked or nothing was seen.
async fn seen(args: &Lint, role: &Role, context: &Context) -> anyhow::Result<Option<Seen>> {
    let printer = context.printer;
    let (whose, tallies) = match (&args.input, args.activity.as_ref().or(args.source.role.as_ref()))
    {
        (Some(path), _) => {
            let events = activity::events(path, Format::default_format(), context)?;
            let tallies: Vec<Tally> = events.into_iter().filter_map(tally).collect();
            (format!("`{}`", path.display()), tallies)
        }
        (None, Some(name)) => {
            let from = args.from.unwrap_or(Window::ALL.from);
            let to = args.to.map_or(Window::ALL.to, |it| Timestamp(it.0.saturating_add(1)));
            if from >= to {
                return Err(WrongUse("the window ends before it begins".to_owned()).into());
            }
            (format!("role `{name}`"), of_lake(name, Window { from, to }, context).await?)
        }
        (None, None) if args.from.is_some() || args.to.is_some() => {
            let why = "`--from` and `--to` need to know whose activity: add `--activity ROLE`";
            return Err(WrongUse(why.to_owned()).into());
        }
        (None, None) => return Ok(None),
    };
    let whose = visible(&whose);
    let span = tallies.iter().map(|it| it.first).min().zip(tallies.iter().map(|it| it.last).max());
    let Some((first, last)) = span else {
        printer.note(&format!("there is no activity of {whose}, so PL006 was not looked for"));
        return Ok(None);
    };
    let seen = of_tallies(&tallies, role.matching);
    printer.note(&format!(
        "looked at {} events of {whose}, from {first} to {last}: {} lines and {} MCP calls",
        grouped(tallies.iter().map(|it| it.n_events).sum()),
        grouped(seen.lines.len() as u64),
        grouped(seen.calls.len() as u64),
    ));
    Ok(Some(seen))
}

/// What rules are tried on, of activity.
fn of_tallies(tallies: &[Tally], matching: Matching) -> Seen {
    let (mut lines, mut calls) = (BTreeSet::new(), BTreeSet::new());
    for tally in tallies {
        match (&*tally.action, matching) {
            (Action::Command { argv, .. }, Matching::Expanded) => {
                lines.extend(proof::tried_lines(argv));
            }
            (Action::Command { argv, .. }, Matching::Literal) => {
                lines.insert(canonical(argv));
            }
            (Action::McpCall { server, tool, .. }, _) => {
                calls.insert(format!("{server}/{tool}"));
            }
        }
    }
    Seen { lines: lines.into_iter().collect(), calls: calls.into_iter().collect() }
}

fn rows(findings: &[Finding]) -> Rows {
    let cells = findings.iter().map(|it| {
        let place = if it.list == "rules" { String::new() } else { "mcp ".to_owned() };
        let rule = format!("{place}{}: {}", it.position, it.pattern);
        vec![it.code.to_string(), rule, it.message.clone()]
    });
    Rows { columns: vec!["code", "rule", "finding"], cells: cells.collect() }
}
