//! `advisor policy`: what a role says about commands.
use std::{
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Context, Exit, Output, WrongUse, policy_proofs, printer::Rows};
use crate::{
    clock,
    events::visible,
    formats,
    inputs::{Format, each_event},
    pipeline::evaluate::{Judge, Verdict},
    risk::{BUILTIN_ROLE, builtin_role},
    store::HostVariables,
};

/// `advisor policy`.
#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Decide recorded events by a role, one decision an event
    Evaluate(Evaluate),
    /// Check a role file: exit 1 with field and reason where it cannot mean what it says
    Validate(Validate),
    /// Which commands two roles decide differently, each change with the shortest one
    Diff(policy_proofs::Diff),
    /// Prove that no command of a dangerous kind passes, or show the shortest that does
    Verify(policy_proofs::Verify),
    /// What is wrong with a role: rules that never fire, denies that are walked round, and more
    Lint(policy_proofs::Lint),
    /// The patterns that stop every spelling of an act
    Closure(policy_proofs::Close),
}

/// Which rules decide.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A role of the store
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// A role file, or `builtin:coding-agents`
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  advisor policy evaluate --role platform --input events.ndjson --output ndjson
  advisor policy evaluate --policy builtin:coding-agents --input events.ndjson.gz")]
struct Evaluate {
    #[command(flatten)]
    source: Source,
    /// Events in the signal schema, plain, gzip or zstd
    #[arg(long, value_name = "EVENTS")]
    input: PathBuf,
}

#[derive(Debug, Args)]
struct Validate {
    /// The role file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) async fn run(args: Policy, context: &Context) -> anyhow::Result<Exit> {
    match args.command {
        PolicyCommand::Evaluate(args) => evaluate(args, context).await,
        PolicyCommand::Validate(args) => check(&args, context),
        PolicyCommand::Diff(args) => policy_proofs::diff(args, context).await,
        PolicyCommand::Verify(args) => policy_proofs::verify(args, context).await,
        PolicyCommand::Lint(args) => policy_proofs::check(args, context).await,
        PolicyCommand::Closure(args) => policy_proofs::close(&args, context),
    }
}

fn check(args: &Validate, context: &Context) -> anyhow::Result<Exit> {
    let role = formats::load_role(&args.file)?;
    let n_rules = role.rules.len() + role.mcp_rules.len();
    context.printer.note(&format!("role `{}` is valid: {n_rules} rules", visible(&role.name)));
    Ok(Exit::Done)
}

async fn evaluate(args: Evaluate, context: &Context) -> anyhow::Result<Exit> {
    let (role, variables) = match (&args.source.role, args.source.policy.as_deref()) {
        (Some(name), _) => {
            let store = context.store().await?;
            (store.role(name).await?, HostVariables::new(&store.variables().await?)?)
        }
        (None, Some(BUILTIN_ROLE)) => (builtin_role(), HostVariables::default()),
        (None, Some(file)) => (formats::load_role(Path::new(file))?, HostVariables::default()),
        (None, None) => return Err(WrongUse("name a role or a policy".to_owned()).into()),
    };
    let mut judge = Judge::new(&role);
    let mut verdicts = Vec::new();
    let printer = &context.printer;
    let is_stream = printer.output == Output::Ndjson;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let rejects = each_event(&args.input, Format::default_format(), clock::now(), |event| {
        let Some(verdict) = judge.judge(&event, &variables.of(&event.hostname)) else { return };
        if !is_stream {
            verdicts.push(verdict);
        } else if failed.is_none() {
            failed = write_line(&mut out, &verdict).err();
        }
    })?;
    out.flush()?;
    drop(out);
    if let Some(err) = failed {
        return Err(err).context("writing the decisions");
    }
    if !is_stream {
        printer.list(&verdicts, || rows(&verdicts))?;
    }
    for reject in rejects.iter().take(5) {
        printer.error(&format!(
            "warning: {}, line {}: {}, so it is not decided",
            reject.source, reject.line, reject.fault.reason
        ));
    }
    if rejects.len() > 5 {
        printer.error(&format!("warning: {} lines in all are no events", rejects.len()));
    }
    Ok(Exit::Done)
}

fn write_line(out: &mut impl std::io::Write, verdict: &Verdict) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, verdict)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn rows(verdicts: &[Verdict]) -> Rows {
    let cells = verdicts.iter().map(|it| {
        let line = it.commands.first().map_or("", |command| command.line.as_str());
        let rule = it.rule.clone().unwrap_or_default();
        vec![it.event_id.clone(), it.decision.to_string(), rule, line.chars().take(80).collect()]
    });
    Rows { columns: vec!["event_id", "decision", "rule", "first_command"], cells: cells.collect() }
}
