//! The proposals for one rule list: what never fires, what is too broad, what is not used, what is
//! missing, and the guards in front.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    ChangeKind, Draft, PlacedRule, Why, blocked, doors, environments,
    list::{
        Front, List, Place, effects, legitimate_units, n_knowing, new_rule, own_guards, placed,
    },
    restores::{Fate, LedgerEntry},
    usage::Usage,
};
use crate::{
    clusters::{Observation, Use},
    evidence::Evidence,
    feedback::Background,
    policy::{
        Access, Evaluation, Heads, Pattern, Role, Rule, RuleAction, Target, When, includes,
        overlaps,
    },
    risk::RiskLevel,
    synthesis::{
        Candidate, Factor, FactorName, Stand, Stops, fenced, regret_factor, stop_confidence,
        unused_confidence,
    },
};

/// Proposes the changes that bring `role` to what the candidates say, in reading order.
///
/// New denies stand in front of everything but for the stops that a role begins with, and for fences, each
/// of which stands right in front of its allow; new allows behind the role's own rules but in front of what
/// asks for all that these do not know, replacements at the place of what they replace; so a rule that a
/// reviewer leaves out never changes what another one says about a line that both match, except through
/// `requires`.
///
/// `ledger` tells what became of rules that went away before: where they were missed, others are less
/// likely to be right to go.
///
/// Guards are those of the changes with at least `confidence_threshold`, 0 to 1: others are not shown.
pub fn propose(
    role: &Role,
    candidates: &[Candidate],
    stops: &Stops,
    observation: &Observation,
    background: &Background,
    ledger: &[LedgerEntry],
    confidence_threshold: f64,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let n_missed = ledger.iter().filter(|it| it.fate != Fate::Quiet).count();
    let record = (ledger.len() as u64, n_missed as u64);
    let doors = doors::open_doors(role, candidates, observation);
    let is_closed = |it: &&Candidate| {
        doors.iter().any(|door| door.closes(it)) || blocked::is_of_blocked(it, background)
    };
    let candidates: Vec<&Candidate> = candidates.iter().filter(|it| !is_closed(it)).collect();
    let open = blocked::open(role, &candidates, background);
    for target in [Target::Command, Target::Mcp] {
        let rules = role.list(target);
        let candidates: Vec<&Candidate> =
            candidates.iter().copied().filter(|it| it.target == target).collect();
        let first = drafts.len();
        let own_guards = own_guards(rules, stops, background);
        let n_knowing = n_knowing(rules, target);
        let mut list = List {
            role,
            target,
            rules,
            n_knowing,
            in_order: role.evaluation == Evaluation::FirstMatch,
            default_action: role.default_action,
            candidates,
            stops,
            observation,
            background,
            record,
            front: Front::of(rules.get(..n_knowing).unwrap_or(rules), &own_guards),
            own_guards,
            confidence_threshold,
            usage: Usage::new(if target == Target::Command { rules } else { &[] }, observation),
            placed: Vec::new(),
            drafts: Vec::new(),
            gone: BTreeSet::new(),
            proposed: BTreeMap::new(),
            fenced: Vec::new(),
        };
        list.fenced = fenced(list.candidates.iter().copied(), observation);
        list.block(&open);
        list.close(&doors);
        list.never_firing();
        list.too_broad();
        list.unused();
        list.restore();
        list.missing();
        list.guards();
        list.require_blocks();
        list.require_rest();
        list.require_known();
        list.price();
        drafts.extend(list.finish(first));
    }
    drafts
}

impl<'a> List<'a> {
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

    /// Allows that decided nothing in the window. What came in its second half is too young to tell, and
    /// what would be proposed now, beside a narrower form that takes all of its use, is wanted.
    fn unused(&mut self) {
        let likely = self
            .candidates
            .iter()
            .filter(|it| it.action.passes() && it.confidence >= self.confidence_threshold);
        let wanted: BTreeSet<&str> =
            likely.flat_map(|it| it.patterns()).map(String::as_str).collect();
        let regret = regret_factor(self.record.0, self.record.1);
        let middle = self.observation.first.zip(self.observation.last);
        let middle = middle.map(|(first, last)| first.plus_hours(last.hours_since(first) / 2.0));
        for (idx, rule) in self.rules.iter().enumerate() {
            if self.gone.contains(&idx) || !rule.action.passes() || !rule.when.is_empty() {
                continue;
            }
            let is_used = match self.target {
                Target::Command => self.usage.by_rule.get(idx).is_some_and(|uses| !uses.is_empty()),
                Target::Mcp => {
                    let pattern = Pattern::new(&rule.pattern);
                    let mut tools = self.observation.mcp_uses.iter();
                    tools.any(|it| pattern.matches(&it.name()))
                }
            };
            let since = self.background.since.get(&(self.target, rule.pattern.clone()));
            // What is younger than the window says when somebody wrote it down here, not when it began.
            let is_young = since
                .zip(middle)
                .zip(self.observation.last)
                .is_some_and(|((since, middle), last)| *since > middle && *since <= last);
            if is_used || is_young || wanted.contains(rule.pattern.as_str()) {
                continue;
            }
            let mut draft = self.draft(ChangeKind::Remove, Why::Unused, Evidence::default());
            draft.before = vec![placed(idx, rule)];
            let support = unused_confidence(self.n_units());
            draft.confidence = (support * regret * 100.0).round() / 100.0;
            draft.factors = vec![
                Factor::new(FactorName::Support, support),
                Factor::new(FactorName::Regret, regret),
            ];
            draft.risk = RiskLevel::Medium;
            self.push_away(idx, draft, Vec::new());
        }
    }

