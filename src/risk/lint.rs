//! What is wrong with a role, each finding under a stable code, as far as it can be proved.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    acts::{Act, Aim, acts, aims},
    effects::changing_examples,
};
use crate::{
    commands::{canonical, split},
    events::text_forms,
    policy::{
        Automaton, Engine, Keep, Matching, Pattern, Role, Rule, Subject,
        proof::{Decider, Idle, Verifier, idle_rules},
    },
};

/// What a finding is about. The code is its short name, and stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Code {
    /// No line is ever decided by the rule.
    #[serde(rename = "PL001")]
    NeverFires,
    /// The same is decided without it.
    #[serde(rename = "PL002")]
    Redundant,
    /// It lets through what its words do not name.
    #[serde(rename = "PL003")]
    TooBroad,
    /// What it stops passes in another spelling.
    #[serde(rename = "PL004")]
    Evaded,
    /// It is said to only read, and does not.
    #[serde(rename = "PL005")]
    NotReadOnly,
    /// No activity matches it.
    #[serde(rename = "PL006")]
    Unseen,
}

text_forms!(Code {
    NeverFires = "PL001",
    Redundant = "PL002",
    TooBroad = "PL003",
    Evaded = "PL004",
    NotReadOnly = "PL005",
    Unseen = "PL006",
});

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Which rule list: `rules` or `mcp_rules`.
    pub list: &'static str,
    /// The rule's place in it, from 1.
    pub position: usize,
    /// What is wrong.
    pub code: Code,
    /// The rule's pattern.
    pub pattern: String,
    /// One sentence.
    pub message: String,
    /// A command that shows it.
    pub witness: Option<String>,
    /// Places of the other rules that it is about.
    pub others: Vec<usize>,
}

/// What was seen of a role, as its rules are tried on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Command lines.
    pub lines: Vec<String>,
    /// MCP calls, `server/tool`.
    pub calls: Vec<String>,
}

/// Everything that is wrong with a role, by list and place.
///
/// `seen` is `None` where nobody looked; `max_states` bounds each proof, and what cannot be told
/// within it is not found.
pub fn lint(role: &Role, seen: Option<&Seen>, max_states: usize) -> Vec<Finding> {
    let lint = Lint::new(role, max_states);
    let mut res = lint.idle();
    let silent: BTreeSet<usize> = res
        .iter()
        .filter(|it| it.list == RULES && it.code == Code::NeverFires)
        .map(|it| it.position)
        .collect();
    res.extend(lint.too_broad());
    res.extend(lint.evaded(&silent));
    res.extend(lint.not_read_only());
    if let Some(seen) = seen {
        res.extend(unseen(RULES, &role.rules, &seen.lines));
        res.extend(unseen(MCP_RULES, &role.mcp_rules, &seen.calls));
    }
    res.sort();
    res
}

const RULES: &str = "rules";
const MCP_RULES: &str = "mcp_rules";

/// How wrappers and shells spell a command, for roles that match vectors as they stand.
const DISGUISES: &[(&[&str], Inside)] = &[
    (&["env"], Inside::Words),
    (&["nohup"], Inside::Words),
    (&["timeout", "60"], Inside::Words),
    (&["bash", "-c"], Inside::Script),
];

/// Where a wrapper has what it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// In the words that follow.
    Words,
    /// In one word, as a script.
    Script,
}

/// A role, and which rule lets which act through.
struct Lint<'a> {
    role: &'a Role,
    max_states: usize,
    verifier: Verifier,
    engine: Engine<'a>,
    /// For the place of each rule that lets something of an act through: the act, and the line.
    open: BTreeMap<usize, Vec<(&'static Act, String)>>,
}

impl<'a> Lint<'a> {
    fn new(role: &'a Role, max_states: usize) -> Self {
        let verifier = Verifier::new(role, &BTreeMap::new(), max_states);
        let mut open: BTreeMap<usize, Vec<(&Act, String)>> = BTreeMap::new();
        for act in acts() {
            for opening in verifier.openings(act.lines(role.matching)).open {
                if let Some(position) = opening.by.position {
                    open.entry(position).or_default().push((act, opening.witness));
                }
            }
        }
        let engine = Engine::new(role, &BTreeMap::new());
        Self { role, max_states, verifier, engine, open }
    }

    fn rules(&self) -> impl Iterator<Item = (usize, &'a Rule)> {
        (1..).zip(&self.role.rules)
    }

