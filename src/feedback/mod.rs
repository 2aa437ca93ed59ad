//! What reviewers made of earlier changes, and what came of these: what an analysis knows besides
//! the activity and the rules.
mod bar;
mod lessons;
mod level;
mod mark;

use std::collections::BTreeMap;

use crate::{
    events::Timestamp,
    policy::{RuleAction, Target},
};

pub use lessons::{Lesson, Lessons, Matter, Proposal, Reply, Topic};
pub use level::Level;
pub use mark::EvidenceMark;

/// What an analysis knows besides the activity and the rules. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Background {
    /// What reviewers decided, in all roles of the organization.
    pub lessons: Lessons,
    /// The end of the window of the last batch that went into the role: what was seen up to then, a
    /// reviewer has looked at.
    pub accepted_until: Option<Timestamp>,
    /// Rules that accepted changes took away, oldest first.
    pub withdrawn: Vec<Withdrawn>,
    /// Since when the role has its rules, by target and pattern.
    pub since: BTreeMap<(Target, String), Timestamp>,
    /// The environment of each host that has one, by name.
    pub environments: BTreeMap<String, String>,
    /// MCP servers and plugins that people have blocked.
    pub blocked: Vec<Blocked>,
}

/// An MCP server or plugin that a person has blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Its name.
    pub name: String,
    /// Whether it is a plugin.
    pub is_plugin: bool,
    /// The patterns of all its calls.
    pub calls: Vec<String>,
}

/// A rule that an accepted change took out of the role, or narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Command or MCP rules.
    pub target: Target,
    /// Its pattern.
    pub pattern: String,
    /// What it did.
    pub action: RuleAction,
    /// Whether narrower rules came in its place.
    pub is_narrowed: bool,
    /// The batch.
    pub batch_id: String,
    /// The change.
    pub change_id: String,
    /// When it went.
    pub at: Timestamp,
}
