//! The shortest line that some patterns match and others do not, or the proof that there is none.
#![expect(clippy::disallowed_types, reason = "looked up by key only, no order leaves the search")]
use std::collections::{HashMap, VecDeque};

use super::{
    super::automaton::{Globs, Place},
    bytes::{Bytes, rank},
    language::Language,
};

/// What a search comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is no such line: a proof.
    None,
    /// The shortest one; of those the first in the order of `rank`.
    Line(String),
    /// The bound on states was reached first.
    Undecided,
}

/// Looks for lines of a language by the patterns that match them.
///
/// The product of the language and of all patterns is made on the fly, breadth first. A state in
/// which the patterns to avoid are no further on than in one met before, all else being equal, leads
/// nowhere new and is dropped; so the number of states does not grow with every subset of the
/// patterns that a line can get past.
///
/// # Source
/// Antichains: De Wulf, Doyen, Henzinger, Raskin: Antichains, a new algorithm for checking
/// universality of finite automata, 2006.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The patterns, by number.
    pub globs: &'a Globs,
    /// The lines that count.
    pub language: &'a Language,
    /// Most states of one search.
    pub max_states: usize,
}

/// A line read so far.
struct Node {
    /// The node before it, and the byte that leads here.
    from: Option<(u32, u8)>,
    state: u32,
    /// Where the patterns that are to match stand, in their order.
    inside: Box<[Place]>,
    /// Where those that must not match stand, ascending; those that cannot any more are left out.
    outside: Box<[Place]>,
}

impl Search<'_> {
    /// The shortest line of the language that all patterns `inside` match and none `outside`.
    pub fn shortest(&self, inside: &[usize], outside: &[usize]) -> Found {
        let places = |patterns: &[usize]| -> Vec<Place> {
            patterns.iter().filter_map(|&it| self.globs.start(it)).collect()
        };
        let mut avoided = places(outside);
        avoided.sort_unstable();
        let start =
            Node { from: None, state: 0, inside: places(inside).into(), outside: avoided.into() };
        if start.outside.iter().any(|&it| self.globs.is_open(it)) {
            return Found::None;
        }
        if self.ends(&start) {
            return Found::Line(String::new());
        }
        let mut met: HashMap<(u32, Box<[Place]>), Vec<u32>> = HashMap::new();
        met.insert((start.state, start.inside.clone()), vec![0]);
        let mut nodes = vec![start];
        let mut todo = VecDeque::from([0_u32]);
        let mut steps = Vec::new();
        while let Some(at) = todo.pop_front() {
            let Some(node) = nodes.get(at as usize) else { continue };
            self.steps(node, &mut steps);
            for &(_, byte, state) in &steps {
                let Some(node) = nodes.get(at as usize) else { continue };
                let Some(next) = self.after(node, at, byte, state) else { continue };
                if self.ends(&next) {
                    return line(&nodes, &next);
                }
                let earlier = met.entry((next.state, next.inside.clone())).or_default();
                let is_known = |&other: &u32| {
                    nodes.get(other as usize).is_some_and(|it| self.is_ahead(it, &next))
                };
                if earlier.iter().any(is_known) {
                    continue;
                }
                if nodes.len() >= self.max_states {
                    return Found::Undecided;
                }
                let id = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                earlier.push(id);
                todo.push_back(id);
                nodes.push(next);
            }
        }
        Found::None
    }

    fn ends(&self, node: &Node) -> bool {
        self.language.accepts(node.state)
            && node.inside.iter().all(|&it| self.globs.accepts(it))
            && !node.outside.iter().any(|&it| self.globs.accepts(it))
    }

    /// The bytes worth a step, with the state of the language they lead to: each that a pattern
    /// tells apart, and the preferred one of the rest.
    fn steps(&self, node: &Node, steps: &mut Vec<(u16, u8, u32)>) {
        steps.clear();
        let places = node.inside.iter().chain(&node.outside);
        let told = places.flat_map(|&it| self.globs.told_apart(it)).fold(Bytes::NONE, Bytes::with);
        let needed = node
            .inside
            .iter()
            .filter_map(|&it| self.globs.needs(it))
            .map(|needed| needed.map_or(Bytes::NONE, |byte| Bytes::NONE.with(byte)));
        let possible = needed.fold(Bytes::ALL, Bytes::and);
        for &(set, state) in self.language.steps(node.state) {
            let set = set.and(possible);
            let rest = set.minus(told).preferred();
            let bytes = set.and(told).iter().chain(rest);
            steps.extend(bytes.map(|byte| (rank(byte), byte, state)));
        }
        steps.sort_unstable();
    }

    fn after(&self, node: &Node, at: u32, byte: u8, state: u32) -> Option<Node> {
        let inside: Option<Vec<Place>> =
            node.inside.iter().map(|&it| self.globs.step(it, byte)).collect();
        let mut outside = Vec::with_capacity(node.outside.len());
        for &place in &node.outside {
            let Some(place) = self.globs.step(place, byte) else { continue };
            if self.globs.is_open(place) {
                return None;
            }
            outside.push(place);
        }
        let from = Some((at, byte));
        Some(Node { from, state, inside: inside?.into(), outside: outside.into() })
    }

    /// Whether every line that continues `next` to what is looked for does so for `earlier`, too.
    fn is_ahead(&self, earlier: &Node, next: &Node) -> bool {
        let mut rest = next.outside.iter();
        earlier.outside.iter().all(|&place| {
            let owner = self.globs.owner(place);
            let same = rest.by_ref().find(|&&it| self.globs.owner(it) >= owner);
            same.is_some_and(|&it| self.globs.is_within(place, it))
        })
    }
}

fn line(nodes: &[Node], last: &Node) -> Found {
    let mut bytes = Vec::new();
    let mut from = last.from;
    while let Some((before, byte)) = from {
        bytes.push(byte);
        from = nodes.get(before as usize).and_then(|it| it.from);
    }
    bytes.reverse();
    // The languages of lines hold whole characters only.
    Found::Line(String::from_utf8_lossy(&bytes).into_owned())
}
