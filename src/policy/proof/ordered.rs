//! A role's rules as they decide one kind of line: in order, with what holds where none matches.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    super::{
        Evaluation, Matching, Role, RuleAction, algebra,
        automaton::Globs,
        decide::{Compiled, compile, compile_leniently},
        pattern::Pattern,
        when::access_of,
    },
    language::Language,
    lines::lines,
};
use crate::events::text_forms;

/// Kinds of lines: each is decided by rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Command lines; every rule is tried.
    Command,
    /// Builtins of the shell that are free where no rule names them.
    Builtin,
    /// What a wrapper is given: rules that name the wrapper can only make it stricter.
    Wrapper,
    /// Calls of MCP tools.
    Call,
}

text_forms!(LineKind {
    Command = "command",
    Builtin = "builtin",
    Wrapper = "wrapper",
    Call = "call",
});

impl LineKind {
    /// The lines of the kind, for roles that match so.
    pub fn language(self, matching: Matching) -> &'static Language {
        match (self, matching) {
            (Self::Command, Matching::Expanded) => &lines().commands,
            (Self::Command, Matching::Literal) => &lines().canonical,
            (Self::Builtin, _) => &lines().builtins,
            (Self::Wrapper, _) => &lines().wrapped,
            (Self::Call, _) => &lines().calls,
        }
    }

    /// The kinds that a role tells apart.
    pub fn of(matching: Matching) -> &'static [Self] {
        match matching {
            Matching::Expanded => Self::ALL,
            Matching::Literal => &[Self::Command, Self::Call],
        }
    }
}

/// A rule, or the default, as it is named to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decider {
    /// The rule's place in the role, from 1; `None` for the default.
    pub position: Option<usize>,
    /// Its pattern as written; `None` for the default.
    pub pattern: Option<String>,
    /// What it does.
    pub action: RuleAction,
}

/// A rule in its order.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) pattern: Pattern,
    pub(super) decider: Decider,
    /// Whether it has conditions: then it may be absent elsewhere.
    pub(super) is_conditional: bool,
    /// Whether it applies to nothing but what is known to go no further than it says.
    pub(super) is_for_known: bool,
}

/// The rules for one kind of line, the default last; the first that matches decides.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub(super) entries: Vec<Entry>,
}

impl Ordered {
    /// The rules of a role where these variables hold, and nothing else is known.
    pub(super) fn new(role: &Role, kind: LineKind, variables: &BTreeMap<String, String>) -> Self {
        Self::of(role, kind, compile(rules_for(role, kind), variables))
    }

    /// The same, and every rule that lets through under some condition.
    pub(super) fn lenient(
        role: &Role,
        kind: LineKind,
        variables: &BTreeMap<String, String>,
    ) -> Self {
        Self::of(role, kind, compile_leniently(rules_for(role, kind), variables))
    }

    fn of(role: &Role, kind: LineKind, compiled: Vec<Compiled<'_>>) -> Self {
        let rules = rules_for(role, kind);
        let only_named = matches!(kind, LineKind::Builtin | LineKind::Wrapper);
        let position =
            |rule: &super::super::Rule| rules.iter().position(|it| std::ptr::eq(it, rule));
        let mut entries: Vec<Entry> = compiled
            .into_iter()
            .filter(|it| !only_named || it.pattern.first_word().is_some())
            .map(|it| Entry {
                is_for_known: access_of(&it.rule.when).is_some(),
                pattern: it.pattern,
                decider: Decider {
                    position: position(it.rule).map(|idx| idx + 1),
                    pattern: Some(it.rule.pattern.clone()),
                    action: it.rule.action,
                },
                is_conditional: !it.rule.when.is_empty(),
            })
            .collect();
        if role.evaluation == Evaluation::DenyOverrides {
            entries.sort_by_key(|it| std::cmp::Reverse(it.decider.action));
        }
        let action = if only_named { RuleAction::Allow } else { role.default_action };
        let decider = Decider { position: None, pattern: None, action };
        entries.push(Entry {
            pattern: Pattern::new("*"),
            decider,
            is_conditional: false,
            is_for_known: false,
        });
        Self { entries }
    }

    /// The rules of a role whatever the host: those with conditions or variables are marked.
    pub(super) fn of_any_host(role: &Role, kind: LineKind) -> Self {
        let mut bare = role.clone();
        for rule in bare.rules.iter_mut().chain(&mut bare.mcp_rules) {
            rule.when.clear();
        }
        let mut res = Self::new(&bare, kind, &BTreeMap::new());
        let rules = rules_for(role, kind);
        for entry in &mut res.entries {
            let rule = entry.decider.position.and_then(|it| rules.get(it.checked_sub(1)?));
            entry.is_conditional =
                rule.is_some_and(|it| !it.when.is_empty() || it.pattern.contains("{{"));
        }
        res
    }

    /// Whether one earlier rule alone keeps each from ever firing.
    pub(super) fn shadowed(&self) -> Vec<bool> {
        let is_held = |idx: usize, entry: &Entry| {
            let mut earlier = self.entries.iter().take(idx);
            earlier.any(|it| algebra::includes(&it.pattern, &entry.pattern))
        };
        self.entries.iter().enumerate().map(|(idx, entry)| is_held(idx, entry)).collect()
    }

    pub(super) fn globs(&self) -> Globs {
        Globs::new(self.entries.iter().map(|it| &it.pattern))
    }
}

/// The list that decides lines of a kind.
const fn rules_for(role: &Role, kind: LineKind) -> &Vec<super::super::Rule> {
    match kind {
        LineKind::Call => &role.mcp_rules,
        _ => &role.rules,
    }
}

/// Whether two patterns may share a line, by how they begin: no only where they cannot.
pub(super) fn may_meet(left: &Pattern, right: &Pattern) -> bool {
    let prefixes = (left.literal_prefix().as_bytes(), right.literal_prefix().as_bytes());
    // An optional tail takes the last blank off a prefix.
    let len = prefixes.0.len().min(prefixes.1.len()).saturating_sub(1);
    prefixes.0.get(..len) == prefixes.1.get(..len)
}
