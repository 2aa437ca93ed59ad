//! Roles and the files they come from and go to; one file a format, one line in [`FORMATS`].
mod cedar;
mod cedar_expr;
mod cedar_text;
mod cedar_when;
mod circumstances;
mod claude_code;
mod codex;
mod equivalence;
pub mod interven;
mod ordered;
mod patch;
pub mod policy_yaml;
mod reach;
mod rego;
mod restate;
mod role_json;
mod scan;
mod tool_glob;
mod tree;
mod truvant;
mod yaml;

use serde::Serialize;

pub use equivalence::{Differing, Equivalence, equivalence};
pub use patch::unified;
pub use restate::restated;
pub use role_json::{BadRoleFile, Invalid, RoleDocument, load_role, load_text, read_role};
pub use tool_glob::tool_matches;

use crate::policy::{Role, Target};

/// What a document says, as a role.
#[derive(Clone, Debug)]
pub struct Read {
    /// The role that decides as the document does, but for the losses.
    pub role: Role,
    /// What of the document no role can say.
    pub losses: Vec<Loss>,
    /// What else the role does not say, or says for itself: no decision on what the document is
    /// about hangs on it.
    pub notes: Vec<String>,
    /// The values of variables that the document brings along.
    pub variables: Vec<Variable>,
}

impl Read {
    fn exact(role: Role) -> Self {
        Self { role, losses: Vec::new(), notes: Vec::new(), variables: Vec::new() }
    }
}

/// A role as a document of some format.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The document.
    pub text: String,
    /// What of the role's decisions it does not say.
    pub losses: Vec<Loss>,
    /// What else it does not say: nothing is decided by that.
    pub notes: Vec<String>,
}

/// What a format could not say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Loss {
    /// Such as `rules[3]` or `default_action`.
    pub field: String,
    /// The pattern, or what else it is about.
    pub what: String,
    /// Why, and what is said in its place.
    pub why: String,
    /// What becomes of the decisions.
    pub effect: Effect,
}

/// Losses with one line for each field: of the worse effect, where a field has several.
pub fn by_field(losses: Vec<Loss>) -> Vec<Loss> {
    let mut res: Vec<Loss> = Vec::with_capacity(losses.len());
    for it in losses {
        match res.iter_mut().find(|known| known.field == it.field && is_one_rule(&it.field)) {
            Some(known) => {
                known.why = format!("{}; then {}", known.why, it.why);
                known.effect = known.effect.max(it.effect);
            }
            None => res.push(it),
        }
    }
    res
}

/// Whether a field is a rule of a role, not a part of one.
fn is_one_rule(field: &str) -> bool {
    (field.starts_with("rules[") || field.starts_with("mcp_rules[")) && field.ends_with(']')
}

/// What a loss does to decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// They stay as they are; what is said of them, or done with the document, does not.
    Same,
    /// Some become stricter, none milder.
    Stricter,
    /// Some become milder.
    Milder,
}

/// One value of a variable, and the hosts that have it, by regular expressions over their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// `env` for `{{env}}`.
    pub name: String,
    /// Its value on those hosts.
    pub value: String,
    /// One that matches is enough.
    pub patterns: Vec<String>,
    /// Whether it came with the program.
    pub builtin: bool,
}

/// What a writer may put in besides the role.
#[derive(Clone, Copy, Debug, Default)]
pub struct Besides<'a> {
    /// Canonical lines that were seen, for formats whose rules carry examples.
    pub examples: &'a [String],
    /// Values of variables, for formats that bring them along.
    pub variables: &'a [Variable],
}

/// Writes a role into a document that is there and says more than the role does: that stays.
pub type Update = fn(&Role, &Besides<'_>, &str) -> Result<Written, Vec<Invalid>>;

/// A policy format.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFormat {
    /// Such as `claude-code`.
    pub name: &'static str,
    /// Whose it is, for people.
    pub title: &'static str,
    /// Where a repository keeps it.
    pub file: &'static str,
    /// What it decides on.
    pub targets: &'static [Target],
    /// Reads a document; every problem with line and field.
    pub read: fn(&str) -> Result<Read, Vec<Invalid>>,
    /// Writes a document.
    pub write: fn(&Role, &Besides<'_>) -> Written,
    /// For formats whose documents say more than a role does.
    pub update: Option<Update>,
}

/// What is said of roles that come from documents about calls alone.
const NO_COMMANDS: &str = "commands: the document is about calls alone, so the role's default denies every command; \
                           give it rules for commands before it is enforced";

const BOTH: &[Target] = &[Target::Command, Target::Mcp];

/// Every policy format.
#[rustfmt::skip]
pub const FORMATS: &[PolicyFormat] = &[
    PolicyFormat { name: "role", title: "roles of this program, JSON", file: "role.json", targets: BOTH, read: role_json::read, write: role_json::write, update: None },
    PolicyFormat { name: "truvant", title: "Truvant role, JSON", file: "role.truvant.json", targets: BOTH, read: truvant::read_json, write: truvant::write_json, update: None },
    PolicyFormat { name: "truvant-yaml", title: "Truvant role, YAML", file: "role.truvant.yaml", targets: BOTH, read: truvant::read_yaml, write: truvant::write_yaml, update: None },
    PolicyFormat { name: "policy-yaml", title: "policy.yaml of capability mappings", file: "policy.yaml", targets: &[Target::Mcp], read: policy_yaml::read_yaml, write: policy_yaml::write_yaml, update: Some(policy_yaml::update_yaml) },
    PolicyFormat { name: "policy-json", title: "the same as JSON", file: "policy.json", targets: &[Target::Mcp], read: policy_yaml::read_json, write: policy_yaml::write_json, update: Some(policy_yaml::update_json) },
    PolicyFormat { name: "interven", title: "Interven rules, JSON", file: "interven.json", targets: &[Target::Mcp], read: interven::read, write: interven::write, update: None },
    PolicyFormat { name: "claude-code", title: "Claude Code permissions", file: ".claude/settings.json", targets: BOTH, read: claude_code::read, write: claude_code::write, update: Some(claude_code::update) },
    PolicyFormat { name: "codex", title: "Codex prefix rules", file: ".codex/rules/default.rules", targets: &[Target::Command], read: codex::read, write: codex::write, update: None },
    PolicyFormat { name: "cedar", title: "Cedar policies", file: "policy.cedar", targets: BOTH, read: cedar::read, write: cedar::write, update: None },
    PolicyFormat { name: "rego", title: "OPA, a Rego module", file: "policy.rego", targets: BOTH, read: rego::read, write: rego::write, update: None },
];

impl PolicyFormat {
    /// The format of a name.
    pub fn parse(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|it| it.name == name)
    }
}

/// The command or call that every rule of a list stands for, by its place from 0: `rules[3]`.
fn field(target: Target, idx: usize) -> String {
    match target {
        Target::Command => format!("rules[{idx}]"),
        Target::Mcp => format!("mcp_rules[{idx}]"),
    }
}
