//! Decisions: a role, a host's variables, an action -> what happens, and which rule said so.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Evaluation, Matching, Pattern, Role, Rule, RuleAction,
    automaton::{Automaton, Keep},
};
use crate::commands::{Command, Reading, canonical, is_free_builtin, read};

/// What is decided on.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A command's argument vector.
    Command(&'a [String]),
    /// A call of an MCP tool.
    McpCall {
        /// The server.
        server: &'a str,
        /// The tool.
        tool: &'a str,
        /// Trust in its remote endpoint, where it has one.
        trust_score: Option<u8>,
    },
}

/// What happens, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The strictest of the inner decisions.
    pub decision: RuleAction,
    /// The pattern that decided; `None` where the default did.
    pub rule: Option<String>,
    /// Ids of the rules that decided the inner commands, in order, each once.
    pub rule_ids: Vec<String>,
    /// One sentence.
    pub reason: String,
    /// The expanded inner commands, each with its decision.
    pub commands: Vec<CommandDecision>,
}

/// What happens with one inner command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandDecision {
    /// Its canonical line.
    pub line: String,
    /// What happens.
    pub decision: RuleAction,
    /// The pattern that decided; `None` where the default did.
    pub rule: Option<String>,
}

/// A role made ready to decide for hosts with the same variables.
#[derive(Debug)]
pub struct Engine<'a> {
    role: &'a Role,
    rules: Vec<Compiled<'a>>,
    mcp_rules: Vec<Compiled<'a>>,
    lines: Automaton,
    /// The rules whose first word is literal, and their places in `rules`.
    named_lines: Automaton,
    named: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Compiled<'a> {
    pub(super) rule: &'a Rule,
    pub(super) pattern: Pattern,
}

