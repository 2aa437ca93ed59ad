//! A role and its rules, in the shape that `roles export` prints and `roles import` reads.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RiskLevel;
use crate::events::text_forms;

/// What a rule does with what it matches, mildest first: the order is the strictness order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Let it run, log it.
    Allow,
    /// Let it run, tell security.
    Alert,
    /// Let it run with sensitive values removed.
    Redact,
    /// Wait for a person.
    RequireApproval,
    /// Stop it.
    Deny,
    /// Stop it and end the session.
    Terminate,
}

text_forms!(RuleAction {
    Allow = "allow",
    Alert = "alert",
    Redact = "redact",
    RequireApproval = "require_approval",
    Deny = "deny",
    Terminate = "terminate",
});

impl RuleAction {
    /// Whether the action runs without waiting for anyone.
    pub const fn passes(self) -> bool {
        matches!(self, Self::Allow | Self::Alert | Self::Redact)
    }

    /// Whether the action does not run, whoever is asked.
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Deny | Self::Terminate)
    }
}

/// Whether a role only records or also stops.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Record only.
    #[default]
    Monitor,
    /// Stop what the rules deny.
    Enforce,
}

text_forms!(Mode { Monitor = "monitor", Enforce = "enforce" });

/// Which of a role's two rule lists a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// `rules`.
    Command,
    /// `mcp_rules`.
    Mcp,
}

text_forms!(Target { Command = "command", Mcp = "mcp" });

/// How several matching rules become one decision.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Evaluation {
    /// The first rule that matches decides.
    #[default]
    FirstMatch,
    /// Of all rules that match, the strictest decides.
    DenyOverrides,
}

text_forms!(Evaluation { FirstMatch = "first_match", DenyOverrides = "deny_overrides" });

/// Whether scripts and wrappers are expanded before rules are tried.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// Every inner command is decided on its own; the strictest decision counts.
    #[default]
    Expanded,
    /// The raw vector is matched as it stands.
    Literal,
}

text_forms!(Matching { Expanded = "expanded", Literal = "literal" });

/// When a rule applies: a variable of the host or an [`Input`](super::Input) by name -> one of these
/// values; all of them have to hold. [`NOT_KNOWN`](super::NOT_KNOWN) is the value of what nobody
/// knows. Empty: always.
pub type When = BTreeMap<String, Vec<String>>;

/// A pattern and what happens to what it matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable within the role; given by the store where empty.
    #[serde(default)]
    pub rule_id: String,
    /// A glob over the whole canonical command line, or over `server/tool`.
    pub pattern: String,
    /// What happens.
    pub action: RuleAction,
    /// On which hosts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: When,
    /// How bad it is where it stops something, as whoever wrote it declares; it decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskLevel>,
    /// Why it is there, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
}

impl Rule {
    /// A rule for every host, without id, declared risk or rationale.
    pub fn new(pattern: &str, action: RuleAction) -> Self {
        Self {
            rule_id: String::new(),
            pattern: pattern.to_owned(),
            action,
            when: When::new(),
            risk: None,
            rationale: None,
        }
    }
}

/// What is allowed whatever the rules say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskPolicy {
    /// Remote MCP endpoints below this trust, 0 to 100, are denied.
    #[serde(default)]
    pub trust_threshold: Option<u8>,
}

/// A named policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Unique in the organization.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Record or stop.
    #[serde(default)]
    pub mode: Mode,
    /// What happens where no rule matches.
    #[serde(default = "deny")]
    pub default_action: RuleAction,
    /// First match or strictest.
    #[serde(default)]
    pub evaluation: Evaluation,
    /// Expanded or literal.
    #[serde(default)]
    pub matching: Matching,
    /// Command rules, in order.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// MCP rules over `server/tool`, in order.
    #[serde(default)]
    pub mcp_rules: Vec<Rule>,
    /// Thresholds.
    #[serde(default)]
    pub risk_policy: RiskPolicy,
    /// Counts up from 1 with every change of the rules.
    #[serde(default)]
    pub revision: u64,
}

const fn deny() -> RuleAction {
    RuleAction::Deny
}

impl Role {
    /// Its rules for commands or for MCP calls, in order.
    pub fn list(&self, target: Target) -> &[Rule] {
        match target {
            Target::Command => &self.rules,
            Target::Mcp => &self.mcp_rules,
        }
    }

    /// A role without rules, in monitor mode, that denies what no rule matches.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            mode: Mode::Monitor,
            default_action: RuleAction::Deny,
            evaluation: Evaluation::FirstMatch,
            matching: Matching::Expanded,
            rules: Vec::new(),
            mcp_rules: Vec::new(),
            risk_policy: RiskPolicy::default(),
            revision: 1,
        }
    }
}
