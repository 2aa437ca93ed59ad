//! policy.yaml of capability mappings: which tools do what an agent's card lets it do, and which never.
mod card;
mod document;
mod evaluate;
mod merge;
mod role;
mod starter;
mod update;

pub use card::read_card;
pub use document::{
    Defaults, EnforcementMode, Forbidden, GRACE_HOURS, Mapping, Meta, PolicyFile, Scope, Severity,
    Trigger, TriggerAction, Unmapped, is_policy_json, read_file,
};
pub use evaluate::{
    Card, Coverage, Evaluated, Finding, FindingKind, Known, Verdict, coverage, evaluate,
};
pub use merge::{Floor, merge};
pub use role::is_of_its_system;
pub use starter::starter;

use super::{Besides, Invalid, Read, Written, tree::Node, yaml};
use crate::policy::Role;

pub(super) fn read_yaml(text: &str) -> Result<Read, Vec<Invalid>> {
    document::read(&yaml::read(text)?).map(|file| role::role(&file))
}

pub(super) fn read_json(text: &str) -> Result<Read, Vec<Invalid>> {
    document::read(&Node::from_json(text)?).map(|file| role::role(&file))
}

pub(super) fn write_yaml(role: &Role, _: &Besides<'_>) -> Written {
    let (file, written) = role::file(role, &role::Covered::new());
    Written { text: file.to_yaml(), ..written }
}

pub(super) fn write_json(role: &Role, _: &Besides<'_>) -> Written {
    let (file, written) = role::file(role, &role::Covered::new());
    Written { text: file.to_json(), ..written }
}

pub(super) fn update_yaml(
    role: &Role,
    _: &Besides<'_>,
    existing: &str,
) -> Result<Written, Vec<Invalid>> {
    update::update(role, existing, false)
}

pub(super) fn update_json(
    role: &Role,
    _: &Besides<'_>,
    existing: &str,
) -> Result<Written, Vec<Invalid>> {
    update::update(role, existing, true)
}