    fn finding(position: usize, rule: &Rule, code: Code, message: String) -> Finding {
        let pattern = rule.pattern.clone();
        Finding { list: RULES, position, code, pattern, message, witness: None, others: Vec::new() }
    }

    /// Rules that never fire, and redundant ones.
    fn idle(&self) -> Vec<Finding> {
        let named = |deciders: &[Decider]| {
            let texts = deciders.iter().map(|it| match (&it.pattern, it.position) {
                (Some(pattern), Some(position)) => format!("`{pattern}` (rule {position})"),
                _ => format!("the default ({})", it.action),
            });
            texts.collect::<Vec<String>>().join(" and ")
        };
        let found = idle_rules(self.role, self.max_states).into_iter().filter_map(|it| {
            let (code, others, message) = match &it.why {
                Idle::Silent { behind } if behind.is_empty() => {
                    let message = "can never fire: no command line matches it".to_owned();
                    (Code::NeverFires, behind, message)
                }
                Idle::Silent { behind } => {
                    let together = if behind.len() > 1 { "together take" } else { "takes" };
                    let message = format!("can never fire: {} {together} all of it", named(behind));
                    (Code::NeverFires, behind, message)
                }
                Idle::Redundant { by } => {
                    let message = format!("decides as {} would without it", named(by));
                    (Code::Redundant, by, message)
                }
            };
            Some(Finding {
                list: if it.is_call { MCP_RULES } else { RULES },
                position: it.rule.position?,
                code,
                pattern: it.rule.pattern?,
                message,
                witness: None,
                others: others.iter().filter_map(|it| it.position).collect(),
            })
        });
        found.collect()
    }

    /// Rules that let an act through which their own words do not do.
    fn too_broad(&self) -> Vec<Finding> {
        let mut res = Vec::new();
        for (position, rule) in self.rules().filter(|(_, rule)| rule.action.passes()) {
            let meant = aims(&rule.pattern);
            let is_meant = |act: &Act| {
                meant.iter().any(|it| matches!(it, Aim::Known(known) if known.id == act.id))
            };
            let open = self.open.get(&position).map_or(&[][..], Vec::as_slice);
            let unmeant: Vec<&(&Act, String)> =
                open.iter().filter(|(act, _)| !is_meant(act)).collect();
            let Some((act, witness)) = unmeant.first() else { continue };
            let more = match unmeant.len() - 1 {
                0 => String::new(),
                1 => ", and one more act".to_owned(),
                n => format!(", and {n} more acts"),
            };
            let message = format!("lets `{witness}` through ({}{more})", act.title);
            let mut finding = Self::finding(position, rule, Code::TooBroad, message);
            finding.witness = Some(witness.clone());
            res.push(finding);
        }
        for (position, rule) in (1..).zip(&self.role.mcp_rules) {
            let server = rule.pattern.split('/').next().unwrap_or_default();
            if rule.action.passes() && server.contains('*') && rule.when.is_empty() {
                let message = "names no server: every server with such a tool passes".to_owned();
                let finding = Self::finding(position, rule, Code::TooBroad, message);
                res.push(Finding { list: MCP_RULES, ..finding });
            }
        }
        res
    }

    /// Denies whose act passes in another spelling.
    fn evaded(&self, silent: &BTreeSet<usize>) -> Vec<Finding> {
        let mut res = Vec::new();
        let mut told = BTreeSet::new();
        let stops = self.rules().filter(|(_, it)| !it.action.passes() && it.when.is_empty());
        for (position, rule) in stops.filter(|(position, _)| !silent.contains(position)) {
            for aim in aims(&rule.pattern) {
                let act = aim.act();
                if !told.insert(act.id.clone()) {
                    continue;
                }
                let found = self.verifier.openings(act.lines(self.role.matching));
                let Some(first) = found.open.first() else { continue };
                let by = match (&first.by.pattern, first.by.position) {
                    (Some(pattern), Some(position)) => format!("`{pattern}` (rule {position})"),
                    _ => "the default".to_owned(),
                };
                let how = spelling(&rule.pattern, &first.witness);
                let message =
                    format!("is walked round by {how}: `{}` passes, by {by}", first.witness);
                let mut finding = Self::finding(position, rule, Code::Evaded, message);
                finding.witness = Some(first.witness.clone());
                finding.others = first.by.position.into_iter().collect();
                res.push(finding);
            }
            if self.role.matching == Matching::Literal {
                res.extend(self.disguised(position, rule));
            }
        }
        res
    }

