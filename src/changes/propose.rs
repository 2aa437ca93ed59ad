//! The proposals for one rule list: what never fires, what is too broad, what is not used, what is
//! missing, and the guards in front.
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{ChangeKind, Draft, PlacedRule, Why, usage::Usage};
use crate::{
    clusters::{Observation, Use},
    evidence::Evidence,
    policy::{Evaluation, Pattern, Role, Rule, RuleAction, Target, When, includes, overlaps},
    risk::{Effects, RiskLevel},
    synthesis::{
        Candidate, MIN_ROUTINE_UNITS, Needed, Stand, Stops, covered_confidence,
        quiet_confidence, stake, stop_confidence, unused_confidence,
    },
};

/// Proposes the changes that bring `role` to what the candidates say, in reading order.
///
/// New denies stand in front of everything, new allows behind the role's own rules, replacements at
/// the place of what they replace; so a rule that a reviewer leaves out never changes what another
/// one says about a line that both match, except through `requires`.
///
/// Guards are those of the changes with at least `confidence_threshold`, 0 to 1: others are not shown.
pub fn propose(
    role: &Role,
    candidates: &[Candidate],
    stops: &Stops,
    observation: &Observation,
    confidence_threshold: f64,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for target in [Target::Command, Target::Mcp] {
        let rules = match target {
            Target::Command => &role.rules,
            Target::Mcp => &role.mcp_rules,
        };
        let candidates: Vec<&Candidate> =
            candidates.iter().filter(|it| it.target == target).collect();
        let first = drafts.len();
        let mut list = List {
            target,
            rules,
            in_order: role.evaluation == Evaluation::FirstMatch,
            default_action: role.default_action,
            stops,
            observation,
            confidence_threshold,
            usage: Usage::new(if target == Target::Command { rules } else { &[] }, observation),
            placed: Vec::new(),
            drafts: Vec::new(),
            gone: BTreeSet::new(),
        };
        list.never_firing();
        list.too_broad(&candidates);
        list.unused();
        list.missing(&candidates);
        list.guards();
        drafts.extend(list.finish(first));
    }
    drafts
}

/// Where a new rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In front of everything: text for people.
    Prose,
    /// In front of the role's rules.
    Front,
    /// Behind these guards: forms in use.
    Form,
    /// Behind the forms in use: guards that stop every other form.
    Behind,
    /// In front of the role's rule with this index.
    Before(usize),
    /// Behind the role's rules, what needs a person first.
    Approvals,
    /// Behind these, what is allowed.
    End,
    /// At the very end: what needs a person, and is wider than an allow.
    Last,
}

/// One of a role's rule lists, and what is proposed for it.
struct List<'a> {
    target: Target,
    rules: &'a [Rule],
    in_order: bool,
    default_action: RuleAction,
    stops: &'a Stops,
    observation: &'a Observation,
    confidence_threshold: f64,
    usage: Usage,
    /// New rules: place, draft, index in its `after`.
    placed: Vec<(Place, usize, usize)>,
    drafts: Vec<Draft>,
    /// Rules that a draft takes away or moves.
    gone: BTreeSet<usize>,
}

