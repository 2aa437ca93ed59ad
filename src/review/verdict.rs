//! Verdicts on changes, and what follows for those that require each other.
use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    batch::{BatchStatus, Change, ChangeState, Level, PlacedRule, SuggestionBatch},
    policy::RuleAction,
};

/// What a reviewer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// These changes go in as proposed; all that are pending where none is named.
    Accept {
        /// Ordinals.
        changes: Vec<u64>,
    },
    /// These changes do not go in; all that are not decided where none is named.
    Reject {
        /// Ordinals.
        changes: Vec<u64>,
        /// Why, in the reviewer's words.
        reason: Option<String>,
    },
    /// This change goes in with other rules in the place of those it proposes.
    Modify {
        /// Ordinal.
        change: u64,
        /// The reviewer's patterns, in order.
        patterns: Vec<String>,
        /// Their action; that of the proposed rules where `None`.
        action: Option<RuleAction>,
        /// Why, in the reviewer's words.
        reason: Option<String>,
    },
    /// This change goes in with another one of its scopes.
    Rescope {
        /// Ordinal.
        change: u64,
        /// How wide.
        level: Level,
        /// Why, in the reviewer's words.
        reason: Option<String>,
    },
}

/// What a verdict came to for one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ruling {
    /// The change.
    pub ordinal: u64,
    /// The change.
    pub change_id: String,
    /// What it is now.
    pub state: ChangeState,
    /// Why: the reviewer's reason, or the change that took this one along.
    pub reason: Option<String>,
    /// Whether another change took this one along.
    pub follows: bool,
}

/// Why a verdict cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVerdict {
    /// The batch is closed.
    #[error(
        "batch `{batch_id}` is {status}, its review is over\n\
         hint: `advisor roles history {role}` shows what came of it; `advisor suggest` looks again"
    )]
    Closed {
        /// The batch.
        batch_id: String,
        /// What became of it.
        status: BatchStatus,
        /// Its role.
        role: String,
    },
    /// There is no such change.
    #[error("batch `{batch_id}` has no change {ordinal}, they are 1 to {last}")]
    NoChange {
        /// The batch.
        batch_id: String,
        /// What was asked for.
        ordinal: u64,
        /// The last ordinal.
        last: u64,
    },
    /// A change needs one that has been rejected.
    #[error(
        "change {ordinal} requires change {required}, which is rejected\n\
         hint: accept change {required} first, with `--change {required}`"
    )]
    Blocked {
        /// The change.
        ordinal: u64,
        /// What it requires.
        required: u64,
    },
    /// The change has no such scope.
    #[error(
        "change {ordinal} has no scope `{level}`, {there}\n\
         hint: `advisor suggestions show {batch_id} --change {ordinal}` shows them with their prices"
    )]
    NoScope {
        /// The batch.
        batch_id: String,
        /// The change.
        ordinal: u64,
        /// What was asked for.
        level: Level,
        /// Those it has, in words.
        there: String,
    },
    /// The scope lets something through that no role lets pass.
    #[error(
        "scope `{level}` of change {ordinal} would let through, in spite of its guards: {acts}\n\
         hint: take a narrower one, or give your own patterns with `--pattern`"
    )]
    OpenScope {
        /// The change.
        ordinal: u64,
        /// What was asked for.
        level: Level,
        /// Ids of the acts.
        acts: String,
    },
    /// A modified change without rules would be a rejected one.
    #[error(
        "no pattern for change {ordinal}\nhint: give one with `--pattern`, or reject the change"
    )]
    NoPattern {
        /// The change.
        ordinal: u64,
    },
}

