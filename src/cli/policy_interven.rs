//! `advisor policy evaluate --format interven`: its rules, with all their conditions, on recorded calls.
use std::path::Path;

use super::{Context, Exit, Rows, WrongUse, activity};
use crate::{
    events::{Event, EventType, visible},
    formats::{
        BadRoleFile,
        interven::{BUILTIN, read_policy, starter_rules},
        load_text,
    },
    inputs::Format,
    lake::{Column, Filter, Test, View, Window},
    pipeline::interven::{Gate, Gated},
};

/// What stands for the lake among histories.
const LAKE: &str = "lake";

/// Decides the calls of some events, after what was before.
pub(super) async fn run(
    policy: &str,
    input: &Path,
    history: Option<&Path>,
    own_domains: &[String],
    context: &Context,
) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let policy = if policy == BUILTIN {
        starter_rules()
    } else {
        let path = Path::new(policy);
        let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
        read_policy(&load_text(path)?).map_err(invalid)?
    };
    for it in policy.warnings() {
        printer.error(&format!("warning: {}", visible(&it)));
    }
    let mut gate = Gate::new(&policy, own_domains);
    if let Some(rule) = gate.unanswerable() {
        let id = visible(&rule.rule_id);
        let why =
            format!("rule `{id}` asks who is external: name your domains, `--own-domain acme.com`");
        return Err(WrongUse(why).into());
    }
    let events = in_order(input, context)?;
    let before = match history {
        Some(word) if word == Path::new(LAKE) => of_lake(events.first(), context).await?,
        Some(path) => in_order(path, context)?,
        None => Vec::new(),
    };
    for event in &before {
        gate.remember(event);
    }
    let gated: Vec<Gated> = events.iter().filter_map(|it| gate.judge(it)).collect();
    printer.list(&gated, || Rows {
        columns: vec!["event_id", "decision", "call", "rule", "reason"],
        cells: gated
            .iter()
            .map(|it| {
                let rule = it.rule.clone().unwrap_or_default();
                let decision = it.decision.to_string();
                vec![it.event_id.clone(), decision, it.call.clone(), rule, it.reason.clone()]
            })
            .collect(),
    })?;
    let n_others = events.len() - gated.len();
    if n_others > 0 {
        printer.note(&format!("{n_others} events are no calls, so no rule is about them"));
    }
    Ok(Exit::Done)
}

/// The calls in the lake that were before an event.
async fn of_lake(first: Option<&Event>, context: &Context) -> anyhow::Result<Vec<Event>> {
    let Some(first) = first else { return Ok(Vec::new()) };
    let parts = context.store().await?.manifest().await?.parts;
    let lake = context.config.lake_to_read()?;
    let window = Window { to: first.timestamp, ..Window::ALL };
    let calls = vec![Some(EventType::McpToolCall.as_str().to_owned())];
    let tests = vec![Test::OneOf(Column::EventType, calls)];
    let filter = Filter { window, tests, binaries: Vec::new() };
    let mut events = Vec::new();
    let mut each = |view: &View<'_>| events.push(view.record().event);
    tokio::task::block_in_place(|| lake.records(&parts, &filter, None, &mut each, &mut |_| true))?;
    Ok(sorted(events))
}

/// Events as they happened.
fn in_order(path: &Path, context: &Context) -> anyhow::Result<Vec<Event>> {
    Ok(sorted(activity::events(path, Format::default_format(), context)?))
}

fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| (a.timestamp, &a.event_id).cmp(&(b.timestamp, &b.event_id)));
    events
}
