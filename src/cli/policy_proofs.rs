//! `advisor policy diff|verify|closure`: what a role does with all commands, proved.
use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;

use super::{
    Context, Exit, Rows, WrongUse, activity,
    policy_source::{Source, from_file},
};
use crate::{
    events::{EventType, visible},
    inputs::Format,
    policy::{
        Role, RuleAction,
        proof::{self, Change, Decider, Opening, Verifier},
    },
    risk::{
        BUILTIN_ROLE,
        acts::{Aim, Benign, Closed, Closure, acts, aims, closure},
    },
};

/// What bounds a proof, and for which hosts it holds.
#[derive(Debug, Args)]
struct Bounds {
    /// What a variable is on the hosts that are meant (repeat for more)
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Most states of one proof; past it the answer is `not decided`
    #[arg(long, value_name = "N", default_value_t = proof::MAX_STATES)]
    max_states: usize,
}

impl Bounds {
    fn variables(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let pair = |text: &String| {
            let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
            Some((name.to_owned(), value.to_owned()))
        };
        let pairs = self.variables.iter().map(|text| {
            pair(text).ok_or_else(|| WrongUse(format!("`{text}` is not NAME=VALUE")).into())
        });
        pairs.collect()
    }
}

/// `advisor policy diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
A role is named as it is in the store, by its file, or as `builtin:coding-agents`. Every two rules that
decide some command differently are listed with the shortest such command. Where nothing is listed,
nothing differs: that is a proof over all commands.

Examples:
  advisor policy diff platform platform-new.json
  advisor policy diff builtin:coding-agents platform --output json")]
pub(super) struct Diff {
    /// The role as it was
    #[arg(value_name = "OLD")]
    old: String,
    /// The role as it is
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    bounds: Bounds,
}

/// `advisor policy verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
An act is a dangerous thing to do, in every spelling. For each one either no command that does it
passes, which is a proof, or the shortest that passes is shown with the rule that lets it through.
Exit code 1 where something passes or cannot be decided.

Examples:
  advisor policy verify --role platform
  advisor policy verify --policy role.json --act git.force-push --act secrets.read --output json")]
pub(super) struct Verify {
    #[command(flatten)]
    source: Source,
    /// Only these acts, or families such as `git` (repeat for more)
    #[arg(long = "act", value_name = "ACT")]
    acts: Vec<String>,
    #[command(flatten)]
    bounds: Bounds,
}

/// `advisor policy closure`.
#[derive(Debug, Args)]
#[command(after_help = "\
What to stop is an act (`advisor policy verify` lists them) or a deny pattern, whose words are taken for
what they mean. No event of the activity that does something else is stopped.

Examples:
  advisor policy closure git.force-push --input events.ndjson.gz
  advisor policy closure 'git push --force*' --output json")]
pub(super) struct Close {
    /// An act, a family of acts, or a deny pattern
    #[arg(value_name = "ACT|PATTERN")]
    what: String,
    /// Activity that must not be stopped: a file or directory of events
    #[arg(long, value_name = "EVENTS")]
    input: Option<PathBuf>,
    /// Most states of one proof
    #[arg(long, value_name = "N", default_value_t = proof::MAX_STATES)]
    max_states: usize,
}

/// A role by one word: the built-in one, a file where there is such a file, else one of the store.
async fn role_of(word: &str, context: &Context) -> anyhow::Result<Role> {
    let path = std::path::Path::new(word);
    let is_file = path.extension().is_some_and(|it| it == "json") || word.contains('/');
    if word == BUILTIN_ROLE || is_file || path.is_file() {
        return from_file(word);
    }
    Ok(context.store().await?.role(word).await?)
}

/// Compares two roles.
pub(super) async fn diff(args: Diff, context: &Context) -> anyhow::Result<Exit> {
    let variables = args.bounds.variables()?;
    let (old, new) = (role_of(&args.old, context).await?, role_of(&args.new, context).await?);
    let found =
        tokio::task::block_in_place(|| proof::diff(&old, &new, &variables, args.bounds.max_states));
    let printer = &context.printer;
    printer.list(&found.changes, || change_rows(&found.changes))?;
    for it in &found.undecided {
        printer.error(&format!(
            "not decided within {} states: {} against {}",
            args.bounds.max_states,
            named(&it.old),
            named(&it.new)
        ));
    }
    if old.matching != new.matching {
        printer.error("one role expands commands and the other does not: compared as if both did");
    }
    if old.risk_policy != new.risk_policy {
        printer.error("the risk policies differ, which no command shows");
    }
    if found.changes.is_empty() && found.undecided.is_empty() {
        printer.note("no command is decided differently: proved for all of them");
    }
    Ok(if found.undecided.is_empty() { Exit::Done } else { Exit::Failed })
}

fn change_rows(changes: &[Change]) -> Rows {
    let cells = changes.iter().map(|it| {
        let change = format!("{} -> {}", it.old.action, it.new.action);
        vec![change, it.witness.clone(), named(&it.old), named(&it.new), it.kind.to_string()]
    });
    Rows {
        columns: vec!["change", "shortest", "old_rule", "new_rule", "lines"],
        cells: cells.collect(),
    }
}

/// A rule, as people are told of it.
fn named(decider: &Decider) -> String {
    match (&decider.position, &decider.pattern) {
        (Some(position), Some(pattern)) => format!("{position}: {pattern}"),
        _ => "default".to_owned(),
    }
}

