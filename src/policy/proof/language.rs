//! Regular languages over bytes, put together from parts.
use std::{
    collections::{BTreeMap, VecDeque},
    sync::LazyLock,
};

use super::{
    super::{
        automaton::{Globs, Place},
        pattern::Pattern,
    },
    bytes::Bytes,
};

/// Most states of an automaton that is made deterministic; past that it stays as it is.
const MAX_STATES: usize = 50_000;

/// A regular language, as a nondeterministic automaton without empty steps. State 0 is the start.
#[derive(Clone, Debug)]
pub struct Language {
    states: Vec<State>,
}

/// One state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) accepts: bool,
    pub(super) steps: Vec<(Bytes, u32)>,
}

impl Language {
    /// No text at all.
    pub fn nothing() -> Self {
        Self { states: vec![State::default()] }
    }

    /// The empty text.
    pub fn empty() -> Self {
        Self { states: vec![State { accepts: true, steps: Vec::new() }] }
    }

    /// One byte of a set.
    pub fn byte(bytes: Bytes) -> Self {
        let last = State { accepts: true, steps: Vec::new() };
        Self { states: vec![State { accepts: false, steps: vec![(bytes, 1)] }, last] }
    }

    /// Exactly this text.
    pub fn text(text: &str) -> Self {
        let mut states = Vec::with_capacity(text.len() + 1);
        for (next, byte) in (1..).zip(text.bytes()) {
            states.push(State { accepts: false, steps: vec![(Bytes::NONE.with(byte), next)] });
        }
        states.push(State { accepts: true, steps: Vec::new() });
        Self { states }
    }

