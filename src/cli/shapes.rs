//! `advisor shapes`: how commands are read, one line an event.
use std::{
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Context, Exit, printer::Rows};
use crate::{
    commands::{self, Command, canonical, grammar, split},
    risk,
};

/// `advisor shapes`.
#[derive(Debug, Args)]
pub(super) struct Shapes {
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

/// How one event is read.
#[derive(Debug, Serialize)]
struct Row {
    event_id: String,
    commands: Vec<CommandRow>,
}

/// How one simple command is read.
#[derive(Debug, Serialize)]
struct CommandRow {
    binary: String,
    subcommand: Vec<String>,
    shape: String,
    line: String,
    wrappers: Vec<String>,
    effects: Vec<&'static str>,
}

pub(super) fn run(args: &Shapes, context: &Context) -> anyhow::Result<Exit> {
    let mut events = Vec::new();
    for line in BufReader::new(open(&args.input)?).lines() {
        let line = line.with_context(|| format!("reading `{}`", args.input.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&line)
            .with_context(|| format!("an event in `{}`", args.input.display()))?;
        let argv = Some(line.argv).filter(|it| !it.is_empty());
        let argv = argv.or_else(|| line.command.as_deref().and_then(split)).unwrap_or_default();
        events.push((line.event_id, commands::read(&argv).commands));
    }
    let all = events.iter().flat_map(|(_, commands)| commands);
    let learned = grammar::Learned::new(all.map(|it| it.argv.as_slice()));
    let rows = events.into_iter().map(|(event_id, commands)| Row {
        event_id,
        commands: commands.into_iter().map(|it| command_row(it, &learned)).collect(),
    });
    let rows: Vec<Row> = rows.collect();
    context.printer.list(&rows, || Rows {
        columns: vec!["event_id", "binary", "subcommand", "shape"],
        cells: rows.iter().flat_map(cells).collect(),
    })?;
    Ok(Exit::Done)
}

fn cells(row: &Row) -> impl Iterator<Item = Vec<String>> {
    row.commands.iter().map(|it| {
        let path = it.subcommand.join(" ");
        vec![row.event_id.clone(), it.binary.clone(), path, it.shape.clone()]
    })
}

fn command_row(command: Command, learned: &grammar::Learned) -> CommandRow {
    let parsed = grammar::parse_with(&command.argv, learned);
    let subcommand: Vec<String> = parsed.subcommand.iter().map(|&it| it.to_owned()).collect();
    CommandRow {
        binary: command.name().to_owned(),
        shape: canonical(&command.argv),
        line: command.line(),
        effects: risk::effects(&command, &subcommand).iter().map(risk::Effect::as_str).collect(),
        subcommand,
        wrappers: command.wrappers,
    }
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    #[expect(clippy::disallowed_types, reason = "the shell opens what the user names")]
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    Ok(match path.extension().and_then(|it| it.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        _ => Box::new(file),
    })
}
