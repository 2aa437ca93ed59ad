//! The proposals for one rule list: what never fires, what is too broad, what is not used, what is
//! missing, and the guards in front.
use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    ChangeKind, Draft, PlacedRule, Why, blocked, doors, environments,
    list::{List, Place, effects, is_broad, legitimate_units, n_knowing, new_rule, placed},
    restores::{Fate, LedgerEntry},
    usage::Usage,
};
use crate::{
    clusters::{Observation, Use},
    evidence::Evidence,
    feedback::Background,
    policy::{Evaluation, Heads, Pattern, Role, RuleAction, Target, When, includes, overlaps},
    risk::{Effects, RiskLevel},
    synthesis::{
        Candidate, Factor, FactorName, Stand, Stops, covered_confidence, fenced, letting,
        quiet_confidence, regret_factor, stop_confidence, unused_confidence,
    },
};

/// The share of what was done under a rule that lets no act through from which on narrower rules may
/// stand for it.
///
/// # Source
/// Our choice: what has no room in one batch is no reason to take away what an earlier one gave.
const MIN_COVERED: f64 = 0.9;

/// Proposes the changes that bring `role` to what the candidates say, in reading order.
///
/// New denies stand in front of everything but for fences, each of which stands right in front of its
/// allow; new allows behind the role's own rules but in front of what asks for all that these do not know,
/// replacements at the place of what they replace; so a rule that a reviewer leaves out never changes what
/// another one says about a line that both match, except through `requires`.
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
        let mut list = List {
            role,
            target,
            rules,
            n_knowing: n_knowing(rules, target),
            in_order: role.evaluation == Evaluation::FirstMatch,
            default_action: role.default_action,
            candidates,
            stops,
            observation,
            background,
            record,
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

    /// Allows over a whole binary, or wider: narrowed to what was used.
    fn too_broad(&mut self) {
        let candidates = self.candidates.clone();
        // Asked for where there is such a rule only, because it takes a proof.
        let letting = LazyCell::new(|| letting(self.role));
        for (idx, rule) in self.rules.iter().enumerate() {
            let is_open = !self.gone.contains(&idx)
                && rule.when.is_empty()
                && rule.action == RuleAction::Allow;
            if !is_open || !is_broad(&rule.pattern, self.target) {
                continue;
            }
            let outer = Pattern::new(&rule.pattern);
            let inner: Vec<&Candidate> = candidates
                .iter()
                .copied()
                .filter(|it| includes(&outer, &Pattern::new(&it.pattern)))
                .collect();
            let is_narrower = inner.iter().all(|it| {
                it.action != RuleAction::Allow || !includes(&Pattern::new(&it.pattern), &outer)
            });
            let uses = self.usage.of(idx, self.observation);
            let narrower: Vec<Pattern> = inner.iter().map(|it| Pattern::new(&it.pattern)).collect();
            let is_inside = |seen: &Use| narrower.iter().any(|it| it.matches(&seen.line));
            // What is not used goes, see below; what lets nothing through stays, unless little is done
            // beside what is narrower.
            let is_command = self.target == Target::Command;
            let lets =
                is_command && !uses.is_empty() && is_narrower && letting.contains(&rule.pattern);
            let is_covered =
                !inner.is_empty() && (!is_command || share(&uses, is_inside) >= MIN_COVERED);
            if !is_narrower || !(lets || is_covered) {
                continue;
            }
            self.gone.insert(idx);
            let evidence = self.evidence(&uses, &inner);
            // What is not likely to come again is no ground for a rule where other things are.
            let (likely, unlikely): (Vec<&Candidate>, Vec<&Candidate>) =
                inner.iter().copied().partition(|it| it.confidence >= self.confidence_threshold);
            let n_single = unlikely.iter().filter(|it| it.evidence.n_units == 1).count() as u64;
            let covered = covered_confidence(n_single, evidence.n_units);
            // Where the next use is likely to be another one, somebody is asked for it.
            let asks = inner.is_empty() || (covered < self.confidence_threshold && lets);
            let (inner, confidence) = match (asks, likely.is_empty()) {
                (true, true) => (likely, self.ask_confidence(&uses)),
                (false, true) => (unlikely, covered),
                (_, false) => (likely, covered),
            };
            let mut draft = self.draft(ChangeKind::Modify, Why::TooBroad { asks }, evidence);
            draft.before = vec![placed(idx, rule)];
            draft.confidence = confidence;
            draft.effects = inner.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
            draft.risk = RiskLevel::High;
            let later = self.rules.iter().take(self.n_knowing).skip(idx + 1);
            let later = later.filter(|it| !it.action.passes());
            let later: Vec<Pattern> = later.map(|it| Pattern::new(&it.pattern)).collect();
            let place = |it: &Candidate, pattern: &str| {
                self.in_front(it).unwrap_or_else(|| {
                    let is_free = || !later.iter().any(|it| overlaps(it, &Pattern::new(pattern)));
                    let fenced = self.fenced_place(pattern).filter(|_| is_free());
                    fenced.unwrap_or(Place::Before(idx))
                })
            };
            let mut after: Vec<(Place, PlacedRule)> = Vec::new();
            for it in &inner {
                let patterns = std::iter::once(&it.pattern).chain(&it.spellings);
                after.extend(patterns.map(|text| (place(it, text), new_rule(text, it.action))));
            }
            after.sort_by_key(|(_, rule)| std::cmp::Reverse(rule.action));
            if asks {
                after.push((Place::Last, new_rule(&rule.pattern, RuleAction::RequireApproval)));
            }
            self.push(draft, after);
        }
    }

    /// Probability that asking for all of some uses keeps nobody from what an allow could have come from.
    fn ask_confidence(&self, uses: &[&Use]) -> f64 {
        match legitimate_units(uses) {
            0 => quiet_confidence(RuleAction::RequireApproval, self.n_units()),
            n_asked => stop_confidence(n_asked),
        }
    }

    /// Allows that decided nothing in the window. What came in its second half is too young to tell.
    fn unused(&mut self) {
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
            if is_used || is_young {
                continue;
            }
            self.gone.insert(idx);
            let mut draft = self.draft(ChangeKind::Remove, Why::Unused, Evidence::default());
            draft.before = vec![placed(idx, rule)];
            let support = unused_confidence(self.n_units());
            draft.confidence = (support * regret * 100.0).round() / 100.0;
            draft.factors = vec![
                Factor::new(FactorName::Support, support),
                Factor::new(FactorName::Regret, regret),
            ];
            draft.risk = RiskLevel::Medium;
            self.push(draft, Vec::new());
        }
    }

    /// What was seen and no rule allows.
    fn missing(&mut self) {
        let candidates = self.candidates.clone();
        let mut taken = Taken::default();
        for (idx, rule) in self.rules.iter().enumerate() {
            if !self.gone.contains(&idx) {
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
            let when = split.as_ref().map(environments::when).unwrap_or_default();
            let held = taken.0.around(&pattern).any(|(outer, (action, held_when))| {
                (held_when.is_empty() || *held_when == when)
                    && includes(outer, &pattern)
                    && ((*action == candidate.action && in_front.is_none())
                        || action.is_stop()
                        || includes(&pattern, outer))
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
            for spelled in std::iter::once(&candidate.pattern).chain(&candidate.spellings) {
                taken.take(spelled, candidate.action, &when);
            }
            self.add(candidate, why, place, &when);
        }
        // A role that lets through or asks what it does not know needs no rule for it.
        let is_refused = self.default_action > RuleAction::RequireApproval;
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
        let spelled = std::iter::once(&candidate.pattern).chain(&candidate.spellings);
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
    /// keep one of the role's own rules from stopping something.
    fn in_front(&self, candidate: &Candidate) -> Option<Place> {
        let place = match candidate.stand {
            Stand::Prose => Place::Prose,
            Stand::Form => Place::Form,
            Stand::Open | Stand::Rest => return None,
        };
        let allow = Pattern::new(&candidate.pattern);
        let own = self.rules.iter().take(self.n_knowing).filter(|rule| !rule.action.passes());
        let is_free = !own.map(|it| Pattern::new(&it.pattern)).any(|it| overlaps(&it, &allow));
        is_free.then_some(place)
    }
}

/// The share of the units of some uses that are of these.
fn share(uses: &[&Use], is_it: impl Fn(&Use) -> bool) -> f64 {
    let n_units = |seen: &&Use| seen.support.n_units();
    let n_these: usize = uses.iter().copied().filter(|it| is_it(it)).map(|it| n_units(&it)).sum();
    let n_all: usize = uses.iter().map(n_units).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let share = n_these as f64 / n_all.max(1) as f64;
    share
}

/// Rules that are there or proposed, each with its action and condition.
#[derive(Default)]
struct Taken(Heads<(RuleAction, When)>);

impl Taken {
    fn take(&mut self, pattern: &str, action: RuleAction, when: &When) {
        self.0.add(Pattern::new(pattern), (action, when.clone()));
    }
}
