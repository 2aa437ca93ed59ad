//! All patterns of a rule list as one automaton: a line is read once, whatever the number of rules.
mod globs;
mod lazy;

pub use globs::{Globs, Place};
pub use lazy::{Automaton, Keep};
