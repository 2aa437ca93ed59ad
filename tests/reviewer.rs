//! Simulated reviewers, each with a taste, over rounds of suggestions: with and without learning.
//! Shared by the tests of advice and their benchmark.

use std::collections::BTreeMap;

use policy_advisor::{
    batch::{Change, ChangeState, Level, SuggestionBatch},
    events::{Tally, Timestamp},
    feedback::{Background, EvidenceMark, Lesson, Lessons},
    policy::Role,
    review::{Ruling, Said, Verdict, merge, rule_on},
};

use super::work::{DAY_US, Random, WORK, advise, tally};

/// What a reviewer likes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Taste {
    /// Nothing that talks to other machines.
    Offline,
    /// Nothing that was seen in few units.
    Sceptic,
    /// No wide scopes: takes the next narrower one where there is one.
    Narrow,
    /// Nothing of some tools, whatever they do.
    NotThese(&'static [&'static str]),
    /// Everything.
    Trusting,
}

pub(crate) const TASTES: &[Taste] = &[
    Taste::Offline,
    Taste::Sceptic,
    Taste::Narrow,
    Taste::NotThese(&["docker", "kubectl", "terraform", "helm"]),
    Taste::Trusting,
];

/// What a reviewer does with an allow.
enum Opinion {
    Yes,
    No,
    Narrower(Level),
}

impl Taste {
    fn of(self, change: &Change) -> Opinion {
        let allows = change.after.iter().any(|it| it.action.passes());
        if !allows {
            return Opinion::Yes;
        }
        let is_no = match self {
            Self::Offline => change.effects.iter().any(|it| it.starts_with("network")),
            Self::Sceptic => change.evidence.units < 8,
            Self::NotThese(tools) => {
                let first = change.after.first().unwrap().pattern.split(' ').next().unwrap();
                tools.contains(&first)
            }
            Self::Narrow | Self::Trusting => false,
        };
        if is_no {
            return Opinion::No;
        }
        let proposed = change.scopes.iter().position(|it| it.is_proposed);
        let narrower = proposed.and_then(|at| change.scopes.get(at.checked_sub(1)?));
        match (self, narrower) {
            (Self::Narrow, Some(scope)) if scope.open_acts.is_empty() => {
                Opinion::Narrower(scope.level)
            }
            _ => Opinion::Yes,
        }
    }
}

/// What came of the rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// For each round, allows that were proposed, and those of them that were taken as they were.
    pub(crate) rounds: Vec<(u32, u32)>,
    /// Changes that came back after a no, on evidence that was no different.
    pub(crate) n_repeated: u64,
    /// The role at the end.
    pub(crate) role: Option<Role>,
}

impl Outcome {
    /// Share that was taken as proposed, from the second round on.
    pub(crate) fn acceptance(&self) -> f64 {
        let later = self.rounds.iter().skip(1);
        let (all, taken) = later.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        f64::from(taken) / f64::from(all).max(1.0)
    }
}

/// Days between two reviews.
const ROUND_DAYS: i32 = 7;

/// So many weeks of reviews: in each of the first eight some tools come that were not there before.
pub(crate) fn review(seed: u64, taste: Taste, n_rounds: i32, learns: bool) -> Outcome {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let starts: Vec<i32> = WORK.iter().map(|_| [0, 1, 2, 3, 4, 5, 6, 7][random.next(8)]).collect();
    let rates: Vec<usize> = WORK.iter().map(|_| [30, 60, 90][random.next(3)]).collect();
    let mut outcome = Outcome::default();
    let mut role = Role::new("reviewed");
    let mut tallies: Vec<Tally> = Vec::new();
    let mut lessons: Vec<Lesson> = Vec::new();
    // What was said no to, with what it stood on.
    let mut refused: BTreeMap<String, EvidenceMark> = BTreeMap::new();
    for round in 0..n_rounds {
        for day in round * ROUND_DAYS + 1..=(round + 1) * ROUND_DAYS {
            for n in 0..2 {
                let (host, session) = (format!("host-{n}"), format!("s-{day}-{n}"));
                for ((line, rate), start) in WORK.iter().zip(&rates).zip(&starts) {
                    if *start <= round && random.is(*rate) {
                        tallies.push(tally(line, &host, &session, day, 1));
                    }
                }
            }
        }
        let now = Timestamp(i64::from((round + 1) * ROUND_DAYS + 1) * DAY_US);
        let known = if learns { lessons.clone() } else { Vec::new() };
        let background = Background { lessons: Lessons::new(known, now), ..Background::default() };
        let Some(mut batch) = advise(&role, &tallies, (round + 1) * ROUND_DAYS, &background) else {
            outcome.rounds.push((0, 0));
            continue;
        };
        let mut n_taken = 0;
        let mut n_allows = 0;
        let mut follows: BTreeMap<String, bool> = BTreeMap::new();
        for ordinal in 1..=batch.changes.len() as u64 {
            let change = batch.changes.iter().find(|it| it.ordinal == ordinal).unwrap();
            let is_allow = change.after.iter().any(|it| it.action.passes());
            n_allows += u32::from(is_allow);
            if let Some(mark) = refused.get(&change.change_id) {
                outcome.n_repeated += u64::from(!is_different(mark, change));
            }
            let verdict = match taste.of(change) {
                Opinion::Yes => {
                    n_taken += u32::from(is_allow);
                    Verdict::Accept { changes: vec![ordinal] }
                }
                Opinion::No => {
                    refused.insert(change.change_id.clone(), change.evidence.mark());
                    Verdict::Reject { changes: vec![ordinal], reason: None }
                }
                Opinion::Narrower(level) => {
                    Verdict::Rescope { change: ordinal, level, reason: None }
                }
            };
            let rulings: Vec<Ruling> = rule_on(&mut batch, &verdict).unwrap();
            for ruling in rulings {
                follows.insert(ruling.change_id, ruling.follows);
            }
        }
        outcome.rounds.push((n_allows, n_taken));
        lessons.extend(said(&batch, &follows, now));
        role = merge(&role, &role, &batch).unwrap();
        role.revision += 1;
        for (n, rule) in role.rules.iter_mut().enumerate() {
            rule.rule_id = format!("r-{n}");
        }
    }
    outcome.role = Some(role);
    outcome
}

/// Whether the evidence of a change has doubled, or a new shape came.
fn is_different(then: &EvidenceMark, change: &Change) -> bool {
    let now = change.evidence.mark();
    now.units >= 2 * then.units
        || now.hosts >= 2 * then.hosts
        || now.sessions >= 2 * then.sessions
        || now.shapes.iter().any(|it| !then.shapes.contains(it))
}

/// What was made of the changes of a batch that were decided.
fn said(batch: &SuggestionBatch, follows: &BTreeMap<String, bool>, at: Timestamp) -> Vec<Lesson> {
    let decided = batch.changes.iter().filter(|it| it.state != ChangeState::Pending);
    let lesson = |change: &Change| {
        let follows = follows.get(&change.change_id).copied().unwrap_or(false);
        Said { follows, ..said_of(change, at) }.lesson(true)
    };
    decided.filter_map(lesson).collect()
}

/// What was said of a change, by its state.
pub(crate) fn said_of(change: &Change, at: Timestamp) -> Said {
    Said {
        batch_id: "b-1".to_owned(),
        change_id: change.change_id.clone(),
        kind: change.kind,
        target: change.target,
        before: change.before.clone(),
        after: change.after.clone(),
        effects: change.effects.clone(),
        state: change.state,
        modified_after: change.modified_after.clone(),
        follows: false,
        reason: None,
        mark: change.evidence.mark(),
        at,
    }
}
