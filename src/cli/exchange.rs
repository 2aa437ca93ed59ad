//! Roles from and to the formats of other systems: what is lost is told, and that both decide alike is proved.
use std::path::Path;

use anyhow::Context as _;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;

use super::{Context, Exit, Output};
use crate::{
    events::visible,
    formats::{
        self, BadRoleFile, Besides, Differing, Equivalence, FORMATS, Loss, PolicyFormat, Read,
        Variable, Written,
    },
    policy::{
        Role, Target,
        proof::{MAX_STATES, unmatched_rules},
    },
    store::{Store, VariableValue},
};

/// How many losses are told one by one.
const MAX_TOLD: usize = 20;

/// What is accepted of a translation.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Tolerance {
    /// Write what can be said where a format cannot say all of it; what is lost is listed
    #[arg(long)]
    pub(super) allow_loss: bool,
}

/// A translation as data.
#[derive(Debug, Serialize)]
struct Report<'a> {
    format: &'static str,
    role: &'a str,
    text: &'a str,
    losses: &'a [Loss],
    notes: &'a [String],
    /// `proved`, `different` or `undecided`.
    equivalence: &'static str,
    /// Lines that the document decides otherwise, shortest first.
    differences: &'a [Differing],
}

/// A parser for the name of a format.
pub(super) fn format_name() -> impl TypedValueParser<Value = &'static PolicyFormat> {
    PossibleValuesParser::new(FORMATS.iter().map(|it| it.name)).try_map(|name| {
        PolicyFormat::parse(&name).ok_or_else(|| format!("`{name}` is no policy format"))
    })
}

/// Reads a policy file of a format.
///
/// # Errors
/// Where it cannot be read, is not valid, or says what no role can and losses are not allowed.
pub(super) fn read(
    path: &Path,
    format: &PolicyFormat,
    tolerance: Tolerance,
    context: &Context,
) -> anyhow::Result<Read> {
    let text = formats::load_text(path)?;
    let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
    let read = (format.read)(&text).map_err(invalid)?;
    let about = format!("`{}`", path.display());
    refuse(&read.losses, tolerance, &about, "is not all a role can say", context)?;
    for note in &read.notes {
        context.printer.note(&format!("not said: {}", visible(note)));
    }
    for it in unmatched(&read.role) {
        context.printer.error(&format!("warning: {about} {it}"));
    }
    for it in &read.variables {
        context.printer.note(&format!(
            "{about} brings `{}` of variable `{}` along, which is not taken over: `advisor variables set`",
            visible(&it.value),
            visible(&it.name)
        ));
    }
    Ok(read)
}

/// Rules of a role that no command or call matches, in words.
pub(super) fn unmatched(role: &Role) -> Vec<String> {
    let found = tokio::task::block_in_place(|| unmatched_rules(role, MAX_STATES));
    let told = found.into_iter().map(|it| {
        let (list, lines) = if it.is_call { ("mcp rule", "call") } else { ("rule", "command") };
        let place = it.rule.position.unwrap_or_default();
        let pattern = it.rule.pattern.unwrap_or_default();
        let (action, pattern) = (it.rule.action, visible(&pattern));
        format!(
            "has {list} {place}, {action} `{pattern}`, which can never fire: no {lines} matches it"
        )
    });
    told.collect()
}

/// A file that is there, which is written into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Existing<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

/// A role in a format, or written into a file that is there, and how it compares; nothing is printed
/// but what is lost.
///
/// # Errors
/// Where something is lost that is not allowed to be, or the file that is there cannot be read.
pub(super) fn written(
    role: &Role,
    format: &PolicyFormat,
    besides: &Besides<'_>,
    existing: Option<Existing<'_>>,
    tolerance: Tolerance,
    context: &Context,
) -> anyhow::Result<(Written, Equivalence)> {
    let mut written = match (format.update, existing) {
        (Some(update), Some(Existing { path, text })) => {
            update(role, besides, text).map_err(|problems| {
                let bad = BadRoleFile::Invalid { path: path.to_owned(), problems };
                anyhow::anyhow!("{bad}\nhint: what else stands there is kept, so mend it first")
            })?
        }
        (None, Some(Existing { path, .. })) => {
            let path = path.display();
            context
                .printer
                .note(&format!("`{path}` is written anew, nothing that stands there is kept"));
            (format.write)(role, besides)
        }
        (_, None) => (format.write)(role, besides),
    };
    written.losses = formats::by_field(written.losses);
    let about = format!("`{}` as {}", visible(&role.name), format.name);
    refuse(&written.losses, tolerance, &about, "does not say all of it", context)?;
    let found = tokio::task::block_in_place(|| {
        formats::equivalence(role, format, &written.text, MAX_STATES)
    });
    let found = found.map_err(|problems| {
        let first = problems.first().map(|it| format!("line {}: {}", it.line, it.message));
        anyhow::anyhow!("{about} cannot be read back: {}", first.unwrap_or_default())
    })?;
    let is_alike = written.losses.iter().all(|it| it.effect == formats::Effect::Same);
    if !found.is_proved() && is_alike && !tolerance.allow_loss {
        let witness = found.changes.first().map(|it| it.change.witness.clone()).unwrap_or_default();
        anyhow::bail!(
            "{about} is not proved to decide alike, as for `{}`\nhint: --allow-loss writes it",
            visible(&witness)
        );
    }
    Ok((written, found))
}