/// What became of one act.
#[derive(Debug, serde::Serialize)]
struct Verdict {
    act: String,
    class: &'static str,
    title: String,
    /// `proved`, `open` or `undecided`.
    result: &'static str,
    /// The shortest command that passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    openings: Vec<Opening>,
    undecided: Vec<Decider>,
}

/// Asks a role about acts.
pub(super) async fn verify(args: Verify, context: &Context) -> anyhow::Result<Exit> {
    let variables = args.bounds.variables()?;
    let (role, _) = args.source.load(context).await?;
    let is_meant = |id: &str| {
        let family = id.split('.').next().unwrap_or(id);
        args.acts.is_empty() || args.acts.iter().any(|it| it == id || it == family)
    };
    let chosen: Vec<_> = acts().iter().filter(|act| is_meant(&act.id)).collect();
    if chosen.is_empty() {
        return Err(no_such_act(args.acts.first().map_or("", String::as_str)));
    }
    let verdicts: Vec<Verdict> = tokio::task::block_in_place(|| {
        let verifier = Verifier::new(&role, &variables, args.bounds.max_states);
        let verdict = |act: &&crate::risk::acts::Act| {
            let found = verifier.openings(act.lines(role.matching));
            let result = match (found.open.is_empty(), found.undecided.is_empty()) {
                (false, _) => "open",
                (true, false) => "undecided",
                (true, true) => "proved",
            };
            Verdict {
                act: act.id.clone(),
                class: act.class.as_str(),
                title: act.title.clone(),
                result,
                witness: found.open.first().map(|it| it.witness.clone()),
                openings: found.open,
                undecided: found.undecided,
            }
        };
        chosen.iter().map(verdict).collect()
    });
    context.printer.list(&verdicts, || {
        let cells = verdicts.iter().map(|it| {
            let by = it.openings.first().map(|it| named(&it.by)).unwrap_or_default();
            let witness = it.witness.clone().unwrap_or_default();
            vec![it.act.clone(), it.result.to_owned(), witness, by]
        });
        Rows { columns: vec!["act", "result", "passes", "by_rule"], cells: cells.collect() }
    })?;
    let count = |result| verdicts.iter().filter(|it| it.result == result).count();
    context.printer.note(&format!(
        "{} of {} acts proved stopped, {} open, {} not decided",
        count("proved"),
        verdicts.len(),
        count("open"),
        count("undecided")
    ));
    Ok(if count("proved") == verdicts.len() { Exit::Done } else { Exit::Failed })
}

fn no_such_act(name: &str) -> anyhow::Error {
    let ids: Vec<&str> = acts().iter().map(|act| act.id.as_str()).collect();
    anyhow::anyhow!("there is no act `{}`\nhint: there are {}", visible(name), ids.join(", "))
}

/// The lines that rules are tried on, of the events of files.
fn lines_of(path: &std::path::Path, context: &Context) -> anyhow::Result<Vec<String>> {
    let events = activity::events(path, Format::default_format(), context)?;
    let commands = events.iter().filter(|it| it.event_type == EventType::CommandExecution);
    let mut lines: Vec<String> =
        commands.flat_map(|event| proof::tried_lines(&event.argv)).collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}

/// Finds the patterns that stop an act.
pub(super) fn close(args: &Close, context: &Context) -> anyhow::Result<Exit> {
    let activity = match &args.input {
        Some(path) => lines_of(path, context)?,
        None => Vec::new(),
    };
    let benign = Benign::new(activity);
    let of_table: Vec<Aim> = acts()
        .iter()
        .filter(|act| act.id == args.what || act.id.split('.').next() == Some(args.what.as_str()))
        .map(Aim::Known)
        .collect();
    let is_pattern = args.what.contains([' ', '*']);
    let aims = if of_table.is_empty() && is_pattern { aims(&args.what) } else { of_table };
    if aims.is_empty() {
        return Err(if is_pattern {
            anyhow::anyhow!(
                "`{}` names no binary, so nothing is known of its other spellings",
                visible(&args.what)
            )
        } else {
            no_such_act(&args.what)
        });
    }
    let found: Vec<Closure> = tokio::task::block_in_place(|| {
        aims.iter().map(|aim| closure(aim.act(), &[], &benign, args.max_states)).collect()
    });
    context.printer.list(&found, || closure_rows(&found))?;
    for it in &found {
        let n = it.patterns.len();
        context.printer.note(&match &it.closed {
            Closed::Proved => format!(
                "{}: {n} patterns stop every spelling, proved; {} lines of the activity do it",
                visible(&it.act),
                it.n_stopped
            ),
            Closed::Open { witness } => format!(
                "{}: {n} patterns, and `{}` still passes: nothing narrower stops it alone",
                visible(&it.act),
                visible(witness)
            ),
            Closed::Undecided => {
                format!("{}: not decided within {} states", visible(&it.act), args.max_states)
            }
        });
    }
    let is_proved = found.iter().all(|it| it.closed == Closed::Proved);
    Ok(if is_proved { Exit::Done } else { Exit::Failed })
}

fn closure_rows(found: &[Closure]) -> Rows {
    let cells = found.iter().flat_map(|it| {
        let deny = RuleAction::Deny.to_string();
        it.patterns.iter().map(move |pattern| vec![deny.clone(), pattern.clone(), it.act.clone()])
    });
    Rows { columns: vec!["action", "pattern", "act"], cells: cells.collect() }
}