    /// Any of these texts.
    pub fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::any_of(texts.into_iter().map(Self::text))
    }

    /// Any text of well-formed UTF-8.
    ///
    /// # Source
    /// The table of well-formed byte sequences of the Unicode standard, section 3.9.
    pub fn anything() -> Self {
        static ANYTHING: LazyLock<Language> = LazyLock::new(Language::well_formed);
        ANYTHING.clone()
    }

    fn well_formed() -> Self {
        let tail = Bytes::range(0x80, 0xbf);
        let rows: [&[Bytes]; 9] = [
            &[Bytes::range(0, 0x7f)],
            &[Bytes::range(0xc2, 0xdf), tail],
            &[Bytes::range(0xe0, 0xe0), Bytes::range(0xa0, 0xbf), tail],
            &[Bytes::range(0xe1, 0xec), tail, tail],
            &[Bytes::range(0xed, 0xed), Bytes::range(0x80, 0x9f), tail],
            &[Bytes::range(0xee, 0xef), tail, tail],
            &[Bytes::range(0xf0, 0xf0), Bytes::range(0x90, 0xbf), tail, tail],
            &[Bytes::range(0xf1, 0xf3), tail, tail, tail],
            &[Bytes::range(0xf4, 0xf4), Bytes::range(0x80, 0x8f), tail, tail],
        ];
        let chars = rows.iter().map(|row| Self::chain(row.iter().map(|set| Self::byte(*set))));
        Self::any_of(chars).star().minimal()
    }

    /// The lines that one of these patterns matches, bytes that are no text among them.
    pub fn matching(patterns: &[Pattern]) -> Self {
        let globs = Globs::new(patterns);
        // Behind a place where everything matches there is one state for all patterns.
        let settled = |places: Vec<Place>| match places.iter().find(|&&it| globs.is_open(it)) {
            Some(&place) => vec![place],
            None => places,
        };
        let open = |places: &[Place]| matches!(places, [place] if globs.is_open(*place));
        let start = settled((0..globs.len()).filter_map(|it| globs.start(it)).collect());
        let mut ids = BTreeMap::from([(start.clone(), 0_u32)]);
        let mut todo = VecDeque::from([start]);
        let mut states = Vec::new();
        while let Some(places) = todo.pop_front() {
            if open(&places) {
                let own = u32::try_from(states.len()).unwrap_or(u32::MAX);
                states.push(State { accepts: true, steps: vec![(Bytes::ALL, own)] });
                continue;
            }
            let told = places.iter().flat_map(|&it| globs.told_apart(it));
            let told = told.fold(Bytes::NONE, Bytes::with);
            let rest = Bytes::ALL.minus(told);
            let single = told.iter().map(|byte| (Bytes::NONE.with(byte), byte));
            let mut state =
                State { accepts: places.iter().any(|&it| globs.accepts(it)), steps: Vec::new() };
            for (set, byte) in single.chain(rest.preferred().map(|byte| (rest, byte))) {
                let next = places.iter().filter_map(|&it| globs.step(it, byte)).collect();
                let next: Vec<Place> = settled(next);
                if next.is_empty() {
                    continue;
                }
                // All places where everything matches are one state.
                let key = if open(&next) { vec![Place::MAX] } else { next.clone() };
                let number = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                let to = *ids.entry(key).or_insert_with(|| {
                    todo.push_back(next);
                    number
                });
                state.steps.push((set, to));
            }
            states.push(state);
        }
        Self { states }
    }

    /// These languages one after the other.
    pub fn chain(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::empty(), |all, part| all.then(&part))
    }

    /// Any of these languages.
    pub fn any_of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut states = vec![State::default()];
        for part in parts {
            let base = offset(&states);
            states.extend(part.shifted(base));
            let Some(start) = part.states.first() else { continue };
            let steps: Vec<_> = start.steps.iter().map(|&(set, to)| (set, to + base)).collect();
            if let Some(first) = states.first_mut() {
                first.accepts |= start.accepts;
                first.steps.extend(steps);
            }
        }
        Self { states }
    }

    /// A text of this language, then one of the other.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let base = offset(&self.states);
        let mut states = self.states.clone();
        let start = next.states.first().cloned().unwrap_or_default();
        for state in states.iter_mut().filter(|state| state.accepts) {
            state.accepts = start.accepts;
            state.steps.extend(start.steps.iter().map(|&(set, to)| (set, to + base)));
        }
        states.extend(next.shifted(base));
        Self { states }
    }

    /// Either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::any_of([self.clone(), other.clone()])
    }

    /// This or the empty text.
    #[must_use]
    pub fn maybe(&self) -> Self {
        self.or(&Self::empty())
    }

    /// Any number of texts of this language, none included.
    #[must_use]
    pub fn star(&self) -> Self {
        let mut res = Self::any_of([self.clone()]);
        let steps = res.states.first().map(|start| start.steps.clone()).unwrap_or_default();
        for (idx, state) in res.states.iter_mut().enumerate() {
            if idx > 0 && state.accepts {
                state.steps.extend(steps.iter().copied());
            }
        }
        if let Some(start) = res.states.first_mut() {
            start.accepts = true;
        }
        res
    }

    /// The texts of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut ids = BTreeMap::from([((0, 0), 0)]);
        let mut todo = VecDeque::from([(0, 0)]);
        let mut states = Vec::new();
        while let Some((left, right)) = todo.pop_front() {
            let mut state =
                State { accepts: self.accepts(left) && other.accepts(right), steps: Vec::new() };
            for &(left_set, left_to) in self.steps(left) {
                for &(right_set, right_to) in other.steps(right) {
                    let set = left_set.and(right_set);
                    if set.is_empty() {
                        continue;
                    }
                    let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                    let to = *ids.entry((left_to, right_to)).or_insert_with(|| {
                        todo.push_back((left_to, right_to));
                        next
                    });
                    state.steps.push((set, to));
                }
            }
            states.push(state);
        }
        Self { states }.trimmed()
    }

    /// The texts of this language that are not of the other.
    ///
    /// The other must be small: it is made deterministic whatever it takes.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut other = other.deterministic(usize::MAX).unwrap_or_else(Self::nothing);
        let sink = offset(&other.states);
        for state in &mut other.states {
            state.accepts = !state.accepts;
            let covered = state.steps.iter().fold(Bytes::NONE, |all, (set, _)| all.or(*set));
            state.steps.push((Bytes::ALL.minus(covered), sink));
        }
        other.states.push(State { accepts: true, steps: vec![(Bytes::ALL, sink)] });
        self.and(&other)
    }

    /// The same language with each byte of a set spelled as a text.
    #[must_use]
    pub fn spelled(&self, byte: u8, text: &str) -> Self {
        let mut states = self.states.clone();
        let one = Bytes::NONE.with(byte);
        for idx in 0..self.states.len() {
            let steps = states.get(idx).map(|state| state.steps.clone()).unwrap_or_default();
            let mut new = Vec::with_capacity(steps.len());
            for (set, to) in steps {
                let rest = set.minus(one);
                if !rest.is_empty() {
                    new.push((rest, to));
                }
                let Some((last, before)) = text.as_bytes().split_last() else { continue };
                if !set.contains(byte) {
                    continue;
                }
                let mut next = to;
                let mut chain = std::iter::once(last).chain(before.iter().rev()).peekable();
                while let Some(&byte) = chain.next() {
                    let set = Bytes::NONE.with(byte);
                    if chain.peek().is_none() {
                        new.push((set, next));
                    } else {
                        states.push(State { accepts: false, steps: vec![(set, next)] });
                        next = offset(&states) - 1;
                    }
                }
            }
            if let Some(state) = states.get_mut(idx) {
                state.steps = new;
            }
        }
        Self { states }
    }

    /// The same language with as few states as a deterministic automaton has; where that would take
    /// more than 50,000, as it is.
    #[must_use]
    pub fn minimal(&self) -> Self {
        // Trimmed before it is merged: a step to where nothing is accepted is no step.
        self.deterministic(MAX_STATES).map_or_else(|| self.trimmed(), |it| it.trimmed().merged())
    }

    /// How many states the automaton has.
    pub fn n_states(&self) -> usize {
        self.states.len()
    }

    /// Whether a text is of the language.
    pub fn contains(&self, text: &str) -> bool {
        let mut set = vec![0_u32];
        for byte in text.bytes() {
            let steps = set.iter().flat_map(|&state| self.steps(state));
            let mut next: Vec<u32> =
                steps.filter(|(bytes, _)| bytes.contains(byte)).map(|&(_, to)| to).collect();
            next.sort_unstable();
            next.dedup();
            set = next;
        }
        set.iter().any(|&state| self.accepts(state))
    }

    /// Whether no text is.
    pub fn is_empty(&self) -> bool {
        self.trimmed().states.iter().all(|state| !state.accepts)
    }

    pub(super) const fn of_states(states: Vec<State>) -> Self {
        Self { states }
    }

    pub(super) fn accepts(&self, state: u32) -> bool {
        self.states.get(state as usize).is_some_and(|it| it.accepts)
    }

    pub(super) fn steps(&self, state: u32) -> &[(Bytes, u32)] {
        self.states.get(state as usize).map_or(&[], |it| &it.steps)
    }

    pub(super) fn shifted(&self, base: u32) -> impl Iterator<Item = State> + '_ {
        self.states.iter().map(move |state| State {
            accepts: state.accepts,
            steps: state.steps.iter().map(|&(set, to)| (set, to + base)).collect(),
        })
    }

    /// The subsets that texts lead to; `None` past a number of them.
    fn deterministic(&self, max_states: usize) -> Option<Self> {
        let mut ids: BTreeMap<Vec<u32>, u32> = BTreeMap::from([(vec![0], 0)]);
        let mut todo = VecDeque::from([vec![0_u32]]);
        let mut states = Vec::new();
        while let Some(set) = todo.pop_front() {
            if ids.len() > max_states {
                return None;
            }
            let steps: Vec<(Bytes, u32)> =
                set.iter().flat_map(|&state| self.steps(state)).copied().collect();
            let mut new: BTreeMap<Vec<u32>, Bytes> = BTreeMap::new();
            for block in blocks(&steps) {
                let Some(byte) = block.iter().next() else { continue };
                let mut to: Vec<u32> = steps
                    .iter()
                    .filter(|(bytes, _)| bytes.contains(byte))
                    .map(|&(_, to)| to)
                    .collect();
                to.sort_unstable();
                to.dedup();
                if !to.is_empty() {
                    let all = new.entry(to).or_default();
                    *all = all.or(block);
                }
            }
            let mut state =
                State { accepts: set.iter().any(|&state| self.accepts(state)), steps: Vec::new() };
            for (to, bytes) in new {
                let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                let id = *ids.entry(to.clone()).or_insert_with(|| {
                    todo.push_back(to);
                    next
                });
                state.steps.push((bytes, id));
            }
            states.push(state);
        }
        Some(Self { states })
    }

    /// A deterministic automaton with states that nothing tells apart made one.
    ///
    /// # Source
    /// Moore: Gedanken-experiments on sequential machines, 1956.
    fn merged(&self) -> Self {
        let mut groups: Vec<u32> =
            self.states.iter().map(|state| u32::from(state.accepts)).collect();
        let group = |groups: &[u32], state: u32| groups.get(state as usize).copied().unwrap_or(0);
        let mut n_groups = 0;
        loop {
            let mut ids = BTreeMap::new();
            let mut new = Vec::with_capacity(groups.len());
            for (idx, state) in (0_u32..).zip(&self.states) {
                let mut steps: BTreeMap<u32, Bytes> = BTreeMap::new();
                for &(set, to) in &state.steps {
                    let all = steps.entry(group(&groups, to)).or_default();
                    *all = all.or(set);
                }
                let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                new.push(*ids.entry((group(&groups, idx), steps)).or_insert(next));
            }
            groups = new;
            if ids.len() == n_groups {
                break;
            }
            n_groups = ids.len();
        }
        // The start is the first state, and so its group is the first group.
        let mut states: Vec<Option<State>> = vec![None; n_groups];
        for (idx, state) in (0_u32..).zip(&self.states) {
            let Some(slot) = states.get_mut(group(&groups, idx) as usize) else { continue };
            if slot.is_some() {
                continue;
            }
            let mut steps: BTreeMap<u32, Bytes> = BTreeMap::new();
            for &(set, to) in &state.steps {
                let all = steps.entry(group(&groups, to)).or_default();
                *all = all.or(set);
            }
            let steps = steps.into_iter().map(|(to, set)| (set, to)).collect();
            *slot = Some(State { accepts: state.accepts, steps });
        }
        Self { states: states.into_iter().flatten().collect() }
    }

    /// Without states that the start does not reach, or that reach no end.
    fn trimmed(&self) -> Self {
        let n_states = self.states.len();
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); n_states];
        for (idx, state) in (0_u32..).zip(&self.states) {
            for &(_, to) in &state.steps {
                if let Some(list) = before.get_mut(to as usize) {
                    list.push(idx);
                }
            }
        }
        let spread = |seeds: Vec<u32>, next: &dyn Fn(u32) -> Vec<u32>| {
            let mut seen = vec![false; n_states];
            let mut todo = seeds;
            while let Some(state) = todo.pop() {
                if seen.get_mut(state as usize).is_some_and(|slot| !std::mem::replace(slot, true)) {
                    todo.extend(next(state));
                }
            }
            seen
        };
        let reached =
            spread(vec![0], &|state| self.steps(state).iter().map(|&(_, to)| to).collect());
        let ends = (0_u32..).zip(&self.states).filter(|(_, it)| it.accepts).map(|(idx, _)| idx);
        let useful = spread(ends.collect(), &|state| {
            before.get(state as usize).cloned().unwrap_or_default()
        });
        let mut ids: Vec<Option<u32>> = Vec::with_capacity(n_states);
        let mut n_kept = 0;
        for (idx, (reached, useful)) in reached.into_iter().zip(useful).enumerate() {
            let is_kept = idx == 0 || reached && useful;
            ids.push(is_kept.then_some(n_kept));
            n_kept += u32::from(is_kept);
        }
        let id = |state: u32| ids.get(state as usize).copied().flatten();
        let kept = (0_u32..).zip(&self.states).filter(|(idx, _)| id(*idx).is_some());
        let states = kept.map(|(_, state)| State {
            accepts: state.accepts,
            steps: state.steps.iter().filter_map(|&(set, to)| Some((set, id(to)?))).collect(),
        });
        Self { states: states.collect() }
    }
}

