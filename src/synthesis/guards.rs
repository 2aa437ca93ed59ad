//! What stands in front of allows: the guard patterns that share a line with what is allowed.
use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use rayon::prelude::*;

use super::{operations, spellings::Spelled};
use crate::{
    clusters::Observation,
    commands::{grammar::lists_subcommands, is_free_builtin},
    policy::{Engine, Pattern, Role, Rule, RuleAction, includes, overlaps},
    risk::{FENCE, Guard, RiskLevel, RoleGuard, prose, role_guards, stake},
};

/// Units from which on what a guard would stop is routine for a role.
pub const MIN_ROUTINE_UNITS: usize = 3;

/// Most programs inside runners that guards are made for; what has none is allowed no wider than proved.
const MAX_INSIDE: usize = 200;

/// One pattern of a guard that stops things.
#[derive(Debug)]
pub(super) struct Stop {
    guard: &'static Guard,
    text: Cow<'static, str>,
    pub(super) pattern: Pattern,
    /// The same without what may stand between binary and subcommand, where the pattern has such a
    /// gap: enough in front of allows that have none.
    plain: Option<(String, Pattern)>,
    /// What the first word must be, where the pattern says anything of it.
    binary: Option<Pattern>,
    /// Whether the forms that a role uses stand in front of it.
    pub(super) is_behind: bool,
    /// Whether one behind stops all of it: needed only for the forms in between.
    is_left: bool,
}

/// Where a line is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Nowhere.
    Nowhere,
    /// Behind the forms that a role uses.
    Behind,
    /// In front of them.
    Front,
}

/// The guard patterns of a role: those that nothing stands in front of, then the others.
#[derive(Debug)]
pub struct Stops {
    patterns: Vec<Stop>,
    /// For each use of the observation, where it is stopped.
    stopped: Vec<Stopped>,
}

/// One pattern of a guard, needed in front of some allows.
#[derive(Clone, Debug)]
pub struct Needed<'a> {
    /// The guard.
    pub guard: &'static Guard,
    /// The pattern.
    pub text: Cow<'a, str>,
    /// Whether the forms that a role uses stand in front of it.
    pub is_behind: bool,
}

impl Needed<'_> {
    /// What its guard is about, in one word: the first part of its id.
    pub fn family(&self) -> &'static str {
        self.guard.id.split('.').next().unwrap_or(self.guard.id)
    }

    /// What it does: what a role does as a matter of routine is asked for rather than refused.
    pub fn action(&self, is_routine: bool) -> RuleAction {
        if is_routine && self.guard.level < RiskLevel::Critical {
            RuleAction::RequireApproval
        } else {
            self.guard.action
        }
    }
}

