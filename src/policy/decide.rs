//! Decisions: a role, a host's variables, an action -> what happens, and which rule said so.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Circumstances, Evaluation, Facts, Matching, Pattern, Role, Rule, RuleAction,
    automaton::{Automaton, Keep},
    when::Conditions,
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
    /// In the order in which they count: the first that applies decides.
    rules: Vec<Compiled<'a>>,
    mcp_rules: Vec<Compiled<'a>>,
    /// All of `rules`.
    all: Index,
    /// Those whose first word is literal.
    named: Index,
}

/// Some rules, ready to be asked which of them applies first.
#[derive(Debug)]
struct Index {
    /// Over the rules that ask for nothing but the line.
    lines: Automaton,
    /// Their places in the list of rules.
    free: Vec<usize>,
    /// Places of the rules that look at more than the line; few, and tried one by one.
    asking: Vec<usize>,
}

/// A rule that may apply on a host.
#[derive(Debug)]
pub(super) struct Compiled<'a> {
    pub(super) rule: &'a Rule,
    pub(super) pattern: Pattern,
    conditions: Conditions<'a>,
}

/// What an action comes to, and the rule that says so; `None` where none does.
type Said<'a> = (RuleAction, Option<&'a Rule>);

impl<'a> Engine<'a> {
    /// Compiles the rules of `role` that apply where `variables` hold.
    ///
    /// A rule whose placeholder has no value there does not apply, unless it stops or asks: then the
    /// placeholder matches anything, so that a missing value never opens a door.
    pub fn new(role: &'a Role, variables: &BTreeMap<String, String>) -> Self {
        let in_order = |rules: &'a [Rule]| {
            let mut rules = compile_all(rules, variables);
            if role.evaluation == Evaluation::DenyOverrides {
                // The strictest of all that apply is the first that applies, strictest first.
                rules.sort_by_key(|it| std::cmp::Reverse(it.rule.action));
            }
            rules
        };
        let (rules, mcp_rules) = (in_order(&role.rules), in_order(&role.mcp_rules));
        let all = Index::new(&rules, |_| true);
        let named = Index::new(&rules, |it| it.pattern.first_word().is_some());
        Self { role, rules, mcp_rules, all, named }
    }

    /// Decides one action of which nothing is known but its lines.
    pub fn decide(&self, subject: &Subject<'_>) -> Decision {
        match subject {
            Subject::Command(argv) => {
                let reading = match self.role.matching {
                    Matching::Literal => Reading::default(),
                    Matching::Expanded => read(argv),
                };
                self.decide_command(argv, &reading, &Circumstances::UNKNOWN)
            }
            Subject::McpCall { server, tool, trust_score } => {
                self.decide_call(server, tool, *trust_score, &Circumstances::UNKNOWN)
            }
        }
    }

    /// Decides a command that has been read already; the reading counts where the role expands.
    pub fn decide_command(
        &self,
        argv: &[String],
        reading: &Reading,
        known: &Circumstances<'_>,
    ) -> Decision {
        if self.role.matching == Matching::Literal {
            let line = canonical(argv);
            let (decision, rule) = self.line(&line, known, known.whole);
            return single(line, decision, rule);
        }
        let mut commands = Vec::with_capacity(reading.commands.len());
        let mut rule_ids: Vec<String> = Vec::new();
        let mut strictest: Option<Said<'a>> = None;
        let mut note = |decision: RuleAction, rule: Option<&'a Rule>| {
            if let Some(rule) = rule.filter(|rule| !rule_ids.contains(&rule.rule_id)) {
                rule_ids.push(rule.rule_id.clone());
            }
            if strictest.is_none_or(|(other, _)| decision > other) {
                strictest = Some((decision, rule));
            }
        };
        for (idx, command) in reading.commands.iter().enumerate() {
            let (decision, rule) = self.command(command, known, known.command(idx));
            note(decision, rule);
            let rule = rule.map(|rule| rule.pattern.clone());
            commands.push(CommandDecision { line: command.line(), decision, rule });
        }
        // What could not be known is decided on the outer line; so is a script without commands
        // that is not free either.
        let mut unresolved = None;
        if !reading.unresolved.is_empty() || argv.is_empty() {
            let line = canonical(argv);
            let (decision, rule) = self.line(&line, known, known.whole);
            note(decision, rule);
            unresolved = reading.unresolved.first();
        }
        let (decision, rule) = strictest.unwrap_or((RuleAction::Allow, None));
        let reason = match (rule, unresolved) {
            (Some(rule), _) => says(rule),
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

    /// Decides a call of an MCP tool.
    pub fn decide_call(
        &self,
        server: &str,
        tool: &str,
        trust_score: Option<u8>,
        known: &Circumstances<'_>,
    ) -> Decision {
        let line = format!("{server}/{tool}");
        let threshold = self.role.risk_policy.trust_threshold;
        if let (Some(threshold), Some(trust)) = (threshold, trust_score)
            && trust < threshold
        {
            let mut decision = single(line, RuleAction::Deny, None);
            decision.reason =
                format!("the endpoint's trust, {trust}, is below the threshold, {threshold}");
            return decision;
        }
        let (decision, rule) = applying(self.mcp_rules.iter(), &line, known, known.whole)
            .unwrap_or((self.role.default_action, None));
        single(line, decision, rule)
    }

    /// Decides one inner command: its own line, and the lines of the wrappers that rules name.
    fn command(&self, command: &Command, known: &Circumstances<'_>, facts: &Facts) -> Said<'a> {
        let line = command.line();
        let mut res = if is_free_builtin(command.name()) {
            self.named(&line, known, facts).unwrap_or((RuleAction::Allow, None))
        } else {
            self.line(&line, known, facts)
        };
        for layer in &command.layers {
            let named = self.named(&canonical(layer), known, facts);
            if let Some(named) = named.filter(|named| named.0 > res.0) {
                res = named;
            }
        }
        res
    }

    /// The decision on one canonical line, taken as it stands, of which nothing else is known: what
    /// every decision is made of.
    pub fn decide_line(&self, line: &str) -> (RuleAction, Option<&'a Rule>) {
        let known = Circumstances::UNKNOWN;
        self.line(line, &known, known.whole)
    }

    fn line(&self, line: &str, known: &Circumstances<'_>, facts: &Facts) -> Said<'a> {
        let rule = self.all.first(&self.rules, line, known, facts);
        rule.map_or((self.role.default_action, None), |it| (it.rule.action, Some(it.rule)))
    }

    /// The decision of the rules that name the first word of a line.
    fn named(&self, line: &str, known: &Circumstances<'_>, facts: &Facts) -> Option<Said<'a>> {
        let rule = self.named.first(&self.rules, line, known, facts)?;
        Some((rule.rule.action, Some(rule.rule)))
    }
}

impl Index {
    /// Indexes the rules that are `wanted`.
    fn new(rules: &[Compiled<'_>], wanted: impl Fn(&Compiled<'_>) -> bool) -> Self {
        let places = rules.iter().enumerate().filter(|(_, it)| wanted(it)).map(|(idx, _)| idx);
        let asks = |idx: &usize| rules.get(*idx).is_some_and(|it| it.conditions.ask());
        let (asking, free): (Vec<usize>, Vec<usize>) = places.partition(asks);
        let patterns = free.iter().filter_map(|idx| rules.get(*idx)).map(|it| it.pattern.clone());
        let patterns: Vec<Pattern> = patterns.collect();
        Self { lines: Automaton::new(&patterns, Keep::First), free, asking }
    }

    /// The first rule that matches a line and whose conditions hold.
    fn first<'r, 'a>(
        &self,
        rules: &'r [Compiled<'a>],
        line: &str,
        known: &Circumstances<'_>,
        facts: &Facts,
    ) -> Option<&'r Compiled<'a>> {
        let free = self.lines.first(line).and_then(|it| self.free.get(it)).copied();
        let earlier = self.asking.iter().copied().take_while(|idx| free.is_none_or(|it| *idx < it));
        let mut earlier = earlier.filter_map(|idx| rules.get(idx));
        let asking =
            earlier.find(|it| it.pattern.matches(line) && it.conditions.hold(known.inputs, facts));
        asking.or_else(|| rules.get(free?))
    }
}

/// What the first of some rules says that matches a line and whose conditions hold.
fn applying<'a: 'e, 'e>(
    mut rules: impl Iterator<Item = &'e Compiled<'a>>,
    line: &str,
    known: &Circumstances<'_>,
    facts: &Facts,
) -> Option<Said<'a>> {
    let applies =
        |it: &&Compiled<'a>| it.pattern.matches(line) && it.conditions.hold(known.inputs, facts);
    rules.find(applies).map(|it| (it.rule.action, Some(it.rule)))
}

