//! Decisions: a role, a host's variables, an action -> what happens, and which rule said so.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{Evaluation, Matching, Pattern, Role, Rule, RuleAction};
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
    /// Indexes into `rules` by the first word they name, and of those that name none.
    by_word: BTreeMap<String, Vec<usize>>,
    unnamed: Vec<usize>,
}

#[derive(Debug)]
struct Compiled<'a> {
    rule: &'a Rule,
    pattern: Pattern,
}

impl<'a> Engine<'a> {
    /// Compiles the rules of `role` that apply where `variables` hold.
    ///
    /// A rule whose variable has no value there does not apply, unless it denies: then its
    /// placeholder matches anything, so that a missing value never opens a door.
    pub fn new(role: &'a Role, variables: &BTreeMap<String, String>) -> Self {
        let rules = compile(&role.rules, variables);
        let mut by_word: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut unnamed = Vec::new();
        for (idx, rule) in rules.iter().enumerate() {
            match rule.pattern.first_word() {
                Some(word) => by_word.entry(word.to_owned()).or_default().push(idx),
                None => unnamed.push(idx),
            }
        }
        Self { role, rules, mcp_rules: compile(&role.mcp_rules, variables), by_word, unnamed }
    }

    /// Decides one action.
    pub fn decide(&self, subject: &Subject<'_>) -> Decision {
        match subject {
            Subject::Command(argv) if self.role.matching == Matching::Literal => {
                let line = canonical(argv);
                let (decision, rule) = self.line(&line, None);
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
            let (decision, rule) = self.line(&canonical(argv), None);
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
        let name = command.name();
        let line = command.line();
        let mut res = if is_free_builtin(name) {
            self.named(name, &line)
                .map_or((RuleAction::Allow, None), |(action, rule)| (action, Some(rule)))
        } else {
            self.line(&line, Some(name))
        };
        for layer in &command.layers {
            let wrapper = layer.first().map_or("", |it| crate::commands::base_name(it));
            if let Some((action, rule)) = self.named(wrapper, &canonical(layer))
                && action > res.0
            {
                res = (action, Some(rule));
            }
        }
        res
    }

    /// The decision on a line; `name` is its first word where that is known to be bare.
    fn line(&self, line: &str, name: Option<&str>) -> (RuleAction, Option<&'a Rule>) {
        let word = name.unwrap_or_else(|| line.split(' ').next().unwrap_or(line));
        let named = self.by_word.get(word).map_or(&[][..], Vec::as_slice);
        match self.pick(Merged { left: named, right: &self.unnamed }, line) {
            Some((action, rule)) => (action, Some(rule)),
            None => (self.role.default_action, None),
        }
    }

    /// The decision of the rules that name `word`.
    fn named(&self, word: &str, line: &str) -> Option<(RuleAction, &'a Rule)> {
        let named = self.by_word.get(word)?;
        self.pick(named.iter().copied(), line)
    }

    fn pick(
        &self,
        idxs: impl Iterator<Item = usize>,
        line: &str,
    ) -> Option<(RuleAction, &'a Rule)> {
        let rules = idxs.filter_map(|idx| self.rules.get(idx));
        pick(self.role.evaluation, rules, line)
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

/// Two ascending lists of indexes as one.
struct Merged<'a> {
    left: &'a [usize],
    right: &'a [usize],
}

impl Iterator for Merged<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let take = match (self.left.split_first(), self.right.split_first()) {
            (Some((left, _)), Some((right, _))) => left < right,
            (left, _) => left.is_some(),
        };
        let list = if take { &mut self.left } else { &mut self.right };
        let (first, rest) = list.split_first()?;
        *list = rest;
        Some(*first)
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

fn compile<'a>(rules: &'a [Rule], variables: &BTreeMap<String, String>) -> Vec<Compiled<'a>> {
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
