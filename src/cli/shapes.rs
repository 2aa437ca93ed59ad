//! `advisor shapes`: how commands are read, one line an event.
use std::{
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Exit, Printer, printer::Rows};
use crate::commands::{base_name, canonical, grammar, split};

#[derive(Debug, Args)]
pub(super) struct ShapesArgs {
    /// NDJSON events, plain, `.gz` or `.zst`; `-` for stdin
    #[arg(long, value_name = "EVENTS")]
    input: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Line {
    event_id: String,
    #[serde(default)]
    argv: Vec<String>,
    #[serde(default)]
    command: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    event_id: String,
    commands: Vec<CommandRow>,
}

#[derive(Debug, Serialize)]
struct CommandRow {
    binary: String,
    subcommand: Vec<String>,
    shape: String,
    line: String,
    wrappers: Vec<String>,
    effects: Vec<String>,
}

pub(super) fn run(args: &ShapesArgs, printer: Printer) -> anyhow::Result<Exit> {
    let mut lines = Vec::new();
    for line in BufReader::new(open(&args.input)?).lines() {
        let line = line.with_context(|| format!("reading `{}`", args.input.display()))?;
        if !line.trim().is_empty() {
            let mut line: Line = serde_json::from_str(&line)
                .with_context(|| format!("an event in `{}`", args.input.display()))?;
            if line.argv.is_empty() {
                line.argv = line.command.as_deref().and_then(split).unwrap_or_default();
            }
            lines.push(line);
        }
    }
    let learned = grammar::Learned::new(lines.iter().map(|line| line.argv.as_slice()));
    let rows: Vec<Row> = lines
        .into_iter()
        .map(|line| Row { event_id: line.event_id, commands: commands(&line.argv, &learned) })
        .collect();
    printer.list(&rows, || Rows {
        columns: vec!["event_id", "binary", "subcommand", "shape"],
        cells: rows
            .iter()
            .flat_map(|row| {
                row.commands.iter().map(|it| {
                    let id = row.event_id.clone();
                    vec![id, it.binary.clone(), it.subcommand.join(" "), it.shape.clone()]
                })
            })
            .collect(),
    })?;
    Ok(Exit::Done)
}

fn commands(argv: &[String], learned: &grammar::Learned) -> Vec<CommandRow> {
    let Some(binary) = argv.first() else { return Vec::new() };
    let parsed = grammar::parse_with(argv, learned);
    vec![CommandRow {
        binary: base_name(binary).to_owned(),
        subcommand: parsed.subcommand.iter().map(|&it| it.to_owned()).collect(),
        shape: canonical(argv),
        line: canonical(argv),
        wrappers: Vec::new(),
        effects: Vec::new(),
    }]
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    #[expect(clippy::disallowed_types, reason = "the shell opens what the user names")]
    let file = std::fs::File::open(path)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    Ok(match path.extension().and_then(|it| it.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        _ => Box::new(file),
    })
}
