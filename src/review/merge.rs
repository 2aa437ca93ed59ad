//! The revision that follows: a role, and the accepted changes of a batch.
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    batch::{Change, ChangeState, PlacedRule, SuggestionBatch, Target},
    policy::{RiskLevel, Role, Rule},
};

/// Why an accepted change does not fit the role any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A rule that the change would replace or remove is not there any more.
    #[error("change {ordinal} is about rule `{pattern}` ({rule_id}), which has been removed since")]
    Gone {
        /// The change.
        ordinal: u64,
        /// The rule.
        rule_id: String,
        /// Its pattern, as the batch knew it.
        pattern: String,
    },
    /// A rule that the change would replace or remove says something else now.
    #[error("change {ordinal} is about rule `{pattern}` ({rule_id}), which is `{now}` since")]
    Altered {
        /// The change.
        ordinal: u64,
        /// The rule.
        rule_id: String,
        /// Its pattern, as the batch knew it.
        pattern: String,
        /// Its pattern and action now.
        now: String,
    },
    /// Rules were put in another order, so that the place of a new rule is not known any more.
    #[error(
        "change {ordinal} has its place among rules whose order has changed since, first `{pattern}` ({rule_id})"
    )]
    Reordered {
        /// The change.
        ordinal: u64,
        /// The first rule out of its order.
        rule_id: String,
        /// Its pattern.
        pattern: String,
    },
}

/// One place in the merged list.
#[derive(Clone, Debug)]
enum Slot<'a> {
    /// A rule of the base revision, by its place there.
    Old(usize),
    /// A rule of a change.
    New(&'a Change, &'a PlacedRule),
    /// A rule of the role as it is now that the base revision did not have.
    Since(&'a Rule),
}

/// The role after the accepted and modified changes of `batch`, which was made for `base`.
///
/// The merged list holds the rules of `base` and every new rule of the batch, at its position. What
/// stays of it: all but the `before` of applied changes and the `after` of the others. A modified
/// change has its own rules in the places of the proposed, more of them next to the last.
///
/// Where `current` has moved on from `base`, its other differences stay: rules that came keep their
/// place right after their predecessor, rules that went stay away, rules that changed stay changed.
///
/// New rules have no id yet; all else but the rules is that of `current`.
///
/// # Errors
/// Every conflict, in the order of the changes.
pub fn merge(base: &Role, current: &Role, batch: &SuggestionBatch) -> Result<Role, Vec<Conflict>> {
    let mut conflicts: Vec<Conflict> = Vec::new();
    let mut role = current.clone();
    for target in Target::ALL {
        let changes: Vec<&Change> =
            batch.changes.iter().filter(|it| it.target == *target).collect();
        let (base, current, merged) = match target {
            Target::Command => (&base.rules, &current.rules, &mut role.rules),
            Target::Mcp => (&base.mcp_rules, &current.mcp_rules, &mut role.mcp_rules),
        };
        *merged = merge_list(base, current, &changes, &mut conflicts);
    }
    conflicts.sort_by_key(Conflict::ordinal);
    if conflicts.is_empty() { Ok(role) } else { Err(conflicts) }
}

fn merge_list(
    base: &[Rule],
    current: &[Rule],
    changes: &[&Change],
    conflicts: &mut Vec<Conflict>,
) -> Vec<Rule> {
    let now: BTreeMap<&str, &Rule> = current.iter().map(|it| (it.rule_id.as_str(), it)).collect();
    let applied: Vec<&&Change> = changes.iter().filter(|it| it.state.goes_in()).collect();
    let mut leaving: BTreeSet<&str> = BTreeSet::new();
    for change in &applied {
        for before in &change.before {
            match about(base, before) {
                Some(rule) => {
                    leaving.insert(rule.rule_id.as_str());
                    conflicts.extend(conflict(change, before, now.get(rule.rule_id.as_str())));
                }
                None => conflicts.push(gone(change, before)),
            }
        }
    }
    if let Some(rule) = out_of_order(base, current) {
        let placed = applied.iter().filter(|it| !comes(it).is_empty());
        conflicts.extend(placed.map(|it| Conflict::Reordered {
            ordinal: it.ordinal,
            rule_id: rule.rule_id.clone(),
            pattern: rule.pattern.clone(),
        }));
    }
    let mut res: Vec<Rule> = Vec::new();
    let mut since: Vec<&Rule> = Vec::new();
    for slot in with_since(slots(base, changes), base, current) {
        match slot {
            Slot::Old(idx) => {
                let Some(rule) = base.get(idx) else { continue };
                // What is altered stays altered, what is gone stays away.
                let kept = now.get(rule.rule_id.as_str());
                res.extend(
                    kept.filter(|it| !leaving.contains(it.rule_id.as_str()))
                        .map(|it| (*it).clone()),
                );
            }
            Slot::Since(rule) => {
                since.push(rule);
                res.push(rule.clone());
            }
            Slot::New(change, rule) if change.state.goes_in() => {
                let new = Rule { risk: declared(change, base, &now), ..new_rule(rule) };
                // Somebody wrote the same rule by hand meanwhile: once is enough.
                let is_there = since.iter().any(|it| alike(it, rule));
                res.extend((!is_there).then_some(new));
            }
            Slot::New(..) => (),
        }
    }
    res
}

