//! The patterns that stop every spelling of an act, proved, and as little else as can be.
use std::collections::BTreeSet;

use serde::Serialize;

use super::{Act, acts};
use crate::{
    policy::{
        Globs, Pattern, literal,
        proof::{Found, Search},
    },
    risk::guards,
};

/// Most patterns of one closure: more are not for people to read.
const MAX_PATTERNS: usize = 200;

/// How far an act is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Closed {
    /// No spelling is left, by a proof over all of them.
    Proved,
    /// This one is left: no pattern stops it without stopping what it should not.
    Open {
        /// The shortest spelling that is left.
        witness: String,
    },
    /// The bound on states was reached.
    Undecided,
}

/// What stops an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closure {
    /// The act's id.
    pub act: String,
    /// What is done.
    pub title: String,
    /// The patterns, in the order in which people read them.
    pub patterns: Vec<String>,
    /// Whether that is all.
    pub closed: Closed,
    /// How many different lines of the activity do the act, and are stopped.
    pub n_stopped: usize,
}

/// Lines that are not to be stopped: look-alikes from the tables, and the activity.
#[derive(Clone, Debug, Default)]
pub struct Benign {
    lines: BTreeSet<String>,
    n_examples: usize,
}

impl Benign {
    /// The look-alikes of all acts and guards, and these lines of activity.
    pub fn new(activity: impl IntoIterator<Item = String>) -> Self {
        let of_acts = acts().iter().flat_map(|act| act.misses);
        let of_guards = guards().iter().flat_map(|guard| guard.misses);
        let mut lines: BTreeSet<String> =
            of_acts.chain(of_guards).map(|&line| line.to_owned()).collect();
        let n_examples = lines.len();
        lines.extend(activity);
        Self { lines, n_examples }
    }

    /// All the lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// How many different lines of activity there are beside the examples.
    pub fn n_activity(&self) -> usize {
        self.lines.len() - self.n_examples
    }
}

/// Patterns that stop every spelling of an act and no benign line that is not of it; the `given`
/// patterns are there already.
///
/// The shortest spelling that passes is turned into the widest pattern that stops no benign line,
/// until none passes; then what the others make needless goes.
pub fn closure(act: &Act, given: &[Pattern], benign: &Benign, max_states: usize) -> Closure {
    let language = act.language();
    let (own, others): (Vec<&String>, Vec<&String>) =
        benign.lines.iter().partition(|line| language.contains(line));
    let mut chosen: Vec<String> = Vec::new();
    let mut witnesses: Vec<String> = act.hits.iter().map(|&line| line.to_owned()).collect();
    witnesses.extend(own.iter().map(|&line| line.clone()));
    // What can be listed need not be searched for.
    for line in act.forms().flat_map(|(form, _)| form.samples()) {
        let is_stopped = given.iter().any(|it| it.matches(&line))
            || chosen.iter().any(|it| Pattern::new(it).matches(&line));
        if !is_stopped && chosen.len() < MAX_PATTERNS && language.contains(&line) {
            chosen.extend(best_pattern(act, &line, &witnesses, &others));
            witnesses.push(line);
        }
    }
    let closed = loop {
        let passing = match left(act, given, &chosen, max_states) {
            Found::None => break Closed::Proved,
            Found::Undecided => break Closed::Undecided,
            Found::Line(line) => line,
        };
        let best = best_pattern(act, &passing, &witnesses, &others);
        witnesses.push(passing.clone());
        match best.filter(|_| chosen.len() < MAX_PATTERNS) {
            Some(pattern) => chosen.push(pattern),
            None => break Closed::Open { witness: passing },
        }
    };
    if closed == Closed::Proved {
        // The first were found by the shortest spellings, and wider ones may have come later.
        for pattern in chosen.clone() {
            let rest: Vec<String> = chosen.iter().filter(|it| **it != pattern).cloned().collect();
            let others: Vec<Pattern> =
                rest.iter().map(|it| Pattern::new(it)).chain(given.iter().cloned()).collect();
            let passes = |line: &String| !others.iter().any(|it| it.matches(line));
            if witnesses.iter().any(passes) {
                continue;
            }
            // All is stopped with it, so only its own lines can pass without it.
            let globs = Globs::new(others.iter().chain([&Pattern::new(&pattern)]));
            let outside: Vec<usize> = (0..others.len()).collect();
            let search = Search { globs: &globs, language, max_states };
            if search.shortest(&[others.len()], &outside) == Found::None {
                chosen = rest;
            }
        }
    }
    let patterns: Vec<Pattern> = chosen.iter().map(|it| Pattern::new(it)).collect();
    let stopped = own.iter().filter(|line| patterns.iter().any(|it| it.matches(line)));
    let n_stopped = stopped.count();
    Closure { act: act.id.clone(), title: act.title.clone(), patterns: chosen, closed, n_stopped }
}

