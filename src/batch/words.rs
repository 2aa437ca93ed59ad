//! What a change says to the person who reviews it.
use std::fmt::Write as _;

use crate::{
    changes::{Draft, Split, Why},
    events::visible,
    policy::{Access, Target, access_of},
    risk::RiskLevel,
};

/// Most patterns or shapes that one sentence names.
const MAX_NAMED: usize = 3;

/// How often it was seen, with what arguments, and why the change follows.
pub(super) fn reasoning(draft: &Draft) -> String {
    format!("{}{}", because(draft), recalled(draft))
}

/// What reviewers said no to before, and what is different since.
fn recalled(draft: &Draft) -> String {
    let Some(recalled) = &draft.recalled else { return String::new() };
    let reason =
        recalled.reason.as_deref().map_or_else(String::new, |it| format!(" (\"{}\")", visible(it)));
    format!(
        " It was rejected on {}{reason}; since then its evidence is different: {}.",
        recalled.at.day(),
        recalled.differences.join("; "),
    )
}

fn because(draft: &Draft) -> String {
    match &draft.why {
        Why::Routine { n_one_offs, split } => {
            let mut text = if let Some(access) = access(draft) {
                format!("{}{}. {}", seen(draft), arguments(draft), known(access))
            } else {
                format!(
                    "{}{}. Its effects ({}) are routine for this role, so it can be \
                     allowed without asking.",
                    seen(draft),
                    arguments(draft),
                    draft.effects
                )
            };
            if *n_one_offs > 0 {
                let _ = write!(
                    text,
                    " {} seen too rarely to be routine alone {} covered by the \
                     same pattern.",
                    count(*n_one_offs, "form"),
                    if *n_one_offs == 1 { "is" } else { "are" }
                );
            }
            if let Some(Split { environments, n_other_units }) = split {
                let _ = write!(
                    text,
                    " Only hosts of {} do it; in {} of the others nobody did, so that it is \
                     allowed on these hosts only.",
                    named(environments),
                    count(*n_other_units, "unit"),
                );
            }
            text
        }
        Why::NeedsApproval => format!(
            "{}{}. Frequency alone does not make its effects ({}) safe, so a person is asked each time.",
            seen(draft),
            arguments(draft),
            draft.effects,
        ),
        Why::Unknown => format!(
            "{}. Part of what comes will be of a kind that no rule knows: with this rule it waits for a \
             person, without it is refused. It stands last and changes nothing that another rule decides.",
            seen(draft),
        ),
        Why::Guard { titles, n_stopped_units } => {
            let stopped = match n_stopped_units {
                0 => "Nothing seen in the window would have been stopped".to_owned(),
                n => format!(
                    "In {} of session, host and day they would have stopped something, for example {}",
                    count(*n, "unit"),
                    named(&draft.evidence.examples),
                ),
            };
            format!(
                "Allowed patterns would let these through: {}. The rules stand in front of them. {stopped}.",
                titles.join("; "),
            )
        }
        Why::Unused => {
            let pattern = before(draft);
            format!(
                "No command in the window was decided by {pattern}. A permission that nobody uses \
                 only helps whoever takes over an agent."
            )
        }
        Why::NeverFires { by, by_action } if draft.after.is_empty() => format!(
            "{} can never fire: `{}` ({by_action}) stands above it and takes everything it matches.",
            capital(&before(draft)),
            visible(by),
        ),
        Why::NeverFires { by, by_action } => format!(
            "{} can never fire: `{}` ({by_action}) stands above it and takes everything it matches. \
             Moved above that rule it does what its author meant.{}",
            capital(&before(draft)),
            visible(by),
            match draft.evidence.n_units {
                0 => " Nothing seen in the window would be stopped by it.".to_owned(),
                _ => format!(
                    " In the window it would have stopped {}.",
                    named(&draft.evidence.examples)
                ),
            },
        ),
        Why::Missed { pattern, is_narrowed, batch_id, at, n_events } => format!(
            "`{}` {} by batch {} on {}. Since then {} it would have let through {} blocked, \
             or would have been; that was a mistake, as far as this tells. {}{}.",
            visible(pattern),
            if *is_narrowed { "was narrowed" } else { "was removed" },
            visible(batch_id),
            at.day(),
            count(*n_events, "event"),
            if *n_events == 1 { "was" } else { "were" },
            seen(draft),
            arguments(draft),
        ),
        Why::OtherDoor { effect, closed_by, closed } => {
            let (by, through) = match closed {
                Target::Command => ("through the shell", "MCP tools"),
                Target::Mcp => ("through MCP tools", "the shell"),
            };
            format!(
                "The role stops {effect} {by} (`{}`) and leaves it open through {through}: {}. An \
                 agent that is stopped at one door takes the other, so this closes it, too.",
                visible(closed_by),
                named(&draft.after.iter().map(|it| it.pattern.clone()).collect::<Vec<_>>()),
            )
        }
        Why::Blocked { name, is_plugin } => format!(
            "The {} `{}` was blocked (`advisor alerts block`), and the role lets calls of it through. \
             {}. It is denied until it is approved.",
            if *is_plugin { "plugin" } else { "MCP server" },
            visible(name),
            match draft.evidence.n_events {
                0 => "None was seen in the window".to_owned(),
                _ => format!("{}, as {}", seen(draft), named(&draft.evidence.examples)),
            },
        ),
        Why::TooBroad { asks, known } => {
            let patterns: Vec<String> = draft.new_patterns().cloned().collect();
            let known = going_so_far(known);
            let (all, rest) = match (asks, patterns.len()) {
                (false, _) if known.is_empty() => ("all of it", ""),
                (false, _) => ("the rest", ""),
                (true, 0) if known.is_empty() => {
                    ("", "; nothing of it is routine enough for an allow, and a person is asked")
                }
                (true, 0) => ("", "; for the rest a person is asked"),
                (true, _) => ("what else is routine of it", "; for the rest a person is asked"),
            };
            let narrower = if patterns.is_empty() {
                String::new()
            } else {
                let verb = if patterns.len() == 1 { "covers" } else { "cover" };
                let n_patterns = count(patterns.len() as u64, "narrower pattern");
                format!("; {n_patterns} {verb} {all}: {}", named(&patterns))
            };
            format!(
                "{} allows far more than was used. {}{}{known}{narrower}{rest}.",
                capital(&before(draft)),
                seen(draft),
                arguments(draft),
            )
        }
    }
}