/// Takes a verdict: sets the states of `batch`, and says what became of which change, in order.
///
/// An accepted or modified change takes along what it requires. A rejected one takes along what
/// requires it.
///
/// # Errors
/// Where the batch is closed, a change is not there, or requires a rejected one; `batch` is then as
/// it was.
pub fn rule_on(batch: &mut SuggestionBatch, verdict: &Verdict) -> Result<Vec<Ruling>, BadVerdict> {
    if batch.status != BatchStatus::Pending {
        return Err(BadVerdict::Closed {
            batch_id: batch.batch_id.clone(),
            status: batch.status,
            role: batch.role.clone(),
        });
    }
    let mut rulings = match verdict {
        Verdict::Accept { changes } => {
            let named = named(batch, changes, |it| it == ChangeState::Pending)?;
            accept(batch, &named)?
        }
        Verdict::Reject { changes, reason } => {
            let named = named(batch, changes, |it| it != ChangeState::Rejected)?;
            reject(batch, &named, reason.as_deref())
        }
        Verdict::Modify { change, patterns, action, reason } => {
            let named = named(batch, &[*change], |_| true)?;
            let after = written(batch, *change, patterns, *action)?;
            modify(batch, &named, &after, reason.as_deref())?
        }
        Verdict::Rescope { change, level, reason } => {
            let named = named(batch, &[*change], |_| true)?;
            let after = scoped(batch, *change, *level)?;
            modify(batch, &named, &after, reason.as_deref())?
        }
    };
    rulings.sort_by_key(|it| it.ordinal);
    for ruling in &rulings {
        for change in batch.changes.iter_mut().filter(|it| it.ordinal == ruling.ordinal) {
            change.state = ruling.state;
            if ruling.state != ChangeState::Modified {
                change.modified_after = None;
            }
        }
    }
    Ok(rulings)
}

/// The ordinals that are meant: those given, or all whose state is `open`.
fn named(
    batch: &SuggestionBatch,
    given: &[u64],
    open: impl Fn(ChangeState) -> bool,
) -> Result<BTreeSet<u64>, BadVerdict> {
    let known: BTreeSet<u64> = batch.changes.iter().map(|it| it.ordinal).collect();
    if let Some(ordinal) = given.iter().find(|it| !known.contains(it)) {
        return Err(BadVerdict::NoChange {
            batch_id: batch.batch_id.clone(),
            ordinal: *ordinal,
            last: known.last().copied().unwrap_or(0),
        });
    }
    if given.is_empty() {
        return Ok(batch.changes.iter().filter(|it| open(it.state)).map(|it| it.ordinal).collect());
    }
    Ok(given.iter().copied().collect())
}

fn accept(batch: &SuggestionBatch, named: &BTreeSet<u64>) -> Result<Vec<Ruling>, BadVerdict> {
    let mut rulings: Vec<Ruling> = Vec::new();
    let mut waiting: Vec<(u64, Option<u64>)> = named.iter().rev().map(|it| (*it, None)).collect();
    while let Some((ordinal, taken_by)) = waiting.pop() {
        if rulings.iter().any(|it| it.ordinal == ordinal) {
            continue;
        }
        let Some(change) = batch.changes.iter().find(|it| it.ordinal == ordinal) else { continue };
        if let Some(by) = taken_by {
            match change.state {
                ChangeState::Accepted | ChangeState::Modified => continue,
                ChangeState::Rejected if !named.contains(&ordinal) => {
                    return Err(BadVerdict::Blocked { ordinal: by, required: ordinal });
                }
                ChangeState::Rejected | ChangeState::Pending => (),
            }
        }
        let taken_by = taken_by.filter(|_| !named.contains(&ordinal));
        rulings.push(Ruling {
            ordinal,
            change_id: change.change_id.clone(),
            state: ChangeState::Accepted,
            reason: taken_by.map(|by| format!("change {by} requires it")),
            follows: taken_by.is_some(),
        });
        waiting.extend(required(batch, change).map(|it| (it.ordinal, Some(ordinal))));
    }
    Ok(rulings)
}