impl List<'_> {
    /// Rules that an earlier one keeps from ever firing: a stricter one moves up, others go.
    fn never_firing(&mut self) {
        if !self.in_order {
            return;
        }
        let patterns: Vec<Pattern> =
            self.rules.iter().map(|it| Pattern::new(&it.pattern)).collect();
        for (idx, rule) in self.rules.iter().enumerate() {
            let Some(pattern) = patterns.get(idx) else { continue };
            let shadow =
                self.rules.iter().zip(&patterns).take(idx).position(|(earlier, outer)| {
                    earlier.when.is_empty() && includes(outer, pattern)
                });
            let Some((at, by)) = shadow.and_then(|at| Some((at, self.rules.get(at)?))) else {
                continue;
            };
            let why = Why::NeverFires { by: by.pattern.clone(), by_action: by.action };
            self.gone.insert(idx);
            let is_command = self.target == Target::Command;
            let uses = self.observation.matched(pattern).filter(|_| is_command);
            let uses: Vec<&Use> = uses.collect();
            let evidence = Evidence::of_uses(&uses, self.observation);
            let mut draft = self.draft(ChangeKind::Remove, why, evidence);
            draft.before = vec![placed(idx, rule)];
            if !rule.action.passes() && rule.action > by.action {
                draft.kind = ChangeKind::Modify;
                draft.confidence = stop_confidence(legitimate_units(&uses));
                draft.effects = effects(&uses);
                draft.risk =
                    if draft.evidence.n_units > 0 { RiskLevel::High } else { RiskLevel::Medium };
                let new = PlacedRule { rule_id: None, ..placed(idx, rule) };
                self.push(draft, vec![(Place::Before(at), new)]);
            } else {
                // It decides nothing, so nothing changes without it.
                draft.confidence = 0.99;
                draft.risk = RiskLevel::Low;
                self.push(draft, Vec::new());
            }
        }
    }

    /// Allows over a whole binary, or wider: narrowed to what was used.
    fn too_broad(&mut self, candidates: &[&Candidate]) {
        for (idx, rule) in self.rules.iter().enumerate() {
            let is_open = !self.gone.contains(&idx)
                && rule.when.is_empty()
                && rule.action == RuleAction::Allow;
            if !is_open || !is_broad(&rule.pattern, self.target) {
                continue;
            }
            let outer = Pattern::new(&rule.pattern);
            let inner: Vec<&&Candidate> = candidates
                .iter()
                .filter(|it| includes(&outer, &Pattern::new(&it.pattern)))
                .collect();
            let is_narrower = inner.iter().all(|it| {
                it.action != RuleAction::Allow || !includes(&Pattern::new(&it.pattern), &outer)
            });
            if inner.is_empty() || !is_narrower {
                continue;
            }
            self.gone.insert(idx);
            let uses = self.usage.of(idx, self.observation);
            let evidence = self.evidence(&uses, &inner);
            // What one unit did once is no ground for a rule where others did more.
            let (often, once): (Vec<&&Candidate>, Vec<&&Candidate>) =
                inner.iter().partition(|it| it.evidence.n_units > 1);
            let n_single = once.len() as u64;
            let inner = if often.is_empty() { once } else { often };
            let mut draft = self.draft(ChangeKind::Modify, Why::TooBroad, evidence);
            draft.before = vec![placed(idx, rule)];
            draft.confidence = covered_confidence(n_single, draft.evidence.n_units);
            draft.effects = inner.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
            draft.risk = RiskLevel::High;
            let spelled = inner.iter().flat_map(|it| {
                let patterns = std::iter::once(&it.pattern).chain(&it.spellings);
                let place = self.in_front(it).unwrap_or(Place::Before(idx));
                patterns.map(move |pattern| (place, new_rule(pattern, it.action)))
            });
            let mut after: Vec<(Place, PlacedRule)> = spelled.collect();
            after.sort_by_key(|(_, rule)| std::cmp::Reverse(rule.action));
            self.push(draft, after);
        }
    }

    /// Allows that decided nothing in the window.
    fn unused(&mut self) {
        for (idx, rule) in self.rules.iter().enumerate() {
            if self.gone.contains(&idx) || !rule.action.passes() || !rule.when.is_empty() {
                continue;
            }
            let is_used = match self.target {
                Target::Command => self.usage.by_rule.get(idx).is_some_and(|uses| !uses.is_empty()),
                Target::Mcp => {
                    let pattern = Pattern::new(&rule.pattern);
                    let mut tools = self.observation.mcp_uses.iter();
                    tools.any(|it| pattern.matches(&format!("{}/{}", it.server, it.tool)))
                }
            };
            if is_used {
                continue;
            }
            self.gone.insert(idx);
            let mut draft = self.draft(ChangeKind::Remove, Why::Unused, Evidence::default());
            draft.before = vec![placed(idx, rule)];
            draft.confidence = unused_confidence(self.n_units());
            draft.risk = RiskLevel::Medium;
            self.push(draft, Vec::new());
        }
    }

    /// What was seen and no rule allows.
    fn missing(&mut self, candidates: &[&Candidate]) {
        let mut taken: Vec<(Pattern, RuleAction)> = self
            .rules
            .iter()
            .enumerate()
            .filter(|(idx, rule)| !self.gone.contains(idx) && rule.when.is_empty())
            .map(|(_, rule)| (Pattern::new(&rule.pattern), rule.action))
            .collect();
        taken.extend(
            self.drafts
                .iter()
                .flat_map(|draft| &draft.after)
                .map(|rule| (Pattern::new(&rule.pattern), rule.action)),
        );
        // Wide patterns first, so that what they hold is not proposed again.
        let is_rest = |it: &&&Candidate| it.stand == Stand::Rest;
        let (rest, mut ordered): (Vec<&&Candidate>, Vec<&&Candidate>) =
            candidates.iter().partition(is_rest);
        ordered
            .sort_by_key(|it| (std::cmp::Reverse(it.action), it.pattern.len(), it.pattern.clone()));
        let allows: Vec<Pattern> = candidates
            .iter()
            .filter(|it| it.action == RuleAction::Allow)
            .map(|it| Pattern::new(&it.pattern))
            .collect();
        for candidate in ordered {
            let pattern = Pattern::new(&candidate.pattern);
            let in_front = self.in_front(candidate);
            let held = taken.iter().any(|(outer, action)| {
                includes(outer, &pattern)
                    && ((*action == candidate.action && in_front.is_none())
                        || action.is_stop()
                        || includes(&pattern, outer))
            });
            if held {
                continue;
            }
            let is_wide = allows.iter().any(|allow| includes(&pattern, allow));
            let (why, place) = match candidate.action {
                RuleAction::Allow => {
                    let why = Why::Routine { n_one_offs: candidate.n_one_offs };
                    (why, in_front.unwrap_or(Place::End))
                }
                _ if is_wide => (Why::NeedsApproval, Place::Last),
                _ => (Why::NeedsApproval, Place::Approvals),
            };
            taken.push((pattern, candidate.action));
            let spelled = candidate.spellings.iter();
            taken.extend(spelled.map(|it| (Pattern::new(it), candidate.action)));
            self.add(candidate, why, place);
        }
        // A role that lets through or asks what it does not know needs no rule for it.
        let is_refused = self.default_action > RuleAction::RequireApproval;
        let everything = Pattern::new("*");
        for candidate in rest {
            if is_refused && !taken.iter().any(|(outer, _)| includes(outer, &everything)) {
                self.add(candidate, Why::Unknown, Place::Last);
            }
        }
    }

    fn add(&mut self, candidate: &Candidate, why: Why, place: Place) {
        let mut draft = self.draft(ChangeKind::Add, why, candidate.evidence.clone());
        draft.confidence = candidate.confidence;
        draft.risk = candidate.risk;
        draft.effects = candidate.effects;
        let spelled = std::iter::once(&candidate.pattern).chain(&candidate.spellings);
        let after = spelled.map(|it| (place, new_rule(it, candidate.action)));
        self.push(draft, after.collect());
    }

    /// Where an allow stands in front of guards; `None` where it stands behind them all, or would
    /// keep one of the role's own rules from stopping something.
    fn in_front(&self, candidate: &Candidate) -> Option<Place> {
        let place = match candidate.stand {
            Stand::Prose => Place::Prose,
            Stand::Form => Place::Form,
            Stand::Open | Stand::Rest => return None,
        };
        let allow = Pattern::new(&candidate.pattern);
        let own = self.rules.iter().filter(|rule| !rule.action.passes());
        let is_free = !own.map(|it| Pattern::new(&it.pattern)).any(|it| overlaps(&it, &allow));
        is_free.then_some(place)
    }

    /// Guard denies that the allows of the finished role need, one change a family.
    fn guards(&mut self) {
        if self.target != Target::Command {
            return;
        }
        let kept = self.rules.iter().enumerate().filter(|(idx, _)| !self.gone.contains(idx));
        let mut rules: Vec<Rule> = kept.map(|(_, rule)| rule.clone()).collect();
        let shown = self.drafts.iter().filter(|it| it.confidence >= self.confidence_threshold);
        let new = shown.flat_map(|draft| &draft.after);
        let new_allows = new.filter(|rule| rule.action.passes());
        let own = rules.iter().filter(|it| it.action.passes()).map(|it| &it.pattern);
        let allows = own.chain(new_allows.map(|rule| &rule.pattern));
        let allows: Vec<Pattern> = allows.map(|it| Pattern::new(it)).collect();
        rules.retain(|rule| !rule.action.passes() && rule.when.is_empty());
        let stopped: Vec<Pattern> = rules.iter().map(|it| Pattern::new(&it.pattern)).collect();
        let is_there =
            |stop: &Pattern| stopped.iter().any(|deny| includes(deny, stop));
        let mut families: BTreeMap<&str, Vec<Needed<'_>>> = BTreeMap::new();
        for needed in self.stops.needed(&allows, self.observation) {
            if !is_there(&Pattern::new(needed.text)) {
                families.entry(needed.family()).or_default().push(needed);
            }
        }
        let n_before = self.drafts.len();
        for guards in families.into_values() {
            self.guard(&guards);
        }
        let (allowing, guarding) = self.drafts.split_at_mut(n_before);
        let guarding: Vec<Vec<Pattern>> = guarding
            .iter()
            .map(|draft| draft.after.iter().map(|rule| Pattern::new(&rule.pattern)).collect())
            .collect();
        for draft in allowing {
            let allows = draft.after.iter().filter(|rule| rule.action.passes());
            let allows: Vec<Pattern> = allows.map(|rule| Pattern::new(&rule.pattern)).collect();
            let meets = |guards: &Vec<Pattern>| {
                guards.iter().any(|guard| allows.iter().any(|allow| overlaps(allow, guard)))
            };
            let required = guarding.iter().enumerate().filter(|(_, guards)| meets(guards));
            draft.requires = required.map(|(idx, _)| n_before + idx).collect();
        }
    }

    /// The guard patterns of a family: one change with those that stopped nothing in the window,
    /// another with those that would have, because a reviewer weighs these two differently.
    fn guard(&mut self, stops: &[Needed<'_>]) {
        let forms = self.placed.iter().filter(|it| matches!(it.0, Place::Prose | Place::Form));
        let forms = forms.filter_map(|&(place, draft, idx)| {
            let rule = self.drafts.get(draft)?.after.get(idx)?;
            Some((place, Pattern::new(&rule.pattern)))
        });
        let forms: Vec<(Place, Pattern)> = forms.collect();
        let observation = self.observation;
        let found: Vec<(&Needed<'_>, Vec<&Use>)> = stops
            .par_iter()
            .map(|stop| {
                let passes_before = |seen: &&Use| {
                    let mut before = forms.iter().filter(|it| stop.is_behind || it.0 == Place::Prose);
                    before.any(|(_, it)| it.matches(&seen.line))
                };
                let pattern = Pattern::new(stop.text);
                let uses = observation.matched(&pattern).filter(|seen| !passes_before(seen));
                (stop, uses.collect())
            })
            .collect();
        for would_stop in [false, true] {
            let mut after = Vec::new();
            let mut stopped: BTreeSet<u32> = BTreeSet::new();
            let mut hits: BTreeMap<&str, &Use> = BTreeMap::new();
            let mut risk = RiskLevel::Low;
            let mut sum = 0.0;
            let (mut titles, mut techniques) = (BTreeSet::new(), BTreeSet::new());
            for (stop, uses) in &found {
                let guard = stop.guard;
                let units: BTreeSet<u32> =
                    uses.iter().flat_map(|it| it.support.units.iter().copied()).collect();
                if units.is_empty() == would_stop {
                    continue;
                }
                // What a role does all the time is asked for rather than stopped.
                let is_routine =
                    units.len() >= MIN_ROUTINE_UNITS && guard.level < RiskLevel::Critical;
                let ask = RuleAction::RequireApproval;
                let action = if is_routine { ask } else { guard.action };
                risk = risk.max(guard.level);
                // The confidence of a change of several rules is their mean.
                sum += match legitimate_units(uses) {
                    0 => quiet_confidence(action, self.n_units()),
                    stopped => stop_confidence(stopped),
                };
                titles.insert(guard.title.to_owned());
                techniques.extend(guard.techniques.iter().map(|&it| it.to_owned()));
                stopped.extend(units);
                hits.extend(uses.iter().map(|&seen| (seen.line.as_str(), seen)));
                let place = if stop.is_behind { Place::Behind } else { Place::Front };
                after.push((place, new_rule(stop.text, action)));
            }
            if after.is_empty() {
                continue;
            }
            let n_stopped_units = stopped.len() as u64;
            let why = Why::Guard { titles: titles.into_iter().collect(), n_stopped_units };
            #[expect(clippy::cast_precision_loss, reason = "a family has some dozen patterns")]
            let n_rules = after.len() as f64;
            let hits: Vec<&Use> = hits.into_values().collect();
            let evidence = Evidence::of_uses(&hits, self.observation);
            let mut draft = self.draft(ChangeKind::Add, why, evidence);
            draft.confidence = (sum / n_rules * 100.0).round() / 100.0;
            draft.risk = risk;
            draft.effects = effects(&hits);
            draft.techniques = techniques.into_iter().collect();
            self.push(draft, after);
        }
    }

    fn draft(&self, kind: ChangeKind, why: Why, evidence: Evidence) -> Draft {
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
        }
    }

    fn push(&mut self, mut draft: Draft, after: Vec<(Place, PlacedRule)>) {
        let at = self.drafts.len();
        for (idx, (place, rule)) in after.into_iter().enumerate() {
            self.placed.push((place, at, idx));
            draft.after.push(rule);
        }
        self.drafts.push(draft);
    }

    fn evidence(&self, uses: &[&Use], candidates: &[&&Candidate]) -> Evidence {
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

    fn n_units(&self) -> u64 {
        self.observation.units.len() as u64
    }

    /// Gives every new rule its position in the merged list; `first` drafts stand before these.
    fn finish(mut self, first: usize) -> Vec<Draft> {
        self.placed.sort_by_key(|&(place, draft, idx)| (place, draft, idx));
        let mut new = self.placed.iter().peekable();
        let mut position = 0;
        let mut old = 0;
        loop {
            let next = new.peek();
            let is_new = match next {
                Some((Place::Prose | Place::Front | Place::Form | Place::Behind, ..)) => true,
                Some((Place::Before(at), ..)) => *at <= old,
                Some(_) => old >= self.rules.len(),
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

/// `git *`, `git*`, `*`, `server/*`: nothing but the binary, or the server, is fixed.
fn is_broad(pattern: &str, target: Target) -> bool {
    let stem = pattern.trim_end_matches('*');
    match target {
        Target::Command => stem.len() < pattern.len() && !stem.trim_end().contains([' ', '*']),
        Target::Mcp => {
            stem.len() < pattern.len() && stem.split('/').nth(1).is_none_or(str::is_empty)
        }
    }
}

/// Units of those uses that an allow could have come from: to stop the others is no mistake.
fn legitimate_units(uses: &[&Use]) -> u64 {
    let ordinary = uses.iter().filter(|seen| stake(seen.effects) <= RiskLevel::Medium);
    let units: BTreeSet<u32> =
        ordinary.flat_map(|seen| seen.support.units.iter().copied()).collect();
    units.len() as u64
}

fn placed(idx: usize, rule: &Rule) -> PlacedRule {
    PlacedRule {
        pattern: rule.pattern.clone(),
        action: rule.action,
        position: idx as u64 + 1,
        when: rule.when.clone(),
        rule_id: Some(rule.rule_id.clone()).filter(|it| !it.is_empty()),
    }
}

fn new_rule(pattern: &str, action: RuleAction) -> PlacedRule {
    PlacedRule {
        pattern: pattern.to_owned(),
        action,
        position: 0,
        when: When::new(),
        rule_id: None,
    }
}

fn effects(uses: &[&Use]) -> Effects {
    uses.iter().fold(Effects::NONE, |all, it| all.union(it.effects))
}
