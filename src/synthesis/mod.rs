//! Evidence x guardrails -> candidate rules with scope, confidence and risk.
mod confidence;
mod guards;
mod scope;

use crate::{
    clusters::{Cluster, Observation, Use},
    evidence::Evidence,
    policy::{RuleAction, Target},
    risk::{Effects, RiskLevel, level},
};

pub use confidence::{allow_confidence, covered_confidence, stop_confidence};
pub use guards::{GuardRules, guard_rules};

/// A rule that the evidence speaks for.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Command rules or MCP rules.
    pub target: Target,
    /// The pattern.
    pub pattern: String,
    /// Allow for routine activity, `require_approval` where frequency alone is not enough.
    pub action: RuleAction,
    /// The binary, or the MCP server.
    pub binary: String,
    /// What it stands on.
    pub evidence: Evidence,
    /// What the activity behind it does.
    pub effects: Effects,
    /// What is at stake.
    pub risk: RiskLevel,
    /// 0 to 1.
    pub confidence: f64,
    /// How many one-off forms it covers too.
    pub n_one_offs: u64,
    /// Indexes into `Observation::uses` of what it was made from; empty for MCP.
    pub uses: Vec<usize>,
}

/// Fewest units behind an approval rule for a high-risk act.
const MIN_APPROVAL_UNITS: u64 = 3;

/// Candidate rules for what was seen, ordered by what they give: units first, then pattern.
pub fn synthesize(clusters: &[Cluster], observation: &Observation) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = command_candidates(clusters, observation);
    candidates.extend(mcp_candidates(observation));
    candidates.sort_by(|a, b| {
        let key = |it: &Candidate| (std::cmp::Reverse(it.evidence.n_units), it.pattern.clone());
        key(a).cmp(&key(b))
    });
    candidates
}

/// One allow for what is at most medium under each stem; approval for routine high-risk acts.
fn command_candidates(clusters: &[Cluster], observation: &Observation) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let same_stem = |a: &Cluster, b: &Cluster| a.stem == b.stem;
    for group in clusters.chunk_by(same_stem) {
        let Some(stem) = group.first().map(|cluster| &cluster.stem) else { continue };
        let of_level = |wanted: fn(RiskLevel) -> bool| {
            let clusters = group.iter().filter(move |it| wanted(level(it.effects)));
            clusters.collect::<Vec<&Cluster>>()
        };
        let ordinary = of_level(|level| level <= RiskLevel::Medium);
        if !ordinary.is_empty() && !stem.is_open {
            candidates.extend(candidate(&ordinary, observation, RuleAction::Allow));
        }
        let high = of_level(|level| level == RiskLevel::High);
        let routine = candidate(&high, observation, RuleAction::RequireApproval);
        candidates.extend(routine.filter(|it| {
            it.evidence.n_units >= MIN_APPROVAL_UNITS && it.evidence.n_sessions > 1
        }));
    }
    candidates
}

/// The candidate of clusters under one stem; `None` where nothing of them speaks for a rule.
fn candidate(
    clusters: &[&Cluster],
    observation: &Observation,
    action: RuleAction,
) -> Option<Candidate> {
    let stem = &clusters.first()?.stem;
    let mut idxs: Vec<usize> = clusters.iter().flat_map(|it| it.uses.iter().copied()).collect();
    idxs.sort_unstable();
    let uses: Vec<&Use> = idxs.iter().filter_map(|&idx| observation.uses.get(idx)).collect();
    let evidence = Evidence::of_uses(&uses, observation);
    if evidence.n_units == 0 {
        return None;
    }
    let effects = clusters.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
    let one_offs = clusters.iter().filter(|it| it.is_noise).map(|it| it.uses.len() as u64).sum();
    Some(Candidate {
        target: Target::Command,
        pattern: scope::pattern(stem, &uses, &evidence),
        action,
        binary: stem.binary.clone(),
        confidence: allow_confidence(&evidence, observation),
        risk: level(effects),
        effects,
        evidence,
        n_one_offs: one_offs,
        uses: idxs,
    })
}

/// A rule a tool; what is at most medium is allowed, what is high needs approval.
fn mcp_candidates(observation: &Observation) -> Vec<Candidate> {
    let same_tool = |a: &crate::clusters::McpUse, b: &crate::clusters::McpUse| {
        (&a.server, &a.tool) == (&b.server, &b.tool)
    };
    let mut candidates = Vec::new();
    for tools in observation.mcp_uses.chunk_by(same_tool) {
        let Some(first) = tools.first() else { continue };
        let mut support = crate::clusters::Support::default();
        for tool in tools {
            support.merge(&tool.support);
        }
        let mut evidence = Evidence::of_support(&support, observation);
        let line = format!("{}/{}", first.server, first.tool);
        evidence.examples = vec![line.clone()];
        evidence.shapes = vec![(line.clone(), evidence.n_events)];
        let effects = tools.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
        let risk = level(effects);
        let action = match risk {
            RiskLevel::Low | RiskLevel::Medium => RuleAction::Allow,
            RiskLevel::High => RuleAction::RequireApproval,
            RiskLevel::Critical => continue,
        };
        if evidence.n_units == 0 {
            continue;
        }
        candidates.push(Candidate {
            target: Target::Mcp,
            pattern: crate::policy::literal(&line),
            action,
            binary: first.server.clone(),
            confidence: allow_confidence(&evidence, observation),
            evidence,
            effects,
            risk,
            n_one_offs: 0,
            uses: Vec::new(),
        });
    }
    candidates
}
