//! A backtest for people: the runs, what they stop, attacks, and confidence against outcome.
use std::fmt::Write as _;

use super::{Rows, batch_text::percent, printer::table, role_text::grouped};
use crate::{
    events::visible,
    pipeline::backtest::{Backtest, Calibration, Coverage, Report, Stop},
};

/// Most kinds of stops that are shown of a run.
const MAX_STOPS: usize = 15;

/// Longest line that is shown, in characters.
const MAX_LINE: usize = 60;

/// A row a run.
pub(super) fn rows(report: &Report) -> Rows {
    let cells = report.runs.iter().map(|run| {
        let replay = &run.replay;
        vec![
            run.role.clone(),
            percent(run.cut),
            run.at.to_string(),
            run.learned.events.to_string(),
            replay.coverage.events.to_string(),
            run.rules.to_string(),
            share(replay.coverage.allowed, replay.coverage.events),
            share(replay.coverage.asked, replay.coverage.events),
            share(replay.coverage.stopped, replay.coverage.events),
            share(run.without.allowed, run.without.events),
            share(replay.sessions_unstopped, replay.sessions),
            share(run.attacks.passed(), run.attacks.examples),
        ]
    });
    let columns = vec![
        "role", "cut", "at", "learned", "later", "rules", "allowed", "asked", "stopped", "without",
        "sessions", "attacks",
    ];
    Rows { columns, cells: cells.collect() }
}

/// Everything, in sections.
pub(super) fn page(report: &Report) -> String {
    let mut text = table(&rows(report));
    text.push_str(
        "\nallowed, asked, stopped: shares of the later events that ran; without: allowed without the\n\
         suggestion; sessions: those in which nothing is stopped; attacks: examples that pass.\n",
    );
    for run in &report.runs {
        text.push('\n');
        text.push_str(&stops(run));
        text.push_str(&attacks(run));
    }
    text.push('\n');
    text.push_str(&confidence(&report.calibration));
    text.trim_end().to_owned()
}

fn stops(run: &Backtest) -> String {
    let Coverage { asked, stopped, .. } = run.replay.coverage;
    let head = format!("{} at {}", visible(&run.role), percent(run.cut));
    if run.replay.stops.is_empty() {
        return format!("{head}: nothing that ran later is stopped or asked\n");
    }
    let mut text = format!(
        "{head}: {} later events are stopped and {} asked, most often\n",
        grouped(stopped),
        grouped(asked)
    );
    let shown = run.replay.stops.iter().take(MAX_STOPS);
    let cells = shown.map(|stop| {
        vec![
            stop.events.to_string(),
            stop.sessions.to_string(),
            stop.units_before.to_string(),
            stop.command.clone(),
            by(stop),
            stop.examples.first().map(|it| cut(&it.line)).unwrap_or_default(),
        ]
    });
    let columns = vec!["events", "sessions", "units_before", "command", "by", "example"];
    text.push_str(&table(&Rows { columns, cells: cells.collect() }));
    let more = run.replay.more_stops
        + u64::try_from(run.replay.stops.len().saturating_sub(MAX_STOPS)).unwrap_or(0);
    if more > 0 {
        let _ = writeln!(text, "and {more} more kinds");
    }
    let refused = run.replay.refused;
    if refused.events > 0 {
        let _ = writeln!(
            text,
            "of {} later events that were refused at the time, {} would pass",
            grouped(refused.events),
            grouped(refused.allowed)
        );
    }
    text
}

fn by(stop: &Stop) -> String {
    match &stop.rule {
        Some(rule) => format!("{} {}", stop.action, cut(rule)),
        None => format!("{} by default", stop.action),
    }
}

fn attacks(run: &Backtest) -> String {
    let passing = run.attacks.classes.iter().filter(|it| !it.passed.is_empty());
    let passing: Vec<String> = passing
        .map(|it| {
            let n_passed = it.examples - it.stopped - it.asked;
            format!(
                "{} {n_passed} of {} (`{}`)",
                it.class,
                it.examples,
                visible(&cut_option(it.passed.first()))
            )
        })
        .collect();
    if passing.is_empty() {
        return format!(
            "attacks: none of {} examples in {} classes passes\n",
            run.attacks.examples,
            run.attacks.classes.len()
        );
    }
    format!("attacks that pass: {}\n", passing.join(", "))
}