fn reject(batch: &SuggestionBatch, named: &BTreeSet<u64>, reason: Option<&str>) -> Vec<Ruling> {
    let mut rulings: Vec<Ruling> = Vec::new();
    let mut waiting: Vec<(u64, Option<u64>)> = named.iter().rev().map(|it| (*it, None)).collect();
    while let Some((ordinal, taken_by)) = waiting.pop() {
        let Some(change) = batch.changes.iter().find(|it| it.ordinal == ordinal) else { continue };
        let taken_by = taken_by.filter(|_| !named.contains(&ordinal));
        let decided = taken_by.is_some() && change.state == ChangeState::Rejected;
        if decided || rulings.iter().any(|it| it.ordinal == ordinal) {
            continue;
        }
        rulings.push(Ruling {
            ordinal,
            change_id: change.change_id.clone(),
            state: ChangeState::Rejected,
            reason: match taken_by {
                Some(by) => Some(format!("it requires change {by}, which is rejected")),
                None => reason.map(str::to_owned),
            },
            follows: taken_by.is_some(),
        });
        let dependents = batch.changes.iter().filter(|it| it.requires.contains(&change.change_id));
        waiting.extend(dependents.map(|it| (it.ordinal, Some(ordinal))));
    }
    rulings
}

/// Accepts changes with rules of the reviewer's.
fn modify(
    batch: &mut SuggestionBatch,
    named: &BTreeSet<u64>,
    after: &[PlacedRule],
    reason: Option<&str>,
) -> Result<Vec<Ruling>, BadVerdict> {
    let mut rulings = accept(batch, named)?;
    for ruling in rulings.iter_mut().filter(|it| named.contains(&it.ordinal)) {
        ruling.state = ChangeState::Modified;
        ruling.reason = reason.map(str::to_owned);
    }
    for change in batch.changes.iter_mut().filter(|it| named.contains(&it.ordinal)) {
        change.modified_after = Some(after.to_vec());
    }
    Ok(rulings)
}

/// The rules of another scope of a change.
fn scoped(
    batch: &SuggestionBatch,
    ordinal: u64,
    level: Level,
) -> Result<Vec<PlacedRule>, BadVerdict> {
    let change = batch.changes.iter().find(|it| it.ordinal == ordinal);
    let scopes = change.map_or(&[][..], |it| &it.scopes);
    let Some(scope) = scopes.iter().find(|it| it.level == level) else {
        let levels: Vec<&str> = scopes.iter().map(|it| it.level.as_str()).collect();
        let there = match levels.as_slice() {
            [] => "it has none to choose from".to_owned(),
            levels => format!("it has {}", levels.join(", ")),
        };
        let batch_id = batch.batch_id.clone();
        return Err(BadVerdict::NoScope { batch_id, ordinal, level, there });
    };
    if !scope.open_acts.is_empty() {
        return Err(BadVerdict::OpenScope { ordinal, level, acts: scope.open_acts.join(", ") });
    }
    Ok(scope.after.clone())
}

/// The changes that `change` requires.
fn required<'a>(
    batch: &'a SuggestionBatch,
    change: &'a Change,
) -> impl Iterator<Item = &'a Change> + 'a {
    batch.changes.iter().filter(|it| change.requires.contains(&it.change_id))
}

/// The reviewer's rules, in the places of those proposed.
fn written(
    batch: &SuggestionBatch,
    ordinal: u64,
    patterns: &[String],
    action: Option<RuleAction>,
) -> Result<Vec<PlacedRule>, BadVerdict> {
    let change = batch.changes.iter().find(|it| it.ordinal == ordinal);
    let proposed =
        change.map_or(&[][..], |it| if it.after.is_empty() { &it.before } else { &it.after });
    if patterns.iter().all(|it| it.trim().is_empty()) {
        return Err(BadVerdict::NoPattern { ordinal });
    }
    let place = |idx: usize| proposed.get(idx).or(proposed.last());
    let rules = patterns.iter().filter(|it| !it.trim().is_empty()).enumerate();
    Ok(rules
        .map(|(idx, pattern)| PlacedRule {
            pattern: pattern.clone(),
            action: action.or(place(idx).map(|it| it.action)).unwrap_or(RuleAction::Allow),
            position: place(idx).map_or(1, |it| it.position),
            when: place(idx).map(|it| it.when.clone()).unwrap_or_default(),
            rule_id: None,
        })
        .collect())
}

#[cfg(test)]
mod tests;
