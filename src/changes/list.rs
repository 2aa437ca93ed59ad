//! One of a role's rule lists while changes to it are drafted, and the places of what comes.
use std::collections::{BTreeMap, BTreeSet};

use super::{ChangeKind, Draft, PlacedRule, Recalled, Why, usage::Usage};
use crate::{
    clusters::{Observation, Use},
    commands::is_runner,
    evidence::Evidence,
    feedback::Background,
    policy::{Pattern, Role, Rule, RuleAction, Target, When, access_of},
    risk::{Effects, RiskLevel, prose, stake},
    synthesis::{Candidate, Factor, Fenced, Stops, quiet_confidence, scopes, stop_confidence},
};

/// Where a new rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In front of everything: what people refuse, whoever asks.
    Refused,
    /// In front of the role's rules: text for people, and what is known to go no further.
    Prose,
    /// The same, behind the last stop that a person has put at the role's front.
    Head,
    /// Behind all stops at the role's front: guards.
    Front,
    /// Behind these guards: forms in use.
    Form,
    /// Behind the forms in use: guards that stop every other form.
    Behind,
    /// In front of the role's rule with this index.
    Before(usize),
    /// Behind the role's rules, but for what asks for all that these do not know: what needs a person
    /// first.
    Approvals,
    /// Behind these, allows and their fences by turns: see [`fenced`].
    Fenced(usize),
    /// Behind these, what else is allowed.
    End,
    /// At the very end: what needs a person, and is wider than an allow.
    Last,
}

/// Where a role's own front ends.
///
/// It begins with stops, text for people, and what is known to go no further. None of these needs a guard
/// in front of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front {
    /// Rules up to the last that is no guard of an earlier batch.
    pub(super) n_head: usize,
    /// Rules up to the first other allow, or the first guard that forms in use stand in front of.
    pub(super) n_front: usize,
}

/// One of a role's rule lists, and what is proposed for it.
pub(super) struct List<'a> {
    pub(super) role: &'a Role,
    pub(super) target: Target,
    pub(super) rules: &'a [Rule],
    /// How many of the rules come before what asks for all that no rule knows: see [`n_knowing`].
    pub(super) n_knowing: usize,
    pub(super) in_order: bool,
    pub(super) default_action: RuleAction,
    pub(super) candidates: Vec<&'a Candidate>,
    pub(super) stops: &'a Stops,
    pub(super) observation: &'a Observation,
    pub(super) background: &'a Background,
    /// How many rules went away, and how many of these were missed.
    pub(super) record: (u64, u64),
    /// For each of the rules: see [`own_guards`].
    pub(super) own_guards: Vec<Option<bool>>,
    pub(super) front: Front,
    pub(super) confidence_threshold: f64,
    pub(super) usage: Usage,
    /// New rules: place, draft, index in its `after`.
    pub(super) placed: Vec<(Place, usize, usize)>,
    pub(super) drafts: Vec<Draft>,
    /// Rules that a draft takes away or moves.
    pub(super) gone: BTreeSet<usize>,
    /// Candidates that are proposed as they are, by draft.
    pub(super) proposed: BTreeMap<usize, &'a Candidate>,
    /// The allows among the candidates that stand right behind fences, in order.
    pub(super) fenced: Vec<Fenced>,
}