fn cut_option(line: Option<&String>) -> String {
    line.map(|it| cut(it)).unwrap_or_default()
}

/// The table of confidence and the scores beside the formulas.
fn confidence(calibration: &Calibration) -> String {
    let all = &calibration.changes;
    if all.scores.pairs == 0 {
        return "no changes, so nothing to say of confidence\n".to_owned();
    }
    let mut text = format!("confidence against outcome, {} changes\n", all.scores.pairs);
    let cells = all.bins.iter().map(|bin| {
        vec![
            format!("{:.0}-{:.0}%", bin.from * 100.0, bin.to * 100.0),
            bin.pairs.to_string(),
            percent(bin.stated),
            percent(bin.right),
        ]
    });
    let columns = vec!["confidence", "changes", "stated", "right"];
    text.push_str(&table(&Rows { columns, cells: cells.collect() }));
    text.push('\n');
    let mut cells = Vec::new();
    for (over, population) in
        [("changes", all), ("rules", &calibration.rules), ("added allows", &calibration.allows)]
    {
        let ours = std::iter::once(("advisor", population.scores));
        for (by, scores) in ours.chain(population.naive.iter().map(|it| (it.name, it.scores))) {
            cells.push(vec![
                over.to_owned(),
                by.to_owned(),
                scores.pairs.to_string(),
                percent(scores.stated),
                percent(scores.right),
                format!("{:.3}", scores.ece),
                format!("{:.3}", scores.brier),
            ]);
        }
    }
    let columns = vec!["over", "by", "n", "stated", "right", "ece", "brier"];
    text.push_str(&table(&Rows { columns, cells }));
    for it in &all.naive {
        let _ = writeln!(text, "{}: {}", it.name, it.formula);
    }
    text
}

/// A line as long as a table can show it.
fn cut(line: &str) -> String {
    let shown: String = line.chars().take(MAX_LINE).collect();
    if shown.len() < line.len() { format!("{shown}...") } else { shown }
}