    /// The deny, walked round by a wrapper: where commands are matched as they stand.
    fn disguised(&self, position: usize, rule: &Rule) -> Option<Finding> {
        let bare = Pattern::new(&rule.pattern).parts().concat();
        let words = split(&bare).filter(|words| !words.is_empty())?;
        Pattern::new(&rule.pattern).first_word()?;
        let passing = DISGUISES.iter().find_map(|(wrapper, inside)| {
            let mut argv: Vec<String> = wrapper.iter().map(|&it| it.to_owned()).collect();
            match inside {
                Inside::Words => argv.extend(words.iter().cloned()),
                Inside::Script => argv.push(canonical(&words)),
            }
            let decision = self.engine.decide(&Subject::Command(&argv)).decision;
            decision.passes().then(|| canonical(&argv))
        })?;
        let message = format!(
            "is walked round by a wrapper: `{passing}` passes, since the role matches vectors as they stand"
        );
        let mut finding = Self::finding(position, rule, Code::Evaded, message);
        finding.witness = Some(passing);
        Some(finding)
    }

    /// Rules that are said to only read, with a command that changes something.
    fn not_read_only(&self) -> Vec<Finding> {
        let mut res = Vec::new();
        for (position, rule) in self.rules().filter(|(_, rule)| rule.action.passes()) {
            if !rule.rationale.as_deref().is_some_and(claims_to_read) {
                continue;
            }
            let of_acts = self.open.get(&position).map_or(&[][..], Vec::as_slice);
            let of_acts = of_acts.iter().map(|(_, witness)| witness.clone());
            let pattern = Pattern::new(&rule.pattern);
            let of_tools = changing_examples().filter(|line| pattern.matches(line));
            let passes = |line: &String| {
                let decided = self.engine.decide_line(line).1;
                decided.is_some_and(|it| std::ptr::eq(it, rule))
            };
            let Some(witness) = of_tools.map(str::to_owned).chain(of_acts).find(passes) else {
                continue;
            };
            let message = format!("is said to only read, but lets `{witness}` through");
            let mut finding = Self::finding(position, rule, Code::NotReadOnly, message);
            finding.witness = Some(witness);
            res.push(finding);
        }
        res
    }
}

/// Rules that match nothing that was seen, whatever their variables are.
fn unseen(list: &'static str, rules: &[Rule], seen: &[String]) -> Vec<Finding> {
    let patterns: Vec<Pattern> = rules.iter().map(|it| Pattern::of_any(&it.pattern)).collect();
    let automaton = Automaton::new(&patterns, Keep::All);
    let met: BTreeSet<usize> = seen.iter().flat_map(|line| automaton.all(line)).collect();
    let unmet = rules.iter().enumerate().filter(|(idx, _)| !met.contains(idx));
    let message = || "matches nothing that was seen".to_owned();
    unmet
        .map(|(idx, rule)| Finding {
            list,
            ..Lint::finding(idx + 1, rule, Code::Unseen, message())
        })
        .collect()
}

/// Whether a rationale says that nothing is changed.
fn claims_to_read(rationale: &str) -> bool {
    let text = rationale.to_lowercase();
    ["read-only", "read only", "readonly", "view-only", "view only", "only reads", "no writes"]
        .iter()
        .any(|claim| text.contains(claim))
}

