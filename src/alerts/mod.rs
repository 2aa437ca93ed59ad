//! What a person should look at: alerts from events, batches and tools that are new, and what becomes
//! of them.
mod arrivals;
mod ran;
mod rules;
mod watch;

use serde::{Deserialize, Serialize};

use crate::events::{Severity, Timestamp, text_forms};

pub use arrivals::{calls_of, lets_through, may_install};
pub use rules::{AlertRule, Rules};
pub use watch::{Noticed, Watch, of_anomaly};

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Policy files or the enforcement agent were tampered with; one alert a host and rule.
    PolicyIntegrity,
    /// The configuration of an agent changed; one a host, agent and MCP server.
    ConfigChange,
    /// A command or MCP call was stopped, or would have been and is critical; one a role, rule and tool
    /// with its subcommand, as they stand within scripts and wrappers.
    BlockedCommand,
    /// An agent used a tool that it does not declare; one an agent and tool.
    UndeclaredTool,
    /// An MCP server that nobody has approved yet; one a server until it is decided about, and again where
    /// one that was blocked is used or configured, or one that was dismissed is configured.
    NewServer,
    /// A plugin, by the MCP servers that come with it, its files, or the command that installs it, that nobody
    /// has approved yet; as for servers.
    NewPlugin,
    /// Trust in a remote MCP endpoint is below the threshold of the role; one a role and endpoint.
    EndpointTrust,
    /// An anomaly of high risk that came with a batch; one a role and subject.
    Anomaly,
}

text_forms!(AlertKind {
    PolicyIntegrity = "policy_integrity",
    ConfigChange = "config_change",
    BlockedCommand = "blocked_command",
    UndeclaredTool = "undeclared_tool",
    NewServer = "new_server",
    NewPlugin = "new_plugin",
    EndpointTrust = "endpoint_trust",
    Anomaly = "anomaly",
});

impl AlertKind {
    /// Whether it is about something new that is approved, blocked or dismissed.
    pub const fn is_arrival(self) -> bool {
        matches!(self, Self::NewServer | Self::NewPlugin)
    }
}

/// How far people are with an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has looked at it.
    Open,
    /// Somebody has it in hand.
    Acknowledged,
    /// It was handed to somebody who can do more.
    Escalated,
    /// It is over; kept for the record.
    Resolved,
}

text_forms!(AlertState {
    Open = "open",
    Acknowledged = "acknowledged",
    Escalated = "escalated",
    Resolved = "resolved",
});

/// How an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// What was to be done is done.
    Handled,
    /// A new server or plugin may be used.
    Approved,
    /// A new server or plugin may not be used: every role denies its tools from then on.
    Blocked,
    /// A new server or plugin, and no decision about it: the next change of its configuration is an alert.
    Dismissed,
}

text_forms!(Resolution {
    Handled = "handled",
    Approved = "approved",
    Blocked = "blocked",
    Dismissed = "dismissed",
});

/// What a person does with an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes it in hand.
    Acknowledge,
    /// Hands it on.
    Escalate,
    /// Ends it.
    Resolve(Resolution),
}

/// Why a step cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStep {
    /// It is over.
    #[error(
        "alert `{0}` is resolved already\nhint: `advisor alerts show {0}` says by whom and why"
    )]
    Over(String),
    /// A new server or plugin has to be decided about.
    #[error(
        "alert `{0}` is about a new server or plugin, which is approved, blocked or dismissed\n\
         hint: `advisor alerts approve {0}`, `block` or `dismiss`"
    )]
    NeedsDecision(String),
    /// There is nothing to decide about.
    #[error(
        "alert `{0}` is about no new server or plugin\nhint: `advisor alerts resolve {0}` ends it"
    )]
    NothingToDecide(String),
}

/// An alert: something noticed once or often, one line of `audit_alerts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Of its kind, what it is about, and how often that was an alert before.
    pub alert_id: String,
    /// What it is about.
    pub kind: AlertKind,
    /// The most serious of what was noticed.
    pub severity: Severity,
    /// How far people are with it.
    pub state: AlertState,
    /// How it ended.
    pub resolution: Option<Resolution>,
    /// The role, where it is about one.
    pub role: Option<String>,
    /// The host, of several the first.
    pub hostname: Option<String>,
    /// One sentence; text of events in it is as it came.
    pub message: String,
    /// How many events it stands on.
    pub events: u64,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// Time of its last event.
    pub last_seen_at: Timestamp,
    /// What it is about and examples.
    pub detail: Detail,
    /// When its state changed last.
    pub changed_at: Option<Timestamp>,
    /// Who changed it.
    pub changed_by: Option<String>,
    /// What they had to say.
    pub note: Option<String>,
}

/// A step that somebody took with an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenStep {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The state after it.
    pub state: AlertState,
    /// How the alert ended with it.
    pub resolution: Option<Resolution>,
    /// What they had to say.
    pub note: Option<String>,
}

/// What an alert is about, and what to look up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The tool, server, endpoint or rule.
    pub subject: String,
    /// Lines, redacted, at most three.
    pub examples: Vec<String>,
    /// Ids of some of its events, at most five; `advisor audit --text ID` shows one.
    pub event_ids: Vec<String>,
}

impl Alert {
    /// The state after a step, and how it ended.
    ///
    /// # Errors
    /// Where the alert is over, or the step is none for its kind.
    pub fn after(&self, step: Step) -> Result<(AlertState, Option<Resolution>), BadStep> {
        let id = || self.alert_id.clone();
        if self.state == AlertState::Resolved {
            // Whether something may be used can be decided again, and once more for new roles.
            return match step {
                Step::Resolve(it) if self.kind.is_arrival() && it != Resolution::Handled => {
                    Ok((AlertState::Resolved, Some(it)))
                }
                _ => Err(BadStep::Over(id())),
            };
        }
        match (step, self.kind.is_arrival()) {
            // Whoever it was handed to has it in hand, too.
            (Step::Acknowledge, _) if self.state == AlertState::Escalated => {
                Ok((AlertState::Escalated, None))
            }
            (Step::Acknowledge, _) => Ok((AlertState::Acknowledged, None)),
            (Step::Escalate, _) => Ok((AlertState::Escalated, None)),
            (Step::Resolve(Resolution::Handled), true) => Err(BadStep::NeedsDecision(id())),
            (Step::Resolve(it), false) if it != Resolution::Handled => {
                Err(BadStep::NothingToDecide(id()))
            }
            (Step::Resolve(it), _) => Ok((AlertState::Resolved, Some(it))),
        }
    }
}