impl List<'_> {
    pub(super) fn draft(&self, kind: ChangeKind, why: Why, evidence: Evidence) -> Draft {
        Draft {
            kind,
            target: self.target,
            before: Vec::new(),
            after: Vec::new(),
            confidence: 0.0,
            risk: RiskLevel::Low,
            effects: Effects::NONE,
            evidence,
            techniques: Vec::new(),
            requires: Vec::new(),
            why,
            factors: Vec::new(),
            scopes: Vec::new(),
            recalled: None,
        }
    }

    /// Adds a draft with its rules; its confidence is given without what reviewers made of others
    /// like it.
    pub(super) fn push(&mut self, mut draft: Draft, after: Vec<(Place, PlacedRule)>) {
        let at = self.drafts.len();
        for (idx, (place, rule)) in after.into_iter().enumerate() {
            self.placed.push((place, at, idx));
            draft.after.push(rule);
        }
        let is_tempered =
            matches!(draft.why, Why::Routine { .. } | Why::NeedsApproval | Why::Unknown);
        if !is_tempered {
            let tempered = self.background.lessons.temper(
                draft.confidence,
                &draft.topic(),
                draft.evidence.n_units,
            );
            draft.factors.extend(Factor::of_feedback(draft.confidence, tempered));
            draft.confidence = tempered;
        }
        draft.recalled = self.recalled(&draft);
        self.drafts.push(draft);
    }

    /// What the role does with what no rule knows.
    pub(super) fn unknown_action(&self) -> RuleAction {
        let mut last = self.rules.iter().skip(self.n_knowing);
        last.find(|it| it.pattern == "*").map_or(self.default_action, |it| it.action)
    }

    /// Where an allow stands that would stand at the end, or in front of a rule that needs it no more.
    pub(super) fn fenced_place(&self, pattern: &str) -> Option<Place> {
        let at = self.fenced.iter().position(|it| it.allow == pattern)?;
        Some(Place::Fenced(2 * at + 1))
    }

    /// Where a guard stands that is the fence of an allow at such a place, and the patterns of what is in
    /// front of it there.
    pub(super) fn fence_place(&self, pattern: &str) -> Option<(Place, Vec<Pattern>)> {
        let at = self.fenced.iter().position(|it| it.fence == pattern)?;
        // The role's own rules stand in front of it, and may need it, too.
        let is_own = |allow: &str| self.rules.iter().any(|it| it.pattern == allow);
        let is_there = |at: usize| {
            let here = Place::Fenced(2 * at + 1);
            self.placed.iter().any(|it| it.0 == here)
                && !self.fenced.get(at).is_some_and(|it| is_own(&it.allow))
        };
        let before = self.fenced.iter().enumerate().take(at).filter(|it| is_there(it.0));
        is_there(at).then(|| {
            (Place::Fenced(2 * at), before.map(|(_, it)| Pattern::new(&it.allow)).collect())
        })
    }

    /// The same for a draft that takes a rule away. Where it is not shown, the rule stays as it is, and
    /// needs what it needs.
    pub(super) fn push_away(&mut self, idx: usize, draft: Draft, after: Vec<(Place, PlacedRule)>) {
        let at = self.drafts.len();
        self.push(draft, after);
        let lessons = &self.background.lessons;
        let is_shown = |it: &Draft| {
            it.is_shown(self.confidence_threshold) && !lessons.hides(&it.proposal(""), &it.evidence)
        };
        if self.drafts.get(at).is_some_and(is_shown) {
            self.gone.insert(idx);
        }
    }

    /// What reviewers said no to before, and what is different since.
    fn recalled(&self, draft: &Draft) -> Option<Recalled> {
        let lessons = &self.background.lessons;
        let allows = draft.after.iter().filter(|it| it.action.passes());
        let allows = allows.filter(|_| draft.kind == ChangeKind::Add);
        let mut of_allows = allows.filter_map(|it| {
            lessons.recalls(&Pattern::new(&it.pattern), &it.when, self.observation)
        });
        let (lesson, differences) = of_allows.next().or_else(|| {
            let lesson = lessons.rejected_as(&draft.proposal("")).last()?;
            Some((lesson, lesson.mark.differences(&draft.evidence)))
        })?;
        (!differences.is_empty()).then(|| Recalled {
            at: lesson.at,
            reason: lesson.reason.clone(),
            differences,
        })
    }

    /// The scopes of the allows that are shown, with their prices.
    pub(super) fn price(&mut self) {
        let shown = self.proposed.iter().filter(|(at, _)| {
            self.drafts.get(**at).is_some_and(|it| it.is_shown(self.confidence_threshold))
        });
        let (drafts, candidates): (Vec<usize>, Vec<&Candidate>) = shown.unzip();
        let priced = scopes(&candidates, self.stops, self.observation);
        for (at, scopes) in drafts.into_iter().zip(priced) {
            if let Some(draft) = self.drafts.get_mut(at) {
                draft.scopes = scopes;
            }
        }
    }

    pub(super) fn evidence(&self, uses: &[&Use], candidates: &[&Candidate]) -> Evidence {
        match (self.target, candidates) {
            (Target::Mcp, [only]) => only.evidence.clone(),
            (Target::Mcp, _) => {
                let mut all = Evidence::default();
                for it in candidates {
                    all.n_events += it.evidence.n_events;
                    all.n_units += it.evidence.n_units;
                    all.n_hosts = all.n_hosts.max(it.evidence.n_hosts);
                    all.n_sessions = all.n_sessions.max(it.evidence.n_sessions);
                    all.n_days = all.n_days.max(it.evidence.n_days);
                    all.examples.extend(it.evidence.examples.iter().cloned());
                    all.shapes.extend(it.evidence.shapes.iter().cloned());
                }
                all
            }
            (Target::Command, _) => Evidence::of_uses(uses, self.observation),
        }
    }

    pub(super) fn n_units(&self) -> u64 {
        self.observation.units.len() as u64
    }

    /// Probability that a rule which does `action`, and would have met these uses, keeps nobody from what an
    /// allow could have come from.
    pub(super) fn stopping_confidence(&self, action: RuleAction, uses: &[&Use]) -> f64 {
        match legitimate_units(uses) {
            0 => quiet_confidence(action, self.n_units()),
            n_stopped => stop_confidence(n_stopped),
        }
    }

    /// Gives every new rule its position in the merged list; `first` drafts stand before these.
    pub(super) fn finish(mut self, first: usize) -> Vec<Draft> {
        let Front { n_head, n_front } = self.front;
        self.placed.sort_by_key(|&(place, draft, idx)| (place, draft, idx));
        let mut new = self.placed.iter().peekable();
        let mut position = 0;
        let mut old = 0;
        loop {
            let next = new.peek();
            let is_new = match next {
                Some((Place::Refused | Place::Prose, ..)) => true,
                Some((Place::Head, ..)) => old >= n_head,
                Some((Place::Front | Place::Form | Place::Behind, ..)) => old >= n_front,
                Some((Place::Before(at), ..)) => *at <= old,
                Some(_) => old >= self.n_knowing,
                None => false,
            };
            if is_new && let Some(&(_, draft, idx)) = new.next() {
                position += 1;
                let rule = self.drafts.get_mut(draft).and_then(|it| it.after.get_mut(idx));
                if let Some(rule) = rule {
                    rule.position = position;
                }
            } else if old < self.rules.len() {
                old += 1;
                position += 1;
            } else {
                break;
            }
        }
        for draft in &mut self.drafts {
            for required in &mut draft.requires {
                *required += first;
            }
        }
        self.drafts
    }
}

