//! What is allowed: the rule language of the contract, section 3.
mod algebra;
mod automaton;
mod decide;
mod explain;
mod heads;
mod inputs;
mod meet;
mod merge;
mod merge_when;
mod nearest;
pub mod model;
mod pattern;
pub mod proof;
mod role;
mod through;
mod validate;
mod when;

pub use algebra::{includes, overlaps};
pub use automaton::{Automaton, Globs, Keep, Place};
pub use decide::{CommandDecision, Decision, Engine, Subject};
pub use explain::{LineKind, LineSteps, Step, StepOutcome, explain_call, explain_command};
pub use heads::Heads;
pub use inputs::{
    Access, ActionType, Approval, Circumstances, DataClass, Facts, Input, Inputs, NOT_KNOWN,
    ResourceType, RiskLevel,
};
pub use merge::{Merged, Stricter, Weakened, merge};
pub use nearest::{Nearest, nearest_call, nearest_command};
pub use pattern::{Pattern, literal};
pub use role::{Evaluation, Matching, Mode, RiskPolicy, Role, Rule, RuleAction, Target, When};
pub use through::lets_through;
pub use validate::{Problem, validate};
pub use when::{access_of, of_access};
