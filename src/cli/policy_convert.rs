//! `advisor policy convert`: a policy of one format in another, with a proof that both decide alike.
use std::path::PathBuf;

use clap::Args;

use super::{
    Context, Exit,
    exchange::{self, Tolerance, format_name},
};
use crate::formats::{Besides, PolicyFormat, load_text, restated};

/// `advisor policy convert`.
#[derive(Debug, Args)]
#[command(after_help = "\
  role           roles of this program      claude-code    permissions of .claude/settings.json
  truvant        JSON; truvant-yaml: YAML   codex          prefix rules
  policy-yaml    capability mappings;       cedar          permit and forbid policies
                 policy-json: as JSON       rego           a module for OPA
  interven       rules on tool calls

Between notations of one system, and within one, the document itself is kept, every field of it.
What a format cannot say is listed, and nothing is written without --allow-loss. What is written is
read again by the format's own semantics and proved to decide every command and call alike, or the
shortest line is shown that it decides otherwise.

Examples:
  advisor policy convert --from role --to claude-code role.json > .claude/settings.json
  advisor roles export platform | advisor policy convert --from role --to codex --allow-loss
  advisor policy convert --from policy-yaml --to rego policy.yaml --allow-loss --output json")]
pub(super) struct Convert {
    /// The format it is in
    #[arg(long, value_name = "FORMAT", value_parser = format_name())]
    from: &'static PolicyFormat,
    /// The format it is wanted in
    #[arg(long, value_name = "FORMAT", value_parser = format_name())]
    to: &'static PolicyFormat,
    /// The policy, `-` for stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The name of what is written, where the file has none or another one
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    tolerance: Tolerance,
}

pub(super) fn run(args: Convert, context: &Context) -> anyhow::Result<Exit> {
    let is_of_one_system = restated(args.from, args.to, "", None).is_some();
    if is_of_one_system {
        let text = load_text(&args.file)?;
        if let Some(found) = restated(args.from, args.to, &text, args.name.as_deref()) {
            return exchange::print_restated(&args.file, &text, args.to, found, context);
        }
    }
    let mut read = exchange::read(&args.file, args.from, args.tolerance, context)?;
    if let Some(name) = args.name {
        read.role.name = name;
    }
    let besides = Besides { variables: &read.variables, ..Besides::default() };
    exchange::print(&read.role, args.to, &besides, args.tolerance, context)
}
