//! Interven's rules on tool calls: by priority, and a DENY over any ALLOW.
mod document;
mod names;
mod role;
mod starter;

pub use document::{Action, Asked, IntervenPolicy, IntervenRule, Match, read_policy};
pub use names::{is_of, is_same, is_taken};
pub use starter::{BUILTIN, starter_rules};

use super::{Besides, Invalid, Read, Written};
use crate::policy::{Role, RuleAction};

/// The starter rules as a role; they are about calls, so commands pass.
pub fn starter_role() -> Role {
    let mut role = role::role(&starter_rules()).role;
    role.default_action = RuleAction::Allow;
    role
}

pub(super) fn read(text: &str) -> Result<Read, Vec<Invalid>> {
    read_policy(text).map(|policy| role::role(&policy))
}

pub(super) fn write(role: &Role, _: &Besides<'_>) -> Written {
    let (policy, written) = role::policy(role);
    Written { text: policy.to_json(), ..written }
}