impl Stops {
    /// Every guard pattern that stops, in the widest form that leaves a role's ordinary work alone;
    /// without those that another one, at least as strict, holds.
    pub fn new(observation: &Observation) -> Self {
        let guards = role_guards();
        let is_wide =
            |guard: &RoleGuard| !guard.wide.is_empty() && !stops_routine(guard, observation);
        let are_wide: Vec<bool> = guards.par_iter().map(is_wide).collect();
        let mut stops = Vec::new();
        for (guard, is_wide) in guards.iter().zip(are_wide) {
            let (front, behind): (&[&str], &[&str]) =
                if is_wide { (guard.wide, &[]) } else { (&guard.narrow, guard.behind) };
            let stop = |&text: &&'static str, is_behind| {
                Stop::new(guard.guard, Cow::Borrowed(text), is_behind)
            };
            stops.extend(front.iter().map(|text| stop(text, false)));
            stops.extend(behind.iter().map(|text| stop(text, true)));
        }
        let through = through_runners(&stops, observation);
        stops.extend(through);
        let mut by_word: BTreeMap<Option<&str>, Vec<(usize, &Stop)>> = BTreeMap::new();
        for (idx, stop) in stops.iter().enumerate().filter(|it| !it.1.is_behind) {
            by_word.entry(stop.pattern.first_word()).or_default().push((idx, stop));
        }
        let is_held = |idx: usize, stop: &Stop| {
            let words = BTreeSet::from([None, stop.pattern.first_word()]);
            let mut others = words.into_iter().filter_map(|it| by_word.get(&it)).flatten();
            others.any(|(other_idx, other)| {
                *other_idx != idx
                    && other.guard.action >= stop.guard.action
                    && includes(&other.pattern, &stop.pattern)
                    && (*other_idx < idx || !includes(&stop.pattern, &other.pattern))
            })
        };
        let held: Vec<bool> = stops.iter().enumerate().map(|(at, it)| is_held(at, it)).collect();
        let kept = stops.into_iter().zip(held).filter(|(_, held)| !held);
        let mut kept: Vec<Stop> = kept.map(|(stop, _)| stop).collect();
        kept.sort_by_key(|stop| stop.is_behind);
        let n_front = kept.partition_point(|it| !it.is_behind);
        let (front, behind) = kept.split_at_mut(n_front);
        for stop in front {
            stop.is_left = behind.iter().any(|it| {
                it.guard.action >= stop.guard.action && includes(&it.pattern, &stop.pattern)
            });
        }
        let stopped = stopped(&kept, observation);
        Self { patterns: kept, stopped }
    }

    /// The patterns in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stop> {
        self.patterns.iter()
    }

    /// Whether an allow is a form in use of what a guard stops: it says less than the guard.
    pub fn is_form(&self, allow: &Pattern) -> bool {
        self.patterns.iter().any(|stop| {
            stop.is_behind && includes(&stop.pattern, allow) && !includes(allow, &stop.pattern)
        })
    }

    /// Whether some pattern is that of a guard, and if so, whether forms in use stand in front of it.
    pub fn is_behind(&self, pattern: &str) -> Option<bool> {
        let is_it = |stop: &&Stop| {
            stop.text == pattern || stop.plain.as_ref().is_some_and(|it| it.0 == pattern)
        };
        self.patterns.iter().find(is_it).map(|it| it.is_behind)
    }

    /// Where each use of the observation is stopped.
    pub(super) fn stopped(&self) -> &[Stopped] {
        &self.stopped
    }

    /// The patterns that share a line with these allows, in order.
    pub(super) fn met(&self, allows: &[Pattern]) -> Vec<Needed<'_>> {
        self.in_front_of(allows, &[], |_| false)
    }

    /// The patterns that these allows need, in order; `forms` are allows that stand in front of the
    /// guards behind, and need none of these.
    ///
    /// Builtins of the shell are allowed without a rule, so that guards which name one are always
    /// needed, unless the role uses the builtin as a matter of routine.
    pub fn needed(
        &self,
        allows: &[Pattern],
        forms: &[Pattern],
        observation: &Observation,
    ) -> Vec<Needed<'_>> {
        self.in_front_of(allows, forms, |stop| stop.is_for_unused_builtin(observation))
    }

    fn in_front_of(
        &self,
        allows: &[Pattern],
        forms: &[Pattern],
        is_always: impl Fn(&Stop) -> bool,
    ) -> Vec<Needed<'_>> {
        let is_needed = |stop: &&'_ Stop| !stop.is_left || forms.iter().any(|it| stop.meets(it));
        let needed = self.patterns.iter().filter(is_needed).filter_map(|stop| {
            let text = stop.text_for(stop.behind_it(allows, forms));
            Some(stop.needed(text.or_else(|| is_always(stop).then_some(&stop.text))?))
        });
        fences(allows.iter().chain(forms)).chain(needed).collect()
    }
}

