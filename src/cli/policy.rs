//! `advisor policy`: what a role says about commands.
use std::{
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{
    Context, Exit, Output, WrongUse,
    exchange::{self, Tolerance, format_name},
    policy_convert::{self, Convert},
    policy_explain::{self, Explain},
    policy_init::{self, Init, Recommend},
    policy_interven,
    policy_lint::{self, Lint},
    policy_merge::{self, Merge},
    policy_proofs,
    policy_source::{self, Given, Source},
    policy_test::{self, Test},
    policy_tools::{self, Cover},
    policy_validate::{self, Validate},
    printer::Rows,
};
use crate::{
    clock,
    events::visible_json,
    formats::{PolicyFormat, interven::BUILTIN},
    inputs::{Format, each_event},
    pipeline::evaluate::{Judge, Verdict},
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
    /// Make an annotated policy.yaml to begin with
    Init(Init),
    /// A policy.yaml from what agents did, with how sure each section is
    Recommend(Recommend),
    /// Which actions of an agent's card a policy.yaml covers
    Coverage(Cover),
    /// Check policy files: every problem with file, line and field, exit 1 where there is one
    Validate(Validate),
    /// Try a role on recent activity: pass, warn or fail for each distinct command
    Test(Test),
    /// Why a command gets its decision, and the nearest command that would get another
    Explain(Explain),
    /// An organization's floor and a role as one role, which may strengthen and never weakens
    Merge(Merge),
    /// Which commands two roles decide differently, each change with the shortest one
    Diff(policy_proofs::Diff),
    /// Prove that no command of a dangerous kind passes, or show the shortest that does
    Verify(policy_proofs::Verify),
    /// What is wrong with a role: rules that never fire, denies that are walked round, and more
    Lint(Lint),
    /// A policy of one system's format in another's, with a proof that both decide alike
    Convert(Convert),
    /// The patterns that stop every spelling of an act
    Closure(policy_proofs::Close),
}

#[derive(Debug, Args)]
#[command(after_help = "\
What rules may ask in `when`, besides the variables of the host:
  agent, session, owner, team     globs; owner is the account, else the variable `owner`; team a variable
  environment                     else the variable `env`
  action_type                     read, write, delete, execute, send, unknown
  resource_type                   file, secret, network, process, account, package, repository,
                                  infrastructure, database, unknown
  resource_path                   globs over paths among the arguments, as written and made absolute
  data_class                      workspace, system, personal, secret
  risk_signal                     effects as `advisor shapes` prints them, redacted, unresolved
  risk_level                      low, medium, high, critical
  access                          read: known to do no more than look
  approval                        none, pending, granted, denied
One of the values has to fit, for every key; `none` fits what is not known.

Examples:
  advisor policy evaluate --role platform --input events.ndjson --output ndjson
  advisor policy evaluate --policy builtin:coding-agents --input events.ndjson.gz
  advisor policy evaluate --policy policy.yaml --tools mcp__browser__navigate,mcp__admin__delete
  advisor policy evaluate --policy rules.json --format interven --own-domain acme.com --input events.ndjson
  advisor policy evaluate --policy role.json --given approval=granted --input events.ndjson")]
struct Evaluate {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    given: Given,
    /// Events in the signal schema, plain, gzip or zstd
    #[arg(long, value_name = "EVENTS", required_unless_present = "tools")]
    input: Option<PathBuf>,
    /// Tools by name, `mcp__server__tool`, in the place of events, for a policy.yaml
    #[arg(
        long,
        value_name = "TOOL",
        value_delimiter = ',',
        requires = "policy",
        conflicts_with = "input"
    )]
    tools: Vec<String>,
    /// The agent's card, for `--tools`
    #[arg(long, value_name = "FILE", requires = "tools")]
    card: Option<PathBuf>,
    /// The policy file's format (`advisor policy convert --help` lists them); `interven` is asked
    /// with all its conditions [default: by its name]
    #[arg(long, value_name = "FORMAT", requires = "policy", value_parser = format_name())]
    format: Option<&'static PolicyFormat>,
    /// Events from before, or `lake` for all calls that are in it, for rules that ask what an agent
    /// has done so far
    #[arg(long, value_name = "EVENTS")]
    history: Option<PathBuf>,
    /// A domain of the organization; who is in none of them is external (repeat for more)
    #[arg(long = "own-domain", value_name = "DOMAIN")]
    own_domains: Vec<String>,
}

pub(super) async fn run(args: Policy, context: &Context) -> anyhow::Result<Exit> {
    match args.command {
        PolicyCommand::Evaluate(args) => evaluate(args, context).await,
        PolicyCommand::Init(args) => policy_init::init(&args, context),
        PolicyCommand::Recommend(args) => policy_init::recommended(args, context).await,
        PolicyCommand::Coverage(args) => policy_tools::cover(&args, context),
        PolicyCommand::Validate(args) => policy_validate::run(&args, context),
        PolicyCommand::Test(args) => policy_test::run(args, context).await,
        PolicyCommand::Explain(args) => policy_explain::run(args, context).await,
        PolicyCommand::Merge(args) => policy_merge::run(args, context).await,
        PolicyCommand::Diff(args) => policy_proofs::diff(args, context).await,
        PolicyCommand::Verify(args) => policy_proofs::verify(args, context).await,
        PolicyCommand::Lint(args) => policy_lint::run(args, context).await,
        PolicyCommand::Convert(args) => policy_convert::run(args, context),
        PolicyCommand::Closure(args) => policy_proofs::close(&args, context),
    }
}

async fn evaluate(args: Evaluate, context: &Context) -> anyhow::Result<Exit> {
    if args.card.is_some() && args.tools.is_empty() {
        let why =
            "`--card` is for `--tools`; `advisor policy test --card` tries a policy.yaml on events";
        return Err(WrongUse(why.to_owned()).into());
    }
    if let (Some(path), false) = (&args.source.policy, args.tools.is_empty()) {
        if path.starts_with("builtin:") {
            let why = format!(
                "`--tools` asks a policy.yaml, and `{path}` is none: name events with --input"
            );
            return Err(WrongUse(why).into());
        }
        let card = args.card.as_deref();
        return policy_tools::evaluate_tools(path.as_ref(), &args.tools, card, context);
    }
    let Some(input) = &args.input else {
        return Err(WrongUse("name events or tools".to_owned()).into());
    };
    let is_interven = args.format.is_some_and(|it| it.name == "interven");
    if let Some(path) = args.source.policy.as_deref().filter(|it| is_interven || *it == BUILTIN) {
        let history = args.history.as_deref();
        return policy_interven::run(path, input, history, &args.own_domains, context).await;
    }
    if args.history.is_some() || !args.own_domains.is_empty() {
        let why =
            "`--history` and `--own-domain` are for rules of Interven: add `--format interven`";
        return Err(WrongUse(why.to_owned()).into());
    }
    let given = args.given.inputs()?;
    let (role, variables) = match (args.format, &args.source.policy) {
        (Some(format), Some(path)) => {
            let read = exchange::read(path.as_ref(), format, Tolerance::default(), context)?;
            let variables = policy_source::variables(&read.role, context).await?;
            (read.role, variables)
        }
        _ => args.source.load(context).await?,
    };
    let mut judge = Judge::given(&role, given);
    let mut verdicts = Vec::new();
    let printer = &context.printer;
    let is_stream = printer.output == Output::Ndjson;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let rejects = each_event(input, Format::default_format(), clock::now(), |event| {
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
    writeln!(out, "{}", visible_json(serde_json::to_string(verdict)?))?;
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
