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
        BatchStatus, Change, ChangeKind, ChangeState, Findings, LedgerEntry, LeftOut, PlacedRule,
        SuggestionBatch, Target,
    },
    events::visible,
    review::BadVerdict,
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

/// The changes with these ordinals.
///
/// # Errors
/// Where one is not there.
pub(super) fn chosen<'a>(
    batch: &'a SuggestionBatch,
    ordinals: &[u64],
) -> Result<Vec<&'a Change>, BadVerdict> {
    let find = |ordinal: &u64| {
        batch.changes.iter().find(|it| it.ordinal == *ordinal).ok_or_else(|| BadVerdict::NoChange {
            batch_id: batch.batch_id.clone(),
            ordinal: *ordinal,
            last: batch.changes.len() as u64,
        })
    };
    ordinals.iter().map(find).collect()
}

/// Changes in full: what they do and why, what their confidence is made of, their scopes.
pub(super) fn details(batch: &SuggestionBatch, changes: &[&Change], printer: Printer) -> String {
    let mut text = String::new();
    for change in changes {
        text.push_str(&section(batch, change, printer, width()));
        if change.scopes.len() > 1 {
            let rows = scope_rows(&[*change]);
            let _ = write!(text, "\n{}\n", table(&rows).trim_end());
            let id = visible(&batch.batch_id);
            let _ = writeln!(
                text,
                "take another: advisor review modify {id} --change {} --scope LEVEL",
                change.ordinal
            );
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// The scopes of changes, a line each.
pub(super) fn scope_rows(changes: &[&Change]) -> Rows {
    let scopes = changes.iter().flat_map(|change| change.scopes.iter().map(move |it| (change, it)));
    let cells = scopes.map(|(change, scope)| {
        let allows: Vec<PlacedRule> =
            scope.after.iter().filter(|it| it.action.passes()).cloned().collect();
        vec![
            change.ordinal.to_string(),
            scope.level.to_string(),
            first_patterns(&allows),
            scope.later.map_or_else(String::new, |it| format!("{} of {}", it.covered, it.seen)),
            percent(scope.confidence),
            scope.guards.to_string(),
            scope.effects.join(", "),
            scope.guarded_acts.join(", "),
            scope.open_acts.join(", "),
            if scope.is_proposed { "proposed".to_owned() } else { String::new() },
        ]
    });
    let columns = vec![
        "n",
        "scope",
        "pattern",
        "later",
        "confidence",
        "guards",
        "effects",
        "guarded_against",
        "lets_through",
        "state",
    ];
    Rows { columns, cells: cells.collect() }
}

/// What the activity says besides changes.
fn findings(findings: &Findings) -> String {
    let readiness = findings.readiness.as_ref();
    let readiness = readiness.map(|it| format!("\n\n{}", readiness_text::paragraph(it).trim_end()));
    format!(
        "{}{}{}{}",
        left_out(&findings.left_out),
        anomalies(findings),
        ledger(&findings.ledger),
        readiness.unwrap_or_default()
    )
}

/// What is left to next time, in a sentence.
fn left_out(left: &LeftOut) -> String {
    let parts: Vec<String> = [
        (left.below_threshold, "below the confidence threshold"),
        (left.rejected_before, "rejected before on the same evidence"),
        (left.over_budget, "without room in a role that people can read"),
    ]
    .into_iter()
    .filter(|it| it.0 > 0)
    .map(|(count, why)| format!("{} {why}", grouped(count)))
    .collect();
    let before = left.activity_before.map(|it| {
        format!(
            "\n\nActivity before {} is left out: with it there are more different commands than an \
             analysis takes.",
            it.day()
        )
    });
    let before = before.unwrap_or_default();
    if parts.is_empty() {
        return before;
    }
    let examples: Vec<String> =
        left.examples.iter().map(|it| format!("`{}`", visible(it))).collect();
    let examples = match examples.as_slice() {
        [] => String::new(),
        examples => format!(" ({})", examples.join(", ")),
    };
    format!("{before}\n\nLeft to next time: {}{examples}.", parts.join("; "))
}

/// What became of rules that went away, a line each.
fn ledger(entries: &[LedgerEntry]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let cells = entries.iter().map(|it| {
        vec![
            it.at.day().to_string(),
            if it.narrowed { "narrowed" } else { "removed" }.to_owned(),
            it.pattern.clone(),
            it.fate.to_string(),
            it.events.to_string(),
            it.batch_id.clone(),
        ]
    });
    let columns = vec!["day", "rule_was", "pattern", "fate", "events_blocked", "batch_id"];
    let rows = Rows { columns, cells: cells.collect() };
    format!("\n\nRules that went away:\n{}", table(&rows).trim_end())
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
    if !change.factors.is_empty() {
        let factors: Vec<String> =
            change.factors.iter().map(|it| format!("{} {:.2}", it.name, it.value)).collect();
        let text_of = format!("Confidence: {}.", factors.join(" x "));
        text.push_str(&folded(&text_of, columns));
    }
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
    let text = first_patterns;
    let after = change.modified_after.as_ref().unwrap_or(&change.after);
    match (change.before.as_slice(), after.as_slice()) {
        ([], after) => text(after),
        (before, []) => text(before),
        (before, after) => format!("{} -> {}", text(before), text(after)),
    }
}

/// The first patterns of some rules with their conditions, and how many more there are.
fn first_patterns(rules: &[PlacedRule]) -> String {
    let text = |rule: &PlacedRule| match when_text(&rule.when) {
        when if when.is_empty() => rule.pattern.clone(),
        when => format!("{} when {when}", rule.pattern),
    };
    let shown: Vec<String> = rules.iter().take(2).map(text).collect();
    match rules.len().saturating_sub(2) {
        0 => shown.join(", "),
        more => format!("{}, {more} more", shown.join(", ")),
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
    use crate::policy::RuleAction;

    /// Three rules for `*` on three conditions looked as if all were allowed three times.
    #[test]
    fn patterns_are_shown_with_their_conditions() {
        let rule = |pattern: &str, access: Option<&str>| PlacedRule {
            pattern: pattern.to_owned(),
            action: RuleAction::Allow,
            position: 1,
            when: access.map(|it| ("access".to_owned(), vec![it.to_owned()])).into_iter().collect(),
            rule_id: None,
        };
        let (ls, all) = (rule("ls *", None), rule("*", Some("read")));
        assert_eq!(first_patterns(std::slice::from_ref(&all)), "* when access is read");
        assert_eq!(first_patterns(&[ls.clone(), all, ls]), "ls *, * when access is read, 1 more");
    }

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
