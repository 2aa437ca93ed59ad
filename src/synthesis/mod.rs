//! Evidence x guardrails -> candidate rules with scope, confidence and risk.
mod budget;
mod confidence;
mod guards;
mod parents;
mod scope;
mod spellings;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::{
    clusters::{Cluster, Observation, Stem, Support, Use},
    evidence::Evidence,
    policy::{RuleAction, Target, literal},
    risk::{Effect, Effects, RiskLevel, level},
};

use budget::Ladder;
use scope::Scope;
use spellings::Spellings;

pub use confidence::{allow_confidence, covered_confidence, quiet_confidence, stop_confidence};
pub use guards::{GuardRules, MIN_ROUTINE_UNITS, guard_rules};

/// A rule that the evidence speaks for.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Command rules or MCP rules.
    pub target: Target,
    /// The pattern.
    pub pattern: String,
    /// The same act in other spellings that this role uses: `git -C * status *`.
    pub spellings: Vec<String>,
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

/// Most lines of one stem that are asked for one by one; past that the whole stem is.
const MAX_EXACT: usize = 8;

/// Candidates from this confidence on count towards the size of a role; the contract's default
/// threshold.
const LIKELY: f64 = 0.6;

/// Fewest units behind an approval rule for a high-risk act.
const MIN_APPROVAL_UNITS: u64 = 3;

/// Rules that a role may have for people to read it; the widest scopes that stay within it are taken.
const MAX_RULES: usize = 280;

/// Candidate rules for what was seen, ordered by what they give: units first, then pattern.
///
/// Scopes are as wide as a role of `MAX_RULES` rules, guards included, can afford.
pub fn synthesize(clusters: &[Cluster], observation: &Observation) -> Vec<Candidate> {
    let clusters = &parents::widen(clusters, observation);
    let mut ladders = ladders(clusters, observation);
    budget::fit(&mut ladders, observation, MAX_RULES);
    let candidates = ladders.into_iter().flat_map(budget::Ladder::into_candidates).collect();
    let mut candidates = spellings::take_in(candidates, observation);
    for candidate in &mut candidates {
        let uses = candidate.uses.iter().filter_map(|&idx| observation.uses.get(idx));
        candidate.evidence.illustrate(&uses.collect::<Vec<_>>());
    }
    candidates.extend(mcp_candidates(observation));
    candidates.sort_by(|a, b| {
        let key = |it: &Candidate| (std::cmp::Reverse(it.evidence.n_units), it.pattern.clone());
        key(a).cmp(&key(b))
    });
    candidates
}

/// The candidates of each stem: an allow for what is at most medium, in all its scopes, and what
/// keeps the rest of the stem from riding on it.
fn ladders(clusters: &[Cluster], observation: &Observation) -> Vec<Ladder> {
    let is_guarded = |seen: &Use| guards::stops().iter().any(|it| it.pattern.matches(&seen.line));
    let with_subcommands: BTreeSet<&str> = clusters
        .iter()
        .filter(|it| !it.stem.subcommand.is_empty())
        .map(|it| it.stem.binary.as_str())
        .collect();
    let spellings = Spellings::new(clusters);
    let groups: Vec<&[Cluster]> = clusters.chunk_by(|a, b| a.stem == b.stem).collect();
    let ladders = groups.into_par_iter().filter_map(|group| {
        let stem = group.first().map(|cluster| &cluster.stem)?;
        let of_level = |low: RiskLevel, high: RiskLevel| {
            let clusters = group.iter().filter(|it| (low..=high).contains(&stake(it.effects)));
            clusters.collect::<Vec<&Cluster>>()
        };
        let ordinary = of_level(RiskLevel::Low, RiskLevel::Medium);
        let risky = of_level(RiskLevel::High, RiskLevel::Critical);
        let ask = RuleAction::RequireApproval;
        if stem.is_open || ordinary.is_empty() {
            let high = of_level(RiskLevel::High, RiskLevel::High);
            let whole = scope::whole(stem, &uses_of(&high, observation));
            let routine = candidate(stem, whole, observation, ask, one_offs(group)).filter(|it| {
                it.evidence.n_units >= MIN_APPROVAL_UNITS && it.evidence.n_sessions > 1
            });
            return Some(Ladder::new(&stem.binary, vec![vec![routine?]], observation));
        }
        let unguarded = |seen: &&(usize, &Use)| !is_guarded(seen.1);
        let risky = uses_of(&risky, observation);
        let exact: Vec<(usize, &Use)> = risky.iter().filter(unguarded).copied().collect();
        let ordinary = uses_of(&ordinary, observation);
        let n_one_offs = one_offs(group);
        let is_bare = stem.subcommand.is_empty() && with_subcommands.contains(stem.binary.as_str());
        let (action, levels) = if is_bare {
            // `git --version`: a star after the bare binary would take every subcommand.
            (RuleAction::Allow, vec![scope::exact(&ordinary)])
        } else if exact.len() > MAX_EXACT {
            (ask, vec![vec![scope::whole(stem, &ordinary)]])
        } else {
            (RuleAction::Allow, scope::levels(stem, &ordinary))
        };
        let asked: Vec<Candidate> = exact
            .iter()
            .take_while(|_| exact.len() <= MAX_EXACT)
            .filter_map(|(idx, seen)| {
                let scope = Scope { pattern: literal(&seen.line), uses: vec![*idx] };
                candidate(stem, scope, observation, ask, 0)
            })
            .collect();
        let steps = levels.into_iter().map(|scopes| {
            let allowed = scopes.into_iter().filter_map(|scope| {
                let n_one_offs = if scope.uses.len() > 1 { n_one_offs } else { 0 };
                let mut candidate = candidate(stem, scope, observation, action, n_one_offs)?;
                candidate.spellings = spellings.of(&candidate);
                Some(candidate)
            });
            allowed.chain(asked.iter().cloned()).collect()
        });
        Some(Ladder::new(&stem.binary, steps.collect(), observation))
    });
    ladders.collect()
}