/// What passes by rules for all that goes so far, as a part of a sentence.
fn going_so_far(known: &[Access]) -> String {
    let verb = |it: &Access| match it {
        Access::Read => "looks",
        Access::Check => "checks",
        Access::Edit => "edits",
    };
    let verbs: Vec<&str> = known.iter().map(verb).collect();
    match verbs.as_slice() {
        [] => String::new(),
        [only] => format!("; what only {only} has a rule of its own"),
        [first @ .., last] => {
            format!("; what only {} or {last} has rules of its own", first.join(", "))
        }
    }
}

/// How far what its rules let through may go, where they say so.
fn access(draft: &Draft) -> Option<Access> {
    draft.after.iter().find_map(|it| access_of(&it.when))
}

/// What passes on condition that it goes no further.
const fn known(access: Access) -> &'static str {
    match access {
        Access::Read => {
            "All of this only looks, and the rule is for that alone: it takes what is known to show and \
             compute, and to change nothing, in files where people work. Files that a program opens are \
             decided as `cat` and `tee` of them."
        }
        Access::Check => {
            "All of this runs the project's own checks, and the rule is for that alone: it takes builds, \
             tests, type checkers and linters that are known, without settings or programs from elsewhere, and \
             looks at what the project serves on this machine."
        }
        Access::Edit => {
            "All of this changes the work at hand, and the rule is for that alone: it takes commits, branches, \
             texts of issues and pull requests, and files of the working folder or temporary ones that are \
             no configuration: written over, put back and removed where each is named; trees are removed in \
             temporary folders alone."
        }
    }
}

