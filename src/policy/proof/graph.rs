//! Languages drawn as graphs: every edge is a language of its own.
use super::language::{Language, State};

/// A graph of nodes with languages between them. Node 0, made first, is the start.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    ends: Vec<bool>,
    edges: Vec<(usize, Language, usize)>,
}

impl Graph {
    /// A further node; its number. A text may end in it where `is_end`.
    pub fn node(&mut self, is_end: bool) -> usize {
        self.ends.push(is_end);
        self.ends.len() - 1
    }

    /// A text of `language`, which does not hold the empty one, leads from one node to another.
    pub fn edge(&mut self, from: usize, language: &Language, to: usize) {
        self.edges.push((from, language.clone(), to));
    }

    /// The texts along all ways from the start to an end.
    pub fn language(&self) -> Language {
        let n_nodes = self.ends.len();
        let mut states: Vec<State> =
            self.ends.iter().map(|&accepts| State { accepts, steps: Vec::new() }).collect();
        // Where a copy of an edge's language ends, its node goes on.
        let mut joints = Vec::new();
        for (from, language, to) in &self.edges {
            let base = u32::try_from(states.len()).unwrap_or(u32::MAX);
            for (idx, state) in (states.len()..).zip(language.shifted(base)) {
                if state.accepts {
                    joints.push((idx, *to));
                }
                states.push(State { accepts: false, ..state });
            }
            let first = states.get(base as usize).map(|it| it.steps.clone()).unwrap_or_default();
            if let Some(node) = states.get_mut(*from) {
                node.steps.extend(first);
            }
        }
        for (idx, node) in joints {
            let State { accepts, steps } = states.get(node).cloned().unwrap_or_default();
            if let Some(state) = states.get_mut(idx).filter(|_| node < n_nodes) {
                state.accepts |= accepts;
                state.steps.extend(steps);
            }
        }
        Language::of_states(states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_through_a_graph_are_its_texts() {
        let mut graph = Graph::default();
        let (start, middle, end) = (graph.node(false), graph.node(false), graph.node(true));
        graph.edge(start, &Language::one_of(["ab", "c"]), middle);
        graph.edge(middle, &Language::text("x"), middle);
        graph.edge(middle, &Language::text("end"), end);
        graph.edge(end, &Language::text(","), start);
        let language = graph.language();
        for (text, want) in [
            ("abend", true),
            ("cxxend", true),
            ("cend,abxend", true),
            ("ab", false),
            ("end", false),
            ("", false),
            ("cend,", false),
        ] {
            assert_eq!(language.contains(text), want, "{text}");
            assert_eq!(language.minimal().contains(text), want, "{text}");
        }
    }
}