impl<'a> Engine<'a> {
    /// Compiles the rules of `role` that apply where `variables` hold.
    ///
    /// A rule whose variable has no value there does not apply, unless it denies: then its
    /// placeholder matches anything, so that a missing value never opens a door.
    pub fn new(role: &'a Role, variables: &BTreeMap<String, String>) -> Self {
        let mut rules = compile(&role.rules, variables);
        if role.evaluation == Evaluation::DenyOverrides {
            // The strictest of all that match is the first that matches, strictest first.
            rules.sort_by_key(|it| std::cmp::Reverse(it.rule.action));
        }
        let named = rules.iter().enumerate().filter(|(_, it)| it.pattern.first_word().is_some());
        let named: Vec<usize> = named.map(|(idx, _)| idx).collect();
        let patterns = |rules: &mut dyn Iterator<Item = &Compiled<'a>>| {
            let patterns: Vec<Pattern> = rules.map(|it| it.pattern.clone()).collect();
            Automaton::new(&patterns, Keep::First)
        };
        let lines = patterns(&mut rules.iter());
        let named_lines = patterns(&mut named.iter().filter_map(|&idx| rules.get(idx)));
        let mcp_rules = compile(&role.mcp_rules, variables);
        Self { role, rules, mcp_rules, lines, named_lines, named }
    }

    /// Decides one action.
    pub fn decide(&self, subject: &Subject<'_>) -> Decision {
        match subject {
            Subject::Command(argv) if self.role.matching == Matching::Literal => {
                let line = canonical(argv);
                let (decision, rule) = self.decide_line(&line);
                single(line, decision, rule)
            }
            Subject::Command(argv) => self.decide_reading(argv, &read(argv)),
            Subject::McpCall { server, tool, trust_score } => {
                self.decide_mcp(&format!("{server}/{tool}"), *trust_score)
            }
        }
    }

    /// Decides a command that has been read already.
    pub fn decide_reading(&self, argv: &[String], reading: &Reading) -> Decision {
        let mut commands = Vec::with_capacity(reading.commands.len());
        let mut rule_ids: Vec<String> = Vec::new();
        let mut strictest: Option<(RuleAction, Option<&Rule>)> = None;
        let mut note = |decision: RuleAction, rule: Option<&'a Rule>| {
            if let Some(rule) = rule.filter(|rule| !rule_ids.contains(&rule.rule_id)) {
                rule_ids.push(rule.rule_id.clone());
            }
            if strictest.is_none_or(|(other, _)| decision > other) {
                strictest = Some((decision, rule));
            }
        };
        for command in &reading.commands {
            let (decision, rule) = self.command(command);
            note(decision, rule);
            let rule = rule.map(|rule| rule.pattern.clone());
            commands.push(CommandDecision { line: command.line(), decision, rule });
        }
        // What could not be known is decided on the outer line; so is a script without commands
        // that is not free either.
        let mut unresolved = None;
        if !reading.unresolved.is_empty() || argv.is_empty() {
            let (decision, rule) = self.decide_line(&canonical(argv));
            note(decision, rule);
            unresolved = reading.unresolved.first();
        }
        let (decision, rule) = strictest.unwrap_or((RuleAction::Allow, None));
        let reason = match (rule, unresolved) {
            (Some(rule), _) => format!("rule `{}` says {decision}", rule.pattern),
            (None, Some(doubt)) => {
                format!(
                    "not all of it can be known ({}), so the default, {decision}, holds",
                    doubt.reason
                )
            }
            (None, None) if commands.is_empty() => {
                "it runs nothing but the shell's own words".to_owned()
            }
            (None, None)
                if decision == RuleAction::Allow && self.role.default_action != decision =>
            {
                "builtins of the shell are free".to_owned()
            }
            (None, None) => format!("no rule matches, so the default, {decision}, holds"),
        };
        Decision {
            decision,
            rule: rule.map(|rule| rule.pattern.clone()),
            rule_ids,
            reason,
            commands,
        }
    }

    /// Decides one inner command: its own line, and the lines of the wrappers that rules name.
    fn command(&self, command: &Command) -> (RuleAction, Option<&'a Rule>) {
        let line = command.line();
        let mut res = if is_free_builtin(command.name()) {
            self.named(&line).unwrap_or((RuleAction::Allow, None))
        } else {
            self.decide_line(&line)
        };
        for layer in &command.layers {
            if let Some(named) = self.named(&canonical(layer)).filter(|named| named.0 > res.0) {
                res = named;
            }
        }
        res
    }

    /// The decision on one canonical line, taken as it stands: what every decision is made of.
    pub fn decide_line(&self, line: &str) -> (RuleAction, Option<&'a Rule>) {
        let rule = self.lines.first(line).and_then(|idx| self.rules.get(idx));
        rule.map_or((self.role.default_action, None), |it| (it.rule.action, Some(it.rule)))
    }

    /// The decision of the rules that name the first word of a line.
    fn named(&self, line: &str) -> Option<(RuleAction, Option<&'a Rule>)> {
        let rule = self.rules.get(*self.named.get(self.named_lines.first(line)?)?)?.rule;
        Some((rule.action, Some(rule)))
    }

    fn decide_mcp(&self, line: &str, trust_score: Option<u8>) -> Decision {
        let threshold = self.role.risk_policy.trust_threshold;
        if let (Some(threshold), Some(trust)) = (threshold, trust_score)
            && trust < threshold
        {
            let mut decision = single(line.to_owned(), RuleAction::Deny, None);
            decision.reason =
                format!("the endpoint's trust, {trust}, is below the threshold, {threshold}");
            return decision;
        }
        match pick(self.role.evaluation, self.mcp_rules.iter(), line) {
            Some((action, rule)) => single(line.to_owned(), action, Some(rule)),
            None => single(line.to_owned(), self.role.default_action, None),
        }
    }
}

/// The decision on an action that is one line.
fn single(line: String, decision: RuleAction, rule: Option<&Rule>) -> Decision {
    let reason = match rule {
        Some(rule) => format!("rule `{}` says {decision}", rule.pattern),
        None => format!("no rule matches, so the default, {decision}, holds"),
    };
    let pattern = rule.map(|rule| rule.pattern.clone());
    Decision {
        decision,
        rule: pattern.clone(),
        rule_ids: rule.map(|rule| rule.rule_id.clone()).into_iter().collect(),
        reason,
        commands: vec![CommandDecision { line, decision, rule: pattern }],
    }
}

fn pick<'r, 'a: 'r>(
    evaluation: Evaluation,
    rules: impl Iterator<Item = &'r Compiled<'a>>,
    line: &str,
) -> Option<(RuleAction, &'a Rule)> {
    let mut matching =
        rules.filter(|it| it.pattern.matches(line)).map(|it| (it.rule.action, it.rule));
    match evaluation {
        Evaluation::FirstMatch => matching.next(),
        Evaluation::DenyOverrides => {
            matching.reduce(|best, next| if next.0 > best.0 { next } else { best })
        }
    }
}

pub(super) fn compile<'a>(
    rules: &'a [Rule],
    variables: &BTreeMap<String, String>,
) -> Vec<Compiled<'a>> {
    let applies = |rule: &&Rule| {
        rule.when
            .iter()
            .all(|(name, values)| variables.get(name).is_some_and(|it| values.contains(it)))
    };
    let compiled = rules.iter().filter(applies).filter_map(|rule| {
        let pattern = Pattern::bind(&rule.pattern, variables).or_else(|| {
            (!rule.action.passes()).then(|| Pattern::new(&without_placeholders(&rule.pattern)))
        })?;
        Some(Compiled { rule, pattern })
    });
    compiled.collect()
}

