//! What a rule may look at besides the line: who acts, on what, and under which circumstances.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::events::text_forms;

/// A key of `when` that is no variable of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// The agent, such as `Claude Code`; a glob.
    Agent,
    /// The agent's session; a glob.
    Session,
    /// Whose host or agent it is: the account, else the host's variable `owner`; a glob.
    Owner,
    /// Which team it belongs to, else the host's variable `team`; a glob.
    Team,
    /// Where it runs, else the host's variable `env`.
    Environment,
    /// What is done; together with `resource_type`, to the same thing.
    ActionType,
    /// What it is done to.
    ResourceType,
    /// A path among the arguments, as written or made absolute; a glob.
    ResourcePath,
    /// What kind of data it is about.
    DataClass,
    /// What speaks of danger: effects by name, `redacted`, `unresolved`.
    RiskSignal,
    /// What is at stake.
    RiskLevel,
    /// How far it goes with what it touches.
    Access,
    /// What a person has said of it.
    Approval,
}

text_forms!(Input {
    Agent = "agent",
    Session = "session",
    Owner = "owner",
    Team = "team",
    Environment = "environment",
    ActionType = "action_type",
    ResourceType = "resource_type",
    ResourcePath = "resource_path",
    DataClass = "data_class",
    RiskSignal = "risk_signal",
    RiskLevel = "risk_level",
    Access = "access",
    Approval = "approval",
});

/// The value of `when` that stands for "not known".
pub const NOT_KNOWN: &str = "none";

impl Input {
    /// Whether values of this key are globs over free text.
    pub const fn is_glob(self) -> bool {
        matches!(self, Self::Agent | Self::Session | Self::Owner | Self::Team | Self::ResourcePath)
    }

    /// The host's variable that gives the value where the action brings none.
    pub const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Owner => Some("owner"),
            Self::Team => Some("team"),
            Self::Environment => Some("env"),
            _ => None,
        }
    }

    /// Every word that may stand in `when`, besides [`NOT_KNOWN`]; `None` where any text may.
    pub fn words(self) -> Option<Vec<&'static str>> {
        Some(match self {
            Self::ActionType => ActionType::ALL.iter().map(|it| it.as_str()).collect(),
            Self::ResourceType => ResourceType::ALL.iter().map(|it| it.as_str()).collect(),
            Self::DataClass => DataClass::ALL.iter().map(|it| it.as_str()).collect(),
            Self::RiskLevel => RiskLevel::ALL.iter().map(|it| it.as_str()).collect(),
            Self::Access => Access::ALL.iter().map(|it| it.as_str()).collect(),
            Self::Approval => Approval::ALL.iter().map(|it| it.as_str()).collect(),
            _ => return None,
        })
    }
}

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionType {
    /// It is looked at.
    Read,
    /// It is made or changed.
    Write,
    /// It is removed.
    Delete,
    /// It runs.
    Execute,
    /// It goes to others.
    Send,
    /// Nobody here knows.
    Unknown,
}

text_forms!(ActionType {
    Read = "read",
    Write = "write",
    Delete = "delete",
    Execute = "execute",
    Send = "send",
    Unknown = "unknown",
});

/// What something is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    /// Files of this machine.
    File,
    /// Credentials, keys, histories.
    Secret,
    /// Other machines, by network.
    Network,
    /// Programs that run, or are to run.
    Process,
    /// Accounts and their rights.
    Account,
    /// Software of other people.
    Package,
    /// History, branches, issues.
    Repository,
    /// Clusters, clouds, containers, services.
    Infrastructure,
    /// Data and schema of databases.
    Database,
    /// Nobody here knows.
    Unknown,
}

text_forms!(ResourceType {
    File = "file",
    Secret = "secret",
    Network = "network",
    Process = "process",
    Account = "account",
    Package = "package",
    Repository = "repository",
    Infrastructure = "infrastructure",
    Database = "database",
    Unknown = "unknown",
});