/// Prints a role in a format.
///
/// # Errors
/// As [`written`].
pub(super) fn print(
    role: &Role,
    format: &PolicyFormat,
    besides: &Besides<'_>,
    tolerance: Tolerance,
    context: &Context,
) -> anyhow::Result<Exit> {
    let (written, found) = written(role, format, besides, None, tolerance, context)?;
    print_written(role, format, &written, &found, context)?;
    told(&written, &found, format, context);
    Ok(Exit::Done)
}

/// Prints a document of the same system in another notation; all that it says is in it.
///
/// # Errors
/// Where it is not valid, or cannot be printed.
pub(super) fn print_restated(
    path: &Path,
    text: &str,
    format: &PolicyFormat,
    restated: Result<String, Vec<formats::Invalid>>,
    context: &Context,
) -> anyhow::Result<Exit> {
    let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
    let restated = restated.map_err(invalid)?;
    let role = (format.read)(&restated).map_err(invalid)?.role;
    let found = Equivalence::default();
    let written = Written { text: restated, ..Written::default() };
    print_written(&role, format, &written, &found, context)?;
    let is_same = written.text == text;
    let what = if is_same { "the document as it is" } else { "every field, in the other notation" };
    context.printer.note(&format!("the same document, {what}"));
    Ok(Exit::Done)
}

fn print_written(
    role: &Role,
    format: &PolicyFormat,
    written: &Written,
    found: &Equivalence,
    context: &Context,
) -> anyhow::Result<()> {
    let printer = &context.printer;
    match printer.output {
        Output::Json | Output::Ndjson => {
            let report = Report {
                format: format.name,
                role: &role.name,
                text: &written.text,
                losses: &written.losses,
                notes: &written.notes,
                equivalence: verdict(found),
                differences: &found.changes,
            };
            printer.document(&report, String::new)?;
        }
        Output::Table | Output::Csv => printer.raw(&written.text),
    }
    Ok(())
}

/// The values of variables that a store holds.
///
/// # Errors
/// Where it cannot be read.
pub(super) async fn variables(store: &Store) -> anyhow::Result<Vec<Variable>> {
    let variable = |it: VariableValue| Variable {
        name: it.name,
        value: it.value,
        patterns: it.patterns,
        builtin: it.builtin,
    };
    Ok(store.variables().await?.into_iter().map(variable).collect())
}

/// Tells what a translation came to.
pub(super) fn told(
    written: &Written,
    found: &Equivalence,
    format: &PolicyFormat,
    context: &Context,
) {
    let kinds = match format.targets {
        [Target::Command] => "command",
        [Target::Mcp] => "call",
        _ => "command and call",
    };
    for note in &written.notes {
        context.printer.note(&format!("not said: {}", visible(note)));
    }
    let shortest = |it: &Differing| {
        let Differing { change, given } = it;
        let given = given.iter().map(|(key, value)| format!(", with {key} {}", visible(value)));
        let (new, old) = (change.new.action, change.old.action);
        let given: String = given.collect();
        format!("`{}` is {new} there and {old} here{given}", visible(&change.witness))
    };
    context.printer.note(&match (verdict(found), found.changes.first()) {
        ("proved", _) => format!("proved: it decides every {kinds} as the role does"),
        (_, Some(first)) => {
            let pairs = match found.changes.len() {
                1 => "one pair of rules decides".to_owned(),
                n => format!("{n} pairs of rules decide"),
            };
            format!("{pairs} differently; the shortest: {}", shortest(first))
        }
        _ => format!("not decided for {} pairs of rules", found.undecided),
    });
}

const fn verdict(found: &Equivalence) -> &'static str {
    match (found.changes.is_empty(), found.undecided) {
        (true, 0) => "proved",
        (true, _) => "undecided",
        (false, _) => "different",
    }
}

/// Tells losses, and refuses them where they are not allowed.
fn refuse(
    losses: &[Loss],
    tolerance: Tolerance,
    about: &str,
    what: &str,
    context: &Context,
) -> anyhow::Result<()> {
    if losses.is_empty() {
        return Ok(());
    }
    for it in losses.iter().take(MAX_TOLD) {
        let (what, why) = (visible(&it.what), visible(&it.why));
        let effect = match it.effect {
            formats::Effect::Same => "decides alike",
            formats::Effect::Stricter => "stricter",
            formats::Effect::Milder => "MILDER",
        };
        context.printer.error(&format!("lost: {} {what}: {why} ({effect})", it.field));
    }
    if losses.len() > MAX_TOLD {
        context.printer.error(&format!("lost: {} more", losses.len() - MAX_TOLD));
    }
    if tolerance.allow_loss {
        return Ok(());
    }
    let n = losses.len();
    let losses = if n == 1 { "one loss".to_owned() } else { format!("{n} losses") };
    Err(anyhow::anyhow!("{about} {what}: {losses}\nhint: --allow-loss goes on without"))
        .context("cannot translate")
}
