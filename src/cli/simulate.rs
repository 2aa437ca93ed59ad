//! `advisor simulate`: the activity of a fleet that never was, with the truth beside it.
use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;

use super::{Context, Exit, WrongUse};
use crate::{
    events::Day,
    pipeline::simulate::{Fleet, Plan, Signal, Truth},
};

/// `advisor simulate`.
#[derive(Debug, Args)]
#[command(after_help = "\
The same arguments give the same bytes. Each host has a directory under DIR/events with a file a day;
older days are packed. DIR/truth.json tells what is routine, rare and planted.

Example:
  advisor simulate --out /tmp/fleet --events 100000 --hosts 12 --days 14
  advisor ingest /tmp/fleet/events")]
pub(super) struct Simulate {
    /// Where to; made where it does not exist, must be empty otherwise
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Everything random follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Events in all
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    events: u64,
    /// Hosts, dealt out to the roles in turn
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    hosts: u32,
    /// Days in a row
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    days: u32,
    /// One file for all, DIR/events.ndjson.zst
    #[arg(long)]
    one_file: bool,
    /// The first day, YYYY-MM-DD
    #[arg(long, value_name = "DAY", default_value = "2026-03-02", value_parser = day)]
    start: Day,
}

#[derive(Debug, Serialize)]
struct Done {
    directory: String,
    events: u64,
    files: usize,
    hosts: u32,
    days: u32,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "not a day such as 2026-03-02".to_owned())
}

pub(super) fn run(args: &Simulate, context: &Context) -> anyhow::Result<Exit> {
    if is_occupied(&args.out)? {
        let text = format!("`{}` is not empty; name a new directory", args.out.display());
        return Err(WrongUse(text).into());
    }
    let plan = Plan {
        seed: args.seed,
        n_events: args.events,
        n_hosts: args.hosts,
        n_days: args.days,
        start: args.start,
    };
    let fleet = Fleet::new(plan);
    let mut truth = Truth::default();
    let n_files = if args.one_file {
        let path = args.out.join("events.ndjson");
        write(&path, Packing::Zstd, &fleet.all_events(&mut truth))?;
        1
    } else {
        write_units(args, &fleet, &mut truth)?
    };
    let path = args.out.join("truth.json");
    let mut text = serde_json::to_string_pretty(&truth)?;
    text.push('\n');
    #[expect(clippy::disallowed_methods, reason = "the shell writes where the user says")]
    std::fs::write(&path, text).with_context(|| format!("writing `{}`", path.display()))?;
    let done = Done {
        directory: args.out.display().to_string(),
        events: truth.events,
        files: n_files,
        hosts: args.hosts,
        days: args.days,
    };
    context.printer.document(&done, || {
        format!("{} events, {} file(s), under `{}`", done.events, done.files, done.directory)
    })?;
    Ok(Exit::Done)
}

/// A file for each host and day, as log rotation leaves them: the last two days plain, those before
/// packed.
fn write_units(args: &Simulate, fleet: &Fleet, truth: &mut Truth) -> anyhow::Result<usize> {
    let units = fleet.units();
    let last = units.iter().map(|unit| unit.day).max().unwrap_or_default();
    for unit in &units {
        let name = format!("{}.ndjson", unit.day);
        let path = args.out.join("events").join(&unit.hostname).join(name);
        let packing = match last.0.saturating_sub(unit.day.0) {
            0 | 1 => Packing::Plain,
            age if age % 3 == 0 => Packing::Zstd,
            _ => Packing::Gzip,
        };
        write(&path, packing, &fleet.events(unit, truth))?;
    }
    Ok(units.len())
}

fn is_occupied(path: &Path) -> anyhow::Result<bool> {
    match std::fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(err) => Err(err).with_context(|| format!("reading `{}`", path.display())),
    }
}

#[derive(Clone, Copy, Debug)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

fn write(path: &Path, packing: Packing, signals: &[Signal]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let ending = match packing {
        Packing::Plain => "",
        Packing::Gzip => ".gz",
        Packing::Zstd => ".zst",
    };
    let path = format!("{}{ending}", path.display());
    write_packed(&path, packing, signals).with_context(|| format!("writing `{path}`"))
}

fn write_packed(path: &str, packing: Packing, signals: &[Signal]) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_types, reason = "the shell writes where the user says")]
    let file = std::fs::File::create(path)?;
    match packing {
        Packing::Plain => drop(lines(file, signals)?),
        // Level 1: what is written here is read once or twice.
        Packing::Gzip => {
            drop(lines(GzEncoder::new(file, Compression::fast()), signals)?.finish()?);
        }
        Packing::Zstd => drop(lines(zstd::Encoder::new(file, 1)?, signals)?.finish()?),
    }
    Ok(())
}

fn lines<W: Write>(into: W, signals: &[Signal]) -> anyhow::Result<W> {
    let mut into = BufWriter::with_capacity(256 * 1024, into);
    for signal in signals {
        serde_json::to_writer(&mut into, signal)?;
        into.write_all(b"\n")?;
    }
    Ok(into.into_inner().map_err(std::io::IntoInnerError::into_error)?)
}