/// What kind of data something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// Files below the working directory.
    Workspace,
    /// Files of the operating system.
    System,
    /// Data of people: messages, browsers, mail.
    Personal,
    /// Credentials, keys, tokens, shell histories.
    Secret,
}

text_forms!(DataClass {
    Workspace = "workspace",
    System = "system",
    Personal = "personal",
    Secret = "secret",
});

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

/// How far something goes with what it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It looks and computes, and changes, sends or runs nothing; files that its program opens are commands
    /// beside it.
    Read,
    /// It runs checks that a project has of itself: builds, tests, type checkers, linters; or it looks at what
    /// that serves on this machine.
    Check,
    /// It changes the work at hand: what version control keeps, texts of issues, files that are not hidden, each
    /// by its name, and what is temporary.
    Edit,
}

text_forms!(Access { Read = "read", Check = "check", Edit = "edit" });

/// What a person has said of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nobody was asked.
    #[default]
    None,
    /// Somebody was asked and has not answered.
    Pending,
    /// Somebody said yes.
    Granted,
    /// Somebody said no.
    Denied,
}

text_forms!(Approval {
    None = "none",
    Pending = "pending",
    Granted = "granted",
    Denied = "denied",
});

/// Who acts and under which circumstances. What is `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inputs {
    /// The agent.
    pub agent: Option<String>,
    /// Its session.
    pub session: Option<String>,
    /// Whose host or agent it is.
    pub owner: Option<String>,
    /// Which team it belongs to.
    pub team: Option<String>,
    /// Where it runs.
    pub environment: Option<String>,
    /// What a person has said.
    pub approval: Approval,
}

/// What is known of a command or call by whoever can judge it; the engine itself judges nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// What is done, to what.
    pub acts: BTreeSet<(ActionType, ResourceType)>,
    /// Paths among the arguments, as written and made absolute.
    pub paths: BTreeSet<String>,
    /// What kinds of data it is about.
    pub data_classes: BTreeSet<DataClass>,
    /// What speaks of danger, by name.
    pub risk_signals: BTreeSet<&'static str>,
    /// What is at stake.
    pub risk_level: Option<RiskLevel>,
    /// How far it goes, where all that it does is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}

impl Facts {
    /// Adds what is known of something else: both happen. Of the two together nothing is known
    /// to be all.
    pub fn add(&mut self, other: &Self) {
        self.acts.extend(&other.acts);
        self.paths.extend(other.paths.iter().cloned());
        self.data_classes.extend(&other.data_classes);
        self.risk_signals.extend(&other.risk_signals);
        self.risk_level = self.risk_level.max(other.risk_level);
        self.access = None;
    }
}

/// Everything besides the lines of an action that a decision looks at.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Who acts.
    pub inputs: &'a Inputs,
    /// Of each inner command, in the order of the reading; nothing is known of those that are
    /// missing.
    pub commands: &'a [Facts],
    /// Of the whole.
    pub whole: &'a Facts,
}

static NO_INPUTS: Inputs = Inputs {
    agent: None,
    session: None,
    owner: None,
    team: None,
    environment: None,
    approval: Approval::None,
};

static NO_FACTS: Facts = Facts {
    acts: BTreeSet::new(),
    paths: BTreeSet::new(),
    data_classes: BTreeSet::new(),
    risk_signals: BTreeSet::new(),
    risk_level: None,
    access: None,
};

impl Circumstances<'static> {
    /// Nothing is known but the lines.
    pub const UNKNOWN: Self = Self { inputs: &NO_INPUTS, commands: &[], whole: &NO_FACTS };
}

impl<'a> Circumstances<'a> {
    /// The facts of the inner command at `idx`.
    pub(super) fn command(&self, idx: usize) -> &'a Facts {
        self.commands.get(idx).unwrap_or(&NO_FACTS)
    }
}
