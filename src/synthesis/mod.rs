//! Evidence x guardrails -> candidate rules with scope, confidence and risk.
mod budget;
mod closed;
mod confidence;
mod guards;
mod known;
mod operations;
mod parents;
mod prices;
mod scope;
mod spellings;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::{
    clusters::{Cluster, Observation, Stem, Support, Use},
    evidence::{DEFAULT_TOLERANCE, Evidence, readiness},
    feedback::{Lessons, Level, Matter, Topic},
    policy::{Access, Pattern, Rule, RuleAction, Target, When, access_of, literal},
    risk::{Effects, RiskLevel, level, prose, stake},
};

pub use closed::letting;

use budget::{Cost, Ladder};
use guards::Stopped;
use scope::Scope;
use spellings::Spellings;

pub use confidence::{
    Factor, FactorName, allow_factors, confidence_of, covered_confidence, quiet_confidence,
    regret_factor, stop_confidence, unused_confidence,
};
use confidence::{allow_confidence, round};
pub use guards::{MIN_ROUTINE_UNITS, Needed, Stops};
pub use prices::{Later, Priced, closed, scopes};
pub use spellings::{Fenced, fenced};

/// Where a candidate's rules stand among the guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// In front of all: what follows is text for people, or it is known how far it goes.
    Prose,
    /// Behind the guards, but for those that stop every form that is not in use.
    Form,
    /// Behind all guards.
    Open,
    /// Behind everything: what no other rule knows.
    Rest,
}

impl Stand {
    /// Whether what is `stopped` so passes all the same where an allow stands here.
    const fn passes(self, stopped: Option<&Stopped>) -> bool {
        match stopped {
            None | Some(Stopped::Nowhere) => true,
            Some(Stopped::Behind) => matches!(self, Self::Prose | Self::Form),
            Some(Stopped::Front) => matches!(self, Self::Prose),
        }
    }
}

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
    /// What has to hold of an action besides.
    pub when: When,
    /// Where it stands among the guards.
    pub stand: Stand,
    /// Whether it names one line of several, arguments included.
    pub is_exact: bool,
    /// The binary, or the MCP server.
    pub binary: String,
    /// What its lines begin with; `None` for MCP, and for what no rule knows.
    pub stem: Option<Stem>,
    /// What it stands on.
    pub evidence: Evidence,
    /// What the activity behind it does.
    pub effects: Effects,
    /// What is at stake.
    pub risk: RiskLevel,
    /// 0 to 1.
    pub confidence: f64,
    /// What that is made of.
    pub factors: Vec<Factor>,
    /// How many one-off forms it covers too.
    pub n_one_offs: u64,
    /// Indexes into `Observation::uses` of what it was made from; empty for MCP.
    pub uses: Vec<usize>,
}

/// Most lines of one stem that are asked for one by one; past that the whole stem is.
const MAX_EXACT: usize = 8;

/// Fewest units behind an approval rule for a high-risk act.
const MIN_APPROVAL_UNITS: u64 = 3;

/// Rules that a role may have for people to read it; the widest scopes that stay within it are taken.
///
/// # Source
/// Our choice: a reviewer with ten minutes reads fifteen rules a minute.
const MAX_RULES: usize = 150;

/// What the evidence speaks for.
#[derive(Clone, Debug, Default)]
pub struct Synthesis {
    /// Rules, those with most units first.
    pub candidates: Vec<Candidate>,
    /// What is likely to come again and has no room, by what its lines begin with, most units first.
    pub over_budget: Vec<String>,
}

