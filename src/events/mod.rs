//! What happened: one action of an AI agent, as the enforcement agent recorded it.
mod redact;
mod tally;
mod time;
mod visible;

use serde::{Deserialize, Serialize};

pub use redact::{
    MARKER_CLOSE, MARKER_OPEN, Planted, Redacted, marker, markers, planted, redact, redact_argv,
    redact_named,
};
pub use tally::{Action, Tally, Unit};
pub use time::{Day, Timestamp};
pub use visible::{visible, visible_json};

/// One event of the signal schema, version 1.x, after validation and redaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique; the same id delivered twice counts once.
    pub event_id: String,
    /// When the enforcement agent evaluated the action.
    pub timestamp: Timestamp,
    /// The host on which it happened.
    pub hostname: String,
    /// What kind of action it was.
    pub event_type: EventType,
    /// As invoked, may be a path; `None` for anything but commands.
    pub binary: Option<String>,
    /// The whole argument vector, `argv[0]` included; empty for anything but commands.
    pub argv: Vec<String>,
    /// What the enforcement agent did with it.
    pub decision: Outcome,
    /// The pattern that decided.
    pub rule: Option<String>,
    /// Such as `Claude Code`.
    pub agent: Option<String>,
    /// As recorded, not judged by us.
    pub severity: Option<Severity>,
    /// The role under which it was evaluated; resolved at ingest where the event has none.
    pub role: Option<String>,
    /// The agent's session.
    pub session_id: Option<String>,
    /// Working directory.
    pub cwd: Option<String>,
    /// The account it ran as.
    pub user: Option<String>,
    /// MCP calls: the server.
    pub mcp_server: Option<String>,
    /// MCP calls: the tool.
    pub mcp_tool: Option<String>,
    /// MCP calls: the arguments, as compact JSON text, redacted.
    pub mcp_arguments: Option<String>,
    /// Remote MCP endpoint.
    pub endpoint: Option<String>,
    /// Trust in the endpoint, 0 to 100.
    pub trust_score: Option<u8>,
}

/// What kind of action an event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A command line.
    CommandExecution,
    /// A call of an MCP tool.
    McpToolCall,
    /// An agent's configuration changed.
    ConfigChange,
    /// Policy files or the shim were tampered with, or found whole.
    PolicyIntegrity,
}

/// What the enforcement agent did with an action: the event's `decision`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran.
    Allowed,
    /// It was stopped.
    Blocked,
    /// It ran, and would have been stopped in enforce mode.
    WouldBlock,
}

/// How serious the enforcement agent thought an event to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Ordinary.
    Info,
    /// Look at it.
    Warning,
    /// Look at it now.
    Critical,
}

/// Gives an enum of unit variants its text forms, the same in JSON, SQL and on the command line.
macro_rules! text_forms {
    ($name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text form, as in JSON and SQL.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of a text form, `None` where there is none.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use text_forms;

text_forms!(EventType {
    CommandExecution = "command_execution",
    McpToolCall = "mcp_tool_call",
    ConfigChange = "config_change",
    PolicyIntegrity = "policy_integrity",
});
text_forms!(Outcome { Allowed = "allowed", Blocked = "blocked", WouldBlock = "would_block" });
text_forms!(Severity { Info = "info", Warning = "warning", Critical = "critical" });