/// The merged list: new rules at their positions, the base's rules in the places that are left.
fn slots<'a>(base: &[Rule], changes: &[&'a Change]) -> Vec<Slot<'a>> {
    let mut placed: Vec<(u64, &'a Change, &'a [PlacedRule])> = Vec::new();
    // A reviewer's rules for a change that only takes away stand where its rule stood.
    let mut instead: BTreeMap<usize, Vec<Slot<'a>>> = BTreeMap::new();
    for change in changes {
        placed.extend(places(change).map(|(at, rules)| (at, *change, rules)));
        if change.after.is_empty() {
            let rule = change.before.first().and_then(|it| about(base, it));
            let at = base.iter().position(|it| Some(it) == rule).unwrap_or(0);
            let rules = comes(change).iter().map(|it| Slot::New(change, it));
            instead.entry(at).or_default().extend(rules);
        }
    }
    placed.sort_by_key(|(at, change, _)| (*at, change.ordinal));
    let mut res = Vec::new();
    let mut old = (0..base.len()).map(|idx| {
        let mut slots = instead.remove(&idx).unwrap_or_default();
        slots.push(Slot::Old(idx));
        slots
    });
    let mut at = 1;
    for (position, change, rules) in placed {
        while at < position {
            let Some(slots) = old.next() else { break };
            res.extend(slots);
            at += 1;
        }
        res.extend(rules.iter().map(|rule| Slot::New(change, rule)));
        // A place counts once, however many rules a reviewer puts into it.
        at += 1;
    }
    res.extend(old.flatten());
    res
}

/// The places of a change in the merged list, each with the rules that stand there: one for one,
/// what is over with the last.
fn places(change: &Change) -> impl Iterator<Item = (u64, &[PlacedRule])> {
    let rules = comes(change);
    change.after.iter().enumerate().map(move |(idx, after)| {
        let is_last = idx + 1 == change.after.len();
        let end = if is_last { rules.len() } else { rules.len().min(idx + 1) };
        (after.position, rules.get(idx.min(end)..end).unwrap_or_default())
    })
}

/// Puts the rules that `current` has and `base` had not right after their predecessors.
fn with_since<'a>(slots: Vec<Slot<'a>>, base: &[Rule], current: &'a [Rule]) -> Vec<Slot<'a>> {
    let known: BTreeMap<&str, usize> =
        base.iter().enumerate().map(|(idx, it)| (it.rule_id.as_str(), idx)).collect();
    let mut after: BTreeMap<Option<usize>, Vec<&'a Rule>> = BTreeMap::new();
    let mut predecessor = None;
    for rule in current {
        match known.get(rule.rule_id.as_str()) {
            Some(idx) => predecessor = Some(*idx),
            None => after.entry(predecessor).or_default().push(rule),
        }
    }
    let mut take = |place| after.remove(&place).unwrap_or_default().into_iter().map(Slot::Since);
    let mut res: Vec<Slot<'a>> = take(None).collect();
    for slot in slots {
        let place = if let Slot::Old(idx) = slot { Some(idx) } else { None };
        res.push(slot);
        res.extend(place.into_iter().flat_map(|idx| take(Some(idx))));
    }
    res
}

/// The first rule of `current` that stands before one which `base` has before it.
fn out_of_order<'a>(base: &[Rule], current: &'a [Rule]) -> Option<&'a Rule> {
    let known: BTreeMap<&str, usize> =
        base.iter().enumerate().map(|(idx, it)| (it.rule_id.as_str(), idx)).collect();
    let mut last = None;
    current.iter().find(|rule| {
        let Some(idx) = known.get(rule.rule_id.as_str()).copied() else { return false };
        let early = last.is_some_and(|last| idx < last);
        last = last.max(Some(idx));
        early
    })
}

/// The rule of the base revision that a change means: by id, else by what it says.
fn about<'a>(base: &'a [Rule], before: &PlacedRule) -> Option<&'a Rule> {
    match &before.rule_id {
        Some(id) => base.iter().find(|it| it.rule_id == *id),
        None => base.iter().find(|it| alike(it, before)),
    }
}

fn conflict(change: &Change, before: &PlacedRule, now: Option<&&Rule>) -> Option<Conflict> {
    match now {
        None => Some(gone(change, before)),
        Some(now) if !alike(now, before) => Some(Conflict::Altered {
            ordinal: change.ordinal,
            rule_id: now.rule_id.clone(),
            pattern: before.pattern.clone(),
            now: format!("{} {}", now.action, now.pattern),
        }),
        Some(_) => None,
    }
}

fn gone(change: &Change, before: &PlacedRule) -> Conflict {
    Conflict::Gone {
        ordinal: change.ordinal,
        rule_id: before.rule_id.clone().unwrap_or_default(),
        pattern: before.pattern.clone(),
    }
}

/// The rules that come with a change: the reviewer's, where there are any.
fn comes(change: &Change) -> &[PlacedRule] {
    match &change.modified_after {
        Some(after) if change.state == ChangeState::Modified => after,
        _ => &change.after,
    }
}

fn alike(rule: &Rule, placed: &PlacedRule) -> bool {
    rule.pattern == placed.pattern && rule.action == placed.action && rule.when == placed.when
}

fn new_rule(placed: &PlacedRule) -> Rule {
    Rule {
        rule_id: String::new(),
        pattern: placed.pattern.clone(),
        action: placed.action,
        when: placed.when.clone(),
        risk: None,
        rationale: None,
    }
}

/// The greatest risk that the rules declare which a change takes the place of: what comes for them
/// keeps it.
fn declared(change: &Change, base: &[Rule], now: &BTreeMap<&str, &Rule>) -> Option<RiskLevel> {
    let about = change.before.iter().filter_map(|it| about(base, it));
    about.filter_map(|it| now.get(it.rule_id.as_str())?.risk).max()
}

impl Conflict {
    /// The change that does not fit.
    pub const fn ordinal(&self) -> u64 {
        match self {
            Self::Gone { ordinal, .. }
            | Self::Altered { ordinal, .. }
            | Self::Reordered { ordinal, .. } => *ordinal,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