fn offset(states: &[State]) -> u32 {
    u32::try_from(states.len()).unwrap_or(u32::MAX)
}

/// The coarsest sets of bytes that no step tells apart.
fn blocks(steps: &[(Bytes, u32)]) -> Vec<Bytes> {
    let mut sets: Vec<Bytes> = steps.iter().map(|(set, _)| *set).collect();
    sets.sort_unstable();
    sets.dedup();
    let mut blocks = vec![Bytes::ALL];
    for set in sets {
        let split = blocks.iter().flat_map(|block| [block.and(set), block.minus(set)]);
        blocks = split.filter(|block| !block.is_empty()).collect();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::model;

    /// A language and the obvious test for it.
    #[derive(Clone, Debug)]
    enum Tree {
        Text(String),
        Or(Box<Tree>, Box<Tree>),
        Then(Box<Tree>, Box<Tree>),
        Star(Box<Tree>),
        Minus(Box<Tree>, Box<Tree>),
        And(Box<Tree>, Box<Tree>),
    }

    impl Tree {
        fn language(&self) -> Language {
            match self {
                Self::Text(text) => Language::text(text),
                Self::Or(a, b) => a.language().or(&b.language()),
                Self::Then(a, b) => a.language().then(&b.language()),
                Self::Star(a) => a.language().star(),
                Self::Minus(a, b) => a.language().minus(&b.language()),
                Self::And(a, b) => a.language().and(&b.language()),
            }
        }

        fn holds(&self, text: &str) -> bool {
            match self {
                Self::Text(own) => own == text,
                Self::Or(a, b) => a.holds(text) || b.holds(text),
                Self::Then(a, b) => {
                    let mut splits = (0..=text.len()).map(|at| text.split_at(at));
                    splits.any(|(left, right)| a.holds(left) && b.holds(right))
                }
                Self::Star(a) => {
                    let mut splits = (1..=text.len()).map(|at| text.split_at(at));
                    text.is_empty()
                        || splits.any(|(left, right)| a.holds(left) && self.holds(right))
                }
                Self::Minus(a, b) => a.holds(text) && !b.holds(text),
                Self::And(a, b) => a.holds(text) && b.holds(text),
            }
        }
    }

    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = "[ab]{0,2}".prop_map(Tree::Text);
        leaf.prop_recursive(4, 12, 2, |inner| {
            let pair = (inner.clone(), inner.clone()).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
            prop_oneof![
                pair.clone().prop_map(|(a, b)| Tree::Or(a, b)),
                pair.clone().prop_map(|(a, b)| Tree::Then(a, b)),
                inner.prop_map(|a| Tree::Star(Box::new(a))),
                pair.clone().prop_map(|(a, b)| Tree::Minus(a, b)),
                pair.prop_map(|(a, b)| Tree::And(a, b)),
            ]
        })
    }

    #[test]
    fn steps_to_nowhere_keep_no_states_apart() {
        let text = |text: &str| Box::new(Tree::Text(text.to_owned()));
        let nothing = Tree::And(text("a"), text(""));
        let tree = Tree::Or(
            Box::new(Tree::Then(Box::new(Tree::Star(text("a"))), Box::new(nothing))),
            Box::new(Tree::Star(text("b"))),
        );
        assert_eq!(tree.language().minimal().n_states(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn languages_hold_what_they_are_made_of(tree in trees()) {
            let language = tree.language();
            let minimal = language.minimal();
            let mut is_empty = true;
            for text in model::lines(&['a', 'b'], 5) {
                let want = tree.holds(&text);
                is_empty &= !want;
                prop_assert_eq!(language.contains(&text), want, "{}", text);
                prop_assert_eq!(minimal.contains(&text), want, "{}", text);
            }
            prop_assert!(is_empty || !language.is_empty());
            prop_assert!(minimal.n_states() <= language.minimal().minimal().n_states());
        }

        #[test]
        fn patterns_together_match_what_one_of_them_matches(patterns in prop::collection::vec("[ab *]{0,5}", 0..5), lines in prop::collection::vec("[ab ]{0,8}", 10)) {
            let patterns: Vec<Pattern> = patterns.iter().map(|it| Pattern::new(it)).collect();
            let language = Language::matching(&patterns);
            for line in lines {
                let want = patterns.iter().any(|it| it.matches(&line));
                prop_assert_eq!(language.contains(&line), want, "{}", line);
            }
        }

        #[test]
        fn any_text_is_a_text_and_broken_ones_are_not(text in ".{0,6}", bytes in prop::collection::vec(any::<u8>(), 0..6)) {
            let anything = Language::anything();
            prop_assert!(anything.contains(&text));
            let mut state = Some(0);
            for byte in &bytes {
                let steps = |state| anything.steps(state).iter().find(|(set, _)| set.contains(*byte));
                state = state.and_then(steps).map(|&(_, to)| to);
            }
            let is_text = state.is_some_and(|state| anything.accepts(state));
            prop_assert_eq!(is_text, std::str::from_utf8(&bytes).is_ok());
        }
    }

    #[test]
    fn bytes_are_spelled_out() {
        let language = Language::one_of(["a'b", "c", "''"]).spelled(b'\'', r#"'"'"'"#);
        for (text, want) in
            [(r#"a'"'"'b"#, true), ("a'b", false), ("c", true), (r#"'"'"''"'"'"#, true)]
        {
            assert_eq!(language.contains(text), want, "{text}");
        }
    }
}