/// The fences of these allows, see [`Spelled`].
fn fences<'a, 'b>(allows: impl Iterator<Item = &'b Pattern>) -> impl Iterator<Item = Needed<'a>> {
    let fences = allows.filter_map(|it| Spelled::of(it)?.fences);
    let fences: BTreeSet<String> = fences.flat_map(|it| it.1).collect();
    fences.into_iter().map(|text| Needed {
        guard: &FENCE,
        text: Cow::Owned(text),
        is_behind: false,
    })
}

/// Guards of the programs that a role uses through a runner, as they look there: `uv run git push*--force*`.
///
/// Those that begin with a star see past the runner.
fn through_runners(stops: &[Stop], observation: &Observation) -> Vec<Stop> {
    let mut units: BTreeMap<(&str, &str), BTreeSet<u32>> = BTreeMap::new();
    for seen in &observation.uses {
        let inside = seen.stem.runner.as_deref().and_then(|runner| {
            let inside = seen.stem.pattern.strip_prefix(runner)?.strip_prefix(' ')?;
            Some((runner, inside.split(' ').next()?))
        });
        if let Some(inside) = inside {
            units.entry(inside).or_default().extend(&seen.support.units);
        }
    }
    let routine = units.iter().filter(|it| it.1.len() >= MIN_ROUTINE_UNITS);
    let mut routine: Vec<(Reverse<usize>, (&str, &str))> =
        routine.map(|(inside, units)| (Reverse(units.len()), *inside)).collect();
    routine.sort_unstable();
    let inside = routine.into_iter().take(MAX_INSIDE).map(|it| it.1);
    let inside = inside.flat_map(|(runner, program)| {
        let line = Pattern::new(&format!("{program} *"));
        let meets = move |it: &&Stop| !it.text.starts_with('*') && it.meets(&line);
        stops.iter().filter(meets).map(move |it| {
            Stop::new(it.guard, Cow::Owned(format!("{runner} {}", it.text)), it.is_behind)
        })
    });
    inside.collect()
}

/// Where each use is stopped.
fn stopped(stops: &[Stop], observation: &Observation) -> Vec<Stopped> {
    let mut role = Role::new("guards");
    role.default_action = RuleAction::Allow;
    role.rules.extend(stops.iter().map(|stop| {
        let action = if stop.is_behind { RuleAction::RequireApproval } else { RuleAction::Deny };
        Rule::new(&stop.text, action)
    }));
    let engine = Engine::new(&role, &BTreeMap::new());
    let uses = observation.uses.iter().map(|seen| match engine.decide_line(&seen.line).0 {
        RuleAction::Allow => Stopped::Nowhere,
        RuleAction::RequireApproval => Stopped::Behind,
        _ => Stopped::Front,
    });
    uses.collect()
}

/// Whether the wide patterns of a guard stop what a role does as a matter of routine, and the narrow
/// ones do not.
fn stops_routine(guard: &RoleGuard, observation: &Observation) -> bool {
    let compiled = |texts: &[&str]| texts.iter().map(|it| Pattern::new(it)).collect::<Vec<_>>();
    let narrow = compiled(&guard.narrow);
    let prose = compiled(prose());
    let mut units: BTreeSet<u32> = BTreeSet::new();
    for wide in compiled(guard.wide) {
        let more = observation.matched(&wide).filter(|seen| {
            stake(seen.effects) <= RiskLevel::Medium
                && !narrow.iter().chain(&prose).any(|it| it.matches(&seen.line))
        });
        units.extend(more.flat_map(|seen| seen.support.units.iter().copied()));
    }
    units.len() >= MIN_ROUTINE_UNITS
}

impl Stop {
    fn new(guard: &'static Guard, text: Cow<'static, str>, is_behind: bool) -> Self {
        let plain = plain(&text).map(|plain| (plain.clone(), Pattern::new(&plain)));
        let (pattern, binary) = (Pattern::new(&text), binary(&text));
        Self { guard, text, pattern, plain, binary, is_behind, is_left: false }
    }

    /// Those of allows and forms in use that stand behind it.
    pub(super) fn behind_it<'b>(
        &self,
        allows: &'b [Pattern],
        forms: &'b [Pattern],
    ) -> impl Iterator<Item = &'b Pattern> + use<'b> {
        let forms = if self.is_behind { &[] } else { forms };
        allows.iter().chain(forms)
    }

    /// The pattern that these allows need; `None` where they need none.
    fn text_for<'b>(&self, allows: impl Iterator<Item = &'b Pattern>) -> Option<&str> {
        let mut res = None;
        for allow in allows.filter(|it| self.meets(it)) {
            match &self.plain {
                Some((plain, _)) if !has_gap(allow) => res = Some(plain.as_str()),
                // Behind an option, too, the guard has to see past it.
                _ => return Some(&self.text),
            }
        }
        res
    }

    const fn needed<'a>(&'a self, text: &'a str) -> Needed<'a> {
        Needed { guard: self.guard, text: Cow::Borrowed(text), is_behind: self.is_behind }
    }

    /// Whether the pattern names a builtin of the shell that this role hardly uses.
    pub(super) fn is_for_unused_builtin(&self, observation: &Observation) -> bool {
        self.pattern.first_word().filter(|word| is_free_builtin(word)).is_some_and(|word| {
            observation.builtins.get(word).is_none_or(|units| units.len() < MIN_ROUTINE_UNITS)
        })
    }

    /// Whether some line is taken by both the guard and an allow.
    ///
    /// `*latex *` is meant for a binary whose name ends so: it shares nothing with `cat *`.
    pub(super) fn meets(&self, allow: &Pattern) -> bool {
        // Behind its fence an allow with an option is as narrow as the same without.
        let plain = Spelled::of(allow).map(|it| Pattern::new(&it.plain));
        let allow = plain.as_ref().unwrap_or(allow);
        let names = match (&self.binary, allow.first_word()) {
            (Some(binary), Some(word)) => binary.matches(word),
            _ => true,
        };
        let stop = match &self.plain {
            Some((_, plain)) if !has_gap(allow) => plain,
            _ => &self.pattern,
        };
        names && overlaps(allow, stop) && operations::may_be(&self.text, &self.pattern, allow)
    }
}

/// Whether anything may stand between the first word of an allow and what it does: an option, or a star.
pub(super) fn has_gap(allow: &Pattern) -> bool {
    let second = allow.literal_prefix().split_once(' ').map_or("", |(_, rest)| rest);
    second.is_empty() || second.starts_with('-')
}

/// `git push *` for `git *push *`, where the word after the star is a subcommand.
fn plain(text: &str) -> Option<String> {
    let (binary, rest) = text.split_once(" *")?;
    let has_word = rest.starts_with(|ch: char| ch.is_ascii_lowercase());
    (has_word && lists_subcommands(binary)).then(|| format!("{binary} {rest}"))
}

/// The first word of a pattern, where it is more than a star.
fn binary(text: &str) -> Option<Pattern> {
    let (word, _) = text.split_once(' ')?;
    let names = word.chars().any(char::is_alphanumeric) && !word.contains(['/', '\'']);
    (names && !word.ends_with('*')).then(|| Pattern::new(word))
}
