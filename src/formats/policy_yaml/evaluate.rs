//! What a policy.yaml says of tools: pass, warn or fail, each with its reasons; and what of a card it covers.
use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    super::tool_glob::{globs_meet, tool_matches},
    document::{PolicyFile, Severity, TriggerAction, Unmapped},
};
use crate::events::text_forms;

/// What it comes to, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is said against it.
    Pass,
    /// Somebody should look.
    Warn,
    /// A violation of high or critical severity.
    Fail,
}

text_forms!(Verdict { Pass = "pass", Warn = "warn", Fail = "fail" });

/// What is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A forbidden rule names the tool, or a trigger that denies.
    Forbidden,
    /// Its capability needs actions that the card does not have.
    CapabilityExceeded,
    /// No capability names it, and such tools are denied.
    UnmappedDenied,
    /// No capability names it.
    UnmappedTool,
    /// A trigger asks for a person, or warns.
    EscalationTriggered,
}

text_forms!(FindingKind {
    Forbidden = "forbidden",
    CapabilityExceeded = "capability_exceeded",
    UnmappedDenied = "unmapped_denied",
    UnmappedTool = "unmapped_tool",
    EscalationTriggered = "escalation_triggered",
});

/// One thing that is said against a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: FindingKind,
    /// The pattern or condition that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// How bad it is; `None` for warnings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// What a policy says of one tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evaluated {
    /// The tool.
    pub tool: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// The capability that names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// Whether it is not mapped, and new enough to have its grace period.
    pub in_grace: bool,
    /// What is said against it.
    pub findings: Vec<Finding>,
}

/// What an agent's card lets it do: its bounded actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// In the card's order.
    pub bounded_actions: Vec<String>,
}

/// What is known besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The agent's card; without one, capabilities need no action of it.
    pub card: Option<&'a Card>,
    /// How long ago the tool was seen for the first time, in hours; `None` where that is not known.
    pub age_hours: Option<f64>,
}

impl PolicyFile {
    /// What is not asked of any tool: conditions of triggers that are not understood, and forbidden
    /// rules behind milder ones that take tools from them.
    pub fn warnings(&self) -> Vec<String> {
        let mut res = Vec::new();
        for (idx, it) in self.triggers.iter().enumerate().filter(|(_, it)| it.glob().is_none()) {
            res.push(format!(
                "escalation_triggers[{idx}].condition: `{}` is not understood and never holds, \
                 `tool_matches('GLOB')` is",
                it.condition
            ));
        }
        for (idx, it) in self.forbidden.iter().enumerate() {
            let earlier = self.forbidden.iter().enumerate().take(idx);
            let mut milder = earlier.filter(|(_, other)| {
                other.severity < Severity::High
                    && it.severity >= Severity::High
                    && globs_meet(&other.pattern, &it.pattern)
            });
            if let Some((first, _)) = milder.next() {
                res.push(format!(
                    "forbidden[{idx}]: `{}` stands behind the milder forbidden[{first}], which decides \
                     where both match: put the worst first",
                    it.pattern
                ));
            }
        }
        res
    }
}

/// Judges one tool.
pub fn evaluate(policy: &PolicyFile, tool: &str, known: &Known<'_>) -> Evaluated {
    let mut findings = Vec::new();
    let mut find = |kind, rule: Option<&str>, reason: String, severity| {
        findings.push(Finding { kind, rule: rule.map(str::to_owned), reason, severity });
    };
    if let Some(rule) = policy.forbidden.iter().find(|it| tool_matches(&it.pattern, tool)) {
        let severity = Some(rule.severity);
        find(FindingKind::Forbidden, Some(&rule.pattern), rule.reason.clone(), severity);
    }
    let names = |globs: &[String]| globs.iter().any(|it| tool_matches(it, tool));
    let mapping = policy.mappings.iter().find(|it| names(&it.tools));
    let defaults = &policy.defaults;
    let grace = defaults.grace();
    let in_grace = mapping.is_none() && known.age_hours.is_some_and(|age| age < grace);
    match (mapping, known.card) {
        (Some(mapping), Some(card)) => {
            let has = |it: &&String| !card.bounded_actions.contains(it);
            let missing: Vec<&str> =
                mapping.card_actions.iter().filter(has).map(String::as_str).collect();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                let reason = format!("capability `{}` needs {missing} of the card", mapping.name);
                let severity = Some(Severity::High);
                find(FindingKind::CapabilityExceeded, Some(&mapping.name), reason, severity);
            }
        }
        (Some(_), None) => (),
        (None, _) => {
            let reason = "no capability names it".to_owned();
            match defaults.unmapped_tool_action {
                Unmapped::Allow => (),
                Unmapped::Warn => find(FindingKind::UnmappedTool, None, reason, None),
                Unmapped::Deny if in_grace => {
                    let reason = format!("{reason}; it is new, and has its grace period");
                    find(FindingKind::UnmappedTool, None, reason, None);
                }
                Unmapped::Deny => {
                    let severity = Some(defaults.unmapped_severity);
                    find(FindingKind::UnmappedDenied, None, reason, severity);
                }
            }
        }
    }
    for trigger in &policy.triggers {
        if !trigger.glob().is_some_and(|glob| tool_matches(glob, tool)) {
            continue;
        }
        let (kind, severity) = match trigger.action {
            TriggerAction::Deny => (FindingKind::Forbidden, Some(Severity::High)),
            TriggerAction::Escalate | TriggerAction::Warn => {
                (FindingKind::EscalationTriggered, None)
            }
        };
        find(kind, Some(&trigger.condition), trigger.reason.clone(), severity);
    }
    let fails = |it: &Finding| it.severity.is_some_and(|it| it >= Severity::High);
    let verdict = if findings.iter().any(fails) {
        Verdict::Fail
    } else if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Warn
    };
    let capability = mapping.map(|it| it.name.clone());
    Evaluated { tool: tool.to_owned(), verdict, capability, in_grace, findings }
}

/// Which actions of a card some capability serves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Actions of the card.
    pub total_card_actions: usize,
    /// Those that a capability serves, in the card's order.
    pub mapped_card_actions: Vec<String>,
    /// Those that none serves.
    pub unmapped_card_actions: Vec<String>,
    /// 0 to 100; 100 for a card without actions.
    pub coverage_pct: f64,
    /// Capabilities whose actions the card does not have.
    pub unknown_actions: Vec<String>,
}

/// What of a card a policy covers.
pub fn coverage(policy: &PolicyFile, card: &Card) -> Coverage {
    let mut seen = BTreeSet::new();
    let actions: Vec<&String> =
        card.bounded_actions.iter().filter(|it| seen.insert(it.as_str())).collect();
    let served: BTreeSet<&String> =
        policy.mappings.iter().flat_map(|it| &it.card_actions).collect();
    let (mapped, unmapped): (Vec<&String>, Vec<&String>) =
        actions.iter().copied().partition(|it| served.contains(it));
    #[expect(clippy::cast_precision_loss, reason = "cards have a few dozen actions")]
    let share = |n: usize, of: usize| if of == 0 { 100.0 } else { n as f64 / of as f64 * 100.0 };
    let owned = |all: &[&String]| all.iter().map(|it| (*it).clone()).collect();
    Coverage {
        total_card_actions: actions.len(),
        coverage_pct: share(mapped.len(), actions.len()),
        mapped_card_actions: owned(&mapped),
        unmapped_card_actions: owned(&unmapped),
        unknown_actions: served
            .into_iter()
            .filter(|it| !card.bounded_actions.contains(it))
            .cloned()
            .collect(),
    }
}