/// The shortest spelling that no pattern stops.
fn left(act: &Act, given: &[Pattern], chosen: &[String], max_states: usize) -> Found {
    let chosen: Vec<Pattern> = chosen.iter().map(|it| Pattern::new(it)).collect();
    let globs = Globs::new(given.iter().chain(&chosen));
    let all: Vec<usize> = (0..globs.len()).collect();
    Search { globs: &globs, language: act.language(), max_states }.shortest(&[], &all)
}

/// The pattern for a spelling that stops most of what is known of the act, and nothing benign; of
/// several the one that says least.
fn best_pattern(act: &Act, line: &str, witnesses: &[String], benign: &[&String]) -> Option<String> {
    let forms = act.forms().filter(|(_, language)| language.contains(line));
    let mut candidates: BTreeSet<String> =
        forms.flat_map(|(form, _)| form.candidates(line)).collect();
    candidates.insert(literal(line));
    let name = line.split(' ').next().unwrap_or(line);
    let any_name = candidates.iter().any(|it| it.starts_with('*'));
    let near: Vec<&&String> = benign.iter().filter(|it| any_name || it.starts_with(name)).collect();
    let key = |text: &String, pattern: &Pattern| {
        let n_known = witnesses.iter().filter(|it| pattern.matches(it)).count();
        let n_literal: usize = pattern.parts().iter().map(String::len).sum();
        let n_stars = pattern.parts().len();
        (std::cmp::Reverse(n_known), n_literal, std::cmp::Reverse(n_stars), text.clone())
    };
    let fitting = candidates.into_iter().filter_map(|text| {
        let pattern = Pattern::new(&text);
        let stops_benign = || near.iter().any(|it| pattern.matches(it));
        (pattern.matches(line) && !stops_benign()).then(|| (key(&text, &pattern), text))
    });
    fitting.min().map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::proof::MAX_STATES;

    /// All acts take a minute where nothing is optimized; `benches/policy.rs` closes every one.
    #[test]
    fn acts_are_closed_without_stopping_a_look_alike() {
        let benign = Benign::new([]);
        let mut wrong = Vec::new();
        let families = ["git.", "infra.terraform", "infra.kubernetes", "privilege.", "system."];
        let is_meant = |id: &str| families.iter().any(|it| id.starts_with(it));
        for act in acts().iter().filter(|act| act.is_closable && is_meant(&act.id)) {
            let found = closure(act, &[], &benign, MAX_STATES);
            let patterns: Vec<Pattern> = found.patterns.iter().map(|it| Pattern::new(it)).collect();
            if found.closed != Closed::Proved {
                wrong.push(format!("{}: {:?} {:?}", act.id, found.closed, found.patterns));
            }
            for line in act.hits.iter().filter(|line| !patterns.iter().any(|it| it.matches(line))) {
                wrong.push(format!("{}: passes `{line}`", act.id));
            }
            for line in benign.lines.iter().filter(|line| !act.language().contains(line)) {
                if let Some(pattern) = patterns.iter().position(|it| it.matches(line)) {
                    wrong.push(format!("{}: `{}` stops `{line}`", act.id, found.patterns[pattern]));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn activity_narrows_the_patterns() {
        let act = acts().iter().find(|act| act.id == "git.force-push").unwrap();
        let wide = closure(act, &[], &Benign::new([]), MAX_STATES);
        let seen = "git push -v origin fix-it".to_owned();
        let narrow = closure(act, &[], &Benign::new([seen.clone()]), MAX_STATES);
        assert_eq!((&wide.closed, &narrow.closed), (&Closed::Proved, &Closed::Proved));
        let stops = |it: &Closure| it.patterns.iter().any(|it| Pattern::new(it).matches(&seen));
        assert!(!stops(&narrow), "{:?}", narrow.patterns);
    }

    #[test]
    fn what_is_there_already_is_not_said_again() {
        let act = acts().iter().find(|act| act.id == "system.stop").unwrap();
        let all = closure(act, &[], &Benign::new([]), MAX_STATES);
        let given: Vec<Pattern> = all.patterns.iter().map(|it| Pattern::new(it)).collect();
        assert_eq!(
            closure(act, &given, &Benign::new([]), MAX_STATES).patterns,
            Vec::<String>::new()
        );
    }
}
