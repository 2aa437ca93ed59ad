//! One simulated event, as the signal schema writes it.
use serde::Serialize;
use serde_json::value::RawValue;

/// An event of the signal schema 1.0, ready to be written as one line of JSON.
#[derive(Debug, Serialize)]
pub struct Signal {
    /// Always `1.0`.
    pub schema_version: &'static str,
    /// Unique in the fleet.
    pub event_id: String,
    /// RFC 3339, UTC, with milliseconds.
    pub timestamp: String,
    /// The host.
    pub hostname: String,
    /// As the schema names it.
    pub event_type: &'static str,
    /// Commands: `argv[0]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// Commands: the vector.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// As the schema names it.
    pub decision: &'static str,
    /// The rule that decided, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// The agent.
    pub agent: &'static str,
    /// How serious the enforcement agent thought it to be.
    pub severity: &'static str,
    /// The role of the host.
    pub role: &'static str,
    /// The agent's session.
    pub session_id: String,
    /// Working directory.
    pub cwd: String,
    /// The account.
    pub user: &'static str,
    /// MCP calls: the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_server: Option<&'static str>,
    /// MCP calls: the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_tool: Option<&'static str>,
    /// MCP calls: the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_arguments: Option<Box<RawValue>>,
    /// MCP calls over the network: where to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<&'static str>,
    /// MCP calls over the network: trust, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_score: Option<u8>,
}

/// What happened, apart from when and where.
#[derive(Debug)]
pub(super) struct Deed {
    pub(super) event_type: &'static str,
    pub(super) argv: Vec<String>,
    pub(super) call: Option<(super::work::Call, String)>,
    pub(super) decision: &'static str,
    pub(super) rule: Option<&'static str>,
    pub(super) severity: &'static str,
}

impl Deed {
    /// A command that ran.
    pub(super) const fn command(argv: Vec<String>) -> Self {
        Self {
            event_type: "command_execution",
            argv,
            call: None,
            decision: "allowed",
            rule: None,
            severity: "info",
        }
    }

    /// An MCP call that went through; the arguments are JSON.
    pub(super) fn call(call: super::work::Call, arguments: String) -> Self {
        let call = Some((call, arguments));
        Self { event_type: "mcp_tool_call", call, ..Self::command(Vec::new()) }
    }
}
