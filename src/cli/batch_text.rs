//! A suggestion batch for people: the overview and the three-way diff.
use std::fmt::Write as _;

use comfy_table::Table;

use super::{
    Color, Printer, Rows,
    printer::table,
    readiness_text,
    role_text::{grouped, when_text},
};
use crate::{
    batch::{
        BatchStatus, Change, ChangeKind, ChangeState, Findings, PlacedRule, SuggestionBatch, Target,
    },
    events::visible,
};

/// Widest text, in columns: longer lines are hard to read.
const MAX_COLUMNS: usize = 100;

/// Width where there is no terminal, in columns.
const DEFAULT_COLUMNS: usize = 92;

/// Indent of what belongs to a change, in columns.
const INDENT: usize = 6;

/// One line a change.
pub(super) fn overview(batch: &SuggestionBatch, printer: Printer) -> String {
    format!(
        "{}\n\n{}{}",
        head(batch, printer),
        table(&change_rows(batch)).trim_end(),
        findings(&batch.findings)
    )
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
    let columns = width();
    let mut text = format!("{}\n", head(batch, printer));
    for change in &batch.changes {
        text.push('\n');
        text.push_str(&section(batch, change, printer, columns));
    }
    text.push_str(&findings(&batch.findings));
    if batch.status == BatchStatus::Pending {
        let id = visible(&batch.batch_id);
        let _ = write!(
            text,
            "\ndecide: advisor review accept|reject|modify {id} [--change N]\n\
             then:   advisor review apply {id}\n"
        );
    }
    text.trim_end().to_owned()
}

/// What the activity says besides changes.
fn findings(findings: &Findings) -> String {
    let anomalies = anomalies(findings);
    let readiness = findings.readiness.as_ref();
    let readiness = readiness.map(|it| format!("\n\n{}", readiness_text::paragraph(it).trim_end()));
    anomalies + &readiness.unwrap_or_default()
}

/// What stands out, a line each.
fn anomalies(findings: &Findings) -> String {
    if findings.anomalies.is_empty() {
        return String::new();
    }
    let cells = findings.anomalies.iter().map(|it| {
        let oddities: Vec<&str> = it.oddities.iter().map(|it| it.as_str()).collect();
        vec![
            it.risk.to_string(),
            oddities.join(", "),
            it.subject.clone(),
            it.reason.clone(),
            it.outcome.map_or_else(String::new, |it| it.to_string()),
            it.event_ids.first().cloned().unwrap_or_default(),
        ]
    });
    let columns = vec!["risk", "oddities", "activity", "reason", "with_the_batch", "event_id"];
    let rows = Rows { columns, cells: cells.collect() };
    let more = match findings.more_anomalies {
        0 => String::new(),
        n => format!("\nand {n} more"),
    };
    format!(
        "\n\nWhat stands out, and is no ground for an allow:\n{}{more}",
        table(&rows).trim_end()
    )
}

/// What the batch is, in three lines.
fn head(batch: &SuggestionBatch, printer: Printer) -> String {
    let (window, summary) = (batch.window, batch.summary);
    format!(
        "{} for role {}, made for revision {}, {}\n\
         {}, confidence {}, risk {}\n\
         {} events of {} sessions on {} hosts in {:.0} hours, {} to {}",
        printer.paint(Color::Bold, &visible(&batch.batch_id)),
        visible(&batch.role),
        batch.role_revision,
        status(batch.status),
        counts(summary.add, summary.modify, summary.remove),
        percent(batch.confidence),
        batch.risk,
        grouped(batch.events),
        grouped(batch.sessions),
        grouped(batch.hosts),
        window.hours,
        window.from,
        window.to,
    )
}