/// What is at stake with an activity, as far as a rule goes.
///
/// A push or a comment talks to the repository's own forge; that this leaves the machine is what
/// publishing means, and is not counted again.
pub fn stake(effects: Effects) -> RiskLevel {
    let to_forge = effects.contains(Effect::VcsPublish) || effects.contains(Effect::VcsWrite);
    let counted = effects.iter().filter(|it| !(to_forge && *it == Effect::NetworkOut));
    counted.map(Effect::level).max().unwrap_or(RiskLevel::Low)
}

/// The uses of clusters, by index.
fn uses_of<'a>(clusters: &[&Cluster], observation: &'a Observation) -> Vec<(usize, &'a Use)> {
    let mut idxs: Vec<usize> = clusters.iter().flat_map(|it| it.uses.iter().copied()).collect();
    idxs.sort_unstable();
    idxs.into_iter().filter_map(|idx| Some((idx, observation.uses.get(idx)?))).collect()
}

/// How many uses are like no others.
fn one_offs(clusters: &[Cluster]) -> u64 {
    clusters.iter().filter(|it| it.is_noise).map(|it| it.uses.len() as u64).sum()
}

/// The candidate of one scope; `None` where nothing of it speaks for a rule.
fn candidate(
    stem: &Stem,
    scope: Scope,
    observation: &Observation,
    action: RuleAction,
    n_one_offs: u64,
) -> Option<Candidate> {
    let mut candidate = Candidate {
        target: Target::Command,
        pattern: scope.pattern,
        spellings: Vec::new(),
        action,
        binary: stem.binary.clone(),
        evidence: Evidence::default(),
        effects: Effects::NONE,
        risk: RiskLevel::Low,
        confidence: 0.0,
        n_one_offs,
        uses: scope.uses,
    };
    candidate.weigh(observation);
    (candidate.evidence.n_units > 0).then_some(candidate)
}

impl Candidate {
    /// Its pattern in all spellings.
    fn patterns(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.pattern).chain(&self.spellings)
    }

    /// Takes evidence, effects and confidence from the uses it was made from.
    fn weigh(&mut self, observation: &Observation) {
        let uses = self.uses.iter().filter_map(|&idx| observation.uses.get(idx));
        let uses: Vec<&Use> = uses.collect();
        self.evidence = Evidence::of_counts(&uses, observation);
        self.effects = uses.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
        self.confidence = allow_confidence(&self.evidence, observation);
        self.risk = stake(self.effects);
    }
}

/// A rule a tool; what is at most medium is allowed, what is high needs approval.
fn mcp_candidates(observation: &Observation) -> Vec<Candidate> {
    let same_tool = |a: &crate::clusters::McpUse, b: &crate::clusters::McpUse| {
        (&a.server, &a.tool) == (&b.server, &b.tool)
    };
    let mut candidates = Vec::new();
    for tools in observation.mcp_uses.chunk_by(same_tool) {
        let Some(first) = tools.first() else { continue };
        let support = Support::of_all(tools.iter().map(|tool| &tool.support));
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
            pattern: literal(&line),
            spellings: Vec::new(),
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
