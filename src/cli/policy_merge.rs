//! `advisor policy merge`: an organization's floor and a role as one role.
use std::path::Path;

use clap::Args;

use super::{
    Context, Exit, Output,
    policy_source::{Source, from_file},
    policy_tools::{is_policy_yaml, load},
    printer::Rows,
    role_text::when_text,
};
use crate::{
    events::{visible, visible_json},
    formats::{RoleDocument, policy_yaml},
    policy::{Merged, Role, Target, Weakened, merge},
    risk::BUILTIN_ROLE,
};

/// How many rules are told one by one on stderr.
const MAX_TOLD: usize = 10;

/// `advisor policy merge`.
#[derive(Debug, Args)]
#[command(after_help = "\
The merged role decides every command as strictly as the floor and the role, whichever is stricter:
a role may strengthen the floor, never weaken it. It is printed in the contract's JSON. Where the role
is milder than the floor, that is told on stderr, each time with a command that proves it; --report
prints all of it as data instead of the role.

Thresholds and defaults take the stricter, too; a merged role is enforced where one of both is.

Two of policy.yaml, the organization's as the floor, are merged section by section: capabilities,
forbidden rules and triggers of both count, of each default the stricter.

Examples:
  advisor policy merge --floor builtin:coding-agents --role platform > merged.json
  advisor policy merge --floor org.json --policy role.json --report
  advisor policy merge --floor org.yaml --policy agent.yaml > policy.yaml
  advisor policy merge --floor org.json --policy role.json --deny-weakening --quiet > merged.json
  advisor policy merge --floor org.json --role platform | advisor roles import -")]
pub(super) struct Merge {
    /// The floor: a role file, `builtin:coding-agents`, or a role of the store
    #[arg(long, value_name = "FILE|ROLE")]
    floor: String,
    #[command(flatten)]
    source: Source,
    /// Print what the role weakens instead of the merged role
    #[arg(long)]
    report: bool,
    /// Exit 1 where the role is milder than the floor
    #[arg(long)]
    deny_weakening: bool,
}

pub(super) async fn run(args: Merge, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let yaml = args.source.policy.as_deref().map(Path::new).filter(|it| is_policy_yaml(it));
    if let Some(path) = yaml.filter(|_| is_policy_yaml(Path::new(&args.floor))) {
        return policy_yaml(Path::new(&args.floor), path, &args, context);
    }
    let floor = floor(&args.floor, context).await?;
    let (role, _) = args.source.load(context).await?;
    let merged = tokio::task::block_in_place(|| merge(&floor, &role));
    if args.report {
        printer.list(&merged.weakened, || rows(&merged.weakened))?;
    } else {
        let document = RoleDocument::new(&merged.role);
        let text = visible_json(serde_json::to_string_pretty(&document)?);
        printer.document(&document, || text)?;
    }
    for line in told(&merged, args.report) {
        printer.note(&line);
    }
    if args.deny_weakening && !merged.weakened.is_empty() {
        let n = merged.weakened.len();
        printer.error(&format!(
            "error: `{}` is milder than the floor in {n} places",
            visible(&role.name)
        ));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

/// Two of policy.yaml, section by section.
fn policy_yaml(org: &Path, agent: &Path, args: &Merge, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let (merged, held) = policy_yaml::merge(&load(org)?, &load(agent)?);
    if args.report {
        printer.list(&held, || Rows {
            columns: vec!["field", "org", "agent"],
            cells: held
                .iter()
                .map(|it| vec![it.field.clone(), it.org.clone(), it.agent.clone()])
                .collect(),
        })?;
    } else {
        printer.raw(&match printer.output {
            Output::Json | Output::Ndjson => merged.to_json(),
            Output::Table | Output::Csv => merged.to_yaml(),
        });
    }
    for it in &held {
        printer.note(&format!("the floor holds: {} is {}, not {}", it.field, it.org, it.agent));
    }
    let is_refused = args.deny_weakening && !held.is_empty();
    Ok(if is_refused { Exit::Failed } else { Exit::Done })
}

async fn floor(named: &str, context: &Context) -> anyhow::Result<Role> {
    let is_file = named == BUILTIN_ROLE || named == "-" || Path::new(named).exists();
    if is_file || named.contains(['/', '.']) {
        return from_file(named);
    }
    Ok(context.store().await?.role(named).await?)
}

/// What is said about a merge.
fn told(merged: &Merged, is_reported: bool) -> Vec<String> {
    let mut res = Vec::new();
    let shown = if is_reported { 0 } else { MAX_TOLD };
    for it in merged.weakened.iter().take(shown) {
        res.push(format!(
            "the floor holds: {} `{}` over {} `{}`{}",
            it.floor_action,
            visible(it.floor_pattern.as_deref().unwrap_or("(default)")),
            it.action,
            visible(it.pattern.as_deref().unwrap_or("(default)")),
            if it.line.is_empty() {
                String::new()
            } else {
                format!(", as in `{}`", visible(&it.line))
            },
        ));
    }
    if merged.weakened.len() > shown && !is_reported {
        res.push(format!("... and in {} places more (--report)", merged.weakened.len() - shown));
    }
    if !merged.stricter.is_empty() {
        res.push(format!(
            "{} merged rules are stricter than floor and role together, because patterns cannot say it",
            merged.stricter.len()
        ));
        for it in merged.stricter.iter().take(shown) {
            let pattern = visible(&it.pattern);
            res.push(format!("  {} `{pattern}` instead of {}", it.action, it.exact));
        }
    }
    res.extend(merged.notes.iter().cloned());
    let rules = || merged.role.rules.iter().chain(&merged.role.mcp_rules);
    res.push(format!(
        "`{}` has {} rules, {} of them with conditions",
        visible(&merged.role.name),
        rules().count(),
        rules().filter(|it| !when_text(&it.when).is_empty()).count()
    ));
    res
}

fn rows(weakened: &[Weakened]) -> Rows {
    let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "(default)".to_owned());
    Rows {
        columns: vec![
            "rules",
            "rule",
            "action",
            "pattern",
            "floor_rule",
            "floor_action",
            "floor_pattern",
            "command",
        ],
        cells: weakened
            .iter()
            .map(|it| {
                vec![
                    match it.target {
                        Target::Command => "command".to_owned(),
                        Target::Mcp => "mcp".to_owned(),
                    },
                    text(&it.rule),
                    it.action.to_string(),
                    text(&it.pattern),
                    text(&it.floor_rule),
                    it.floor_action.to_string(),
                    text(&it.floor_pattern),
                    it.line.clone(),
                ]
            })
            .collect(),
    }
}