/// In what a line that passes differs from the pattern that should stop it, for people.
fn spelling(pattern: &str, witness: &str) -> &'static str {
    let words = split(witness).unwrap_or_default();
    let is_option = |word: &&String| word.starts_with('-') && word.len() > 1;
    let named = Pattern::new(pattern).parts().concat();
    let named: Vec<&str> = named.split(' ').collect();
    let second = named.get(1).filter(|it| !it.starts_with('-'));
    let is_global = second.is_some()
        && words.get(1).is_some_and(|it| is_option(&it))
        && words.iter().any(|word| second == Some(&word.as_str()));
    let new = words.iter().skip(1).find(|word| !named.contains(&word.as_str()));
    match new {
        _ if is_global => "a global option before the subcommand",
        Some(word) if word.starts_with('+') => "a `+` before the ref",
        Some(word) if word.starts_with("--") && word.len() > 2 => "a long option",
        Some(word) if is_option(&word) && word.len() > 2 => "a cluster of short options",
        Some(word) if is_option(&word) => "a short option",
        Some(_) => "other words",
        None => "another order",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{RuleAction, When, proof::MAX_STATES};

    fn rule(pattern: &str, action: RuleAction, rationale: &str) -> Rule {
        Rule {
            rule_id: String::new(),
            pattern: pattern.to_owned(),
            action,
            when: When::new(),
            risk: None,
            rationale: Some(rationale.to_owned()),
        }
    }

    fn codes(role: &Role, seen: Option<&Seen>) -> Vec<(usize, Code, Option<String>)> {
        let found = lint(role, seen, MAX_STATES).into_iter();
        found.map(|it| (it.position, it.code, it.witness)).collect()
    }

    #[test]
    fn denies_that_are_walked_round_are_shown_how() {
        for deny in [
            "git push --force*",
            "rm -rf /etc*",
            "terraform destroy*",
            "kubectl delete *",
            "npm publish *",
            "docker run --privileged *",
        ] {
            let mut role = Role::new("r");
            role.default_action = RuleAction::Allow;
            role.rules = vec![rule(deny, RuleAction::Deny, "no")];
            let found = lint(&role, None, MAX_STATES);
            let evaded = found.iter().find(|it| it.code == Code::Evaded);
            let evaded = evaded.unwrap_or_else(|| panic!("{deny}: {found:?}"));
            let engine = Engine::new(&role, &BTreeMap::new());
            let argv = split(evaded.witness.as_ref().unwrap()).unwrap();
            assert!(engine.decide(&Subject::Command(&argv)).decision.passes(), "{evaded:?}");
        }
    }

    #[test]
    fn what_is_different_is_named() {
        for (pattern, witness, how) in [
            ("git push --force*", "git push +", "a `+` before the ref"),
            ("git push --force*", "git push -f", "a short option"),
            ("git push -f*", "git push --force", "a long option"),
            ("git push -f*", "git push -uf", "a cluster of short options"),
            ("git push -f*", "git -a push -f", "a global option before the subcommand"),
            ("rm -r -f *", "rm -f -r", "another order"),
        ] {
            assert_eq!(spelling(pattern, witness), how, "{witness}");
        }
    }

    #[test]
    fn where_vectors_are_matched_as_they_stand_a_wrapper_is_enough() {
        let mut role = Role::new("r");
        role.default_action = RuleAction::Allow;
        role.rules = vec![rule("shutdown *", RuleAction::Deny, "no")];
        let evaded = |role: &Role| {
            let found = lint(role, None, MAX_STATES).into_iter();
            found
                .filter(|it| it.code == Code::Evaded)
                .filter_map(|it| it.witness)
                .collect::<Vec<_>>()
        };
        role.matching = Matching::Literal;
        assert!(evaded(&role).contains(&"env shutdown".to_owned()), "{:?}", evaded(&role));
        role.matching = Matching::Expanded;
        assert!(!evaded(&role).contains(&"env shutdown".to_owned()));
    }

    #[test]
    fn what_only_reads_is_believed_and_what_does_not_is_shown() {
        let mut role = Role::new("r");
        role.rules = vec![
            rule("aws *", RuleAction::Allow, "Read-only AWS calls."),
            rule("git status *", RuleAction::Allow, "read only"),
            rule("kubectl get pods *", RuleAction::Allow, "read-only"),
        ];
        let found = codes(&role, None);
        let claims: Vec<usize> =
            found.iter().filter(|it| it.1 == Code::NotReadOnly).map(|it| it.0).collect();
        assert_eq!(claims, [1], "{found:?}");
    }

    #[test]
    fn rules_that_nothing_matched_are_unseen() {
        let mut role = Role::new("r");
        let allow = |pattern| rule(pattern, RuleAction::Allow, "x");
        role.rules =
            vec![allow("ls *"), allow("make *"), allow("run {{env}} x"), allow("go {{v}}")];
        role.mcp_rules = vec![allow("a/read*"), allow("a/write*")];
        let seen = Seen {
            lines: vec!["ls -l".to_owned(), "run dev x".to_owned()],
            calls: vec!["a/read_file".to_owned()],
        };
        let found = codes(&role, Some(&seen));
        let unseen = |at| (at, Code::Unseen, None);
        assert_eq!(found, [unseen(2), unseen(2), unseen(4)]);
        assert_eq!(codes(&role, None), []);
    }
}
