//! A suggestion batch for people: the overview and the three-way diff.
use super::{
    Color, Printer,
    printer::{Rows, table},
};
use crate::{
    batch::{Change, ChangeKind, ChangeState, PlacedRule, SuggestionBatch},
    events::visible,
};

/// Columns that a text is folded to.
const WIDTH: usize = 92;

/// One line a change.
pub(super) fn overview(batch: &SuggestionBatch, printer: Printer) -> String {
    format!("{}\n\n{}", head(batch, printer), table(&change_rows(batch)).trim_end())
}

/// The changes as rows.
pub(super) fn change_rows(batch: &SuggestionBatch) -> Rows {
    let cells = batch.changes.iter().map(|change| {
        vec![
            change.ordinal.to_string(),
            sign(change.kind).to_owned(),
            action(change),
            patterns(change),
            percent(change.confidence),
            change.risk.to_string(),
            change.evidence.events.to_string(),
            change.evidence.sessions.to_string(),
            change.state.to_string(),
        ]
    });
    let columns =
        vec!["n", "kind", "action", "pattern", "confidence", "risk", "events", "sessions", "state"];
    Rows { columns, cells: cells.collect() }
}

/// Every change with its rules, reasoning and risk: green `+`, red `-`, yellow `~`, and the signs
/// for those without color.
pub(super) fn diff(batch: &SuggestionBatch, printer: Printer) -> String {
    let mut lines = vec![head(batch, printer)];
    for change in &batch.changes {
        lines.push(String::new());
        lines.push(title(batch, change, printer));
        lines.extend(
            change
                .before
                .iter()
                .map(|rule| printer.paint(Color::Red, &format!("  - {}", rule_text(rule)))),
        );
        let (mark, color) = match change.kind {
            ChangeKind::Modify => ("~", Color::Yellow),
            ChangeKind::Add | ChangeKind::Remove => ("+", Color::Green),
        };
        let after = change.modified_after.as_ref().unwrap_or(&change.after);
        lines.extend(
            after.iter().map(|rule| printer.paint(color, &format!("  {mark} {}", rule_text(rule)))),
        );
        lines.extend(fold(&change.reasoning, "    "));
        lines.extend(fold(&format!("If wrong: {}", change.risk_if_wrong), "    "));
        if !change.techniques.is_empty() {
            lines.extend(fold(&format!("ATT&CK: {}", change.techniques.join(", ")), "    "));
        }
    }
    lines.join("\n")
}

/// What the batch is, in two lines.
fn head(batch: &SuggestionBatch, printer: Printer) -> String {
    let summary = batch.summary;
    format!(
        "{}  role {}, revision {}, {}\n{} events, {} sessions, {} hosts, {:.0} hours to {}; \
         +{} ~{} -{}, confidence {}, risk {}",
        printer.paint(Color::Bold, &batch.batch_id),
        visible(&batch.role),
        batch.role_revision,
        batch.status,
        batch.events,
        batch.sessions,
        batch.hosts,
        batch.window.hours,
        batch.window.to,
        summary.add,
        summary.modify,
        summary.remove,
        percent(batch.confidence),
        batch.risk,
    )
}

fn title(batch: &SuggestionBatch, change: &Change, printer: Printer) -> String {
    let state = match change.state {
        ChangeState::Pending => String::new(),
        state => format!(", {state}"),
    };
    let required: Vec<String> = batch
        .changes
        .iter()
        .filter(|other| change.requires.contains(&other.change_id))
        .map(|other| other.ordinal.to_string())
        .collect();
    let requires = match required.as_slice() {
        [] => String::new(),
        ordinals => format!(", needs {}", ordinals.join(" ")),
    };
    let text = format!(
        "{} {} {}, confidence {}, risk {}{requires}{state}",
        change.ordinal,
        sign(change.kind),
        change.kind,
        percent(change.confidence),
        change.risk,
    );
    let color = match change.kind {
        ChangeKind::Add => Color::Green,
        ChangeKind::Modify => Color::Yellow,
        ChangeKind::Remove => Color::Red,
    };
    printer.paint(color, &text)
}

/// `+`, `~` or `-`.
pub(super) const fn sign(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Add => "+",
        ChangeKind::Modify => "~",
        ChangeKind::Remove => "-",
    }
}

/// A probability as people read it.
pub(super) fn percent(probability: f64) -> String {
    format!("{:.0}%", probability * 100.0)
}

fn rule_text(rule: &PlacedRule) -> String {
    let when: Vec<String> = rule
        .when
        .iter()
        .map(|(name, values)| format!("{name} is {}", values.join(" or ")))
        .collect();
    let when =
        if when.is_empty() { String::new() } else { format!(" when {}", when.join(" and ")) };
    format!("{:<16} {}{}", rule.action.as_str(), visible(&rule.pattern), visible(&when))
}

/// What the change does, in one word where it is one.
fn action(change: &Change) -> String {
    let rules = if change.after.is_empty() { &change.before } else { &change.after };
    let mut actions: Vec<&str> = rules.iter().map(|rule| rule.action.as_str()).collect();
    actions.sort_unstable();
    actions.dedup();
    actions.join(", ")
}

/// The first patterns of a change, and how many more there are.
fn patterns(change: &Change) -> String {
    let text = |rules: &[PlacedRule]| {
        let shown: Vec<&str> = rules.iter().take(2).map(|rule| rule.pattern.as_str()).collect();
        match rules.len().saturating_sub(2) {
            0 => shown.join(", "),
            more => format!("{}, {more} more", shown.join(", ")),
        }
    };
    match (change.before.as_slice(), change.after.as_slice()) {
        ([], after) => text(after),
        (before, []) => text(before),
        (before, after) => format!("{} -> {}", text(before), text(after)),
    }
}

/// Folds a text at blanks, each line indented.
fn fold(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && indent.len() + line.len() + 1 + word.len() > WIDTH {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!("{indent}{line}"));
    lines
}
