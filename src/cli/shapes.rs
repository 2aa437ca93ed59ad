//! `advisor shapes`: how commands are read, one line an event.
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{
    Context, Exit, Rows, WrongUse, activity,
    ingest::{formats, given},
};
use crate::{
    commands::{self, Command, Doubt, Reading, Site, grammar::Learned},
    inputs::Format,
    risk, shapes,
};

/// `advisor shapes`.
#[derive(Debug, Args)]
#[command(after_help = "\
Subcommands of tools that nobody described are learned from the same input.

Examples:
  advisor shapes --input events.ndjson.gz
  advisor shapes --input /var/log/agents --output ndjson | jq -r '.commands[].shape' | sort | uniq -c")]
pub(super) struct Shapes {
    /// Events: a file, plain or packed, or a directory
    #[arg(long, value_name = "EVENTS")]
    input: PathBuf,
    /// How the files are to be read
    #[arg(long, value_name = "FORMAT", default_value = "signal")]
    #[arg(value_parser = formats())]
    format: String,
    /// Host of records that name none
    #[arg(long, value_name = "HOSTNAME")]
    host: Option<String>,
}

/// How one event is read.
#[derive(Debug, Serialize)]
struct Row {
    event_id: String,
    commands: Vec<CommandRow>,
    /// What could not be known, as `reason: text`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unresolved: Vec<UnresolvedRow>,
}

/// How one simple command is read.
#[derive(Debug, Serialize)]
struct CommandRow {
    binary: String,
    subcommand: Vec<String>,
    shape: String,
    line: String,
    wrappers: Vec<String>,
    /// Assignments that the script makes for it, `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environment: Vec<String>,
    /// Where it was found: as the event has it, in a script, or as a redirection.
    origin: &'static str,
    /// Whether it runs on another machine or in a container.
    remote: bool,
    effects: Vec<&'static str>,
}

/// What could not be known.
#[derive(Debug, Serialize)]
struct UnresolvedRow {
    reason: &'static str,
    text: String,
}

pub(super) fn run(args: &Shapes, context: &Context) -> anyhow::Result<Exit> {
    let Some(format) = Format::named(&args.format) else {
        return Err(WrongUse(format!("no format `{}`", args.format)).into());
    };
    let given = given(format, args.host.clone())?;
    let events = activity::events_of(&args.input, format, &given, context)?;
    let events = events.into_iter().map(|event| {
        let reading = commands::read(&event.argv);
        (event.event_id, event.cwd, reading)
    });
    let events: Vec<(String, Option<String>, Reading)> = events.collect();
    let commands = events.iter().flat_map(|(_, _, reading)| &reading.commands);
    let learned = Learned::new(commands.map(|it| it.argv.as_slice()));
    let rows = events
        .into_iter()
        .map(|(event_id, cwd, reading)| row(event_id, cwd.as_deref(), reading, &learned));
    let rows: Vec<Row> = rows.collect();
    context.printer.list(&rows, || Rows {
        columns: vec!["event_id", "binary", "subcommand", "shape", "effects"],
        cells: rows.iter().flat_map(cells).collect(),
    })?;
    Ok(Exit::Done)
}

fn row(event_id: String, cwd: Option<&str>, reading: Reading, learned: &Learned) -> Row {
    let commands = reading.commands.into_iter();
    let unresolved = reading.unresolved.into_iter();
    Row {
        event_id,
        commands: commands.map(|it| command_row(it, cwd, learned)).collect(),
        unresolved: unresolved
            .map(|it| UnresolvedRow { reason: Doubt::as_str(it.reason), text: it.text })
            .collect(),
    }
}

fn command_row(command: Command, cwd: Option<&str>, learned: &Learned) -> CommandRow {
    let shape = shapes::shape(&command.argv, cwd, learned);
    let effects = risk::effects(&command, &shape.subcommand);
    CommandRow {
        line: command.line(),
        binary: shape.binary,
        subcommand: shape.subcommand,
        shape: shape.text,
        origin: command.origin.as_str(),
        remote: command.site == Site::Remote,
        environment: command
            .assignments
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        wrappers: command.wrappers,
        effects: effects.iter().map(risk::Effect::as_str).collect(),
    }
}

fn cells(row: &Row) -> impl Iterator<Item = Vec<String>> {
    row.commands.iter().map(|it| {
        vec![
            row.event_id.clone(),
            it.binary.clone(),
            it.subcommand.join(" "),
            it.shape.clone(),
            it.effects.join(" "),
        ]
    })
}
