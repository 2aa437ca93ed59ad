//! What a command can do, and what it must never be let do.
pub mod acts;
mod effect;
mod effects;
mod guards;
pub mod lint;
mod mcp;
mod secrets;

pub use effect::{Effect, Effects, level};
pub use effects::effects;
pub use guards::{
    BUILTIN_ROLE, Guard, GuardClass, builtin_role, guard_patterns, guards, role_guards,
};
pub use mcp::mcp_effects;
pub use secrets::is_secret_path;

use serde::{Deserialize, Serialize};

use crate::events::text_forms;

/// What is at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// Reads, or changes that are easily undone.
    Low,
    /// Changes inside the workspace.
    Medium,
    /// Changes outside it, or work that would stop.
    High,
    /// Cannot be undone, or gives away secrets or control.
    Critical,
}

text_forms!(RiskLevel { Low = "low", Medium = "medium", High = "high", Critical = "critical" });
