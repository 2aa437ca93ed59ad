//! Why a line gets its decision: the rules that match it, in order, and what became of each.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Circumstances, Evaluation, Facts, Matching, Role, Rule, RuleAction,
    decide::{bind, first_word},
    when::Conditions,
};
use crate::{
    commands::{Reading, base_name, canonical, is_free_builtin},
    events::text_forms,
};

/// What a line is to the action it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A command that runs; every rule is tried.
    Command,
    /// A word of the shell itself: free unless a rule names it.
    Builtin,
    /// A wrapper around a command: only rules that name it are tried.
    Wrapper,
    /// All of it, because it could not be known to the end, or the role matches raw vectors.
    Whole,
    /// A call of an MCP tool.
    Call,
}

text_forms!(LineKind {
    Command = "command",
    Builtin = "builtin",
    Wrapper = "wrapper",
    Whole = "whole",
    Call = "call",
});

/// One line of an action, and what the rules make of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineSteps {
    /// The canonical line, or `server/tool`.
    pub line: String,
    /// What it is.
    pub kind: LineKind,
    /// What it comes to; `None` for a wrapper that no rule names.
    pub decision: Option<RuleAction>,
    /// The rule that decided; `None` where the default did.
    pub rule_id: Option<String>,
    /// Every rule whose pattern matches, in the role's order.
    pub steps: Vec<Step>,
}

/// One rule whose pattern matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Place in the role's list, from 1.
    pub position: usize,
    /// The rule.
    pub rule_id: String,
    /// Its pattern.
    pub pattern: String,
    /// What it says.
    pub action: RuleAction,
    /// What became of it.
    pub outcome: StepOutcome,
    /// The rule that was in its way, or the condition that does not hold.
    pub by: Option<String>,
}

/// What became of a rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It decides.
    Decides,
    /// An earlier one decides.
    Shadowed,
    /// A stricter one decides.
    Outweighed,
    /// Its conditions do not hold.
    ConditionUnmet,
}

text_forms!(StepOutcome {
    Decides = "decides",
    Shadowed = "shadowed",
    Outweighed = "outweighed",
    ConditionUnmet = "condition unmet",
});

/// What the rules make of every line of a command that has been read.
pub fn explain_command(
    role: &Role,
    variables: &BTreeMap<String, String>,
    argv: &[String],
    reading: &Reading,
    known: &Circumstances<'_>,
) -> Vec<LineSteps> {
    let tried = Tried { role, rules: &role.rules, variables, known };
    let whole = || tried.line(canonical(argv), LineKind::Whole, known.whole);
    if role.matching == Matching::Literal {
        return vec![whole()];
    }
    let mut res: Vec<LineSteps> = Vec::new();
    for (idx, command) in reading.commands.iter().enumerate() {
        let free = is_free_builtin(command.name());
        let kind = if free { LineKind::Builtin } else { LineKind::Command };
        let facts = known.command(idx);
        res.push(tried.line(command.line(), kind, facts));
        for layer in &command.layers {
            let steps = tried.line(canonical(layer), LineKind::Wrapper, facts);
            if !steps.steps.is_empty() && !res.contains(&steps) {
                res.push(steps);
            }
        }
    }
    if !reading.unresolved.is_empty() || argv.is_empty() {
        res.push(whole());
    }
    res
}

/// What the rules make of a call.
pub fn explain_call(
    role: &Role,
    variables: &BTreeMap<String, String>,
    server: &str,
    tool: &str,
    known: &Circumstances<'_>,
) -> LineSteps {
    let tried = Tried { role, rules: &role.mcp_rules, variables, known };
    tried.line(format!("{server}/{tool}"), LineKind::Call, known.whole)
}

/// The rules that are tried, one by one, and on what: slow and plain beside the engine.
struct Tried<'a> {
    role: &'a Role,
    rules: &'a [Rule],
    variables: &'a BTreeMap<String, String>,
    known: &'a Circumstances<'a>,
}