fn section(batch: &SuggestionBatch, change: &Change, printer: Printer, columns: usize) -> String {
    let color = match change.kind {
        ChangeKind::Add => Color::Green,
        ChangeKind::Modify => Color::Yellow,
        ChangeKind::Remove => Color::Red,
    };
    let target = match change.target {
        Target::Command => "",
        Target::Mcp => " MCP rule",
    };
    let title = format!(
        "{} {:>3} {}{target}, confidence {}, risk {}, {}",
        sign(change.kind),
        change.ordinal,
        change.kind,
        percent(change.confidence),
        change.risk,
        change.state
    );
    let mut text = format!("{}\n", printer.paint(color, &title));
    for rule in &change.before {
        text.push_str(&rule_line(rule, "-", Color::Red, printer));
    }
    let (mark, color) = match change.kind {
        ChangeKind::Modify => ("~", Color::Yellow),
        ChangeKind::Add | ChangeKind::Remove => ("+", Color::Green),
    };
    let written = change.modified_after.as_ref().filter(|_| change.state == ChangeState::Modified);
    let proposed = if written.is_some() { Color::Dim } else { color };
    for rule in &change.after {
        text.push_str(&rule_line(rule, mark, proposed, printer));
    }
    if let Some(rules) = written {
        text.push_str(&folded("the reviewer's instead:", columns));
        for rule in rules {
            text.push_str(&rule_line(rule, mark, color, printer));
        }
    }
    text.push_str(&folded(&visible(&change.reasoning), columns));
    text.push_str(&folded(&format!("If wrong: {}", visible(&change.risk_if_wrong)), columns));
    if !change.techniques.is_empty() {
        text.push_str(&folded(&format!("ATT&CK: {}", change.techniques.join(", ")), columns));
    }
    let required = batch.changes.iter().filter(|it| change.requires.contains(&it.change_id));
    let required: Vec<String> = required.map(|it| it.ordinal.to_string()).collect();
    if !required.is_empty() {
        text.push_str(&folded(&format!("Requires change {}.", required.join(", ")), columns));
    }
    text
}

fn rule_line(rule: &PlacedRule, mark: &str, color: Color, printer: Printer) -> String {
    let when = when_text(&rule.when);
    let when = if when.is_empty() { when } else { format!(" when {}", visible(&when)) };
    let line = format!("{mark} {:<16} {}{when}", rule.action.as_str(), visible(&rule.pattern));
    format!("{:INDENT$}{}\n", "", printer.paint(color, &line))
}

fn status(status: BatchStatus) -> &'static str {
    match status {
        BatchStatus::Pending => "pending review",
        BatchStatus::Applied => "applied",
        BatchStatus::PartiallyApplied => "partially applied",
        BatchStatus::Dismissed => "dismissed",
    }
}

/// `+`, `~` or `-`.
pub(super) const fn sign(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Add => "+",
        ChangeKind::Modify => "~",
        ChangeKind::Remove => "-",
    }
}

/// `+9 ~2 -1`.
pub(super) fn counts(add: u64, modify: u64, remove: u64) -> String {
    format!("+{add} ~{modify} -{remove}")
}

/// A probability as people read it.
pub(super) fn percent(probability: f64) -> String {
    format!("{:.0}%", probability * 100.0)
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
    let after = change.modified_after.as_ref().unwrap_or(&change.after);
    match (change.before.as_slice(), after.as_slice()) {
        ([], after) => text(after),
        (before, []) => text(before),
        (before, after) => format!("{} -> {}", text(before), text(after)),
    }
}

/// Text broken at blanks to the width of the terminal.
pub(super) fn folded_at(text: &str, indent: usize) -> String {
    broken(text, indent, width())
}

/// Columns that text may take.
fn width() -> usize {
    Table::new().width().map_or(DEFAULT_COLUMNS, usize::from).clamp(40, MAX_COLUMNS)
}

/// Text broken at blanks, indented; a word longer than a line stays whole.
fn folded(text: &str, columns: usize) -> String {
    broken(text, INDENT, columns)
}

fn broken(text: &str, indent: usize, columns: usize) -> String {
    let mut res = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > columns {
            let _ = writeln!(res, "{:indent$}{line}", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(res, "{:indent$}{line}", "");
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks_only() {
        let text = folded("one two three four https://example.org/a/very/long/address end", 20);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            ["one two three", "four", "https://example.org/a/very/long/address", "end"]
        );
        assert_eq!(folded(" ", 20), "");
    }
}
