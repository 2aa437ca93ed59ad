//! The guards that stand in front of what a finished role allows.
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{
    ChangeKind, Why,
    list::{List, Place, effects, new_rule},
    usage::InOrder,
};
use crate::{
    clusters::Use,
    evidence::Evidence,
    policy::{Access, Pattern, Rule, RuleAction, Target, When, access_of, includes, overlaps},
    risk::RiskLevel,
    synthesis::{MIN_ROUTINE_UNITS, Needed},
};

/// An allow that stands in front of guards.
struct ShownForm {
    /// The draft that it comes with; `None` for one of the role's own.
    draft: Option<usize>,
    place: Place,
    pattern: Pattern,
    /// How far what it lets through may go, where it says so.
    access: Option<Access>,
}

impl ShownForm {
    /// Whether its condition holds for a use.
    fn takes(&self, seen: &Use) -> bool {
        self.access.is_none() || seen.access == self.access
    }
}

impl List<'_> {
    /// Guard denies that the allows of the finished role need, one change a family.
    pub(super) fn guards(&mut self) {
        if self.target != Target::Command {
            return;
        }
        // What asks at the end stops nothing that is allowed in front of it.
        let knowing = self.rules.iter().take(self.n_knowing);
        let kept = knowing.enumerate().filter(|(idx, _)| !self.gone.contains(idx));
        let mut rules: Vec<Rule> = kept.map(|(_, rule)| rule.clone()).collect();
        let shown = self.drafts.iter().filter(|it| it.is_shown(self.confidence_threshold));
        let new = shown.flat_map(|draft| &draft.after);
        // Guards are no forms: these stay the same while guards are drafted.
        let mut in_front = self.shown_forms();
        in_front.extend(self.own_forms());
        let forms = in_front.iter().filter(|it| it.place == Place::Form);
        let forms: Vec<Pattern> = forms.map(|it| it.pattern.clone()).collect();
        // What goes no further needs no guard.
        let guarded = |pattern: &str, action: RuleAction, when: &When| {
            (action.passes() && access_of(when).is_none()).then(|| Pattern::new(pattern))
        };
        let new_allows = new.filter_map(|it| guarded(&it.pattern, it.action, &it.when));
        let own = rules.iter().filter_map(|it| guarded(&it.pattern, it.action, &it.when));
        let all = own.chain(new_allows);
        let allows: Vec<Pattern> = all.filter(|it| !forms.contains(it)).collect();
        rules.retain(|rule| !rule.action.passes() && rule.when.is_empty());
        let stopped: Vec<Pattern> = rules.iter().map(|it| Pattern::new(&it.pattern)).collect();
        let is_there = |stop: &Pattern| stopped.iter().any(|deny| includes(deny, stop));
        let mut families: BTreeMap<&str, Vec<Needed<'_>>> = BTreeMap::new();
        for needed in self.stops.needed(&allows, &forms, self.observation) {
            if !is_there(&Pattern::new(&needed.text)) {
                families.entry(needed.family()).or_default().push(needed);
            }
        }
        let front = self.rules.iter().take(self.front.n_front);
        let front = front.filter(|it| !it.action.passes() && it.when.is_empty());
        let front: Vec<Pattern> = front.map(|it| Pattern::new(&it.pattern)).collect();
        let n_before = self.drafts.len();
        for guards in families.into_values() {
            self.guard(&guards, &in_front, &front);
        }
        let threshold = self.confidence_threshold;
        let (allowing, guarding) = self.drafts.split_at_mut(n_before);
        let guarding: Vec<Vec<Pattern>> = guarding
            .iter()
            .map(|draft| draft.after.iter().map(|rule| Pattern::new(&rule.pattern)).collect())
            .collect();
        for draft in allowing.iter_mut().filter(|it| it.is_shown(threshold)) {
            let allows = draft.after.iter();
            let allows = allows.filter_map(|it| guarded(&it.pattern, it.action, &it.when));
            let allows: Vec<Pattern> = allows.collect();
            let meets = |guards: &Vec<Pattern>| {
                guards.iter().any(|guard| allows.iter().any(|allow| overlaps(allow, guard)))
            };
            let required = guarding.iter().enumerate().filter(|(_, guards)| meets(guards));
            draft.requires = required.map(|(idx, _)| n_before + idx).collect();
        }
        self.keep_forms(n_before);
    }

    /// A guard requires the forms in use that stand in front of it, where the role lets these pass as it
    /// is: without them it would stop what it does not name.
    fn keep_forms(&mut self, n_before: usize) {
        let in_order = InOrder::new(self.rules);
        let passes = |line: &str| in_order.decide(line).unwrap_or(self.default_action).passes();
        let mut forms: Vec<(usize, Vec<&str>)> = Vec::new();
        for form in self.shown_forms() {
            let taken = self.observation.matched(&form.pattern).filter(|it| form.takes(it));
            let lines = taken.map(|it| it.line.as_str());
            let lines: Vec<&str> = lines.filter(|it| passes(it)).collect();
            if !lines.is_empty() {
                forms.extend(form.draft.map(|draft| (draft, lines)));
            }
        }
        for guard in self.drafts.iter_mut().skip(n_before) {
            let patterns: Vec<Pattern> =
                guard.after.iter().map(|it| Pattern::new(&it.pattern)).collect();
            let stops = |line: &&str| patterns.iter().any(|it| it.matches(line));
            let stopped = forms.iter().filter(|(_, lines)| lines.iter().any(stops));
            guard.requires.extend(stopped.map(|(form, _)| *form));
            guard.requires.sort_unstable();
            guard.requires.dedup();
        }
    }

    /// Forms in use that are shown.
    fn shown_forms(&self) -> Vec<ShownForm> {
        let is_form = |place| matches!(place, Place::Prose | Place::Head | Place::Form);
        let forms = self.placed.iter().filter(|it| is_form(it.0));
        let forms = forms.filter_map(|&(place, at, idx)| {
            let draft = self.drafts.get(at)?;
            let is_shown = draft.is_shown(self.confidence_threshold);
            let rule = draft.after.get(idx).filter(|_| is_shown)?;
            let (pattern, access) = (Pattern::new(&rule.pattern), access_of(&rule.when));
            Some(ShownForm { draft: Some(at), place, pattern, access })
        });
        forms.collect()
    }

    /// The role's own allows that stay, each with its place among the rules.
    fn own_allows(&self) -> impl Iterator<Item = (usize, &Rule, Pattern)> {
        let own = self.rules.iter().take(self.n_knowing).enumerate();
        let own = own.filter(|(at, rule)| !self.gone.contains(at) && rule.action.passes());
        own.map(|(at, rule)| (at, rule, Pattern::new(&rule.pattern)))
    }

    /// The role's own rules of this kind.
    fn own_forms(&self) -> Vec<ShownForm> {
        let n_front = self.front.n_front;
        let forms = self.own_allows().filter_map(|(at, rule, pattern)| {
            let is_form = rule.when.is_empty() && self.stops.is_form(&pattern);
            let place =
                if at < n_front { Some(Place::Prose) } else { is_form.then_some(Place::Form) };
            Some(ShownForm { draft: None, place: place?, pattern, access: access_of(&rule.when) })
        });
        forms.collect()
    }

    /// Where guards stand that the role's own forms in use stand in front of: behind the last of these that
    /// they would stop, unless they have to stop some other allow before it.
    fn behind(&self, stop: &Pattern) -> Place {
        let met = self.own_allows().filter(|(.., pattern)| overlaps(pattern, stop));
        let forms = met.take_while(|(_, rule, pattern)| {
            access_of(&rule.when).is_some() || self.stops.is_form(pattern)
        });
        forms.last().map_or(Place::Behind, |(at, ..)| Place::Before(at + 1))
    }

    /// The guard patterns of a family: one change with those that stopped nothing in the window,
    /// another with those that would have, because a reviewer weighs these two differently. What `front`
    /// stops, the role stops already.
    fn guard(&mut self, stops: &[Needed<'_>], forms: &[ShownForm], front: &[Pattern]) {
        let observation = self.observation;
        let found: Vec<(&Needed<'_>, Vec<&Use>)> = stops
            .par_iter()
            .map(|stop| {
                let fenced = self.fence_place(&stop.text).map_or_else(Vec::new, |it| it.1);
                let is_decided_before = |seen: &&Use| {
                    let mut before =
                        forms.iter().filter(|it| stop.is_behind || it.place != Place::Form);
                    before.any(|it| it.takes(seen) && it.pattern.matches(&seen.line))
                        || front.iter().any(|it| it.matches(&seen.line))
                        || fenced.iter().any(|it| it.matches(&seen.line))
                };
                let pattern = Pattern::new(&stop.text);
                let uses = observation.matched(&pattern).filter(|seen| !is_decided_before(seen));
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
                let action = stop.action(units.len() >= MIN_ROUTINE_UNITS);
                risk = risk.max(guard.level);
                // The confidence of a change of several rules is their mean.
                sum += self.stopping_confidence(action, uses);
                titles.insert(guard.title.to_owned());
                techniques.extend(guard.techniques.iter().map(|&it| it.to_owned()));
                stopped.extend(units);
                hits.extend(uses.iter().map(|&seen| (seen.line.as_str(), seen)));
                let place = match self.fence_place(&stop.text) {
                    Some((place, _)) => place,
                    None if stop.is_behind => self.behind(&Pattern::new(&stop.text)),
                    None => Place::Front,
                };
                after.push((place, new_rule(&stop.text, action)));
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
}
