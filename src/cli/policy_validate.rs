//! `advisor policy validate`: every problem of role files, with file, line and field.
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    Context, Exit, Output,
    exchange::{format_name, unmatched},
    policy_tools::policy_yaml_format,
    printer::Rows,
};
use crate::{
    events::visible,
    formats::{BadRoleFile, PolicyFormat, Read, load_text, policy_yaml::is_of_its_system},
};

/// `advisor policy validate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Every problem is told, not only the first. Exit 1 where there is one, or a file cannot be read.

Examples:
  advisor policy validate role.json policy.yaml
  advisor policy validate --format claude-code .claude/settings.json
  advisor policy validate roles/*.json --output json
  advisor roles export platform | advisor policy validate -")]
pub(super) struct Validate {
    /// Policy files, `-` for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Their format (`advisor policy convert --help` lists them) [default: policy-yaml for .yaml and
    /// .yml, policy-json for what has its `meta`, else role]
    #[arg(long, value_name = "FORMAT", value_parser = format_name())]
    format: Option<&'static PolicyFormat>,
}

/// One problem.
#[derive(Debug, Serialize)]
struct Row {
    file: String,
    /// 1-based.
    line: usize,
    /// Such as `rules[3].action`; empty where it is about the whole.
    field: String,
    message: String,
}

fn load(path: &Path, format: Option<&'static PolicyFormat>) -> Result<Read, BadRoleFile> {
    let found = policy_yaml_format(path).map_or("role", |it| it.name);
    let format = format.or_else(|| PolicyFormat::parse(found));
    let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
    match format {
        Some(format) => (format.read)(&load_text(path)?).map_err(invalid),
        None => Err(invalid(Vec::new())),
    }
}

pub(super) fn run(args: &Validate, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let mut problems = Vec::new();
    let mut n_unread = 0_usize;
    for path in &args.files {
        let file = path.display().to_string();
        match load(path, args.format) {
            Ok(Read { role, losses, .. }) => {
                for it in losses.iter().filter(|it| !is_of_its_system(it)) {
                    let what = visible(&it.what);
                    printer.error(&format!("warning: `{file}` {}: {what} {}", it.field, it.why));
                }
                for it in unmatched(&role) {
                    printer.error(&format!("warning: `{file}` {it}"));
                }
                let n_rules = role.rules.len() + role.mcp_rules.len();
                let name = visible(&role.name).into_owned();
                printer.note(&format!("`{file}`: role `{name}` is valid, {n_rules} rules"));
            }
            Err(BadRoleFile::Invalid { problems: found, .. }) => {
                problems.extend(found.into_iter().map(|it| Row {
                    file: file.clone(),
                    line: it.line,
                    field: it.field,
                    message: it.message,
                }));
            }
            Err(err) => {
                n_unread += 1;
                printer.error(&format!("error: {:#}", anyhow::Error::from(err)));
            }
        }
    }
    if !problems.is_empty() || matches!(printer.output, Output::Json | Output::Csv) {
        printer.list(&problems, || Rows {
            columns: vec!["file", "line", "field", "message"],
            cells: problems
                .iter()
                .map(|it| {
                    let line = it.line.to_string();
                    vec![it.file.clone(), line, it.field.clone(), it.message.clone()]
                })
                .collect(),
        })?;
    }
    if problems.is_empty() {
        return Ok(if n_unread == 0 { Exit::Done } else { Exit::Failed });
    }
    let files: std::collections::BTreeSet<&str> =
        problems.iter().map(|it| it.file.as_str()).collect();
    let counted = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    printer.error(&format!(
        "error: {} in {} of {}",
        counted(problems.len(), "problem"),
        files.len(),
        counted(args.files.len(), "file")
    ));
    Ok(Exit::Failed)
}
