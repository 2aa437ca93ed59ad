//! Events as they lie in the columns of the lake: looked at where they are, copied where they are wanted.
use polars::prelude::{DataFrame, Int32Chunked, PolarsResult};

use super::scan::Table;
use crate::{
    commands::split,
    events::{Event, EventType, Outcome, Severity, Timestamp},
};

/// One event of the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The event, its role the one it counts for.
    pub event: Event,
    /// Its canonical command line.
    pub command: Option<String>,
    /// The file it came from.
    pub source: String,
}

/// One event of the lake, of which nothing is copied.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its id.
    pub event_id: &'a str,
    /// When.
    pub timestamp: Timestamp,
    /// The host.
    pub hostname: &'a str,
    /// What kind of action.
    pub event_type: EventType,
    /// As invoked, may be a path.
    pub binary: Option<&'a str>,
    /// The canonical command line.
    pub command: Option<&'a str>,
    /// What became of it.
    pub decision: Outcome,
    /// The pattern that decided.
    pub rule: Option<&'a str>,
    /// The agent.
    pub agent: Option<&'a str>,
    /// As recorded.
    pub severity: Option<Severity>,
    /// The role it counts for.
    pub role: Option<&'a str>,
    /// The session.
    pub session_id: Option<&'a str>,
    /// Working directory.
    pub cwd: Option<&'a str>,
    /// The account.
    pub user: Option<&'a str>,
    /// MCP server.
    pub mcp_server: Option<&'a str>,
    /// MCP tool.
    pub mcp_tool: Option<&'a str>,
    /// Arguments of the call, a JSON object.
    pub mcp_arguments: Option<&'a str>,
    /// Remote MCP endpoint.
    pub endpoint: Option<&'a str>,
    /// Trust in it.
    pub trust_score: Option<u8>,
    /// The file it came from.
    pub source: &'a str,
}

impl View<'_> {
    /// The argument vector: the canonical line taken apart, its first word as invoked.
    pub fn argv(&self) -> Vec<String> {
        let mut argv = self.command.and_then(split).unwrap_or_default();
        if let (Some(first), Some(binary)) = (argv.first_mut(), self.binary) {
            binary.clone_into(first);
        }
        argv
    }

    /// A copy of all of it.
    pub fn record(&self) -> Record {
        let text = |it: Option<&str>| it.map(ToOwned::to_owned);
        let event = Event {
            event_id: self.event_id.to_owned(),
            timestamp: self.timestamp,
            hostname: self.hostname.to_owned(),
            event_type: self.event_type,
            binary: text(self.binary),
            argv: self.argv(),
            decision: self.decision,
            rule: text(self.rule),
            agent: text(self.agent),
            severity: self.severity,
            role: text(self.role),
            session_id: text(self.session_id),
            cwd: text(self.cwd),
            user: text(self.user),
            mcp_server: text(self.mcp_server),
            mcp_tool: text(self.mcp_tool),
            mcp_arguments: text(self.mcp_arguments),
            endpoint: text(self.endpoint),
            trust_score: self.trust_score,
        };
        Record { event, command: text(self.command), source: self.source.to_owned() }
    }
}

/// The columns of a view besides its time; the argument vector is in `binary` and `command`.
pub(super) const VIEWED: [&str; 19] = [
    "event_id",
    "hostname",
    "event_type",
    "binary",
    "command",
    "decision",
    "rule",
    "agent",
    "severity",
    "role",
    "session_id",
    "cwd",
    "user",
    "mcp_server",
    "mcp_tool",
    "mcp_arguments",
    "endpoint",
    "trust_score",
    "source",
];

/// Shows every row of a frame to `each`.
pub(super) fn each_view(frame: &DataFrame, each: &mut dyn FnMut(&View<'_>)) -> PolarsResult<()> {
    let rows = Table::new(frame);
    let at = rows.number("timestamp")?;
    let trust: &Int32Chunked = frame.column("trust_score")?.i32()?;
    macro_rules! texts {
        ($($name:ident),+ $(,)?) => { $(let $name = rows.text(stringify!($name))?;)+ };
    }
    texts!(event_id, hostname, event_type, binary, command, decision, rule, agent, severity, role);
    texts!(session_id, cwd, user, mcp_server, mcp_tool, mcp_arguments, endpoint, source);
    for idx in 0..frame.height() {
        let kind = event_type.get(idx).and_then(EventType::parse);
        let outcome = decision.get(idx).and_then(Outcome::parse);
        each(&View {
            event_id: event_id.get(idx).unwrap_or_default(),
            timestamp: Timestamp(at.get(idx).unwrap_or_default()),
            hostname: hostname.get(idx).unwrap_or_default(),
            event_type: kind.unwrap_or(EventType::CommandExecution),
            binary: binary.get(idx),
            command: command.get(idx),
            decision: outcome.unwrap_or(Outcome::Allowed),
            rule: rule.get(idx),
            agent: agent.get(idx),
            severity: severity.get(idx).and_then(Severity::parse),
            role: role.get(idx),
            session_id: session_id.get(idx),
            cwd: cwd.get(idx),
            user: user.get(idx),
            mcp_server: mcp_server.get(idx),
            mcp_tool: mcp_tool.get(idx),
            mcp_arguments: mcp_arguments.get(idx),
            endpoint: endpoint.get(idx),
            trust_score: trust.get(idx).and_then(|it| u8::try_from(it).ok()),
            source: source.get(idx).unwrap_or_default(),
        });
    }
    Ok(())
}
