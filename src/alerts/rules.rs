//! What alerts are raised, as the configuration says.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::AlertKind;
use crate::{events::Severity, policy::Pattern};

/// `[alerts]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Agent -> globs over names of binaries and over `server/tool`: the tools that it declares. An
    /// agent that is not here declares nothing and is not held to it.
    #[serde(default)]
    pub declared_tools: BTreeMap<String, Vec<String>>,
    /// The first that fits decides; where none does, the alert is raised as it is.
    #[serde(default)]
    pub rules: Vec<AlertRule>,
}

/// Whether some alerts are raised, and how serious they are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// Of this kind; any where empty.
    #[serde(default)]
    pub kind: Option<AlertKind>,
    /// Glob over the command line (of each command within scripts and wrappers), `server/tool`, server,
    /// plugin or endpoint; any where empty.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Glob over the name of the role; any where empty.
    #[serde(default)]
    pub role: Option<String>,
    /// Glob over the name of the host; any where empty.
    #[serde(default)]
    pub host: Option<String>,
    /// Whether they are raised.
    #[serde(default = "yes")]
    pub raise: bool,
    /// How serious they are, instead of what the kind says.
    #[serde(default)]
    pub severity: Option<Severity>,
}

const fn yes() -> bool {
    true
}

/// What rules are asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matter<'a> {
    pub(super) kind: AlertKind,
    /// What patterns are tried on; one that fits is enough.
    pub(super) texts: &'a [String],
    pub(super) role: Option<&'a str>,
    pub(super) host: Option<&'a str>,
}

impl Rules {
    /// How serious an alert is that is `severity` by its kind; `None` where it is not raised.
    pub(super) fn severity(&self, matter: &Matter<'_>, severity: Severity) -> Option<Severity> {
        let Some(rule) = self.rules.iter().find(|it| it.fits(matter)) else {
            return Some(severity);
        };
        rule.raise.then(|| rule.severity.unwrap_or(severity))
    }

    /// Whether an agent declares its tools.
    pub(super) fn declares(&self, agent: &str) -> bool {
        self.declared_tools.contains_key(agent)
    }

    /// Whether an agent declares its tools, and this is none of them.
    pub(super) fn is_undeclared(&self, agent: &str, tool: &str) -> bool {
        let declared = self.declared_tools.get(agent);
        declared.is_some_and(|globs| !globs.iter().any(|it| Pattern::new(it).matches(tool)))
    }
}

impl AlertRule {
    fn fits(&self, matter: &Matter<'_>) -> bool {
        let fits = |glob: &Option<String>, text: Option<&str>| match (glob, text) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(glob), Some(text)) => Pattern::new(glob).matches(text),
        };
        self.kind.is_none_or(|it| it == matter.kind)
            && self.pattern.as_ref().is_none_or(|glob| {
                let glob = Pattern::new(glob);
                matter.texts.iter().any(|text| glob.matches(text))
            })
            && fits(&self.role, matter.role)
            && fits(&self.host, matter.host)
    }
}