/// For each rule, whether it came as a guard in an earlier batch, and if so, whether forms in use stand in
/// front of it. What a person wrote stops whatever it says, and goes in front of all of them.
pub(super) fn own_guards(
    rules: &[Rule],
    stops: &Stops,
    background: &Background,
) -> Vec<Option<bool>> {
    let brought = background.lessons.brought();
    let is_behind = |rule: &Rule| {
        let is_stop = !rule.action.passes() && rule.when.is_empty();
        stops.is_behind(&rule.pattern).filter(|_| is_stop && brought.contains(&*rule.pattern))
    };
    rules.iter().map(is_behind).collect()
}

impl Front {
    /// Of these rules, without those for what no rule knows.
    pub(super) fn of(rules: &[Rule], own_guards: &[Option<bool>]) -> Self {
        let is_head = |rule: &Rule| {
            access_of(&rule.when).is_some() || prose().contains(&rule.pattern.as_str())
        };
        let is_front = |(rule, own_guard): &(&Rule, &Option<bool>)| {
            if rule.action.passes() { is_head(rule) } else { **own_guard != Some(true) }
        };
        let front = rules.iter().zip(own_guards).take_while(is_front).map(|it| it.1);
        let front: Vec<&Option<bool>> = front.collect();
        let last = front.iter().rposition(|it| it.is_none());
        Self { n_head: last.map_or(0, |it| it + 1), n_front: front.len() }
    }
}

/// How many rules of a list stand in front of those at its end that ask for all of a binary, or ask for or
/// refuse everything. These are for what no rule knows: what stood behind them would never be reached.
pub(super) fn n_knowing(rules: &[Rule], target: Target) -> usize {
    let is_rest = |rule: &&Rule| {
        let asks = rule.action == RuleAction::RequireApproval && is_broad(&rule.pattern, target);
        rule.when.is_empty() && (asks || (rule.pattern == "*" && !rule.action.passes()))
    };
    rules.len() - rules.iter().rev().take_while(is_rest).count()
}

/// `git *`, `git*`, `*`, `uv run *`, `server/*`: nothing but the binary, its way to run any other one, or
/// the server is fixed.
pub(super) fn is_broad(pattern: &str, target: Target) -> bool {
    let stem = pattern.trim_end_matches('*');
    match target {
        Target::Command => {
            let head = stem.trim_end();
            stem.len() < pattern.len() && (!head.contains([' ', '*']) || is_runner(head))
        }
        Target::Mcp => {
            stem.len() < pattern.len() && stem.split('/').nth(1).is_none_or(str::is_empty)
        }
    }
}

/// Units of those uses that an allow could have come from: to stop the others is no mistake.
pub(super) fn legitimate_units(uses: &[&Use]) -> u64 {
    let ordinary = uses.iter().filter(|seen| stake(seen.effects) <= RiskLevel::Medium);
    let units: BTreeSet<u32> =
        ordinary.flat_map(|seen| seen.support.units.iter().copied()).collect();
    units.len() as u64
}

pub(super) fn placed(idx: usize, rule: &Rule) -> PlacedRule {
    PlacedRule {
        pattern: rule.pattern.clone(),
        action: rule.action,
        position: idx as u64 + 1,
        when: rule.when.clone(),
        rule_id: Some(rule.rule_id.clone()).filter(|it| !it.is_empty()),
    }
}

pub(super) fn new_rule(pattern: &str, action: RuleAction) -> PlacedRule {
    PlacedRule {
        pattern: pattern.to_owned(),
        action,
        position: 0,
        when: When::new(),
        rule_id: None,
    }
}

pub(super) fn effects(uses: &[&Use]) -> Effects {
    uses.iter().fold(Effects::NONE, |all, it| all.union(it.effects))
}
