//! policy.yaml of capability mappings: which tools do what an agent's card lets it do, and which never.
mod card;
mod document;
mod evaluate;
mod merge;
mod role;
mod starter;

pub use card::read_card;
pub use document::{
    Defaults, EnforcementMode, Forbidden, Mapping, Meta, PolicyFile, Scope, Severity, Trigger,
    TriggerAction, Unmapped, read_file,
};
pub use evaluate::{
    Card, Coverage, Evaluated, Finding, FindingKind, Known, Verdict, coverage, evaluate,
};
pub use merge::{Floor, merge};
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
    let (file, written) = role::file(role);
    Written { text: file.to_yaml(), ..written }
}

pub(super) fn write_json(role: &Role, _: &Besides<'_>) -> Written {
    let (file, written) = role::file(role);
    Written { text: file.to_json(), ..written }
}
