//! MCP servers and plugins that people have blocked, where the role lets calls of them through.
use super::{
    ChangeKind, Why,
    list::{List, Place, new_rule},
};
use crate::{
    clusters::{McpUse, Support},
    evidence::Evidence,
    feedback::{Background, Blocked},
    policy::{Pattern, Role, Rule, RuleAction, Target, includes, lets_through, overlaps},
    risk::{Effects, RiskLevel},
    synthesis::Candidate,
};

/// How sure it is that nothing is stopped that should not be, 0 to 1.
///
/// # Source
/// Our choice, as for rules that decide nothing: of what a person has blocked no call is legitimate.
const CONFIDENCE: f64 = 0.99;

/// Calls of something blocked that would pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open<'a> {
    blocked: &'a Blocked,
    /// Those of its patterns of which some call passes.
    calls: Vec<&'a str>,
}

/// Whether a candidate is about nothing but calls of something blocked.
pub(super) fn is_of_blocked(candidate: &Candidate, background: &Background) -> bool {
    let pattern = Pattern::new(&candidate.pattern);
    let mut calls = background.blocked.iter().flat_map(|it| &it.calls);
    candidate.target == Target::Mcp && calls.any(|it| includes(&Pattern::new(it), &pattern))
}

/// What is blocked, and would pass the role with the candidates.
pub(super) fn open<'a>(
    role: &Role,
    candidates: &[&Candidate],
    background: &'a Background,
) -> Vec<Open<'a>> {
    let mut role = role.clone();
    let new = candidates.iter().filter(|it| it.target == Target::Mcp);
    role.mcp_rules.extend(new.map(|it| Rule::new(&it.pattern, it.action)));
    let open = background.blocked.iter().map(|blocked| {
        let calls = blocked.calls.iter().map(String::as_str);
        let calls = calls.filter(|it| lets_through(&role, &Pattern::new(it)));
        Open { blocked, calls: calls.collect() }
    });
    open.filter(|it| !it.calls.is_empty()).collect()
}

impl List<'_> {
    /// Denies what is blocked in front of everything.
    pub(super) fn block(&mut self, open: &[Open<'_>]) {
        if self.target != Target::Mcp {
            return;
        }
        for Open { blocked, calls } in open {
            let patterns: Vec<Pattern> = calls.iter().map(|it| Pattern::new(it)).collect();
            let is_stopped = |it: &&McpUse| patterns.iter().any(|deny| deny.matches(&it.name()));
            let uses: Vec<&McpUse> = self.observation.mcp_uses.iter().filter(is_stopped).collect();
            let support = Support::of_all(uses.iter().map(|it| &it.support));
            let mut evidence = Evidence::of_support(&support, self.observation);
            evidence.examples = uses.iter().map(|it| it.name()).collect();
            let why = Why::Blocked { name: blocked.name.clone(), is_plugin: blocked.is_plugin };
            let mut draft = self.draft(ChangeKind::Add, why, evidence);
            draft.confidence = CONFIDENCE;
            draft.effects = uses.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
            draft.risk = if uses.is_empty() { RiskLevel::Low } else { RiskLevel::High };
            let after = calls.iter().map(|it| (Place::Refused, new_rule(it, RuleAction::Deny)));
            self.push(draft, after.collect());
        }
    }

    /// Whatever lets calls of something blocked through goes in with the deny only.
    pub(super) fn require_blocks(&mut self) {
        let blocks = self.drafts.iter().enumerate().filter(|(_, it)| is_block(&it.why));
        let blocks: Vec<(usize, Vec<Pattern>)> = blocks
            .map(|(at, it)| (at, it.after.iter().map(|it| Pattern::new(&it.pattern)).collect()))
            .collect();
        for draft in self.drafts.iter_mut().filter(|it| !is_block(&it.why)) {
            let opens = draft.after.iter().filter(|it| !it.action.is_stop());
            let opens: Vec<Pattern> = opens.map(|it| Pattern::of_any(&it.pattern)).collect();
            let meets = |denies: &[Pattern]| {
                denies.iter().any(|deny| opens.iter().any(|it| overlaps(it, deny)))
            };
            let required = blocks.iter().filter(|(_, denies)| meets(denies));
            draft.requires.extend(required.map(|(at, _)| *at));
        }
    }
}

const fn is_block(why: &Why) -> bool {
    matches!(why, Why::Blocked { .. })
}
