//! The three-way diff of a batch: what comes, what changes, what goes, and why.
use std::fmt::Write as _;

use comfy_table::Table;

use super::{Color, Printer, role_text::when_text};
use crate::{
    batch::{BatchStatus, Change, ChangeKind, ChangeState, PlacedRule, SuggestionBatch, Target},
    events::visible,
};

/// Widest text, in columns: longer lines are hard to read.
const MAX_COLUMNS: usize = 100;

/// Width where there is no terminal, in columns.
const DEFAULT_COLUMNS: usize = 88;

/// Indent of what belongs to a change.
const INDENT: usize = 6;

/// A batch as a reviewer reads it: signs say what color says, `+` comes, `~` changes, `-` goes.
pub(super) fn page(batch: &SuggestionBatch, printer: Printer) -> String {
    let columns = Table::new().width().map_or(DEFAULT_COLUMNS, usize::from).clamp(40, MAX_COLUMNS);
    let mut text = head(batch);
    for change in &batch.changes {
        text.push('\n');
        text.push_str(&section(batch, change, printer, columns));
    }
    text.push_str(&foot(batch));
    text.trim_end().to_owned()
}

/// `87%`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// `+9 ~2 -1`.
pub(super) fn counts(add: u64, modify: u64, remove: u64) -> String {
    format!("+{add} ~{modify} -{remove}")
}

fn head(batch: &SuggestionBatch) -> String {
    let summary = batch.summary;
    format!(
        "batch {} for role {}, made for revision {}, {}\n\
         {}, confidence {}, risk {}\n\
         {} events of {} sessions on {} hosts in {:.0} hours, {} to {}\n",
        visible(&batch.batch_id),
        visible(&batch.role),
        batch.role_revision,
        status(batch.status),
        counts(summary.add, summary.modify, summary.remove),
        percent(batch.confidence),
        batch.risk,
        grouped(batch.events),
        grouped(batch.sessions),
        grouped(batch.hosts),
        batch.window.hours,
        batch.window.from,
        batch.window.to,
    )
}

fn foot(batch: &SuggestionBatch) -> String {
    if batch.status != BatchStatus::Pending {
        return String::new();
    }
    let id = visible(&batch.batch_id);
    format!(
        "\ndecide: advisor review accept|reject|modify {id} [--change N]\n\
         then:   advisor review apply {id}\n"
    )
}

/// `51,234`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut res = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            res.push(',');
        }
        res.push(digit);
    }
    res
}

fn section(batch: &SuggestionBatch, change: &Change, printer: Printer, columns: usize) -> String {
    let (sign, color) = match change.kind {
        ChangeKind::Add => ('+', Color::Green),
        ChangeKind::Modify => ('~', Color::Yellow),
        ChangeKind::Remove => ('-', Color::Red),
    };
    let target = match change.target {
        Target::Command => "",
        Target::Mcp => " MCP rule",
    };
    let title = format!(
        "{sign} {:>3} {}{target}, confidence {}, risk {}, {}",
        change.ordinal,
        change.kind,
        percent(change.confidence),
        change.risk,
        change.state
    );
    let mut text = format!("{}\n", printer.paint(color, &title));
    let is_modified = change.state == ChangeState::Modified;
    for rule in &change.before {
        text.push_str(&rule_line(rule, '-', Color::Red, printer));
    }
    for rule in &change.after {
        let color = if is_modified { Color::Dim } else { Color::Green };
        text.push_str(&rule_line(rule, '+', color, printer));
    }
    if let Some(rules) = change.modified_after.as_ref().filter(|_| is_modified) {
        text.push_str(&wrapped("the reviewer's instead:", columns));
        for rule in rules {
            text.push_str(&rule_line(rule, '+', Color::Green, printer));
        }
    }
    text.push_str(&wrapped(&visible(&change.reasoning), columns));
    text.push_str(&wrapped(&format!("If wrong: {}", visible(&change.risk_if_wrong)), columns));
    let required = batch.changes.iter().filter(|it| change.requires.contains(&it.change_id));
    let required: Vec<String> = required.map(|it| it.ordinal.to_string()).collect();
    if !required.is_empty() {
        text.push_str(&wrapped(&format!("Requires change {}.", required.join(", ")), columns));
    }
    text
}

fn rule_line(rule: &PlacedRule, sign: char, color: Color, printer: Printer) -> String {
    let when = when_text(&rule.when);
    let when = if when.is_empty() { when } else { format!("  where {}", visible(&when)) };
    let line = format!("{sign} {:<16} {}{when}", rule.action.as_str(), visible(&rule.pattern));
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

/// Text broken at blanks, indented; a word longer than a line stays whole.
fn wrapped(text: &str, columns: usize) -> String {
    let mut res = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && INDENT + line.chars().count() + 1 + word.chars().count() > columns {
            let _ = writeln!(res, "{:INDENT$}{line}", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(res, "{:INDENT$}{line}", "");
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn text_is_broken_at_blanks_only() {
        let text = wrapped("one two three four https://example.org/a/very/long/address end", 20);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            ["one two three", "four", "https://example.org/a/very/long/address", "end"]
        );
        assert_eq!(wrapped(" ", 20), "");
    }
}