/// Candidate rules for what was seen, ordered by what they give: units first, then pattern.
///
/// Scopes are as wide as a role of `MAX_RULES` rules, guards included, can afford, and no act that
/// must not pass shares a line with them that no guard stops first. Both hold for what is at least as
/// likely as `threshold`, the confidence from which on changes are proposed.
pub fn synthesize(
    clusters: &[Cluster],
    observation: &Observation,
    stops: &Stops,
    lessons: &Lessons,
    threshold: f64,
) -> Synthesis {
    let clusters = parents::widen(clusters, observation);
    let mcp = mcp_candidates(observation, lessons);
    let rest = rest(observation);
    let cut = prices::cut(observation);
    let cost = Cost { stops, observation, lessons, cut, threshold };
    let (known, clusters) = known::split(clusters, &cost);
    let mut ladders = ladders(&clusters, &cost, rest.is_some());
    let n_mcp = mcp.iter().filter(|it| it.confidence >= threshold).count();
    let n_reserved = n_mcp + known.len() + usize::from(rest.is_some());
    let max_rules = MAX_RULES.saturating_sub(n_reserved);
    loop {
        budget::fit(&mut ladders, &cost, max_rules);
        if !closed::give_up(&mut ladders, &cost) {
            break;
        }
    }
    let over_budget = budget::over_budget(&ladders);
    let candidates = ladders.into_iter().flat_map(budget::Ladder::into_candidates);
    let mut candidates: Vec<Candidate> = candidates.chain(known).collect();
    for candidate in &mut candidates {
        let uses = candidate.uses.iter().filter_map(|&idx| observation.uses.get(idx));
        candidate.evidence.illustrate(&uses.collect::<Vec<_>>());
    }
    candidates.extend(mcp);
    candidates.sort_by(|a, b| {
        let key = |it: &Candidate| (std::cmp::Reverse(it.evidence.n_units), it.pattern.clone());
        key(a).cmp(&key(b))
    });
    candidates.extend(rest);
    Synthesis { candidates, over_budget }
}

