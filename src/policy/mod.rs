//! What is allowed: the rule language of the contract, section 3.
mod algebra;
mod automaton;
mod decide;
pub mod model;
mod pattern;
pub mod proof;
mod role;
mod validate;

pub use algebra::{includes, overlaps};
pub use automaton::{Automaton, Globs, Keep, Place};
pub use decide::{CommandDecision, Decision, Engine, Subject};
pub use pattern::{Pattern, literal};
pub use role::{Evaluation, Matching, Mode, RiskPolicy, Role, Rule, RuleAction, Target, When};
pub use validate::{Problem, validate};