/// The first word of a canonical line.
pub(super) fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

/// A rule's own words as a reason.
fn says(rule: &Rule) -> String {
    let clauses =
        rule.when.iter().map(|(name, values)| format!("{name} is {}", values.join(" or ")));
    let clauses: Vec<String> = clauses.collect();
    let only = if clauses.is_empty() { "" } else { " where " };
    format!("rule `{}` says {}{only}{}", rule.pattern, rule.action, clauses.join(" and "))
}

/// The decision on an action that is one line.
fn single(line: String, decision: RuleAction, rule: Option<&Rule>) -> Decision {
    let reason = match rule {
        Some(rule) => says(rule),
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

/// The rules that apply on a host with these variables, where nothing else is known.
pub(super) fn compile<'a>(
    rules: &'a [Rule],
    variables: &BTreeMap<String, String>,
) -> Vec<Compiled<'a>> {
    let mut rules = compile_all(rules, variables);
    let known = Circumstances::UNKNOWN;
    rules.retain(|it| it.conditions.hold(known.inputs, known.whole));
    rules
}

/// The same, and the rules that let through where something is known that is not: for proofs that
/// nothing passes, whatever is known.
pub(super) fn compile_leniently<'a>(
    rules: &'a [Rule],
    variables: &BTreeMap<String, String>,
) -> Vec<Compiled<'a>> {
    let mut rules = compile_all(rules, variables);
    let known = Circumstances::UNKNOWN;
    rules.retain(|it| it.rule.action.passes() || it.conditions.hold(known.inputs, known.whole));
    rules
}

/// The rules that may apply on a host with these variables.
fn compile_all<'a>(rules: &'a [Rule], variables: &BTreeMap<String, String>) -> Vec<Compiled<'a>> {
    let compiled = rules.iter().filter_map(|rule| {
        let conditions = Conditions::new(&rule.when, variables);
        if conditions.never_hold() {
            return None;
        }
        Some(Compiled { rule, pattern: bind(rule, variables)?, conditions })
    });
    compiled.collect()
}

/// The pattern of a rule on a host with these variables; `None` where it does not apply.
pub(super) fn bind(rule: &Rule, variables: &BTreeMap<String, String>) -> Option<Pattern> {
    Pattern::bind(&rule.pattern, variables).or_else(|| {
        (!rule.action.passes()).then(|| Pattern::new(&without_placeholders(&rule.pattern)))
    })
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
                risk: None,
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