/// A pattern with a star for each `{{name}}`.
fn without_placeholders(text: &str) -> String {
    let mut res = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        res.push_str(before);
        let closed = after.split_once("}}").map(|(_, after)| after);
        res.push_str(if closed.is_some() { "*" } else { "{{" });
        rest = closed.unwrap_or(after);
    }
    res.push_str(rest);
    res
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    fn role(rules: &[(&str, RuleAction)]) -> Role {
        let mut role = Role::new("r");
        role.rules = rules
            .iter()
            .map(|(pattern, action)| Rule {
                rule_id: (*pattern).to_owned(),
                pattern: (*pattern).to_owned(),
                action: *action,
                when: BTreeMap::new(),
                rationale: None,
            })
            .collect();
        role
    }

    fn decide(role: &Role, line: &str) -> RuleAction {
        let argv = split(line).unwrap();
        Engine::new(role, &BTreeMap::new()).decide(&Subject::Command(&argv)).decision
    }

    #[test]
    fn first_match_wins_and_deny_overrides_where_the_role_says_so() {
        use RuleAction::{Allow, Deny};
        let mut role = role(&[("git *", Allow), ("git push --force*", Deny), ("*", Deny)]);
        assert_eq!(decide(&role, "git push --force"), Allow);
        role.evaluation = Evaluation::DenyOverrides;
        assert_eq!(decide(&role, "git push --force"), Deny);
    }

    #[test]
    fn scripts_are_decided_by_their_strictest_command() {
        use RuleAction::{Allow, Deny};
        let role =
            role(&[("ls *", Allow), ("tee out *", Allow), ("history -c*", Deny), ("sudo *", Deny)]);
        for (line, want) in [
            ("bash -lc 'cd x && ls | ls -l'", Allow),
            ("bash -lc 'ls; rm x'", Deny),
            ("bash -lc 'ls > out 2>/dev/null'", Allow),
            ("bash -lc 'ls > other'", Deny),
            ("bash -lc 'history -c'", Deny),
            ("bash -lc 'history 5'", Allow),
            ("sudo ls", Deny),
            ("timeout 5 ls", Allow),
            ("/usr/bin/ls -l", Allow),
            ("bash -lc 'ls $('", Deny),
            ("bash -lc '$X ls'", Deny),
            ("bash -lc 'X=ls; $X -l'", Allow),
            ("bash -lc 'echo hi'", Allow),
        ] {
            assert_eq!(decide(&role, line), want, "{line}");
        }
    }

    #[test]
    fn a_rule_applies_where_its_variables_hold() {
        let mut role =
            role(&[("deploy {{env}} *", RuleAction::Allow), ("drop {{env}}", RuleAction::Deny)]);
        role.default_action = RuleAction::Alert;
        let argv = |line: &str| split(line).unwrap();
        let dev = BTreeMap::from([("env".to_owned(), "dev".to_owned())]);
        let engine = Engine::new(&role, &dev);
        assert_eq!(
            engine.decide(&Subject::Command(&argv("deploy dev x"))).decision,
            RuleAction::Allow
        );
        assert_eq!(
            engine.decide(&Subject::Command(&argv("deploy prod x"))).decision,
            RuleAction::Alert
        );
        let unknown = BTreeMap::new();
        let engine = Engine::new(&role, &unknown);
        assert_eq!(
            engine.decide(&Subject::Command(&argv("deploy dev x"))).decision,
            RuleAction::Alert
        );
        assert_eq!(engine.decide(&Subject::Command(&argv("drop dev"))).decision, RuleAction::Deny);
    }

    #[test]
    fn mcp_calls_go_by_server_and_tool_and_by_trust() {
        let mut role = Role::new("r");
        role.mcp_rules = self::role(&[("fs/read*", RuleAction::Allow)]).rules;
        role.risk_policy.trust_threshold = Some(60);
        let engine = Engine::new(&role, &BTreeMap::new());
        let decide = |tool, trust_score| {
            engine.decide(&Subject::McpCall { server: "fs", tool, trust_score }).decision
        };
        assert_eq!(decide("read_file", None), RuleAction::Allow);
        assert_eq!(decide("read_file", Some(59)), RuleAction::Deny);
        assert_eq!(decide("write_file", None), RuleAction::Deny);
    }
}
