//! What is allowed: the rule language of the contract, section 3.
mod role;

pub use role::{Evaluation, Matching, Mode, RiskPolicy, Role, Rule, RuleAction, When};