/// What goes wrong if the change is a mistake.
pub(super) fn risk_if_wrong(draft: &Draft) -> String {
    let text = match (&draft.why, draft.risk) {
        (Why::Routine { .. }, risk) => match (access(draft), risk) {
            (Some(Access::Read), _) => {
                "An agent can look at more than it needs to, without being asked; it changes nothing by that."
            }
            (Some(Access::Check), _) => {
                "An agent can run code of the project, its tests among it, without being asked."
            }
            (Some(Access::Edit), _) => {
                "An agent can change the work at hand without being asked; what was never committed is lost \
                 where it is written over, put back or removed."
            }
            (None, RiskLevel::Low) => {
                "An agent can run this, in any form the pattern takes, without being asked; it only reads \
                 or runs the project's own programs."
            }
            (None, _) => {
                "An agent can run this, in any form the pattern takes, without being asked; what it \
                 changes can be taken back."
            }
        },
        (Why::NeedsApproval, _) => {
            "A person is asked more often than needed, or says yes too easily."
        }
        (Why::Unknown, _) => {
            "A person says yes too easily to something that would have been refused."
        }
        (Why::Missed { .. }, _) => {
            "The rule was rightly taken away, and an agent can run this again without being asked."
        }
        (Why::OtherDoor { .. }, _) => {
            "Work that was done through the open door, and was meant to be, is stopped."
        }
        (Why::Blocked { .. }, _) => {
            "Work that needs it is stopped until somebody approves it (`advisor alerts approve`)."
        }
        (Why::Guard { .. }, _) => {
            "A legitimate use of one of these forms is stopped until a rule names it."
        }
        (Why::Unused, _) => {
            "Work that happens less often than the window is long is stopped the next time."
        }
        (Why::NeverFires { .. }, _) if draft.after.is_empty() => {
            "Nothing: the rule decides no command now, and none without it."
        }
        (Why::NeverFires { .. }, _) => {
            "Uses that ran until now because the rule was asleep are stopped."
        }
        (Why::TooBroad { asks: true, .. }, _) => {
            "A person is asked for a use that no narrower rule names."
        }
        (Why::TooBroad { asks: false, .. }, _) => {
            "A use that was not seen in the window is stopped until a rule names it."
        }
    };
    text.to_owned()
}

/// "Seen 812 times in 201 sessions on 9 hosts over 7 days"
fn seen(draft: &Draft) -> String {
    let evidence = &draft.evidence;
    let mut text = format!(
        "Seen {} in {} on {} over {}",
        count(evidence.n_events, "time"),
        count(evidence.n_sessions, "session"),
        count(evidence.n_hosts, "host"),
        count(evidence.n_days, "day"),
    );
    if evidence.n_blocked > 0 {
        let _ = write!(text, " ({} of these blocked, which count for nothing)", evidence.n_blocked);
    }
    text
}

/// ", mostly as `git status` (640) and `git status --short` (120)"
fn arguments(draft: &Draft) -> String {
    let shapes: Vec<String> = draft
        .evidence
        .shapes
        .iter()
        .take(MAX_NAMED)
        .map(|(shape, n_events)| format!("`{}` ({n_events})", visible(shape)))
        .collect();
    if shapes.is_empty() { String::new() } else { format!(", mostly as {}", list(&shapes)) }
}

fn before(draft: &Draft) -> String {
    let rules: Vec<String> = draft
        .before
        .iter()
        .map(|rule| format!("`{}` ({})", visible(&rule.pattern), rule.action))
        .collect();
    format!("rule {}", list(&rules))
}

fn named(texts: &[String]) -> String {
    let mut shown: Vec<String> =
        texts.iter().take(MAX_NAMED).map(|text| format!("`{}`", visible(text))).collect();
    if texts.len() > MAX_NAMED {
        shown.push(format!("{} more", texts.len() - MAX_NAMED));
    }
    list(&shown)
}

fn list(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
