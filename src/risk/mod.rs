//! What a command can do, and what it must never be let do.
mod access;
pub mod acts;
mod effect;
mod effects;
mod facts;
mod guards;
pub mod lint;
mod mcp;
mod place;
mod secrets;
mod severity;

pub use access::access;
pub use effect::{Effect, Effects, level, stake};
pub use effects::effects;
pub use facts::{
    approver_role, call_facts, command_facts, mark_unresolved, reading_facts, risk_score,
    risk_signals, signal_problems,
};
pub use guards::{
    BUILTIN_ROLE, FENCE, Guard, GuardClass, RoleGuard, builtin_role, guard_patterns, guards, prose,
    role_guards,
};
pub use mcp::{call_effects, mcp_effects};
pub use place::{Place, place};
pub use secrets::is_secret_path;
pub use severity::{DeclaredRisks, declared_level, guarded_level, severity};

pub use crate::policy::RiskLevel;