impl Tried<'_> {
    fn line(&self, line: String, kind: LineKind, facts: &Facts) -> LineSteps {
        let word = base_name(first_word(&line)).to_owned();
        let only_named = matches!(kind, LineKind::Builtin | LineKind::Wrapper);
        let mut steps: Vec<Step> = Vec::new();
        for (position, rule) in (1..).zip(self.rules) {
            let Some(pattern) = bind(rule, self.variables).filter(|it| it.matches(&line)) else {
                continue;
            };
            if only_named && pattern.first_word() != Some(&word) {
                continue;
            }
            let conditions = Conditions::new(&rule.when, self.variables);
            let unmet = conditions.unmet(self.known.inputs, facts);
            steps.push(Step {
                position,
                rule_id: rule.rule_id.clone(),
                pattern: rule.pattern.clone(),
                action: rule.action,
                outcome: match unmet {
                    Some(_) => StepOutcome::ConditionUnmet,
                    None => StepOutcome::Shadowed,
                },
                by: unmet.map(str::to_owned),
            });
        }
        let applying = || steps.iter().filter(|it| it.outcome == StepOutcome::Shadowed);
        let first = applying().next();
        let decider = match self.role.evaluation {
            Evaluation::FirstMatch => first,
            Evaluation::DenyOverrides => {
                applying().reduce(|best, it| if it.action > best.action { it } else { best })
            }
        };
        let decider = decider.cloned();
        let in_the_way = match self.role.evaluation {
            Evaluation::FirstMatch => StepOutcome::Shadowed,
            Evaluation::DenyOverrides => StepOutcome::Outweighed,
        };
        for step in steps.iter_mut().filter(|it| it.outcome == StepOutcome::Shadowed) {
            if decider.as_ref().is_some_and(|it| it.position == step.position) {
                step.outcome = StepOutcome::Decides;
            } else {
                step.outcome = in_the_way;
                step.by = decider.as_ref().map(|it| it.rule_id.clone());
            }
        }
        let decision = match (&decider, kind) {
            (Some(step), _) => Some(step.action),
            (None, LineKind::Builtin) => Some(RuleAction::Allow),
            (None, LineKind::Wrapper) => None,
            (None, _) => Some(self.role.default_action),
        };
        LineSteps { line, kind, decision, rule_id: decider.map(|it| it.rule_id), steps }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        commands::{read, split},
        policy::{Engine, Subject},
    };

    fn role(json: &str) -> Role {
        serde_json::from_str(json).unwrap()
    }

    fn explain(role: &Role, line: &str) -> Vec<LineSteps> {
        let argv = split(line).unwrap();
        let none = BTreeMap::new();
        explain_command(role, &none, &argv, &read(&argv), &Circumstances::UNKNOWN)
    }

    #[test]
    fn every_rule_that_matches_is_told_with_what_was_in_its_way() {
        let role = role(
            r#"{"name":"r","rules":[
                {"rule_id":"r1","pattern":"git *","action":"deny","when":{"env":["production"]}},
                {"rule_id":"r2","pattern":"git *","action":"allow"},
                {"rule_id":"r3","pattern":"git push *--force*","action":"deny"},
                {"rule_id":"r4","pattern":"sudo *","action":"alert"}]}"#,
        );
        let lines = explain(&role, "sudo git push --force");
        let shown: Vec<String> = lines
            .iter()
            .flat_map(|it| {
                let steps = it.steps.iter().map(|step| {
                    let by = step.by.as_deref().unwrap_or("-");
                    format!("{} {} {} {by}", it.kind, step.rule_id, step.outcome)
                });
                steps.collect::<Vec<String>>()
            })
            .collect();
        assert_eq!(
            shown,
            [
                "command r1 condition unmet env",
                "command r2 decides -",
                "command r3 shadowed r2",
                "wrapper r4 decides -",
            ]
        );
        let lines = explain(&role, "bash -c 'cd x; $Y z'");
        let shown: Vec<(LineKind, Option<RuleAction>)> =
            lines.iter().map(|it| (it.kind, it.decision)).collect();
        assert_eq!(
            shown,
            [
                (LineKind::Builtin, Some(RuleAction::Allow)),
                (LineKind::Whole, Some(RuleAction::Deny))
            ]
        );
    }

    proptest! {
        #[test]
        fn the_explanation_comes_to_what_the_engine_decides(
            rules in prop::collection::vec(("(a|sudo|echo|\\*)[ab *]{0,3}", 0..6_usize), 0..5),
            overrides in any::<bool>(),
            line in "(sudo )?(a|echo|bash -c)( '[ab; ]{1,5}')?",
        ) {
            let mut role = Role::new("r");
            if overrides {
                role.evaluation = Evaluation::DenyOverrides;
            }
            role.rules = rules.iter().enumerate().map(|(n, (pattern, action))| Rule {
                rule_id: format!("r{n}"),
                pattern: pattern.clone(),
                action: RuleAction::ALL[*action],
                when: BTreeMap::new(),
                risk: None,
                rationale: None,
            }).collect();
            let argv = split(&line).unwrap();
            let decision = Engine::new(&role, &BTreeMap::new()).decide(&Subject::Command(&argv));
            let lines = explain(&role, &line);
            let strictest = lines.iter().filter_map(|it| it.decision).max();
            prop_assert_eq!(strictest.unwrap_or(RuleAction::Allow), decision.decision);
        }
    }
}
