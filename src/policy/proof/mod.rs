//! Questions about all command lines, answered by products of automata: proofs, or shortest witnesses.
mod bytes;
mod diff;
mod fires;
mod graph;
mod language;
mod lines;
mod ordered;
mod search;
mod verify;

pub use bytes::Bytes;
pub use diff::{Change, Difference, MAX_STATES, Undecided, diff};
pub use fires::{Idle, IdleRule, idle_rules, unmatched_rules};
pub use graph::Graph;
pub use language::Language;
pub use lines::{Lines, any_argument, argument, begins, lines, tried_lines, unquoted, words};
pub use ordered::{Decider, LineKind};
pub use search::{Found, Search};
pub use verify::{Opening, Openings, Verifier};
