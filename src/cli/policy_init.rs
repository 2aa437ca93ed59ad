//! `advisor policy init|recommend`: a policy.yaml to begin with, by hand or from what agents did.
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::{
    Context, Exit, Output, WrongUse, activity,
    policy_test::{of_lake, tally},
    policy_tools::load_card,
    words::instant,
};
use crate::{
    clock,
    events::{Tally, Timestamp, visible},
    formats::policy_yaml::starter,
    inputs::Format,
    lake::Window,
    pipeline::tools::{recommend, tool_uses},
};

/// `advisor policy init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  advisor policy init
  advisor policy init agents/support/policy.yaml --name support-agent")]
pub(super) struct Init {
    /// The file that is made
    #[arg(value_name = "FILE", default_value = "policy.yaml")]
    file: PathBuf,
    /// The policy's name
    #[arg(long, default_value = "agent-policy")]
    name: String,
}

/// `advisor policy recommend`.
#[derive(Debug, Args)]
#[command(after_help = "\
Printed is a policy.yaml: capabilities from the tools that were used, forbidden what was stopped or
nearly so, escalation for what can do most harm, and `enforce` once activity is mature (14 days, 50
sessions of a host and day, 2% or less chance of a new tool). How sure each section is stands in its
first lines; it is a beginning, to be reviewed and tested.

Examples:
  advisor policy recommend --role support > policy.yaml
  advisor policy recommend --input events.ndjson.gz --card card.json --output json")]
pub(super) struct Recommend {
    /// The role whose activity in the lake is looked at
    #[arg(long, value_name = "ROLE", required_unless_present = "input")]
    role: Option<String>,
    /// Events of a file or directory in the place of the lake's
    #[arg(long, value_name = "EVENTS", conflicts_with = "role")]
    input: Option<PathBuf>,
    /// First instant of the window, RFC 3339 [default: all that is kept]
    #[arg(long, value_name = "TIME", value_parser = instant, conflicts_with = "input")]
    from: Option<Timestamp>,
    /// The agent's card, whose actions the capabilities are given
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// The policy's name [default: the role's]
    #[arg(long)]
    name: Option<String>,
}

#[expect(clippy::disallowed_types, reason = "making this file is what is asked for")]
pub(super) fn init(args: &Init, context: &Context) -> anyhow::Result<Exit> {
    use std::{
        fs::File,
        io::{ErrorKind, Write as _},
    };
    let path = args.file.display();
    // Never over a policy that is there.
    let mut file = File::create_new(&args.file).map_err(|err| {
        let hint = match err.kind() {
            ErrorKind::NotFound => "\nhint: its directory is not there, make it first",
            ErrorKind::AlreadyExists => {
                "\nhint: name another file, or take the one that is there away"
            }
            _ => "",
        };
        anyhow::anyhow!("cannot make `{path}`: {err}{hint}")
    })?;
    file.write_all(starter(&args.name).as_bytes())
        .with_context(|| format!("cannot write `{path}`"))?;
    context.printer.note(&format!(
        "made `{path}`; `advisor policy validate {path}` checks it, `advisor policy test --policy {path}` tries it"
    ));
    Ok(Exit::Done)
}

pub(super) async fn recommended(args: Recommend, context: &Context) -> anyhow::Result<Exit> {
    let card = load_card(args.card.as_deref())?;
    let tallies: Vec<Tally> = match (&args.input, &args.role) {
        (Some(path), _) => {
            let events = activity::events(path, Format::default_format(), context)?;
            events.into_iter().filter_map(tally).collect()
        }
        (None, Some(role)) => {
            let from = args.from.unwrap_or(Timestamp(0));
            let window = Window { from, to: Timestamp(clock::now().0.saturating_add(1)) };
            of_lake(role, window, context).await?
        }
        (None, None) => return Err(WrongUse("name a role or events".to_owned()).into()),
    };
    let uses = tool_uses(&tallies, None);
    if uses.is_empty() {
        anyhow::bail!("no MCP tool was used, so there is nothing to recommend");
    }
    let name = args.name.or(args.role).unwrap_or_else(|| "agent-policy".to_owned());
    let found = recommend(&name, &uses, card.as_ref());
    let printer = &context.printer;
    for name in &found.left_out {
        printer.error(&format!(
            "warning: tool `{}` is left out: its name would be a glob over other tools",
            visible(name)
        ));
    }
    match printer.output {
        Output::Json | Output::Ndjson => {
            let policy: serde_json::Value = serde_json::from_str(&found.policy.to_json())?;
            let document = serde_json::json!({ "policy": policy, "confidence": found.confidence });
            printer.document(&document, String::new)?;
        }
        Output::Table | Output::Csv => {
            for it in &found.confidence {
                let because = visible(&it.because).into_owned();
                printer.line(&format!(
                    "# {}: {:.0}% sure; {because}",
                    it.section,
                    it.confidence * 100.0
                ));
            }
            printer.raw(&found.policy.to_yaml());
        }
    }
    Ok(Exit::Done)
}