/// The rule for what no other rule knows, while more of that is to come than can be tolerated: it
/// waits for a person, instead of being refused.
fn rest(observation: &Observation) -> Option<Candidate> {
    let forecast = readiness(observation, DEFAULT_TOLERANCE)?;
    if forecast.unseen <= DEFAULT_TOLERANCE {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of acts are far below 2^52")]
    let confidence = round((1.0 - forecast.unseen).powf(forecast.acts as f64));
    Some(Candidate {
        target: Target::Command,
        pattern: "*".to_owned(),
        spellings: Vec::new(),
        action: RuleAction::RequireApproval,
        when: When::new(),
        stand: Stand::Rest,
        is_exact: false,
        binary: String::new(),
        stem: None,
        evidence: Evidence::of_units(observation),
        effects: Effects::NONE,
        risk: RiskLevel::Medium,
        confidence,
        factors: Vec::new(),
        n_one_offs: 0,
        uses: Vec::new(),
    })
}

/// The candidates of each stem: an allow for what is at most medium, in all its scopes, and what
/// keeps the rest of the stem from riding on it.
///
/// Where what no rule knows `has_rest`, whole stems are not asked for one by one.
fn ladders(clusters: &[Cluster], cost: &Cost<'_>, has_rest: bool) -> Vec<Ladder> {
    let Cost { stops, observation, lessons, .. } = *cost;
    let stopped = stops.stopped();
    let is_guarded = |idx: usize| stopped.get(idx).is_some_and(|it| *it != Stopped::Nowhere);
    let with_subcommands: BTreeSet<&str> = clusters
        .iter()
        .filter(|it| !it.stem.subcommand.is_empty())
        .map(|it| it.stem.binary.as_str())
        .collect();
    let spellings = Spellings::new(clusters, observation);
    let prose: Vec<Pattern> = prose().iter().map(|it| Pattern::new(it)).collect();
    let groups: Vec<&[Cluster]> = clusters.chunk_by(|a, b| a.stem == b.stem).collect();
    let ladders = groups.into_par_iter().filter_map(|group| {
        let stem = group.first().map(|cluster| &cluster.stem)?;
        if spellings.is_one(stem) {
            return None;
        }
        let of_level = |low: RiskLevel, high: RiskLevel| {
            let clusters = group.iter().filter(|it| (low..=high).contains(&stake(it.effects)));
            clusters.collect::<Vec<&Cluster>>()
        };
        let ordinary = uses_of(&of_level(RiskLevel::Low, RiskLevel::Medium), observation);
        // What guards stop speaks for no allow behind them, however often it is done.
        let passes = |(idx, seen): &(usize, &Use)| {
            stopped.get(*idx) != Some(&Stopped::Front)
                || prose.iter().any(|it| it.matches(&seen.line))
        };
        let ordinary: Vec<(usize, &Use)> = ordinary.into_iter().filter(passes).collect();
        let risky = of_level(RiskLevel::High, RiskLevel::Critical);
        let ask = RuleAction::RequireApproval;
        let make = |scope, action, n_one_offs| candidate(stem, scope, cost, action, n_one_offs);
        if stem.is_open || ordinary.is_empty() {
            let high = of_level(RiskLevel::High, RiskLevel::High);
            let whole = scope::whole(stem, &uses_of(&high, observation));
            let routine = make(whole, ask, one_offs(group)).filter(|it| {
                !has_rest && it.evidence.n_units >= MIN_APPROVAL_UNITS && it.evidence.n_sessions > 1
            });
            return Some(Ladder::new(&stem.binary, vec![vec![routine?]], cost));
        }
        let unguarded = |seen: &&(usize, &Use)| !is_guarded(seen.0);
        let risky = uses_of(&risky, observation);
        let exact: Vec<(usize, &Use)> = risky.iter().filter(unguarded).copied().collect();
        let n_one_offs = one_offs(group);
        let is_bare = stem.subcommand.is_empty() && with_subcommands.contains(stem.binary.as_str());
        if exact.len() > MAX_EXACT {
            let whole = make(scope::whole(stem, &ordinary), ask, n_one_offs).filter(|_| !has_rest);
            return Some(Ladder::new(&stem.binary, vec![vec![whole?]], cost));
        }
        let only = scope::only_form(stem, &ordinary, observation).filter(|_| !is_bare);
        // The next use of a line that has no other form is the same, and no other spelling is known.
        let is_one_line = only.as_ref().is_some_and(|it| it.pattern != stem.pattern);
        let mut levels = match only {
            Some(only) => vec![vec![only]],
            // `git --version`: a star after the bare binary would take every subcommand.
            None if is_bare => vec![scope::exact(&ordinary)],
            None => scope::levels(stem, &ordinary),
        };
        let forms = if is_bare { Vec::new() } else { scope::forms(stem, &ordinary, stopped) };
        while let [_, narrower, ..] = levels.as_slice()
            && prices::is_dominated(narrower, &forms, &ordinary, cost)
        {
            levels.remove(0);
        }
        let one = |&(idx, seen): &(usize, &Use)| {
            make(Scope { pattern: literal(&seen.line), uses: vec![idx] }, ask, 0)
        };
        let asked: Vec<Candidate> = exact.iter().filter_map(one).collect();
        let allowed = |scopes: Vec<Scope>| -> Vec<Candidate> {
            let allowed = scopes.into_iter().filter_map(|scope| {
                let n_one_offs = if scope.uses.len() > 1 { n_one_offs } else { 0 };
                let candidate = make(scope, RuleAction::Allow, n_one_offs)?;
                Some(if is_one_line { candidate.of_one_form(cost) } else { candidate })
            });
            allowed.chain(asked.iter().cloned()).collect()
        };
        let mut steps = Vec::new();
        let widest = lessons.widest(&stem.binary, &stem.pattern).unwrap_or(Level::Binary);
        let is_refused = |pattern: &str| {
            lessons.refuses(&Pattern::new(pattern), &When::new(), observation).is_some()
        };
        for (at, mut scopes) in levels.into_iter().enumerate() {
            if at == 0 && !is_bare {
                let is_left_out = scopes.first().is_some_and(|it| {
                    Level::of(&it.pattern, &stem.binary, &stem.pattern) > widest
                        || is_refused(&it.pattern)
                });
                if is_left_out {
                    continue;
                }
                let new = forms.iter().filter(|it| !scopes.contains(it)).cloned();
                scopes.extend(new.collect::<Vec<_>>());
            }
            // What a reviewer did not want is not asked again, nor what holds it.
            scopes.retain(|it| {
                let level = Level::of(&it.pattern, &stem.binary, &stem.pattern);
                level <= widest && !is_refused(&it.pattern)
            });
            let plain = allowed(scopes);
            let mut spelled = plain.clone();
            if at == 0
                && !is_one_line
                && spelled.first_mut().is_some_and(|it| spellings.add_to(it, cost))
            {
                steps.push(spelled);
            }
            steps.push(plain);
        }
        Some(Ladder::new(&stem.binary, steps, cost))
    });
    ladders.collect()
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

/// The candidate of one scope; `None` where nothing of it speaks for a rule, or nobody could read it.
fn candidate(
    stem: &Stem,
    scope: Scope,
    cost: &Cost<'_>,
    action: RuleAction,
    n_one_offs: u64,
) -> Option<Candidate> {
    if !scope::is_legible(&scope.pattern) {
        return None;
    }
    let stand = stand(&scope.pattern, action, cost.stops);
    let stopped = cost.stops.stopped();
    let mut uses = scope.uses;
    // What guards stop in front of an allow speaks for none, however often it is done.
    uses.retain(|idx| !action.passes() || stand.passes(stopped.get(*idx)));
    let mut candidate = Candidate {
        target: Target::Command,
        stand,
        is_exact: Pattern::new(&scope.pattern).parts().len() == 1 && scope.pattern != stem.pattern,
        pattern: scope.pattern,
        spellings: Vec::new(),
        action,
        when: When::new(),
        binary: stem.binary.clone(),
        stem: Some(stem.clone()),
        evidence: Evidence::default(),
        effects: Effects::NONE,
        risk: RiskLevel::Low,
        confidence: 0.0,
        factors: Vec::new(),
        n_one_offs,
        uses,
    };
    candidate.weigh(cost.observation, cost.lessons);
    (candidate.evidence.n_units > 0).then_some(candidate)
}

/// Where an allow stands: in front of a guard that would stop all of it, if the guard is for what
/// comes behind the forms in use.
fn stand(pattern: &str, action: RuleAction, stops: &Stops) -> Stand {
    if !action.passes() {
        return Stand::Open;
    }
    if prose().contains(&pattern) {
        return Stand::Prose;
    }
    if stops.is_form(&Pattern::new(pattern)) { Stand::Form } else { Stand::Open }
}

/// What candidates allow: what stands behind all guards, or in front of all, then the forms in use.
fn allows<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> (Vec<Pattern>, Vec<Pattern>) {
    let (mut allows, mut forms) = (Vec::new(), Vec::new());
    // What is let through on condition that it goes no further needs no guards.
    for candidate in candidates.filter(|it| it.action.passes() && it.access().is_none()) {
        let here = if candidate.stand == Stand::Form { &mut forms } else { &mut allows };
        here.extend(candidate.patterns().map(|it| Pattern::new(it)));
    }
    (allows, forms)
}

impl Candidate {
    /// Its pattern in all spellings.
    pub fn patterns(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.pattern).chain(&self.spellings)
    }

    /// The rules that it makes.
    fn rules(&self) -> impl Iterator<Item = Rule> {
        self.patterns().map(|it| Rule { when: self.when.clone(), ..Rule::new(it, self.action) })
    }

    /// How far what it lets through may go, where it says so.
    pub fn access(&self) -> Option<Access> {
        access_of(&self.when)
    }

    /// The same as the only form of its stem.
    fn of_one_form(mut self, cost: &Cost<'_>) -> Self {
        self.is_exact = false;
        self.weigh(cost.observation, cost.lessons);
        self
    }

    /// Takes evidence, effects and confidence from the uses it was made from, and what reviewers made
    /// of changes like it.
    fn weigh(&mut self, observation: &Observation, lessons: &Lessons) {
        let uses = self.uses.iter().filter_map(|&idx| observation.uses.get(idx));
        let uses: Vec<&Use> = uses.collect();
        self.evidence = Evidence::of_counts(&uses, observation);
        self.effects = uses.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
        self.factors = allow_factors(&self.evidence, &self.binary, self.is_exact, observation);
        self.confidence = confidence_of(&self.factors);
        self.risk = stake(self.effects);
        self.temper(lessons);
    }

    fn temper(&mut self, lessons: &Lessons) {
        let matter = Matter::of(self.action);
        let topic = Topic::new(self.target, matter, [self.pattern.as_str()], self.effects);
        let tempered = lessons.temper(self.confidence, &topic, self.evidence.n_units);
        self.factors.extend(Factor::of_feedback(self.confidence, tempered));
        self.confidence = tempered;
    }
}

/// A rule a tool; what is at most medium is allowed, what is high needs approval.
fn mcp_candidates(observation: &Observation, lessons: &Lessons) -> Vec<Candidate> {
    let same_tool = |a: &crate::clusters::McpUse, b: &crate::clusters::McpUse| {
        (&a.server, &a.tool) == (&b.server, &b.tool)
    };
    let mut candidates = Vec::new();
    for tools in observation.mcp_uses.chunk_by(same_tool) {
        let Some(first) = tools.first() else { continue };
        let support = Support::of_all(tools.iter().map(|tool| &tool.support));
        let mut evidence = Evidence::of_support(&support, observation);
        let line = first.name();
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
        let factors = allow_factors(&evidence, &first.server, false, observation);
        let mut candidate = Candidate {
            target: Target::Mcp,
            pattern: literal(&line),
            spellings: Vec::new(),
            action,
            when: When::new(),
            stand: Stand::Open,
            is_exact: false,
            binary: first.server.clone(),
            stem: None,
            confidence: confidence_of(&factors),
            factors,
            evidence,
            effects,
            risk,
            n_one_offs: 0,
            uses: Vec::new(),
        };
        candidate.temper(lessons);
        candidates.push(candidate);
    }
    candidates
}