    /// What was seen and no rule allows.
    fn missing(&mut self) {
        let candidates = self.candidates.clone();
        let mut taken = Taken::default();
        for (idx, rule) in self.rules.iter().enumerate() {
            // What is refused at the end is refused by no rule that knows it.
            let is_default = idx >= self.n_knowing && rule.action.is_stop();
            if !self.gone.contains(&idx) && !is_default {
                taken.take(&rule.pattern, rule.action, &rule.when);
            }
        }
        for rule in self.drafts.iter().flat_map(|draft| &draft.after) {
            taken.take(&rule.pattern, rule.action, &rule.when);
        }
        // Wide patterns first, so that what they hold is not proposed again.
        let is_rest = |it: &&Candidate| it.stand == Stand::Rest;
        let (rest, mut ordered): (Vec<&Candidate>, Vec<&Candidate>) =
            candidates.iter().copied().partition(is_rest);
        ordered
            .sort_by_key(|it| (std::cmp::Reverse(it.action), it.pattern.len(), it.pattern.clone()));
        let mut allows = Heads::default();
        for candidate in candidates.iter().filter(|it| it.action == RuleAction::Allow) {
            allows.add(Pattern::new(&candidate.pattern), ());
        }
        for candidate in ordered {
            let pattern = Pattern::new(&candidate.pattern);
            let in_front = self.in_front(candidate);
            let split = environments::split(candidate, self.observation, self.background);
            let mut when = split.as_ref().map(environments::when).unwrap_or_default();
            when.extend(candidate.when.clone());
            let held = taken.0.around(&pattern).any(|(outer, (action, held_when))| {
                (held_when.is_empty() || *held_when == when)
                    && includes(outer, &pattern)
                    && ((*action == candidate.action && in_front.is_none())
                        || action.is_stop()
                        // To ask for all of it leaves what is known to go no further to be allowed.
                        || (includes(&pattern, outer)
                            && (*held_when == when || candidate.access().is_none())))
            });
            if held {
                continue;
            }
            let is_wide = allows.within(&pattern).any(|(allow, ())| includes(&pattern, allow));
            let (why, place) = match candidate.action {
                RuleAction::Allow => {
                    let why = Why::Routine { n_one_offs: candidate.n_one_offs, split };
                    (why, in_front.unwrap_or(Place::End))
                }
                _ if is_wide => (Why::NeedsApproval, Place::Last),
                _ => (Why::NeedsApproval, Place::Approvals),
            };
            for spelled in candidate.patterns() {
                taken.take(spelled, candidate.action, &when);
            }
            self.add(candidate, why, place, &when);
        }
        // A role that lets through or asks what it does not know needs no rule for it.
        let is_refused = self.unknown_action() > RuleAction::RequireApproval;
        let everything = Pattern::new("*");
        for candidate in rest {
            let mut always = taken.0.around(&everything).filter(|(_, (_, when))| when.is_empty());
            if is_refused && !always.any(|(outer, ..)| includes(outer, &everything)) {
                self.add(candidate, Why::Unknown, Place::Last, &When::new());
            }
        }
    }

    fn add(&mut self, candidate: &'a Candidate, why: Why, place: Place, when: &When) {
        let mut draft = self.draft(ChangeKind::Add, why, candidate.evidence.clone());
        draft.confidence = candidate.confidence;
        draft.factors.clone_from(&candidate.factors);
        draft.risk = candidate.risk;
        draft.effects = candidate.effects;
        let spelled = candidate.patterns();
        let after = spelled.map(|it| {
            let rule = new_rule(it, candidate.action);
            let fenced = self.fenced_place(it).filter(|_| place == Place::End);
            (fenced.unwrap_or(place), PlacedRule { when: when.clone(), ..rule })
        });
        let after = after.collect();
        self.proposed.insert(self.drafts.len(), candidate);
        self.push(draft, after);
    }

    /// Where an allow stands in front of guards; `None` where it stands behind them all, or would
    /// keep one of the role's own rules from stopping something that a person wants stopped.
    pub(super) fn in_front(&self, candidate: &Candidate) -> Option<Place> {
        let Front { n_head, n_front } = self.front;
        // In every spelling: the fences of one may be among the role's own rules, too.
        let allows: Vec<Pattern> = candidate.patterns().map(|it| Pattern::new(it)).collect();
        // Asking is for what is not known, and what only looks is.
        let stands = |rule: &&Rule| match rule.action {
            RuleAction::RequireApproval => candidate.access() != Some(Access::Read),
            action => !action.passes(),
        };
        let is_free_of = |n_before: usize, is_over: &dyn Fn(bool) -> bool| {
            let own = self.rules.iter().zip(&self.own_guards).take(self.n_knowing).skip(n_before);
            let own = own.filter(|it| stands(&it.0) && !it.1.is_some_and(is_over));
            let mut own = own.map(|it| Pattern::new(&it.0.pattern));
            !own.any(|it| allows.iter().any(|allow| overlaps(&it, allow)))
        };
        match candidate.stand {
            Stand::Prose if is_free_of(0, &|_| true) => Some(Place::Prose),
            Stand::Prose => is_free_of(n_head, &|_| true).then_some(Place::Head),
            Stand::Form => is_free_of(n_front, &|is_behind| is_behind).then_some(Place::Form),
            Stand::Open | Stand::Rest => None,
        }
    }
}

/// Rules that are there or proposed, each with its action and condition.
#[derive(Default)]
struct Taken(Heads<(RuleAction, When)>);

impl Taken {
    fn take(&mut self, pattern: &str, action: RuleAction, when: &When) {
        self.0.add(Pattern::new(pattern), (action, when.clone()));
    }
}