/// Three decimals: the differences that matter are below a percent.
fn share(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^52")]
    let share = part as f64 / whole.max(1) as f64;
    if whole == 0 { "-".to_owned() } else { format!("{share:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{ChangeKind, Summary, Target},
        events::{Day, Timestamp},
        pipeline::backtest::{
            Attacks, ClassAttacks, DayCoverage, Judged, Part, Refused, Replay, SCHEMA_VERSION,
            StopExample, Suggested, calibrate, picture,
        },
        policy::RuleAction,
        risk::RiskLevel,
    };

    fn judged(ordinal: u64, confidence: f64, right: bool) -> Judged {
        Judged {
            change_id: format!("c-{ordinal}"),
            ordinal,
            kind: ChangeKind::Add,
            target: Target::Command,
            pattern: "git status *".to_owned(),
            confidence,
            risk: RiskLevel::Low,
            events: ordinal * 4,
            allows: true,
            right,
            rules_right: vec![right],
        }
    }

    fn report() -> Report {
        let changes = vec![judged(1, 0.62, false), judged(2, 0.65, true), judged(3, 0.97, true)];
        let coverage = Coverage { events: 400, allowed: 360, asked: 10, stopped: 30 };
        let stop = Stop {
            command: "rm".to_owned(),
            target: Target::Command,
            action: RuleAction::Deny,
            rule: None,
            reason: "no rule matches, so the default, deny, holds".to_owned(),
            events: 30,
            sessions: 4,
            units_before: 1,
            examples: vec![StopExample {
                line: "rm \u{202e}x".to_owned(),
                events: 30,
                event_id: "e-1".to_owned(),
            }],
        };
        let run = Backtest {
            role: "web <&>".to_owned(),
            role_revision: Some(3),
            cut: 0.7,
            at: Timestamp::parse("2026-03-05T12:00:00Z").unwrap(),
            learned: Part { events: 1_000, sessions: 40, hosts: 3, hours: 100.0 },
            later: Part { events: 410, sessions: 20, hosts: 3, hours: 50.0 },
            silence: None,
            suggested: Some(Suggested {
                summary: Summary { add: 3, modify: 0, remove: 0 },
                confidence: 0.9,
                risk: RiskLevel::Low,
            }),
            rules: 12,
            replay: Replay {
                coverage,
                commands: coverage,
                sessions: 20,
                sessions_unstopped: 14,
                days: vec![DayCoverage { day: Day(20_517), coverage }],
                refused: Refused { events: 10, allowed: 2 },
                stops: vec![stop],
                more_stops: 2,
                ..Replay::default()
            },
            without: Coverage { events: 400, allowed: 100, asked: 0, stopped: 300 },
            attacks: Attacks {
                examples: 50,
                stopped: 44,
                asked: 5,
                classes: vec![ClassAttacks {
                    class: "secret_read",
                    examples: 50,
                    stopped: 44,
                    asked: 5,
                    passed: vec!["cat /root/.netrc".to_owned()],
                }],
            },
            calibration: calibrate(&changes),
            changes,
        };
        let calibration = run.calibration.clone();
        Report { schema_version: SCHEMA_VERSION, runs: vec![run], calibration }
    }

    #[test]
    fn a_report_reads_well() {
        insta::assert_snapshot!(page(&report()), @r"
 ROLE     CUT  AT                    LEARNED  LATER  RULES  ALLOWED  ASKED  STOPPED  WITHOUT  SESSIONS  ATTACKS
 web <&>  70%  2026-03-05T12:00:00Z  1000     400    12     0.900    0.025  0.075    0.250    0.700     0.020

allowed, asked, stopped: shares of the later events that ran; without: allowed without the
suggestion; sessions: those in which nothing is stopped; attacks: examples that pass.

web <&> at 70%: 30 later events are stopped and 10 asked, most often
 EVENTS  SESSIONS  UNITS BEFORE  COMMAND  BY               EXAMPLE
 30      4         1             rm       deny by default  rm \u{202e}x
and 2 more kinds
of 10 later events that were refused at the time, 2 would pass
attacks that pass: secret_read 1 of 50 (`cat /root/.netrc`)

confidence against outcome, 3 changes
 CONFIDENCE  CHANGES  STATED  RIGHT
 60-70%      2        64%     50%
 90-100%     1        97%     100%

 OVER          BY       N  STATED  RIGHT  ECE    BRIER
 changes       advisor  3  75%     67%    0.100  0.169
 changes       bonuses  3  78%     67%    0.217  0.216
 changes       tiers    3  60%     67%    0.267  0.087
 rules         advisor  3  75%     67%    0.100  0.169
 rules         bonuses  3  78%     67%    0.217  0.216
 rules         tiers    3  60%     67%    0.267  0.087
 added allows  advisor  3  75%     67%    0.100  0.169
 added allows  bonuses  3  78%     67%    0.217  0.216
 added allows  tiers    3  60%     67%    0.267  0.087
bonuses: 0.5, +0.2 seen 10 times (+0.1 seen 3 times), +0.15 risk low, -0.2 risk high or critical, within 0.1 and 0.95
tiers: high (0.9) seen 10 times, medium (0.6) seen 5 times, else low (0.3)
");
    }

    #[test]
    fn a_picture_is_well_formed_and_holds_no_foreign_markup() {
        let svg = picture(&report());
        assert!(svg.contains("web &lt;&amp;&gt;") && !svg.contains("<&>"), "{svg}");
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
        let n_open = svg.matches("<text ").count();
        assert_eq!(n_open, svg.matches("</text>").count());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let nothing = picture(&Report {
            schema_version: SCHEMA_VERSION,
            runs: Vec::new(),
            calibration: Calibration::default(),
        });
        assert!(!nothing.contains("NaN") && !nothing.contains("inf"), "{nothing}");
    }
}
